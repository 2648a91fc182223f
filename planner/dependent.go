package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/expr"
)

// How a subquery that lift.go cannot take apart comes to read its own rows only: it
// is computed for all rows around at once. What it reads of these, each combination
// of values once, is the domain; the subquery's plan is rewritten to begin with the
// domain's columns and to give, for each row of the domain, what the subquery gives
// for it. Joins keep rows of one domain row together, groupings and first rows are
// made for each.

// dependence is a plan on its way to depend on a domain.
type dependence struct {
	*binder
	domain plan.Node
	// columns maps the columns of the row around that are read to the domain's.
	columns map[int]int
	pos     int
}

// unnest makes the plan of a subquery of an expression read its own rows only; set as
// for lift.
func (l *lowering) unnest(q *plan.Query, set bool, pos int) (*lifted, error) {
	inside := l.lift(q.Root, set)
	if inside == nil {
		return l.dependent(q, pos)
	}
	inside.outputs = inside.outputs[:q.Visible]
	return inside, nil
}

func (l *lowering) dependent(q *plan.Query, pos int) (*lifted, error) {
	if l.node.Props().Kind == plan.AppendOnly {
		return nil, notSupported(pos, "a subquery that refers to the row of a stream other than by equality is not supported in a result that is kept up to date").
			WithHint("Aggregate the subquery into a table by the columns that the condition compares, and join with it.")
	}
	var read []int
	l.outerColumns(q.Root, 1, func(index int) { read = append(read, index) })
	slices.Sort(read)
	read = slices.Compact(read)
	values := passColumns(l.node, read)
	for _, c := range values.Cols {
		if _, _, err := expr.ResolveOperator("=", c.Type, c.Type, pos); err != nil {
			return nil, notSupported(pos, "a subquery that refers to a column of type %s outside is not supported in a result that is kept up to date", c.Type.BaseName())
		}
	}
	// The subquery is one level further in than the rows that it reads.
	domain, err := l.moveOuter(groupsOf(values, len(read)), 1, func(level, index int) (int, int, error) { return level + 1, index, nil })
	if err != nil {
		return nil, err
	}
	d := &dependence{binder: l.binder, domain: domain, columns: map[int]int{}, pos: pos}
	for i, index := range read {
		d.columns[index] = i
	}
	node, err := d.node(q.Root)
	if err != nil {
		return nil, err
	}
	inside := &lifted{node: node, outputs: make([]expr.Expr, q.Visible)}
	for i := range inside.outputs {
		at := len(read) + i
		inside.outputs[i] = columnOf(node.Columns()[at], at)
	}
	for i, index := range read {
		around := &expr.Outer{Node: expr.Node{ResultType: values.Cols[i].Type, Position: pos}, Level: 1, Index: index, Name: values.Cols[i].Name}
		same, err := d.same(columnOf(node.Columns()[i], i), around, neverNull(l.node, columnOf(l.node.Columns()[index], index)))
		if err != nil {
			return nil, err
		}
		inside.conditions = append(inside.conditions, same)
	}
	return inside, nil
}

// same compares two columns of the domain; NULLs are equal.
func (d *dependence) same(a, b expr.Expr, neverNull bool) (expr.Expr, error) {
	if neverNull {
		return d.expressions().operator("=", a, b, d.pos)
	}
	return &expr.IsDistinct{Node: boolAt(d.pos), Left: a, Right: b, Negated: true}, nil
}

func (d *dependence) width() int { return len(d.domain.Columns()) }

// over rewrites an expression over a node's row to one over that row behind the
// domain's.
func (d *dependence) over(e expr.Expr) (expr.Expr, error) {
	return expr.Rewrite(e, func(e expr.Expr) (expr.Expr, error) {
		switch e := e.(type) {
		case *expr.Column:
			moved := *e
			moved.Index += d.width()
			return &moved, nil
		case *expr.Outer:
			if e.Level == 1 {
				return &expr.Column{Node: e.Node, Index: d.columns[e.Index], Name: e.Name}, nil
			}
		case *expr.Subquery:
			return d.moveSubquery(e, 1, func(level, index int) (int, int, error) {
				if level == 1 {
					index += d.width()
				}
				return level, index, nil
			})
		}
		return e, nil
	})
}

// node rewrites a plan. Its columns stand behind the domain's.
func (d *dependence) node(node plan.Node) (plan.Node, error) {
	if isMadeOfNothing(node) {
		if applied := d.applyRows(plan.JoinInner, d.domain, d.overDomain(node), nil); applied != nil {
			return applied, nil
		}
	}
	if !readsAround(node) {
		return newJoin(plan.JoinInner, d.domain, node, nil, false), nil
	}
	if j, ok := node.(*plan.Join); ok {
		return d.join(j)
	}
	if v, ok := node.(*plan.Values); ok && len(v.Rows) == 1 {
		return d.project(d.domain, v.Rows[0], columnNames(v))
	}
	inputs := node.Inputs()
	rewritten := make([]plan.Node, len(inputs))
	for i, input := range inputs {
		var err error
		if rewritten[i], err = d.node(input); err != nil {
			return nil, err
		}
	}
	switch n := node.(type) {
	case *plan.Filter:
		predicate, err := d.over(n.Predicate)
		return newFilter(rewritten[0], predicate), err
	case *plan.Project:
		return d.project(rewritten[0], n.Exprs, columnNames(n))
	case *plan.Aggregate:
		return d.aggregate(n, rewritten[0])
	case *plan.TopN:
		return d.topN(n, rewritten[0])
	case *plan.SetOperation:
		return newSetOperation(n.Op, n.All, rewritten[0], rewritten[1]), nil
	case *plan.Repeat:
		times, err := d.over(n.Times)
		return newRepeat(rewritten[0], times), err
	case *plan.Expand:
		return d.expand(n, rewritten[0])
	}
	return nil, d.refuseHere()
}

