package exec

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/types"
	"millrace/tables"
)

// changelog reads a table's changes as the rows of a stream (CHANGES OF): an
// insert and a delete are the row, an update is the new row.
//
// A continuous query begins with the rows that the table has, as inserts, and goes
// on with every change of them. It scans the rows in pieces; a row that changes
// before the scan has come to it is given at once, as it was, before its change,
// and its key is noted as ahead of the scan, which passes over it. So each row is
// given as it was when the query was created, and each change once.
type changelog struct {
	codec *relationCodec
	fetch *fetchReader
	// updates says that an update is told from a delete and an insert.
	updates bool
	// columns are those of the fetch list.
	columns []int
	// ahead are the keys ahead of the scan that were given; they are stored until
	// the scan is at its end.
	ahead map[string]struct{}
}

func newChangelog(codec *relationCodec, fetch *fetchReader, columns []int) *changelog {
	hidden := func(column int) bool { return codec.relation.Columns[column].Hidden }
	updates := !codec.relation.Bag && !slices.ContainsFunc(codec.relation.Key, hidden)
	return &changelog{codec: codec, fetch: fetch, columns: columns, updates: updates}
}

// changeRows are rows of a changelog, with all columns of the table.
type changeRows struct {
	rows *types.Batch
	ops  []string
}

func (c *changelog) newRows() *changeRows { return &changeRows{rows: types.NewBatch(c.codec.columns)} }

func (r *changeRows) append(from *types.Batch, row int, op string) {
	r.rows.AppendRowFrom(from, row, 1)
	r.ops = append(r.ops, op)
}

// isUpdate reports whether rows i and i+1 of a table's changes are one update: its
// old row is followed by the new one of the same key. As in push results, without
// a key that clients see an update is a delete and an insert.
func (c *changelog) isUpdate(changes *types.Batch, i int) bool {
	if !c.updates || i+1 >= changes.Len || changes.Weight(i) >= 0 || changes.Weight(i+1) <= 0 {
		return false
	}
	return string(c.codec.appendKey(nil, changes, i)) == string(c.codec.appendKey(nil, changes, i+1))
}

// changes turns a table's changes into rows. Before, where it is not nil, is called
// before each change with the number of its first row, and old, which says that
// this is the row that was there.
func (c *changelog) changes(changes *types.Batch, before func(out *changeRows, i int, old bool)) *changeRows {
	out := c.newRows()
	for i := 0; i < changes.Len; i++ {
		weight := changes.Weight(i)
		if before != nil {
			before(out, i, weight < 0)
		}
		switch {
		case c.isUpdate(changes, i):
			i++
			out.append(changes, i, opUpdate)
		case weight < 0:
			for ; weight < 0; weight++ {
				out.append(changes, i, opDelete)
			}
		default:
			for ; weight > 0; weight-- {
				out.append(changes, i, opInsert)
			}
		}
	}
	return out
}

// project gives rows of the changelog as the scan's consumer sees them; rowtime
// is when the changes were made, in milliseconds since the Unix epoch.
func (c *changelog) project(r *changeRows, rowtime int64, shard int) *types.Batch {
	return c.fill(c.fetch.projectFull(r.rows, int32(shard)), r.ops, rowtime)
}

// asInserts gives rows of a scan of the table as inserts.
func (c *changelog) asInserts(rows *types.Batch, rowtime int64) *types.Batch {
	var ops []string
	var repeated []int32
	for i := range rows.Len {
		for range rows.Weight(i) {
			ops, repeated = append(ops, opInsert), append(repeated, int32(i))
		}
	}
	if rows.Weights != nil {
		rows = rows.Select(repeated)
		rows.Weights = nil
	}
	return c.fill(rows, ops, rowtime)
}

// fill sets the pseudocolumns of projected rows.
func (c *changelog) fill(rows *types.Batch, ops []string, rowtime int64) *types.Batch {
	rows.Rowtimes = make([]int64, rows.Len)
	for i := range rows.Rowtimes {
		rows.Rowtimes[i] = rowtime
	}
	for i, column := range c.columns {
		switch column {
		case plan.FetchRowOp:
			rows.Columns[i] = types.Vector{Type: types.Text, Strs: ops}
		case plan.FetchRowtime:
			rows.Columns[i] = pseudocolumn(column, rows, rows.Partition)
		}
	}
	return rows
}

// changelogRows returns the rows that a tick's changes of a table give an input.
func (t *tick) changelogRows(s *stage, in *input, changes *types.Batch) *types.Batch {
	c := in.changelog
	var before func(out *changeRows, i int, old bool)
	if !in.scanned {
		before = func(out *changeRows, i int, old bool) {
			key := c.codec.appendKey(nil, changes, i)
			if in.begun && string(key) <= string(in.cursor) {
				return
			}
			if _, given := c.ahead[string(key)]; given {
				return
			}
			if c.ahead == nil {
				c.ahead = map[string]struct{}{}
			}
			c.ahead[string(key)] = struct{}{}
			in.dirty = true
			t.write.Set(append(aheadPrefix(s.id, in.number), key...), nil)
			if old {
				out.append(changes, i, opInsert)
			}
		}
	}
	return c.project(c.changes(changes, before), t.in.now.UnixMilli(), t.core.shard)
}

// forgetAhead lets the keys ahead of the scan go, which is at its end.
func (t *tick) forgetAhead(s *stage, in *input) {
	if len(in.changelog.ahead) > 0 {
		prefix := aheadPrefix(s.id, in.number)
		t.write.DeleteRange(prefix, tables.PrefixEnd(nil, prefix))
		in.changelog.ahead = nil
	}
}

// loadAhead reads the keys ahead of an input's scan.
func (c *core) loadAhead(s *stage, in *input) error {
	in.changelog.ahead = nil
	if in.scanned {
		return nil
	}
	prefix := aheadPrefix(s.id, in.number)
	it, err := c.state.Scan(prefix, tables.PrefixEnd(nil, prefix))
	if err != nil {
		return err
	}
	defer it.Close()
	for it.Next() {
		if in.changelog.ahead == nil {
			in.changelog.ahead = map[string]struct{}{}
		}
		in.changelog.ahead[string(it.Key()[len(prefix):])] = struct{}{}
	}
	return it.Err()
}
