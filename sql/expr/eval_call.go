package expr

import (
	"millrace/sql/types"
)

// callEval applies a function.
type callEval struct {
	args      []operand
	vectors   []*types.Vector
	kernel    Kernel
	strict    bool
	selection []int32
}

func compileCall(e *Call) (evaluator, error) {
	args, err := compileOperands(e.Args)
	if err != nil {
		return nil, err
	}
	if c, ok := compileComparison(e.Func, args); ok {
		return c, nil
	}
	return &callEval{
		args:    args,
		vectors: make([]*types.Vector, len(args)),
		kernel:  e.Func.kernel(),
		strict:  e.Func.Strict,
	}, nil
}

// kernel returns the function's kernel for one program.
func (o *Overload) kernel() Kernel {
	if o.New != nil {
		return o.New()
	}
	return o.Eval
}

func (c *callEval) evaluate(ctx *Context, in *types.Batch, selection []int32, out *types.Vector) {
	for i := range c.args {
		c.vectors[i] = c.args[i].values(ctx, in, selection)
	}
	if c.strict {
		selection = dropNulls(c.vectors, selection, &c.selection, out)
	}
	if len(selection) > 0 {
		c.kernel(ctx, c.vectors, selection, out)
	}
}

// dropNulls makes out NULL where an argument is, and returns the rows of
// selection where none is: selection itself when there is no NULL, else a list
// in buf.
func dropNulls(args []*types.Vector, selection []int32, buf *[]int32, out *types.Vector) []int32 {
	for _, v := range args {
		if len(v.Nulls) > 0 && v.HasNulls() {
			out.Nulls = union(out.Nulls, v.Nulls)
		}
	}
	if len(out.Nulls) == 0 {
		return selection
	}
	kept := (*buf)[:0]
	for _, i := range selection {
		if !out.Nulls.Get(int(i)) {
			kept = append(kept, i)
		}
	}
	*buf = kept
	return kept
}

// union adds the rows of other to set.
func union(set, other types.Bitmap) types.Bitmap {
	for len(set) < len(other) {
		set = append(set, 0)
	}
	for i, word := range other {
		set[i] |= word
	}
	return set
}
