package testsql

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// TestUniqueUnderConcurrency has 16 connections insert the same unique values, with
// keys of their own: of each value exactly one row is stored, and the others are
// told so.
func TestUniqueUnderConcurrency(t *testing.T) {
	const connections, values = 16, 40
	for _, shards := range []int{1, 8} {
		t.Run(fmt.Sprintf("%d shards", shards), func(t *testing.T) {
			n := harness.StartNode(t, node.Options{Dir: t.TempDir(), Shards: shards})
			url := harness.NodeURL(n.Addr())
			first := harness.Connect(t, url)
			harness.Exec(t, first, `CREATE TABLE t (id INT PRIMARY KEY, v INT UNIQUE)`)
			var wins [values]atomic.Int32
			var writers sync.WaitGroup
			for c := range connections {
				connection := harness.Connect(t, url)
				writers.Go(func() {
					order := rand.New(rand.NewPCG(uint64(c), 3)).Perm(values)
					for _, v := range order {
						_, err := connection.Exec(t.Context(), `INSERT INTO t VALUES ($1, $2)`, c*values+v, v)
						switch {
						case err == nil:
							wins[v].Add(1)
						case codeOf(err) != "23505":
							t.Errorf("value %d: %v", v, err)
						}
					}
				})
			}
			writers.Wait()
			for v := range wins {
				if n := wins[v].Load(); n != 1 {
					t.Errorf("value %d was stored %d times", v, n)
				}
			}
			wantRows(t, first, `SELECT count(*), count(DISTINCT v) FROM t`, fmt.Sprintf("%d\t%d", values, values))
			checkIndexes(t, n)
		})
	}
}

func checkIndexes(t *testing.T, n *node.Node) {
	t.Helper()
	if err := n.Engine().CheckIndexes(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestIndexReadsWhatItFinds counts the rows and entries that queries read: they are
// in proportion to the rows found, not to those of the table.
func TestIndexReadsWhatItFinds(t *testing.T) {
	const rows, shards = 5000, 4
	n := harness.StartNode(t, node.Options{Dir: t.TempDir(), Shards: shards, HTTP: "127.0.0.1:0"})
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, c, `CREATE TABLE t (id INT PRIMARY KEY, u INT UNIQUE, g INT, n INT)`)
	harness.Exec(t, c, fmt.Sprintf(`INSERT INTO t SELECT i, i, i %% 100, i FROM generate_series(1, %d) AS i`, rows))
	harness.Exec(t, c, `CREATE INDEX ON t (g, n)`)
	harness.Exec(t, c, `CREATE TABLE d AS SELECT g, count(*) AS members FROM t GROUP BY g`)
	harness.Exec(t, c, `CREATE INDEX ON d (members)`)
	for _, test := range []struct {
		query string
		found int
	}{
		{`SELECT * FROM t WHERE u = 77`, 1},
		{`SELECT * FROM t WHERE u IN (1, 2, 3)`, 3},
		{`SELECT * FROM t WHERE u > 4990`, 10},
		{`SELECT * FROM t WHERE id BETWEEN 100 AND 119`, 20},
		{`SELECT * FROM t WHERE id = ANY (ARRAY[5, 6])`, 2},
		{`SELECT * FROM t WHERE g = 7`, 50},
		{`SELECT * FROM t WHERE g = 7 AND n < 500`, 5},
		{`SELECT * FROM t WHERE g IN (1, 2) AND n >= 4900`, 2},
		{`SELECT * FROM t WHERE g = 1000`, 0},
		{`SELECT * FROM d WHERE members > 1000`, 0},
		{`SELECT * FROM d WHERE members = 50`, 100},
	} {
		before := rowsRead(t, n)
		if found := len(harness.Rows(t, c, test.query)); found != test.found {
			t.Errorf("%s found %d rows, not %d", test.query, found, test.found)
		}
		if read := rowsRead(t, n) - before; read > 2*test.found {
			t.Errorf("%s read %d rows and entries to find %d", test.query, read, test.found)
		}
	}
	before := rowsRead(t, n)
	harness.Exec(t, c, `UPDATE t SET n = n + 1 WHERE u = 5`)
	harness.Exec(t, c, `DELETE FROM t WHERE g = 8 AND n = 108`)
	if read := rowsRead(t, n) - before; read > 10 {
		t.Errorf("an UPDATE and a DELETE of one row read %d rows and entries", read)
	}
}

// rowsRead returns the node's count of what queries have read.
func rowsRead(t *testing.T, n *node.Node) int {
	t.Helper()
	response, err := http.Get("http://" + n.HTTPAddr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), "millrace_exec_rows_read_total "); ok {
			count, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			return int(count)
		}
	}
	t.Fatal("the metric is not there")
	return 0
}

