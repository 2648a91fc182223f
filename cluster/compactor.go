package cluster

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"millrace/log"
)

// compactor carries out, one after the other, the compactions that entries have
// asked for. What a compaction leaves depends on the entry, not on when it is done,
// so each replica does it when it can: not before a snapshot that counts has the
// segments, since opening from an older one would not know those that take their
// place. It works at most half of the time.
//
// Compactions that are not done when the node stops are forgotten; the shard's
// leader asks again.
type compactor struct {
	node   *Node
	logger *slog.Logger
	wake   chan struct{}

	// For the metrics.
	count, failures, read, removedBytes, removedRows atomic.Int64
}

// compactAgain is how long a compaction that failed waits.
const compactAgain = time.Minute

// newCompactor returns a compactor whose run is to be called.
func newCompactor(node *Node, logger *slog.Logger) *compactor {
	return &compactor{node: node, logger: logger, wake: make(chan struct{}, 1)}
}

// soon has the compactor look for what was asked.
func (c *compactor) soon() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// run compacts until the node stops.
func (c *compactor) run() {
	var again <-chan time.Time
	for {
		select {
		case <-c.node.ctx.Done():
			return
		case <-c.wake:
		case <-again:
		}
		again = nil
		if !c.all() {
			again = time.After(compactAgain)
		}
	}
}

// all does what was asked of all shards, and tells whether nothing failed.
func (c *compactor) all() bool {
	succeeded := true
	for _, shard := range c.node.shards {
		for _, p := range shard.partitions.capture().live {
			err := c.partition(shard.partitions, p)
			if c.node.ctx.Err() != nil {
				return true
			}
			// A partition that is closed is being dropped, or opened again.
			if err != nil && !errors.Is(err, log.ErrClosed) {
				c.failures.Add(1)
				c.logger.Warn("a compaction failed", "shard", shard.id, "object", p.object, "error", err)
			}
			succeeded = succeeded && err == nil
		}
	}
	return succeeded
}

// partition compacts one partition as far as entries ask and the newest snapshot
// allows.
func (c *compactor) partition(ps *partitions, p *partition) error {
	p.mu.Lock()
	asked, recorded := p.compact, p.recorded
	p.mu.Unlock()
	if asked.Before == 0 {
		return nil
	}
	if err := c.node.space.exhausted(); err != nil {
		return err
	}
	opened, err := ps.open(p)
	if err != nil {
		return err
	}
	if recorded < min(asked.Before, opened.End().SegmentBase) {
		c.node.checkpointSoon() // which wakes the compactor
		return nil
	}
	result, err := opened.Compact(c.node.ctx, log.Compaction{
		Before: min(asked.Before, recorded), TombstonesBefore: asked.TombstonesBefore, Rest: c.rest(),
	})
	c.read.Add(result.BytesRead)
	c.removedBytes.Add(result.Bytes)
	c.removedRows.Add(result.Records)
	if err != nil {
		return err
	}
	c.count.Add(1)
	c.logger.Debug("compacted", "object", p.object, "before", result.Done, "rows removed", result.Records, "bytes removed", result.Bytes)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.compact == asked {
		p.compact = log.Compact{}
	}
	return nil
}

// rest returns a function that waits as long as it has not been called.
func (c *compactor) rest() func() {
	const most = 100 * time.Millisecond
	began := time.Now()
	return func() {
		timer := time.NewTimer(min(time.Since(began), most))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.node.ctx.Done():
		}
		began = time.Now()
	}
}
