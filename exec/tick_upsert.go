package exec

import (
	"bytes"

	"millrace/sql/types"
	"millrace/tables"
)

// upsertRows writes rows into a source table whose option upsert is set: a row
// with a key that exists replaces the row that has it. The change to the table
// is the old row's deletion and the new one's insertion, in this order; a row
// that is there already changes nothing.
func (t *tick) upsertRows(codec *relationCodec, rows *types.Batch) error {
	if t.upserted == nil {
		t.upserted = map[string][]byte{}
	}
	changes := types.NewBatch(codec.columns)
	for i := range rows.Len {
		key := codec.appendKey(tables.AppendRowKey(t.core.scratch[:0], uint64(codec.relation.ID), nil), rows, i)
		t.core.scratch = key
		old, exists := t.upserted[string(key)]
		if !exists {
			var err error
			if old, exists, err = t.core.state.Get(key, nil); err != nil {
				return err
			}
		}
		row := codec.row.AppendRow(nil, rows, i)
		if exists && bytes.Equal(old, row) {
			continue
		}
		if exists {
			// The stored row is this call's own memory, so the batch may alias it.
			if err := codec.row.DecodeInto(old, changes); err != nil {
				return err
			}
			changes.Weights = append(changes.Weights[:changes.Len-1], -1)
		}
		appendChange(changes, rows, int32(i), 1)
		t.upserted[string(key)] = row
		t.write.Set(key, row)
	}
	if changes.Len > 0 {
		t.tableChanged(codec.relation.ID, changes)
	}
	return nil
}
