package cluster

import (
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/cluster/transport/memnet"
)

// TestFollowersLearnOfCommitsAtOnce: a follower applies an entry as soon as it is
// committed, though Raft would tell it only with the next one.
func TestFollowersLearnOfCommitsAtOnce(t *testing.T) {
	const election = 6 * time.Second // Raft itself tells commits after a third of it
	c := &testCluster{
		t: t, network: memnet.New(), shards: 1,
		disks: map[string]vfs.FS{}, nodes: map[string]*Node{}, options: map[string]func(*Options){},
	}
	t.Cleanup(c.closeAll)
	for i := range 3 {
		c.options[host(i)] = func(o *Options) { o.ElectionTimeout = election }
		c.start(host(i))
	}
	c.waitPlaced()
	leader := c.waitLeader(1)
	base, err := leader.Shard(0).Barrier(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	var total time.Duration
	const count = 50
	for i := range count {
		began := time.Now()
		base = propose(t, leader.Shard(0), entryWith(t, leader.Shard(0), base, loadObject, fmt.Sprint(i)))
		for _, node := range c.running() {
			if err := node.Shard(0).WaitApplied(testContext(t), base); err != nil {
				t.Fatal(err)
			}
		}
		total += time.Since(began)
	}
	t.Logf("a write was on all nodes after %v on average", total/count)
	if total > count*election/30 {
		t.Fatalf("followers have learnt of %d commits after %v", count, total)
	}
}
