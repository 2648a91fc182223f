package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// checkpointer takes a snapshot of every group when the log has grown, so that
// the log can be cut. All groups are in one checkpoint, also idle ones: an old
// entry of one of them would keep the log's oldest file.
type checkpointer struct {
	node     *Node
	limit    int64
	logger   *slog.Logger
	requests chan chan error
	wake     chan struct{}

	// trailing bounds the log that is kept for followers.
	trailing int64

	// grown are the bytes logged since the last checkpoint began, logged those before.
	grown  atomic.Int64
	logged int64
	// count and failures are for the metrics.
	count, failures atomic.Int64
}

// dropPause is the least time between a drop's checkpoint and the one before.
const dropPause = time.Second

// newCheckpointer returns a checkpointer whose run is to be called.
func newCheckpointer(node *Node, limit, trailing int64, logger *slog.Logger) *checkpointer {
	return &checkpointer{
		node: node, limit: limit, trailing: trailing, logger: logger,
		requests: make(chan chan error),
		wake:     make(chan struct{}, 1),
	}
}

// logGrew counts logged bytes.
func (c *checkpointer) logGrew(bytes int64) {
	if c.grown.Add(bytes) >= c.limit {
		c.soon()
	}
}

// soon asks for a checkpoint.
func (c *checkpointer) soon() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// run takes checkpoints until the node stops.
func (c *checkpointer) run() {
	pause := time.Duration(0)
	for {
		var err error
		select {
		case <-c.node.ctx.Done():
			return
		case answer := <-c.requests:
			err = c.checkpoint()
			answer <- err
		case <-c.wake:
			err = c.checkpoint()
		}
		// After a success, drops in a row share the next one; after failures the
		// next one comes later and later.
		if err == nil {
			pause = dropPause
		} else {
			c.soon()
			pause = min(2*max(pause, dropPause), lastRetry)
		}
		c.rest(pause, err != nil)
	}
}

// rest waits between two checkpoints. Explicit requests do not wait, nor, unless
// checkpoints fail, does a log that has grown far enough.
func (c *checkpointer) rest(pause time.Duration, failing bool) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	wanted := false
	for {
		select {
		case <-c.wake:
			wanted = true
			if !failing && c.grown.Load() >= c.limit {
				c.soon()
				return
			}
		case answer := <-c.requests:
			answer <- c.checkpoint()
		case <-timer.C:
			if wanted {
				c.soon()
			}
			return
		case <-c.node.ctx.Done():
			return
		}
	}
}

// request takes a checkpoint now.
func (c *checkpointer) request(ctx context.Context) error {
	answer := make(chan error, 1)
	select {
	case c.requests <- answer:
	case <-c.node.ctx.Done():
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// checkpoint takes a snapshot of every group that has anything in the log.
func (c *checkpointer) checkpoint() error {
	began := time.Now()
	grown := c.grown.Swap(0)
	c.allowCuts()
	groups, err := c.due()
	if err == nil {
		err = c.snapshot(groups)
	}
	if err == nil {
		c.logged += grown
		err = c.cut()
	}
	if err != nil {
		c.grown.Add(grown)
		c.failures.Add(1)
		if c.node.ctx.Err() == nil {
			c.logger.Error("checkpoint failed", "error", err)
		}
		return err
	}
	c.count.Add(1)
	if len(groups) > 0 {
		c.logger.Debug("checkpoint", "groups", len(groups), "log bytes", grown, "duration", time.Since(began))
	}
	return nil
}

// cut cuts the logs as far as their snapshots from before this checkpoint, and followers,
// let it, and notes the new snapshots.
func (c *checkpointer) cut() error {
	var errs []error
	for _, g := range c.node.groups() {
		if g.alone {
			continue
		}
		errs = append(errs, g.cutLog())
		g.trail.note(g.snapshots.latest.Load(), c.logged, c.trailing)
	}
	return errors.Join(errs...)
}

// allowCuts lets the logs be cut as far as followers do not need them.
func (c *checkpointer) allowCuts() {
	var matched []uint64
	if len(c.node.peers.Members()) > 1 {
		matched = c.node.askMatched(c.node.ctx)
	}
	for i, g := range c.node.groups() {
		have := uint64(allFollow)
		if matched != nil {
			have = matched[i]
		}
		g.log.limit.Store(g.trail.cut(have))
	}
}

// due lists the groups with entries that no snapshot covers; the catalog's is -1.
func (c *checkpointer) due() (numbers []int, err error) {
	for i := -1; i < len(c.node.shards); i++ {
		if i >= 0 && c.node.shards[i].Whole() != nil {
			continue // it needs its log until it is whole
		}
		pending, err := c.group(i).pending()
		if err != nil {
			return nil, err
		}
		if pending {
			numbers = append(numbers, i)
		}
	}
	return numbers, nil
}

// group is the group of a shard, or the catalog's for -1.
func (c *checkpointer) group(number int) *group {
	if number < 0 {
		return c.node.catalog
	}
	return c.node.shards[number].group
}

// snapshot takes the groups' snapshots, with one flush of the key-value store
// for all shards.
func (c *checkpointer) snapshot(numbers []int) error {
	c.node.flushes.expect(numbers)
	c.node.flushes.skip(-1)
	errs := make([]error, len(numbers))
	var running sync.WaitGroup
	for i, number := range numbers {
		running.Go(func() {
			g := c.group(number)
			if err := g.snapshot(); err != nil {
				errs[i] = fmt.Errorf("%s: %w", g.name, err)
			}
			// It may have failed before it came to flush.
			c.node.flushes.skip(number)
		})
	}
	running.Wait()
	err := errors.Join(errs...)
	if err != nil {
		// What a failed sync has left in doubt is written again before the next
		// attempt.
		for _, shard := range c.node.shards {
			shard.machine.healSoon()
		}
	}
	return err
}
