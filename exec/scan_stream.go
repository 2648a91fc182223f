package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"millrace/exec/pull"
	"millrace/log"
	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// streamScan reads a stream's partitions up to given ends, one after the other.
type streamScan struct {
	engine *Engine
	stream *catalog.Relation
	fetch  *fetchReader
	ends   []int64
	shard  int
	offset int64
	data   []byte
	// from is the first offset that is wanted, and since, where timed, a rowtime:
	// each partition is read from the first row that has at least it.
	from, since int64
	timed       bool
	// begun says that rows of the partition have been read.
	begun bool
	// visible are the ends of what the query sees; ends may be before them.
	visible []int64
}

// Next implements pull.Iterator.
func (s *streamScan) Next(ctx context.Context) (*types.Batch, error) {
	for s.shard < len(s.ends) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if s.offset >= s.ends[s.shard] {
			s.shard, s.offset, s.data, s.begun = s.shard+1, 0, nil, false
			continue
		}
		rows, err := s.read()
		if err != nil {
			return nil, err
		}
		if rows != nil && rows.Len > 0 {
			return rows, nil
		}
	}
	return nil, io.EOF
}

// Close implements pull.Iterator.
func (s *streamScan) Close() {}

// read decodes the next record batches, about a thousand rows of them.
func (s *streamScan) read() (*types.Batch, error) {
	if len(s.data) == 0 {
		partition, err := s.engine.loops[s.shard].log.Partition(uint64(s.stream.ID))
		if err != nil || partition == nil {
			s.offset = s.ends[s.shard]
			return nil, err
		}
		if err = s.begin(partition); err == nil {
			if s.offset >= s.ends[s.shard] {
				return nil, nil
			}
			s.data, err = partition.Read(s.offset, scanBytes, nil)
		}
		var gone *log.OffsetOutOfRangeError
		if !s.begun && errors.As(err, &gone) {
			return nil, nil // the beginning moved meanwhile: look for it again
		}
		if err != nil {
			return nil, readError(s.stream, err)
		}
		s.begun = true
		if partition.CompactedBefore() > s.visible[s.shard] {
			return nil, compactedError(s.stream)
		}
	}
	stored := s.fetch.newStored()
	for len(s.data) > 0 && stored.Len < scanRows {
		batch, rest, err := log.ParseBatch(s.data)
		if err != nil {
			return nil, readError(s.stream, err)
		}
		s.data = rest
		if err := s.fetch.decodeRecords(&batch, s.offset, stored); err != nil {
			return nil, damaged(err)
		}
		s.offset = batch.NextOffset()
	}
	return s.fetch.project(cutAt(stored, s.ends[s.shard]), int32(s.shard)), nil
}

// restrict has the scan read a range only.
func (s *streamScan) restrict(pseudocolumn int, bounds *pull.Bounds) {
	if pseudocolumn == plan.FetchRowtime {
		s.since, s.timed = millisFromTimestamp(bounds.Low.Value.Int), true
		return
	}
	if bounds.Low != nil {
		s.from = bounds.Low.Value.Int
	}
	if bounds.High == nil || bounds.High.Value.Int == math.MaxInt64 {
		return
	}
	s.ends = slices.Clone(s.ends)
	for shard := range s.ends {
		s.ends[shard] = max(0, min(s.ends[shard], bounds.High.Value.Int+1))
	}
}

// begin moves to the first row of a partition that is wanted and there. Later the
// partition may begin behind the scan, which must not pass over the rows between.
func (s *streamScan) begin(partition *log.Partition) error {
	if s.begun {
		return nil
	}
	s.offset = max(partition.StartOffset(), s.from)
	if s.timed {
		first, err := partition.OffsetForTimestamp(s.since)
		if err != nil {
			return err
		}
		s.offset = max(s.offset, first)
	}
	return nil
}

// cutAt drops the rows from an end offset on.
func cutAt(rows *types.Batch, end int64) *types.Batch {
	if n, _ := slices.BinarySearch(rows.Offsets, end); n < rows.Len {
		return rows.Select(rowRange(0, n))
	}
	return rows
}

// readError says what is wrong with reading a stream.
func readError(stream *catalog.Relation, err error) error {
	var gone *log.OffsetOutOfRangeError
	if errors.As(err, &gone) {
		return sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "rows of stream %q were dropped by its retention while the query read them", stream.Name).
			WithHint("Run the query again.")
	}
	return damaged(fmt.Errorf("stream %q: %w", stream.Name, err))
}

// compactedError says that a compaction has gone beyond the end of what a query
// reads: the last row of a key there may have gone because of a later one.
func compactedError(stream *catalog.Relation) error {
	return sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "rows of stream %q were compacted while the query read them", stream.Name).
		WithHint("Run the query again.")
}
