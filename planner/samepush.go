package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/expr"
)

// Shareable reports whether the rows that a push query gives from some place in its
// sources on depend on these alone: whoever asks it, and whenever.
func Shareable(q *plan.Query) bool {
	return q.Emit == plan.EmitChanges && len(q.Subqueries) == 0 && timelessPush(q.Root) && SamePush(q, q)
}

// timelessPush reports whether no expression of a plan depends on a session or on the
// clock.
func timelessPush(node plan.Node) bool {
	if slices.ContainsFunc(nodeExprs(node), func(e expr.Expr) bool { return expr.VolatilityOf(e) != expr.Immutable }) {
		return false
	}
	return !slices.ContainsFunc(node.Inputs(), func(input plan.Node) bool { return !timelessPush(input) })
}

// SamePush reports whether two push queries give the same columns of the same rows from
// the same place in their sources on, given the same parameters: where they begin, their
// LIMIT and their other options aside. It says no of operators that it does not know.
func SamePush(a, b *plan.Query) bool {
	return a.Emit == b.Emit && a.Visible == b.Visible && a.RowOp == b.RowOp && a.RowOpColumn == b.RowOpColumn &&
		slices.Equal(a.RowMarks, b.RowMarks) && samePushPlan(a.Root, b.Root)
}

func samePushPlan(a, b plan.Node) bool {
	if join, ok := a.(*plan.Join); ok && join.Within != nil {
		return false // what has no match is given when time has passed, also without rows
	}
	scan, ok := a.(*plan.Scan)
	if !ok {
		return sameOperator(a, b) && slices.EqualFunc(a.Inputs(), b.Inputs(), samePushPlan)
	}
	other, ok := b.(*plan.Scan)
	return ok && scan.Relation.ID == other.Relation.ID && scan.Relation.Changed == other.Relation.Changed &&
		slices.Equal(scan.Fetch, other.Fetch) && scan.Changes == other.Changes &&
		scan.KeyEquals == nil && other.KeyEquals == nil && scan.Access == nil && other.Access == nil
}
