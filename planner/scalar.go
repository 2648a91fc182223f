package planner

import (
	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// scalar is the value of a subquery with one column and one row at most: a column of
// its row, joined to the row around.
func (l *lowering) scalar(e *expr.Subquery) (expr.Expr, error) {
	q := l.subqueries[e.Number]
	inside, err := l.unnest(q, false, e.Pos())
	if err != nil {
		return nil, err
	}
	if v, ok := inside.node.(*plan.Values); ok && len(v.Rows) == 1 {
		row := inside.of(v.Rows[0])
		return where(l.outside(conjunction(append(row.conditions, row.after...)), 0), l.outside(row.outputs[0], 0)), nil
	}
	switch {
	case inside.always:
	case inside.conditions == nil && hasOneRow(inside.node):
		right, err := l.embed(inside.node)
		if err != nil {
			return nil, err
		}
		inside.at = len(l.node.Columns())
		l.join(plan.JoinInner, right, nil)
		return positioned(l.outside(inside.outputs[0], inside.at), e.Pos()), nil
	case inside.hasOneMatch(l.binder):
		inside.markRows()
	default:
		return l.onlyRow(inside, q, e)
	}
	if err := l.leftJoin(inside); err != nil {
		return nil, err
	}
	value := l.outside(inside.outputs[0], inside.at)
	return positioned(where(l.outside(conjunction(inside.after), inside.at), value), e.Pos()), nil
}

// where is a value where a condition holds, NULL elsewhere.
func where(condition, value expr.Expr) expr.Expr {
	if condition == nil {
		return value
	}
	return &expr.Case{Node: expr.Node{ResultType: value.Type(), Position: value.Pos()}, When: []expr.Expr{condition}, Then: []expr.Expr{value}}
}

// positioned gives a column the place in the text of what it stands for.
func positioned(e expr.Expr, pos int) expr.Expr {
	if c, ok := e.(*expr.Column); ok {
		moved := *c
		moved.Position = pos
		return &moved
	}
	return e
}

// leftJoin joins the rows of a subquery that a row may have at most one of.
func (l *lowering) leftJoin(inside *lifted) error {
	right, err := l.embed(inside.node)
	if err != nil {
		return err
	}
	inside.at = len(l.node.Columns())
	l.join(plan.JoinLeft, right, l.outside(conjunction(inside.conditions), inside.at))
	return nil
}

// markRows makes the output NULL where there is no row.
func (in *lifted) markRows() {
	if c, ok := in.outputs[0].(*expr.Column); ok && c != nil {
		return
	}
	exprs, names := passOn(in.node)
	width := len(exprs)
	in.node = newProject(in.node, append(exprs, truth(true, -1)), append(names, "there"))
	in.after = append(in.after, &expr.IsNull{Node: boolAt(-1), Arg: columnOf(in.node.Columns()[width], width), Negated: true})
}

// hasOneRow reports whether a node always gives one row.
func hasOneRow(node plan.Node) bool {
	switch n := node.(type) {
	case *plan.Project:
		return hasOneRow(n.Input)
	case *plan.Aggregate:
		return len(n.GroupBy) == 0 && n.Properties.Kind == plan.Keyed
	default:
		return false
	}
}

// hasOneMatch reports whether for a row around there is one row at most: a key of
// the subquery's rows is among what is compared.
func (in *lifted) hasOneMatch(b *binder) bool {
	var tied []int
	for _, c := range in.conditions {
		for _, t := range b.ties([]expr.Expr{c}) {
			if column := columnBelow(t.inner); column >= 0 {
				tied = append(tied, column)
			}
		}
	}
	return isKeyOf(in.node, tied)
}

// isKeyOf reports whether a node has one row at most for values of some columns.
func isKeyOf(node plan.Node, columns []int) bool {
	if key := node.Props().Key; key != nil && containsAll(columns, key) {
		return true
	}
	switch n := node.(type) {
	case *plan.TopN:
		return n.Count <= 1 && n.Ties == plan.TiesBroken && containsAll(columns, n.PartitionBy)
	case *plan.Filter:
		return isKeyOf(n.Input, columns)
	case *plan.Project:
		var below []int
		for _, column := range columns {
			if at := columnBelow(n.Exprs[column]); at >= 0 {
				below = append(below, at)
			}
		}
		return isKeyOf(n.Input, below)
	}
	return false
}

// onlyRow is the value of a subquery that may give several rows: the first one's,
// where a count of the rows does not say that there are more.
func (l *lowering) onlyRow(inside *lifted, q *plan.Query, e *expr.Subquery) (expr.Expr, error) {
	base, conditions, err := l.tied(inside, q, e)
	if err != nil {
		return nil, err
	}
	ties := len(base.Cols) - 1
	first := &lifted{node: newTopN(base, &plan.TopN{PartitionBy: upTo(ties), Count: 1}), conditions: conditions}
	if err := l.leftJoin(first); err != nil {
		return nil, err
	}
	counted, err := l.expressions().countOf(base, ties)
	if err != nil {
		return nil, err
	}
	count := &lifted{node: counted, conditions: conditions}
	if err := l.leftJoin(count); err != nil {
		return nil, err
	}
	single := &expr.Call{
		Node: boolAt(e.Pos()), Func: expr.SingleRow,
		Args: []expr.Expr{columnOf(counted.Cols[ties], count.at+ties)},
	}
	return where(single, columnOf(base.Cols[ties], first.at+ties)), nil
}

// tied are the rows of a subquery with what ties them to the row around as their
// first columns, and the output behind; the conditions are those on these columns.
func (l *lowering) tied(inside *lifted, q *plan.Query, e *expr.Subquery) (*plan.Project, []expr.Expr, error) {
	ties := l.ties(inside.conditions)
	if ties == nil || hasOuter1(inside.outputs[0]) || inside.after != nil {
		var err error
		if inside, err = l.dependent(q, e.Pos()); err != nil {
			return nil, nil, err
		}
		ties = l.ties(inside.conditions)
	}
	var exprs, conditions []expr.Expr
	var names []string
	for i := range ties {
		exprs, names = append(exprs, ties[i].inner), append(names, "tie"+decimal(i+1))
	}
	base := newProject(inside.node, append(exprs, inside.outputs[0]), append(names, columnNames(q.Root)[0]))
	for i := range ties {
		conditions = append(conditions, ties[i].over(columnOf(base.Cols[i], i)))
	}
	return base, conditions, nil
}

// countOf counts the rows of each part that the first columns of a node make.
func (b *exprBinder) countOf(node plan.Node, parts int) (*plan.Aggregate, error) {
	count := plan.AggregateCall{Star: true, Pos: -1}
	if err := b.resolveAggregate(&count, "count", nil); err != nil {
		return nil, err
	}
	return newAggregate(node, plan.AggregateComplete, firstColumns(node, parts), []plan.AggregateCall{count}, append(columnNames(node)[:parts], "count")), nil
}

// array is ARRAY (SELECT …): an aggregation by what ties the subquery to the row
// around, with the values in their order.
func (l *lowering) array(e *expr.Subquery) (expr.Expr, error) {
	q := l.subqueries[e.Number]
	inside, err := l.unnest(q, false, e.Pos())
	if err != nil {
		return nil, err
	}
	if inside.always || listsRows(inside.node) {
		if inside, err = l.dependent(q, e.Pos()); err != nil {
			return nil, err
		}
	}
	base, conditions, err := l.tied(inside, q, e)
	if err != nil {
		return nil, err
	}
	ties := len(base.Cols) - 1
	value := columnOf(base.Cols[ties], ties)
	if value.ResultType.Kind == types.KindArray {
		return nil, notSupported(e.Pos(), "an array of the arrays of a subquery is not supported in a result that is kept up to date")
	}
	call := plan.AggregateCall{Pos: e.Pos(), OrderBy: []plan.SortKey{{Expr: value}}}
	if err := l.expressions().resolveAggregate(&call, "array_agg", []expr.Expr{value}); err != nil {
		return nil, err
	}
	names := append(columnNames(base)[:ties], "array")
	gathered := &lifted{
		node:       newAggregate(base, plan.AggregateComplete, firstColumns(base, ties), []plan.AggregateCall{call}, names),
		conditions: conditions,
	}
	if err := l.leftJoin(gathered); err != nil {
		return nil, err
	}
	array := columnOf(gathered.node.Columns()[ties], gathered.at+ties)
	empty := &expr.ArrayConstructor{Node: expr.Node{ResultType: array.ResultType, Position: e.Pos()}}
	return &expr.Coalesce{Node: expr.Node{ResultType: array.ResultType, Position: e.Pos()}, Args: []expr.Expr{array, empty}}, nil
}
