package pull

import (
	"math"

	"millrace/exec/operator"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// budget is the memory of one query.
type budget struct {
	limit, used int64
}

// account is what one operator holds of a budget. The zero value with a budget
// set is empty.
type account struct {
	budget *budget
	held   int64
}

// grow takes n more bytes, or fails with 53200.
func (a *account) grow(n int64) error {
	a.held += n
	a.budget.used += n
	if a.budget.used <= a.budget.limit {
		return nil
	}
	return sqlerr.New(sqlerr.OutOfMemory, -1, "query needs more than its limit of %d MiB of memory", a.budget.limit>>20).
		WithHint("Sort, group or join fewer rows: add a WHERE clause or a LIMIT, " +
			"or keep the result in a table with CREATE TABLE AS and query that.")
}

// release gives everything back.
func (a *account) release() {
	a.budget.used -= a.held
	a.held = 0
}

// emptied returns a Groups without groups for an operator that starts again: the
// given one, unless it is nil or holds much memory.
func emptied(g *operator.Groups) *operator.Groups {
	const kept = 64 << 10
	if g == nil || g.Bytes() > kept {
		return operator.NewGroups()
	}
	g.Reset()
	return g
}

// maxRows bounds the rows of one operator's store: they are numbered by int32.
const maxRows = math.MaxInt32 - 2*batchRows

// checkRows fails when a store cannot take another batch.
func checkRows(n int) error {
	if n <= maxRows {
		return nil
	}
	return sqlerr.New(sqlerr.ProgramLimitExceeded, -1, "query holds more than %d rows at once", maxRows)
}

// The approximate sizes of values in memory, in bytes.
const (
	fixedSize  = 8
	headerSize = 16 // of a string
)

// vectorSize returns the approximate memory of the selected values (nil: all).
func vectorSize(v *types.Vector, rows int, selection []int32) int64 {
	if selection != nil {
		rows = len(selection)
	}
	if v.Type.Physical() != types.PhysicalString {
		return int64(rows) * fixedSize
	}
	size := int64(rows) * headerSize
	if selection == nil {
		for _, s := range v.Strs[:rows] {
			size += int64(len(s))
		}
		return size
	}
	for _, i := range selection {
		size += int64(len(v.Strs[i]))
	}
	return size
}

// batchSize returns the approximate memory of the selected rows (nil: all).
func batchSize(b *types.Batch, selection []int32) int64 {
	var size int64
	for c := range b.Columns {
		size += vectorSize(&b.Columns[c], b.Len, selection)
	}
	return size
}

// rowsSize returns the approximate memory of rows of datums.
func rowsSize(rows [][]types.Datum) int64 {
	const datumSize, sliceSize = 40, 24
	var size int64
	for _, row := range rows {
		size += sliceSize
		for i := range row {
			size += datumSize + int64(len(row[i].Str))
		}
	}
	return size
}
