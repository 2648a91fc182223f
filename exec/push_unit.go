package exec

import (
	"encoding/binary"
	"sync/atomic"

	"millrace/planner/plan"
	"millrace/sql/types"
)

// pushUnit is a unit's rows, or a part of them, on their way to clients. Those of a host
// are shared by its members, and nobody changes them.
type pushUnit struct {
	// rows are what the client sees, nil for none, and changes what they are made of; nil
	// for an append-only result.
	rows, changes *types.Batch
	// bytes is about how much memory they take.
	bytes int64
	// end is where the unit ends: nil where more of it follow.
	end *unitEnd
	// holders are how many members hold it; own says that it was made for one.
	holders atomic.Int64
	own     bool
	budget  *pushBudget
}

// unitEnd is a position at which all that the sources give before it has been given.
type unitEnd struct {
	// number counts up.
	number  uint64
	sources []markedSource
}

func newPushUnit(budget *pushBudget, rows, changes *types.Batch, end *unitEnd) *pushUnit {
	u := &pushUnit{rows: rows, changes: changes, end: end, budget: budget}
	for _, b := range []*types.Batch{rows, changes} {
		if b != nil {
			u.bytes += int64(batchBytes(b))
		}
	}
	return u
}

// hold and release count who holds the unit: the first and the last one its memory.
func (u *pushUnit) hold() {
	if u.holders.Add(1) == 1 {
		u.budget.used.Add(u.bytes)
	}
}

func (u *pushUnit) release() {
	if u.holders.Add(-1) == 0 {
		u.budget.used.Add(-u.bytes)
	}
}

// coalesces reports whether several units of a query can be given as one: for each key
// or row what it amounts to. Where rows have marks, that one has to be the same when it
// is computed again.
func (id *pushIdentity) coalesces() bool {
	return id.plan.Root.Props().Kind != plan.AppendOnly && (len(id.plan.RowMarks) == 0 || id.sorted)
}

// coalesce makes one unit of several that follow each other, the first of which begins
// behind another's end.
func (id *pushIdentity) coalesce(before *unitEnd, units []*pushUnit) *pushUnit {
	out := newPushOutput(id.plan)
	out.keep, out.sorted = true, id.sorted
	for _, u := range units {
		if u.changes != nil {
			out.process(nil, u.changes)
		}
	}
	out.finish(nil)
	end := units[len(units)-1].end
	rows := out.take()
	if rows != nil && len(id.plan.RowMarks) > 0 {
		id.stamp(rows, before, end)
	}
	u := newPushUnit(units[0].budget, rows, out.takeChanges(), end)
	u.own = true
	return u
}

// stamp gives the rows of a unit their marks.
func (id *pushIdentity) stamp(rows *types.Batch, before, end *unitEnd) {
	mark := id.mark(end)
	for i := range mark.sources {
		mark.sources[i].before = before.sources[i].after
	}
	visible := &types.Batch{Len: rows.Len, Columns: rows.Columns[:id.plan.Visible]}
	codec := types.NewRowCodec(columnTypesOf(visible))
	marks := types.Vector{Type: types.Text, Strs: make([]string, rows.Len)}
	var scratch []byte
	for i := range rows.Len {
		scratch = binary.LittleEndian.AppendUint64(scratch[:0], mark.digest)
		scratch = codec.AppendRow(scratch, visible, i)
		mark.rows, mark.digest = mark.rows+1, types.PartitionHash(scratch)
		if i == rows.Len-1 {
			mark.rows = 0
		}
		marks.Strs[i] = mark.text()
	}
	for _, column := range id.plan.RowMarks {
		rows.Columns[column] = marks
	}
}
