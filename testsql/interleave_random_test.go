package testsql

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"millrace/testsql/harness"
)

// TestRandomInterleavings makes up the statements of two sessions while PostgreSQL
// runs them, and runs them again here: who waits for whom, and what all of them
// give, is the same. With two sessions nobody races another for a row that is let
// go; a block takes rows in ascending order, each once, so there are no deadlocks.
func TestRandomInterleavings(t *testing.T) {
	scripts := 40
	if long() {
		scripts = 1000
	}
	oracle := harness.StartPostgres(t, false, "fsync=off", "synchronous_commit=off")
	nodes := map[int]*scriptNode{1: newScriptNode(t, 1), 8: newScriptNode(t, 8)}
	for seed := range scripts {
		script, want := makeInterleaving(t, func() *pgx.Conn { return oracle.Connect(t) }, uint64(seed))
		shards := []int{1, 8}[seed%2]
		got := runInterleaving(t, func() *pgx.Conn { return harness.Connect(t, nodes[shards].URL()) }, script)
		if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
			t.Fatalf("seed %d, %d shards\n-PostgreSQL +here:\n%s\nthe script:\n%s", seed, shards, diff, script)
		}
	}
}

const randomInterleavingSetup = `setup: DROP TABLE IF EXISTS t; CREATE TABLE t (id INT PRIMARY KEY, n INT, u INT UNIQUE); ` +
	`INSERT INTO t SELECT i, i * 10, i FROM generate_series(1, 12, 2) AS g(i)`

// makeInterleaving runs random statements and returns them as a script, with its
// log.
func makeInterleaving(t *testing.T, connect func() *pgx.Conn, seed uint64) (script, log string) {
	t.Helper()
	in := &interleaving{t: t, connect: connect, control: connect(), sessions: map[string]*interleaved{}}
	lines := []string{randomInterleavingSetup}
	step := func(line string) {
		name, statement, _ := strings.Cut(line, ": ")
		in.step(name, statement)
		lines = append(lines, line)
	}
	in.step("setup", strings.TrimPrefix(randomInterleavingSetup, "setup: "))
	random := rand.New(rand.NewPCG(seed, 3))
	makers := map[string]*interleavingMaker{"a": {Rand: random}, "b": {Rand: random}}
	for range 25 {
		name := []string{"a", "b"}[random.IntN(2)]
		if s := in.sessions[name]; s != nil && s.ended != nil {
			name = map[string]string{"a": "b", "b": "a"}[name]
		}
		step(name + ": " + makers[name].statement(in.status(name)))
	}
	// Whoever does not wait ends, so that the other goes on and ends as well.
	for _, name := range []string{"a", "b", "a"} {
		if s := in.sessions[name]; s != nil && s.ended == nil && in.status(name) != 'I' {
			step(name + ": COMMIT")
		}
	}
	step("a: SELECT * FROM t ORDER BY id")
	for _, s := range in.sessions {
		_ = s.connection.Close(t.Context())
	}
	_ = in.control.Close(t.Context())
	return strings.Join(lines, "\n"), strings.Join(in.log, "\n")
}

// status returns the transaction status of a session that does not wait: I, T or E.
func (in *interleaving) status(name string) byte {
	if s := in.sessions[name]; s != nil {
		return s.connection.PgConn().TxStatus()
	}
	return 'I'
}

// interleavingMaker makes up the statements of one session.
type interleavingMaker struct {
	*rand.Rand
	// row is the last row that the block has touched.
	row       int
	savepoint bool
}

func (g *interleavingMaker) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g *interleavingMaker) statement(status byte) string {
	switch {
	case status == 'E' && g.savepoint && g.IntN(2) == 0:
		return "ROLLBACK TO s"
	case status == 'E':
		g.row, g.savepoint = 0, false
		return "ROLLBACK"
	case status == 'I':
		g.row, g.savepoint = 0, false
		if g.IntN(4) > 0 {
			return g.pick("BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ")
		}
		return g.change()
	case g.row >= 12 || g.IntN(6) == 0:
		return g.pick("COMMIT", "COMMIT", "ROLLBACK")
	case g.IntN(6) == 0:
		if g.savepoint && g.IntN(2) == 0 {
			return g.pick("ROLLBACK TO s", "RELEASE s; SAVEPOINT s")
		}
		g.savepoint = true
		return "SAVEPOINT s"
	default:
		return g.change()
	}
}

// change makes a statement about one row behind the last one.
func (g *interleavingMaker) change() string {
	g.row += 1 + g.IntN(3)
	id := g.row
	switch g.IntN(10) {
	case 0, 1:
		return fmt.Sprintf("UPDATE t SET n = n + 1 WHERE id = %d AND n < %d RETURNING n", id, id*10+5)
	case 2:
		return fmt.Sprintf("DELETE FROM t WHERE id = %d RETURNING n", id)
	case 3:
		return fmt.Sprintf("INSERT INTO t VALUES (%d, %d, %d)", id, g.IntN(100), id)
	case 4:
		return fmt.Sprintf("INSERT INTO t VALUES (%d, %d, %d) ON CONFLICT (id) DO NOTHING", id, g.IntN(100), id)
	case 5:
		return fmt.Sprintf("INSERT INTO t VALUES (%d, %d, %d) ON CONFLICT (id) DO UPDATE SET n = t.n + excluded.n RETURNING n", id, 1+g.IntN(100), id)
	case 6:
		return g.pick("SELECT * FROM t ORDER BY id", "SELECT sum(n) FROM t", fmt.Sprintf("SELECT n FROM t WHERE u = %d", id))
	default:
		return fmt.Sprintf("SELECT n FROM t WHERE id = %d FOR %s%s", id, g.pick("UPDATE", "NO KEY UPDATE", "SHARE", "KEY SHARE"),
			g.pick("", "", " NOWAIT", " SKIP LOCKED"))
	}
}
