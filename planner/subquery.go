package planner

import (
	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// subquery binds a query that stands as a value.
func (b *exprBinder) subquery(e ast.Expr) (expr.Expr, error) {
	switch e := e.(type) {
	case *ast.Subquery:
		return b.scalarSubquery(e.Query, e.Pos(), expr.SubqueryScalar)
	case *ast.ArrayQuery:
		return b.scalarSubquery(e.Query, e.Pos(), expr.SubqueryArray)
	case *ast.Exists:
		bound, err := b.bindSubquery(e.Query, expr.SubqueryExists, e.Pos())
		if err != nil {
			return nil, err
		}
		return &expr.Subquery{Node: boolAt(e.Pos()), Number: b.addSubquery(bound), Kind: expr.SubqueryExists, OfRow: bound.ofRow}, nil
	case *ast.InQuery:
		in, err := b.compareSubquery(e.Operand, "=", e.Query, expr.SubqueryAny, e.Pos())
		if err != nil {
			return nil, err
		}
		return negatedIf(in, e.Negated), nil
	case *ast.Quantified:
		kind := expr.SubqueryAny
		if e.All {
			kind = expr.SubqueryAll
		}
		if e.Query != nil {
			return b.compareSubquery(e.Left, e.Operator.Symbol, e.Query, kind, e.Pos())
		}
		return b.compareArray(e)
	default:
		return nil, notSupported(e.Pos(), "this subquery is not supported")
	}
}

// bindSubquery binds a query whose outer row is that of the expression.
func (b *exprBinder) bindSubquery(q *ast.Query, kind expr.SubqueryKind, pos int) (*boundQuery, error) {
	if !b.lowers {
		if err := b.refuse(pos, "a subquery in this place"); err != nil {
			return nil, err
		}
	}
	b.asValue++
	defer func() { b.asValue-- }()
	if q.Emit != nil {
		return nil, notSupported(q.Emit.Pos(), "EMIT is not allowed in a subquery")
	}
	if bound, err := b.rowSubquery(q); bound != nil || err != nil {
		return bound, err
	}
	set, err := b.setOf(q, kind)
	if err != nil {
		return nil, err
	}
	return b.query(set, b.scope, b.scope.with)
}

// addSubquery keeps the plan of a subquery and returns its number.
func (b *binder) addSubquery(bound *boundQuery) int {
	b.subqueries = append(b.subqueries, &plan.Query{Root: bound.node, Visible: bound.visible, RowOpColumn: -1})
	return len(b.subqueries) - 1
}

func (b *exprBinder) oneColumn(q *ast.Query, kind expr.SubqueryKind, pos int) (*boundQuery, error) {
	bound, err := b.bindSubquery(q, kind, pos)
	if err != nil {
		return nil, err
	}
	if bound.visible != 1 {
		return nil, sqlerr.New(sqlerr.SyntaxError, pos, "subquery must return only one column")
	}
	return bound, nil
}

func (b *exprBinder) scalarSubquery(q *ast.Query, pos int, kind expr.SubqueryKind) (expr.Expr, error) {
	bound, err := b.oneColumn(q, kind, pos)
	if err != nil {
		return nil, err
	}
	if err := b.settleColumns(bound); err != nil {
		return nil, err
	}
	t := bound.node.Columns()[0].Type
	if kind == expr.SubqueryArray && t.Kind != types.KindArray {
		t = types.ArrayOf(t)
	}
	return &expr.Subquery{Node: expr.Node{ResultType: t, Position: pos}, Number: b.addSubquery(bound), Kind: kind, OfRow: bound.ofRow}, nil
}

// compareSubquery is operand IN (query) and operand operator ANY | ALL (query).
func (b *exprBinder) compareSubquery(operand ast.Expr, symbol string, q *ast.Query, kind expr.SubqueryKind, pos int) (expr.Expr, error) {
	if row, isRow := operand.(*ast.Row); isRow {
		return b.compareRowSubquery(row, symbol, q, kind, pos)
	}
	left, err := b.bind(operand)
	if err != nil {
		return nil, err
	}
	bound, err := b.bindSubquery(q, kind, pos)
	if err != nil {
		return nil, err
	}
	if bound.visible != 1 {
		return nil, sqlerr.New(sqlerr.SyntaxError, pos, "subquery has too many columns")
	}
	overload, want, err := expr.ResolveOperator(symbol, left.Type(), bound.node.Columns()[0].Type, pos)
	if err != nil {
		return nil, err
	}
	if overload.Result.Kind != types.KindBool {
		return nil, sqlerr.New(sqlerr.WrongObjectType, pos, "op ANY/ALL (array) requires operator to yield boolean")
	}
	if left, err = b.coerce(left, want[0], expr.Implicit); err != nil {
		return nil, err
	}
	if err := b.coerceColumn(bound, 0, want[1], expr.Implicit); err != nil {
		return nil, err
	}
	return &expr.Subquery{Node: boolAt(pos), Number: b.addSubquery(bound), Kind: kind, Left: left, Func: overload, OfRow: bound.ofRow}, nil
}

// compareRowSubquery is (a, b) IN (query), and with operator ANY | ALL.
func (b *exprBinder) compareRowSubquery(row *ast.Row, symbol string, q *ast.Query, kind expr.SubqueryKind, pos int) (expr.Expr, error) {
	if symbol != "=" && symbol != "<>" {
		return nil, notSupported(pos, "comparing rows by %s is not supported", symbol)
	}
	fields, err := b.bindAll(row.Elements)
	if err != nil {
		return nil, err
	}
	bound, err := b.bindSubquery(q, kind, pos)
	if err != nil {
		return nil, err
	}
	switch {
	case bound.visible < len(fields):
		return nil, sqlerr.New(sqlerr.SyntaxError, pos, "subquery has too few columns")
	case bound.visible > len(fields):
		return nil, sqlerr.New(sqlerr.SyntaxError, pos, "subquery has too many columns")
	}
	compared := make([]expr.Expr, len(fields))
	for i := range fields {
		_, want, err := expr.ResolveOperator(symbol, fields[i].Type(), bound.node.Columns()[i].Type, pos)
		if err != nil {
			return nil, err
		}
		if fields[i], err = b.coerce(fields[i], want[0], expr.Implicit); err != nil {
			return nil, err
		}
		if err := b.coerceColumn(bound, i, want[1], expr.Implicit); err != nil {
			return nil, err
		}
		left := &expr.Column{Node: expr.Node{ResultType: fields[i].Type(), Position: fields[i].Pos()}, Index: i}
		if compared[i], err = b.operator(symbol, left, columnOf(bound.node.Columns()[i], len(fields)+i), pos); err != nil {
			return nil, err
		}
	}
	on := conjunction(compared)
	if symbol == "<>" {
		on = disjunction(compared)
	}
	return &expr.Subquery{Node: boolAt(pos), Number: b.addSubquery(bound), Kind: kind, Fields: fields, On: on, OfRow: bound.ofRow}, nil
}

// compareArray is operand operator ANY | ALL (array).
func (b *exprBinder) compareArray(e *ast.Quantified) (expr.Expr, error) {
	args, err := b.bindAll([]ast.Expr{e.Left, e.Array})
	if err != nil {
		return nil, err
	}
	left, array := args[0], args[1]
	element := types.Unknown
	switch t := array.Type(); t.Kind {
	case types.KindArray:
		element = *t.Elem
	case types.KindUnknown:
	default:
		return nil, sqlerr.New(sqlerr.WrongObjectType, e.Pos(), "op ANY/ALL (array) requires array on right side")
	}
	overload, want, err := expr.ResolveOperator(e.Operator.Symbol, left.Type(), element, int(e.Operator.Position))
	if err != nil {
		return nil, err
	}
	if overload.Result.Kind != types.KindBool {
		return nil, sqlerr.New(sqlerr.WrongObjectType, e.Pos(), "op ANY/ALL (array) requires operator to yield boolean")
	}
	if left, err = b.coerce(left, want[0], expr.Implicit); err != nil {
		return nil, err
	}
	if !element.SameKind(want[1]) {
		if array, err = b.coerce(array, types.ArrayOf(want[1]), expr.Implicit); err != nil {
			return nil, err
		}
	}
	return &expr.AnyAll{Node: boolAt(e.Pos()), Left: left, Array: array, Func: overload, All: e.All}, nil
}
