package planner

import (
	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// How set operations are kept up to date: the rows of both sides go together, and
// what depends on how often a row is on either side is an aggregation of them.

// keptSetOperation is a set operation whose result is kept up to date.
func (b *binder) keptSetOperation(op plan.SetOp, all bool, left, right plan.Node) (plan.Node, error) {
	if op == plan.Union {
		both := newSetOperation(plan.Union, true, left, right)
		if all {
			return both, nil
		}
		return groupsOf(both, len(left.Columns())), nil
	}
	width := len(left.Columns())
	both := newSetOperation(plan.Union, true, withSides(left, true), withSides(right, false))
	eb := &exprBinder{binder: b, scope: newScope(nil)}
	counted, err := eb.countSides(both, width)
	if err != nil {
		return nil, err
	}
	onLeft, onRight := columnOf(counted.Columns()[width], width), columnOf(counted.Columns()[width+1], width+1)
	if all {
		times, err := eb.timesGiven(op, onLeft, onRight)
		if err != nil {
			return nil, err
		}
		return passColumns(newRepeat(counted, times), upTo(width)), nil
	}
	onRightToo := ">"
	if op == plan.Except {
		onRightToo = "="
	}
	isLeft, err := eb.operator(">", onLeft, bigint(0), -1)
	if err != nil {
		return nil, err
	}
	isRight, err := eb.operator(onRightToo, onRight, bigint(0), -1)
	if err != nil {
		return nil, err
	}
	return passColumns(newFilter(counted, conjunction([]expr.Expr{isLeft, isRight})), upTo(width)), nil
}

// timesGiven is how often INTERSECT ALL and EXCEPT ALL give a row, at most 0 for
// never.
func (b *exprBinder) timesGiven(op plan.SetOp, onLeft, onRight expr.Expr) (expr.Expr, error) {
	rest, err := b.operator("-", onLeft, onRight, -1)
	if err != nil || op == plan.Except {
		return rest, err
	}
	fewer, err := b.operator("<", onLeft, onRight, -1)
	if err != nil {
		return nil, err
	}
	return &expr.Case{Node: expr.Node{ResultType: types.Int8, Position: -1}, When: []expr.Expr{fewer}, Then: []expr.Expr{onLeft}, Else: onRight}, nil
}

// groupsOf are the distinct rows of a node.
func groupsOf(node plan.Node, width int) plan.Node {
	return newAggregate(node, plan.AggregateComplete, firstColumns(node, width), nil, columnNames(node))
}

// withSides adds two columns to the rows of one side: one that is NULL on the
// right and one that is NULL on the left.
func withSides(node plan.Node, left bool) plan.Node {
	exprs, names := passOn(node)
	null := &expr.Const{Node: expr.Node{ResultType: types.Int8, Position: -1}, Value: types.Null}
	if left {
		exprs = append(exprs, bigint(1), null)
	} else {
		exprs = append(exprs, null, bigint(1))
	}
	return newProject(node, exprs, append(names, "on_left", "on_right"))
}

func bigint(n int64) expr.Expr {
	return &expr.Const{Node: expr.Node{ResultType: types.Int8, Position: -1}, Value: types.IntDatum(n)}
}

// countSides groups rows by their first columns and counts those of either side.
func (b *exprBinder) countSides(node plan.Node, width int) (plan.Node, error) {
	calls := make([]plan.AggregateCall, 2)
	for i := range calls {
		calls[i].Pos = -1
		if err := b.resolveAggregate(&calls[i], "count", []expr.Expr{columnOf(node.Columns()[width+i], width+i)}); err != nil {
			return nil, err
		}
	}
	return newAggregate(node, plan.AggregateComplete, firstColumns(node, width), calls, columnNames(node)), nil
}
