package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

var setOperators = map[ast.SetOperator]struct {
	op   plan.SetOp
	name string
}{
	ast.Union:     {plan.Union, "UNION"},
	ast.Intersect: {plan.Intersect, "INTERSECT"},
	ast.Except:    {plan.Except, "EXCEPT"},
}

func (b *binder) setOperation(q *ast.SetOperation, s *scope) (*boundQuery, error) {
	operator := setOperators[q.Operator]
	left, err := b.operand(q.Left, s)
	if err != nil {
		return nil, err
	}
	right, err := b.operand(q.Right, s)
	if err != nil {
		return nil, err
	}
	if left.visible != right.visible {
		return nil, sqlerr.New(sqlerr.SyntaxError, columnPosition(right, 0, q.Right.Pos()), "each %s query must have the same number of columns", operator.name)
	}
	for i := range left.visible {
		pair := []types.Type{left.node.Columns()[i].Type, right.node.Columns()[i].Type}
		common, err := expr.CommonType(pair, operator.name, columnPosition(right, i, q.Right.Pos()))
		if err != nil {
			return nil, err
		}
		if common.Kind == types.KindUnknown {
			common = types.Text
		}
		if err := b.coerceColumn(left, i, common, expr.Implicit); err != nil {
			return nil, err
		}
		if err := b.coerceColumn(right, i, common, expr.Implicit); err != nil {
			return nil, err
		}
	}
	if !(q.All && operator.op == plan.Union) {
		if err := checkColumnsEquality(left, q.Left.Pos()); err != nil {
			return nil, err
		}
	}
	if !b.incremental() {
		return &boundQuery{node: newSetOperation(operator.op, q.All, left.node, right.node), visible: left.visible}, nil
	}
	node, err := b.keptSetOperation(operator.op, q.All, left.node, right.node)
	return &boundQuery{node: node, visible: left.visible}, err
}

// operand binds one side; both get exactly their visible columns.
func (b *binder) operand(body ast.QueryBody, s *scope) (*boundQuery, error) {
	bound, err := b.body(body, &scope{parent: s.parent, depth: s.depth, with: s.with})
	if err != nil {
		return nil, err
	}
	return bound.cut(), nil
}

// cut removes the columns that are not visible.
func (q *boundQuery) cut() *boundQuery {
	if len(q.node.Columns()) == q.visible {
		return q
	}
	columns := make([]int, q.visible)
	for i := range columns {
		columns[i] = i
	}
	return &boundQuery{node: passColumns(q.node, columns), visible: q.visible}
}

// columnPosition is where the expression of an output column stands.
func columnPosition(q *boundQuery, i, otherwise int) int {
	if p, ok := q.node.(*plan.Project); ok && i >= 0 && i < len(p.Exprs) && p.Exprs[i].Pos() >= 0 {
		return p.Exprs[i].Pos()
	}
	return otherwise
}

// orderOutput sorts a result whose ORDER BY may name output columns only.
func (b *binder) orderOutput(bound *boundQuery, items []*ast.OrderItem) (*boundQuery, error) {
	if len(items) == 0 {
		return bound, nil
	}
	if err := b.settleColumns(bound); err != nil {
		return nil, err
	}
	names := columnNames(bound.node)[:bound.visible]
	keys := make([]plan.SortKey, len(items))
	for i, item := range items {
		column := -1
		switch e := item.Expr.(type) {
		case *ast.IntegerLiteral:
			if e.Value < 1 || e.Value > int64(bound.visible) {
				return nil, sqlerr.New(sqlerr.InvalidColumnReference, e.Pos(), "ORDER BY position %d is not in select list", e.Value)
			}
			column = int(e.Value) - 1
		case *ast.ColumnRef:
			if len(e.Parts) == 1 {
				column = slices.Index(names, e.Parts[0])
			}
			if column < 0 {
				return nil, sqlerr.New(sqlerr.UndefinedColumn, e.Pos(), "column %q does not exist", e.Parts[len(e.Parts)-1])
			}
		default:
			return nil, notSupported(item.Pos(), "invalid UNION/INTERSECT/EXCEPT ORDER BY clause").
				WithDetail("Only result column names can be used, not expressions or functions.").
				WithHint("Add the expression/function to every SELECT, or move the UNION into a FROM clause.")
		}
		key, err := b.sortKey(columnOf(bound.node.Columns()[column], column), item)
		if err != nil {
			return nil, err
		}
		keys[i] = key
	}
	if b.incremental() {
		return &boundQuery{node: bound.node, visible: bound.visible, order: keys, unlimited: true}, nil
	}
	return &boundQuery{node: newSort(bound.node, keys), visible: bound.visible}, nil
}

// sortKey is an item of ORDER BY over a bound expression.
func (b *binder) sortKey(e expr.Expr, item *ast.OrderItem) (plan.SortKey, error) {
	e, err := b.settle(e)
	if err != nil {
		return plan.SortKey{}, err
	}
	key := plan.SortKey{Expr: e, Descending: item.Direction == ast.Descending}
	if item.Direction == ast.SortUsing {
		switch item.Using.Symbol {
		case "<":
		case ">":
			key.Descending = true
		default:
			return plan.SortKey{}, sqlerr.New(sqlerr.WrongObjectType, item.Pos(), "operator %s is not a valid ordering operator", item.Using.Symbol).
				WithHint("Ordering operators must be \"<\" or \">\" members of btree operator families.")
		}
	}
	if _, _, err := expr.ResolveOperator("<", e.Type(), e.Type(), item.Expr.Pos()); err != nil {
		return plan.SortKey{}, sqlerr.New(sqlerr.UndefinedFunction, item.Expr.Pos(), "could not identify an ordering operator for type %s", e.Type().BaseName()).
			WithHint("Use an explicit ordering operator or modify the query.")
	}
	key.NullsFirst = key.Descending
	if item.Nulls != ast.NullsDefault {
		key.NullsFirst = item.Nulls == ast.NullsFirst
	}
	return key, nil
}
