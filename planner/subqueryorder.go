package planner

import (
	"slices"

	"millrace/sql/ast"
	"millrace/sql/expr"
)

// setOf is a subquery of an expression of a result that is kept up to date, without
// what does not matter there: the order of rows that are all looked at, and a LIMIT
// where the first row decides. ARRAY has its elements in their own order, which is the
// only one that may be asked for.
func (b *binder) setOf(q *ast.Query, kind expr.SubqueryKind) (*ast.Query, error) {
	if !b.incremental() || q.Offset != nil || isDistinctOn(q) {
		return q, nil
	}
	set := *q
	if kind == expr.SubqueryExists && q.Limit != nil && !q.Limit.WithTies {
		if count, ok := q.Limit.Count.(*ast.IntegerLiteral); ok && count.Value > 0 {
			set.Limit = nil
		}
	}
	if set.Limit != nil || len(q.OrderBy) == 0 {
		return &set, nil
	}
	if kind == expr.SubqueryArray && !ordersByItself(q) {
		return nil, notSupported(q.OrderBy[0].Pos(), "an array in an order other than that of its elements is not supported in a result that is kept up to date").
			WithHint("ORDER BY 1 gives the elements in ascending order.")
	}
	set.OrderBy = nil
	return &set, nil
}

// ordersByItself reports whether a query orders its only column by its values,
// ascending.
func ordersByItself(q *ast.Query) bool {
	item := q.OrderBy[0]
	if len(q.OrderBy) > 1 || item.Direction == ast.Descending || item.Direction == ast.SortUsing || item.Nulls == ast.NullsFirst {
		return false
	}
	if number, ok := item.Expr.(*ast.IntegerLiteral); ok {
		return number.Value == 1
	}
	body, ok := q.Body.(*ast.Select)
	if !ok || len(body.Targets) != 1 {
		return false
	}
	if name, ok := item.Expr.(*ast.ColumnRef); ok && slices.Equal(name.Parts, []string{targetName(body.Targets[0])}) {
		return true
	}
	return ast.String(item.Expr) == ast.String(body.Targets[0].Expr)
}
