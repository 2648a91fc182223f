package cluster

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestCluster lives through a cluster's days in virtual time.
func TestCluster(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"grows from one to three":                     testClusterGrowsFromOneToThree,
		"goes on without any node":                    testClusterGoesOnWithoutAnyNode,
		"replicates catalog commands":                 testClusterReplicatesCatalogCommands,
		"grows to four and loses its first":           testClusterGrowsToFourAndLosesItsFirst,
		"of five goes on with three":                  testClusterOfFiveGoesOnWithThree,
		"drains a node":                               testClusterDrainsANode,
		"moves shards as asked":                       testClusterMovesShardsAsAsked,
		"survives partitions":                         testClusterSurvivesPartitions,
		"starts again at other addresses":             testClusterStartsAgainAtOtherAddresses,
		"node with a lost disk comes back as another": testNodeWithALostDiskComesBackAsAnother,
		"restarts one by one":                         testClusterRestartsOneByOne,
		"node of several has to listen":               testNodeOfSeveralHasToListen,
		"says what keeps it from working":             testClusterSaysWhatKeepsItFromWorking,
		"nodes are refused with a reason":             testNodesAreRefusedWithAReason,
	} {
		t.Run(name, func(t *testing.T) { virtual(t, test) })
	}
}

// voterCounts are the voters of every group as the nodes that lead them have them.
func voterCounts(c *testCluster) []int {
	var counts []int
	for group := range 1 + c.shards {
		counts = append(counts, len(c.waitLeader(group).groups()[group].voters()))
	}
	return counts
}

