package exec

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOneNode runs statements on a cluster of one.
func TestOneNode(t *testing.T) {
	c := newNodes(t, 1, 1, 4)
	n := c.node(1)
	n.define(`CREATE TABLE t (id INT PRIMARY KEY, g INT)`)
	n.define(`CREATE TABLE sums AS SELECT g, count(*) AS n FROM t GROUP BY g`)
	writer := n.engine.NewWriter()
	defer writer.Close()
	if err := writer.Write(t.Context(), []Rows{n.rows("t", []int64{1, 1}, []int64{2, 1}, []int64{3, 2})}, true); err != nil {
		t.Fatal(err)
	}
	got, err := n.query(t.Context(), `SELECT g, n FROM sums`)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"1|2", "2|1"}, got); diff != "" {
		t.Error(diff)
	}
}
