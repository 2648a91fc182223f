package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/expr"
)

// newOver computes window functions over an input, like a model does.
func newOver(input plan.Node, model *plan.Over) *plan.Over {
	n := *model
	from := input.Props()
	n.Input, n.Cols = input, slices.Clone(input.Columns())
	for i := range n.Calls {
		n.Cols = append(n.Cols, plan.Column{Name: n.Calls[i].Name, Type: n.Calls[i].Type})
	}
	n.Properties = plan.Properties{Kind: plan.Bag, Partitioning: from.Partitioning, Partitions: from.Partitions}
	if from.Key != nil {
		n.Properties.Kind, n.Properties.Key = plan.Keyed, from.Key
	}
	return &n
}

// overExprs are the expressions of window functions over the input's row.
func overExprs(n *plan.Over) []expr.Expr {
	all := sortExprs(n.Order)
	for i := range n.Calls {
		all = append(append(all, n.Calls[i].Args...), present(n.Calls[i].Filter)...)
	}
	return all
}

// over copies window functions with other expressions.
func (f exprMap) over(n *plan.Over, input plan.Node) (plan.Node, error) {
	c := *n
	c.Input = input
	var err error
	if c.Order, err = f.sortKeys(n.Order); err != nil {
		return nil, err
	}
	c.Calls = slices.Clone(n.Calls)
	for i := range c.Calls {
		if c.Calls[i].Args, err = f.all(n.Calls[i].Args); err != nil {
			return nil, err
		}
		if c.Calls[i].Filter, err = f.one(n.Calls[i].Filter); err != nil {
			return nil, err
		}
	}
	return &c, nil
}

// shuffleOver makes the rows of each partition meet on one shard.
func (r *ruleContext) shuffleOver(n *plan.Over) plan.Node {
	from := n.Input.Props()
	if from.Partitions == 1 || from.Partitioning != nil && containsAll(n.PartitionBy, from.Partitioning) {
		return n
	}
	return newOver(moveKeyed(n.Input, n.PartitionBy, r.partitions), n)
}

// pruneOver leaves out calls that nobody needs, and the columns that then nobody reads.
func (r *ruleContext) pruneOver(n *plan.Over, needed columnSet) (plan.Node, []int, error) {
	width := len(n.Input.Columns())
	like := *n
	var calls []int
	like.Calls, calls = chosen(n.Calls, needed[width:])
	below := append(columnSet{}, needed[:width]...)
	if len(like.Calls) > 0 {
		for _, column := range n.PartitionBy {
			below[column] = true
		}
		r.need(below, overExprs(&like))
	}
	input, at, err := r.prune(n.Input, below)
	if err != nil {
		return nil, nil, err
	}
	at = slices.Clone(at)
	wider := len(input.Columns())
	for _, call := range calls {
		if call >= 0 {
			call += wider
		}
		at = append(at, call)
	}
	if len(like.Calls) == 0 {
		return input, at, nil
	}
	moved, err := exprMap(r.moved(at)).over(&like, input)
	if err != nil {
		return nil, nil, err
	}
	over := moved.(*plan.Over)
	over.PartitionBy = make([]int, len(n.PartitionBy))
	for i, column := range n.PartitionBy {
		over.PartitionBy[i] = at[column]
	}
	return newOver(input, over), at, nil
}
