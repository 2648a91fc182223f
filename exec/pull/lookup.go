package pull

import (
	"context"
	"io"

	"millrace/exec/operator"
	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// lookup is a filter by equality with values that change with the outer row only.
// Its input, which does not depend on outer rows, is held in a hash table for
// all of them.
type lookup struct {
	scope  *scope
	side   joinSide
	table  *joinTable
	values []*expr.Program

	found     bool  // row was looked up for the current outer row
	row       int32 // the next row of the table
	keys      []*types.Vector
	first     [1]int32
	selection []int32
	out       types.Batch
}

// buildLookup makes the input of a filter. Where the scope is repeated and some
// conditions are equalities with values of outer rows, that is a lookup, and
// these conditions are done.
func (e *execution) buildLookup(n plan.Node, conditions []expr.Expr, s *scope) (node, []expr.Expr, error) {
	var columns, values, rest []expr.Expr
	if s.repeated && s.isReusable(n) {
		for _, condition := range conditions {
			if column, value, ok := s.outerEquality(condition); ok {
				columns, values = append(columns, column), append(values, value)
			} else {
				rest = append(rest, condition)
			}
		}
	}
	if len(columns) == 0 {
		input, err := e.build(n, s)
		return input, conditions, err
	}
	input, err := e.build(n, e.newScope(s.subqueries, false))
	if err != nil {
		return nil, nil, err
	}
	keys, err := programs(columns)
	if err != nil {
		return nil, nil, err
	}
	l := &lookup{scope: s, side: newJoinSide(e, input, n.Columns(), keys), selection: noRows()}
	l.table = newJoinTable(s, keys, l.side.columns)
	l.values, err = programs(values)
	return l, rest, err
}

func (l *lookup) next(ctx context.Context) (*types.Batch, error) {
	if err := l.table.read(ctx, &l.side); err != nil {
		return nil, err
	}
	if !l.found {
		if err := l.find(); err != nil {
			return nil, err
		}
	}
	l.selection = l.selection[:0]
	for ; l.row != noRow && len(l.selection) < batchRows; l.row = l.table.next[l.row] {
		l.selection = append(l.selection, l.row)
	}
	if len(l.selection) == 0 {
		return nil, io.EOF
	}
	operator.SelectInto(&l.out, &l.table.rows, l.selection)
	return &l.out, nil
}

// find looks up the values of the current outer row.
func (l *lookup) find() error {
	env := &l.scope.env
	env.ResetErrors()
	l.keys = l.scope.evaluate(l.values, &types.Batch{Len: 1}, nil, l.keys)
	if _, err := firstFailure(env); err != nil {
		return err
	}
	l.table.find(l.keys, 1, l.first[:])
	l.row, l.found = l.first[0], true
	return nil
}

func (l *lookup) rewind() { l.found = false }

func (l *lookup) close() {
	l.table.reset()
	l.side.node.close()
}
