package testsql

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"millrace/testsql/harness"
)

// TestKillTables kills the process while clients change a table with constraints
// and indexes, and one without a key. Afterwards the constraints hold, an index
// finds what the table has, and derived tables are what their queries give.
func TestKillTables(t *testing.T) {
	kills := 8
	if long() {
		kills = 200
	}
	random := rand.New(rand.NewPCG(13, 5))
	dir := t.TempDir()
	p := harness.StartProcess(t, dir, "--shards", "8")
	c := harness.Connect(t, p.URL())
	for _, statement := range itemTables {
		harness.Exec(t, c, statement)
	}
	for _, q := range itemQueries {
		harness.Exec(t, c, fmt.Sprintf("CREATE TABLE %s AS %s", q.name, q.query))
	}
	var done atomic.Int64
	for range kills {
		ctx, cancel := context.WithCancel(t.Context())
		var clients sync.WaitGroup
		for range 6 {
			own := rand.New(rand.NewPCG(random.Uint64(), 1))
			clients.Go(func() { changeItems(ctx, t, p.URL(), own, &done) })
		}
		<-time.After(time.Duration(100+random.IntN(400)) * time.Millisecond) // the random moment
		p.Kill()
		cancel()
		clients.Wait()
		p = harness.StartProcess(t, dir)
		checkItems(t, harness.Connect(t, p.URL()))
		if t.Failed() {
			return
		}
	}
	if done.Load() == 0 {
		t.Error("no statement succeeded")
	}
	t.Logf("%d statements and transactions over %d kills", done.Load(), kills)
}

var itemTables = []string{
	`CREATE TABLE items (id INT PRIMARY KEY, code TEXT UNIQUE, grp INT NOT NULL DEFAULT 1, v INT CHECK (v >= 0), CONSTRAINT pair UNIQUE (grp, v))`,
	`CREATE INDEX items_v ON items (v)`,
	`CREATE TABLE visits (grp INT, item INT)`,
	`CREATE TABLE groups (grp INT PRIMARY KEY, name TEXT)`,
	`INSERT INTO groups SELECT i, 'group ' || i FROM generate_series(0, 4) AS g(i)`,
}

// itemQueries are derived tables, each after those that it reads.
var itemQueries = []struct{ name, query string }{
	{"by_group", `SELECT grp, count(*) AS n, sum(v) AS s, min(v) AS lo, max(v) AS hi, count(DISTINCT code) AS codes FROM items GROUP BY grp`},
	{"by_size", `SELECT n, count(*) AS groups, max(hi) AS hi FROM by_group GROUP BY n`},
	{"visited", `SELECT item, count(*) AS n FROM visits GROUP BY item`},
	{"named", `SELECT i.id, i.code, g.name FROM items i JOIN groups g ON g.grp = i.grp`},
	{"unvisited", `SELECT i.grp, count(*) AS n, count(v.item) AS visits FROM items i LEFT JOIN visits v ON v.item = i.id GROUP BY i.grp`},
	{"many_values", `SELECT v, count(*) AS n FROM items WHERE v > 3 GROUP BY v HAVING count(*) > 1`},
}

// changeItems changes items until the connection fails. That a constraint refuses a
// change is part of it.
func changeItems(ctx context.Context, t *testing.T, url string, random *rand.Rand, done *atomic.Int64) {
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return // killed already
	}
	defer c.Close(context.WithoutCancel(ctx))
	for ctx.Err() == nil {
		err := changeItem(ctx, c, random)
		switch code := codeOf(err); {
		case err == nil:
			done.Add(1)
		case code == "23505" || code == "23514" || code == "40P01":
		case c.IsClosed() || ctx.Err() != nil || code == "57P01":
			return
		default:
			t.Errorf("although the node lives: %v", err)
			return
		}
	}
}

