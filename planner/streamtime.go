package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// Where stream time is kept for joins WITHIN a time: where the rows of streams enter, in
// the order of their partitions. What stands between there and the join must keep that
// order, or the lateness of rows would depend on how their partitions come together.

// The columns that newStreamTime adds.
const (
	eventTimeName  = "event_time"
	streamTimeName = "stream_time"
)

// newStreamTime makes a node as like is over another input.
func newStreamTime(input plan.Node, like *plan.StreamTime) *plan.StreamTime {
	n := &plan.StreamTime{
		Input: input, Time: like.Time, Before: like.Before, After: like.After, Grace: like.Grace, IdleTimeout: like.IdleTimeout,
	}
	n.Cols = append(slices.Clone(input.Columns()),
		plan.Column{Name: eventTimeName, Type: types.TimestampTZ}, plan.Column{Name: streamTimeName, Type: types.TimestampTZ})
	n.Properties = *input.Props()
	n.Properties.Clock = everyInstant
	return n
}

// everyInstant is the clock of rows whose windows end anywhere.
var everyInstant = &plan.Closing{Keep: plan.NoLimit, Every: 1}

// noteStreamTime notes stream time, as like does, where the rows of a node enter: the
// two columns come behind those of the node. It is nil where rows enter in no order.
func (b *binder) noteStreamTime(node plan.Node, like *plan.StreamTime) plan.Node {
	switch n := node.(type) {
	case *plan.Join:
		return b.noteBelowLookup(n, like)
	case *plan.SetOperation:
		left, right := b.noteStreamTime(n.Left, like), b.noteStreamTime(n.Right, like)
		if left == nil || right == nil {
			return nil
		}
		return newSetOperation(n.Op, n.All, left, right)
	case *plan.Aggregate:
		return nil
	}
	inputs := node.Inputs()
	if !slices.ContainsFunc(inputs, unordered) {
		return newStreamTime(node, like)
	}
	switch n := node.(type) {
	case *plan.Filter:
		if below := b.noteStreamTime(n.Input, like); below != nil {
			return newFilter(below, n.Predicate)
		}
	case *plan.Project:
		moved := *like
		if moved.Time = substitute(like.Time, n.Exprs); moved.Time == nil {
			return nil
		}
		if below := b.noteStreamTime(n.Input, &moved); below != nil {
			width := len(n.Input.Columns())
			exprs, names := slices.Clone(n.Exprs), columnNames(n)
			for _, at := range []int{width, width + 1} {
				c := below.Columns()[at]
				exprs, names = append(exprs, columnOf(c, at)), append(names, c.Name)
			}
			return newProject(below, exprs, names)
		}
	}
	return nil
}

// unordered reports whether rows of several partitions may come together in a node.
func unordered(node plan.Node) bool {
	switch node.(type) {
	case *plan.Join, *plan.SetOperation, *plan.Aggregate:
		return true
	}
	return slices.ContainsFunc(node.Inputs(), unordered)
}

// noteBelowLookup notes the stream time of the rows that a join looks others up for.
func (b *binder) noteBelowLookup(j *plan.Join, like *plan.StreamTime) plan.Node {
	width := len(j.Left.Columns())
	readsRight := contains(like.Time, func(e expr.Expr) bool {
		c, ok := e.(*expr.Column)
		return ok && c.Index >= width
	})
	if !j.Lookup || readsRight {
		return nil
	}
	left := b.noteStreamTime(j.Left, like)
	if left == nil {
		return nil
	}
	joined := joinLike(j, left, j.Right, j.LeftKeys, j.RightKeys, b.shiftFrom(j.On, width, 2))
	order := upTo(width)
	for at := width + 2; at < len(joined.Cols); at++ {
		order = append(order, at)
	}
	return passColumns(joined, append(order, width, width+1))
}

// pruneStreamTime keeps the columns that it adds.
func (r *ruleContext) pruneStreamTime(n *plan.StreamTime, needed columnSet) (plan.Node, []int, error) {
	width := len(n.Input.Columns())
	below := append(columnSet{}, needed[:width]...)
	r.need(below, []expr.Expr{n.Time})
	input, at, err := r.prune(n.Input, below)
	if err != nil {
		return nil, nil, err
	}
	like := *n
	if like.Time, err = r.moved(at)(n.Time); err != nil {
		return nil, nil, err
	}
	width = len(input.Columns())
	return newStreamTime(input, &like), append(slices.Clone(at), width, width+1), nil
}
