package session

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"millrace/planner/plan"
	"millrace/sql/sqlerr"
)

// csvOptions are the defaults of COPY … WITH (FORMAT csv).
func csvOptions() *plan.CopyOptions {
	return &plan.CopyOptions{Format: plan.CopyCSV, Delimiter: ',', Quote: '"', Escape: '"'}
}

// textOptions are the defaults of COPY.
func textOptions() *plan.CopyOptions {
	return &plan.CopyOptions{Format: plan.CopyText, Delimiter: '\t', Null: `\N`}
}

// readAll decodes data in pieces that next gives the sizes of, and prints the
// rows.
func readAll(o *plan.CopyOptions, data []byte, next func() int) (string, error) {
	var out strings.Builder
	lines, fields := newLineReader(o), newFieldReader(o)
	for {
		n := min(next(), len(data))
		lines.add(data[:n])
		data = data[n:]
		last := len(data) == 0
		for {
			line, ok, err := lines.next(last)
			if err != nil {
				return out.String(), fmt.Errorf("line %d: %w", lines.line, err)
			}
			if !ok {
				break
			}
			split, err := fields.split(line)
			if err != nil {
				return out.String(), fmt.Errorf("line %d: %w", lines.line, err)
			}
			fmt.Fprintf(&out, "%d:", lines.line)
			for _, f := range split {
				if f.null {
					out.WriteString(" NULL")
				} else {
					fmt.Fprintf(&out, " %q", f.value)
				}
			}
			out.WriteByte('\n')
		}
		if last {
			return out.String(), nil
		}
	}
}

func whole() int { return 1 << 30 }

func single() int { return 1 }

func TestReadCSV(t *testing.T) {
	for _, test := range []struct{ name, data, want, err string }{
		{"plain", "a,b\nc,d\n", "1: \"a\" \"b\"\n2: \"c\" \"d\"\n", ""},
		{"no newline at the end", "a,b", "1: \"a\" \"b\"\n", ""},
		{"empty", "", "", ""},
		{"empty line", "\n", "1: NULL\n", ""},
		{"nulls", ",\"\"\n", "1: NULL \"\"\n", ""},
		{"quotes", `"a ""x""",b"c"d` + "\n", "1: \"a \\\"x\\\"\" \"bcd\"\n", ""},
		{"newline in quotes", "\"a\nb\",c\nd,e\n", "2: \"a\\nb\" \"c\"\n3: \"d\" \"e\"\n", ""},
		{"CRLF", "a,b\r\nc,\"x\r\ny\"\r\n", "1: \"a\" \"b\"\n3: \"c\" \"x\\r\\ny\"\n", ""},
		{"CR", "a\rb\r", "1: \"a\"\n2: \"b\"\n", ""},
		{"end marker", "a\n\\.\nb\n", "1: \"a\"\n", ""},
		{"end marker at the end", "a\n\\.", "1: \"a\"\n", ""},
		{"no end marker", "a\n\\.x\nb\\.\n", "1: \"a\"\n2: \"\\\\.x\"\n3: \"b\\\\.\"\n", ""},
		{"open quote", "a\n\"b\nc\n", "1: \"a\"\n", "line 4: unterminated CSV quoted field"},
		{"stray CR", "a\nb\rc\n", "1: \"a\"\n", "line 2: unquoted carriage return found in data"},
		{"stray LF", "a\r\nb\nc\r\n", "1: \"a\"\n", "line 2: unquoted newline found in data"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, next := range []func() int{whole, single} {
				got, err := readAll(csvOptions(), []byte(test.data), next)
				if got != test.want {
					t.Errorf("got\n%swant\n%s", got, test.want)
				}
				if message := fmt.Sprint(err); err == nil && test.err != "" || err != nil && message != test.err {
					t.Errorf("error %v, want %q", err, test.err)
				}
			}
		})
	}
}

