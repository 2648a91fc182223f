package cluster

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestFollowersLearnOfCommitsAtOnce: a follower applies an entry as soon as it is
// committed, though Raft would tell it only with the next one.
func TestFollowersLearnOfCommitsAtOnce(t *testing.T) { virtual(t, testFollowersLearnOfCommitsAtOnce) }

func testFollowersLearnOfCommitsAtOnce(t *testing.T) {
	const election = 6 * time.Second // Raft itself tells commits after three times that
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

// TestFollowersCatchUpAtOnce has a follower away for as long as Raft needs to try seldom,
// and for many entries: when it can be reached again, it soon has them all, although
// nothing more is written.
func TestFollowersCatchUpAtOnce(t *testing.T) { virtual(t, testFollowersCatchUpAtOnce) }

func testFollowersCatchUpAtOnce(t *testing.T) {
	c := newTestCluster(t, 3, 1)
	leader := c.waitLeader(1)
	away := slices.IndexFunc(c.hosts(), func(name string) bool { return c.node(name) != leader })
	others := slices.DeleteFunc(c.hosts(), func(name string) bool { return name == host(away) })
	for _, other := range others {
		c.network.Cut(host(away), other)
		c.network.Cut(other, host(away))
	}
	base, err := leader.Shard(0).Barrier(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	const count = 3000
	for i := range count {
		base = propose(t, leader.Shard(0), entryWith(t, leader.Shard(0), base, loadObject, fmt.Sprint(i)))
	}
	time.Sleep(time.Minute)
	c.network.HealAll()
	healed := time.Now()
	if err := c.node(host(away)).Shard(0).WaitApplied(testContext(t), base); err != nil {
		t.Fatal(err)
	}
	took := time.Since(healed)
	t.Logf("%d entries were there after %v", count, took)
	if took > 2*time.Second {
		t.Errorf("a follower has %d entries only %v after it came back", count, took)
	}
}

// TestFollowerWhoseAnswerWasLost has a follower store an entry whose answer is lost, and cut
// its log up to that entry: the leader, which goes on behind what it knows the follower to
// have, has to get on nevertheless.
func TestFollowerWhoseAnswerWasLost(t *testing.T) { virtual(t, testFollowerWhoseAnswerWasLost) }

func testFollowerWhoseAnswerWasLost(t *testing.T) {
	c := newTestCluster(t, 3, 1)
	leader := c.waitLeader(1)
	shard := leader.Shard(0)
	base, err := shard.Barrier(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	write := func(value string) {
		base = propose(t, shard, entryWith(t, shard, base, loadObject, value))
	}
	for i := range 20 {
		write(fmt.Sprint(i))
	}
	var name, leads string
	for _, host := range c.hosts() {
		if c.node(host) == leader {
			leads = host
		} else {
			name = host
		}
	}
	if err := c.node(name).Shard(0).WaitApplied(testContext(t), base); err != nil {
		t.Fatal(err)
	}
	if err := c.node(name).Checkpoint(testContext(t)); err != nil {
		t.Fatal(err)
	}
	c.close(name)
	// From now on it keeps nothing of what was logged before for followers of its own.
	follower := c.start(name)
	group := follower.Shard(0).group
	waitFor(t, func() bool { return group.raft.CommitIndex() >= base })
	for _, host := range c.hosts() {
		c.network.Cut(name, host)
	}
	if _, err := shard.Barrier(testContext(t)); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { last, err := group.log.LastIndex(); return err == nil && last > base })
	for range 2 {
		if err := follower.Checkpoint(testContext(t)); err != nil {
			t.Fatal(err)
		}
	}
	if first, err := group.log.FirstIndex(); err != nil || first <= base {
		t.Fatalf("the follower's log begins at %d, %v", first, err)
	}
	c.network.Break(name, leads)
	c.network.HealAll()
	write("after")
	if err := follower.Shard(0).WaitApplied(testContext(t), base); err != nil {
		t.Fatal(err)
	}
	if follower.seeder.count.Load() > 0 {
		t.Error("the follower was copied anew, though it lacked nothing")
	}
}
