package testsql

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// TestCurrentOfPrepared changes the row that a cursor stands on when the statement runs,
// however long before that it was prepared.
func TestCurrentOfPrepared(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 2})
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, c, `CREATE TABLE t (id INT PRIMARY KEY, v TEXT)`)
	harness.Exec(t, c, `INSERT INTO t SELECT n, 'row' FROM generate_series(1, 4) AS n`)
	harness.Exec(t, c, `BEGIN`)
	description, err := c.Prepare(t.Context(), "change", `UPDATE t SET v = $1 || id WHERE CURRENT OF c`)
	if err != nil {
		t.Fatal(err)
	}
	if len(description.ParamOIDs) != 1 {
		t.Errorf("parameters %v", description.ParamOIDs)
	}
	harness.Exec(t, c, `DECLARE c CURSOR FOR SELECT v FROM t ORDER BY id FOR UPDATE`)
	for _, value := range []string{"first ", "second "} {
		harness.Exec(t, c, `MOVE 1 FROM c`)
		if tag, err := c.Exec(t.Context(), "change", value); err != nil || tag.RowsAffected() != 1 {
			t.Fatal(tag, err)
		}
	}
	if _, err := c.Exec(t.Context(), `DELETE FROM t WHERE CURRENT OF c`, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	harness.Exec(t, c, `COMMIT`)
	got := harness.Rows(t, c, `SELECT * FROM t ORDER BY id`)
	if len(got) != 3 || got[0] != "1\tfirst 1" || got[1] != "3\trow" {
		t.Errorf("%q", got)
	}
}
