package planner

import (
	"millrace/planner/plan"
	"millrace/sql/expr"
)

// pushFilters moves the conditions of filters as far down as they mean the same.
func pushFilters(r *ruleContext, root plan.Node) (plan.Node, error) {
	return r.push(root, nil)
}

// push returns node restricted to the rows for which all conditions hold.
func (r *ruleContext) push(node plan.Node, conditions []expr.Expr) (plan.Node, error) {
	switch n := node.(type) {
	case *plan.Filter:
		// The inner condition comes first: it may guard the outer one.
		return r.push(n.Input, append(split(n.Predicate), conditions...))
	case *plan.Project:
		return r.pushThrough(n, n.Exprs, conditions)
	case *plan.Aggregate:
		if len(n.GroupBy) > 0 && n.Mode == plan.AggregateComplete {
			return r.pushThrough(n, n.GroupBy, conditions)
		}
	case *plan.Sort, *plan.Shuffle:
		return r.pushPast(n, conditions)
	case *plan.Distinct:
		if len(n.On) == 0 {
			return r.pushPast(n, conditions)
		}
	case *plan.Expand:
		return r.pushExpand(n, conditions)
	case *plan.Join:
		return r.pushJoin(n, conditions)
	}
	inputs := node.Inputs()
	pushed := make([]plan.Node, len(inputs))
	for i, input := range inputs {
		var err error
		if pushed[i], err = r.push(input, nil); err != nil {
			return nil, err
		}
	}
	return filtered(withInputs(node, pushed), conditions), nil
}

// filtered puts conditions on top of a node.
func filtered(node plan.Node, conditions []expr.Expr) plan.Node {
	if len(conditions) == 0 {
		return node
	}
	return newFilter(node, conjunction(conditions))
}

// split takes a conjunction apart.
func split(e expr.Expr) []expr.Expr {
	and, ok := e.(*expr.And)
	if !ok {
		return []expr.Expr{e}
	}
	var parts []expr.Expr
	for _, arg := range and.Args {
		parts = append(parts, split(arg)...)
	}
	return parts
}

// pushPast moves conditions below a node that passes its input's columns on.
func (r *ruleContext) pushPast(node plan.Node, conditions []expr.Expr) (plan.Node, error) {
	var below, above []expr.Expr
	for _, c := range conditions {
		if isVolatile(c) {
			above = append(above, c)
		} else {
			below = append(below, c)
		}
	}
	input, err := r.push(node.Inputs()[0], below)
	if err != nil {
		return nil, err
	}
	return filtered(withInputs(node, []plan.Node{input}), above), nil
}

// pushThrough moves those conditions below a node that only depend on columns
// which are expressions over its input.
func (r *ruleContext) pushThrough(node plan.Node, columns []expr.Expr, conditions []expr.Expr) (plan.Node, error) {
	var below, above []expr.Expr
	for _, c := range conditions {
		if moved := substitute(c, columns); moved != nil {
			below = append(below, moved)
		} else {
			above = append(above, c)
		}
	}
	input, err := r.push(node.Inputs()[0], below)
	if err != nil {
		return nil, err
	}
	return filtered(withInputs(node, []plan.Node{input}), above), nil
}

// substitute replaces the columns of an expression by what they are computed
// from; nil where a column is not among these, or where evaluating it elsewhere
// could give another value.
func substitute(e expr.Expr, columns []expr.Expr) expr.Expr {
	possible := !isVolatile(e) && !hasSubquery(e)
	expr.Walk(e, func(e expr.Expr) bool {
		if c, ok := e.(*expr.Column); ok {
			possible = possible && c.Index < len(columns) && !isVolatile(columns[c.Index]) && !hasSubquery(columns[c.Index])
		}
		return possible
	})
	if !possible {
		return nil
	}
	out, _ := expr.Rewrite(e, func(e expr.Expr) (expr.Expr, error) {
		if c, ok := e.(*expr.Column); ok {
			return columns[c.Index], nil
		}
		return e, nil
	})
	return out
}

func hasSubquery(e expr.Expr) bool {
	return contains(e, func(e expr.Expr) bool { _, ok := e.(*expr.Subquery); return ok })
}

func hasOuter(e expr.Expr) bool {
	return contains(e, func(e expr.Expr) bool { _, ok := e.(*expr.Outer); return ok })
}

func isVolatile(e expr.Expr) bool {
	return contains(e, func(e expr.Expr) bool {
		c, ok := e.(*expr.Call)
		return ok && c.Func.Volatility == expr.Volatile
	})
}

func contains(e expr.Expr, is func(expr.Expr) bool) bool {
	found := false
	expr.Walk(e, func(e expr.Expr) bool {
		found = found || is(e)
		return !found
	})
	return found
}

// pushJoin sorts conditions by the sides of the join that they read.
func (r *ruleContext) pushJoin(j *plan.Join, conditions []expr.Expr) (plan.Node, error) {
	if j.AsOf != nil {
		return r.pushAsOf(j, conditions)
	}
	width := len(j.Left.Columns())
	var left, right, on, above []expr.Expr
	place := func(c expr.Expr, toLeft, toRight bool, otherwise *[]expr.Expr) {
		readsLeft, readsRight := r.sides(c, width)
		movable := !isVolatile(c)
		switch {
		case movable && toLeft && readsLeft && !readsRight:
			left = append(left, c)
		case movable && toRight && readsRight && !readsLeft && !(j.Lateral && (hasOuter(c) || hasSubquery(c))):
			right = append(right, c)
		default:
			*otherwise = append(*otherwise, c)
		}
	}
	inner, semi := j.Kind == plan.JoinInner, j.Kind == plan.JoinSemi
	// keepsLeft: a left row is given whether or not it has a match, or just for that.
	keepsLeft := j.Kind == plan.JoinLeft || j.Kind == plan.JoinAnti || j.Kind == plan.JoinMark
	for _, c := range conditions {
		if inner {
			place(c, true, true, &on)
		} else {
			place(c, semi || keepsLeft, j.Kind == plan.JoinRight, &above)
		}
	}
	if j.On != nil {
		for _, c := range split(j.On) {
			place(c, inner || semi || j.Kind == plan.JoinRight, inner || semi || keepsLeft, &on)
		}
	}
	for i, c := range right {
		var err error
		if right[i], err = r.moveColumns(c, func(index int) (int, error) { return index - width, nil }); err != nil {
			return nil, err
		}
	}
	newLeft, err := r.push(j.Left, left)
	if err != nil {
		return nil, err
	}
	newRight, err := r.push(j.Right, right)
	if err != nil {
		return nil, err
	}
	joined := joinLike(j, newLeft, newRight, j.LeftKeys, j.RightKeys, conjunction(on))
	return filtered(joined, above), nil
}

// sides reports which sides of a join a condition reads; the left one has width
// columns.
func (b *binder) sides(e expr.Expr, width int) (left, right bool) {
	b.columnsOf(e, func(index int) {
		left = left || index < width
		right = right || index >= width
	})
	return left, right
}
