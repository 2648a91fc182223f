package planner

import (
	"millrace/planner/plan"
	"millrace/sql/expr"
)

// joinOnSubqueries joins on a condition with subqueries, where the result is kept up
// to date. Those of an inner join are about its rows. Those of any other are computed
// on the side that they read, before it is joined.
func (b *binder) joinOnSubqueries(kind plan.JoinKind, left, right plan.Node, on expr.Expr, pos int) (plan.Node, error) {
	if kind == plan.JoinInner {
		var plain, rest []expr.Expr
		for _, c := range split(on) {
			if hasSubquery(c) {
				rest = append(rest, c)
			} else {
				plain = append(plain, c)
			}
		}
		node, err := b.joinNode(kind, left, right, conjunction(plain), false, pos)
		if err != nil {
			return nil, err
		}
		return b.lowerFilter(node, conjunction(rest))
	}
	width, rightWidth := len(left.Columns()), len(right.Columns())
	atLeft, atRight := &lowering{binder: b, node: left}, &lowering{binder: b, node: right}
	// What the subqueries become, by number: over the left row, or over the row in
	// which the right one stands behind width columns.
	values, fromLeft := map[int]expr.Expr{}, map[int]bool{}
	for _, sub := range subqueriesIn(on) {
		readsLeft, readsRight := b.sides(sub, width)
		if readsLeft && readsRight {
			return nil, notSupported(sub.Pos(), "a subquery in ON that refers to both sides of an outer join is not supported in a result that is kept up to date").
				WithHint("Join first one side with the subquery, in a subquery in FROM.")
		}
		fromLeft[sub.Number] = readsLeft || !readsRight && kind == plan.JoinRight
		var value, moved expr.Expr = nil, sub
		var err error
		if fromLeft[sub.Number] {
			if value, err = atLeft.value(sub, nullIsNull); err == nil {
				value = atLeft.beside(value)
			}
		} else if moved, err = b.moveColumns(sub, func(index int) (int, error) { return index - width, nil }); err == nil {
			if value, err = atRight.value(moved, nullIsNull); err == nil {
				value = shiftColumns(atRight.beside(value), width)
			}
		}
		if err != nil {
			return nil, err
		}
		values[sub.Number] = value
	}
	grown := len(atLeft.node.Columns()) - width
	// Replacing cannot fail.
	on, _ = expr.Rewrite(on, func(e expr.Expr) (expr.Expr, error) {
		switch e := e.(type) {
		case *expr.Subquery:
			if fromLeft[e.Number] {
				return values[e.Number], nil
			}
			return b.shiftFrom(values[e.Number], width, grown), nil
		case *expr.Column:
			return b.shiftFrom(e, width, grown), nil
		}
		return e, nil
	})
	node, err := b.joinNode(kind, atLeft.node, atRight.node, on, false, pos)
	if err != nil {
		return nil, err
	}
	return passColumns(node, append(upTo(width), shifted(upTo(rightWidth), width+grown)...)), nil
}

// subqueriesIn are the subqueries of an expression, without those in their operands.
func subqueriesIn(e expr.Expr) []*expr.Subquery {
	var list []*expr.Subquery
	expr.Walk(e, func(e expr.Expr) bool {
		sub, ok := e.(*expr.Subquery)
		if ok {
			list = append(list, sub)
		}
		return !ok
	})
	return list
}
