package expr

import (
	"slices"

	"millrace/sql/types"
)

// inEval is IN over a list: true when an element equals the argument, NULL when
// none does and the argument or an element is NULL. Elements are evaluated in
// order, for the rows that none before has matched.
type inEval struct {
	arg     operand
	list    []operand
	order   ordering
	negated bool
	rest    [2][]int32
}

func compileIn(e *In) (evaluator, error) {
	arg, err := compileOperand(e.Arg)
	if err != nil {
		return nil, err
	}
	list, err := compileOperands(e.List)
	if err != nil {
		return nil, err
	}
	order := orderingOf(arg.typ)
	if c, ok := newConstantIn(arg, list, order, e.Negated); ok {
		return c, nil
	}
	return &inEval{arg: arg, list: list, order: order, negated: e.Negated}, nil
}

func (n *inEval) evaluate(ctx *Context, in *types.Batch, selection []int32, out *types.Vector) {
	a := n.arg.values(ctx, in, selection)
	rest := n.rest[1][:0]
	for _, i := range selection {
		if a.IsNull(int(i)) {
			out.SetNull(int(i))
			continue
		}
		rest = append(rest, i)
	}
	n.rest[1] = rest
	for k := range n.list {
		b := n.list[k].values(ctx, in, rest)
		left := n.rest[k&1][:0]
		for _, i := range rest {
			switch {
			case b.IsNull(int(i)):
				out.SetNull(int(i))
				left = append(left, i)
			case types.CompareVectors(a, int(i), b, int(i)) == 0:
				out.Nulls.Clear(int(i))
				out.Ints[i] = boolInt(!n.negated)
			default:
				left = append(left, i)
			}
		}
		n.rest[k&1] = left
		rest = left
	}
	for _, i := range rest {
		if !out.IsNull(int(i)) {
			out.Ints[i] = boolInt(n.negated)
		}
	}
}

// constantInEval is IN over constants of a plain representation, kept sorted.
type constantInEval struct {
	arg     operand
	ints    []int64
	strs    []string
	hasNull bool
	negated bool
}

func newConstantIn(arg operand, list []operand, order ordering, negated bool) (evaluator, bool) {
	if order != orderedAsInts && order != orderedAsBytes {
		return nil, false
	}
	c := &constantInEval{arg: arg, negated: negated}
	for i := range list {
		d := list[i].constant
		switch {
		case d == nil:
			return nil, false
		case !d.Valid:
			c.hasNull = true
		case order == orderedAsInts:
			c.ints = append(c.ints, d.Int)
		default:
			c.strs = append(c.strs, d.Str)
		}
	}
	slices.Sort(c.ints)
	slices.Sort(c.strs)
	return c, true
}

func (c *constantInEval) evaluate(ctx *Context, in *types.Batch, selection []int32, out *types.Vector) {
	v := c.arg.values(ctx, in, selection)
	hasNulls := v.HasNulls()
	isInt := v.Type.Physical() == types.PhysicalInt
	for _, i := range selection {
		if hasNulls && v.IsNull(int(i)) {
			out.SetNull(int(i))
			continue
		}
		var found bool
		if isInt {
			_, found = slices.BinarySearch(c.ints, v.Ints[i])
		} else {
			_, found = slices.BinarySearch(c.strs, v.Strs[i])
		}
		if !found && c.hasNull {
			out.SetNull(int(i))
			continue
		}
		out.Ints[i] = boolInt(found != c.negated)
	}
}
