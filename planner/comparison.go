package planner

import (
	"millrace/sql/expr"
)

// matchCondition is a condition on a row of a subquery and the row around it, nil
// for none.
type matchCondition func(inside *lifted) (expr.Expr, error)

func anyRow(*lifted) (expr.Expr, error) { return nil, nil }

// comparison is the condition of x op ANY (subquery); of ALL with the opposite
// operator.
type comparison struct {
	*exprBinder
	// subquery has the operands over the row around, of which left is the only one.
	subquery *expr.Subquery
	left     expr.Expr
	opposite bool
}

// opposites are the operators that are true where others are false.
var opposites = map[string]string{"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}

// symbol is the comparison's operator, "" where that has no name.
func (c *comparison) symbol() string {
	if c.subquery.On != nil {
		return ""
	}
	if c.opposite {
		return opposites[c.subquery.Func.Name]
	}
	return c.subquery.Func.Name
}

func (c *comparison) isEquality() bool { return c.symbol() == "=" }

// holds is the comparison itself.
func (c *comparison) holds(inside *lifted) (expr.Expr, error) {
	pos := c.subquery.Pos()
	if c.subquery.On != nil {
		fields, err := exprMap(c.fromInside).all(c.subquery.Fields)
		if err != nil {
			return nil, err
		}
		row := append(fields, inside.outputs...)
		on := overInput([]expr.Expr{c.subquery.On}, row)[0]
		if c.opposite {
			on = &expr.Not{Node: boolAt(pos), Arg: on}
		}
		return on, nil
	}
	left, err := c.fromInside(c.left)
	if err != nil {
		return nil, err
	}
	if name := c.symbol(); name != "" {
		return c.operator(name, left, inside.outputs[0], pos)
	}
	return &expr.Not{Node: boolAt(pos), Arg: &expr.Call{Node: boolAt(pos), Func: c.subquery.Func, Args: []expr.Expr{left, inside.outputs[0]}}}, nil
}

func (c *comparison) isNull(inside *lifted) (expr.Expr, error) {
	holds, err := c.holds(inside)
	return &expr.IsNull{Node: boolAt(c.subquery.Pos()), Arg: holds}, err
}

// isNotFalse is the condition that the comparison may hold.
func (c *comparison) isNotFalse(l *lowering) matchCondition {
	if c.sure(l) {
		return c.holds
	}
	return func(inside *lifted) (expr.Expr, error) {
		holds, err := c.holds(inside)
		if err != nil {
			return nil, err
		}
		return isTruth(holds, false, false), nil
	}
}

func (c *comparison) rightIsNull(inside *lifted) (expr.Expr, error) {
	return &expr.IsNull{Node: boolAt(c.subquery.Pos()), Arg: inside.outputs[0]}, nil
}

func (c *comparison) leftIsNull(*lifted) (expr.Expr, error) {
	left, err := c.fromInside(c.left)
	return &expr.IsNull{Node: boolAt(c.subquery.Pos()), Arg: left}, err
}

// sure reports whether the comparison is never NULL.
func (c *comparison) sure(l *lowering) bool {
	return c.subquery.On == nil && c.subquery.Func.Strict && neverNull(l.node, c.left) && c.sureRight(l)
}

// sureRight reports whether the subquery never gives NULL.
func (c *comparison) sureRight(l *lowering) bool {
	q := l.subqueries[c.subquery.Number]
	return c.subquery.On == nil && neverNull(q.Root, columnOf(q.Root.Columns()[0], 0))
}
