package cluster

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// handed follows how much of a group's log this node's machine has applied, entries that
// have no effect among them. A leader whose followers have heard of a commit may be the
// last to apply it, so what it has applied is no index for others to read at: it is what
// was committed, once the leader has applied that, too.
//
// The machine is not handed everything: not Raft's own entries, and after a restart not
// what is in the snapshot that it begins with, although the log may still have it.
type handed struct {
	// applied is the last entry that the machine has applied.
	applied progress
	// passed is an index up to which there is nothing else to apply.
	passed atomic.Uint64
}

// reached is an index up to which there is nothing left to apply.
func (h *handed) reached() uint64 { return max(h.applied.reached(), h.passed.Load()) }

// pass notes that there is nothing to apply up to an index.
func (h *handed) pass(index uint64) {
	for {
		before := h.passed.Load()
		if index <= before || h.passed.CompareAndSwap(before, index) {
			return
		}
	}
}

// handedPatience is how long a committed entry may be on its way to the machine before it
// is looked at whether it goes there at all.
const handedPatience = 5 * time.Millisecond

// waitHanded returns when the machine has applied all that is committed up to an index,
// or failed returns an error.
func (g *group) waitHanded(ctx context.Context, index uint64, failed func() error) error {
	patience := handedPatience
	for g.handed.reached() < index {
		waiting, cancel := context.WithTimeout(ctx, patience)
		err := g.handed.applied.wait(waiting, index)
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := failed(); err != nil {
			return err
		}
		last, err := g.lastCommand(index)
		if err != nil {
			return err
		}
		if last <= g.handed.applied.reached() {
			g.handed.pass(index)
			return nil
		}
		index, patience = last, 50*handedPatience
	}
	return nil
}

// lastCommand is the index of the last entry up to an index that the machine is handed
// and is not known to have applied; 0 for none.
func (g *group) lastCommand(index uint64) (uint64, error) {
	// A snapshot is made of what has been applied.
	done := max(g.handed.reached(), g.snapshots.latest.Load())
	for ; index > done; index-- {
		var entry raft.Log
		err := g.log.GetLog(index, &entry)
		if errors.Is(err, raft.ErrLogNotFound) {
			return 0, nil // it is in a snapshot that is newer
		}
		if err != nil {
			return 0, err
		}
		if entry.Type == raft.LogCommand {
			return index, nil
		}
	}
	return 0, nil
}
