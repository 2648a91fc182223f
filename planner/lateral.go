package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
)

// A LATERAL item of FROM refers to the row of the items left of it. Where it is made
// of that row alone, as functions are, it is computed on top of these items. Where
// results are kept up to date no operator runs a plan for each row, so such an item
// is made of operators that read each side once.

// refersLeft reports whether an item of FROM that may refer to the items left of it
// does. Where it does not, it becomes an item like others.
func (b *binder) refersLeft(kind plan.JoinKind, left *scope, right *fromItem) (bool, error) {
	reads := -1
	b.outerColumns(right.node, 1, func(index int) { reads = index })
	if reads < 0 {
		node, err := b.moveOuter(right.node, 2, func(level, index int) (int, int, error) { return level - 1, index, nil })
		right.node = node
		return false, err
	}
	if kind == plan.JoinInner || kind == plan.JoinLeft {
		return true, nil
	}
	name := ""
	for _, c := range left.columns {
		if value, ok := c.value.(*expr.Column); ok && value.Index == reads && c.table != nil {
			name = c.table.name
		}
	}
	pos := -1
	if outer := outerIn(right.node, 1); outer != nil {
		pos = outer.Position
	}
	return true, sqlerr.New(sqlerr.InvalidColumnReference, pos, "invalid reference to FROM-clause entry for table %q", name).
		WithDetail("The combining JOIN type must be INNER or LEFT for a LATERAL reference.")
}

// outerIn returns a reference of a plan to the row that is level rows around it, nil
// where it has none.
func outerIn(node plan.Node, level int) *expr.Outer {
	var found *expr.Outer
	for _, e := range nodeExprs(node) {
		expr.Walk(e, func(e expr.Expr) bool {
			if outer, ok := e.(*expr.Outer); ok && outer.Level == level {
				found = outer
			}
			return found == nil
		})
	}
	for i, input := range node.Inputs() {
		if found != nil {
			break
		}
		inner := level
		if j, ok := node.(*plan.Join); ok && j.Lateral && i == 1 {
			inner++
		}
		found = outerIn(input, inner)
	}
	return found
}

// application is a LATERAL item taken apart: outputs and conditions over the rows of
// core.
type application struct {
	*binder
	kind                plan.JoinKind
	left, core          plan.Node
	outputs, conditions []expr.Expr
}

// applyRows computes a LATERAL item that is made of the left row alone on top of the
// left side. It returns nil where the item is something else.
func (b *binder) applyRows(kind plan.JoinKind, left, right plan.Node, on expr.Expr) plan.Node {
	if kind != plan.JoinInner && kind != plan.JoinLeft || on != nil && hasSubquery(on) {
		return nil
	}
	a := &application{binder: b, kind: kind, left: left}
	if !a.takeApart(right) {
		return nil
	}
	width := len(left.Columns())
	outputs, conditions := a.overLeft(a.outputs), a.overLeft(a.conditions)
	conditions = append(conditions, overInput(conjuncts(on), append(firstColumns(left, width), outputs...))...)
	rows, marker := a.rows(conditions)
	if rows == nil {
		return nil
	}
	for i, e := range outputs {
		if c, isColumn := e.(*expr.Column); marker != nil && !(isColumn && c.Index >= width) {
			outputs[i] = whenPresent(marker, e)
		}
	}
	return newProject(rows, append(firstColumns(rows, width), outputs...), append(columnNames(left), columnNames(right)...))
}

// besideRows joins with rows that functions make of nothing: they go beside each row
// of the other side. It returns nil where neither side is such rows.
func (b *binder) besideRows(kind plan.JoinKind, left, right plan.Node, on expr.Expr) (plan.Node, error) {
	raised := func(node plan.Node) (plan.Node, error) {
		return b.moveOuter(node, 1, func(level, index int) (int, int, error) { return level + 1, index, nil })
	}
	switch {
	case isMadeOfNothing(right):
		outside, err := raised(right)
		if err != nil {
			return nil, err
		}
		return b.applyRows(kind, left, outside, on), nil
	case isMadeOfNothing(left) && (kind == plan.JoinInner || kind == plan.JoinRight):
		outside, err := raised(left)
		if err != nil {
			return nil, err
		}
		return b.swapped(kind, outside, right, on, b.applyRows)
	}
	return nil, nil
}