func testClusterGrowsFromOneToThree(t *testing.T) {
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

func testClusterGoesOnWithoutAnyNode(t *testing.T) {
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

func testClusterReplicatesCatalogCommands(t *testing.T) {
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

func testClusterGrowsToFourAndLosesItsFirst(t *testing.T) {
	c := newTestCluster(t, 3, 3)
	load := c.load()
	load.waitMore(20)
	c.start(host(3))
	first := c.node(host(0))
	if err := c.node(host(1)).RemoveNode(testContext(t), first.ID()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-first.Removed():
	case <-testContext(t).Done():
		t.Fatal("the first node has not been told that it is removed")
	}
	c.close(host(0))
	c.waitPlaced()
	load.waitMore(20)
	if counts := voterCounts(c); slices.Min(counts) != 3 || slices.Max(counts) != 3 {
		t.Fatalf("voters %v", counts)
	}
	for _, node := range c.running() {
		if got := node.Peers().Members(); !slices.Equal(got, []uint64{2, 3, 4}) {
			t.Fatalf("node %d knows members %v", node.ID(), got)
		}
	}
	load.finish()
	// It comes back in vain, though it has missed nothing.
	back := c.open(host(0))
	select {
	case <-back.Removed():
	case <-testContext(t).Done():
		t.Fatal("a removed node has not been told")
	}
	if err := back.Ready(testContext(t)); err == nil {
		t.Fatal("a removed node is ready")
	}
	c.close(host(0))
}

func testClusterOfFiveGoesOnWithThree(t *testing.T) {
	c := newTestCluster(t, 5, 2)
	if err := c.node(host(2)).SetReplication(testContext(t), 5); err != nil {
		t.Fatal(err)
	}
	c.waitPlaced()
	if counts := voterCounts(c); slices.Min(counts) != 5 {
		t.Fatalf("voters %v", counts)
	}
	load := c.load()
	load.waitMore(20)
	c.kill(host(0))
	c.kill(host(3))
	load.waitMore(20)
	c.start(host(0))
	c.start(host(3))
	load.finish()
}

func testClusterDrainsANode(t *testing.T) {
	c := newTestCluster(t, 4, 3)
	load := c.load()
	drained := c.node(host(1)).ID()
	if err := c.node(host(2)).DrainNode(testContext(t), drained); err != nil {
		t.Fatal(err)
	}
	c.waitPlaced()
	for group := range 1 + c.shards {
		if voters := c.waitLeader(group).groups()[group].voters(); slices.Contains(voters, drained) || len(voters) != 3 {
			t.Fatalf("group %d has voters %v", group, voters)
		}
	}
	if err := c.node(host(1)).UndrainNode(testContext(t), drained); err != nil {
		t.Fatal(err)
	}
	c.waitPlaced()
	votes := 0
	for group := range 1 + c.shards {
		if slices.Contains(c.waitLeader(group).groups()[group].voters(), drained) {
			votes++
		}
	}
	if votes == 0 {
		t.Fatal("a node that takes part again has no votes")
	}
	load.finish()
}

func testClusterMovesShardsAsAsked(t *testing.T) {
	c := newTestCluster(t, 4, 2)
	load := c.load()
	voters := c.waitLeader(1).groups()[1].voters()
	from, to := voters[0], without([]uint64{1, 2, 3, 4}, voters)[0]
	if err := c.node(host(3)).MoveShard(testContext(t), 0, from, to); err != nil {
		t.Fatal(err)
	}
	c.waitPlaced()
	want := pinnedMove(voters, from, to)
	if got := c.waitLeader(1).groups()[1].voters(); !slices.Equal(got, want) {
		t.Fatalf("voters %v, want %v", got, want)
	}
	if err := c.node(host(0)).TransferLeader(testContext(t), 0, to); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { leader := c.leader(1); return leader != nil && leader.ID() == to })
	load.finish()
}

func testClusterSurvivesPartitions(t *testing.T) {
	c := newTestCluster(t, 3, 2)
	load := c.load()
	all := []string{host(0), host(1), host(2)}
	for i, alone := range all {
		load.waitMore(20)
		for _, other := range all {
			switch {
			case other == alone:
			case i == 0: // it hears nobody, but is heard
				c.network.Cut(other, alone)
			case i == 1: // it is not heard
				c.network.Cut(alone, other)
			default:
				c.network.Partition([]string{alone}, []string{other})
			}
		}
		if i < 2 {
			load.waitMore(20)
		}
		c.network.HealAll()
	}
	c.waitPlaced()
	load.finish()
}

func testClusterStartsAgainAtOtherAddresses(t *testing.T) {
	c := newTestCluster(t, 3, 2)
	load := c.load()
	load.waitMore(20)
	load.finish()
	c.closeAll()
	for i := range 3 {
		c.options[host(i)] = func(o *Options) {
			o.Listen = host(i) + ":2"
			o.Join = []string{host(0) + ":2", host(1) + ":2", host(2) + ":2"}
		}
	}
	for i := range 3 {
		c.open(host(i))
	}
	for _, node := range c.running() {
		if err := node.Ready(testContext(t)); err != nil {
			t.Fatal(err)
		}
	}
	c.waitPlaced()
	load.finish()
}

func testNodeWithALostDiskComesBackAsAnother(t *testing.T) {
	c := newTestCluster(t, 3, 2)
	load := c.load()
	load.waitMore(20)
	c.kill(host(2))
	delete(c.disks, host(2))
	node := c.start(host(2))
	if node.ID() != 4 {
		t.Fatalf("it is node %d", node.ID())
	}
	c.waitPlaced()
	waitFor(t, func() bool { return slices.Equal(node.Peers().Members(), []uint64{1, 2, 4}) })
	load.waitMore(20)
	load.finish()
}

// testClusterRestartsOneByOne: a node that is stopped hands over first, so that nobody
// waits for an election.
func testClusterRestartsOneByOne(t *testing.T) {
	const election = 3 * time.Second
	c := newTestClusterWith(t, 3, 3, func(o *Options) { o.ElectionTimeout = election })
	load := c.load()
	for i := range 3 {
		load.waitMore(20)
		c.close(host(i))
		load.waitMore(20)
		c.start(host(i))
	}
	load.finish()
	if load.longest > election {
		t.Fatalf("writes have waited %v", load.longest)
	}
}

func testNodeOfSeveralHasToListen(t *testing.T) {
	c := newTestCluster(t, 3, 1)
	c.close(host(2))
	options := testOptions(t, c.disks[host(2)], "data", 0)
	if node, err := Open(testContext(t), options); err == nil {
		closeNode(t, node)
		t.Fatal("a node of several has started without the others")
	}
}

func testClusterSaysWhatKeepsItFromWorking(t *testing.T) {
	c := newTestCluster(t, 3, 2)
	node := c.node(host(2))
	waitFor(t, func() bool { return node.Trouble() == "" })
	c.kill(host(0))
	c.kill(host(1))
	waitFor(t, func() bool {
		trouble := node.LeaderTrouble()
		return strings.Contains(trouble, "the catalog: no leader is known; of the voters on nodes 1, 2, 3") &&
			strings.Contains(trouble, "node 1 at host0:1 (") && strings.Contains(trouble, "node 2 at host1:1 (")
	})
	c.open(host(0))
	waitFor(t, func() bool { return node.Trouble() == "" })
}

func testNodesAreRefusedWithAReason(t *testing.T) {
	c := newTestCluster(t, 3, 1)
	// A node without data, at the address of one that runs.
	options := testOptions(t, vfs.NewMem(), "data", 0)
	options.Network, options.Listen = c.network.Host("stranger"), "stranger:1"
	options.Advertise, options.Join = host(1)+":1", []string{host(0) + ":1"}
	_, err := Open(testContext(t), options)
	var refused *RefusedError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "node 2") {
		t.Fatalf("%v", err)
	}
	// It was told another number of shards, or of nobody but itself: neither makes a member.
	options.Advertise, options.Shards = options.Listen, 5
	if _, err := Open(testContext(t), options); !errors.As(err, &refused) || !strings.Contains(err.Error(), "1 shards, not 5") {
		t.Errorf("another number of shards: %v", err)
	}
	options.Shards, options.Join = 0, []string{options.Listen}
	if _, err := Open(testContext(t), options); err == nil || !strings.Contains(err.Error(), "is to join itself") {
		t.Errorf("itself: %v", err)
	}
	if members := c.waitLeader(0).Members(); len(members) != 3 {
		t.Errorf("members %+v", members)
	}
	for what, err := range map[string]error{
		"a node that is not there":  c.node(host(0)).DrainNode(testContext(t), 9),
		"an even replication":       c.node(host(1)).SetReplication(testContext(t), 2),
		"a shard that is not there": c.node(host(2)).MoveShard(testContext(t), 7, 1, 2),
		"a move to a voter":         c.node(host(2)).MoveShard(testContext(t), 0, 1, 2),
	} {
		if !errors.As(err, &refused) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
