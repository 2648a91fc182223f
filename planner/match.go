package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/expr"
)

// keep keeps the rows with a match, or those without one.
func (l *lowering) keep(sub *expr.Subquery, none bool, condition matchCondition) error {
	kind := plan.JoinSemi
	if none {
		kind = plan.JoinAnti
	}
	m, err := l.match(sub, condition)
	if err != nil {
		return err
	}
	if m.value != nil {
		l.node = newFilter(l.node, isTruth(m.value, true, !none))
		return nil
	}
	l.join(kind, m.right, m.on)
	return nil
}

// mark is whether there is a row of a subquery that satisfies a condition.
func (l *lowering) mark(sub *expr.Subquery, condition matchCondition) (expr.Expr, error) {
	m, err := l.match(sub, condition)
	if err != nil {
		return nil, err
	}
	if m.value != nil {
		return isTruth(m.value, true, true), nil
	}
	return l.join(plan.JoinMark, m.right, m.on), nil
}

// matches are the rows that a row may match: those of right for which on holds; or,
// where value is not nil, one if value is true.
type matches struct {
	right plan.Node
	on    expr.Expr
	value expr.Expr
}

// match finds the rows of a subquery that satisfy a condition.
func (l *lowering) match(sub *expr.Subquery, condition matchCondition) (*matches, error) {
	q := l.subqueries[sub.Number]
	inside, err := l.unnest(q, true, sub.Pos())
	if err != nil {
		return nil, err
	}
	if value, ok, err := l.withoutRows(inside, condition); ok || err != nil {
		return &matches{value: value}, err
	}
	c, err := condition(inside)
	if err != nil {
		return nil, err
	}
	if inside.always {
		if err := l.leftJoin(inside); err != nil {
			return nil, err
		}
		return &matches{value: orTrue(l.outside(conjunction(append(inside.after, present(c)...)), inside.at))}, nil
	}
	on, kept := inside.conditions, []expr.Expr(nil)
	if c != nil {
		for _, part := range split(c) {
			if hasOuter1(part) {
				on = append(on, part)
			} else {
				kept = append(kept, part)
			}
		}
	}
	right, err := l.embed(filtered(inside.node, kept))
	if err != nil {
		return nil, err
	}
	return &matches{right: onceOnly(right, on), on: l.outside(conjunction(on), len(l.node.Columns()))}, nil
}

// onceOnly is one row instead of all, where none of them is looked at.
func onceOnly(right plan.Node, on []expr.Expr) plan.Node {
	if slices.ContainsFunc(on, readsColumn) {
		return right
	}
	there := newProject(right, []expr.Expr{truth(true, -1)}, []string{"there"})
	return newAggregate(there, plan.AggregateComplete, firstColumns(there, 1), nil, []string{"there"})
}

// join puts a join on the node and returns the first column that it adds. Rows of a
// stream meet those of a table as they are when the stream's row is processed.
func (l *lowering) join(kind plan.JoinKind, right plan.Node, on expr.Expr) expr.Expr {
	width := len(l.node.Columns())
	lookup := l.node.Props().Kind == plan.AppendOnly && right.Props().Kind != plan.AppendOnly
	l.node = joinLike(&plan.Join{Kind: kind, Lookup: lookup}, l.node, right, nil, nil, on)
	if len(l.node.Columns()) == width {
		return nil
	}
	return columnOf(l.node.Columns()[width], width)
}

// of is what is lifted over one row of values.
func (in *lifted) of(row []expr.Expr) *lifted {
	return &lifted{outputs: overInput(in.outputs, row), conditions: overInput(in.conditions, row), after: overInput(in.after, row)}
}

// withoutRows is a condition on a subquery that lists its rows, or has one for want
// of FROM: no join is needed.
func (l *lowering) withoutRows(inside *lifted, condition matchCondition) (value expr.Expr, ok bool, err error) {
	v, ok := inside.node.(*plan.Values)
	if !ok {
		return nil, false, nil
	}
	value = truth(false, -1)
	var any []expr.Expr
	for _, values := range v.Rows {
		row := inside.of(values)
		c, err := condition(row)
		if err != nil {
			return nil, false, err
		}
		any = append(any, orTrue(l.outside(conjunction(slices.Concat(row.conditions, row.after, present(c))), 0)))
	}
	if len(any) > 0 {
		value = disjunction(any)
	}
	return value, true, nil
}
