package pull

import (
	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// buildFilter makes a filter. Two kinds of conditions have operators of their
// own, because row by row they would take the product of two inputs: equalities
// with columns of an outer row, and [NOT] IN (subquery).
func (e *execution) buildFilter(n *plan.Filter, s *scope) (node, error) {
	conditions := conjuncts(n.Predicate, nil)
	input, conditions, err := e.buildLookup(n.Input, conditions, s)
	if err != nil {
		return nil, err
	}
	var rest []expr.Expr
	var members []*membership
	for _, condition := range conditions {
		m, err := e.newMembership(s, condition)
		if err != nil {
			return nil, err
		}
		if m == nil {
			rest = append(rest, condition)
		} else {
			members = append(members, m)
		}
	}
	if len(rest) > 0 {
		if input, err = newFilter(s, conjunction(rest), input); err != nil {
			return nil, err
		}
	}
	for _, m := range members {
		m.input = input
		input = m
	}
	return input, nil
}

// conjuncts appends the conditions that must all be true for e to be.
func conjuncts(e expr.Expr, list []expr.Expr) []expr.Expr {
	and, ok := e.(*expr.And)
	if !ok {
		return append(list, e)
	}
	for _, arg := range and.Args {
		list = conjuncts(arg, list)
	}
	return list
}

// conjunction is the condition that all of a list, which is not empty, are true.
func conjunction(list []expr.Expr) expr.Expr {
	if len(list) == 1 {
		return list[0]
	}
	return &expr.And{Node: expr.Node{ResultType: types.Bool, Position: -1}, Args: list}
}

// outerEquality takes apart a condition of the form column = value, where value
// is the same for all rows of the scope. ok is false for any other.
func (s *scope) outerEquality(e expr.Expr) (column, value expr.Expr, ok bool) {
	call, isCall := e.(*expr.Call)
	if !isCall || call.Func.Name != "=" || len(call.Args) != 2 {
		return nil, nil, false
	}
	column, value = call.Args[0], call.Args[1]
	if !isPlainColumn(column) {
		column, value = value, column
	}
	if !isPlainColumn(column) || !s.isFixed(value) {
		return nil, nil, false
	}
	return column, value, isHashable(column.Type(), value.Type())
}

// isHashable reports whether values of the two types are equal exactly where
// their encodings are.
func isHashable(a, b types.Type) bool {
	return sameEncoding(a, b) && a.Kind != types.KindBpchar
}

// isPlainColumn reports whether e is a column, perhaps widened to another type,
// which cannot fail.
func isPlainColumn(e expr.Expr) bool {
	if cast, ok := e.(*expr.Cast); ok && !cast.Explicit {
		e = cast.Arg
	}
	_, ok := e.(*expr.Column)
	return ok
}

// isFixed reports whether e has one value for all rows of the scope and runs no
// subquery.
func (s *scope) isFixed(e expr.Expr) bool {
	fixed := true
	expr.Walk(e, func(e expr.Expr) bool {
		switch e := e.(type) {
		case *expr.Column, *expr.Rowtime, *expr.RowOffset, *expr.RowPartition, *expr.Subquery:
			fixed = false
		case *expr.Call:
			fixed = fixed && e.Func.Volatility != expr.Volatile
		}
		return fixed
	})
	return fixed
}
