package cluster

import (
	"fmt"
	"testing"
	"time"
)

// TestDamagedLeaderHandsOverToWhoAnswers: a leader whose replica is not whole hands over to
// the voter that is there, not to one that is away.
func TestDamagedLeaderHandsOverToWhoAnswers(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newTestClusterWith(t, 3, 1, func(o *Options) { o.SeedBytesPerSecond = 1 })
		leader := c.waitLeader(1)
		base, err := leader.Shard(0).Barrier(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			base = propose(t, leader.Shard(0), entryWith(t, leader.Shard(0), base, loadObject, fmt.Sprint(i)))
		}
		for _, node := range c.running() {
			if err := node.Shard(0).WaitApplied(testContext(t), base); err != nil {
				t.Fatal(err)
			}
		}
		// Raft would choose the first.
		for _, name := range c.hosts() {
			if c.node(name) != leader {
				c.kill(name)
				break
			}
		}
		waitWhile(t, 2*leader.options.ElectionTimeout)
		began := time.Now()
		if err := leader.Shard(0).machine.lack(0, "a test", everyFile); err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool {
			next := c.leader(1)
			return next != nil && next != leader
		})
		if took := time.Since(began); took > leader.options.ElectionTimeout/2 {
			t.Errorf("another has led after %v", took)
		}
		if leader.Shard(0).Whole() == nil {
			t.Error("the replica has been copied, which should take long")
		}
	})
}

// TestDamageBeforeTheMembersAreKnown has a node meet damage when it has started and not yet
// heard of the others: it is copied nevertheless.
func TestDamageBeforeTheMembersAreKnown(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newTestCluster(t, 3, 1)
		name := host(2)
		c.kill(name)
		for _, other := range c.hosts() {
			c.network.Cut(name, other)
			c.network.Cut(other, name)
		}
		node := c.open(name)
		if known := len(node.Peers().Members()); known > 1 {
			t.Fatalf("the node knows %d members", known)
		}
		node.damaged(0, fmt.Errorf("a test"))
		waitFor(t, func() bool { return node.Shard(0).Whole() != nil })
		c.network.HealAll()
		waitFor(t, func() bool { return node.Shard(0).Whole() == nil })
	})
}

// TestDamagedTablesOfAClusterOfOne: its tables are not made anew, though it listens for
// others.
func TestDamagedTablesOfAClusterOfOne(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newTestCluster(t, 1, 1)
		shard := c.node(host(0)).Shard(0)
		base, err := shard.Barrier(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		propose(t, shard, entryWith(t, shard, base, loadObject, "a value"))
		if err := c.node(host(0)).Checkpoint(testContext(t)); err != nil {
			t.Fatal(err)
		}
		c.close(host(0))
		fs := c.disks[host(0)]
		for _, path := range listFiles(t, fs, "data/tables") {
			if damages["the manifest of the tables"](t, fs, path) > 0 {
				break
			}
		}
		options := testOptions(t, fs, "data", 0)
		options.Network = c.network.Host(host(0))
		options.Listen = host(0) + ":1"
		node, err := Open(testContext(t), options)
		if err == nil {
			if err := node.Close(); err != nil {
				t.Error(err)
			}
			t.Fatal("a node without others has started without its tables")
		}
	})
}

// TestNoVoteIsTakenWhileAnotherIsAway: a step that was planned when all voters answered is
// not taken once one of those that would remain does not, since the group could not go on.
func TestNoVoteIsTakenWhileAnotherIsAway(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newTestCluster(t, 3, 1)
		c.kill(host(2))
		waitWhile(t, 10*time.Second)
		leader := c.waitLeader(1)
		other := c.node(host(0))
		if other == leader {
			other = c.node(host(1))
		}
		err := leader.Shard(0).group.change(testContext(t), step{stepDemote, other.ID()})
		if err == nil {
			t.Error("the vote was taken")
		}
		base, err := leader.Shard(0).Barrier(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		propose(t, leader.Shard(0), entryWith(t, leader.Shard(0), base, loadObject, "goes on"))
	})
}
