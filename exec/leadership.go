package exec

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// How a loop follows the lead of its shard.
//
//   - Its queue takes requests only while the node leads; what waits when another node
//     leads is given back with ErrNotLeader, and whoever asked goes there. A request that
//     is in an entry whose fate is unknown is given back as undecided: the next leader
//     knows it by its sequence or its transaction, if the entry is in the log.
//   - A node alone in its cluster has nobody to go to. There requests wait for the loop
//     as long as it tries (shardLoop.refuse).

// errUndecided is wrapped by the error of a request that may be in the log.
var errUndecided = errors.New("exec: the fate of the request is unknown")

// leads reports whether this node leads the shard, as far as it knows.
func (l *shardLoop) leads() bool {
	node, _ := l.log.Leader()
	return node == l.engine.self || l.engine.alone()
}

// waitLead returns when this node leads the shard. Until then it refuses what is asked
// of it.
func (l *shardLoop) waitLead(ctx context.Context) error {
	for {
		node, changed := l.log.Leader()
		if node == l.engine.self || l.engine.alone() {
			l.queue.accept()
			return nil
		}
		l.depose()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-changed:
		case <-l.engine.after(refuseAfter):
			// The cluster may have shrunk.
		}
	}
}

// whileLeading returns a context that ends when another node leads the shard.
func (l *shardLoop) whileLeading(ctx context.Context) (context.Context, context.CancelFunc) {
	leading, end := context.WithCancelCause(ctx)
	go func() {
		for leading.Err() == nil {
			node, changed := l.log.Leader()
			if node != l.engine.self && !l.engine.alone() {
				end(ErrNotLeader)
				return
			}
			select {
			case <-leading.Done():
			case <-changed:
			}
		}
	}()
	return leading, func() { end(context.Canceled) }
}

// depose lets go of what a leader has: the requests, which are given back, and what it
// tells of its state.
func (l *shardLoop) depose() {
	l.status.clear()
	l.failure, l.failingSince = nil, time.Time{}
	l.held = nil
	for _, producer := range l.giveUp(ErrNotLeader) {
		l.engine.forgetProducer(l.number, producer)
	}
}

// giveUp gives back everything that waits, and has the queue refuse what comes. It
// returns the producers that were to be forgotten.
func (l *shardLoop) giveUp(why error) (producers []uint64) {
	waiting, producers := l.queue.giveUp(why)
	for _, r := range append(l.deferred, waiting...) {
		if r.undecided {
			r.done(false, fmt.Errorf("%w: %w", errUndecided, why))
		} else {
			r.done(false, why)
		}
	}
	l.deferred = nil
	return producers
}

// confirm returns when a quorum has confirmed that this node leads the shard and that
// nothing has changed since the last entry, so that answers which no entry holds are true.
func (l *shardLoop) confirm(ctx context.Context) error {
	index, err := l.log.ReadIndex(ctx)
	if err == nil && index != l.base {
		err = fmt.Errorf("%w: the state has moved from entry %d to %d", ErrNotLeader, l.base, index)
	}
	return err
}

// waitCatalog returns when this node's catalog is at least the one that the shard has in
// use: the catalog's group may be ahead of this replica of it.
func (l *shardLoop) waitCatalog(ctx context.Context) error {
	stored, found, err := l.log.Tables().Get(shardKey(), nil)
	if err != nil || !found {
		return err
	}
	record, err := decodeShardRecord(stored)
	if err != nil {
		return err
	}
	return l.engine.waitVersion(ctx, record.version)
}

// waitVersion returns when this node knows a version of the catalog.
func (e *Engine) waitVersion(ctx context.Context, version uint64) error {
	for {
		changed := e.catalogChanges.next()
		if e.newestCatalog().Version() >= version {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-e.stopped:
			return ErrStopped
		case <-changed:
		}
	}
}
