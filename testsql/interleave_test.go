package testsql

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"millrace/testsql/harness"
)

// interleaving runs the statements of several sessions in a given order and
// writes down what happens: the result of each, or that it waits, and behind which
// later one it goes on. A script has a line "session: statement" for each; a line
// "session!: statement" runs to its end though it waits. Lines of session "setup"
// run first. Before a session's next statement its last one must have ended.
type interleaving struct {
	t       *testing.T
	connect func() *pgx.Conn
	// control looks who waits.
	control  *pgx.Conn
	sessions map[string]*interleaved
	log      []string
}

// interleaved is a session of an interleaving.
type interleaved struct {
	connection *pgx.Conn
	pid        uint32
	// ended gives the outcome of the statement that runs; nil where none does.
	ended chan string
}

// runInterleaving runs a script and returns its log.
func runInterleaving(t *testing.T, connect func() *pgx.Conn, script string) string {
	t.Helper()
	in := &interleaving{t: t, connect: connect, control: connect(), sessions: map[string]*interleaved{}}
	for line := range strings.Lines(script) {
		name, statement, found := strings.Cut(strings.TrimSpace(line), ": ")
		if !found {
			continue
		}
		in.step(name, statement)
	}
	for name, s := range in.sessions {
		if s.ended != nil {
			t.Fatalf("session %s still waits:\n%s", name, strings.Join(in.log, "\n"))
		}
		_ = s.connection.Close(t.Context())
	}
	_ = in.control.Close(t.Context())
	return strings.Join(in.log, "\n")
}

// step runs a statement until it ends or waits, and then sees whom it woke.
func (in *interleaving) step(name, statement string) {
	if name == "setup" {
		for part := range strings.SplitSeq(statement, ";") {
			_, err := in.control.Exec(in.t.Context(), part)
			if err != nil {
				in.t.Fatalf("%s: %v", part, err)
			}
		}
		return
	}
	name, toEnd := strings.CutSuffix(name, "!")
	s := in.sessions[name]
	if s == nil {
		c := in.connect()
		s = &interleaved{connection: c, pid: c.PgConn().PID()}
		in.sessions[name] = s
	}
	if s.ended != nil {
		in.note(name, "is to run "+statement+" while it waits: "+in.await(s, true))
	}
	ended := make(chan string, 1)
	s.ended = ended
	go func() { ended <- interleavedOutcome(in.t.Context(), s.connection, statement) }()
	in.note(name, statement)
	outcome := in.await(s, toEnd)
	if outcome == "" {
		outcome = "waits"
	}
	in.note(name, outcome)
	for _, other := range slices.Sorted(maps.Keys(in.sessions)) {
		if w := in.sessions[other]; other != name && w.ended != nil {
			if outcome := in.await(w, false); outcome != "" {
				in.note(other, "goes on: "+outcome)
			}
		}
	}
}

func (in *interleaving) note(name, what string) { in.log = append(in.log, name+": "+what) }

// await returns the outcome of the statement of a session, "" when it waits for a
// lock, unless it is to be waited for to its end.
func (in *interleaving) await(s *interleaved, toEnd bool) string {
	in.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		select {
		case outcome := <-s.ended:
			s.ended = nil
			return outcome
		case <-time.After(2 * time.Millisecond): // then it is looked again
		}
		if toEnd {
			continue
		}
		var waits int
		err := in.control.QueryRow(in.t.Context(), `SELECT count(*) FROM pg_locks WHERE pid = $1 AND NOT granted`, int32(s.pid)).Scan(&waits)
		if err != nil {
			in.t.Fatal(err)
		}
		if waits > 0 && len(s.ended) == 0 {
			return ""
		}
	}
	in.t.Fatalf("a statement neither ends nor waits:\n%s", strings.Join(in.log, "\n"))
	return ""
}

// interleavedOutcome runs a statement and returns its rows, in their order, and its
// tag or error.
func interleavedOutcome(ctx context.Context, c *pgx.Conn, statement string) string {
	results, err := c.PgConn().Exec(ctx, statement).ReadAll()
	var out []string
	for _, result := range results {
		for _, row := range result.Rows {
			var values []string
			for _, value := range row {
				values = append(values, string(value))
			}
			out = append(out, "("+strings.Join(values, ", ")+")")
		}
		if err == nil {
			out = append(out, result.CommandTag.String())
		}
	}
	var failure *pgconn.PgError
	switch {
	case errors.As(err, &failure):
		out = append(out, failure.Code+" "+failure.Message)
	case err != nil:
		out = append(out, err.Error())
	}
	return strings.Join(out, " ")
}

// TestInterleavings runs scripts of several sessions here, with 1 and 8 shards, and
// on PostgreSQL: who waits, who goes on when, and all results are the same.
func TestInterleavings(t *testing.T) { compareInterleavings(t, interleavings) }

// interleavingScript is a script of several sessions, over a table t with rows 1, 2 and 5.
type interleavingScript struct{ name, script string }

// compareInterleavings runs scripts here, with 1 and 8 shards, and on PostgreSQL.
func compareInterleavings(t *testing.T, scripts []interleavingScript) {
	oracle := harness.StartPostgres(t, false, "fsync=off", "synchronous_commit=off")
	nodes := map[int]*scriptNode{1: newScriptNode(t, 1), 8: newScriptNode(t, 8)}
	for _, test := range scripts {
		t.Run(test.name, func(t *testing.T) {
			want := runInterleaving(t, func() *pgx.Conn { return oracle.Connect(t) }, interleavingSetup+test.script)
			for _, shards := range []int{1, 8} {
				got := runInterleaving(t, func() *pgx.Conn { return harness.Connect(t, nodes[shards].URL()) }, interleavingSetup+test.script)
				if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
					t.Errorf("%d shards\n-PostgreSQL +here:\n%s", shards, diff)
				}
			}
			t.Log("\n" + want)
		})
	}
}
