package exec

import (
	"maps"
	"slices"

	"millrace/sql/catalog"
	"millrace/sql/types"
)

// Overlay holds what an open transaction has done to source tables: by key, the
// row that the transaction met and the row that it leaves. Its queries read
// through it, and its commit writes what it did. It belongs to one goroutine, and
// must not be changed while a query reads through it.
type Overlay struct {
	tables map[catalog.ObjectID]*overlayTable
}

// overlayTable is the part of one table.
type overlayTable struct {
	codec *relationCodec
	rows  map[string]overlayRow
	// keys are the keys of rows in the order in which they were touched.
	keys []string
	// operations are all that were added, in order, and repeated says that one of
	// them touched a key that another had touched.
	operations []Rows
	repeated   bool
	// unique are the unique indexes whose entries are written with the rows.
	unique []catalog.ObjectID
}

// overlayRow is what a transaction does to one key.
type overlayRow struct {
	// first is the operation that touched the key first.
	first Operation
	// base is the row that was there, and current the one that is to be.
	base, current rowRef
}

// rowRef is a row of a batch; without a batch it is no row.
type rowRef struct {
	batch *types.Batch
	row   int
}

// NewOverlay returns an empty overlay.
func NewOverlay() *Overlay { return &Overlay{tables: map[catalog.ObjectID]*overlayTable{}} }

// Clone returns a copy that changes by itself.
func (o *Overlay) Clone() *Overlay {
	clone := NewOverlay()
	for id, t := range o.tables {
		clone.tables[id] = &overlayTable{
			codec: t.codec, rows: maps.Clone(t.rows), keys: append([]string(nil), t.keys...), unique: t.unique,
			operations: slices.Clone(t.operations), repeated: t.repeated,
		}
	}
	return clone
}

// Add carries out an operation. It keeps the batches of rows. The caller has
// looked for the keys: an insert's are absent, and old rows are as the overlay
// shows them.
func (o *Overlay) Add(rows Rows) {
	t := o.tables[rows.Relation.ID]
	if t == nil {
		t = &overlayTable{codec: newRelationCodec(rows.Relation), rows: map[string]overlayRow{}, unique: rows.Unique}
		o.tables[rows.Relation.ID] = t
	} else if !slices.Equal(t.unique, rows.Unique) {
		t.unique = []catalog.ObjectID{0} // no table has these: the commit is refused
	}
	t.operations = append(t.operations, rows)
	var key []byte
	for i := range rows.Batch.Len {
		key = t.codec.appendKey(key[:0], rows.Batch, i)
		row, known := t.rows[string(key)]
		t.repeated = t.repeated || known
		if !known {
			row.first = rows.Operation
			t.keys = append(t.keys, string(key))
		}
		row.current = rowRef{rows.Batch, i}
		switch rows.Operation {
		case OperationUpdate:
			if !known {
				row.base = rowRef{rows.Old, i}
			}
		case OperationDelete:
			if !known {
				row.base = row.current
			}
			row.current = rowRef{}
		}
		t.rows[string(key)] = row
	}
}

// Touched reports whether an operation concerned the key of a row.
func (o *Overlay) Touched(relation *catalog.Relation, batch *types.Batch, row int) bool {
	t := o.table(relation.ID)
	if t == nil {
		return false
	}
	_, known := t.rows[string(t.codec.appendKey(nil, batch, row))]
	return known
}

// Steps returns the operations as they are to be carried out, in the order of each
// table: a row that was changed several times goes through every one of its
// values, as whoever follows the changes of its table is to see.
func (o *Overlay) Steps() []Rows {
	var all []Rows
	for _, t := range o.tables {
		if !t.repeated || t.codec.relation.Index != nil {
			all = append(all, t.changes()...)
			continue
		}
		for _, rows := range t.operations {
			rows.Unique = t.unique
			all = append(all, rows)
		}
	}
	return all
}

// Changes returns what the operations amount to: each key once. The batches are
// the caller's.
func (o *Overlay) Changes() []Rows {
	var all []Rows
	for _, t := range o.tables {
		all = append(all, t.changes()...)
	}
	return all
}

func (t *overlayTable) changes() []Rows {
	var all []Rows
	byOperation := map[Operation]*Rows{}
	for _, key := range t.keys {
		row := t.rows[key]
		operation, differs := row.operation()
		if !differs {
			continue
		}
		rows := byOperation[operation]
		if rows == nil {
			rows = &Rows{Relation: t.codec.relation, Operation: operation, Batch: types.NewBatch(t.codec.columns), Unique: t.unique}
			if operation == OperationUpdate {
				rows.Old = types.NewBatch(t.codec.columns)
			}
			byOperation[operation] = rows
		}
		at := row.current
		if operation == OperationDelete {
			at = row.base
		}
		rows.Batch.AppendRowFrom(at.batch, at.row, 1)
		if operation == OperationUpdate {
			rows.Old.AppendRowFrom(row.base.batch, row.base.row, 1)
		}
	}
	for operation := OperationInsert; operation <= OperationDelete; operation++ {
		if rows := byOperation[operation]; rows != nil {
			all = append(all, *rows)
		}
	}
	return all
}

// operation returns the one operation that does what was done to a key; differs
// is false where that is nothing.
func (r *overlayRow) operation() (operation Operation, differs bool) {
	was, is := r.base.batch != nil, r.current.batch != nil
	switch {
	case was && is:
		return OperationUpdate, true
	case was:
		return OperationDelete, true
	case is:
		return r.first, true
	default:
		return 0, false
	}
}

// table returns the part of a table, nil where there is none; o may be nil.
func (o *Overlay) table(id catalog.ObjectID) *overlayTable {
	if o == nil {
		return nil
	}
	return o.tables[id]
}

// find returns what the overlay knows of a key; t may be nil.
func (t *overlayTable) find(key []byte) (row overlayRow, known bool) {
	if t == nil {
		return overlayRow{}, false
	}
	row, known = t.rows[string(key)]
	return row, known
}

// batch returns the rows that there are to be, with all columns.
func (t *overlayTable) batch() *types.Batch {
	rows := types.NewBatch(t.codec.columns)
	for _, key := range t.keys {
		if current := t.rows[key].current; current.batch != nil {
			rows.AppendRowFrom(current.batch, current.row, 1)
		}
	}
	return rows
}
