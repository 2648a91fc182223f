package testsql

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/testsql/harness"
)

// TestKillWhileRowsGo kills the real process while streams are compacted and lose their
// beginnings: the last row of each key is there, results have counted every row once, and
// what is left of the other stream is its end.
func TestKillWhileRowsGo(t *testing.T) {
	kills := 2
	if long() {
		kills = 40
	}
	const keys = 50
	random := rand.New(rand.NewPCG(19, 7))
	dir := t.TempDir()
	arguments := []string{"--shards", "2", "--segment-bytes", "16384"}
	p := harness.StartProcess(t, dir, arguments...)
	c := harness.Connect(t, p.URL())
	for _, statement := range []string{
		`CREATE STREAM latest (k INT KEY, n INT, pad TEXT) WITH (cleanup_policy = 'compact')`,
		`CREATE STREAM recent (n INT, pad TEXT) WITH (retention_bytes = '64kB', partitions = 1)`,
		`CREATE TABLE latest_counts AS SELECT k, count(*) AS n, max(n) AS last FROM latest GROUP BY k`,
		`CREATE TABLE recent_count AS SELECT count(*) AS n, sum(n) AS total FROM recent`,
	} {
		harness.Exec(t, c, statement)
	}
	next := 0
	// rows is harness.Rows, again where the beginning of a stream went while it was read.
	rows := func(c *pgx.Conn, query string) []string {
		t.Helper()
		for {
			rows, err := harness.TryRows(t.Context(), c, query)
			if err == nil {
				return rows
			}
			if code(err) != "55000" {
				t.Fatal(err)
			}
		}
	}
	check := func() (left, first int) {
		t.Helper()
		c := harness.Connect(t, p.URL())
		for query, want := range map[string]string{
			`SELECT count(*), min(n), max(n), count(*) FILTER (WHERE last >= %[1]d - %[2]d) FROM latest_counts`: fmt.Sprintf("%d\t%d\t%d\t%[1]d", keys, next/keys, next/keys),
			`SELECT n, total FROM recent_count`: fmt.Sprintf("%d\t%d", next, next*(next-1)/2),
			`SELECT count(*) FROM (SELECT DISTINCT ON (k) n FROM latest ORDER BY k, rowoffset DESC) AS x WHERE n >= %[1]d - %[2]d`: fmt.Sprint(keys),
			`SELECT max(n), count(*) = max(n) - min(n) + 1, count(*) = max(rowoffset) - min(rowoffset) + 1 FROM recent`:            fmt.Sprintf("%d\tt\tt", next-1),
		} {
			if strings.Contains(query, "%") {
				query = fmt.Sprintf(query, next, keys)
			}
			if got := rows(c, query)[0]; got != want {
				t.Fatalf("%s\ngives %q, not %q", query, got, want)
			}
		}
		counts := strings.Fields(rows(c, `SELECT (SELECT count(*) FROM latest), (SELECT min(n) FROM recent)`)[0])
		_, err := fmt.Sscan(strings.Join(counts, " "), &left, &first)
		if err != nil {
			t.Fatal(err)
		}
		return left, first
	}
	for range kills {
		for range 20 {
			harness.Exec(t, c, fmt.Sprintf(`INSERT INTO latest SELECT n %% %d, n, repeat('x', 40) FROM generate_series(%d, %d) AS n`, keys, next, next+4*keys-1))
			harness.Exec(t, c, fmt.Sprintf(`INSERT INTO recent SELECT n, repeat('x', 40) FROM generate_series(%d, %d) AS n`, next, next+4*keys-1))
			next += 4 * keys
		}
		left, first := check()
		harness.Eventually(t, 60*time.Second, func() error {
			if nowLeft, nowFirst := check(); nowLeft >= left && nowFirst <= first {
				return fmt.Errorf("%d rows are left, the first is %d", nowLeft, nowFirst)
			}
			return nil
		})
		<-time.After(time.Duration(random.IntN(50)) * time.Millisecond) // the random moment
		p.Kill()
		p = harness.StartProcess(t, dir, arguments...)
		c = harness.Connect(t, p.URL())
		check()
	}
	harness.Eventually(t, 60*time.Second, func() error {
		if left, first := check(); left > next/4 || first < next/2 {
			return fmt.Errorf("%d rows are left of %d, the first is %d", left, next, first)
		}
		return nil
	})
}