func changeItem(ctx context.Context, c *pgx.Conn, random *rand.Rand) error {
	id, other := random.IntN(40), random.IntN(40)
	code, v := fmt.Sprintf("'code %d'", random.IntN(30)), random.IntN(12)
	statements := []string{
		fmt.Sprintf(`INSERT INTO items VALUES (%d, %s, %d, %d)`, id, code, random.IntN(5), v),
		fmt.Sprintf(`INSERT INTO items VALUES (%d, %s, %d, %d), (%d, NULL, 0, %d) ON CONFLICT DO NOTHING`, id, code, random.IntN(5), v, other, v),
		fmt.Sprintf(`INSERT INTO items (id, code, v) VALUES (%d, %s, %d) ON CONFLICT (code) DO UPDATE SET v = items.v + 1`, id, code, v),
		fmt.Sprintf(`UPDATE items SET code = %s WHERE id = %d`, code, id),
		fmt.Sprintf(`UPDATE items SET v = v - %d WHERE grp = %d`, random.IntN(3), random.IntN(5)),
		fmt.Sprintf(`UPDATE items SET id = %d, v = v + 1 WHERE code = %s`, 100+random.IntN(40), code),
		fmt.Sprintf(`UPDATE items SET grp = %d, v = %d WHERE v = %d`, random.IntN(5), random.IntN(12), v),
		fmt.Sprintf(`DELETE FROM items WHERE id IN (%d, %d)`, id, other),
		fmt.Sprintf(`DELETE FROM items WHERE v = %d AND grp = %d`, v, random.IntN(5)),
		fmt.Sprintf(`INSERT INTO visits SELECT grp, id FROM items WHERE v = %d`, v),
		fmt.Sprintf(`DELETE FROM visits WHERE item = %d`, id),
		`UPDATE groups SET name = name || '!' WHERE length(name) < 12`,
	}
	pick := func() string { return statements[random.IntN(len(statements))] }
	if random.IntN(3) > 0 {
		_, err := c.Exec(ctx, pick())
		return err
	}
	return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, pick()); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `SAVEPOINT s`); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, pick()); err != nil || random.IntN(2) == 0 {
			if c.IsClosed() {
				return err
			}
			if _, err := tx.Exec(ctx, `ROLLBACK TO s`); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, pick())
		return err
	})
}

// checkItems holds what is stored against the constraints, the indexes against the
// table, and derived tables against their queries.
func checkItems(t *testing.T, c *pgx.Conn) {
	t.Helper()
	wantRows(t, c, `SELECT code FROM items WHERE code IS NOT NULL GROUP BY code HAVING count(*) > 1`)
	wantRows(t, c, `SELECT grp, v FROM items WHERE v IS NOT NULL GROUP BY grp, v HAVING count(*) > 1`)
	wantRows(t, c, `SELECT id FROM items WHERE v < 0`)
	wantRows(t, c, `SELECT id FROM items GROUP BY id HAVING count(*) > 1`)
	all := harness.Rows(t, c, `SELECT * FROM items`)
	for i := range 30 {
		code := fmt.Sprintf("code %d", i)
		byIndex := harness.Rows(t, c, fmt.Sprintf(`SELECT * FROM items WHERE code = '%s'`, code))
		wantSame(t, "code "+code, only(all, func(f []string) bool { return f[1] == code }), byIndex)
	}
	for i := range 30 {
		byIndex := harness.Rows(t, c, fmt.Sprintf(`SELECT * FROM items WHERE v = %d`, i))
		wantSame(t, fmt.Sprint("v ", i), only(all, func(f []string) bool { return f[3] == fmt.Sprint(i) }), byIndex)
	}
	for _, q := range itemQueries {
		wantSame(t, q.name, harness.Rows(t, c, q.query), harness.Rows(t, c, `SELECT * FROM `+q.name))
	}
}

// only returns the rows whose fields fulfil a condition.
func only(rows []string, fulfils func([]string) bool) []string {
	var out []string
	for _, row := range rows {
		if fulfils(strings.Split(row, "\t")) {
			out = append(out, row)
		}
	}
	return out
}

// wantSame compares rows in any order.
func wantSame(t *testing.T, what string, want, got []string) {
	t.Helper()
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
		t.Errorf("%s (-computed +kept):\n%s", what, diff)
	}
}
