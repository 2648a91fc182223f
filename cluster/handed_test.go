package cluster

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/log"
)

// TestReadIndexOfSlowLeader has a leader apply an entry later than its followers: the
// index at which others read is not before that entry.
func TestReadIndexOfSlowLeader(t *testing.T) {
	c := newTestCluster(t, 3, 1)
	leader := c.waitLeader(1)
	s := leader.Shard(0)
	base, err := s.Barrier(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	held := make(chan struct{})
	release := sync.OnceFunc(func() { close(held) })
	defer release()
	s.Observe(func(uint64, *log.Entry) { <-held })
	entry := log.Entry{BaseIndex: base, Writes: []log.Write{setRow(loadObject, "k", "v")}}
	proposed := make(chan error, 1)
	go func() {
		_, err := s.Propose(entry.AppendTo(nil))
		proposed <- err
	}()
	seen := uint64(0)
	waitFor(t, func() bool {
		for _, node := range c.running() {
			if applied := node.Shard(0).Applied(); node != leader && applied > base {
				seen = applied
			}
		}
		return seen > 0
	})
	short, cancel := context.WithTimeout(testContext(t), 100*time.Millisecond)
	index, err := s.ReadIndex(short)
	cancel()
	if err == nil && index < seen {
		t.Errorf("others are told to read at %d, one has read at %d", index, seen)
	}
	release()
	if err := <-proposed; err != nil {
		t.Fatal(err)
	}
	if index, err = s.ReadIndex(testContext(t)); err != nil || index < seen {
		t.Errorf("others are told to read at %d, one has read at %d: %v", index, seen, err)
	}
}

// TestReadIndexBehindRaftsOwnEntries waits for no entry that the machine is not handed.
func TestReadIndexBehindRaftsOwnEntries(t *testing.T) {
	n := startNode(t, testOptions(t, vfs.NewMem(), "data", 2))
	defer closeNode(t, n)
	s := n.Shard(0)
	for range 3 {
		base, err := s.Barrier(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if index, err := s.ReadIndex(testContext(t)); err != nil || index < base {
				t.Fatalf("the index is %d behind %d, %v", index, base, err)
			}
		}
		entry := log.Entry{BaseIndex: base, Writes: []log.Write{setRow(loadObject, "k", "v")}}
		applied, err := s.Propose(entry.AppendTo(nil))
		if err != nil || !applied.Accepted {
			t.Fatalf("%+v, %v", applied, err)
		}
		if index, err := s.ReadIndex(testContext(t)); err != nil || index != applied.Index {
			t.Fatalf("the index is %d behind %d, %v", index, applied.Index, err)
		}
	}
}

// TestReadIndexAfterARestart leads again behind a snapshot of everything, while the log
// still has entries that are in it: the machine is not handed those, and nobody waits for
// them.
func TestReadIndexAfterARestart(t *testing.T) {
	c := newTestCluster(t, 3, 1)
	s := c.waitLeader(1).Shard(0)
	base, err := s.Barrier(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	entry := log.Entry{BaseIndex: base, Writes: []log.Write{setRow(loadObject, "k", "v")}}
	applied, err := s.Propose(entry.AppendTo(nil))
	if err != nil || !applied.Accepted {
		t.Fatalf("%+v, %v", applied, err)
	}
	for _, node := range c.running() {
		if err := node.Shard(0).WaitApplied(testContext(t), applied.Index); err != nil {
			t.Fatal(err)
		}
	}
	c.checkpointAll()
	c.closeAll()
	for i := range 3 {
		c.open(host(i))
	}
	leader := c.waitLeader(1)
	g := leader.shards[0].group
	// A Barrier that was begun before anything was committed in the term tells nothing.
	g.handed.passed.Store(0)
	short, cancel := context.WithTimeout(testContext(t), 5*time.Second)
	defer cancel()
	if index, err := leader.Shard(0).ReadIndex(short); err != nil || index < applied.Index {
		t.Fatalf("the index is %d behind %d, %v", index, applied.Index, err)
	}
}
