package session

import (
	"millrace/sql/expr"
	"millrace/sql/types"
)

// copyFilter drops the rows of a COPY … FROM that its WHERE does not want. A nil
// filter keeps all.
type copyFilter struct {
	session *Session
	program *expr.Program
	values  types.Vector
	// selection has the numbers of the rows that the last batch kept.
	selection []int32
	rejected  int64
}

func (s *Session) newCopyFilter(condition expr.Expr) (*copyFilter, error) {
	program, err := expr.Compile(condition)
	return &copyFilter{session: s, program: program}, err
}

// keep returns the rows that meet the condition: the batch itself where all do. An
// error comes with the row that the condition failed for.
func (f *copyFilter) keep(rows *types.Batch) (kept *types.Batch, failed int, err error) {
	if f == nil {
		return rows, 0, nil
	}
	s := f.session
	evaluation := &expr.Context{Now: s.transactionTime(), Format: s.format(), Session: s}
	f.program.Eval(evaluation, rows, nil, &f.values)
	if len(evaluation.Errors) > 0 {
		first := evaluation.Errors[0]
		for _, failure := range evaluation.Errors {
			if failure.Row < first.Row {
				first = failure
			}
		}
		return nil, int(first.Row), first.Err
	}
	f.selection = f.selection[:0]
	for row := range rows.Len {
		if !f.values.IsNull(row) && f.values.Ints[row] != 0 {
			f.selection = append(f.selection, int32(row))
		}
	}
	f.rejected += int64(rows.Len - len(f.selection))
	if len(f.selection) == rows.Len {
		return rows, 0, nil
	}
	return rows.Select(f.selection), 0, nil
}

// original returns which row of the batch before keep a row is.
func (f *copyFilter) original(row int) int {
	if f == nil || row >= len(f.selection) {
		return row
	}
	return int(f.selection[row])
}

// dropped returns how many rows have been dropped.
func (f *copyFilter) dropped() int64 {
	if f == nil {
		return 0
	}
	return f.rejected
}
