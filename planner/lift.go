package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/expr"
)

// How a subquery comes to read its own rows only, where that is simple: what reads
// the row around it is taken off its plan and stands on top, where the join with
// that row is. Conditions pass through projections and inner joins as they are.
// Through a grouping, and through the first rows of parts, an equality passes by
// making what it compares one of the columns to group by: all rows of a group are
// then of the same rows around. What does not pass is left to dependent.go.

// lifted is a subquery's plan without what reads the row around it: for that row,
// the subquery gives the rows of node for which all conditions hold.
type lifted struct {
	node plan.Node
	// outputs are the subquery's columns, over node's row and the one around.
	outputs    []expr.Expr
	conditions []expr.Expr
	// always says that there is a row even where node has none; its columns are then
	// NULL. Where after has conditions, there is one only if these hold on it.
	always bool
	after  []expr.Expr
	// at is where node's columns begin once it is joined.
	at int
}

// hasOuter1 reports whether an expression reads the row next around.
func hasOuter1(e expr.Expr) bool {
	return contains(e, func(e expr.Expr) bool { o, ok := e.(*expr.Outer); return ok && o.Level == 1 })
}

// readsAround reports whether a plan reads the row next around it.
func readsAround(node plan.Node) bool {
	return slices.ContainsFunc(nodeExprs(node), hasOuter1) || slices.ContainsFunc(node.Inputs(), readsAround)
}

// lift takes what reads the row around off a plan; nil where that does not go. With
// set it is enough to give rows at least once that the plan gives.
func (b *binder) lift(node plan.Node, set bool) *lifted {
	if !readsAround(node) && !listsRows(node) {
		return &lifted{node: node, outputs: firstColumns(node, len(node.Columns()))}
	}
	if _, isJoin := node.(*plan.Join); isJoin && slices.ContainsFunc(nodeExprs(node), hasSubquery) {
		return nil
	}
	switch n := node.(type) {
	case *plan.Values:
		return &lifted{node: n, outputs: firstColumns(n, len(n.Cols))}
	case *plan.Filter:
		return b.liftFilter(n, set)
	case *plan.Project:
		in := b.lift(n.Input, set)
		if in == nil || slices.ContainsFunc(n.Exprs, isVolatile) {
			return nil
		}
		if in.outputs = b.overRow(n.Exprs, in.outputs); in.outputs == nil {
			return nil
		}
		return in
	case *plan.Join:
		return b.liftJoin(n, set)
	case *plan.Aggregate:
		return b.liftAggregate(n)
	case *plan.TopN:
		return b.liftTopN(n)
	case *plan.Expand:
		return b.liftExpand(n, set)
	}
	return nil
}

// listsRows reports whether a plan computes its rows from nothing.
func listsRows(node plan.Node) bool {
	switch n := node.(type) {
	case *plan.Values:
		return true
	case *plan.Project:
		return listsRows(n.Input)
	case *plan.Filter:
		return listsRows(n.Input)
	case *plan.Expand:
		return listsRows(n.Input)
	}
	return false
}

func (b *binder) liftFilter(f *plan.Filter, set bool) *lifted {
	in := b.lift(f.Input, set)
	if in == nil {
		return nil
	}
	conditions := b.overRow(split(f.Predicate), in.outputs)
	if conditions == nil || listsRows(in.node) && hasSubquery(f.Predicate) {
		return nil
	}
	if in.always {
		in.after = append(in.after, conditions...)
		return in
	}
	var kept []expr.Expr
	for _, c := range conditions {
		if hasOuter1(c) || listsRows(in.node) {
			in.conditions = append(in.conditions, c)
		} else {
			kept = append(kept, c)
		}
	}
	in.node = filtered(in.node, kept)
	return in
}

