package cluster

import (
	"context"
	"errors"
	"math"
	"testing"

	"millrace/log"
)

// TestReadyWaitsForRepair has a replica stop for damage that is about to be repaired: a
// node that starts waits for that, and does not end.
func TestReadyWaitsForRepair(t *testing.T) {
	c := newTestCluster(t, 3, 1)
	load := c.load()
	load.waitMore(20)
	c.close(host(2))
	node := c.start(host(2))
	shard := node.Shard(0)
	m := shard.machine
	m.halted.Store(&HaltedError{Shard: 0, Err: &log.CorruptionError{What: "a segment"}})
	given, giveUp := context.WithCancel(t.Context())
	giveUp()
	if err := node.waitWhole(given, shard, math.MaxUint64); !errors.Is(err, context.Canceled) {
		t.Errorf("damage that will be repaired: %v", err)
	}
	if err := m.lack(0, "damaged", everyFile); err != nil {
		t.Fatal(err)
	}
	if err := node.Ready(testContext(t)); err != nil {
		t.Error(err)
	}
	full := &HaltedError{Shard: 0, Err: errors.New("no space left")}
	m.mu.Lock()
	m.halted.Store(full)
	m.mu.Unlock()
	if err := node.waitWhole(t.Context(), shard, math.MaxUint64); !errors.Is(err, full) {
		t.Errorf("what is not repaired: %v", err)
	}
	m.mu.Lock()
	m.halted.Store(nil)
	m.changeHalted()
	m.mu.Unlock()
	load.finish()
}
