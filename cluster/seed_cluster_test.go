package cluster

import (
	"testing"
)

// checkpointAll takes a checkpoint on every node, so that their logs are cut.
func (c *testCluster) checkpointAll() {
	c.t.Helper()
	for _, node := range c.running() {
		if err := node.Checkpoint(testContext(c.t)); err != nil {
			c.t.Fatal(err)
		}
	}
}

// TestClusterNodeComesBackAfterLogsWereCut has a node away until the others' logs no
// longer have what it lacks.
func TestClusterNodeComesBackAfterLogsWereCut(t *testing.T) {
	virtual(t, testClusterNodeComesBackAfterLogsWereCut)
}

func testClusterNodeComesBackAfterLogsWereCut(t *testing.T) {
	c := newTestClusterWith(t, 3, 2, func(o *Options) { o.TrailingLogBytes = 1 })
	load := c.load()
	load.waitMore(20)
	c.checkpointAll()
	load.waitMore(5)
	c.kill(host(2))
	load.waitMore(50)
	for range 3 {
		c.checkpointAll()
		load.waitMore(20)
	}
	node := c.start(host(2))
	load.waitMore(20)
	load.finish()
	if seeds := node.seeder.count.Load(); seeds != 2 {
		t.Errorf("%d replicas were copied, not 2", seeds)
	}
	for i := range node.Shards() {
		if stats := node.Shard(i).Stats(); stats.Seeding != nil || stats.Halted != nil {
			t.Errorf("%+v", stats)
		}
	}
	// It is a member like others again.
	c.kill(host(0))
	load = c.load()
	load.waitMore(20)
	load.stop()
	load.done.Wait()
}

// TestClusterKeepsLogsForFollowers has a node away for checkpoints that do not log much:
// it needs no copy. When it does not lack anything, logs are cut.
func TestClusterKeepsLogsForFollowers(t *testing.T) { virtual(t, testClusterKeepsLogsForFollowers) }

func testClusterKeepsLogsForFollowers(t *testing.T) {
	c := newTestCluster(t, 3, 2)
	load := c.load()
	load.waitMore(20)
	c.kill(host(2))
	for range 3 {
		load.waitMore(20)
		c.checkpointAll()
	}
	node := c.start(host(2))
	load.waitMore(20)
	load.finish()
	if seeds := node.seeder.count.Load(); seeds != 0 {
		t.Errorf("%d replicas were copied", seeds)
	}
	// A leader that has not heard of a follower yet has more kept.
	waitFor(t, func() bool {
		c.checkpointAll()
		for _, node := range c.running() {
			for _, g := range node.groups() {
				first, _ := g.log.FirstIndex()
				last, _ := g.log.LastIndex()
				if last-first > 5 {
					return false
				}
			}
		}
		return true
	})
}

func TestTrail(t *testing.T) {
	const everybody = ^uint64(0)
	var kept trail
	kept.note(10, 0, 100)
	if got := kept.cut(everybody); got != 10 {
		t.Errorf("at first cut at %d", got)
	}
	kept.note(20, 60, 100)
	kept.note(30, 120, 100)
	for matched, want := range map[uint64]uint64{everybody: 30, 26: 25, 5: 10} {
		if got := kept.cut(matched); got != want {
			t.Errorf("cut at %d with followers at %d, want %d", got, matched, want)
		}
	}
	// More than the bound is kept for nobody.
	kept.note(40, 300, 100)
	if got := kept.cut(5); got != 30 {
		t.Errorf("cut at %d beyond the bound", got)
	}
	kept.note(40, 500, 100)
	kept.note(40, 600, 100)
	if got := kept.cut(5); got != 40 {
		t.Errorf("an idle log is cut at %d", got)
	}
}
