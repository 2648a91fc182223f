package exec

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// A version of the catalog is in use when every shard has activated it, by an entry of
// its own. Statements are planned by a version that is in use, and of what was defined
// before they begin they see all:
//
//   - A definition is acknowledged when its version is in use and every node sees it, or
//     has no lease on its catalog any more (catalog_lease.go).
//   - What a node sees, Engine.active, only grows, and is in use.

// activationTimeout bounds the wait of DDL for the shards.
const activationTimeout = 30 * time.Second

// activatedMethod asks the leaders of shards to answer when they use a catalog version.
const activatedMethod = "shard.activated"

func (e *Engine) serveActivated() {
	e.serveShards(activatedMethod, func(ctx context.Context, shard int, request []byte) ([]byte, error) {
		in := uvarintReader{data: request}
		version := in.next()
		if in.bad {
			return nil, errBadQuestion
		}
		return nil, e.waitShardActivated(ctx, shard, version)
	})
}

// waitActivated waits until every shard uses a catalog version and every node sees it.
func (e *Engine) waitActivated(ctx context.Context, snapshot *catalog.Snapshot) error {
	if err := e.waitInUse(ctx, snapshot.Version()); err != nil {
		return err
	}
	if err := e.spreadCatalog(ctx, snapshot.Version()); err != nil {
		return err
	}
	e.see(snapshot)
	return nil
}

// readyCatalog waits until the newest catalog is in use, and has the node see it. One of
// several nodes waits for the others as long as ctx allows.
func (e *Engine) readyCatalog(ctx context.Context) error {
	for {
		newest := e.newestCatalog()
		err := e.waitInUse(ctx, newest.Version())
		if err == nil {
			e.see(newest)
			return nil
		}
		if e.alone() || ctx.Err() != nil || errors.Is(err, ErrStopped) {
			return err
		}
		e.logger.Warn("the node waits for the others to be ready", "error", err)
	}
}

// waitInUse waits until every shard uses a catalog version.
func (e *Engine) waitInUse(ctx context.Context, version uint64) error {
	shards := rangeOf(len(e.loops))
	if e.alone() {
		for _, shard := range shards {
			if err := e.waitShardActivated(ctx, shard, version); err != nil {
				return err
			}
		}
		return nil
	}
	request := binary.AppendUvarint(nil, version)
	err := e.askShards(ctx, shards, &shardQuestion{
		method:  activatedMethod,
		local:   func(ctx context.Context, shard int) error { return e.waitShardActivated(ctx, shard, version) },
		request: func(buf []byte, _ int) []byte { return append(buf, request...) },
		answer:  func(int, []byte) error { return nil },
	})
	if sqlerr.CodeOf(err) == sqlerr.CannotConnectNow {
		return sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "the change is made but not all shards use it").
			WithDetail("%v", err).WithHint("SHOW SHARDS tells the state of the shards.")
	}
	return err
}

// waitShardActivated waits until a shard that this node leads uses a catalog version. In
// a cluster of one the shard is waited for to have a leader, too.
func (e *Engine) waitShardActivated(ctx context.Context, shard int, version uint64) error {
	l := e.loops[shard]
	self := e.storage.Peers().Self()
	var deadline <-chan time.Time
	for {
		active, changed, failure := l.status.activated(version)
		if active {
			return nil
		}
		leader, moved := l.log.Leader()
		if leader != self && !e.alone() {
			return fmt.Errorf("%w of shard %d", ErrNotLeader, shard)
		}
		if deadline == nil {
			deadline = e.after(activationTimeout)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-e.stopped:
			return ErrStopped
		case <-deadline:
			err := sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "the change is made but shard %d does not use it", shard).
				WithHint("SHOW SHARDS tells the state of the shards.")
			if failure != nil {
				err = err.WithDetail("%v", failure)
			}
			return err
		case <-changed:
		case <-moved:
		}
	}
}

// see has the node's statements see a catalog version that is in use.
func (e *Engine) see(snapshot *catalog.Snapshot) {
	for {
		active := e.active.Load()
		if active != nil && active.Version() >= snapshot.Version() {
			return
		}
		if e.active.CompareAndSwap(active, snapshot) {
			e.catalog.forget(snapshot.Version())
			return
		}
	}
}

// seenVersion is a catalog version that is in use, and an index of the catalog's log at
// or behind it.
type seenVersion struct{ version, index uint64 }

func (s seenVersion) append(buf []byte) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(buf, s.version), s.index)
}

func decodeSeenVersion(data []byte) (seenVersion, error) {
	in := uvarintReader{data: data}
	s := seenVersion{in.next(), in.next()}
	if in.bad {
		return s, errBadQuestion
	}
	return s, nil
}

// seeVersion waits until the node has a catalog version, and has its statements see it.
func (e *Engine) seeVersion(ctx context.Context, s seenVersion) error {
	if active := e.active.Load(); active != nil && active.Version() >= s.version {
		return nil
	}
	if err := e.storage.WaitCatalog(ctx, s.index); err != nil {
		return err
	}
	snapshot := e.catalog.atLeast(s.version)
	if snapshot == nil {
		return fmt.Errorf("exec: the catalog has no version %d at index %d", s.version, s.index)
	}
	if snapshot.Version() > s.version {
		// The node got a later one at once.
		if err := e.waitInUse(ctx, snapshot.Version()); err != nil {
			return err
		}
	}
	e.see(snapshot)
	return nil
}