func TestReadText(t *testing.T) {
	for _, test := range []struct{ name, data, want, err string }{
		{"plain", "a\tb\n\\N\t\n", "1: \"a\" \"b\"\n2: NULL \"\"\n", ""},
		{"escapes", `a\tb\\c\n\x41\101\q` + "\t" + `\N` + "\n", "1: \"a\\tb\\\\c\\nAAq\" NULL\n", ""},
		{"escaped newline", "a\\\nb\n", "1: \"a\\nb\"\n", ""},
		{"end marker", "a\n\\.\nb\n", "1: \"a\"\n", ""},
		{"marker behind data", "a\nb\\.\n", "1: \"a\"\n2: \"b\"\n", ""},
		{"corrupt marker", "a\n\\.x\n", "1: \"a\"\n", "line 2: end-of-copy marker corrupt"},
		{"stray CR", "a\nb\rc\n", "1: \"a\"\n", "line 2: literal carriage return found in data"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, next := range []func() int{whole, single} {
				got, err := readAll(textOptions(), []byte(test.data), next)
				if got != test.want {
					t.Errorf("got\n%swant\n%s", got, test.want)
				}
				if message := fmt.Sprint(err); err == nil && test.err != "" || err != nil && message != test.err {
					t.Errorf("error %v, want %q", err, test.err)
				}
			}
		})
	}
}

// TestReadLongQuotedField makes sure that the work is linear in the data: a
// field of megabytes in small pieces.
func TestReadLongQuotedField(t *testing.T) {
	data := append(append([]byte{'"'}, bytes.Repeat([]byte("x\n"), 8<<20)...), "\"\n"...)
	got, err := readAll(csvOptions(), data, func() int { return 64 << 10 })
	if err != nil || len(got) < len(data) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
}

// checkPieces reads data as a whole and in pieces, which must give the same.
func checkPieces(t *testing.T, o *plan.CopyOptions, data []byte, seed uint64) {
	t.Helper()
	want, wantErr := readAll(o, data, whole)
	random := rand.New(rand.NewPCG(seed, 0))
	got, gotErr := readAll(o, data, func() int { return 1 + random.IntN(8) })
	if got != want {
		t.Errorf("in pieces\n%sas a whole\n%s", got, want)
	}
	if fmt.Sprint(gotErr) != fmt.Sprint(wantErr) {
		t.Errorf("in pieces %v, as a whole %v", gotErr, wantErr)
	}
	if gotErr != nil && sqlerr.CodeOf(gotErr) != sqlerr.BadCopyFileFormat {
		t.Errorf("error %v has code %s", gotErr, sqlerr.CodeOf(gotErr))
	}
}

func FuzzCSVReader(f *testing.F) {
	for _, seed := range []string{
		"a,b\n", "\"a\"\"b\",\"c\nd\"\r\n", "\\.\n", "a\r\nb\r\n\\.\r\n", "'x',\\'\n", ",,\n\n", "\xff\x00,\"", "a\rb\r\\.\r",
	} {
		f.Add([]byte(seed), uint64(1), byte('"'), byte('"'), byte(','))
	}
	f.Fuzz(func(t *testing.T, data []byte, seed uint64, quote, escape, delimiter byte) {
		if strings.ContainsRune("\r\n\\", rune(quote)) || strings.ContainsRune("\r\n", rune(escape)) ||
			strings.ContainsRune("\r\n\\", rune(delimiter)) || delimiter == quote {
			t.Skip("COPY refuses these options")
		}
		o := csvOptions()
		o.Quote, o.Escape, o.Delimiter = quote, escape, delimiter
		checkPieces(t, o, data, seed)
	})
}

func FuzzTextReader(f *testing.F) {
	for _, seed := range []string{"a\tb\n", "\\N\t\\x4\\\n\n", "\\.\n", "a\r\n\\.\r\n", "\\.", "a\\.\n", "\\1\\12\\123\\8\n", "\\"} {
		f.Add([]byte(seed), uint64(1))
	}
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) { checkPieces(t, textOptions(), data, seed) })
}
