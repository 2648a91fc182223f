package session

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"millrace/exec"
	"millrace/exec/lock"
	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// flights is the schema of the project's examples.
func flights() *catalog.Relation {
	return &catalog.Relation{
		ID: catalog.FirstObjectID, Kind: catalog.KindStream, Schema: catalog.DefaultSchema, Name: "flights", Rowtime: 0,
		Columns: []catalog.Column{
			{Name: "departure", Type: types.Timestamp}, {Name: "origin", Type: types.Text},
			{Name: "destination", Type: types.Text}, {Name: "delay", Type: types.Int4}, {Name: "distance", Type: types.Int4},
		},
	}
}

// copyPlan is COPY target FROM STDIN with all columns.
func copyPlan(target *catalog.Relation, o plan.CopyOptions) *plan.Copy {
	n := &plan.Copy{From: true, Options: o, Target: target}
	for i := range target.Columns {
		n.Columns = append(n.Columns, i)
	}
	return n
}

// recordingBackend keeps what is written and answers nothing else.
type recordingBackend struct {
	exec.Backend
	rows   int64
	pieces int
	// fail makes the write with this number fail, counted from 1.
	fail int
	keep []*types.Batch
	// kept says that batches are copied.
	kept bool
}

func (b *recordingBackend) SetRowIDs(context.Context, *catalog.Relation, *types.Batch) error {
	return nil
}
func (b *recordingBackend) Alive() error               { return nil }
func (b *recordingBackend) NewWriter() exec.Writer     { return b }
func (b *recordingBackend) Locks() exec.Locks          { return exec.LocalLocks(lock.NewManager(nil, nil)) }
func (b *recordingBackend) Close()                     {}
func (b *recordingBackend) Catalog() *catalog.Snapshot { return new(catalog.Snapshot) }

func (b *recordingBackend) Write(_ context.Context, writes []exec.Rows, _ bool) error {
	b.pieces++
	if b.pieces == b.fail {
		return sqlerr.New(sqlerr.DiskFull, -1, "no room")
	}
	for _, write := range writes {
		b.rows += int64(write.Batch.Len)
		if b.kept {
			selection := make([]int32, write.Batch.Len)
			for i := range selection {
				selection[i] = int32(i)
			}
			b.keep = append(b.keep, write.Batch.Select(selection))
		}
	}
	return nil
}

func (b *recordingBackend) WriteDefining(ctx context.Context, _ *catalog.Define, _ *catalog.Snapshot, writes []exec.Rows) error {
	return b.Write(ctx, writes, true)
}

func (b *recordingBackend) Rely(func(context.Context) error) {}

// dataClient gives COPY data in pieces.
type dataClient struct {
	Client
	data  []byte
	piece int
}

func (c *dataClient) CopyIn(bool, int) error             { return nil }
func (c *dataClient) Notice(string, *sqlerr.Error) error { return nil }
func (c *dataClient) Complete(string) error              { return nil }

func (c *dataClient) CopyRead(context.Context, time.Duration) ([]byte, error) {
	if len(c.data) == 0 {
		return nil, io.EOF
	}
	n := min(c.piece, len(c.data))
	piece := c.data[:n]
	c.data = c.data[n:]
	return piece, nil
}

// copyInto runs a COPY of data and returns its tag.
func copyInto(t testing.TB, backend *recordingBackend, n *plan.Copy, data []byte, binary bool) (string, error) {
	t.Helper()
	s, err := New(&Options{Backend: backend}, Identity{User: "u"}, &dataClient{data: data, piece: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	return s.copyFrom(context.Background(), n, binary, true)
}

// flightLines returns n lines of flights in CSV.
func flightLines(n int) []byte {
	var b strings.Builder
	b.WriteString("departure,origin,destination,delay,distance\n")
	for i := range n {
		fmt.Fprintf(&b, "2001-01-%02d %02d:%02d:00,ORD,SF%c,%d,%d\n", i%28+1, i%24, i%60, 'A'+i%26, i%300-20, 100+i%2000)
	}
	return []byte(b.String())
}

func TestCopyInPieces(t *testing.T) {
	backend := &recordingBackend{}
	o := csvOptions()
	o.Header = plan.CopyHeaderLine
	tag, err := copyInto(t, backend, copyPlan(flights(), *o), flightLines(50_000), false)
	if err != nil || tag != "COPY 50000" || backend.rows != 50_000 || backend.pieces < 4 {
		t.Errorf("%s, %v: %d rows in %d pieces", tag, err, backend.rows, backend.pieces)
	}
}

// TestCopyInErrors checks what an error says of its place and of what is stored.
func TestCopyInErrors(t *testing.T) {
	o := csvOptions()
	o.Header = plan.CopyHeaderLine
	const header = "departure,origin,destination,delay,distance\n"
	const good = "2001-01-01 00:00,A,B,1,2\n"
	for _, test := range []struct{ name, data, code, message, where, detail string }{
		{"bad value", header + good + "2001-01-01 00:00,A,B,late,2\n", "22P02",
			`invalid input syntax for type integer: "late"`, `COPY flights, line 3, column delay: "late"`,
			"1 line of the COPY is stored."},
		{"missing", header + "2001-01-01 00:00,A\n", "22P04",
			`missing data for column "destination"`, `COPY flights, line 2: "2001-01-01 00:00,A"`, "No line of the COPY is stored."},
		{"extra", header + good + good + "2001-01-01 00:00,A,B,1,2,3\n" + good, "22P04",
			"extra data after last expected column", `COPY flights, line 4: "2001-01-01 00:00,A,B,1,2,3"`,
			"2 lines of the COPY are stored."},
		{"open quote", header + good + "2001-01-01 00:00,\"A,B,1,2\n", "22P04",
			"unterminated CSV quoted field", "COPY flights, line 4: \"2001-01-01 00:00,\"A,B,1,2\n\"",
			"1 line of the COPY is stored."},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := copyInto(t, &recordingBackend{}, copyPlan(flights(), *o), []byte(test.data), false)
			e := sqlerr.From(err)
			if e == nil {
				t.Fatal("no error")
			}
			if string(e.Code) != test.code || e.Message != test.message || e.Where != test.where || e.Detail != test.detail {
				t.Errorf("got %s %q\n where %q\n detail %q", e.Code, e.Message, e.Where, e.Detail)
			}
		})
	}
}