// indexedPair are two tables that are given the same rows, one of them with
// indexes.
type indexedPair struct {
	t          *testing.T
	random     *rand.Rand
	connection *pgx.Conn
}

// both runs a statement on both tables; T stands for the table.
func (p *indexedPair) both(statement string) {
	p.t.Helper()
	plain := p.run(strings.ReplaceAll(statement, "T", "plain"))
	indexed := p.run(strings.ReplaceAll(statement, "T", "indexed"))
	if diff := cmp.Diff(plain, indexed); diff != "" {
		p.t.Fatalf("%s\n-plain +indexed:\n%s", statement, diff)
	}
}

func (p *indexedPair) run(statement string) []string {
	rows, err := harness.TryRows(p.t.Context(), p.connection, statement)
	if err != nil {
		return []string{codeOf(err)}
	}
	return rows
}

func (p *indexedPair) pick(list ...string) string { return list[p.random.IntN(len(list))] }

func (p *indexedPair) number() string {
	return p.pick("NULL", "0", "1", "2", "3", "7", "-5", strconv.Itoa(p.random.IntN(40)))
}

func (p *indexedPair) text() string { return p.pick("NULL", "''", "'a'", "'ab'", "'b'", "'zz'") }

// condition is one that an index may serve, or not.
func (p *indexedPair) condition() string {
	column, value := "a", p.number()
	switch p.random.IntN(3) {
	case 0:
		column, value = "b", p.text()
	case 1:
		column = "id"
	}
	switch p.random.IntN(9) {
	case 0:
		return column + " IS NULL"
	case 1:
		return column + " IS NOT NULL"
	case 2:
		return fmt.Sprintf("%s IN (%s, %s)", column, value, value)
	case 3:
		return fmt.Sprintf("a = ANY (ARRAY[%s, %s]::int[])", p.number(), p.number())
	case 4:
		return fmt.Sprintf("a = %s AND b >= %s", p.number(), p.text())
	case 5:
		return fmt.Sprintf("a BETWEEN %s AND %s", p.number(), p.number())
	default:
		return column + p.pick(" = ", " < ", " <= ", " > ", " >= ", " = ") + value
	}
}

// step changes the tables, or asks them.
func (p *indexedPair) step() {
	id := strconv.Itoa(p.random.IntN(60))
	switch p.random.IntN(8) {
	case 0, 1:
		p.both(fmt.Sprintf("INSERT INTO T VALUES (%s, %s, %s, 1) ON CONFLICT DO NOTHING", id, p.number(), p.text()))
	case 2:
		p.both(fmt.Sprintf("INSERT INTO T SELECT i, i %% 5, 'a', i FROM generate_series(%s, %s + 5) AS i ON CONFLICT (id) DO UPDATE SET a = excluded.a", id, id))
	case 3:
		p.both(fmt.Sprintf("UPDATE T SET a = %s, b = %s WHERE %s", p.number(), p.text(), p.condition()))
	case 4:
		p.both("DELETE FROM T WHERE id < 50 AND " + p.condition())
	case 5:
		p.both(fmt.Sprintf("UPDATE T SET id = id + 100 WHERE id = %s AND %s", id, p.condition()))
	default:
		p.both("SELECT * FROM T WHERE " + p.condition() + " ORDER BY id")
	}
}

// TestIndexesChangeNoAnswer gives the same random statements to a table without and
// one with indexes: outside and inside transactions, while indexes are made and
// dropped, on 1 and 8 shards, and across restarts.
func TestIndexesChangeNoAnswer(t *testing.T) {
	rounds := harness.Sized(60, 15)
	if long() {
		rounds = 300
	}
	for _, shards := range []int{1, 8} {
		t.Run(fmt.Sprintf("%d shards", shards), func(t *testing.T) {
			options := node.Options{Dir: t.TempDir(), Shards: shards}
			n := harness.StartNode(t, options)
			p := &indexedPair{t: t, random: rand.New(rand.NewPCG(uint64(shards), 17))}
			p.connection = harness.Connect(t, harness.NodeURL(n.Addr()))
			for _, table := range []string{"plain", "indexed"} {
				harness.Exec(t, p.connection, "CREATE TABLE "+table+" (id INT PRIMARY KEY, a INT, b TEXT, c INT)")
			}
			for round := range rounds {
				stop := p.makeIndexes(harness.NodeURL(n.Addr()), round)
				for range 6 {
					p.block()
				}
				stop()
				checkIndexes(t, n)
				if round%3 == 2 {
					if err := n.Close(); err != nil {
						t.Fatal(err)
					}
					n = harness.StartNode(t, options)
					p.connection = harness.Connect(t, harness.NodeURL(n.Addr()))
				}
			}
		})
	}
}

