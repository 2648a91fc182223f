package testsql

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/testsql/harness"
)

// TestKillDefining kills the real process at random moments while transactions make a
// table with rows, store another one anew, change a third one and count themselves.
// Afterwards each of them is there whole or not at all, and none that was acknowledged
// is missing.
func TestKillDefining(t *testing.T) {
	kills := 4
	if long() {
		kills = 200
	}
	random := rand.New(rand.NewPCG(5, 23))
	dir := t.TempDir()
	p := harness.StartProcess(t, dir, "--shards", "4")
	c := harness.Connect(t, p.URL())
	harness.Exec(t, c, `CREATE TABLE counter (id INT PRIMARY KEY, n INT)`)
	harness.Exec(t, c, `INSERT INTO counter VALUES (1, 0)`)
	harness.Exec(t, c, `CREATE TABLE grown (id INT)`)
	harness.Exec(t, c, `CREATE TABLE anew (id INT PRIMARY KEY, v TEXT)`)
	for range kills {
		ctx, cancel := context.WithCancel(t.Context())
		acknowledged := make(chan int, 1)
		go func() { acknowledged <- defineUntilGone(ctx, c) }()
		<-time.After(time.Duration(20+random.IntN(250)) * time.Millisecond) // the random moment
		p.Kill()
		last := <-acknowledged
		cancel()
		p = harness.StartProcess(t, dir)
		c = harness.Connect(t, p.URL())
		checkDefined(t, c, last)
	}
}

// defineUntilGone makes transactions until the connection fails, and returns the number
// of the last one that was acknowledged, or 0.
func defineUntilGone(ctx context.Context, c *pgx.Conn) (acknowledged int) {
	var n int
	if err := c.QueryRow(ctx, `SELECT n FROM counter`).Scan(&n); err != nil {
		return 0
	}
	for {
		n++
		var texts []string
		for id := range 20 {
			texts = append(texts, fmt.Sprintf("(%d, 'row %d')", id, id))
		}
		statements := []string{
			fmt.Sprintf(`BEGIN; CREATE TABLE made_%d (id INT PRIMARY KEY, v TEXT UNIQUE); INSERT INTO made_%d VALUES %s`, n, n, strings.Join(texts, ", ")),
			fmt.Sprintf(`ALTER TABLE grown ADD COLUMN c%d INT DEFAULT %d; INSERT INTO grown (id) VALUES (%d)`, n, n, n),
			fmt.Sprintf(`INSERT INTO anew VALUES (%d, '%d'); ALTER TABLE anew ALTER COLUMN v TYPE %s USING v::%s`, n, n, typeOf(n), typeOf(n)),
			fmt.Sprintf(`UPDATE counter SET n = %d WHERE id = 1; COMMIT`, n),
		}
		for _, statement := range statements {
			if _, err := c.Exec(ctx, statement); err != nil {
				return acknowledged
			}
		}
		acknowledged = n
	}
}

// typeOf is the type that transaction n gives a column.
func typeOf(n int) string { return []string{"text", "int", "varchar(9)"}[n%3] }

func checkDefined(t *testing.T, c *pgx.Conn, acknowledged int) {
	t.Helper()
	n, err := strconv.Atoi(harness.Rows(t, c, `SELECT n FROM counter`)[0])
	if err != nil || n < acknowledged {
		t.Fatalf("transaction %d was acknowledged, but %d was the last: %v", acknowledged, n, err)
	}
	names := harness.Rows(t, c, `SELECT relname FROM pg_class WHERE relname LIKE 'made%' AND relkind = 'r'`)
	if len(names) != n {
		t.Fatalf("%d tables are there of %d", len(names), n)
	}
	for _, check := range []struct{ query, want string }{
		{`SELECT count(*), max(id) FROM grown`, fmt.Sprintf("%d\t%d", n, n)},
		{`SELECT count(*) - 1 FROM information_schema.columns WHERE table_name = 'grown'`, strconv.Itoa(n)},
		{`SELECT count(*), max(v::int) FROM anew`, fmt.Sprintf("%d\t%d", n, n)},
		{fmt.Sprintf(`SELECT count(*), count(DISTINCT v) FROM made_%d`, n), "20\t20"},
	} {
		want := check.want
		if n == 0 {
			break
		}
		if got := harness.Rows(t, c, check.query); len(got) != 1 || got[0] != want {
			t.Fatalf("%s gives %q, want %q, after transaction %d", check.query, got, want, n)
		}
	}
	if n > 0 {
		_, err := c.Exec(t.Context(), fmt.Sprintf(`INSERT INTO made_%d VALUES (99, 'row 7')`, n))
		if code(err) != "23505" {
			t.Fatalf("a second row of a value: %v", err)
		}
	}
}
