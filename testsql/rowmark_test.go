package testsql

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// resumedPush follows a push query that is broken off and resumed behind its last row.
type resumedPush struct {
	query string
	// changing says that the result changes: rows are then what they add up to, by
	// their first column where keyed says so.
	changing, keyed bool
	mark            string
	rows            map[string]int
}

// open begins the query, or goes on behind the last row.
func (p *resumedPush) open(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	c := harness.Connect(t, url)
	with := ""
	if p.mark != "" {
		with = ` WITH (resume = '` + p.mark + `')`
	}
	harness.Exec(t, c, `BEGIN`)
	harness.Exec(t, c, `DECLARE p CURSOR FOR `+p.query+` EMIT CHANGES`+with)
	return c
}

// fetch takes up to n rows, waiting for the first one for a time.
func (p *resumedPush) fetch(t *testing.T, c *pgx.Conn, n int, timeout string) {
	t.Helper()
	for _, row := range harness.Rows(t, c, fmt.Sprintf(`FETCH %d FROM p WITH (timeout = '%s')`, n, timeout)) {
		var rest string
		p.mark, rest, _ = strings.Cut(row, "\t")
		p.apply(t, rest)
	}
}

func (p *resumedPush) apply(t *testing.T, row string) {
	t.Helper()
	if !p.changing {
		p.rows[row]++
		return
	}
	at := strings.LastIndexByte(row, '\t')
	row, op := row[:at], row[at+1:]
	key, _, _ := strings.Cut(row, "\t")
	for old := range p.rows {
		if oldKey, _, _ := strings.Cut(old, "\t"); p.keyed && oldKey == key {
			if op == "insert" {
				t.Fatalf("%q is inserted and is there as %q", row, old)
			}
			delete(p.rows, old)
			if op == "delete" {
				return
			}
		}
	}
	switch {
	case op != "delete":
		p.rows[row]++
	case p.rows[row] == 0:
		t.Fatalf("%q is deleted and is not there", row)
	default:
		if p.rows[row]--; p.rows[row] == 0 {
			delete(p.rows, row)
		}
	}
}

func (p *resumedPush) sorted() []string {
	var out []string
	for row, n := range p.rows {
		out = append(out, slices.Repeat([]string{row}, n)...)
	}
	slices.Sort(out)
	return out
}

// TestRowmarkResumes reads push queries up to random rows, breaks off, changes their
// sources, sometimes starts the node anew, and goes on behind the last row: all in all
// each change is seen once.
func TestRowmarkResumes(t *testing.T) {
	for _, test := range []struct {
		name, query, result string
		changing, keyed     bool
	}{
		{"stream", `SELECT rowmark, n, n * 2 FROM s`, `SELECT n, n * 2 FROM s`, false, false},
		{"union", `SELECT rowmark, n FROM s UNION ALL SELECT '', -n FROM s2`, `SELECT n FROM s UNION ALL SELECT -n FROM s2`, false, false},
		{"changes", `SELECT rowmark, c.rowop AS op, id, v FROM CHANGES OF t c`, `SELECT op, id, v FROM c`, false, false},
		{"table", `SELECT rowmark, id, v FROM t`, `SELECT id, v FROM t`, true, true},
		{"filtered", `SELECT rowmark, id, v FROM t WHERE v % 3 <> 1`, `SELECT id, v FROM t WHERE v % 3 <> 1`, true, true},
		{"derived", `SELECT rowmark, g, c FROM d`, `SELECT g, c FROM d`, true, true},
		{"bag", `SELECT rowmark, v FROM b`, `SELECT v FROM b`, true, false},
		{"groups of a stream", `SELECT rowmark, n % 7 AS g, count(*) AS c FROM s GROUP BY n % 7`, `SELECT n % 7 AS g, count(*) AS c FROM s GROUP BY n % 7`, true, true},
		{"groups of a table", `SELECT rowmark, v % 5 AS g, count(*) AS c FROM t GROUP BY v % 5`, `SELECT v % 5 AS g, count(*) AS c FROM t GROUP BY v % 5`, true, true},
		{"join", `SELECT rowmark, t.id, t.v, d.c FROM t JOIN d ON d.g = t.v % 7`, `SELECT t.id, t.v, d.c FROM t JOIN d ON d.g = t.v % 7`, true, true},
		{"first rows", `SELECT rowmark, id, v FROM t ORDER BY v DESC, id LIMIT 4`, `SELECT id, v FROM t ORDER BY v DESC, id LIMIT 4`, true, true},
	} {
		for _, shards := range []int{3, 1}[:harness.Sized(2, 1)] {
			t.Run(fmt.Sprintf("%s/%d", test.name, shards), func(t *testing.T) {
				p := &resumedPush{query: test.query, changing: test.changing, keyed: test.keyed, rows: map[string]int{}}
				followWithBreaks(t, shards, p, test.result)
			})
		}
	}
}