// block runs some steps, in a transaction now and then.
func (p *indexedPair) block() {
	inside := p.random.IntN(2) == 0
	if inside {
		harness.Exec(p.t, p.connection, "BEGIN")
	}
	for range 5 {
		p.step()
	}
	if inside {
		harness.Exec(p.t, p.connection, p.pick("COMMIT", "COMMIT", "ROLLBACK"))
	}
}

// makeIndexes makes and drops indexes on a connection of its own, beside what the
// caller does, until stop is called.
func (p *indexedPair) makeIndexes(url string, round int) (stop func()) {
	ctx, cancel := context.WithCancel(p.t.Context())
	connection := harness.Connect(p.t, url)
	var maker sync.WaitGroup
	maker.Go(func() {
		for i := round; ctx.Err() == nil; i++ {
			// Cancelled statements leave nothing.
			_, _ = connection.Exec(ctx, []string{
				"CREATE INDEX IF NOT EXISTS i1 ON indexed (a)",
				"CREATE INDEX IF NOT EXISTS i2 ON indexed (a DESC, b)",
				"DROP INDEX IF EXISTS i1",
				"CREATE INDEX IF NOT EXISTS i3 ON indexed (b, c)",
				"CREATE UNIQUE INDEX IF NOT EXISTS i4 ON indexed (a, id)",
				"DROP INDEX IF EXISTS i2, i3",
				"DROP INDEX IF EXISTS i4",
			}[i%7])
		}
	})
	return func() {
		cancel()
		maker.Wait()
	}
}

// TestKillWhileIndexesAreBuilt kills the process while indexes are made on a table
// with rows, and others write to it. An index that is not unique is finished
// afterwards; a unique one is there as a whole or not at all.
func TestKillWhileIndexesAreBuilt(t *testing.T) {
	kills := 6
	if long() {
		kills = 100
	}
	random := rand.New(rand.NewPCG(23, 1))
	dir := t.TempDir()
	p := harness.StartProcess(t, dir, "--shards", "3")
	c := harness.Connect(t, p.URL())
	harness.Exec(t, c, `CREATE TABLE t (id INT PRIMARY KEY, u INT UNIQUE, a INT)`)
	harness.Exec(t, c, `INSERT INTO t SELECT i, i, i % 50 FROM generate_series(1, 30000) AS i`)
	for kill := range kills {
		ctx, cancel := context.WithCancel(t.Context())
		var work sync.WaitGroup
		work.Go(func() { makeUntilGone(ctx, p.URL(), fmt.Sprintf("CREATE INDEX i%d ON t (a, u)", kill)) })
		work.Go(func() { makeUntilGone(ctx, p.URL(), fmt.Sprintf("CREATE UNIQUE INDEX u%d ON t (a, id)", kill)) })
		own := rand.New(rand.NewPCG(uint64(kill), 2))
		work.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				id := 30000 + kill*1000 + n%500
				makeUntilGone(ctx, p.URL(), fmt.Sprintf("INSERT INTO t VALUES (%d, %d, 3) ON CONFLICT (id) DO UPDATE SET u = t.u + 100000", id, id))
				makeUntilGone(ctx, p.URL(), fmt.Sprintf("DELETE FROM t WHERE u = %d", 1+own.IntN(30000)))
			}
		})
		<-time.After(time.Duration(random.IntN(250)) * time.Millisecond) // the random moment
		p.Kill()
		cancel()
		work.Wait()
		p = harness.StartProcess(t, dir)
		c = harness.Connect(t, p.URL())
		harness.Eventually(t, time.Minute, func() error {
			if rows := harness.Rows(t, c, `SELECT relname FROM pg_index, pg_class WHERE oid = indexrelid AND NOT indisvalid`); len(rows) > 0 {
				return fmt.Errorf("%v are not finished", rows)
			}
			return nil
		})
		harness.Exec(t, c, `INSERT INTO t VALUES ($1, $1, 1)`, 1_000_000+kill)
		harness.Exec(t, c, fmt.Sprintf(`DROP INDEX IF EXISTS i%d, u%d`, kill/2, kill/2))
	}
	if exit := p.Stop(); exit != 0 {
		t.Fatalf("exit code %d:\n%s", exit, p.Logs())
	}
	n := harness.StartNode(t, node.Options{Dir: dir, Shards: 3})
	checkIndexes(t, n)
	c = harness.Connect(t, harness.NodeURL(n.Addr()))
	wantRows(t, c, `SELECT count(*) FROM t WHERE a IN (3, 4, 5) AND a + 0 NOT IN (3, 4, 5)`, "0")
	all, found := harness.Rows(t, c, `SELECT count(*) FROM t WHERE a + 0 = 3`), harness.Rows(t, c, `SELECT count(*) FROM t WHERE a = 3`)
	if diff := cmp.Diff(all, found); diff != "" {
		t.Errorf("-all +found:\n%s", diff)
	}
}

