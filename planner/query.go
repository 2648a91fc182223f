package planner

import (
	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// boundQuery is a query's plan before the rules: the first visible columns are
// the query's, the rest are there for its host (keys, sort keys).
type boundQuery struct {
	node    plan.Node
	visible int
	// order is the ORDER BY of a result that is kept up to date, whose columns are
	// the node's, for LIMIT; unlimited says that it needs one.
	order     []plan.SortKey
	unlimited bool
	// ofRow says that it is a function of the row around it: see rowsubquery.go.
	ofRow bool
}

// query binds a query. parent is the row that its names may refer to outside,
// with the common tables that FROM may name.
func (b *binder) query(q *ast.Query, parent *scope, with *withScope) (*boundQuery, error) {
	b.depth++
	defer func() { b.depth-- }()
	b.queries++
	if b.depth > maxDepth || b.queries > maxQueries {
		return nil, sqlerr.New(sqlerr.StatementTooComplex, q.Pos(), "the statement has too many queries, or they are nested too deep")
	}
	s := newScope(parent)
	var err error
	if s.with, err = b.withClause(q.With, with, parent); err != nil {
		return nil, err
	}
	bound, err := b.queryIn(q, s)
	if unused := b.checkUnused(q.With, s.with); unused != nil {
		return nil, unused
	}
	return bound, err
}

// queryIn binds a query in a scope that is empty but for its common tables.
func (b *binder) queryIn(q *ast.Query, s *scope) (*boundQuery, error) {
	var bound *boundQuery
	var err error
	switch body := q.Body.(type) {
	case *ast.Select:
		bound, err = b.selectQuery(body, q.OrderBy, q.Locking, s)
	case *ast.TableQuery:
		bound, err = b.selectQuery(tableSelect(body), q.OrderBy, q.Locking, s)
	default:
		if err := refuseLockingBody(body, q.Locking); err != nil {
			return nil, err
		}
		if bound, err = b.body(body, s); err == nil {
			bound, err = b.orderOutput(bound, q.OrderBy)
		}
	}
	if err != nil {
		return nil, err
	}
	if bound.unlimited && q.Limit == nil {
		return nil, notSupported(q.OrderBy[0].Pos(), "ORDER BY without LIMIT is not supported in a result that is kept up to date").
			WithHint("Order the rows where they are read: SELECT … ORDER BY without EMIT CHANGES.")
	}
	return b.limit(bound, q, s)
}

// body binds a query without its ORDER BY and LIMIT.
func (b *binder) body(body ast.QueryBody, s *scope) (*boundQuery, error) {
	switch body := body.(type) {
	case *ast.Select:
		return b.selectQuery(body, nil, nil, s)
	case *ast.Values:
		return b.values(body, s)
	case *ast.TableQuery:
		return b.selectQuery(tableSelect(body), nil, nil, s)
	case *ast.SetOperation:
		return b.setOperation(body, s)
	case *ast.Query:
		return b.nested(body, s)
	default:
		return nil, notSupported(body.Pos(), "this query is not supported")
	}
}

// nested binds a query in parentheses, which sees the same names outside.
func (b *binder) nested(q *ast.Query, s *scope) (*boundQuery, error) {
	if q.Emit != nil {
		return nil, notSupported(q.Emit.Pos(), "EMIT is not allowed in a subquery")
	}
	inner := &scope{parent: s.parent, depth: s.depth}
	var err error
	if inner.with, err = b.withClause(q.With, s.with, s.parent); err != nil {
		return nil, err
	}
	return b.queryIn(q, inner)
}

// tableSelect is the SELECT that TABLE t stands for.
func tableSelect(q *ast.TableQuery) *ast.Select {
	star := &ast.Target{Span: q.Span, Expr: &ast.Star{Span: q.Span}}
	return &ast.Select{Span: q.Span, Targets: []*ast.Target{star}, From: []ast.TableExpr{q.Table}}
}

// limit adds LIMIT and OFFSET.
func (b *binder) limit(bound *boundQuery, q *ast.Query, s *scope) (*boundQuery, error) {
	if q.Limit == nil && q.Offset == nil {
		return bound, nil
	}
	var count, offset expr.Expr
	var err error
	if q.Limit != nil {
		if q.Limit.WithTies {
			return nil, notSupported(q.Limit.Pos(), "FETCH FIRST … WITH TIES is not supported")
		}
		if count, err = b.rowCount(q.Limit.Count, "LIMIT", s); err != nil {
			return nil, err
		}
	}
	if q.Offset != nil {
		if offset, err = b.rowCount(q.Offset, "OFFSET", s); err != nil {
			return nil, err
		}
	}
	if b.incremental() {
		return b.firstRows(bound, q, count, offset)
	}
	return &boundQuery{node: newLimit(bound.node, count, offset), visible: bound.visible}, nil
}

// firstRows is LIMIT and OFFSET behind ORDER BY in a result that is kept up to date.
func (b *binder) firstRows(bound *boundQuery, q *ast.Query, count, offset expr.Expr) (*boundQuery, error) {
	if len(bound.order) == 0 || q.Limit == nil {
		return nil, b.refuseLimit(q)
	}
	model := &plan.TopN{Order: bound.order}
	for _, bounded := range []struct {
		e  expr.Expr
		to *int64
	}{{count, &model.Count}, {offset, &model.Offset}} {
		if bounded.e == nil && bounded.to == &model.Offset {
			continue
		}
		value, ok := bounded.e.(*expr.Const)
		if !ok || !value.Value.Valid || value.Value.Int > maxFirstRows {
			return nil, notSupported(q.Limit.Pos(), "LIMIT and OFFSET of a result that is kept up to date must be constants up to %d", maxFirstRows)
		}
		*bounded.to = value.Value.Int
	}
	return &boundQuery{node: newTopN(bound.node, model), visible: bound.visible}, nil
}

// maxFirstRows bounds LIMIT and OFFSET of results that are kept up to date, whose
// first rows are read with each change.
const maxFirstRows = 10_000

func (b *binder) refuseLimit(q *ast.Query) error {
	var pos int
	if q.Limit != nil {
		pos = q.Limit.Pos()
	} else {
		pos = q.Offset.Pos()
	}
	err := notSupported(pos, "LIMIT without ORDER BY, and OFFSET without LIMIT, are not supported in a result that is kept up to date")
	if b.mode == modePush {
		return err.WithHint("LIMIT after EMIT CHANGES ends the query after that many rows.")
	}
	return err
}

// rowCount binds the argument of LIMIT or OFFSET: a bigint without columns.
func (b *binder) rowCount(e ast.Expr, clause string, s *scope) (expr.Expr, error) {
	if _, isNull := e.(*ast.NullLiteral); isNull {
		return nil, nil
	}
	outside := &scope{parent: s.parent, depth: s.depth}
	eb := &exprBinder{binder: b, scope: outside, clause: clause}
	count, err := eb.bind(e)
	if err != nil {
		return nil, err
	}
	given := count.Type()
	if count, err = b.coerce(count, types.Int8, expr.Assignment); err != nil {
		if failure := sqlerr.From(err); failure.Code == sqlerr.DatatypeMismatch {
			return nil, sqlerr.New(sqlerr.DatatypeMismatch, e.Pos(), "argument of %s must be type bigint, not type %s", clause, given.BaseName())
		}
		return nil, err
	}
	folded, err := expr.Fold(b.evalContext(), count)
	if err != nil {
		return nil, err
	}
	if value, ok := folded.(*expr.Const); ok && value.Value.Valid && value.Value.Int < 0 {
		if clause == "LIMIT" {
			return nil, sqlerr.New(sqlerr.InvalidRowCountInLimitClause, e.Pos(), "LIMIT must not be negative")
		}
		return nil, sqlerr.New(sqlerr.InvalidRowCountInResultOffset, e.Pos(), "OFFSET must not be negative")
	}
	return folded, nil
}

// coerceColumn gives column i of a bound query the type t, in the place where
// its expressions are where that is possible, so that literals and parameters
// without a type take it.
func (b *binder) coerceColumn(bound *boundQuery, i int, t types.Type, context expr.CastContext) error {
	node, err := b.coerceNode(bound.node, i, t, context)
	if err != nil {
		return err
	}
	bound.node = node
	return nil
}

func (b *binder) coerceNode(node plan.Node, i int, t types.Type, context expr.CastContext) (plan.Node, error) {
	if node.Columns()[i].Type.Equal(t) {
		return node, nil
	}
	switch n := node.(type) {
	case *plan.Project:
		exprs := append([]expr.Expr{}, n.Exprs...)
		coerced, err := b.coerce(exprs[i], t, context)
		if err != nil {
			return nil, err
		}
		exprs[i] = coerced
		return newProject(n.Input, exprs, columnNames(n)), nil
	case *plan.Values:
		return b.coerceValues(n, i, t, context)
	}
	if node.Columns()[i].Type.Kind == types.KindUnknown {
		if inner, err := b.coerceBelow(node, i, t, context); inner != nil || err != nil {
			return inner, err
		}
	}
	exprs := make([]expr.Expr, len(node.Columns()))
	for k, c := range node.Columns() {
		exprs[k] = columnOf(c, k)
	}
	coerced, err := b.coerce(exprs[i], t, context)
	if err != nil {
		return nil, err
	}
	exprs[i] = coerced
	return newProject(node, exprs, columnNames(node)), nil
}

// coerceBelow coerces a column of unknown type under nodes that pass it on; nil
// where the node is none of these.
func (b *binder) coerceBelow(node plan.Node, i int, t types.Type, context expr.CastContext) (plan.Node, error) {
	switch node.(type) {
	case *plan.Sort, *plan.Limit, *plan.Distinct, *plan.Filter, *plan.LockRows:
		input, err := b.coerceNode(node.Inputs()[0], i, t, context)
		if err != nil {
			return nil, err
		}
		return withInputs(node, []plan.Node{input}), nil
	case *plan.SetOperation:
		left, err := b.coerceNode(node.Inputs()[0], i, t, context)
		if err != nil {
			return nil, err
		}
		right, err := b.coerceNode(node.Inputs()[1], i, t, context)
		if err != nil {
			return nil, err
		}
		return withInputs(node, []plan.Node{left, right}), nil
	}
	return nil, nil
}

func (b *binder) coerceValues(v *plan.Values, i int, t types.Type, context expr.CastContext) (plan.Node, error) {
	rows := make([][]expr.Expr, len(v.Rows))
	for r, row := range v.Rows {
		rows[r] = append([]expr.Expr{}, row...)
		coerced, err := b.coerce(row[i], t, context)
		if err != nil {
			return nil, err
		}
		rows[r][i] = coerced
	}
	columns := append([]plan.Column{}, v.Cols...)
	columns[i].Type = t
	return newValues(rows, columns), nil
}

// settleColumns makes text of the columns that are still of unknown type.
func (b *binder) settleColumns(bound *boundQuery) error {
	for i, c := range bound.node.Columns() {
		if c.Type.Kind != types.KindUnknown {
			continue
		}
		if err := b.coerceColumn(bound, i, types.Text, expr.Implicit); err != nil {
			return err
		}
	}
	return nil
}

func columnNames(n plan.Node) []string {
	names := make([]string, len(n.Columns()))
	for i, c := range n.Columns() {
		names[i] = c.Name
	}
	return names
}
