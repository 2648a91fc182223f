package exec

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"

	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
	"millrace/tables"
)

// What the node does to bring a new index to the state ready.
//
// The shards build an index that is not unique by themselves (index_build.go); the
// node waits for all and says so in the catalog. That goes on after a crash.
//
// A unique index is built by the statement that creates it. While the catalog has
// it as not ready, the shards refuse writes to its table; when no transaction is
// left that was prepared before, the entries of one snapshot are written to their
// shards, each of which finds the values that are there twice. When that fails, or
// the locks of the statement are lost (catalog.Held), the index is given up, and with it
// its entries.

// catalogChanges lets goroutines wait for the catalog to change.
type catalogChanges struct {
	mu      sync.Mutex
	changed chan struct{}
}

func (c *catalogChanges) notify() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// next returns a channel that is closed at the next change.
func (c *catalogChanges) next() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changed == nil {
		c.changed = make(chan struct{})
	}
	return c.changed
}

// runIndexBuilder finishes indexes that are not unique until ctx ends, on the node that
// coordinates.
func (e *Engine) runIndexBuilder(ctx context.Context) {
	for ctx.Err() == nil {
		changed := e.catalogChanges.next()
		for _, index := range e.newestCatalog().Indexes() {
			if !index.Unique && !index.Ready {
				e.until(ctx, "finish an index", func() error { return e.finishIndex(ctx, index.ID) })
			}
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
}

// until does something again until it succeeds or ctx ends.
func (e *Engine) until(ctx context.Context, what string, do func() error) {
	for {
		err := do()
		if err == nil || ctx.Err() != nil {
			return
		}
		e.logger.Warn("the coordinator tries again", "what", what, "error", err)
		select {
		case <-ctx.Done():
			return
		case <-e.after(restartDelay):
		}
	}
}

// finishIndex waits until the shards have built an index, unless it is dropped
// meanwhile, and tells the catalog.
func (e *Engine) finishIndex(ctx context.Context, id catalog.ObjectID) error {
	if err := e.waitIndexDone(ctx, id); err != nil {
		if errors.Is(err, errIndexDropped) {
			return nil
		}
		return err
	}
	return e.propose(ctx, &catalog.IndexReady{ID: id})
}

var errIndexDropped = sqlerr.New(sqlerr.UndefinedObject, -1, "the index was dropped while it was built")

// indexMethod asks the leaders of shards to answer when they have done their part of an
// index.
const indexMethod = "shard.index"

func (e *Engine) serveIndexes() {
	e.serveShards(indexMethod, func(ctx context.Context, shard int, request []byte) ([]byte, error) {
		in := uvarintReader{data: request}
		id, version := catalog.ObjectID(in.next()), in.next()
		if in.bad {
			return nil, errBadQuestion
		}
		return nil, e.waitShardIndex(ctx, shard, id, version)
	})
}

// waitIndexDone waits until every shard has done its part of an index.
func (e *Engine) waitIndexDone(ctx context.Context, id catalog.ObjectID) error {
	version := e.newestCatalog().Version()
	err := e.askShards(ctx, rangeOf(len(e.loops)), &shardQuestion{
		method: indexMethod,
		local:  func(ctx context.Context, shard int) error { return e.waitShardIndex(ctx, shard, id, version) },
		request: func(buf []byte, _ int) []byte {
			return binary.AppendUvarint(binary.AppendUvarint(buf, uint64(id)), version)
		},
		answer: func(int, []byte) error { return nil },
	})
	if sqlerr.CodeOf(err) == sqlerr.UndefinedObject {
		return errIndexDropped
	}
	return err
}

// waitShardIndex waits until a shard that this node leads has done its part of an index,
// which a version of the catalog has.
func (e *Engine) waitShardIndex(ctx context.Context, shard int, id catalog.ObjectID, version uint64) error {
	l := e.loops[shard]
	for {
		leader, moved := l.log.Leader()
		if leader != e.storage.Peers().Self() && !e.alone() {
			return fmt.Errorf("%w of shard %d", ErrNotLeader, shard)
		}
		changed := e.catalogChanges.next()
		if newest := e.newestCatalog(); newest.Version() >= version && newest.Index(id) == nil {
			return errIndexDropped
		}
		done, progress := l.status.indexDone(id)
		if done {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-e.stopped:
			return ErrStopped
		case <-changed:
		case <-progress:
		case <-moved:
		}
	}
}

// propose orders a command of the catalog and returns when every shard uses it.
func (e *Engine) propose(ctx context.Context, command catalog.Command) error {
	if _, err := e.proposeCatalog(ctx, command); err != nil {
		return err
	}
	return e.waitActivated(ctx, e.newestCatalog())
}

// completeIndex brings a new index to the state ready, or removes it.
func (e *Engine) completeIndex(ctx context.Context, id catalog.ObjectID) error {
	index := e.newestCatalog().Index(id)
	if index == nil {
		return errIndexDropped
	}
	var err error
	if index.Unique {
		if err = e.buildUnique(ctx, id); err == nil {
			err = e.propose(ctx, &catalog.IndexReady{ID: id})
		}
		if err == nil && e.newestCatalog().Index(id) == nil {
			err = errIndexDropped
		}
	} else {
		err = e.waitIndexReady(ctx, id)
	}
	if err == nil || errors.Is(err, ErrStopped) {
		return err
	}
	// A cancelled statement leaves nothing either.
	if failure := e.propose(context.WithoutCancel(ctx), &catalog.AbandonIndex{ID: id}); failure != nil {
		e.logger.Error("an index that could not be built is left", "index", index.Name, "error", failure)
	}
	return err
}

// waitIndexReady waits until the catalog says that an index is ready and every
// shard knows.
func (e *Engine) waitIndexReady(ctx context.Context, id catalog.ObjectID) error {
	for {
		changed := e.catalogChanges.next()
		snapshot := e.newestCatalog()
		switch index := snapshot.Index(id); {
		case index == nil:
			return errIndexDropped
		case index.Ready:
			return e.waitActivated(ctx, snapshot)
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

// uniquePiece is how many entries are written at once when a unique index is built.
const uniquePiece = 4096

// buildUnique writes the entries of all rows of a table to a unique index.
func (e *Engine) buildUnique(ctx context.Context, id catalog.ObjectID) error {
	if err := e.waitIndexDone(ctx, id); err != nil {
		return err
	}
	catalogSnapshot := e.newestCatalog()
	entries := catalogSnapshot.UniqueRelation(id)
	if entries == nil {
		return errIndexDropped
	}
	table := catalogSnapshot.Relation(entries.Index.Table)
	writer := e.newWriter()
	defer writer.Close()
	if err := e.catchUp(ctx, e.shardsOf([]*catalog.Relation{table})); err != nil {
		return err
	}
	snapshot := e.storage.Store().NewSnapshot()
	defer func() { _ = snapshot.Close() }() // its reads reported their errors
	codec := newRelationCodec(table)
	fetch := newFetchReader(codec, rangeOf(len(codec.columns)))
	for shard := range table.Partitions {
		err := eachPiece(ctx, snapshot.Shard(uint32(shard)), fetch, func(rows *types.Batch) error {
			batch, _ := UniqueEntries(entries, table, rows)
			return writer.writeEntries(ctx, entries, batch)
		})
		if err != nil {
			return duplicated(err, entries)
		}
	}
	return nil
}

// eachPiece hands on the rows of a table on one shard.
func eachPiece(ctx context.Context, state tables.Reader, fetch *fetchReader, visit func(rows *types.Batch) error) error {
	prefix := fetch.codec.appendStorageKey(nil)
	it, err := state.Scan(prefix, tables.PrefixEnd(nil, prefix))
	if err != nil {
		return damaged(err)
	}
	defer it.Close()
	for more := true; more; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		stored := fetch.newStored()
		arena := types.StringArena{}
		for stored.Len < uniquePiece {
			if more = it.Next(); !more {
				break
			}
			if err := fetch.decodeTableRow(bytesOf(arena.Copy(it.Value())), stored); err != nil {
				return damaged(err)
			}
		}
		if err := it.Err(); err != nil {
			return damaged(err)
		}
		if stored.Len > 0 {
			if err := visit(stored); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeEntries adds entries to a unique index that no one else writes yet: no two
// shards need to agree.
func (w *engineWriter) writeEntries(ctx context.Context, entries *catalog.Relation, batch *types.Batch) error {
	byShard := map[int][]part{}
	if err := w.split(&Rows{Relation: entries, Batch: batch}, 0, byShard); err != nil {
		return err
	}
	return w.appendAll(ctx, byShard)
}

// duplicated turns the violation that a shard found into the error of CREATE
// UNIQUE INDEX.
func duplicated(err error, entries *catalog.Relation) error {
	if sqlerr.CodeOf(err) != sqlerr.UniqueViolation {
		return err
	}
	violation := sqlerr.From(err)
	detail := strings.TrimSuffix(violation.Detail, "already exists.") + "is duplicated."
	out := sqlerr.New(sqlerr.UniqueViolation, -1, "could not create unique index %q", entries.Index.Name).WithDetail("%s", detail)
	out.Schema, out.Table, out.Constraint = entries.Schema, entries.Name, entries.Index.Name
	return out
}

func rangeOf(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}
