package planner

import (
	"millrace/planner/plan"
	"millrace/sql/expr"
)

// outerMap says where a reference to a row around a plan goes: f gets the level
// as seen from the plan's own root.
type outerMap func(level, index int) (newLevel, newIndex int, err error)

// moveOuter rewrites the references of a plan to the rows around it, from level
// least on. Subqueries inside are copied.
func (b *binder) moveOuter(node plan.Node, least int, f outerMap) (plan.Node, error) {
	inputs := node.Inputs()
	moved := make([]plan.Node, len(inputs))
	for i, input := range inputs {
		innerLeast, inner := least, f
		if j, ok := node.(*plan.Join); ok && j.Lateral && i == 1 {
			innerLeast, inner = least+1, deeper(f)
		}
		var err error
		if moved[i], err = b.moveOuter(input, innerLeast, inner); err != nil {
			return nil, err
		}
	}
	return copyNode(node, moved, func(e expr.Expr) (expr.Expr, error) { return b.moveOuterIn(e, least, f) })
}

// deeper is the map for a plan that stands one level further in.
func deeper(f outerMap) outerMap {
	return func(level, index int) (int, int, error) {
		newLevel, newIndex, err := f(level-1, index)
		return newLevel + 1, newIndex, err
	}
}

// moveOuterIn is moveOuter for an expression.
func (b *binder) moveOuterIn(e expr.Expr, least int, f outerMap) (expr.Expr, error) {
	return expr.Rewrite(e, func(e expr.Expr) (expr.Expr, error) {
		switch e := e.(type) {
		case *expr.Outer:
			if e.Level < least {
				return e, nil
			}
			moved := *e
			var err error
			moved.Level, moved.Index, err = f(e.Level, e.Index)
			return &moved, err
		case *expr.Subquery:
			return b.moveSubquery(e, least+1, deeper(f))
		}
		return e, nil
	})
}

// moveSubquery gives a subquery a copy of its plan with moved references.
func (b *binder) moveSubquery(e *expr.Subquery, least int, f outerMap) (expr.Expr, error) {
	q := *b.subqueries[e.Number]
	root, err := b.moveOuter(q.Root, least, f)
	if err != nil {
		return nil, err
	}
	q.Root = root
	b.subqueries = append(b.subqueries, &q)
	moved := *e
	moved.Number = len(b.subqueries) - 1
	return &moved, nil
}

// moveColumns rewrites an expression for a row whose columns stand elsewhere:
// also where subqueries in it refer to that row.
func (b *binder) moveColumns(e expr.Expr, to func(index int) (int, error)) (expr.Expr, error) {
	return expr.Rewrite(e, func(e expr.Expr) (expr.Expr, error) {
		switch e := e.(type) {
		case *expr.Column:
			index, err := to(e.Index)
			if err != nil || index == e.Index {
				return e, err
			}
			moved := *e
			moved.Index = index
			return &moved, nil
		case *expr.Subquery:
			return b.moveSubquery(e, 1, func(level, index int) (int, int, error) {
				if level > 1 {
					return level, index, nil
				}
				index, err := to(index)
				return level, index, err
			})
		}
		return e, nil
	})
}

// columnsOf calls visit for each column of its row that an expression reads,
// those that subqueries in it refer to included.
func (b *binder) columnsOf(e expr.Expr, visit func(index int)) {
	expr.Walk(e, func(e expr.Expr) bool {
		switch e := e.(type) {
		case *expr.Column:
			visit(e.Index)
		case *expr.Subquery:
			b.outerColumns(b.subqueries[e.Number].Root, 1, visit)
		}
		return true
	})
}

// outerColumns calls visit for each column of the row level rows around a plan
// that the plan reads.
func (b *binder) outerColumns(node plan.Node, level int, visit func(index int)) {
	for _, e := range nodeExprs(node) {
		expr.Walk(e, func(e expr.Expr) bool {
			switch e := e.(type) {
			case *expr.Outer:
				if e.Level == level {
					visit(e.Index)
				}
			case *expr.Subquery:
				b.outerColumns(b.subqueries[e.Number].Root, level+1, visit)
			}
			return true
		})
	}
	for i, input := range node.Inputs() {
		if j, ok := node.(*plan.Join); ok && j.Lateral && i == 1 {
			b.outerColumns(input, level+1, visit)
		} else {
			b.outerColumns(input, level, visit)
		}
	}
}
