package exec

import (
	"bytes"

	"millrace/sql/types"
)

// What requests do to the rows of source tables.

// checkTable checks the conditions of a part of a table: keys that must be
// absent, rows that must be what the statement had read. after has the rows as the
// request's earlier ones leave them, no row for those that they delete.
func (t *tick) checkTable(codec *relationCodec, p *part, after map[string]rowRef, own transactionID) (refused error, wait bool, err error) {
	for i := range p.rows.Len {
		key := codec.appendKey(codec.appendStorageKey(t.core.scratch[:0]), p.rows, i)
		t.core.scratch = key
		if holder, locked := t.core.locks[string(key)]; locked && holder != own {
			return nil, true, nil
		}
		if p.replaces(codec) {
			after[string(key)] = rowRef{p.rows, i}
			continue
		}
		switch p.operation {
		case OperationUpdate, OperationDelete:
			expected := rowRef{p.rows, i}
			if p.operation == OperationUpdate {
				expected.batch = p.old
			}
			same, err := t.holds(codec, key, expected, after)
			if err != nil {
				return nil, false, err
			}
			if !same {
				return conflict(), false, nil
			}
			after[string(key)] = rowRef{}
			if p.operation == OperationUpdate {
				after[string(key)] = rowRef{p.rows, i}
			}
			continue
		}
		row, known := after[string(key)]
		exists := row.batch != nil
		if !known {
			if exists, err = t.exists(key); err != nil {
				return nil, false, err
			}
		}
		switch {
		case exists && p.operation == OperationAdd:
			return conflict(), false, nil
		case exists:
			return UniqueViolation(codec.relation, p.rows, i), false, nil
		}
		after[string(key)] = rowRef{p.rows, i}
	}
	return nil, false, nil
}

// replaces reports whether a part's rows take the place of those that have their
// keys.
func (p *part) replaces(codec *relationCodec) bool {
	return p.operation == OperationInsert && codec.relation.Upsert
}

// exists reports whether there is a row with a key, in this tick or before.
func (t *tick) exists(key []byte) (bool, error) {
	if row, known := t.pending[string(key)]; known {
		return row.batch != nil, nil
	}
	_, found, err := t.core.state.Get(key, nil)
	return found, err
}

// holds reports whether the row with a key is the expected one; see checkTable.
func (t *tick) holds(codec *relationCodec, key []byte, expected rowRef, after map[string]rowRef) (bool, error) {
	want := codec.row.AppendRow(nil, expected.batch, expected.row)
	row, known := after[string(key)]
	if !known {
		row, known = t.pending[string(key)]
	}
	if known {
		return row.batch != nil && bytes.Equal(want, codec.row.AppendRow(nil, row.batch, row.row)), nil
	}
	stored, found, err := t.core.state.Get(key, nil)
	if err != nil || !found {
		return false, err
	}
	stored, err = codec.current(stored)
	return err == nil && bytes.Equal(want, stored), err
}

// changeTable carries out a checked part of a table. Of each key its old row
// comes before its new one among the table's changes.
func (t *tick) changeTable(codec *relationCodec, p *part) error {
	if t.pending == nil {
		t.pending = map[string]rowRef{}
	}
	replaces := p.replaces(codec)
	if !replaces && (p.operation == OperationInsert || p.operation == OperationAdd) {
		t.insertRows(codec, p.rows)
		return nil
	}
	changes := types.NewBatch(codec.columns)
	changes.Weights = []int64{}
	buf := t.core.scratch
	for i := range p.rows.Len {
		buf = codec.appendKey(codec.appendStorageKey(buf[:0]), p.rows, i)
		keyLen := len(buf)
		switch {
		case p.operation == OperationDelete:
			changes.AppendRowFrom(p.rows, i, -1)
			t.pending[string(buf)] = rowRef{}
			t.write.Delete(buf)
			continue
		case p.operation == OperationUpdate:
			changes.AppendRowFrom(p.old, i, -1)
		case replaces:
			if err := t.appendStored(codec, buf, changes); err != nil {
				return err
			}
		}
		changes.AppendRowFrom(p.rows, i, 1)
		t.pending[string(buf)] = rowRef{p.rows, i}
		buf = codec.row.AppendRow(buf, p.rows, i)
		t.write.Set(buf[:keyLen], buf[keyLen:])
	}
	t.core.scratch = buf
	t.rowsChanged(codec, changes)
	return nil
}

// insertRows inserts rows into a source table.
func (t *tick) insertRows(codec *relationCodec, rows *types.Batch) {
	buf := t.core.scratch
	for i := range rows.Len {
		buf = codec.appendKey(codec.appendStorageKey(buf[:0]), rows, i)
		keyLen := len(buf)
		t.pending[string(buf)] = rowRef{rows, i}
		buf = codec.row.AppendRow(buf, rows, i)
		t.write.Set(buf[:keyLen], buf[keyLen:])
	}
	t.core.scratch = buf
	changes := &types.Batch{Len: rows.Len, Columns: rows.Columns, Weights: make([]int64, rows.Len)}
	for i := range changes.Weights {
		changes.Weights[i] = 1
	}
	t.rowsChanged(codec, changes)
}

// rowsChanged takes notice of the changes of a source table, or of the entries of a
// unique index, which nobody follows.
func (t *tick) rowsChanged(codec *relationCodec, changes *types.Batch) {
	if codec.relation.Index != nil {
		return
	}
	t.indexRows(codec, changes, nil)
	t.tableChanged(codec.relation.ID, changes)
}

// appendStored appends the row with a key, if there is one, as a deletion.
func (t *tick) appendStored(codec *relationCodec, key []byte, changes *types.Batch) error {
	if row, known := t.pending[string(key)]; known {
		if row.batch != nil {
			changes.AppendRowFrom(row.batch, row.row, -1)
		}
		return nil
	}
	stored, found, err := t.core.state.Get(key, nil)
	if err != nil || !found {
		return err
	}
	row := types.NewBatch(codec.columns)
	if err := codec.row.DecodeInto(stored, row); err != nil {
		return err
	}
	changes.AppendRowFrom(row, 0, -1)
	return nil
}
