package planner

import (
	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// checkEquality refuses a type without an = where rows are told apart by it.
func checkEquality(t types.Type, pos int) error {
	if _, _, err := expr.ResolveOperator("=", t, t, pos); err != nil {
		return sqlerr.New(sqlerr.UndefinedFunction, pos, "could not identify an equality operator for type %s", t.BaseName())
	}
	return nil
}

// checkColumnsEquality is checkEquality for the visible columns of a query, which
// begins at pos.
func checkColumnsEquality(bound *boundQuery, pos int) error {
	for i, c := range bound.node.Columns()[:bound.visible] {
		if err := checkEquality(c.Type, columnPosition(bound, i, pos)); err != nil {
			return err
		}
	}
	return nil
}

// checkDistinct refuses the DISTINCT of an aggregate over values without an =.
func checkDistinct(call *plan.AggregateCall) error {
	if !call.Distinct {
		return nil
	}
	for _, arg := range call.Args {
		if err := checkEquality(arg.Type(), arg.Pos()); err != nil {
			return err
		}
	}
	return nil
}