// overDomain has a plan read the domain's columns in place of the row's around.
func (d *dependence) overDomain(node plan.Node) plan.Node {
	// Moving references cannot fail.
	moved, _ := d.moveOuter(node, 1, func(level, index int) (int, int, error) {
		if level == 1 {
			index = d.columns[index]
		}
		return level, index, nil
	})
	return moved
}

func (d *dependence) expand(n *plan.Expand, input plan.Node) (plan.Node, error) {
	model, move := *n, exprMap(d.over)
	var err error
	if model.Calls, err = move.setCalls(n.Calls); err != nil {
		return nil, err
	}
	model.On, err = move.one(n.On)
	return newExpand(input, append(upTo(d.width()), shifted(n.Pass, d.width())...), &model), err
}

func (d *dependence) refuseHere() error {
	return notSupported(d.pos, "a subquery that refers to the row outside in this place is not supported in a result that is kept up to date").
		WithHint("Join with the subquery: aggregate it by the columns that the condition compares.")
}

func (d *dependence) project(input plan.Node, exprs []expr.Expr, names []string) (plan.Node, error) {
	out := firstColumns(input, d.width())
	for _, e := range exprs {
		moved, err := d.over(e)
		if err != nil {
			return nil, err
		}
		out = append(out, moved)
	}
	return newProject(input, out, append(columnNames(d.domain), names...)), nil
}

// aggregate groups by the domain's columns, too. One group without GROUP BY is
// there for every row of the domain.
func (d *dependence) aggregate(a *plan.Aggregate, input plan.Node) (plan.Node, error) {
	if a.Mode != plan.AggregateComplete || len(a.GroupBy) == 0 && slices.ContainsFunc(a.Calls, isNotNullAtFirst) {
		return nil, d.refuseHere()
	}
	move := exprMap(d.over)
	groupBy, err := move.all(a.GroupBy)
	if err != nil {
		return nil, err
	}
	calls, err := move.calls(a.Calls)
	if err != nil {
		return nil, err
	}
	width := d.width()
	grouped := newAggregate(input, plan.AggregateComplete, append(firstColumns(input, width), groupBy...), calls, append(columnNames(d.domain), aggregateNames(a)...))
	if len(a.GroupBy) > 0 {
		return grouped, nil
	}
	on, err := d.sameRow(0, width)
	if err != nil {
		return nil, err
	}
	all := newJoin(plan.JoinLeft, d.domain, grouped, on, false)
	exprs := firstColumns(all, width)
	for i := range calls {
		at := 2*width + i
		var result expr.Expr = columnOf(all.Cols[at], at)
		if countsRows(&calls[i]) {
			result = &expr.Coalesce{Node: expr.Node{ResultType: result.Type(), Position: -1}, Args: []expr.Expr{result, bigint(0)}}
		}
		exprs = append(exprs, result)
	}
	return newProject(all, exprs, columnNames(grouped)), nil
}

// sameRow compares the domain's columns at two places of a row.
func (d *dependence) sameRow(a, b int) (expr.Expr, error) {
	var on []expr.Expr
	for i, c := range d.domain.Columns() {
		same, err := d.same(columnOf(c, a+i), columnOf(c, b+i), neverNull(d.domain, columnOf(c, i)))
		if err != nil {
			return nil, err
		}
		on = append(on, same)
	}
	return conjunction(on), nil
}

// topN takes the first rows of each part for each row of the domain.
func (d *dependence) topN(n *plan.TopN, input plan.Node) (plan.Node, error) {
	parts := *n
	parts.PartitionBy = append(upTo(d.width()), shifted(n.PartitionBy, d.width())...)
	parts.Order = make([]plan.SortKey, len(n.Order))
	for i, key := range n.Order {
		moved, err := d.over(key.Expr)
		if err != nil {
			return nil, err
		}
		key.Expr = moved
		parts.Order[i] = key
	}
	return newTopN(input, &parts), nil
}

// join joins each row of the domain's rows on one side with those on the other. A
// side that gives rows without a match has the domain's columns; the other one has
// them where it reads them.
func (d *dependence) join(j *plan.Join) (plan.Node, error) {
	if j.Lookup || j.Lateral || j.AsOf != nil || j.Within != nil || j.LeftKeys != nil || j.Kind == plan.JoinRight || j.Kind == plan.JoinFull {
		return nil, d.refuseHere()
	}
	left, err := d.node(j.Left)
	if err != nil {
		return nil, err
	}
	var on expr.Expr
	if j.On != nil {
		if on, err = d.over(j.On); err != nil {
			return nil, err
		}
	}
	if !readsAround(j.Right) {
		return joinLike(j, left, j.Right, nil, nil, on), nil
	}
	right, err := d.node(j.Right)
	if err != nil {
		return nil, err
	}
	width, leftWidth := d.width(), len(left.Columns())
	same, err := d.sameRow(0, leftWidth)
	if err != nil {
		return nil, err
	}
	on = conjunction(append(present(same), present(d.shiftFrom(on, leftWidth, width))...))
	joined := joinLike(j, left, right, nil, nil, on)
	if !j.Kind.Wide() {
		return joined, nil
	}
	return passColumns(joined, append(upTo(leftWidth), shifted(upTo(len(right.Columns())-width), leftWidth+width)...)), nil
}
