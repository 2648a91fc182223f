package expr

import "millrace/sql/types"

// caseEval is a searched CASE: each condition sees the rows that no earlier one
// took, each result the rows that its condition took.
type caseEval struct {
	when, then []operand
	otherwise  *operand
	rest       [2][]int32
	taken      []int32
}

func compileCase(e *Case) (evaluator, error) {
	when, err := compileOperands(e.When)
	if err != nil {
		return nil, err
	}
	then, err := compileOperands(e.Then)
	if err != nil {
		return nil, err
	}
	c := &caseEval{when: when, then: then}
	if e.Else != nil {
		otherwise, err := compileOperand(e.Else)
		if err != nil {
			return nil, err
		}
		c.otherwise = &otherwise
	}
	return c, nil
}

func (c *caseEval) evaluate(ctx *Context, in *types.Batch, selection []int32, out *types.Vector) {
	rest := selection
	for n := range c.when {
		condition := c.when[n].values(ctx, in, rest)
		taken, left := c.taken[:0], c.rest[n&1][:0]
		for _, i := range rest {
			if condition.Ints[i] != 0 {
				taken = append(taken, i)
			} else {
				left = append(left, i)
			}
		}
		c.taken, c.rest[n&1] = taken, left
		if len(taken) > 0 {
			copyRows(out, c.then[n].values(ctx, in, taken), taken)
		}
		rest = left
		if len(rest) == 0 {
			return
		}
	}
	if c.otherwise == nil {
		setAllNull(out, rest)
		return
	}
	copyRows(out, c.otherwise.values(ctx, in, rest), rest)
}

// copyRows copies the selected rows of v to out.
func copyRows(out, v *types.Vector, selection []int32) {
	switch out.Type.Physical() {
	case types.PhysicalInt:
		copySlots(out.Ints, v.Ints, selection)
	case types.PhysicalFloat:
		copySlots(out.Floats, v.Floats, selection)
	default:
		copySlots(out.Strs, v.Strs, selection)
	}
	if !v.HasNulls() {
		return
	}
	for _, i := range selection {
		if v.IsNull(int(i)) {
			out.SetNull(int(i))
		}
	}
}

func copySlots[T cell](out, v []T, selection []int32) {
	for _, i := range selection {
		out[i] = v[i]
	}
}

// coalesceEval is COALESCE: an argument sees the rows where all before it are
// NULL.
type coalesceEval struct {
	args []operand
	rest [2][]int32
}

func compileCoalesce(e *Coalesce) (evaluator, error) {
	args, err := compileOperands(e.Args)
	if err != nil {
		return nil, err
	}
	return &coalesceEval{args: args}, nil
}

func (c *coalesceEval) evaluate(ctx *Context, in *types.Batch, selection []int32, out *types.Vector) {
	rest := selection
	for n := range c.args {
		v := c.args[n].values(ctx, in, rest)
		if n == len(c.args)-1 || !v.HasNulls() {
			copyRows(out, v, rest)
			return
		}
		left := c.rest[n&1][:0]
		for _, i := range rest {
			if v.IsNull(int(i)) && !ctx.Failed(i) {
				left = append(left, i)
				continue
			}
			out.Set(int(i), v.Datum(int(i)))
		}
		c.rest[n&1] = left
		rest = left
	}
}
