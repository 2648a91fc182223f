package exec

import (
	"sync"
	"testing"

	"millrace/sql/catalog"
)

func (n *engineNode) sequence(name string) catalog.ObjectID {
	n.cluster.t.Helper()
	q := n.engine.newestCatalog().LookupSequence("public", name)
	if q == nil {
		n.cluster.t.Fatalf("node %d knows no sequence %s", n.id, name)
	}
	return q.ID
}

func (n *engineNode) nextValue(id catalog.ObjectID) int64 {
	n.cluster.t.Helper()
	values := make([]int64, 1)
	if given, err := n.engine.NextValues(n.cluster.t.Context(), id, values); err != nil || given != 1 {
		n.cluster.t.Fatalf("node %d: %d values, %v", n.id, given, err)
	}
	return values[0]
}

// TestValuesGrowOverNodes takes values from all nodes in turns: they grow without gaps,
// also behind setval and ALTER SEQUENCE.
func TestValuesGrowOverNodes(t *testing.T) {
	c := newNodes(t, 1, 3, 1)
	c.node(2).define(`CREATE SEQUENCE s`)
	id := c.node(1).sequence("s")
	for want := range int64(100) {
		n := c.nodes[want%3]
		if got := n.nextValue(id); got != want+1 {
			t.Fatalf("node %d was given %d behind %d", n.id, got, want)
		}
	}
	for _, n := range c.nodes {
		if last, called, _ := n.engine.SequenceState(id); last != 100 || !called {
			t.Errorf("node %d: the sequence is at %d, %t", n.id, last, called)
		}
	}
	if err := c.node(3).engine.SetSequence(t.Context(), &catalog.SetSequence{ID: id, Value: 500, Called: true}); err != nil {
		t.Fatal(err)
	}
	if got := c.node(2).nextValue(id); got != 501 {
		t.Errorf("behind setval came %d", got)
	}
	c.node(3).define(`ALTER SEQUENCE s INCREMENT 10`)
	if got := c.node(2).nextValue(id); got != 511 {
		t.Errorf("behind ALTER came %d", got)
	}
	c.catalog.setLeader(3)
	c.wait(func() bool { _, err := c.node(3).engine.coordinating(); return err == nil })
	if got := c.node(2).nextValue(id); got <= 511 {
		t.Errorf("another coordinator gave %d", got)
	}
}

// TestValuesAreGivenOnce takes values on all nodes at once, while calls are lost and the
// coordinator moves.
func TestValuesAreGivenOnce(t *testing.T) {
	c := newNodes(t, 5, 3, 1)
	c.node(1).define(`CREATE SEQUENCE s`)
	id := c.node(1).sequence("s")
	c.setLossy(5)
	var mu sync.Mutex
	given := map[int64]uint64{}
	var takers sync.WaitGroup
	for i := range 6 {
		n := c.nodes[i%3]
		takers.Go(func() {
			values := make([]int64, 7)
			for range 40 {
				if i == 0 && c.chance(8) == 0 {
					c.catalog.setLeader(uint64(c.chance(3) + 1))
				}
				got, err := n.engine.NextValues(t.Context(), id, values)
				if err != nil {
					t.Errorf("node %d: %v", n.id, err)
					return
				}
				mu.Lock()
				for _, v := range values[:got] {
					if by, twice := given[v]; twice {
						t.Errorf("%d was given to nodes %d and %d", v, by, n.id)
					}
					given[v] = n.id
				}
				mu.Unlock()
			}
		})
	}
	takers.Wait()
}
