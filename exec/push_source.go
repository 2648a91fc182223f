package exec

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"

	"millrace/exec/pull"
	"millrace/log"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
	"millrace/tables"
)

// pushSource is one input of a push query.
//
// Of a stream, each shard's partition is read from the log, from the beginning
// or from the end at the start, so no row is missed or repeated. Of a table, a
// subscription is made first and a snapshot taken then; changes of entries that
// the snapshot holds are passed over by their index.
type pushSource struct {
	in           *input
	subscription *subscription
	// streams: the next offset per shard, and the offsets at which the initial
	// result is complete.
	offsets, initial []int64
	// tables: the initial scan, the snapshot that it reads and the index per shard that
	// this holds.
	scan     pull.Iterator
	snapshot *tables.Snapshot
	applied  []uint64
	// at are the indexes up to which changes have been read, and backlog reads the kept
	// ones of a query that was resumed, before those that come now. Pending were taken
	// from the subscription and are for later.
	at      []uint64
	backlog *keptScan
	pending []*tableChanges
	started bool
}

// subscribe makes a source of an input and has it told of changes from now on.
func (p *pushQuery) subscribe(in *input) *pushSource {
	source := &pushSource{in: in, subscription: newSubscription(in.codec.relation, p.wake)}
	source.subscription.budget, source.subscription.limit = &p.engine.pushes.budget, p.buffer
	source.subscription.kept = p.marks != nil && in.codec.relation.ChangesMillis > 0
	p.sources = append(p.sources, source)
	for _, l := range p.engine.loops {
		l.feed.subscribe(source.subscription)
	}
	return source
}

// openTable takes a snapshot of a table, to which its source is subscribed.
func (p *pushQuery) openTable(source *pushSource) error {
	in := source.in
	source.snapshot, source.applied = p.engine.storage.Store().NewSnapshot(), nil
	source.scan = &tableScan{snapshot: source.snapshot, shards: len(p.engine.loops), codec: in.codec, fetch: in.fetch, read: p.engine.metrics.read}
	for shard := range p.engine.loops {
		applied, err := source.snapshot.Shard(uint32(shard)).AppliedIndex()
		if err != nil {
			return damaged(err)
		}
		source.applied = append(source.applied, applied)
	}
	source.at = slices.Clone(source.applied)
	return nil
}

// noteFirst notes in the marks where streams begin to be read.
func (p *pushQuery) noteFirst() error {
	for i, source := range p.sources {
		first := make([]uint64, len(p.engine.loops))
		p.marks.mark.sources[i].first = first
		for shard := range source.offsets {
			partition, err := p.engine.loops[shard].log.Partition(uint64(source.in.source))
			if err != nil {
				return err
			}
			if partition != nil {
				first[shard] = uint64(max(source.offsets[shard], partition.StartOffset()))
			}
		}
	}
	return nil
}

func (s *pushSource) closeScan() {
	if s.scan != nil {
		s.scan.Close()
		s.scan = nil
	}
	s.closeSnapshot()
}

func (s *pushSource) closeBacklog() {
	if s.backlog != nil {
		s.backlog.close()
		s.backlog = nil
	}
	s.closeSnapshot()
}

// closeSnapshot lets the snapshot go when nothing reads it any more.
func (s *pushSource) closeSnapshot() {
	if s.snapshot != nil && s.scan == nil && s.backlog == nil {
		_ = s.snapshot.Close() // its reads reported their errors
		s.snapshot = nil
	}
}

// readHistory hands one piece of the initial input to the operators.
func (p *pushQuery) readHistory(ctx context.Context) (more bool, err error) {
	if p.stage.busy() {
		p.stage.resumeWork(&p.turn)
		return true, p.turn.failed
	}
	for _, source := range p.sources {
		if source.scan != nil {
			rows, err := source.scan.Next(ctx)
			if err == nil {
				source.in.to.process(&p.turn, p.initialRows(source, rows))
				return true, p.turn.failed
			}
			if err != io.EOF {
				return false, err
			}
			source.closeScan()
			continue
		}
		for shard := range source.offsets {
			switch shardLog := p.engine.loops[shard].log; {
			case source.offsets[shard] >= source.initial[shard]:
			case shardLog.Whole() != nil:
				return true, shardLog.WaitApplied(ctx, 0)
			default:
				return true, p.readStream(source, shard, source.initial[shard])
			}
		}
	}
	return false, p.turn.failed
}

