package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// How subqueries in WHERE are kept up to date.
//
// EXISTS, IN and comparisons with ANY and ALL that WHERE demands, or demands the
// opposite of, are semi and anti joins. A condition c of theirs is demanded to hold
// for some row of the subquery, or for none:
//
//	EXISTS, x op ANY            semi join on c
//	NOT EXISTS                  anti join on c
//	NOT (x op ANY), x NOT IN    anti join on c IS NOT FALSE
//	x op ALL                    anti join on c IS NOT TRUE
//	NOT (x op ALL)              semi join on c IS FALSE
//
// A scalar subquery that is an aggregation without GROUP BY always has one row, and
// is a join with that row.
//
// The conditions in the WHERE of a subquery that read the row outside become part
// of the join's; a subquery that reads it elsewhere is refused.

// keptWhere is a WHERE whose subqueries become joins.
type keptWhere struct {
	*selectBinder
	// conditions are those without such subqueries, and joins are put on top of
	// them.
	conditions []expr.Expr
	joins      []semiJoin
}

// semiJoin is a semi or anti join that is still to be made. On sees the row that
// WHERE is about as the one outside, and right's as its own.
type semiJoin struct {
	kind  plan.JoinKind
	right plan.Node
	on    expr.Expr
}

// bindKeptWhere binds the WHERE of a block whose result is kept up to date.
func (sb *selectBinder) bindKeptWhere() error {
	w := &keptWhere{selectBinder: sb}
	if err := w.demand(sb.ast.Where, "WHERE"); err != nil {
		return err
	}
	if len(w.conditions) > 0 {
		var err error
		if sb.node, err = sb.filterRows(sb.node, conjunction(w.conditions)); err != nil {
			return err
		}
	}
	for i := range w.joins {
		if err := sb.addSemiJoin(&w.joins[i]); err != nil {
			return err
		}
	}
	return nil
}

// clause is the binder of a condition of the WHERE.
func (w *keptWhere) clause() *exprBinder {
	eb := w.selectBinder.clause("WHERE", nil)
	eb.kept = w
	return eb
}

// demand takes a condition that must be true; what names it in errors.
func (w *keptWhere) demand(e ast.Expr, what string) error {
	if and, ok := e.(*ast.Logical); ok && and.Kind == ast.And {
		for _, operand := range and.Operands {
			if err := w.demand(operand, "AND"); err != nil {
				return err
			}
		}
		return nil
	}
	inner, negated := e, false
	for not, ok := inner.(*ast.Not); ok; not, ok = inner.(*ast.Not) {
		inner, negated = not.Operand, !negated
	}
	switch q := inner.(type) {
	case *ast.Exists:
		return w.exists(q, negated)
	case *ast.InQuery:
		return w.compared(q.Operand, "=", q.Query, false, negated != q.Negated, q.Pos())
	case *ast.Quantified:
		if q.Query != nil {
			return w.compared(q.Left, q.Operator.Symbol, q.Query, q.All, negated, q.Pos())
		}
	}
	condition, err := w.clause().bindBool(e, what)
	if err == nil {
		w.conditions = append(w.conditions, condition)
	}
	return err
}

func (w *keptWhere) exists(e *ast.Exists, negated bool) error {
	bound, err := w.inside(e.Query)
	if err != nil {
		return err
	}
	kind := plan.JoinSemi
	if negated {
		kind = plan.JoinAnti
	}
	right, _, lifted := lift(bound)
	return w.join(kind, right, conjunction(lifted), e.Pos())
}