// TestCopyInFailedWrite checks that a piece which cannot be written ends the
// COPY, and that the rows before it are counted.
func TestCopyInFailedWrite(t *testing.T) {
	backend := &recordingBackend{fail: 3}
	_, err := copyInto(t, backend, copyPlan(flights(), *csvOptions()), flightLines(200_000)[len("departure,origin,destination,delay,distance\n"):], false)
	e := sqlerr.From(err)
	if e == nil || e.Code != sqlerr.DiskFull {
		t.Fatalf("error %v", err)
	}
	if want := fmt.Sprintf("%d lines of the COPY are stored.", backend.rows); e.Detail != want {
		t.Errorf("detail %q, want %q", e.Detail, want)
	}
}

// TestCopyInLongRow bounds what a quote that is never closed takes.
func TestCopyInLongRow(t *testing.T) {
	data := append([]byte("2001-01-01,\""), make([]byte, maxCopyRow+1<<20)...)
	for i := len(`2001-01-01,"`); i < len(data); i++ {
		data[i] = 'x'
	}
	_, err := copyInto(t, &recordingBackend{}, copyPlan(flights(), *csvOptions()), data, false)
	if sqlerr.CodeOf(err) != sqlerr.ProgramLimitExceeded {
		t.Errorf("error %v", err)
	}
}

func BenchmarkCopyFlights(b *testing.B) {
	data := flightLines(200_000)
	o := csvOptions()
	o.Header = plan.CopyHeaderLine
	n := copyPlan(flights(), *o)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := copyInto(b, &recordingBackend{}, n, data, false); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(200_000*b.N)/b.Elapsed().Seconds(), "rows/s")
}

// FuzzCopyBinary decodes arbitrary data in binary format, as a whole and in
// pieces.
func FuzzCopyBinary(f *testing.F) {
	header := copySignature + "\x00\x00\x00\x00\x00\x00\x00\x00"
	f.Add([]byte(header+"\x00\x02\x00\x00\x00\x04\x00\x00\x00\x01\xff\xff\xff\xff\xff\xff"), 3)
	f.Add([]byte(header+"\x00\x02\x00\x00\x00\x04\x00\x00\x00\x01\x00\x00\x00\x01a"), 100)
	f.Add([]byte(copySignature+"\x00\x01\x00\x00\x00\x00\x00\x00"), 1)
	target := &catalog.Relation{
		Kind: catalog.KindStream, Name: "t", Rowtime: -1,
		Columns: []catalog.Column{{Name: "n", Type: types.Int4}, {Name: "word", Type: types.Text}},
	}
	run := func(t *testing.T, data []byte, piece int) (int64, string) {
		backend := &recordingBackend{}
		s, err := New(&Options{Backend: backend}, Identity{User: "u"}, &dataClient{data: data, piece: piece})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		_, err = s.copyFrom(context.Background(), copyPlan(target, *textOptions()), true, true)
		return backend.rows, fmt.Sprint(err)
	}
	f.Fuzz(func(t *testing.T, data []byte, piece int) {
		rows, err := run(t, data, 1<<30)
		pieceRows, pieceErr := run(t, data, max(1, piece&0xff))
		if rows != pieceRows || err != pieceErr {
			t.Errorf("%d rows, %s; in pieces %d rows, %s", rows, err, pieceRows, pieceErr)
		}
	})
}