// liftJoin lifts from the side of a join whose rows decide on those of the result,
// and from both sides of an inner one, which a semi join may become where it does
// not count how often a row is given.
func (b *binder) liftJoin(j *plan.Join, set bool) *lifted {
	inner := j.Kind == plan.JoinInner || j.Kind == plan.JoinSemi && set && !j.Lookup
	left, right := b.lift(j.Left, set), b.lift(j.Right, set && inner)
	if left == nil || right == nil || slices.ContainsFunc(right.outputs, hasSubquery) || slices.ContainsFunc(right.conditions, hasSubquery) || listsRows(left.node) || listsRows(right.node) || left.always || right.always || j.LeftKeys != nil || j.AsOf != nil || j.Within != nil {
		return nil
	}
	width := len(left.node.Columns())
	row := slices.Clone(left.outputs)
	for _, e := range right.outputs {
		row = append(row, shiftColumns(e, width))
	}
	var on []expr.Expr
	if j.On != nil {
		on = overInput(split(j.On), row)
	}
	out := &lifted{outputs: row, conditions: left.conditions}
	if inner {
		for _, c := range right.conditions {
			out.conditions = append(out.conditions, shiftColumns(c, width))
		}
		var kept []expr.Expr
		for _, c := range on {
			if hasOuter1(c) {
				out.conditions = append(out.conditions, c)
			} else {
				kept = append(kept, c)
			}
		}
		out.node = joinLike(&plan.Join{Kind: plan.JoinInner, Lookup: j.Lookup}, left.node, right.node, nil, nil, conjunction(kept))
		if !j.Kind.Wide() {
			out.outputs = left.outputs
		}
		return out
	}
	if j.Kind == plan.JoinRight || j.Kind == plan.JoinFull || right.conditions != nil ||
		slices.ContainsFunc(on, hasOuter1) || slices.ContainsFunc(right.outputs, hasOuter1) {
		return nil
	}
	out.node = joinLike(j, left.node, right.node, nil, nil, conjunction(on))
	if !j.Kind.Wide() {
		out.outputs = left.outputs
	}
	if j.Kind == plan.JoinMark {
		out.outputs = append(slices.Clone(left.outputs), columnOf(out.node.Columns()[width], width))
	}
	return out
}

// tie is an equality between what a subquery computes from its rows and something
// of the row around.
type tie struct {
	inner, outer expr.Expr
	condition    expr.Expr
}

// ties returns the equalities that conditions are, nil where one is anything else.
func (b *binder) ties(conditions []expr.Expr) []tie {
	list := []tie{}
	for _, c := range conditions {
		var pair [2]expr.Expr
		switch e := c.(type) {
		case *expr.Call:
			if e.Func.Name != "=" || len(e.Args) != 2 {
				return nil
			}
			pair = [2]expr.Expr{e.Args[0], e.Args[1]}
		case *expr.IsDistinct:
			if !e.Negated {
				return nil
			}
			pair = [2]expr.Expr{e.Left, e.Right}
		default:
			return nil
		}
		if hasOuter1(pair[0]) {
			pair[0], pair[1] = pair[1], pair[0]
		}
		if hasOuter1(pair[0]) || readsColumn(pair[1]) || isVolatile(c) {
			return nil
		}
		if same, _ := sameType(pair[0], pair[1]); same == nil {
			return nil
		}
		list = append(list, tie{pair[0], pair[1], c})
	}
	return list
}

func readsColumn(e expr.Expr) bool {
	return contains(e, func(e expr.Expr) bool { _, ok := e.(*expr.Column); return ok })
}

// over is the tie's condition with its inner side as a column.
func (t *tie) over(column expr.Expr) expr.Expr {
	switch e := t.condition.(type) {
	case *expr.Call:
		call := *e
		call.Args = []expr.Expr{column, t.outer}
		if e.Args[1] == t.inner {
			call.Args = []expr.Expr{t.outer, column}
		}
		return &call
	default:
		return &expr.IsDistinct{Node: boolAt(t.condition.Pos()), Left: column, Right: t.outer, Negated: true}
	}
}

