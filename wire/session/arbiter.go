package session

import (
	"context"
	"slices"

	"millrace/exec"
	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/types"
)

// arbiter is the primary key or a unique index, as INSERT … ON CONFLICT asks it
// whether a row may be inserted.
type arbiter struct {
	target *catalog.Relation
	// entries is the relation of a unique index's entries, nil for the primary key.
	entries *catalog.Relation
	// found are the rows of the target that have the values of the proposed ones.
	found *exec.Found
	// touched are the values of rows that the statement has inserted or updated.
	touched map[string]bool
}

// arbiters returns the arbiters of a clause.
func (s *Session) arbiters(target *catalog.Relation, conflict *plan.OnConflict) ([]*arbiter, error) {
	snapshot := s.catalog()
	var list []*arbiter
	if conflict.Any || conflict.PrimaryKey {
		list = append(list, &arbiter{target: target})
	}
	for _, index := range snapshot.UniqueOf(target.ID) {
		if conflict.Any || index.ID == conflict.Index {
			list = append(list, &arbiter{target: target, entries: snapshot.UniqueRelation(index.ID)})
		}
	}
	if len(list) == 0 {
		return nil, exec.Changed()
	}
	for _, a := range list {
		a.touched = map[string]bool{}
	}
	return list, nil
}

// ask finds the rows that have the values of the proposed ones.
func (a *arbiter) ask(ctx context.Context, s *Session, proposed *types.Batch) (err error) {
	if a.entries == nil {
		a.found, err = s.find(ctx, a.target, proposed)
		return err
	}
	entries, from := exec.UniqueEntries(a.entries, a.target, proposed)
	hits, err := s.find(ctx, a.entries, entries)
	if err != nil {
		return err
	}
	rows, err := s.find(ctx, a.target, exec.KeysInEntries(a.entries, a.target, hits.Rows))
	if err != nil {
		return err
	}
	a.found = &exec.Found{Rows: rows.Rows, At: slices.Repeat([]int32{-1}, proposed.Len)}
	for i, row := range from {
		if hits.At[i] < 0 {
			continue
		}
		// A row that is not there, or has other values by now, is about to be
		// written by a concurrent statement.
		at := rows.At[hits.At[i]]
		if at < 0 {
			return exec.Conflict()
		}
		is, has := a.value(rows.Rows, int(at))
		was, _ := a.value(proposed, int(row))
		if !has || is != was {
			return exec.Conflict()
		}
		a.found.At[row] = at
	}
	return nil
}

// value returns what the arbiter compares of a row; has is false where the row
// cannot be in conflict.
func (a *arbiter) value(rows *types.Batch, row int) (value string, has bool) {
	if a.entries == nil {
		return string(rowKey(nil, a.target, rows, row)), true
	}
	var key []byte
	for _, c := range a.entries.Index.Columns {
		if rows.Columns[c.Column].IsNull(row) && !a.entries.Index.NullsNotDistinct {
			return "", false
		}
		key = types.AppendKeyFrom(key, &rows.Columns[c.Column], row)
	}
	return string(key), true
}

// probe is what the arbiter has found for a row.
func (a *arbiter) probe(rows *types.Batch, row int) probe {
	one := rows.Select([]int32{int32(row)})
	if a.entries == nil {
		return probe{a.target, one}
	}
	entry, _ := exec.UniqueEntries(a.entries, a.target, one)
	return probe{a.entries, entry}
}

// touch notes that the statement has inserted or updated a row.
func (a *arbiter) touch(rows *types.Batch, row int) {
	if value, has := a.value(rows, row); has {
		a.touched[value] = true
	}
}

// hasTouched reports whether the statement has inserted or updated a row with the
// values of a proposed one.
func (a *arbiter) hasTouched(proposed *types.Batch, row int) bool {
	value, has := a.value(proposed, row)
	return has && a.touched[value]
}
