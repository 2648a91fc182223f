package pull

import (
	"context"
	"io"

	"millrace/exec/operator"
	"millrace/planner/plan"
	"millrace/sql/types"
)

// buildSetOperation makes UNION, INTERSECT or EXCEPT, with or without ALL.
func (e *execution) buildSetOperation(n *plan.SetOperation, s *scope) (node, error) {
	left, err := e.build(n.Left, s)
	if err != nil {
		return nil, err
	}
	right, err := e.build(n.Right, s)
	if err != nil {
		return nil, err
	}
	if n.Op == plan.Union {
		all := &concatenation{left: left, right: right}
		if n.All {
			return all, nil
		}
		return newDistinct(s, &plan.Distinct{}, all)
	}
	o := &setOperation{
		op: n.Op, all: n.All, left: left, right: right,
		account: e.account(), numbers: make([]int32, batchRows),
	}
	o.forget()
	return o, nil
}

// concatenation gives the rows of one input, then those of another.
type concatenation struct {
	left, right node
	second      bool
}

func (c *concatenation) next(ctx context.Context) (*types.Batch, error) {
	if !c.second {
		b, err := c.left.next(ctx)
		if err != io.EOF {
			return b, err
		}
		c.second = true
	}
	return c.right.next(ctx)
}

func (c *concatenation) rewind() {
	c.second = false
	c.left.rewind()
	c.right.rewind()
}

func (c *concatenation) close() {
	c.left.close()
	c.right.close()
}

// setOperation is INTERSECT or EXCEPT. It counts the right rows by value and
// then lets left rows through by those counts.
type setOperation struct {
	op          plan.SetOp
	all         bool
	left, right node
	account     account

	groups *operator.Groups
	// counts holds, by value, how many right rows are left to meet, or given.
	counts  []int64
	counted bool

	keys      []*types.Vector
	numbers   []int32
	selection []int32
	out       types.Batch
}

func (o *setOperation) forget() {
	o.groups = emptied(o.groups)
	o.counts, o.counted = nil, false
	o.account.release()
}

func (o *setOperation) next(ctx context.Context) (*types.Batch, error) {
	for !o.counted {
		in, err := o.right.next(ctx)
		if err == io.EOF {
			o.counted = true
			break
		}
		if err != nil {
			return nil, err
		}
		if err := o.assign(in); err != nil {
			return nil, err
		}
		for _, value := range o.numbers[:in.Len] {
			o.counts[value]++
		}
	}
	for {
		in, err := o.left.next(ctx)
		if err != nil {
			return nil, err
		}
		if err := o.assign(in); err != nil {
			return nil, err
		}
		o.selection = o.selection[:0]
		for i, value := range o.numbers[:in.Len] {
			if o.passes(value) {
				o.selection = append(o.selection, int32(i))
			}
		}
		if len(o.selection) > 0 {
			operator.SelectInto(&o.out, in, o.selection)
			return &o.out, nil
		}
	}
}

// assign numbers the values of a batch's rows.
func (o *setOperation) assign(in *types.Batch) error {
	o.keys = allColumns(o.keys, in)
	before := o.groups.Bytes()
	o.groups.Assign(o.keys, in.Len, nil, o.numbers)
	added := o.groups.Len() - len(o.counts)
	for range added {
		o.counts = append(o.counts, 0)
	}
	return o.account.grow(o.groups.Bytes() - before + int64(added)*fixedSize)
}

// given marks a value that has had its only left row, without ALL.
const given = -1

// passes decides on a left row with the given value. INTERSECT ALL gives a value
// as often as the side that has it less often, EXCEPT ALL as often as the left
// side has it more often; without ALL a value is given once at most.
func (o *setOperation) passes(value int32) bool {
	count := &o.counts[value]
	if !o.all {
		first := *count != given
		passes := (*count > 0) == (o.op == plan.Intersect)
		*count = given
		return first && passes
	}
	inRight := *count > 0
	if inRight {
		*count--
	}
	return inRight == (o.op == plan.Intersect)
}

func (o *setOperation) rewind() {
	o.forget()
	o.left.rewind()
	o.right.rewind()
}

func (o *setOperation) close() {
	o.forget()
	o.left.close()
	o.right.close()
}
