package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// hashJoins takes equalities between the two sides out of joins' conditions.
func hashJoins(r *ruleContext, root plan.Node) (plan.Node, error) {
	return rewriteNodes(root, func(node plan.Node) (plan.Node, error) {
		j, ok := node.(*plan.Join)
		if !ok || j.On == nil {
			return node, nil
		}
		if j.Lateral {
			if isTrue(j.On) {
				return joinLike(j, j.Left, j.Right, nil, nil, nil), nil
			}
			return node, nil
		}
		leftKeys, rightKeys := slices.Clone(j.LeftKeys), slices.Clone(j.RightKeys)
		width := len(j.Left.Columns())
		var rest []expr.Expr
		for _, c := range split(j.On) {
			if isTrue(c) {
				continue
			}
			left, right := r.hashKey(c, width)
			if left == nil {
				rest = append(rest, c)
				continue
			}
			leftKeys, rightKeys = append(leftKeys, left), append(rightKeys, shiftColumns(right, -width))
		}
		return joinLike(j, j.Left, j.Right, leftKeys, rightKeys, conjunction(rest)), nil
	})
}

// hashKey returns the two sides of an equality between one expression of the
// left input and one of the right, of one type; nil where it is none. Where NULLs
// are equal to each other the sides are structs of one field, which are not NULL.
func (r *ruleContext) hashKey(e expr.Expr, width int) (left, right expr.Expr) {
	if hasSubquery(e) || isVolatile(e) {
		return nil, nil
	}
	var a, b expr.Expr
	switch e := e.(type) {
	case *expr.Call:
		if e.Func.Name == "=" && len(e.Args) == 2 {
			a, b = sameType(e.Args[0], e.Args[1])
		}
	case *expr.IsDistinct:
		if e.Negated {
			a, b = sameType(e.Left, e.Right)
		}
		if a != nil {
			a, b = orNull(a), orNull(b)
		}
	}
	if a == nil {
		return nil, nil
	}
	aLeft, aRight := r.sides(a, width)
	bLeft, bRight := r.sides(b, width)
	switch {
	case aLeft && !aRight && bRight && !bLeft:
		return a, b
	case aRight && !aLeft && bLeft && !bRight:
		return b, a
	default:
		return nil, nil
	}
}

// sameType returns two compared values as values of one type whose equality is
// that of their keys; nil where there is none. Integers of different widths
// become bigint.
func sameType(a, b expr.Expr) (expr.Expr, expr.Expr) {
	left, right := a.Type(), b.Type()
	switch {
	case left.Kind == types.KindBpchar || right.Kind == types.KindBpchar:
		return nil, nil
	case left.SameKind(right):
		return a, b
	case intWidth(left) > 0 && intWidth(right) > 0:
		return asBigint(a), asBigint(b)
	default:
		return nil, nil
	}
}

// orNull is a struct of one value, whose key tells NULL from other values.
func orNull(e expr.Expr) expr.Expr {
	t := types.StructOf([]types.Field{{Name: "value", Type: e.Type()}})
	return &expr.StructConstructor{Node: expr.Node{ResultType: t, Position: e.Pos()}, Fields: []expr.Expr{e}}
}

func asBigint(e expr.Expr) expr.Expr {
	if e.Type().Kind == types.KindInt8 {
		return e
	}
	return &expr.Cast{Node: expr.Node{ResultType: types.Int8, Position: e.Pos()}, Arg: e}
}