func isMadeOfNothing(node plan.Node) bool {
	switch n := node.(type) {
	case *plan.Values:
		return isOneRow(n)
	case *plan.Project, *plan.Filter, *plan.Expand:
		return isMadeOfNothing(n.Inputs()[0])
	default:
		return false
	}
}

// liftExpand expands the rows of a subquery by what these alone have.
func (b *binder) liftExpand(n *plan.Expand, set bool) *lifted {
	in := b.lift(n.Input, set)
	if in == nil || in.always || listsRows(in.node) {
		return nil
	}
	substitute := exprMap(func(e expr.Expr) (expr.Expr, error) { return overInput([]expr.Expr{e}, in.outputs)[0], nil })
	model := *n
	model.Calls, _ = substitute.setCalls(n.Calls)
	width := len(in.node.Columns())
	outputs := overInput(passedColumns(n), in.outputs)
	for i, c := range n.Cols[len(n.Pass):] {
		outputs = append(outputs, columnOf(c, width+i))
	}
	model.On = conjunction(overInput(conjuncts(n.On), outputs))
	expanded := expandAll(in.node, &model)
	if slices.ContainsFunc(nodeExprs(expanded), hasOuter1) {
		return nil
	}
	in.node, in.outputs = expanded, outputs
	return in
}

// passedColumns are the columns of its input that a node passes on.
func passedColumns(n *plan.Expand) []expr.Expr {
	list := make([]expr.Expr, len(n.Pass))
	for i, number := range n.Pass {
		list[i] = columnOf(n.Input.Columns()[number], number)
	}
	return list
}

// lateralJoin joins with a LATERAL item where the result is kept up to date: the item
// comes to read its own rows only, as a subquery of an expression does.
func (b *binder) lateralJoin(kind plan.JoinKind, left, right plan.Node, on expr.Expr, pos int) (plan.Node, error) {
	l := &lowering{binder: b, node: left}
	names := append(columnNames(left), columnNames(right)...)
	inside, err := l.unnest(&plan.Query{Root: right, Visible: len(right.Columns())}, false, pos)
	if err != nil {
		return nil, err
	}
	if listsRows(inside.node) {
		return nil, b.refuse(pos, "a LATERAL list of rows")
	}
	width := len(left.Columns())
	if kind == plan.JoinLeft && !inside.always {
		inside.markAll()
	}
	if right, err = l.embed(inside.node); err != nil {
		return nil, err
	}
	outputs := exprMap(func(e expr.Expr) (expr.Expr, error) { return l.outside(e, width), nil })
	given, _ := outputs.all(inside.outputs)
	ties, _ := outputs.all(inside.conditions)
	after, _ := outputs.all(inside.after)
	demanded := overInput(conjuncts(on), append(firstColumns(left, width), given...))
	if !inside.always {
		rows, err := b.joinNode(kind, left, right, conjunction(append(ties, demanded...)), false, pos)
		if err != nil {
			return nil, err
		}
		for i := range given {
			given[i] = where(conjunction(after), given[i])
		}
		return newProject(rows, append(firstColumns(rows, width), given...), names), nil
	}
	rows, err := b.joinNode(plan.JoinLeft, left, right, conjunction(ties), false, pos)
	if err != nil {
		return nil, err
	}
	demanded = append(after, demanded...)
	if kind == plan.JoinInner {
		rows = filtered(rows, demanded)
	} else {
		for i := range given {
			given[i] = where(conjunction(demanded), given[i])
		}
	}
	return newProject(rows, append(firstColumns(rows, width), given...), names), nil
}

// markAll makes the outputs that are not columns NULL where there is no row.
func (in *lifted) markAll() {
	if !slices.ContainsFunc(in.outputs, func(e expr.Expr) bool { _, ok := e.(*expr.Column); return !ok }) {
		return
	}
	exprs, names := passOn(in.node)
	width := len(exprs)
	in.node = newProject(in.node, append(exprs, truth(true, -1)), append(names, "there"))
	in.after = append(in.after, &expr.IsNull{Node: boolAt(-1), Arg: columnOf(in.node.Columns()[width], width), Negated: true})
}

