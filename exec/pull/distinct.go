package pull

import (
	"context"

	"millrace/exec/operator"
	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// distinct keeps the first row of each key: the whole row, or the values of the
// expressions of DISTINCT ON.
type distinct struct {
	scope     *scope
	input     node
	progs     []*expr.Program // nil for the whole row
	keys      []*types.Vector
	seen      *operator.Groups
	account   account
	groups    []int32
	selection []int32
	out       types.Batch
	failed    error
}

func newDistinct(s *scope, n *plan.Distinct, input node) (node, error) {
	progs, err := programs(n.On)
	if err != nil {
		return nil, err
	}
	return &distinct{
		scope: s, input: input, progs: progs,
		seen: operator.NewGroups(), account: s.execution.account(), groups: make([]int32, batchRows),
	}, nil
}

func (d *distinct) next(ctx context.Context) (*types.Batch, error) {
	for d.failed == nil {
		in, err := d.input.next(ctx)
		if err != nil {
			return nil, err
		}
		if err := d.chooseNew(in); err != nil {
			return nil, err
		}
		if len(d.selection) > 0 {
			operator.SelectInto(&d.out, in, d.selection)
			return &d.out, nil
		}
	}
	return nil, d.failed
}

// chooseNew selects the rows whose keys are seen for the first time.
func (d *distinct) chooseNew(in *types.Batch) error {
	rows := in.Len
	if len(d.progs) == 0 {
		d.keys = allColumns(d.keys, in)
	} else {
		env := &d.scope.env
		env.ResetErrors()
		d.keys = d.scope.evaluate(d.progs, in, nil, d.keys)
		if row, err := firstFailure(env); err != nil {
			d.failed, rows = err, row
		}
	}
	before := d.seen.Bytes()
	next := d.seen.Assign(d.keys, rows, nil, d.groups)
	d.selection = newGroups(d.selection[:0], d.groups[:rows], next)
	return d.account.grow(d.seen.Bytes() - before)
}

// newGroups appends the rows that come first in their group, where groups from
// next on are new.
func newGroups(selection, groups []int32, next int32) []int32 {
	for row, group := range groups {
		if group == next {
			selection = append(selection, int32(row))
			next++
		}
	}
	return selection
}

// allColumns returns the columns of a batch, written over buf.
func allColumns(buf []*types.Vector, b *types.Batch) []*types.Vector {
	buf = buf[:0]
	for c := range b.Columns {
		buf = append(buf, &b.Columns[c])
	}
	return buf
}

func (d *distinct) rewind() {
	d.forget()
	d.failed = nil
	d.input.rewind()
}

// forget drops the keys seen.
func (d *distinct) forget() {
	d.seen = emptied(d.seen)
	d.account.release()
}

func (d *distinct) close() {
	d.forget()
	d.input.close()
}
