package exec

import (
	"math"

	"millrace/log"
	"millrace/sql/catalog"
)

// retain drops the beginnings of streams that their retention no longer keeps, and
// has streams compacted.
func (t *tick) retain() error {
	if err := t.expireProducers(); err != nil {
		return err
	}
	if err := t.retainChanges(); err != nil {
		return err
	}
	for _, relation := range t.core.retained {
		partition, err := t.core.partition(uint64(relation.ID))
		if err != nil {
			return err
		}
		if partition == nil {
			continue
		}
		slowest := t.core.slowestReader(relation.ID)
		if relation.Compact {
			t.compact(relation, partition, slowest)
		}
		start := partition.RetentionOffset(t.in.now.UnixMilli(), limit(relation.RetentionMillis), limit(relation.RetentionBytes))
		start = min(start, slowest)
		if start > partition.StartOffset() {
			t.write.Truncate(uint64(relation.ID), start)
		}
	}
	return nil
}

// compact asks for the compaction of a stream's partition here, where enough is new
// to be worth it. It goes no further than the slowest reader, so each query sees
// every row.
func (t *tick) compact(relation *catalog.Relation, partition *log.Partition, slowest int64) {
	before := partition.CompactionOffset(slowest)
	if before <= t.core.compactions[relation.ID] {
		return
	}
	t.core.compactions[relation.ID] = before
	t.write.Compact(log.Compact{
		Object: uint64(relation.ID), Before: before, TombstonesBefore: t.in.now.UnixMilli() - relation.DeleteRetentionMillis,
	})
}

// limit is a retention limit as partitions take it: none is negative there, and
// 0 in the catalog.
func limit(n int64) int64 {
	if n == 0 {
		return -1
	}
	return n
}

// slowestReader returns the smallest offset that a query still has to read of a
// stream here: retention never takes what a query has not seen.
func (c *core) slowestReader(stream catalog.ObjectID) int64 {
	slowest := int64(math.MaxInt64)
	for _, i := range c.schedule.readers[uint64(stream)] {
		for _, s := range c.queries[i].stages {
			for _, in := range s.inputs {
				if in.kind == inputStream && in.source == stream {
					slowest = min(slowest, in.offset)
				}
			}
		}
	}
	return slowest
}
