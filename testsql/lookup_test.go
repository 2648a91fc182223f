package testsql

import (
	"sync"
	"testing"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// TestLookupSeesEarlierRows inserts a row of a table and then one of a stream that
// is joined with it, over many connections: none misses its row, whatever shards
// the rows come from.
func TestLookupSeesEarlierRows(t *testing.T) {
	t.Parallel()
	n := harness.StartNode(t, node.Options{Shards: 8})
	connection := harness.Connect(t, harness.NodeURL(n.Addr()))
	for _, statement := range []string{
		`CREATE TABLE dimension (id INT PRIMARY KEY, name TEXT)`,
		`CREATE STREAM facts (n INT, dimension INT)`,
		`CREATE STREAM met AS SELECT f.n, d.id FROM facts f LEFT JOIN dimension d ON d.id = f.dimension`,
	} {
		harness.Exec(t, connection, statement)
	}
	const writers = 8
	rounds := harness.Sized(400, 40)
	if long() {
		rounds = 1250
	}
	var all sync.WaitGroup
	for writer := range writers {
		c := harness.Connect(t, harness.NodeURL(n.Addr()))
		all.Go(func() {
			for i := range rounds {
				id := i*writers + writer
				if _, err := c.Exec(t.Context(), `INSERT INTO dimension VALUES ($1, 'x')`, id); err != nil {
					t.Error(err)
					return
				}
				if _, err := c.Exec(t.Context(), `INSERT INTO facts VALUES ($1, $1)`, id); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	var rows, missed int
	err := connection.QueryRow(t.Context(), `SELECT count(*), count(*) FILTER (WHERE id IS NULL) FROM met`).Scan(&rows, &missed)
	if err != nil || rows != writers*rounds || missed > 0 {
		t.Errorf("%d rows, %d of them without their match; %v", rows, missed, err)
	}
}