// liftAggregate groups by the ties, too. One group without GROUP BY is there for
// every row around, with rows or without.
func (b *binder) liftAggregate(a *plan.Aggregate) *lifted {
	in := b.lift(a.Input, false)
	if in == nil || listsRows(in.node) || in.always || a.Mode != plan.AggregateComplete || len(a.GroupBy) == 0 && slices.ContainsFunc(a.Calls, isNotNullAtFirst) {
		return nil
	}
	ties := b.ties(in.conditions)
	substitute := exprMap(func(e expr.Expr) (expr.Expr, error) { return overInput([]expr.Expr{e}, in.outputs)[0], nil })
	groupBy, _ := substitute.all(a.GroupBy)
	calls, _ := substitute.calls(a.Calls)
	if ties == nil || slices.ContainsFunc(groupBy, hasOuter1) || slices.ContainsFunc(calls, func(c plan.AggregateCall) bool {
		return slices.ContainsFunc(callExprs(&c), hasOuter1)
	}) {
		return nil
	}
	names := aggregateNames(a)
	groups := len(groupBy)
	groupNames := slices.Clone(names[:groups])
	out := &lifted{always: groups == 0}
	for i := range ties {
		groupBy, groupNames = append(groupBy, ties[i].inner), append(groupNames, "tie"+decimal(i+1))
	}
	node := newAggregate(in.node, plan.AggregateComplete, groupBy, calls, append(groupNames, names[groups:]...))
	for i := range ties {
		out.conditions = append(out.conditions, ties[i].over(columnOf(node.Cols[groups+i], groups+i)))
	}
	out.node, out.outputs = node, firstColumns(node, groups)
	for i := range calls {
		at := groups + len(ties) + i
		var result expr.Expr = columnOf(node.Cols[at], at)
		if groups == 0 && countsRows(&calls[i]) {
			result = &expr.Coalesce{Node: expr.Node{ResultType: result.Type(), Position: -1}, Args: []expr.Expr{result, bigint(0)}}
		}
		out.outputs = append(out.outputs, result)
	}
	return out
}

// countsRows reports whether a call is 0 over no rows.
func countsRows(call *plan.AggregateCall) bool { return call.Func.Name == "count" }

// isNotNullAtFirst reports whether a call is neither NULL nor 0 over no rows.
func isNotNullAtFirst(call plan.AggregateCall) bool {
	return !countsRows(&call) && !nullOverNothing[call.Func.Name]
}

// nullOverNothing are aggregates that are NULL over no rows.
var nullOverNothing = map[string]bool{
	"sum": true, "avg": true, "min": true, "max": true, "bool_and": true, "bool_or": true, "every": true,
	"bit_and": true, "bit_or": true, "bit_xor": true, "array_agg": true, "string_agg": true,
	"stddev": true, "stddev_samp": true, "stddev_pop": true, "variance": true, "var_samp": true, "var_pop": true,
}

// liftTopN takes the first rows of the parts that the ties make.
func (b *binder) liftTopN(n *plan.TopN) *lifted {
	in := b.lift(n.Input, false)
	if in == nil || listsRows(in.node) || in.always || slices.ContainsFunc(in.outputs, hasOuter1) {
		return nil
	}
	ties := b.ties(in.conditions)
	if ties == nil {
		return nil
	}
	width := len(n.Cols)
	exprs, names := slices.Clone(in.outputs), columnNames(n)
	parts := *n
	parts.PartitionBy = slices.Clone(n.PartitionBy)
	for i := range ties {
		parts.PartitionBy = append(parts.PartitionBy, width+i)
		exprs, names = append(exprs, ties[i].inner), append(names, "tie"+decimal(i+1))
	}
	node := newTopN(newProject(in.node, exprs, names), &parts)
	out := &lifted{node: node, outputs: firstColumns(node, width)}
	for i := range ties {
		out.conditions = append(out.conditions, ties[i].over(columnOf(node.Cols[width+i], width+i)))
	}
	return out
}

// overInput replaces columns by what they are computed from.
func overInput(list, columns []expr.Expr) []expr.Expr {
	out := make([]expr.Expr, len(list))
	for i, e := range list {
		// Replacing columns cannot fail.
		out[i], _ = expr.Rewrite(e, func(e expr.Expr) (expr.Expr, error) {
			if c, ok := e.(*expr.Column); ok {
				return columns[c.Index], nil
			}
			return e, nil
		})
	}
	return out
}
