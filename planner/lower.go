package planner

import (
	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// How subqueries in expressions are kept up to date.
//
// A subquery of an expression over the rows of a node becomes a join of that node
// with the subquery's rows, whose columns come behind the node's; the expression
// then reads a column. What the condition demands decides the join. With c the
// condition that compares the row with one of the subquery's (true for EXISTS):
//
//	EXISTS, x op ANY demanded       semi join on c
//	NOT EXISTS demanded             anti join on c
//	NOT (x op ANY) demanded         anti join on c IS NOT FALSE
//	any of them as a value          mark join on c; where NULL and false differ, a
//	                                second mark join on c IS NULL
//	(SELECT …) as a value           left join on what ties the subquery to the row,
//	                                and the check that it has one row at most
//	ARRAY (SELECT …)                left join with an aggregation
//
// x op ALL is the opposite of x with the opposite operator ANY. How a subquery that
// reads the row around it comes to read only its own is told in lift.go and
// dependent.go. A subquery of the row alone is no join: see rowsubquery.go.

// lowering replaces the subqueries of expressions over the rows of a node by
// columns of joins that it puts on the node. Columns of the node keep their
// numbers.
type lowering struct {
	*binder
	node plan.Node
}

// nullMeaning is what NULL means for a condition: where it is as good as false, or
// as true, less needs to be known.
type nullMeaning uint8

const (
	nullIsNull nullMeaning = iota
	nullIsFalse
	nullIsTrue
)

func (n nullMeaning) negated() nullMeaning {
	switch n {
	case nullIsFalse:
		return nullIsTrue
	case nullIsTrue:
		return nullIsFalse
	}
	return n
}

// lowerFilter keeps the rows of a node for which a condition holds.
func (b *binder) lowerFilter(node plan.Node, predicate expr.Expr) (plan.Node, error) {
	if !b.incremental() || !asksRelations(predicate) {
		return b.filterRows(node, predicate)
	}
	l := &lowering{binder: b, node: node}
	var conditions, demanded []expr.Expr
	for _, c := range split(predicate) {
		if demands(c) {
			demanded = append(demanded, c)
			continue
		}
		value, err := l.value(c, nullIsFalse)
		if err != nil {
			return nil, err
		}
		conditions = append(conditions, value)
	}
	if len(conditions) > 0 {
		var err error
		if l.node, err = b.filterRows(l.node, conjunction(conditions)); err != nil {
			return nil, err
		}
	}
	for _, c := range demanded {
		if err := l.demand(c); err != nil {
			return nil, err
		}
	}
	return l.node, nil
}

// expressions binds what is made of expressions that are bound already.
func (b *binder) expressions() *exprBinder { return &exprBinder{binder: b, scope: newScope(nil)} }

// withoutNots takes the NOTs off a condition.
func withoutNots(e expr.Expr) (operand expr.Expr, negated bool) {
	for not, ok := e.(*expr.Not); ok; not, ok = e.(*expr.Not) {
		e, negated = not.Arg, !negated
	}
	return e, negated
}

// demands reports whether a condition asks for rows of a subquery, or for there
// being none, and for nothing else.
func demands(e expr.Expr) bool {
	e, _ = withoutNots(e)
	sub, ok := e.(*expr.Subquery)
	return ok && !sub.OfRow && sub.Kind != expr.SubqueryScalar && sub.Kind != expr.SubqueryArray
}

// value replaces the subqueries of an expression.
func (l *lowering) value(e expr.Expr, null nullMeaning) (expr.Expr, error) {
	if !asksRelations(e) {
		return e, nil
	}
	switch e := e.(type) {
	case *expr.And, *expr.Or:
		return mapChildren(e, func(arg expr.Expr) (expr.Expr, error) { return l.value(arg, null) })
	case *expr.Not:
		arg, err := l.value(e.Arg, null.negated())
		return &expr.Not{Node: e.Node, Arg: arg}, err
	case *expr.Case:
		return l.caseValue(e, null)
	case *expr.Subquery:
		if !e.OfRow {
			return l.subqueryValue(e, null)
		}
	}
	return mapChildren(e, func(arg expr.Expr) (expr.Expr, error) { return l.value(arg, nullIsNull) })
}

func (l *lowering) caseValue(e *expr.Case, null nullMeaning) (expr.Expr, error) {
	c := *e
	c.When, c.Then = make([]expr.Expr, len(e.When)), make([]expr.Expr, len(e.Then))
	var err error
	for i := range e.When {
		if c.When[i], err = l.value(e.When[i], nullIsFalse); err != nil {
			return nil, err
		}
		if c.Then[i], err = l.value(e.Then[i], null); err != nil {
			return nil, err
		}
	}
	if e.Else != nil {
		c.Else, err = l.value(e.Else, null)
	}
	return &c, err
}

func (l *lowering) subqueryValue(e *expr.Subquery, null nullMeaning) (expr.Expr, error) {
	switch e.Kind {
	case expr.SubqueryScalar:
		return l.scalar(e)
	case expr.SubqueryArray:
		return l.array(e)
	case expr.SubqueryExists:
		return l.mark(e, anyRow)
	}
	compared, err := l.comparison(e)
	if err != nil {
		return nil, err
	}
	if compared.opposite {
		null = null.negated()
	}
	found, err := l.any(compared, null)
	if err == nil && e.Kind == expr.SubqueryAll {
		found = &expr.Not{Node: e.Node, Arg: found}
	}
	return found, err
}

// comparison is that of ANY or ALL, without subqueries in its operands.
func (l *lowering) comparison(e *expr.Subquery) (*comparison, error) {
	operands, err := mapChildren(e, func(e expr.Expr) (expr.Expr, error) { return l.value(e, nullIsNull) })
	if err != nil {
		return nil, err
	}
	sub := operands.(*expr.Subquery)
	return &comparison{exprBinder: l.expressions(), subquery: sub, left: sub.Left, opposite: e.Kind == expr.SubqueryAll}, nil
}

// any is x op ANY as a value.
func (l *lowering) any(c *comparison, null nullMeaning) (expr.Expr, error) {
	switch null {
	case nullIsFalse:
		return l.mark(c.subquery, c.holds)
	case nullIsTrue:
		return l.mark(c.subquery, c.isNotFalse(l))
	}
	found, err := l.mark(c.subquery, c.holds)
	if err != nil || c.sure(l) {
		return found, err
	}
	unknown, err := l.unknown(c)
	if err != nil {
		return nil, err
	}
	return &expr.Case{
		Node: boolAt(c.subquery.Pos()), When: []expr.Expr{found, unknown},
		Then: []expr.Expr{truth(true, c.subquery.Pos()), &expr.Const{Node: boolAt(c.subquery.Pos())}}, Else: truth(false, c.subquery.Pos()),
	}, nil
}

// unknown is whether x op ANY, where it is not true, is NULL: some comparison is.
// Where that is so just if either operand is NULL, no pair of rows is compared.
func (l *lowering) unknown(c *comparison) (expr.Expr, error) {
	if c.subquery.On != nil || !c.subquery.Func.Strict {
		return l.mark(c.subquery, c.isNull)
	}
	var either []expr.Expr
	if !c.sureRight(l) {
		null, err := l.mark(c.subquery, c.rightIsNull)
		if err != nil {
			return nil, err
		}
		either = append(either, null)
	}
	if !neverNull(l.node, c.left) {
		some, err := l.mark(c.subquery, anyRow)
		if err != nil {
			return nil, err
		}
		isNull := &expr.IsNull{Node: boolAt(c.subquery.Pos()), Arg: c.left}
		either = append(either, conjunction([]expr.Expr{isNull, some}))
	}
	return disjunction(either), nil
}

// demand keeps the rows for which a condition on a subquery holds.
func (l *lowering) demand(e expr.Expr) error {
	e, negated := withoutNots(e)
	sub := e.(*expr.Subquery)
	if sub.Kind == expr.SubqueryExists {
		return l.keep(sub, negated, anyRow)
	}
	c, err := l.comparison(sub)
	if err != nil {
		return err
	}
	if negated == c.opposite {
		return l.keep(sub, false, c.holds)
	}
	if c.sure(l) || !c.isEquality() {
		return l.keep(sub, true, c.isNotFalse(l))
	}
	// By hash, and then by the NULLs alone.
	if err := l.keep(sub, true, c.holds); err != nil {
		return err
	}
	if !c.sureRight(l) {
		if err := l.keep(sub, true, c.rightIsNull); err != nil {
			return err
		}
	}
	if neverNull(l.node, c.left) {
		return nil
	}
	return l.keep(sub, true, c.leftIsNull)
}

// outside is an expression of a subquery, over its rows and the row around it, as
// one over a joined row in which the subquery's columns begin at width.
func (l *lowering) outside(e expr.Expr, width int) expr.Expr {
	if e == nil {
		return nil
	}
	// Moving columns cannot fail.
	out, _ := expr.Rewrite(e, func(e expr.Expr) (expr.Expr, error) {
		switch e := e.(type) {
		case *expr.Outer:
			if e.Level == 1 {
				return &expr.Column{Node: e.Node, Index: e.Index, Name: e.Name}, nil
			}
			nearer := *e
			nearer.Level--
			return &nearer, nil
		case *expr.Column:
			moved := *e
			moved.Index += width
			return &moved, nil
		case *expr.Subquery:
			return l.moveSubquery(e, 1, func(level, index int) (int, int, error) {
				if level == 1 {
					index += width
				}
				return level, index, nil
			})
		}
		return e, nil
	})
	return out
}

// embed makes a subquery's plan, which does not read the row around it, a part of
// the plan around.
func (l *lowering) embed(node plan.Node) (plan.Node, error) {
	return l.moveOuter(node, 2, func(level, index int) (int, int, error) { return level - 1, index, nil })
}

// orTrue is a condition that holds where there is none.
func orTrue(e expr.Expr) expr.Expr {
	if e == nil {
		return truth(true, -1)
	}
	return e
}

func truth(value bool, pos int) expr.Expr {
	return &expr.Const{Node: boolAt(pos), Value: types.BoolDatum(value)}
}

// isTruth is e IS [NOT] TRUE or FALSE.
func isTruth(e expr.Expr, value, is bool) expr.Expr {
	return &expr.IsDistinct{Node: boolAt(e.Pos()), Left: e, Right: truth(value, e.Pos()), Negated: is}
}
