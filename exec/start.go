package exec

import (
	"context"

	"millrace/log"
	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// CheckStart implements Backend.
func (e *Engine) CheckStart(ctx context.Context, start *plan.Start, stream *catalog.Relation) error {
	if err := e.catchUp(ctx, e.shardsOf([]*catalog.Relation{stream})); err != nil {
		return err
	}
	_, err := e.startOffsets(start, stream)
	return err
}

// startOffsets returns the offsets at which a stream begins to be read, by shard.
// Rows from an offset that is asked for must be there.
func (e *Engine) startOffsets(start *plan.Start, stream *catalog.Relation) ([]int64, error) {
	offsets := make([]int64, len(e.loops))
	for shard, l := range e.loops {
		partition, err := l.log.Partition(uint64(stream.ID))
		if err != nil {
			return nil, err
		}
		if start.Kind == plan.StartOffsets && shard < len(start.Offsets) && start.Offsets[shard] >= 0 {
			if err := checkOffset(start.Offsets[shard], stream, shard, partition); err != nil {
				return nil, err
			}
		}
		if offsets[shard], err = startOffset(start, shard, partition); err != nil {
			return nil, readError(stream, err)
		}
	}
	return offsets, nil
}

// startOffset is where one partition begins to be read, as far as it is there.
func startOffset(start *plan.Start, shard int, partition *log.Partition) (int64, error) {
	if partition == nil {
		return 0, nil
	}
	switch start.Kind {
	case plan.StartLatest:
		return partition.NextOffset(), nil
	case plan.StartTime:
		return partition.OffsetForTimestamp(start.Millis)
	default:
		offset := int64(-1)
		if shard < len(start.Offsets) {
			offset = start.Offsets[shard]
		}
		return min(max(offset, partition.StartOffset()), partition.NextOffset()), nil
	}
}

// checkOffset refuses an offset from which rows are gone, or which is not there yet.
func checkOffset(offset int64, stream *catalog.Relation, shard int, partition *log.Partition) error {
	var first, next int64
	if partition != nil {
		first, next = partition.StartOffset(), partition.NextOffset()
	}
	switch {
	case offset < first:
		return sqlerr.New(sqlerr.SnapshotTooOld, -1, "offset %d of partition %d of stream %q has expired", offset, shard, stream.Name).
			WithDetail("Retention has deleted its rows. The first offset that is there is %d, and the next row gets %d.", first, next).
			WithHint("start = 'earliest' begins with the first row that is there.")
	case offset > next:
		return sqlerr.New(sqlerr.InvalidParameterValue, -1, "offset %d of partition %d of stream %q does not exist yet", offset, shard, stream.Name).
			WithDetail("The next row gets offset %d.", next)
	default:
		return nil
	}
}

// beginAt has a query that is new here begin to read streams where it wants to, and
// notes that in the entry that activates it.
func (t *tick) beginAt(q *runningQuery) {
	c := t.core
	for _, s := range q.stages {
		for _, in := range s.inputs {
			if in.start == nil {
				continue
			}
			partition, err := c.partition(uint64(in.source))
			if err == nil {
				in.offset, err = startOffset(in.start, c.shard, partition)
			}
			if err != nil {
				c.poisoned[q.descriptor.ID] = err.Error()
				q.state, q.failure = queryFailed, err.Error()
				return
			}
			t.write.Set(inputKey(nil, s.id, in.number), in.position.append(nil))
		}
	}
}
