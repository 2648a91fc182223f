package planner

import (
	"millrace/planner/plan"
	"millrace/sql/expr"
)

// neverNull reports whether an expression over the rows of a node is surely not
// NULL: a column of a primary key, or one that a condition says so of.
func neverNull(node plan.Node, e expr.Expr) bool {
	column, ok := e.(*expr.Column)
	if !ok {
		constant, isConst := e.(*expr.Const)
		return isConst && constant.Value.Valid
	}
	switch n := node.(type) {
	case *plan.Scan:
		number := n.Fetch[column.Index]
		return number >= 0 && hasPrimaryKey(n.Relation) && n.Relation.IsKey(number)
	case *plan.Filter:
		for _, c := range split(n.Predicate) {
			if test, ok := c.(*expr.IsNull); ok && test.Negated && equalExprs(test.Arg, e) {
				return true
			}
		}
		return neverNull(n.Input, e)
	case *plan.Project:
		return neverNull(n.Input, n.Exprs[column.Index])
	case *plan.Aggregate:
		return column.Index < len(n.GroupBy) && neverNull(n.Input, n.GroupBy[column.Index])
	case *plan.Join:
		width := len(n.Left.Columns())
		switch {
		case n.Kind == plan.JoinMark && column.Index == width:
			return true
		case column.Index < width:
			return n.Kind != plan.JoinRight && n.Kind != plan.JoinFull && neverNull(n.Left, e)
		default:
			return (n.Kind == plan.JoinInner || n.Kind == plan.JoinRight) && neverNull(n.Right, shiftColumns(e, -width))
		}
	default:
		return false
	}
}
