package cluster

import (
	"slices"
	"testing"
)

// voterCounts are the voters of every group as the nodes that lead them have them.
func voterCounts(c *testCluster) []int {
	var counts []int
	for group := range 1 + c.shards {
		counts = append(counts, len(c.waitLeader(group).groups()[group].voters()))
	}
	return counts
}

func TestClusterGrowsFromOneToThree(t *testing.T) {
	c := newTestCluster(t, 1, 3)
	load := c.load()
	load.waitMore(20)
	c.start(host(1))
	c.start(host(2))
	c.waitPlaced()
	load.waitMore(20)
	if counts := voterCounts(c); slices.Min(counts) != 3 {
		t.Fatalf("voters %v", counts)
	}
	leads := map[uint64]int{}
	for group := range 1 + c.shards {
		leads[c.waitLeader(group).ID()]++
	}
	if len(leads) != 3 {
		t.Errorf("leaders are not balanced: %v", leads)
	}
	load.finish()
}

func TestClusterGoesOnWithoutAnyNode(t *testing.T) {
	c := newTestCluster(t, 3, 3)
	load := c.load()
	for i := range 3 {
		load.waitMore(20)
		c.kill(host(i))
		load.waitMore(20)
		c.start(host(i))
	}
	c.waitPlaced()
	load.waitMore(20)
	load.finish()
}

func TestClusterReplicatesCatalogCommands(t *testing.T) {
	c := newTestCluster(t, 3, 1)
	leader := c.waitLeader(0)
	index, _, err := leader.ProposeCatalog(testContext(t), []byte("a command"))
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range c.running() {
		if err := node.WaitCatalog(testContext(t), index); err != nil {
			t.Fatal(err)
		}
		if got := node.options.Catalog.(*testCatalog).list(); !slices.Equal(got, []string{"a command"}) {
			t.Fatalf("node %d has %q", node.ID(), got)
		}
	}
}
