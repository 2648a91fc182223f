package planner

import (
	"millrace/planner/plan"
	"millrace/sql/expr"
)

// pruneExpand gives of the input's columns those that are needed. Those of the
// functions stay: together they say how many rows there are.
func (r *ruleContext) pruneExpand(n *plan.Expand, needed columnSet) (plan.Node, []int, error) {
	width := len(n.Pass)
	r.need(needed, present(n.On))
	below := newColumnSet(len(n.Input.Columns()))
	for i, column := range n.Pass {
		below[column] = below[column] || needed[i]
	}
	for _, call := range n.Calls {
		r.need(below, call.Args)
	}
	input, inputAt, err := r.prune(n.Input, below)
	if err != nil {
		return nil, nil, err
	}
	pass, at := chosen(n.Pass, needed[:width])
	for i := range pass {
		pass[i] = inputAt[pass[i]]
	}
	for i := range len(n.Cols) - width {
		at = append(at, len(pass)+i)
	}
	model := *n
	if model.Calls, err = r.moved(inputAt).setCalls(n.Calls); err != nil {
		return nil, nil, err
	}
	if model.On, err = r.moved(at).one(n.On); err != nil {
		return nil, nil, err
	}
	return newExpand(input, pass, &model), at, nil
}

// pushExpand moves conditions that only read the input's columns below the
// functions.
func (r *ruleContext) pushExpand(n *plan.Expand, conditions []expr.Expr) (plan.Node, error) {
	width := len(n.Pass)
	var below, above []expr.Expr
	for _, c := range conditions {
		_, readsSets := r.sides(c, width)
		if readsSets || isVolatile(c) {
			above = append(above, c)
			continue
		}
		moved, err := r.moveColumns(c, func(index int) (int, error) { return n.Pass[index], nil })
		if err != nil {
			return nil, err
		}
		below = append(below, moved)
	}
	input, err := r.push(n.Input, below)
	if err != nil {
		return nil, err
	}
	return filtered(newExpand(input, n.Pass, n), above), nil
}
