package pull

import (
	"context"

	"millrace/exec/operator"
	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// aggregateCall is one aggregate function in an aggregate.
type aggregateCall struct {
	scope *scope
	plan  *plan.AggregateCall
	mode  plan.AggregateMode
	// types are those of the arguments, states those of the state's columns.
	types  []types.Type
	states []types.Type
	// column is where the states begin in a final aggregation's input.
	column int

	args        []*expr.Program
	filter      *expr.Program
	accumulator expr.Accumulator
	distinct    *distinctRows
	ordered     *orderedRows
	account     account

	vectors   []*types.Vector
	outputs   []*types.Vector
	selection []int32
	groups    []int32
}

func newAggregateCall(s *scope, call *plan.AggregateCall, mode plan.AggregateMode, column int) (*aggregateCall, error) {
	c := &aggregateCall{
		scope: s, plan: call, mode: mode, column: column,
		account: s.execution.account(), groups: make([]int32, batchRows), selection: noRows(),
	}
	for _, arg := range call.Args {
		c.types = append(c.types, arg.Type())
	}
	c.states = call.Func.StateTypes(c.types)
	if mode == plan.AggregateFinal {
		return c, nil
	}
	var err error
	if c.args, err = programs(call.Args); err != nil {
		return nil, err
	}
	if call.Filter != nil {
		if c.filter, err = expr.Compile(call.Filter); err != nil {
			return nil, err
		}
	}
	if call.Distinct {
		c.distinct = newDistinctRows(s)
	}
	c.ordered, err = newOrderedRows(s, call, c.types)
	return c, err
}

// width returns how many columns the call has in a partial aggregation's
// output.
func (c *aggregateCall) width() int { return len(c.states) }

// reset makes the call have no groups.
func (c *aggregateCall) reset() {
	if c.accumulator == nil {
		c.accumulator = c.plan.Func.New(c.types)
	}
	c.accumulator.Resize(0)
	if c.distinct != nil {
		c.distinct.reset()
	}
	if c.ordered != nil {
		c.ordered.sorter.reset()
	}
	c.account.release()
}

// stateSize returns the approximate memory of one group's state.
func (c *aggregateCall) stateSize() int64 {
	const varyingSize = 64
	var size int64
	for _, state := range c.states {
		if state.Physical() == types.PhysicalString {
			size += varyingSize
		} else {
			size += fixedSize
		}
	}
	return size
}

// resize makes groups 0 to n-1 exist.
func (c *aggregateCall) resize(n int) { c.accumulator.Resize(n) }

// add takes the rows of a batch, whose groups are given. Failures of rows are
// left in the scope's context.
func (c *aggregateCall) add(in *types.Batch, groups []int32) error {
	env := &c.scope.env
	if c.mode == plan.AggregateFinal {
		c.vectors = c.vectors[:0]
		for i := range c.states {
			c.vectors = append(c.vectors, &in.Columns[c.column+i])
		}
		c.accumulator.Merge(env, groups, c.vectors)
		return nil
	}
	var selection []int32
	if c.filter != nil {
		c.selection = c.filter.EvalPredicate(env, in, nil, c.selection[:0])
		selection = c.selection
		groups = c.only(groups, selection)
	}
	c.vectors = c.scope.evaluate(c.args, in, selection, c.vectors)
	groups = c.withoutFailed(groups)
	if c.distinct != nil {
		var err error
		if groups, err = c.distinct.choose(groups, c.vectors); err != nil {
			return err
		}
	}
	if c.ordered != nil {
		return c.ordered.add(in, groups, c.vectors)
	}
	c.accumulator.Add(env, groups, c.vectors, nil)
	return c.charge(in.Len)
}

// charge counts the memory of states that hold values.
func (c *aggregateCall) charge(rows int) error {
	if c.plan.Func.Combines {
		return nil
	}
	var size int64
	for _, v := range c.vectors {
		size += vectorSize(v, rows, nil)
	}
	return c.account.grow(size)
}

// only returns groups with NoGroup for the rows outside selection.
func (c *aggregateCall) only(groups, selection []int32) []int32 {
	kept := c.groups[:len(groups)]
	for i := range kept {
		kept[i] = operator.NoGroup
	}
	for _, i := range selection {
		kept[i] = groups[i]
	}
	return kept
}

// withoutFailed returns groups with NoGroup for the rows that failed.
func (c *aggregateCall) withoutFailed(groups []int32) []int32 {
	failures := c.scope.env.Errors
	if len(failures) == 0 {
		return groups
	}
	kept := c.groups[:len(groups)]
	copy(kept, groups)
	for _, e := range failures {
		kept[e.Row] = operator.NoGroup
	}
	return kept
}

// sort orders the rows that were kept back. It may be called again after ctx's
// error.
func (c *aggregateCall) sort(ctx context.Context) error {
	if c.ordered == nil {
		return nil
	}
	return c.ordered.sorter.sort(ctx)
}

// finish gives the accumulator the rows that were kept back.
func (c *aggregateCall) finish() error {
	if c.ordered == nil {
		return nil
	}
	env := &c.scope.env
	for groups, args := range c.ordered.sortedRows() {
		env.ResetErrors()
		c.accumulator.Add(env, groups, args, nil)
		if _, err := firstFailure(env); err != nil {
			return err
		}
	}
	return nil
}

// results appends the groups' results, or states, to the first of columns, and
// returns the others. A failure is left in the context under the group's place
// in groups.
func (c *aggregateCall) results(groups []int32, columns []types.Vector) []types.Vector {
	if c.mode != plan.AggregatePartial {
		c.accumulator.Result(&c.scope.env, groups, &columns[0])
		return columns[1:]
	}
	c.outputs = c.outputs[:0]
	for i := range c.states {
		c.outputs = append(c.outputs, &columns[i])
	}
	c.accumulator.Save(groups, c.outputs)
	return columns[len(c.states):]
}
