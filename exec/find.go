package exec

import (
	"context"

	"millrace/sql/catalog"
	"millrace/sql/types"
	"millrace/tables"
)

// Found are the rows of a table that have given keys.
type Found struct {
	// Rows has all columns of the table.
	Rows *types.Batch
	// At holds for each given key the number of its row in Rows, -1 for none.
	At []int32
}

// Find implements Backend.
func (e *Engine) Find(ctx context.Context, relation *catalog.Relation, keys *types.Batch, overlay *Overlay) (*Found, error) {
	if err := e.catchUpKeys(ctx, relation, keys); err != nil {
		return nil, err
	}
	snapshot := e.storage.Store().NewSnapshot()
	defer func() { _ = snapshot.Close() }() // its reads reported their errors
	if err := e.checkStorage([]*catalog.Relation{relation}); err != nil {
		return nil, err
	}
	return findIn(snapshot, relation, keys, overlay)
}

// FindIn implements Backend.
func (e *Engine) FindIn(_ context.Context, view *View, relation *catalog.Relation, keys *types.Batch, overlay *Overlay) (*Found, error) {
	if err := view.check(e.newestCatalog(), []*catalog.Relation{relation}, true); err != nil {
		return nil, err
	}
	return findIn(view.snapshot, relation, keys, overlay)
}

func findIn(snapshot *tables.Snapshot, relation *catalog.Relation, keys *types.Batch, overlay *Overlay) (*Found, error) {
	codec := newRelationCodec(relation)
	all := make([]int, len(codec.columns))
	for i := range all {
		all[i] = i
	}
	fetch := newFetchReader(codec, all)
	held := overlay.table(relation.ID)
	found := &Found{Rows: fetch.newStored(), At: make([]int32, keys.Len)}
	var key, stored []byte
	for i := range keys.Len {
		key = codec.appendKey(key[:0], keys, i)
		found.At[i] = -1
		if row, known := held.find(key); known {
			if row.current.batch != nil {
				found.At[i] = int32(found.Rows.Len)
				found.Rows.AppendRowFrom(row.current.batch, row.current.row, 1)
			}
			continue
		}
		shard := types.PartitionOf(key, relation.Partitions)
		stored = append(codec.appendStorageKey(stored[:0]), key...)
		value, exists, err := snapshot.Shard(uint32(shard)).Get(stored, nil)
		if err != nil {
			return nil, damaged(err)
		}
		if !exists {
			continue
		}
		found.At[i] = int32(found.Rows.Len)
		if err := fetch.decodeTableRow(value, found.Rows); err != nil {
			return nil, damaged(err)
		}
	}
	return found, nil
}
