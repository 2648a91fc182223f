package expr

import "millrace/sql/types"

// andEval is the conjunction, evaluated left to right for the rows that are not
// decided yet.
type andEval struct {
	args    []operand
	filters []filter // per argument, nil where it has none
	rows    [2][]int32
}

func compileAnd(e *And) (evaluator, error) {
	args, err := compileOperands(e.Args)
	if err != nil {
		return nil, err
	}
	a := &andEval{args: args, filters: make([]filter, len(args))}
	for i := range args {
		if f, ok := args[i].eval.(filter); ok {
			a.filters[i] = f
		}
	}
	return a, nil
}

func (a *andEval) evaluate(ctx *Context, in *types.Batch, selection []int32, out *types.Vector) {
	evaluateConnective(ctx, in, a.args, selection, out, 0, &a.rows)
}

// evaluateConnective evaluates AND (decisive is 0) and OR (decisive is 1): a row
// that an argument decides does not reach the later ones; it is NULL when none
// decides it and one was NULL.
func evaluateConnective(ctx *Context, in *types.Batch, args []operand, selection []int32, out *types.Vector, decisive int64, rows *[2][]int32) {
	undecided := selection
	for n := range args {
		v := args[n].values(ctx, in, undecided)
		next := rows[n&1][:0]
		hasNulls := v.HasNulls()
		for _, i := range undecided {
			switch {
			case hasNulls && v.Nulls.Get(int(i)):
				out.SetNull(int(i))
				next = append(next, i)
			case v.Ints[i] == decisive:
				out.Nulls.Clear(int(i))
				out.Ints[i] = decisive
			default:
				next = append(next, i)
			}
		}
		rows[n&1] = next
		undecided = next
		if len(undecided) == 0 {
			return
		}
	}
	for _, i := range undecided {
		if !out.Nulls.Get(int(i)) {
			out.Ints[i] = 1 - decisive
		}
	}
}

// choose implements filter: a row leaves at the first argument that is not true,
// as in PostgreSQL's WHERE.
func (a *andEval) choose(ctx *Context, in *types.Batch, selection []int32, out []int32) []int32 {
	for n := range a.args {
		last := n == len(a.args)-1
		target := a.rows[n&1][:0]
		if last {
			target = out
		}
		if a.filters[n] != nil {
			target = a.filters[n].choose(ctx, in, selection, target)
		} else {
			target = appendTrue(a.args[n].values(ctx, in, selection), selection, target)
		}
		if last {
			return target
		}
		a.rows[n&1] = target
		selection = target
	}
	return out
}

// orEval is the disjunction.
type orEval struct {
	args []operand
	rows [2][]int32
}

func compileOr(e *Or) (evaluator, error) {
	args, err := compileOperands(e.Args)
	if err != nil {
		return nil, err
	}
	return &orEval{args: args}, nil
}

func (o *orEval) evaluate(ctx *Context, in *types.Batch, selection []int32, out *types.Vector) {
	evaluateConnective(ctx, in, o.args, selection, out, 1, &o.rows)
}

// notEval is the negation.
type notEval struct{ arg operand }

func compileNot(e *Not) (evaluator, error) {
	arg, err := compileOperand(e.Arg)
	if err != nil {
		return nil, err
	}
	return &notEval{arg: arg}, nil
}

func (n *notEval) evaluate(ctx *Context, in *types.Batch, selection []int32, out *types.Vector) {
	v := n.arg.values(ctx, in, selection)
	hasNulls := v.HasNulls()
	for _, i := range selection {
		if hasNulls && v.Nulls.Get(int(i)) {
			out.SetNull(int(i))
			continue
		}
		out.Ints[i] = 1 - v.Ints[i]
	}
}

// isNullEval is IS NULL and IS NOT NULL.
type isNullEval struct {
	arg     operand
	negated bool
}

func compileIsNull(e *IsNull) (evaluator, error) {
	arg, err := compileOperand(e.Arg)
	if err != nil {
		return nil, err
	}
	return &isNullEval{arg: arg, negated: e.Negated}, nil
}

func (n *isNullEval) evaluate(ctx *Context, in *types.Batch, selection []int32, out *types.Vector) {
	v := n.arg.values(ctx, in, selection)
	for _, i := range selection {
		out.Ints[i] = boolInt(v.Nulls.Get(int(i)) != n.negated)
	}
}

// choose implements filter.
func (n *isNullEval) choose(ctx *Context, in *types.Batch, selection []int32, out []int32) []int32 {
	v := n.arg.values(ctx, in, selection)
	for _, i := range selection {
		if v.Nulls.Get(int(i)) != n.negated {
			out = append(out, i)
		}
	}
	return out
}

// isDistinctEval is IS DISTINCT FROM and its negation.
type isDistinctEval struct {
	left, right operand
	negated     bool
}

func compileIsDistinct(e *IsDistinct) (evaluator, error) {
	left, err := compileOperand(e.Left)
	if err != nil {
		return nil, err
	}
	right, err := compileOperand(e.Right)
	if err != nil {
		return nil, err
	}
	return &isDistinctEval{left: left, right: right, negated: e.Negated}, nil
}

func (d *isDistinctEval) evaluate(ctx *Context, in *types.Batch, selection []int32, out *types.Vector) {
	a, b := d.left.values(ctx, in, selection), d.right.values(ctx, in, selection)
	for _, i := range selection {
		row := int(i)
		var distinct bool
		switch aNull, bNull := a.IsNull(row), b.IsNull(row); {
		case aNull || bNull:
			distinct = aNull != bNull
		default:
			distinct = types.CompareVectors(a, row, b, row) != 0
		}
		out.Ints[i] = boolInt(distinct != d.negated)
	}
}
