package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// recursion binds a common table that names itself: the first term gives the columns,
// and in the second one the table's name means the rows that were found last.
func (b *binder) recursion(w *withScope) (*boundQuery, error) {
	name := w.table.Name.Value
	if err := b.refuse(w.table.Pos(), "a recursive query"); err != nil {
		return nil, err
	}
	b.depth++
	defer func() { b.depth-- }()
	b.queries++
	if b.depth > maxDepth || b.queries > maxQueries {
		return nil, sqlerr.New(sqlerr.StatementTooComplex, w.query.Pos(), "the statement has too many queries, or they are nested too deep")
	}
	q, union := recursiveUnion(w.query)
	b.recursions++
	self := &withScope{outer: w.outer, table: w.table, bound: true, recursion: b.recursions}
	s := newScope(w.parent)
	var err error
	if s.with, err = b.withClause(q.With, self, w.parent); err != nil {
		return nil, err
	}
	first, err := b.operand(union.Left, s)
	if err != nil {
		return nil, err
	}
	if err := b.settleColumns(first); err != nil {
		return nil, err
	}
	self.columns = first.node.Columns()
	step, err := b.operand(union.Right, s)
	if err != nil {
		return nil, err
	}
	if err := b.matchRecursion(name, first, step, union.Right.Pos()); err != nil {
		return nil, err
	}
	if err := b.checkUnused(q.With, s.with); err != nil {
		return nil, err
	}
	return &boundQuery{node: newRecursive(self.recursion, union.All, first.node, step.node), visible: first.visible}, nil
}

// matchRecursion gives the columns of the recursive term the types of the first one's,
// which are not changed any more.
func (b *binder) matchRecursion(name string, first, step *boundQuery, pos int) error {
	if first.visible != step.visible {
		return sqlerr.New(sqlerr.SyntaxError, columnPosition(step, 0, pos), "each UNION query must have the same number of columns")
	}
	for i, c := range first.node.Columns() {
		common, err := expr.CommonType([]types.Type{c.Type, step.node.Columns()[i].Type}, "UNION", columnPosition(step, i, pos))
		if err != nil {
			return err
		}
		if !common.Equal(c.Type) {
			return sqlerr.New(sqlerr.DatatypeMismatch, columnPosition(first, i, pos),
				"recursive query %q column %d has type %s in non-recursive term but type %s overall", name, i+1, c.Type, common).
				WithHint("Cast the output of the non-recursive term to the correct type.")
		}
		if err := b.coerceColumn(step, i, common, expr.Implicit); err != nil {
			return err
		}
	}
	return nil
}

// refuseRecursiveAggregate refuses aggregates in a block whose FROM names the recursive
// table that it defines.
func (sb *selectBinder) refuseRecursiveAggregate() error {
	if len(sb.aggregates.calls) == 0 {
		return nil
	}
	for _, t := range sb.ast.From {
		if namesRecursion(t, sb.scope.with) {
			return invalidRecursion(sb.aggregates.calls[0].Pos, "aggregate functions are not allowed in a recursive query's recursive term")
		}
	}
	return nil
}

// namesRecursion reports whether an item of FROM is, or joins, the rows that a recursion
// found last.
func namesRecursion(t ast.TableExpr, with *withScope) bool {
	switch t := t.(type) {
	case *ast.TableName:
		if len(t.Name.Parts) != 1 {
			return false
		}
		w := with.find(t.Name.Last())
		return w != nil && w.recursion > 0
	case *ast.Join:
		return namesRecursion(t.Left, with) || namesRecursion(t.Right, with)
	case *ast.ParenthesizedTable:
		return namesRecursion(t.Table, with)
	default:
		return false
	}
}

// newRecursive finds rows from those found before; see plan.Recursive.
func newRecursive(number int, all bool, first, step plan.Node) *plan.Recursive {
	r := &plan.Recursive{Number: number, All: all, First: first, Step: step}
	for _, c := range first.Columns() {
		r.Cols = append(r.Cols, plan.Column{Name: c.Name, Type: c.Type})
	}
	r.Properties = oneShot
	return r
}

// newLastRows reads the rows that a recursion found last; see plan.LastRows.
func newLastRows(number int, columns []plan.Column) *plan.LastRows {
	r := &plan.LastRows{Number: number}
	for _, c := range columns {
		r.Cols = append(r.Cols, plan.Column{Name: c.Name, Type: c.Type})
	}
	r.Properties = oneShot
	return r
}

// recursiveView returns the query that the view of CREATE RECURSIVE VIEW has: everything
// from a common table with the view's name.
func recursiveView(s *ast.CreateView) *ast.Query {
	name := ast.Identifier{Span: s.Name.Span, Value: s.Name.Last()}
	from := &ast.TableName{Span: s.Name.Span, Name: &ast.Name{Span: s.Name.Span, Parts: []string{name.Value}}}
	body := &ast.Select{Span: s.Query.Span, From: []ast.TableExpr{from}}
	for _, column := range s.Columns {
		body.Targets = append(body.Targets, &ast.Target{Span: column.Span, Expr: &ast.ColumnRef{Span: column.Span, Parts: []string{column.Value}}})
	}
	table := &ast.CommonTable{Span: s.Query.Span, Name: name, Columns: s.Columns, Statement: s.Query}
	with := &ast.With{Span: s.Query.Span, Recursive: true, Tables: []*ast.CommonTable{table}}
	return &ast.Query{Span: s.Query.Span, With: with, Body: body}
}

// turnRecursiveJoins turns the inner joins of recursive terms whose right side alone has
// the rows found last: the executor keeps a right side, and its table, between turns.
func turnRecursiveJoins(r *ruleContext, root plan.Node) (plan.Node, error) {
	if r.recursions == 0 {
		return root, nil
	}
	return rewriteNodes(root, func(node plan.Node) (plan.Node, error) {
		j, ok := node.(*plan.Join)
		if !ok || j.Kind != plan.JoinInner || j.Lateral || j.AsOf != nil || readsLastRows(j.Left) || !readsLastRows(j.Right) {
			return node, nil
		}
		left, right := len(j.Left.Columns()), len(j.Right.Columns())
		turned := func(index int) (int, error) {
			if index < left {
				return index + right, nil
			}
			return index - left, nil
		}
		on := j.On
		if on != nil {
			var err error
			if on, err = r.moveColumns(on, turned); err != nil {
				return nil, err
			}
		}
		order := make([]int, left+right)
		for i := range order {
			order[i], _ = turned(i)
		}
		return passColumns(joinLike(j, j.Right, j.Left, j.RightKeys, j.LeftKeys, on), order), nil
	})
}

// readsLastRows reports whether a plan reads the rows that a recursion found last.
func readsLastRows(node plan.Node) bool {
	if _, reads := node.(*plan.LastRows); reads {
		return true
	}
	return slices.ContainsFunc(node.Inputs(), readsLastRows)
}
