package testsql

import (
	"fmt"
	"slices"
	"testing"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// TestFetchNow takes what a push query has now, without waiting for more: all that was
// committed before the FETCH, also where the result is a group's.
func TestFetchNow(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 1})
	writer := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, writer, `CREATE STREAM s (n INT)`)
	harness.Exec(t, writer, `CREATE TABLE t (n INT PRIMARY KEY)`)
	for _, query := range []string{
		`SELECT n FROM s EMIT CHANGES WITH (snapshot = true)`, `SELECT n FROM t EMIT CHANGES`,
		`SELECT n, count(*) FROM s GROUP BY n EMIT CHANGES`, `SELECT n FROM CHANGES OF t EMIT CHANGES`,
	} {
		c := harness.Connect(t, harness.NodeURL(n.Addr()))
		harness.Exec(t, writer, `INSERT INTO s VALUES (1)`)
		harness.Exec(t, writer, `DELETE FROM t`)
		harness.Exec(t, c, `DECLARE c CURSOR WITH HOLD FOR `+query)
		for i := range 5 {
			harness.Exec(t, writer, fmt.Sprintf(`INSERT INTO s VALUES (%d)`, i+10))
			harness.Exec(t, writer, fmt.Sprintf(`INSERT INTO t VALUES (%d)`, i+10))
			var got []string
			for {
				rows := harness.Rows(t, c, `FETCH ALL FROM c WITH (timeout = '0s')`)
				if len(rows) == 0 {
					break
				}
				got = append(got, rows...)
			}
			last := fmt.Sprint(i + 10)
			if !slices.ContainsFunc(got, func(row string) bool { return row == last || row[:min(len(row), 3)] == last+"\t" }) {
				t.Fatalf("%s: behind the row %s: %q", query, last, got)
			}
		}
		harness.Exec(t, c, `CLOSE c`)
	}
}
