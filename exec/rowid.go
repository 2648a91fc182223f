package exec

import (
	"context"
	"sync"

	"millrace/sql/catalog"
	"millrace/sql/types"
)

// Row ids are the keys of tables without PRIMARY KEY (catalog.Relation.RowID).
//
//   - An id is given once in the life of a cluster: a node takes ranges of them
//     from the catalog's log, durably, before it gives any of a range. What is left
//     of a range when the node ends is never given.
//   - The rows that are given ids together get such as place them on one shard, so
//     that writing them needs no transaction over several. These shards take turns.
type rowIDs struct {
	mu sync.Mutex
	// next is the next id of the node's range, last the range's last one.
	next, last int64
}

// rowIDRange is how many ids a node takes at once.
const rowIDRange = 1 << 24

// take returns the first of count ids in a row that nobody else gets.
func (r *rowIDs) take(ctx context.Context, count int64, reserve func(ctx context.Context, count int64) (first int64, err error)) (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == 0 || r.last-r.next+1 < count {
		size := max(count, rowIDRange)
		first, err := reserve(ctx, size)
		if err != nil {
			return 0, err
		}
		r.next, r.last = first, first+size-1
	}
	first := r.next
	r.next += count
	return first, nil
}

// SetRowIDs implements Backend.
func (e *Engine) SetRowIDs(ctx context.Context, relation *catalog.Relation, rows *types.Batch) error {
	column := relation.RowID()
	if column < 0 {
		return nil
	}
	partition := int(e.turn.Add(1) % uint64(relation.Partitions))
	ids := &rows.Columns[column]
	ids.Reset(relation.Columns[column].Type)
	var key []byte
	for ids.Len() < rows.Len {
		// One id in as many as there are partitions belongs to the chosen one.
		count := int64(rows.Len-ids.Len()+1) * int64(relation.Partitions)
		first, err := e.rowIDs.take(ctx, count, e.reserveRowIDs)
		if err != nil {
			return err
		}
		for id := first; id < first+count && ids.Len() < rows.Len; id++ {
			key = types.AppendKey(key[:0], types.Int8, types.IntDatum(id))
			if types.PartitionOf(key, relation.Partitions) == partition {
				ids.Append(types.IntDatum(id))
			}
		}
	}
	return nil
}

// reserveRowIDs takes a range of ids from the catalog.
func (e *Engine) reserveRowIDs(ctx context.Context, count int64) (int64, error) {
	result, err := e.proposeCatalog(ctx, &catalog.ReserveRowIDs{Count: count})
	return result.First, err
}