// compared is operand symbol ANY | ALL (query), or its opposite.
func (w *keptWhere) compared(operand ast.Expr, symbol string, q *ast.Query, all, negated bool, pos int) error {
	if _, isRow := operand.(*ast.Row); isRow {
		return notSupported(operand.Pos(), "comparing a row with a subquery is not supported")
	}
	eb := w.clause()
	left, err := eb.bind(operand)
	if err != nil {
		return err
	}
	bound, err := w.inside(q)
	if err != nil {
		return err
	}
	if bound.visible != 1 {
		return sqlerr.New(sqlerr.SyntaxError, pos, "subquery has too many columns")
	}
	if err := w.settleColumns(bound); err != nil {
		return err
	}
	right, outputs, lifted := lift(bound)
	outside, err := w.fromInside(left)
	if err != nil {
		return err
	}
	on, err := eb.operator(symbol, outside, outputs[0], pos)
	if err != nil {
		return err
	}
	if on.Type().Kind != types.KindBool {
		return sqlerr.New(sqlerr.WrongObjectType, pos, "op ANY/ALL (array) requires operator to yield boolean")
	}
	sure := neverNull(w.node, left) && neverNull(right, outputs[0])
	kind := plan.JoinAnti
	switch {
	case all == negated:
		kind = plan.JoinSemi
		if all {
			on = isTruth(on, false, true)
		}
	case all:
		on = isTruth(on, true, false)
	case !sure:
		on = isTruth(on, false, false)
	}
	return w.join(kind, right, conjunction(append(lifted, on)), pos)
}

// isTruth is e IS [NOT] TRUE or FALSE.
func isTruth(e expr.Expr, truth, is bool) expr.Expr {
	value := &expr.Const{Node: boolAt(e.Pos()), Value: types.BoolDatum(truth)}
	return &expr.IsDistinct{Node: boolAt(e.Pos()), Left: e, Right: value, Negated: is}
}

// inside binds a subquery.
func (w *keptWhere) inside(q *ast.Query) (*boundQuery, error) {
	if q.Emit != nil {
		return nil, notSupported(q.Emit.Pos(), "EMIT is not allowed in a subquery")
	}
	return w.query(q, w.scope, w.scope.with)
}

func (w *keptWhere) join(kind plan.JoinKind, right plan.Node, on expr.Expr, pos int) error {
	if readsOutside(right) {
		return w.refuseOutside(pos)
	}
	w.joins = append(w.joins, semiJoin{kind, right, on})
	return nil
}

func (w *keptWhere) refuseOutside(pos int) error {
	return notSupported(pos, "a subquery that refers to the row outside other than in conditions of its own WHERE is not supported in a result that is kept up to date").
		WithHint("Join with the subquery: aggregate it by the columns that the condition compares.")
}

// scalar makes a column of the only row of a subquery.
func (w *keptWhere) scalar(q *ast.Query, pos int) (expr.Expr, error) {
	bound, err := w.inside(q)
	if err != nil {
		return nil, err
	}
	if bound.visible != 1 {
		return nil, sqlerr.New(sqlerr.SyntaxError, pos, "subquery must return only one column")
	}
	if err := w.settleColumns(bound); err != nil {
		return nil, err
	}
	if readsOutside(bound.node) {
		return nil, w.refuseOutside(pos)
	}
	if !hasOneRow(bound.node) {
		return nil, notSupported(pos, "a subquery as a value that may have several rows, or none, is not supported in a result that is kept up to date").
			WithHint("An aggregate without GROUP BY has one row: (SELECT max(…) FROM …).")
	}
	width := len(w.node.Columns())
	if w.node, err = w.joinNode(plan.JoinInner, w.node, bound.node, nil, false, pos); err != nil {
		return nil, err
	}
	value := columnOf(w.node.Columns()[width], width)
	value.Position = pos
	return value, nil
}

// hasOneRow reports whether a node always gives one row.
func hasOneRow(node plan.Node) bool {
	switch n := node.(type) {
	case *plan.Project:
		return hasOneRow(n.Input)
	case *plan.Aggregate:
		return len(n.GroupBy) == 0 && n.Properties.Kind == plan.Keyed
	default:
		return false
	}
}

