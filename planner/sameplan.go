package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/expr"
)

// samePlan reports whether two plans of continuous queries give, over the same inputs,
// the same result with the same changes: the same operators over the same relations,
// names aside. It says no of operators whose result depends on when the query began or
// on the clock: lookups of streams in tables, windows that close, changes of tables,
// conditions on the time, and of those that it does not know.
func samePlan(a, b plan.Node) bool {
	if !sameOperator(a, b) {
		return false
	}
	left, right := a.Inputs(), b.Inputs()
	return slices.EqualFunc(left, right, samePlan)
}

// sameOperator compares two nodes without their inputs.
func sameOperator(a, b plan.Node) bool {
	switch a := a.(type) {
	case *plan.Scan:
		b, ok := b.(*plan.Scan)
		return ok && a.Relation.ID == b.Relation.ID && slices.Equal(a.Fetch, b.Fetch) && !a.Changes && !b.Changes &&
			a.KeyEquals == nil && b.KeyEquals == nil && a.Access == nil && b.Access == nil && a.Start == nil && b.Start == nil
	case *plan.Filter:
		b, ok := b.(*plan.Filter)
		return ok && sameExprs([]expr.Expr{a.Predicate}, []expr.Expr{b.Predicate})
	case *plan.Project:
		b, ok := b.(*plan.Project)
		return ok && sameExprs(a.Exprs, b.Exprs)
	case *plan.Aggregate:
		b, ok := b.(*plan.Aggregate)
		return ok && a.Mode == b.Mode && a.InputRetracts == b.InputRetracts && a.Closing == nil && b.Closing == nil &&
			sameExprs(a.GroupBy, b.GroupBy) && slices.EqualFunc(a.Calls, b.Calls, sameCall)
	case *plan.Join:
		b, ok := b.(*plan.Join)
		return ok && a.Kind == b.Kind && sameExprs(a.LeftKeys, b.LeftKeys) && sameExprs(a.RightKeys, b.RightKeys) &&
			sameExprs([]expr.Expr{a.On}, []expr.Expr{b.On}) && sameWithin(a.Within, b.Within) && timeless(a) && timeless(b)
	case *plan.SetOperation:
		b, ok := b.(*plan.SetOperation)
		return ok && a.Op == b.Op && a.All == b.All
	case *plan.TopN:
		b, ok := b.(*plan.TopN)
		return ok && a.Count == b.Count && a.Offset == b.Offset && a.Ties == b.Ties && a.Local == b.Local && slices.Equal(a.PartitionBy, b.PartitionBy) &&
			slices.EqualFunc(a.Order, b.Order, sameSortKey)
	case *plan.Repeat:
		b, ok := b.(*plan.Repeat)
		return ok && sameExprs([]expr.Expr{a.Times}, []expr.Expr{b.Times})
	case *plan.Shuffle:
		b, ok := b.(*plan.Shuffle)
		return ok && a.Partitions == b.Partitions && slices.Equal(a.Keys, b.Keys)
	case *plan.Window:
		b, ok := b.(*plan.Window)
		return ok && a.Kind == b.Kind && a.Size == b.Size && a.Advance == b.Advance && a.Closing == nil && b.Closing == nil &&
			sameExprs([]expr.Expr{a.Time}, []expr.Expr{b.Time})
	case *plan.Over:
		b, ok := b.(*plan.Over)
		return ok && slices.Equal(a.PartitionBy, b.PartitionBy) && slices.EqualFunc(a.Order, b.Order, sameSortKey) &&
			slices.EqualFunc(a.Calls, b.Calls, sameWindowCall)
	case *plan.Expand:
		b, ok := b.(*plan.Expand)
		return ok && slices.Equal(a.Pass, b.Pass) && a.Ordinality == b.Ordinality && a.Outer == b.Outer &&
			slices.EqualFunc(a.Calls, b.Calls, func(a, b *expr.SetCall) bool { return sameExpr(a, b) }) &&
			sameExprs([]expr.Expr{a.On}, []expr.Expr{b.On})
	case *plan.Session:
		b, ok := b.(*plan.Session)
		return ok && slices.Equal(a.Partition, b.Partition)
	case *plan.StreamTime:
		b, ok := b.(*plan.StreamTime)
		return ok && a.Before == b.Before && a.After == b.After && a.Grace == b.Grace && a.IdleTimeout == b.IdleTimeout &&
			sameExprs([]expr.Expr{a.Time}, []expr.Expr{b.Time})
	default:
		return false
	}
}

func sameWindowCall(a, b plan.OverCall) bool {
	return a.Name == b.Name && a.Func == b.Func && a.Type.Equal(b.Type) && a.Frame == b.Frame &&
		sameExprs(a.Args, b.Args) && sameExprs([]expr.Expr{a.Filter}, []expr.Expr{b.Filter})
}

// sameWithin compares what joins of streams wait for.
func sameWithin(a, b *plan.Within) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// timeless reports whether a join's result does not depend on when rows were
// processed. A join WITHIN a time with a grace period depends on the order of rows in
// their partitions alone.
func timeless(j *plan.Join) bool { return !j.Lookup && !j.Lateral && j.AsOf == nil }

func sameExprs(a, b []expr.Expr) bool { return slices.EqualFunc(a, b, sameExpr) }

// sameExpr is equalExprs for two queries: what differs in more than equalExprs looks
// at, or is not certain to be the same twice, is not the same.
func sameExpr(a, b expr.Expr) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return equalExprs(a, b) && sameCasts(a, b) && !hasSubquery(a)
}

func sameCasts(a, b expr.Expr) bool {
	if left, ok := a.(*expr.Cast); ok && left.Explicit != b.(*expr.Cast).Explicit {
		return false
	}
	return slices.EqualFunc(expr.Children(a), expr.Children(b), func(a, b expr.Expr) bool { return a == nil || sameCasts(a, b) })
}

func sameCall(a, b plan.AggregateCall) bool {
	return a.Func == b.Func && a.Distinct == b.Distinct && a.Type.Equal(b.Type) && sameExprs(a.Args, b.Args) &&
		sameExprs([]expr.Expr{a.Filter}, []expr.Expr{b.Filter}) && slices.EqualFunc(a.OrderBy, b.OrderBy, sameSortKey)
}

func sameSortKey(a, b plan.SortKey) bool {
	return a.Descending == b.Descending && a.NullsFirst == b.NullsFirst && sameExpr(a.Expr, b.Expr)
}