// makeUntilGone runs a statement on a connection of its own, which may end with the
// server.
func makeUntilGone(ctx context.Context, url, statement string) {
	connection, err := pgx.Connect(ctx, url)
	if err != nil {
		return // killed already
	}
	defer connection.Close(context.WithoutCancel(ctx))
	_, _ = connection.Exec(ctx, statement) // may be refused, or cut off
}

// TestUniqueValuesAreWaitedFor has a second session write a value that an open
// transaction has written, given up, or is about to give up.
func TestUniqueValuesAreWaitedFor(t *testing.T) {
	for _, test := range []struct {
		name          string
		first, second string
		end           string
		code          string
		rows          []string
	}{
		{"inserted, committed", `INSERT INTO t VALUES (1, 5)`, `INSERT INTO t VALUES (2, 5)`, `COMMIT`, "23505", []string{"1\t5", "9\t9"}},
		{"inserted, rolled back", `INSERT INTO t VALUES (1, 5)`, `INSERT INTO t VALUES (2, 5)`, `ROLLBACK`, "", []string{"2\t5", "9\t9"}},
		{"inserted, skipped", `INSERT INTO t VALUES (1, 5)`, `INSERT INTO t VALUES (2, 5) ON CONFLICT DO NOTHING`, `COMMIT`, "", []string{"1\t5", "9\t9"}},
		{"inserted, updated", `INSERT INTO t VALUES (1, 5)`, `INSERT INTO t VALUES (2, 5) ON CONFLICT (v) DO UPDATE SET v = 6`, `COMMIT`, "", []string{"1\t6", "9\t9"}},
		{"deleted, committed", `DELETE FROM t WHERE v = 9`, `INSERT INTO t VALUES (2, 9)`, `COMMIT`, "", []string{"2\t9"}},
		{"deleted, rolled back", `DELETE FROM t WHERE v = 9`, `INSERT INTO t VALUES (2, 9)`, `ROLLBACK`, "23505", []string{"9\t9"}},
		{"changed, committed", `UPDATE t SET v = 10`, `UPDATE t SET v = 11 WHERE v = 9`, `COMMIT`, "", []string{"9\t10"}},
		{"changed, rolled back", `UPDATE t SET v = 10`, `UPDATE t SET v = 11 WHERE v = 9`, `ROLLBACK`, "", []string{"9\t11"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := newScriptNode(t, 4)
			first, second, watcher := harness.Connect(t, server.URL()), harness.Connect(t, server.URL()), harness.Connect(t, server.URL())
			harness.Exec(t, first, `CREATE TABLE t (id INT PRIMARY KEY, v INT UNIQUE)`)
			harness.Exec(t, first, `INSERT INTO t VALUES (9, 9)`)
			harness.Exec(t, first, `BEGIN`)
			harness.Exec(t, first, test.first)
			answer := make(chan error, 1)
			go func() {
				_, err := second.Exec(t.Context(), test.second)
				answer <- err
			}()
			wantWaiting(t, watcher, 1)
			harness.Exec(t, first, test.end)
			if err := <-answer; codeOf(err) != test.code || err != nil && test.code == "" {
				t.Errorf("%s is answered with %v", test.second, err)
			}
			wantRows(t, first, `SELECT id, v FROM t ORDER BY id`, test.rows...)
			checkIndexes(t, server.node)
		})
	}
}
