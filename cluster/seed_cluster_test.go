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
	c := newTestCluster(t, 3, 2)
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
