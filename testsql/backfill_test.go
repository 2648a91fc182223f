package testsql

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"millrace/cmd/node"
	"millrace/exec"
	"millrace/sql/types"
	"millrace/testsql/harness"
)

// TestSlowBackfill declares results over a table and a stream with history,
// slowed down so that no piece fits the query's time: no row is passed over.
func TestSlowBackfill(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 1, Hooks: exec.Hooks{BeforeStage: func(query string, rows *types.Batch) {
		if strings.HasPrefix(query, "slow") {
			<-time.After(time.Duration(rows.Len) * 200 * time.Microsecond) // a slow query is the subject of the test
		}
	}}})
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	// A machine that does other things beside is given the time that it takes.
	harness.Exec(t, c, `SET freshness_timeout = '5min'`)
	harness.Exec(t, c, `CREATE TABLE source (id INT PRIMARY KEY, k INT)`)
	harness.Exec(t, c, `CREATE STREAM s (id INT, k INT)`)
	const rows = 3000
	var values []string
	for i := range rows {
		values = append(values, fmt.Sprintf("(%d, %d)", i, i%7))
	}
	harness.Exec(t, c, `INSERT INTO source VALUES `+strings.Join(values, ", "))
	harness.Exec(t, c, `INSERT INTO s VALUES `+strings.Join(values, ", "))
	harness.Exec(t, c, `CREATE TABLE slow_table AS SELECT id, k FROM source WHERE k < 7`)
	harness.Exec(t, c, `CREATE TABLE slow_stream AS SELECT id, k FROM s WHERE k < 7`)
	harness.Exec(t, c, `INSERT INTO source VALUES (-1, 1)`)
	harness.Exec(t, c, `INSERT INTO s VALUES (-1, 1)`)
	want := fmt.Sprintf("%d\t%d", rows+1, rows*(rows-1)/2-1)
	for _, table := range []string{"slow_table", "slow_stream"} {
		if got := harness.Rows(t, c, `SELECT count(*), sum(id) FROM `+table); got[0] != want {
			t.Errorf("%s has %s, want %s", table, got[0], want)
		}
	}
}
