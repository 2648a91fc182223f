package cluster

import (
	"fmt"
	"testing"
	"time"
)

// TestFollowersLearnOfCommitsAtOnce: a follower applies an entry as soon as it is
// committed, though Raft would tell it only with the next one.
func TestFollowersLearnOfCommitsAtOnce(t *testing.T) { virtual(t, testFollowersLearnOfCommitsAtOnce) }

func testFollowersLearnOfCommitsAtOnce(t *testing.T) {
	const election = 6 * time.Second // Raft itself tells commits after a third of it
	c := newTestClusterWith(t, 3, 1, func(o *Options) { o.ElectionTimeout = election })
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
