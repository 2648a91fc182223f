package exec

import (
	"context"
	"errors"
	"slices"

	"millrace/planner/plan"
	"millrace/sql/sqlerr"
)

// resume opens the sources behind a rowmark. Three things follow, the first two only
// where they are needed:
//
//  1. Where operators keep something of their input, they are given again all of it
//     up to where the mark's unit begins. What comes out is let go.
//  2. The unit is computed again, and the rows of it that the client has are passed
//     over. Of an initial result this is the first step.
//  3. The query goes on: streams from their offsets, tables from their kept changes and
//     then live ones.
func (p *pushQuery) resume(mark *rowmark) error {
	m := p.marks
	m.mark, m.skip, m.digest = *mark, mark.rows, mark.digest
	m.mark.rows, m.mark.digest = 0, 0
	p.opened = m.direct && !mark.initial
	p.out.held = p.out.held && !p.opened
	p.silent = !mark.initial
	m.complete = mark.rows == 0
	for i, in := range p.stage.inputs {
		at := &mark.sources[i]
		target := at.before
		if mark.initial {
			target = at.after
		}
		source := p.subscribe(in)
		var err error
		if in.kind == inputTable {
			err = p.resumeTable(source, target)
		} else {
			err = p.resumeStream(source, at.first, target)
		}
		if err != nil {
			return err
		}
	}
	if !mark.initial && mark.rows > 0 {
		for _, s := range mark.sources {
			p.replay = append(p.replay, markedSource{after: slices.Clone(s.after)})
		}
	}
	return p.engine.checkStorage(p.plan.Sources)
}

// markAheadError says that a rowmark is of something that this node does not have.
type markAheadError struct{ cause error }

// Error implements error.
func (e *markAheadError) Error() string { return e.cause.Error() }

// Unwrap returns what the client is told.
func (e *markAheadError) Unwrap() error { return e.cause }

// resumeAttempts is how often a node looks for what a mark is of.
const resumeAttempts = 4

// newResumedQuery starts a push query behind a mark that the client has brought. The mark may
// be of another node that was ahead of this one, which may not look as if it were of rows that
// there are not: the node catches up first. Behind that its replica may be replaced by an
// older copy, so a mark is wrong only where it is ahead again and again.
func (e *Engine) newResumedQuery(ctx context.Context, q *plan.Query, env *QueryEnv) (own *pushQuery, err error) {
	for range resumeAttempts {
		if err := e.catchUp(ctx, e.shardsOf(q.Sources)); err != nil {
			return nil, err
		}
		own, err = e.newPushQuery(q, env, ctx.Done(), nil)
		if _, ahead := errors.AsType[*markAheadError](err); !ahead {
			break
		}
	}
	return own, err
}

// resumeStream has a stream read from where it began to the target.
func (p *pushQuery) resumeStream(source *pushSource, first, target []uint64) error {
	stream := source.in.codec.relation
	source.started = true
	for shard, l := range p.engine.loops {
		begin, end := int64(first[shard]), int64(target[shard])
		if p.opened {
			begin = end
		}
		source.offsets, source.initial = append(source.offsets, begin), append(source.initial, end)
		partition, err := l.log.Partition(uint64(stream.ID))
		switch {
		case err != nil:
			return err
		case partition == nil && end > 0 || partition != nil && end > partition.NextOffset():
			return &markAheadError{sqlerr.New(sqlerr.InvalidParameterValue, -1, "the rowmark is of rows that stream %q does not have", stream.Name).WithHint(newSnapshotHint)}
		case partition == nil:
		case begin < partition.StartOffset():
			return expiredMark(stream.Name, "rows were deleted by its retention")
		case partition.CompactedBefore() > begin:
			return expiredMark(stream.Name, "rows were compacted")
		}
	}
	return nil
}

// resumeTable has a table read as it was at the target, where that is needed, and
// then its changes.
func (p *pushQuery) resumeTable(source *pushSource, target []uint64) error {
	in := source.in
	table := in.codec.relation
	storage := table.StorageID()
	if err := p.openTable(source); err != nil {
		return err
	}
	for shard, at := range target {
		kept, err := readKept(source.snapshot.Shard(uint32(shard)), storage)
		if err != nil {
			return damaged(err)
		}
		switch {
		case at > source.applied[shard]:
			return &markAheadError{sqlerr.New(sqlerr.InvalidParameterValue, -1, "the rowmark is of changes that table %q does not have", table.Name).WithHint(newSnapshotHint)}
		case table.ChangesMillis == 0 && at != source.applied[shard]:
			return expiredMark(table.Name, "no changes are kept (changes_retention = 0)")
		case at < kept.floor:
			return expiredMark(table.Name, "changes are not kept any more (changes_retention)")
		}
	}
	source.at = slices.Clone(target)
	source.backlog = &keptScan{snapshot: source.snapshot, codec: in.codec}
	if p.opened || in.changelog != nil && p.silent {
		source.closeScan()
		return nil
	}
	past, err := newPastScan(source.snapshot, in.codec, in.fetch, target)
	if err != nil {
		return damaged(err)
	}
	source.closeScan()
	source.scan = past
	return nil
}

// replayUnit computes the unit of the mark again, as one step.
func (p *pushQuery) replayUnit() error {
	marked := p.replay
	p.replay = nil
	for i, source := range p.sources {
		after := marked[i].after
		if source.in.kind == inputTable {
			if _, err := p.readBacklog(source, after); err != nil {
				return err
			}
			source.at = slices.Clone(after)
			continue
		}
		if err := p.readStreamTo(source, after); err != nil {
			return err
		}
	}
	return p.turn.failed
}

// backlogRows is how many kept changes are read in a step, about.
const backlogRows = 1 << 14

// readBacklog hands kept changes of a table to the operators: those of entries up to
// given positions or, for nil, a piece of what there is.
func (p *pushQuery) readBacklog(source *pushSource, until []uint64) (worked bool, err error) {
	rows := 0
	for shard := range source.at {
		for {
			if until == nil && rows > backlogRows {
				return true, p.turn.failed
			}
			end := source.applied[shard]
			if until != nil {
				end = until[shard]
			}
			entry, batches, err := source.backlog.next(shard, source.at[shard], end)
			if err != nil {
				return worked, damaged(err)
			}
			if batches == nil {
				break
			}
			for _, b := range batches {
				rows += b.Len
				p.takeChanges(source, b, entry.time, shard)
			}
			source.at[shard], worked = entry.base+1, true
		}
	}
	if until == nil {
		source.at = slices.Clone(source.applied)
		source.closeBacklog()
	}
	return worked, p.turn.failed
}

// readKept has the changes of a table read from those that it keeps, since more of them
// came than wait in memory, or some were passed over. Its subscription takes new ones already.
func (p *pushQuery) readKept(source *pushSource) error {
	at := source.at
	if err := p.openTable(source); err != nil {
		return err
	}
	source.at, source.pending = at, nil
	source.backlog = &keptScan{snapshot: source.snapshot, codec: source.in.codec}
	source.closeScan()
	for shard := range at {
		kept, err := readKept(source.snapshot.Shard(uint32(shard)), source.in.codec.relation.StorageID())
		if err != nil {
			return damaged(err)
		}
		// The node's replica may have been replaced by one that is behind what was given.
		source.applied[shard] = max(source.applied[shard], at[shard])
		if at[shard] < kept.floor {
			p.engine.pushes.metrics.ended.Inc()
			return source.subscription.lostChanges()
		}
	}
	p.engine.pushes.metrics.late.Inc()
	return nil
}