// takeApart splits a LATERAL item into what it is made of, and says whether that is
// possible.
func (a *application) takeApart(right plan.Node) bool {
	a.core, a.outputs, a.conditions = right, firstColumns(right, len(right.Columns())), nil
	for {
		switch n := a.core.(type) {
		case *plan.Filter:
			a.conditions = append(split(n.Predicate), a.conditions...)
			a.core = n.Input
		case *plan.Project:
			if slices.ContainsFunc(n.Exprs, isVolatile) {
				return false
			}
			a.outputs, a.conditions = overInput(a.outputs, n.Exprs), overInput(a.conditions, n.Exprs)
			a.core = n.Input
		default:
			return !slices.ContainsFunc(a.outputs, hasSubquery) && !slices.ContainsFunc(a.conditions, hasSubquery)
		}
	}
}

// overLeft moves expressions over the core's row to one that has the left columns in
// front, which they see as Outer before.
func (a *application) overLeft(list []expr.Expr) []expr.Expr {
	width := len(a.left.Columns())
	out := make([]expr.Expr, len(list))
	for i, e := range list {
		// Moving columns cannot fail.
		out[i], _ = expr.Rewrite(e, func(e expr.Expr) (expr.Expr, error) {
			switch e := e.(type) {
			case *expr.Column:
				moved := *e
				moved.Index += width
				return &moved, nil
			case *expr.Outer:
				if e.Level == 1 {
					return &expr.Column{Node: e.Node, Index: e.Index, Name: e.Name}, nil
				}
				moved := *e
				moved.Level--
				return &moved, nil
			}
			return e, nil
		})
	}
	return out
}

// rows are the left rows beside the core's for which the conditions hold. Where left
// rows without any stay, marker is what is NULL in these.
func (a *application) rows(conditions []expr.Expr) (rows plan.Node, marker expr.Expr) {
	switch n := a.core.(type) {
	case *plan.Values:
		if !isOneRow(n) || a.kind == plan.JoinLeft && len(conditions) > 0 {
			return nil, nil
		}
		return filtered(a.left, conditions), nil
	case *plan.Expand:
		return a.expand(n, conditions)
	default:
		return nil, nil
	}
}

// expand puts functions on top of the left rows.
func (a *application) expand(n *plan.Expand, conditions []expr.Expr) (rows plan.Node, marker expr.Expr) {
	if slices.ContainsFunc(nodeExprs(n), hasSubquery) || a.kind == plan.JoinLeft && n.Outer {
		return nil, nil
	}
	input := a.left
	if !isOneRow(n.Input) {
		if a.kind == plan.JoinLeft {
			return nil, nil
		}
		if input = a.applyRows(plan.JoinInner, a.left, n.Input, nil); input == nil {
			return nil, nil
		}
	}
	model := *n
	model.Calls = slices.Clone(n.Calls)
	for i, call := range n.Calls {
		moved := *call
		moved.Args = a.overLeft(call.Args)
		model.Calls[i] = &moved
	}
	width := len(a.left.Columns())
	pass := append(upTo(width), shifted(n.Pass, width)...)
	model.On = conjunction(a.overLeft(conjuncts(n.On)))
	if a.kind == plan.JoinInner {
		return filtered(newExpand(input, pass, &model), conditions), nil
	}
	// The number of a row is what only rows of the functions have.
	model.Ordinality, model.Outer = true, true
	model.On = conjunction(append(conjuncts(model.On), conditions...))
	expanded := newExpand(input, pass, &model)
	number := len(expanded.Cols) - 1
	return expanded, columnOf(expanded.Cols[number], number)
}

// isOneRow reports whether a node is the row without columns of a SELECT without
// FROM.
func isOneRow(node plan.Node) bool {
	values, ok := node.(*plan.Values)
	return ok && len(values.Rows) == 1 && len(values.Cols) == 0
}

// conjuncts takes a condition apart, which may be nil.
func conjuncts(e expr.Expr) []expr.Expr {
	if e == nil {
		return nil
	}
	return split(e)
}

// whenPresent is e, and NULL where the marker is.
func whenPresent(marker, e expr.Expr) expr.Expr {
	present := &expr.IsNull{Node: boolAt(e.Pos()), Arg: marker, Negated: true}
	return &expr.Case{Node: expr.Node{ResultType: e.Type(), Position: e.Pos()}, When: []expr.Expr{present}, Then: []expr.Expr{e}}
}