// initialRows gives rows of a table's scan as its consumer sees them.
func (p *pushQuery) initialRows(source *pushSource, rows *types.Batch) *types.Batch {
	changelog := source.in.changelog
	if changelog == nil {
		return rows
	}
	return changelog.asInserts(rows, p.turn.eval.Now.UnixMilli())
}

// readNew hands a source's new rows or changes to the operators: those up to given
// positions by shard or, for nil, what there is.
func (p *pushQuery) readNew(source *pushSource, until []uint64) (bool, error) {
	if source.backlog != nil {
		return p.readBacklog(source, nil)
	}
	if source.in.kind == inputTable {
		return p.readChanges(source, until)
	}
	if err := source.subscription.failure(); err != nil {
		return false, err
	}
	worked := false
	for shard := range source.offsets {
		limit := int64(math.MaxInt64)
		if until != nil {
			limit = int64(until[shard])
		}
		before := source.offsets[shard]
		if err := p.readStream(source, shard, limit); err != nil {
			return worked, err
		}
		worked = worked || source.offsets[shard] != before
	}
	return worked, nil
}

// readChanges hands the changes of a table that have come to the operators.
func (p *pushQuery) readChanges(source *pushSource, until []uint64) (worked bool, err error) {
	come, err := source.subscription.take()
	if err == errSubscriptionBehind {
		err = p.readKept(source)
		worked = true
	}
	if err != nil {
		return false, p.marks.hint(err)
	}
	changes := append(source.pending, come...)
	source.pending = nil
	slices.SortStableFunc(changes, func(x, y *tableChanges) int { return x.shard - y.shard })
	for _, c := range changes {
		switch {
		case c.index <= source.applied[c.shard] || c.index <= source.at[c.shard]:
			continue
		case until != nil && c.index > until[c.shard]:
			source.pending = append(source.pending, c)
			continue
		}
		batches, err := c.rows(source.in.codec)
		if err != nil {
			return worked, damaged(err)
		}
		for _, b := range batches {
			p.takeChanges(source, b, c.entry.time, c.shard)
			worked = true
		}
		source.at[c.shard] = c.index
	}
	return worked, p.turn.failed
}

// takeChanges hands changes of a table, made at a time, to the operators.
func (p *pushQuery) takeChanges(source *pushSource, changes *types.Batch, at int64, shard int) {
	rows := source.in.fetch.projectFull(changes, int32(shard))
	if changelog := source.in.changelog; changelog != nil {
		rows = changelog.project(changelog.changes(changes, nil), at, shard)
	}
	source.in.to.process(&p.turn, rows)
}

// readStream hands one piece of a stream's partition, up to a limit, to the
// operators.
func (p *pushQuery) readStream(source *pushSource, shard int, limit int64) error {
	partition, err := p.engine.loops[shard].log.Partition(uint64(source.in.source))
	if errors.Is(err, ErrNotWhole) {
		p.engine.loops[shard].wakeWhole(p.engine.life)
		return nil
	}
	if err != nil || partition == nil {
		return err
	}
	if source.offsets[shard] < partition.StartOffset() {
		if source.started {
			return sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "rows of stream %q were dropped by its retention before they could be sent", source.in.codec.relation.Name)
		}
		source.offsets[shard] = partition.StartOffset()
	}
	if limit = min(limit, partition.NextOffset()); source.offsets[shard] >= limit {
		return nil
	}
	data, err := partition.Read(source.offsets[shard], scanBytes, nil)
	if errors.Is(err, log.ErrClosed) {
		p.wake.raise() // there is another one in its place, or the stream was dropped
		return nil
	}
	if err != nil {
		return readError(source.in.codec.relation, err)
	}
	if partition.CompactedBefore() > max(source.initial[shard], source.offsets[shard]) {
		return compactedError(source.in.codec.relation)
	}
	for len(data) > 0 && source.offsets[shard] < limit {
		var batch log.Batch
		if batch, data, err = log.ParseBatch(data); err != nil {
			return readError(source.in.codec.relation, err)
		}
		stored := source.in.fetch.newStored()
		if err := source.in.fetch.decodeRecords(&batch, source.offsets[shard], stored); err != nil {
			return damaged(err)
		}
		stored = cutAt(stored, limit)
		source.offsets[shard] = min(batch.NextOffset(), limit)
		if stored.Len > 0 {
			source.in.to.process(&p.turn, source.in.fetch.project(stored, int32(shard)))
		}
	}
	source.started = true
	return p.turn.failed
}
