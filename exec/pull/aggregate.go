package pull

import (
	"context"
	"io"

	"millrace/exec/operator"
	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// aggregate groups its input and computes aggregates. Groups are numbered in
// the order in which they first appear, which is the order of the result.
type aggregate struct {
	scope *scope
	input node

	keys    []*expr.Program
	vectors []*types.Vector
	groups  *operator.Groups
	// values holds each group's key as it first appeared.
	values types.Batch
	calls  []*aggregateCall

	account   account
	rowGroups []int32
	selection []int32
	read      bool // the input is read and the calls are finished
	at        int
	out       types.Batch
	view      types.Batch
	failed    error
}

func newAggregate(s *scope, n *plan.Aggregate, input node) (node, error) {
	keys, err := programs(n.GroupBy)
	if err != nil {
		return nil, err
	}
	a := &aggregate{
		scope: s, input: input,
		keys: keys, values: newBatch(n.Cols[:len(keys)]), out: newBatch(n.Cols),
		account: s.execution.account(), rowGroups: make([]int32, batchRows),
	}
	column := len(keys)
	for i := range n.Calls {
		c, err := newAggregateCall(s, &n.Calls[i], n.Mode, column)
		if err != nil {
			return nil, err
		}
		column += c.width()
		a.calls = append(a.calls, c)
	}
	a.forget()
	return a, nil
}

// forget makes the aggregate empty.
func (a *aggregate) forget() {
	a.groups = emptied(a.groups)
	a.values = *types.NewBatch(vectorTypes(&a.values))
	for _, c := range a.calls {
		c.reset()
	}
	a.account.release()
	a.read, a.at, a.failed = false, 0, nil
}

func vectorTypes(b *types.Batch) []types.Type {
	list := make([]types.Type, len(b.Columns))
	for c := range b.Columns {
		list[c] = b.Columns[c].Type
	}
	return list
}

func (a *aggregate) next(ctx context.Context) (*types.Batch, error) {
	if a.failed != nil {
		return nil, a.failed
	}
	for !a.read {
		in, err := a.input.next(ctx)
		if err == io.EOF {
			err = a.finish(ctx)
			a.read = err == nil
		} else if err == nil {
			err = a.add(in)
		}
		if err != nil {
			return nil, err
		}
	}
	return a.results()
}

// add takes one batch of input.
func (a *aggregate) add(in *types.Batch) error {
	env := &a.scope.env
	env.ResetErrors()
	a.vectors = a.scope.evaluate(a.keys, in, nil, a.vectors)
	if _, err := firstFailure(env); err != nil {
		return err
	}
	before := a.groups.Bytes()
	next := a.groups.Assign(a.vectors, in.Len, nil, a.rowGroups)
	if a.groups.Len() > int(next) {
		a.selection = newGroups(a.selection[:0], a.rowGroups[:in.Len], next)
		if err := a.addGroups(a.groups.Bytes() - before); err != nil {
			return err
		}
	}
	for _, c := range a.calls {
		if err := c.add(in, a.rowGroups[:in.Len]); err != nil {
			return err
		}
	}
	if _, err := firstFailure(env); err != nil {
		return err
	}
	return checkRows(a.groups.Len())
}

// addGroups keeps the keys of the new groups, which the rows in the selection
// begin, and makes room for their states.
func (a *aggregate) addGroups(size int64) error {
	for c, v := range a.vectors {
		size += vectorSize(v, 0, a.selection)
		a.values.Columns[c].AppendRows(v, a.selection)
	}
	for _, c := range a.calls {
		c.resize(a.groups.Len())
		size += int64(len(a.selection)) * c.stateSize()
	}
	return a.account.grow(size)
}

// finish ends the calls that needed all their rows first.
func (a *aggregate) finish(ctx context.Context) error {
	if len(a.keys) == 0 && a.groups.Len() == 0 {
		a.groups.Assign(nil, 1, nil, a.rowGroups)
		for _, c := range a.calls {
			c.resize(1)
		}
	}
	for _, c := range a.calls {
		if err := c.sort(ctx); err != nil {
			return err
		}
	}
	for _, c := range a.calls {
		if err := c.finish(); err != nil {
			return err
		}
	}
	return nil
}

// results gives the next groups.
func (a *aggregate) results() (*types.Batch, error) {
	n := min(batchRows, a.groups.Len()-a.at)
	if n == 0 {
		return nil, io.EOF
	}
	a.selection = sequence(a.selection, a.at, a.at+n)
	a.at += n
	a.out.Reset()
	for c := range a.values.Columns {
		a.out.Columns[c].AppendRows(&a.values.Columns[c], a.selection)
	}
	env := &a.scope.env
	env.ResetErrors()
	columns := a.out.Columns[len(a.keys):]
	for _, c := range a.calls {
		columns = c.results(a.selection, columns)
	}
	a.out.Len = n
	row, err := firstFailure(env)
	if err == nil {
		return &a.out, nil
	}
	a.failed = err
	if row == 0 {
		return nil, err
	}
	head(&a.view, &a.out, row)
	return &a.view, nil
}

func (a *aggregate) rewind() {
	a.forget()
	a.input.rewind()
}

func (a *aggregate) close() {
	a.forget()
	a.read = true
	a.input.close()
}
