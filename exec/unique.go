package exec

import (
	"millrace/sql/catalog"
	"millrace/sql/types"
)

// A unique index is a relation of its own (catalog.Snapshot.UniqueRelation): its
// key is the indexed columns and its rows hold the table's key. It is placed by the
// hash of the indexed columns, so that equal values meet on one shard wherever
// their rows are. Whoever writes rows of the table writes the index's entries with
// them, in one statement or transaction; conditions, locks, overlays and crash
// safety are those of rows.
//
// Invariant: for each row of the table there is one entry, its columns exactly the
// row's, unless one of the indexed columns is NULL and NULLs are distinct; and no
// other.

// UniqueEntries returns the entries of rows of a table in a unique index, whose
// relation of entries is given, and the number of the row of each. Rows without an
// entry are left out. The columns may be shared with rows.
func UniqueEntries(entries, table *catalog.Relation, rows *types.Batch) (*types.Batch, []int32) {
	index := entries.Index
	out := &types.Batch{Len: rows.Len}
	for _, c := range index.Columns {
		out.Columns = append(out.Columns, rows.Columns[c.Column])
	}
	for _, number := range table.Key {
		out.Columns = append(out.Columns, rows.Columns[number])
	}
	from := rowRange(0, rows.Len)
	if index.NullsNotDistinct {
		return out, from
	}
	kept := from[:0]
	for i := range rows.Len {
		if !hasNull(out, len(index.Columns), i) {
			kept = append(kept, int32(i))
		}
	}
	if len(kept) < rows.Len {
		out = out.Select(kept)
	}
	return out, kept
}

// hasNull reports whether one of the first columns of a row is NULL.
func hasNull(rows *types.Batch, columns, row int) bool {
	for c := range columns {
		if rows.Columns[c].IsNull(row) {
			return true
		}
	}
	return false
}

// KeysInEntries returns the keys that entries of a unique index hold, as rows of
// the table in which only the key's columns are set.
func KeysInEntries(entries, table *catalog.Relation, rows *types.Batch) *types.Batch {
	out := &types.Batch{Len: rows.Len, Columns: make([]types.Vector, len(table.Columns))}
	for i := range out.Columns {
		out.Columns[i].Type = table.Columns[i].Type
	}
	for n, number := range table.Key {
		out.Columns[number] = rows.Columns[len(entries.Index.Columns)+n]
	}
	return out
}
