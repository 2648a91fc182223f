package exec

import (
	"cmp"
	"context"
	"slices"
	"time"

	"millrace/sql/catalog"
	"millrace/sql/catalog/systables"
	"millrace/sql/types"
	"millrace/tables"
)

// What the system tables show of the running engine.

// The states of a query on a shard, as SHOW QUERIES prints them.
const (
	stateRunning     = "running"
	stateBackfilling = "backfilling"
	stateLagging     = "lagging"
	statePaused      = "paused"
	stateFailed      = "failed"
	// stateUnreachable is that of a shard whose leader does not answer.
	stateUnreachable = "unreachable"
)

// Queries returns the state of each continuous query on each shard.
func (e *Engine) Queries(ctx context.Context) ([]systables.QueryStatus, error) {
	reports, err := e.queryStates(ctx)
	if err != nil {
		return nil, err
	}
	var out []systables.QueryStatus
	for _, q := range e.newestCatalog().Queries() {
		for shard := range reports {
			status, known := reports[shard].queries[q.ID]
			row := systables.QueryStatus{
				Query: q.ID, Shard: shard, State: stateRunning, Lag: status.rows + status.batches, Late: int64(status.late),
				Error: status.failure, Rows: status.consumed,
			}
			switch {
			case !reports[shard].reached:
				row.State = stateUnreachable
			case !known:
				continue
			case status.state == queryFailed:
				row.State = stateFailed
			case status.state == queryPaused || q.Paused:
				row.State = statePaused
			case status.scanning:
				row.State = stateBackfilling
			case row.Lag > 0:
				row.State = stateLagging
			}
			out = append(out, row)
		}
	}
	return out, nil
}

// consumed returns how many rows of streams a query has read on a shard.
func (l *shardLoop) consumed(query catalog.ObjectID) int64 {
	l.status.mu.Lock()
	defer l.status.mu.Unlock()
	var rows int64
	for n := 0; l.status.stages[stageID{query, n}] != nil; n++ {
		for _, in := range l.status.stages[stageID{query, n}].inputs {
			if in.kind == inputStream {
				rows += in.offset
			}
		}
	}
	return rows
}

// lag is how far a query is behind on one shard.
type lag struct {
	rows, batches int64
	scanning      bool
}

func (l *shardLoop) lag(query catalog.ObjectID) lag {
	var out lag
	l.status.mu.Lock()
	var inputs []inputStatus
	for n := 0; l.status.stages[stageID{query, n}] != nil; n++ {
		published := l.status.stages[stageID{query, n}]
		inputs = append(inputs, published.inputs...)
		for _, work := range published.work {
			out.batches += int64(work.next - work.first)
		}
	}
	l.status.mu.Unlock()
	for i := range inputs {
		out.batches += int64(inputs[i].waitingNext - inputs[i].waitingFirst)
		switch inputs[i].kind {
		case inputStream:
			if partition, err := l.log.Partition(uint64(inputs[i].source)); err == nil && partition != nil {
				out.rows += max(0, partition.NextOffset()-inputs[i].offset)
			}
		case inputTable:
			out.scanning = out.scanning || !inputs[i].scanned
		}
	}
	return out
}

// Partitions returns the extent of each partition of each stream.
func (e *Engine) Partitions(ctx context.Context) ([]systables.PartitionStatus, error) {
	e.tryCatchUp(ctx)
	var out []systables.PartitionStatus
	for _, relation := range e.Catalog().Relations() {
		for shard := range relation.Partitions {
			row := systables.PartitionStatus{Relation: relation.ID, Partition: shard, Rows: -1, Bytes: -1}
			if relation.Kind == catalog.KindStream {
				partition, err := e.loops[shard].log.Partition(uint64(relation.ID))
				if err != nil {
					return nil, damaged(err)
				}
				row.Rows, row.Bytes = 0, 0
				if partition != nil {
					row.StartOffset, row.EndOffset = partition.StartOffset(), partition.NextOffset()
					row.Rows, row.Bytes = min(row.EndOffset-row.StartOffset, partition.Records()), partition.Size()
					for _, segment := range partition.Segments() {
						if rowtime := time.UnixMilli(segment.MaxTimestamp); segment.NextOffset > segment.BaseOffset && rowtime.After(row.Rowtime) {
							row.Rowtime = rowtime
						}
					}
				}
			}
			out = append(out, row)
		}
	}
	return out, nil
}

