package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// asOfJoin binds ASOF JOIN, whose condition is any number of equalities and one
// inequality, each between something of the left side and something of the right.
func (b *binder) asOfJoin(j *ast.Join, left, right *fromItem, both *scope, lateral bool) (*fromItem, error) {
	kind := joinKinds[j.Kind]
	switch {
	case kind != plan.JoinInner && kind != plan.JoinLeft:
		return nil, notSupported(j.Right.Pos(), "only the inner and the left ASOF JOIN are supported").
			WithHint("Each row of the left side meets one of the right; LEFT keeps those that meet none.")
	case lateral:
		return nil, notSupported(j.Right.Pos(), "LATERAL is not supported behind ASOF JOIN")
	case j.Within != nil:
		return nil, notSupported(j.Within.Pos(), "WITHIN is not supported behind ASOF JOIN")
	case j.On == nil:
		return nil, notSupported(j.Right.Pos(), "USING and NATURAL are not supported for ASOF JOIN").
			WithHint("Write ON a.k = b.k AND a.t >= b.t.")
	}
	eb := &exprBinder{binder: b, scope: both, clause: "JOIN conditions"}
	on, err := eb.bindBool(j.On, "JOIN/ON")
	if err != nil {
		return nil, err
	}
	model := &plan.Join{Kind: kind}
	leftKeys, rightKeys, err := b.asOfConditions(model, split(on), len(left.node.Columns()), j.On.Pos())
	if err != nil {
		return nil, err
	}
	model.AsOf.Ties = ties(right, append(slices.Clip(rightKeys), model.AsOf.Right))
	return &fromItem{node: joinLike(model, left.node, right.node, leftKeys, rightKeys, nil), scope: both}, nil
}

// asOfConditions takes the parts of an ASOF JOIN's condition: the inequality goes
// into model.AsOf, the two sides of the equalities are returned.
func (b *binder) asOfConditions(model *plan.Join, conditions []expr.Expr, width, pos int) (leftKeys, rightKeys []expr.Expr, err error) {
	r := &ruleContext{binder: b}
	for _, c := range conditions {
		op, left, right := r.comparedSides(c, width)
		switch {
		case op == "":
			return nil, nil, notSupported(c.Pos(), "the condition of ASOF JOIN must be equalities and one inequality between its two sides").
				WithHint("A condition on one side goes into a subquery, one on the joined row into WHERE.")
		case left == nil:
			return nil, nil, notSupported(c.Pos(), "ASOF JOIN cannot compare values of these types").WithHint("Cast both to one type.")
		case op == "=":
			leftKeys, rightKeys = append(leftKeys, left), append(rightKeys, right)
		case model.AsOf != nil:
			return nil, nil, sqlerr.New(sqlerr.SyntaxError, c.Pos(), "ASOF JOIN needs exactly one inequality, but its condition has several")
		default:
			model.AsOf = &plan.AsOf{Op: op, Left: left, Right: right}
		}
	}
	if model.AsOf == nil {
		return nil, nil, sqlerr.New(sqlerr.SyntaxError, pos, "ASOF JOIN needs exactly one inequality, but its condition has none").
			WithHint("ON a.k = b.k AND a.t >= b.t gives each row of a the newest row of b up to a.t.")
	}
	return leftKeys, rightKeys, nil
}

// comparedSides takes apart a comparison of something of the left side, which has
// width columns, with something of the right: the operator as if the left side's
// stood first, "" where the condition is no such comparison, and the two in one
// type, each over its own side's row; nil where there is no such type.
func (r *ruleContext) comparedSides(e expr.Expr, width int) (op string, left, right expr.Expr) {
	call, ok := e.(*expr.Call)
	if !ok || len(call.Args) != 2 || mirrored[call.Func.Name] == "" || hasSubquery(e) || isVolatile(e) {
		return "", nil, nil
	}
	op, left, right = call.Func.Name, call.Args[0], call.Args[1]
	if readsLeft, _ := r.sides(left, width); !readsLeft {
		op, left, right = mirrored[op], right, left
	}
	leftOfLeft, rightOfLeft := r.sides(left, width)
	leftOfRight, rightOfRight := r.sides(right, width)
	if !leftOfLeft || rightOfLeft || leftOfRight || !rightOfRight {
		return "", nil, nil
	}
	if left, right = commonlyTyped(left, right); left == nil {
		return op, nil, nil
	}
	return op, left, shiftColumns(right, -width)
}

// commonlyTyped returns two compared values in one type in which their keys compare
// as they do; nil where there is none.
func commonlyTyped(a, b expr.Expr) (expr.Expr, expr.Expr) {
	if left, right := sameType(a, b); left != nil {
		return left, right
	}
	if a.Type().Kind == types.KindBpchar || b.Type().Kind == types.KindBpchar {
		return nil, nil
	}
	common, err := expr.CommonType([]types.Type{a.Type(), b.Type()}, "JOIN/ON", a.Pos())
	if err != nil {
		return nil, nil
	}
	left, leftErr := expr.Coerce(a, common, expr.Implicit)
	right, rightErr := expr.Coerce(b, common, expr.Implicit)
	if leftErr != nil || rightErr != nil {
		return nil, nil
	}
	return left, right
}

// ties returns what puts the rows of an item that are equal in the given expressions in
// an order: its visible columns, but for those that are equal too; nothing where there
// are no such rows.
func ties(item *fromItem, equal []expr.Expr) []expr.Expr {
	columns := make([]int, len(equal))
	for i, e := range equal {
		columns[i] = columnBelow(e)
	}
	if key := item.node.Props().Key; key != nil && containsAll(columns, key) {
		return nil
	}
	var list []expr.Expr
	for _, c := range item.scope.columns {
		if column := columnBelow(c.value); c.starred && (column < 0 || !slices.Contains(columns, column)) {
			list = append(list, c.value)
		}
	}
	return list
}

// pushAsOf restricts an as-of join. Conditions on left rows come before it; others
// stay above: without a right row the left one would meet the next.
func (r *ruleContext) pushAsOf(j *plan.Join, conditions []expr.Expr) (plan.Node, error) {
	width := len(j.Left.Columns())
	var below, above []expr.Expr
	for _, c := range conditions {
		if _, readsRight := r.sides(c, width); readsRight || isVolatile(c) {
			above = append(above, c)
		} else {
			below = append(below, c)
		}
	}
	left, err := r.push(j.Left, below)
	if err != nil {
		return nil, err
	}
	right, err := r.push(j.Right, nil)
	if err != nil {
		return nil, err
	}
	return filtered(joinLike(j, left, right, j.LeftKeys, j.RightKeys, nil), above), nil
}

// asOf rewrites what an as-of join, which may be nil, says about its left side by f
// and about its right side by right.
func (f exprMap) asOf(a *plan.AsOf, right exprMap) (*plan.AsOf, error) {
	if a == nil {
		return nil, nil
	}
	c := *a
	var err error
	if c.Left, err = f(a.Left); err != nil {
		return nil, err
	}
	if c.Right, err = right(a.Right); err != nil {
		return nil, err
	}
	if c.Ties, err = right.all(a.Ties); err != nil {
		return nil, err
	}
	c.Gone, err = right.one(a.Gone)
	return &c, err
}
