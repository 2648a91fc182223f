package testsql

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// TestLargePartitions has window functions over a partition that is as large as may be,
// and then larger: the query stops and says why, everything else goes on, also after a
// restart. When rows have been deleted it can be resumed.
func TestLargePartitions(t *testing.T) {
	harness.SkipRaced(t)
	const most = 50_000
	options := node.Options{Dir: t.TempDir(), Shards: 2}
	n := harness.StartNode(t, options)
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	const (
		query   = `SELECT id, row_number() OVER (PARTITION BY g ORDER BY id DESC) AS place FROM t`
		summary = `SELECT count(*), sum(place), max(place) FILTER (WHERE id = 2) FROM places`
		hint    = "Each change of a partition computes it anew. Use PARTITION BY by columns with more values, or a condition such as rank() <= n. A continuous query goes on, by PAUSE and RESUME, when rows have been deleted."
	)
	for _, statement := range []string{
		`SET freshness_timeout = '120s'`,
		`CREATE TABLE t (id INT PRIMARY KEY, g INT)`,
		`CREATE TABLE groups AS SELECT g, count(*) AS n FROM t GROUP BY g`,
		fmt.Sprintf(`INSERT INTO t SELECT i, 1 FROM generate_series(2, %d) AS i`, most),
		`CREATE TABLE places AS ` + query,
	} {
		harness.Exec(t, c, statement)
	}
	expect := func(query string, want ...string) {
		t.Helper()
		if got := harness.Rows(t, c, query); !slices.Equal(got, want) {
			t.Errorf("%s\ngives %q, not %q", query, got, want)
		}
	}
	sum := func(n int) string { return fmt.Sprintf("%d\t%d\t%d", n, n*(n+1)/2, n) }
	expect(summary, sum(most-1))
	// The first of all changes the number of every other row.
	harness.Exec(t, c, `INSERT INTO t VALUES (1000000, 1)`)
	expect(summary, sum(most))

	harness.Exec(t, c, `INSERT INTO t VALUES (1, 1), (1000001, 2)`)
	stopped := func() {
		t.Helper()
		_, err := harness.TryRows(t.Context(), c, summary)
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != "55000" || !strings.Contains(refused.Detail, "more than 50000 rows (SQLSTATE 54000). "+hint) {
			t.Fatalf("a partition of %d rows: %v (%+v)", most+1, err, refused)
		}
		expect(`SELECT * FROM groups ORDER BY g`, fmt.Sprintf("1\t%d", most+1), "2\t1")
	}
	stopped()
	_, err := harness.TryRows(t.Context(), c, query+` EMIT CHANGES`)
	var refused *pgconn.PgError
	if !errors.As(err, &refused) || refused.Code != "54000" || refused.Hint != hint {
		t.Errorf("a push over a partition of %d rows: %v (%+v)", most+1, err, refused)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n = harness.StartNode(t, options)
	c = harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, c, `SET freshness_timeout = '120s'`)
	stopped()

	resume := func() {
		harness.Exec(t, c, `PAUSE places`)
		harness.Exec(t, c, `RESUME places`)
	}
	resume()
	stopped()
	harness.Exec(t, c, fmt.Sprintf(`INSERT INTO t SELECT i, 1 FROM generate_series(%d, %d) AS i`, most+1, most+500))
	harness.Exec(t, c, fmt.Sprintf(`DELETE FROM t WHERE id = 1 OR id BETWEEN %d AND %d`, most+1, most+500))
	resume()
	expect(summary, fmt.Sprintf("%d\t%d\t%d", most+1, most*(most+1)/2+1, most))
}