// Shards returns the state of each shard: what its leader tells, else what this node has.
func (e *Engine) Shards(ctx context.Context) ([]systables.ShardStatus, error) {
	reports, err := e.queryStates(ctx)
	if err != nil {
		return nil, err
	}
	var out []systables.ShardStatus
	for shard, l := range e.loops {
		row := systables.ShardStatus{Shard: shard, State: stateRunning, Term: reports[shard].term, Index: reports[shard].index}
		row.Leader, _ = l.log.Leader()
		switch {
		case !reports[shard].reached:
			row.State, row.Term = stateUnreachable, l.log.Term()
			if row.Index, err = l.log.Tables().AppliedIndex(); err != nil {
				return nil, damaged(err)
			}
		case reports[shard].failed:
			row.State = stateFailed
		}
		out = append(out, row)
	}
	return out, nil
}

// tryCatchUp has this node's replicas current for who looks at them, where that is soon
// possible: what there is is shown anyway.
func (e *Engine) tryCatchUp(ctx context.Context) {
	ctx, cancel := e.withPatience(ctx, reportPatience)
	defer cancel()
	_ = e.catchUp(ctx, rangeOf(len(e.loops)))
}

// Errors returns the rows that failed in continuous queries, newest last: of each
// query also those of the work that it shares.
func (e *Engine) Errors(ctx context.Context) ([]systables.RowError, error) {
	e.tryCatchUp(ctx)
	var out []systables.RowError
	snapshot := e.newestCatalog()
	for _, q := range snapshot.Queries() {
		for _, work := range snapshot.WorkOf(q) {
			for _, l := range e.loops {
				rows, err := l.rowErrors(work)
				if err != nil {
					return nil, damaged(err)
				}
				for i := range rows {
					rows[i].Query = q.ID
				}
				out = append(out, rows...)
			}
		}
	}
	slices.SortStableFunc(out, func(x, y systables.RowError) int { return cmp.Compare(x.Time.UnixMilli(), y.Time.UnixMilli()) })
	return out, nil
}

// LateRows returns the newest rows that came too late for a window, newest last.
func (e *Engine) LateRows(ctx context.Context) ([]systables.LateRow, error) {
	e.tryCatchUp(ctx)
	var out []systables.LateRow
	for _, q := range e.newestCatalog().Queries() {
		for _, l := range e.loops {
			rows, err := l.lateRows(q.ID)
			if err != nil {
				return nil, damaged(err)
			}
			out = append(out, rows...)
		}
	}
	slices.SortStableFunc(out, func(x, y systables.LateRow) int { return x.Time.Compare(y.Time) })
	return out, nil
}

// lateRows reads a query's late rows on one shard.
func (l *shardLoop) lateRows(query catalog.ObjectID) ([]systables.LateRow, error) {
	prefix := tables.AppendInternalPrefix(nil, uint64(query), 0, directionLate, 0)
	it, err := l.log.Tables().Scan(prefix, tables.PrefixEnd(nil, prefix))
	if err != nil {
		return nil, err
	}
	defer it.Close()
	var out []systables.LateRow
	for it.Next() {
		late, err := decodeLateRow(it.Value())
		if err != nil {
			return nil, err
		}
		row := systables.LateRow{
			Time: time.UnixMilli(late.time).UTC(), Query: query, Shard: l.number, Partition: late.partition, Offset: late.offset,
			WindowStart: types.TimestampToTime(late.start), WindowEnd: types.TimestampToTime(late.end), Rows: late.rows,
		}
		if late.rowtime != noTime {
			row.Rowtime = types.TimestampToTime(late.rowtime)
		}
		out = append(out, row)
	}
	return out, it.Err()
}

// rowErrors reads a query's part of the error stream on one shard.
func (l *shardLoop) rowErrors(q *catalog.Query) ([]systables.RowError, error) {
	prefix := tables.AppendInternalPrefix(nil, uint64(q.ID), 0, directionErrors, 0)
	it, err := l.log.Tables().Scan(prefix, tables.PrefixEnd(nil, prefix))
	if err != nil {
		return nil, err
	}
	defer it.Close()
	var out []systables.RowError
	for it.Next() {
		failure, err := decodeRowFailure(it.Value())
		if err != nil {
			return nil, err
		}
		row := systables.RowError{
			Time: time.UnixMilli(failure.time).UTC(), Query: q.ID, Shard: l.number, Partition: failure.partition,
			Offset: failure.offset, Code: failure.code, Message: failure.message,
		}
		if len(q.Sources) == 1 {
			row.Relation = q.Sources[0]
		}
		out = append(out, row)
	}
	return out, it.Err()
}
