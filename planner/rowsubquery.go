package planner

import (
	"errors"
	"slices"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/expr"
)

// A subquery over functions of the row around it, such as
//
//	EXISTS (SELECT FROM unnest(tags) AS tag WHERE tag = name)
//
// and without relations is a function of that row, or a constant. Where a result is kept up to date
// it stays an expression, bound like in a pull query, which the operators that evaluate
// it run for each row: it needs neither a join nor state, and is evaluated where CASE
// and AND have it evaluated.

// rowSubquery binds a subquery that may be a function of the row around; nil where it
// is not.
func (b *exprBinder) rowSubquery(q *ast.Query) (*boundQuery, error) {
	if !b.incremental() || !callsFunctions(q) {
		return nil, nil
	}
	mode := b.mode
	b.mode = modePull
	bound, err := b.query(q, b.scope, b.scope.with)
	b.mode = mode
	if err != nil || !b.isOfRow(bound.node) {
		return nil, err
	}
	further := false // it reads rows further out
	for level := 2; level <= b.scope.depth+2; level++ {
		b.outerColumns(bound.node, level, func(int) { further = true })
	}
	if further {
		return nil, nil
	}
	bound.ofRow = true
	return bound, nil
}

// callsFunctions reports whether a query names no relation and has a function that
// gives rows.
func callsFunctions(q *ast.Query) bool {
	calls, relations := false, false
	var visit func(n ast.Node)
	visit = func(n ast.Node) {
		switch n := n.(type) {
		case *ast.TableName:
			relations = true
		case *ast.FunctionTable:
			calls = true
		case *ast.FunctionCall:
			calls = calls || expr.IsSetFunction(n.Name.Last())
		}
		if !relations {
			ast.Children(n, visit)
		}
	}
	visit(q)
	return calls && !relations
}

// isOfRow reports whether a plan reads nothing but rows around it.
func (b *binder) isOfRow(node plan.Node) bool {
	if _, isValues := node.(*plan.Values); !isValues && len(node.Inputs()) == 0 {
		return false
	}
	for _, e := range nodeExprs(node) {
		if contains(e, func(e expr.Expr) bool {
			sub, ok := e.(*expr.Subquery)
			return ok && !b.isOfRow(b.subqueries[sub.Number].Root)
		}) {
			return false
		}
	}
	return !slices.ContainsFunc(node.Inputs(), func(input plan.Node) bool { return !b.isOfRow(input) })
}

// asksRelations reports whether an expression has a subquery that becomes a join where
// the result is kept up to date.
func asksRelations(e expr.Expr) bool {
	return contains(e, func(e expr.Expr) bool { sub, ok := e.(*expr.Subquery); return ok && !sub.OfRow })
}

// checkRowSubquery is checkCall for all calls of a subquery that is a function of a row.
func (b *binder) checkRowSubquery(node plan.Node, appendOnly bool) (refused error) {
	for _, e := range nodeExprs(node) {
		expr.Walk(e, func(e expr.Expr) bool {
			switch e := e.(type) {
			case *expr.Call:
				refused = b.checkCall(e, appendOnly)
			case *expr.Param:
				refused = b.checkParam(e)
			case *expr.Subquery:
				refused = b.checkRowSubquery(b.subqueries[e.Number].Root, appendOnly)
			}
			return refused == nil
		})
		if refused != nil {
			return refused
		}
	}
	for _, input := range node.Inputs() {
		if refused = b.checkRowSubquery(input, appendOnly); refused != nil {
			return refused
		}
	}
	return nil
}

var errNotAColumn = errors.New("planner: not a column")

// overRow is overInput for expressions with subqueries of the row, too; nil where one
// reads a column that is not one of the other row.
func (b *binder) overRow(list, columns []expr.Expr) []expr.Expr {
	out := make([]expr.Expr, len(list))
	for i, e := range list {
		moved, err := expr.Rewrite(e, func(e expr.Expr) (expr.Expr, error) {
			switch e := e.(type) {
			case *expr.Column:
				return columns[e.Index], nil
			case *expr.Subquery:
				return b.moveSubquery(e, 1, func(level, index int) (int, int, error) {
					if level > 1 {
						return level, index, nil
					}
					c, ok := columns[index].(*expr.Column)
					if !ok {
						return 0, 0, errNotAColumn
					}
					return level, c.Index, nil
				})
			}
			return e, nil
		})
		if err != nil {
			return nil
		}
		out[i] = moved
	}
	return out
}

// beside puts an expression with subqueries beside the columns of the node, and returns
// its column.
func (l *lowering) beside(value expr.Expr) expr.Expr {
	if !hasSubquery(value) {
		return value
	}
	exprs, names := passOn(l.node)
	l.node = newProject(l.node, append(exprs, value), append(names, "value"))
	return columnOf(l.node.Columns()[len(exprs)], len(exprs))
}