// addSemiJoin puts a semi or anti join on top of the block. Rows of a stream meet
// those of a table as they are when the stream's row is processed.
func (sb *selectBinder) addSemiJoin(s *semiJoin) error {
	width := len(sb.node.Columns())
	var on expr.Expr
	if s.on != nil {
		var err error
		on, err = expr.Rewrite(s.on, func(e expr.Expr) (expr.Expr, error) {
			switch e := e.(type) {
			case *expr.Outer:
				if e.Level > 1 {
					return nil, notSupported(e.Position, "a subquery that refers to a row further outside is not supported in a result that is kept up to date")
				}
				return &expr.Column{Node: e.Node, Index: e.Index, Name: e.Name}, nil
			case *expr.Column:
				moved := *e
				moved.Index += width
				return &moved, nil
			}
			return e, nil
		})
		if err != nil {
			return err
		}
	}
	lookup := sb.node.Props().Kind == plan.AppendOnly && s.right.Props().Kind != plan.AppendOnly
	sb.node = joinLike(&plan.Join{Kind: s.kind, Lookup: lookup}, sb.node, s.right, nil, nil, on)
	return nil
}

// lift takes off a query what depends on the row outside: it returns the query's
// rows before that, its visible columns over them, and the conditions on them that
// read the row outside.
func lift(bound *boundQuery) (node plan.Node, outputs, lifted []expr.Expr) {
	node = bound.node
	outputs = firstColumns(node, bound.visible)
	var kept []expr.Expr
	for {
		switch n := node.(type) {
		case *plan.Filter:
			// What stands further below comes first: it may guard the rest.
			above := kept
			kept = nil
			for _, c := range split(n.Predicate) {
				if hasOuter(c) {
					lifted = append(lifted, c)
				} else {
					kept = append(kept, c)
				}
			}
			kept, node = append(kept, above...), n.Input
			continue
		case *plan.Project:
			if !slices.ContainsFunc(n.Exprs, isVolatile) {
				outputs, kept, lifted = overInput(outputs, n.Exprs), overInput(kept, n.Exprs), overInput(lifted, n.Exprs)
				node = n.Input
				continue
			}
		}
		return filtered(node, kept), outputs, lifted
	}
}

// overInput replaces columns by what they are computed from.
func overInput(list, columns []expr.Expr) []expr.Expr {
	out := make([]expr.Expr, len(list))
	for i, e := range list {
		// Replacing columns cannot fail.
		out[i], _ = expr.Rewrite(e, func(e expr.Expr) (expr.Expr, error) {
			if c, ok := e.(*expr.Column); ok {
				return columns[c.Index], nil
			}
			return e, nil
		})
	}
	return out
}

// readsOutside reports whether a plan refers to a row around it.
func readsOutside(node plan.Node) bool {
	return slices.ContainsFunc(nodeExprs(node), hasOuter) || slices.ContainsFunc(node.Inputs(), readsOutside)
}

// neverNull reports whether an expression over the rows of a node is surely not
// NULL: a column of a primary key, or one that a condition says so of.
func neverNull(node plan.Node, e expr.Expr) bool {
	column, ok := e.(*expr.Column)
	if !ok {
		constant, isConst := e.(*expr.Const)
		return isConst && constant.Value.Valid
	}
	switch n := node.(type) {
	case *plan.Scan:
		number := n.Fetch[column.Index]
		return number >= 0 && hasPrimaryKey(n.Relation) && n.Relation.IsKey(number)
	case *plan.Filter:
		for _, c := range split(n.Predicate) {
			if test, ok := c.(*expr.IsNull); ok && test.Negated && equalExprs(test.Arg, e) {
				return true
			}
		}
		return neverNull(n.Input, e)
	case *plan.Project:
		return neverNull(n.Input, n.Exprs[column.Index])
	case *plan.Aggregate:
		return column.Index < len(n.GroupBy) && neverNull(n.Input, n.GroupBy[column.Index])
	case *plan.Join:
		width := len(n.Left.Columns())
		switch {
		case column.Index < width:
			return n.Kind != plan.JoinRight && n.Kind != plan.JoinFull && neverNull(n.Left, e)
		default:
			return (n.Kind == plan.JoinInner || n.Kind == plan.JoinRight) && neverNull(n.Right, shiftColumns(e, -width))
		}
	default:
		return false
	}
}