func followWithBreaks(t *testing.T, shards int, p *resumedPush, result string) {
	options := node.Options{Dir: t.TempDir(), Shards: shards}
	n := harness.StartNode(t, options)
	writer := harness.Connect(t, harness.NodeURL(n.Addr()))
	for _, statement := range []string{
		`CREATE STREAM s (n INT)`, `CREATE STREAM s2 (n INT)`,
		`CREATE TABLE t (id INT PRIMARY KEY, v INT)`, `CREATE TABLE b (v INT)`,
		`CREATE TABLE d AS SELECT n % 7 AS g, count(*) AS c FROM s GROUP BY n % 7`,
		`CREATE STREAM c AS SELECT c.rowop AS op, id, v FROM CHANGES OF t c`,
	} {
		harness.Exec(t, writer, statement)
	}
	random := rand.New(rand.NewPCG(1, uint64(len(result))))
	count := 0
	write := func() {
		for range 1 + random.IntN(3) {
			count++
			for _, statement := range []string{
				fmt.Sprintf(`INSERT INTO s VALUES (%d), (%d), (%d)`, 3*count, 3*count+1, 3*count+2),
				fmt.Sprintf(`INSERT INTO s2 VALUES (%d)`, count),
				fmt.Sprintf(`INSERT INTO t SELECT g, %d FROM generate_series(1, 20) AS g WHERE g %% 4 = %d ON CONFLICT (id) DO UPDATE SET v = excluded.v + t.id`, count, count%4),
				fmt.Sprintf(`INSERT INTO b VALUES (%d), (%d)`, count%3, count%5),
				fmt.Sprintf(`DELETE FROM t WHERE id = %d`, 1+random.IntN(20)),
				fmt.Sprintf(`DELETE FROM b WHERE v = %d`, random.IntN(9)),
			} {
				harness.Exec(t, writer, statement)
			}
		}
	}
	if p.changing {
		write()
	}
	// A second client asks the same, so that both are told by one computation.
	other := &resumedPush{query: p.query, changing: p.changing, keyed: p.keyed, rows: map[string]int{}}
	followers := []*resumedPush{p, other}[:1+min(1, shards-1)]
	for round := range 7 {
		c := p.open(t, harness.NodeURL(n.Addr()))
		var beside *pgx.Conn
		if len(followers) > 1 {
			beside = other.open(t, harness.NodeURL(n.Addr()))
		}
		write()
		p.fetch(t, c, 1+random.IntN(9), "60s")
		write()
		p.fetch(t, c, 1+random.IntN(9), "100ms")
		if beside != nil {
			other.fetch(t, beside, 1+random.IntN(30), "60s")
			_ = beside.Close(t.Context())
		}
		_ = c.Close(t.Context())
		write()
		if round%3 == 1 {
			_ = writer.Close(t.Context())
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
			n = harness.StartNode(t, options)
			writer = harness.Connect(t, harness.NodeURL(n.Addr()))
		}
	}
	want := harness.Rows(t, writer, result)
	slices.Sort(want)
	for _, follower := range followers {
		c := follower.open(t, harness.NodeURL(n.Addr()))
		harness.Eventually(t, time.Minute, func() error {
			follower.fetch(t, c, 1000, "200ms")
			if diff := cmp.Diff(want, follower.sorted()); diff != "" {
				return fmt.Errorf("the push differs from the result (-result +push):\n%s", diff)
			}
			return nil
		})
	}
}

// TestRowmarkRefused resumes behind marks of other queries, damaged ones, and such
// behind which changes are not kept.
func TestRowmarkRefused(t *testing.T) {
	clock := &harness.Clock{}
	n := harness.StartNode(t, node.Options{Shards: 1, Now: clock.Now, After: clock.After})
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, c, `CREATE TABLE t (id INT PRIMARY KEY, v INT) WITH (changes_retention = '10 minutes')`)
	harness.Exec(t, c, `CREATE TABLE forgetful (id INT PRIMARY KEY, v INT) WITH (changes_retention = 0)`)
	harness.Exec(t, c, `INSERT INTO t VALUES (1, 1), (2, 2)`)
	harness.Exec(t, c, `INSERT INTO forgetful VALUES (1, 1)`)
	first := func(query string) string {
		t.Helper()
		mark, _, _ := strings.Cut(harness.Rows(t, c, query+` EMIT CHANGES LIMIT 1`)[0], "\t")
		return mark
	}
	inside, ofOther := first(`SELECT rowmark FROM t`), first(`SELECT rowmark FROM forgetful`)
	resume := func(query, mark string) error {
		_, err := harness.TryRows(t.Context(), c, query+` EMIT CHANGES WITH (resume = '`+mark+`') LIMIT 1`)
		return err
	}
	if err := resume(`SELECT rowmark FROM t`, inside); err != nil {
		t.Error(err)
	}
	harness.Exec(t, c, `UPDATE t SET v = v + 1`)
	harness.Exec(t, c, `UPDATE forgetful SET v = v + 1`)
	refused := func(query, mark, code string) {
		t.Helper()
		var failure *pgconn.PgError
		if err := resume(query, mark); !errors.As(err, &failure) || failure.Code != code || failure.Hint == "" {
			t.Errorf("%s: %+v instead of %s", query, err, code)
		}
	}
	if err := resume(`SELECT rowmark FROM t`, inside); err != nil {
		t.Error(err)
	}
	refused(`SELECT rowmark, v FROM t`, inside, "22023")
	refused(`SELECT rowmark FROM t`, inside[:len(inside)-1], "22023")
	refused(`SELECT rowmark FROM t`, ofOther, "22023")
	refused(`SELECT rowmark FROM forgetful`, ofOther, "72000")
	clock.Advance(11 * time.Minute)
	harness.Eventually(t, time.Minute, func() error {
		harness.Exec(t, c, `UPDATE forgetful SET v = v + 1`) // gives the shard a turn
		err := resume(`SELECT rowmark FROM t`, inside)
		var failure *pgconn.PgError
		if !errors.As(err, &failure) || failure.Code != "72000" {
			return fmt.Errorf("the changes are still kept: %v", err)
		}
		return nil
	})
}
