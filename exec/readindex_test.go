package exec

import (
	"fmt"
	"testing"
	"time"

	"millrace/sql/types"
)

// TestReadYourWritesThroughAnotherNode writes on one node and reads on the others, whose
// replicas apply nothing that nobody waits for.
func TestReadYourWritesThroughAnotherNode(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 1, 3, 4)
	c.node(1).define(`CREATE TABLE t (id INT PRIMARY KEY, v INT)`)
	c.node(1).define(`CREATE STREAM s (id INT, v INT)`)
	for _, l := range c.shards {
		l.hold(2, true)
		l.hold(3, true)
	}
	writer := c.node(1).engine.NewWriter()
	defer writer.Close()
	for i := range 20 {
		row := []int64{int64(i), int64(i * i)}
		if err := writer.Write(t.Context(), []Rows{c.node(1).rows("t", row), c.node(1).rows("s", row)}, true); err != nil {
			t.Fatal(err)
		}
		reader := c.node(uint64(2 + i%2))
		for _, query := range []string{
			fmt.Sprintf(`SELECT v FROM t WHERE id = %d`, i),
			`SELECT max(v) FROM t`,
			`SELECT max(v) FROM s`,
		} {
			got, err := reader.query(t.Context(), query)
			if err != nil || len(got) != 1 || got[0] != fmt.Sprint(i*i) {
				t.Fatalf("%s after row %d: %v, %v", query, i, got, err)
			}
		}
		keys := types.NewBatch([]types.Type{types.Int4, types.Int4})
		keys.AppendRow([]types.Datum{types.IntDatum(int64(i)), {}}, 1)
		found, err := reader.engine.Find(t.Context(), reader.engine.Catalog().Lookup("public", "t"), keys, nil)
		if err != nil || found.Rows.Len != 1 {
			t.Fatalf("row %d is not found: %v", i, err)
		}
	}
}

// TestReadOfOneKeyAsksItsShard reads a key while another shard has no leader.
func TestReadOfOneKeyAsksItsShard(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 2, 3, 4)
	n := c.node(1)
	n.define(`CREATE TABLE t (id INT PRIMARY KEY, v INT)`)
	writer := n.engine.NewWriter()
	defer writer.Close()
	if err := writer.Write(t.Context(), []Rows{n.rows("t", []int64{7, 1})}, true); err != nil {
		t.Fatal(err)
	}
	home := types.PartitionOf(types.AppendKey(nil, types.Int4, types.IntDatum(7)), len(c.shards))
	for shard, l := range c.shards {
		if shard != home {
			l.setLeader(0)
		}
	}
	got, err := c.node(3).query(t.Context(), `SELECT v FROM t WHERE id = 7`)
	if err != nil || len(got) != 1 || got[0] != "1" {
		t.Errorf("got %v, %v", got, err)
	}
}

// TestDefinitionsAreSeenOnAllNodes defines on one node and plans on the others at once.
func TestDefinitionsAreSeenOnAllNodes(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 3, 3, 2)
	for i := range 5 {
		name := fmt.Sprintf("t%d", i)
		for _, n := range c.nodes {
			if err := n.engine.CatchUpCatalog(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		c.node(1).define(fmt.Sprintf(`CREATE TABLE %s (id INT PRIMARY KEY, v INT)`, name))
		for _, n := range c.nodes {
			if err := n.engine.CatchUpCatalog(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n.engine.Catalog().Lookup("public", name) == nil {
				t.Errorf("node %d does not see %s", n.id, name)
			}
		}
	}
}

// TestDefinitionWaitsForALease defines while a node that has a lease is cut off: the
// definition is acknowledged when the lease is over, and the node then refuses.
func TestDefinitionWaitsForALease(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 4, 3, 2)
	if err := c.node(3).engine.CatchUpCatalog(t.Context()); err != nil {
		t.Fatal(err)
	}
	granted := time.Now()
	c.cutOff(1, 3, true)
	c.cutOff(3, 1, true)
	c.catalog.hold(3, true)
	c.node(1).define(`CREATE TABLE t (id INT PRIMARY KEY, v INT)`)
	if c.node(3).engine.Catalog().Lookup("public", "t") == nil && time.Since(granted) < catalogLease {
		t.Errorf("the definition was acknowledged %v after a node got a lease", time.Since(granted))
	}
	asked := c.node(3).engine.view.asked.Load()
	if age := time.Since(*asked); age < catalogLease {
		t.Errorf("the node's lease is %v old", age)
	}
	c.cutOff(1, 3, false)
	c.cutOff(3, 1, false)
	if err := c.node(3).engine.CatchUpCatalog(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c.node(3).engine.Catalog().Lookup("public", "t") == nil {
		t.Error("the node does not see the table")
	}
}

// TestDerivedResultsAreFreshOnOtherNodes reads what follows from acknowledged writes,
// behind shuffles, on nodes that lead some of the shards or none.
func TestDerivedResultsAreFreshOnOtherNodes(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 5, 3, 4)
	n := c.node(1)
	n.define(`CREATE STREAM s (k INT, v INT)`)
	n.define(`CREATE TABLE sums AS SELECT v, count(*) AS n FROM s GROUP BY v`)
	n.define(`CREATE TABLE counts AS SELECT n, count(*) AS groups FROM sums GROUP BY n`)
	writer := n.engine.NewWriter()
	defer writer.Close()
	for i := range 30 {
		if i%5 == 0 {
			for shard, l := range c.shards {
				l.setLeader(uint64(1 + (shard+i)%3))
			}
		}
		for node := range uint64(3) {
			for _, l := range c.shards {
				l.hold(node+1, true)
			}
		}
		if err := writer.Write(t.Context(), []Rows{n.rows("s", []int64{int64(i), int64(i % 3)})}, false); err != nil {
			t.Fatal(err)
		}
		for _, reader := range c.nodes {
			got, err := reader.query(t.Context(), `SELECT sum(n * groups), sum(groups) FROM counts`)
			want := fmt.Sprintf("%d|%d", i+1, min(i+1, 3))
			if err != nil || len(got) != 1 || got[0] != want {
				t.Fatalf("node %d after %d rows: got %v, %v, want %s", reader.id, i+1, got, err, want)
			}
		}
	}
}
