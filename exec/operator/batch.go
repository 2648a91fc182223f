package operator

import (
	"millrace/sql/expr"
	"millrace/sql/types"
)

// FilterBatch returns a new batch of the rows of in for which the boolean
// program is true, with their weights, rowtimes, offsets and partition. Rows
// that fail are left out; they are in ctx.Errors under their numbers in in. The
// caller resets the errors before and decides what they mean.
func FilterBatch(prog *expr.Program, ctx *expr.Context, in *types.Batch) *types.Batch {
	return in.Select(prog.EvalPredicate(ctx, in, nil, make([]int32, 0, in.Len)))
}

// ProjectBatch returns a new batch with one column per program, and the weights,
// rowtimes, offsets and partition of in, which the result may share. Rows that
// fail are left out, as in FilterBatch.
func ProjectBatch(progs []*expr.Program, ctx *expr.Context, in *types.Batch) *types.Batch {
	out := withColumns(in, len(progs))
	before := len(ctx.Errors)
	for i, prog := range progs {
		out.Columns[i].Type = prog.Type()
		prog.Eval(ctx, in, nil, &out.Columns[i])
	}
	if len(ctx.Errors) == before {
		return out
	}
	return out.Select(succeeded(ctx, in.Len, nil))
}

// Filter is FilterBatch with memory of its own, for a host that is done with a
// batch before it asks for the next.
type Filter struct {
	prog      *expr.Program
	selection []int32
	out       types.Batch
}

// NewFilter returns a filter by a boolean program.
func NewFilter(prog *expr.Program) *Filter { return &Filter{prog: prog} }

// Batch is FilterBatch. The result is in itself where all rows stay, and else
// valid until the next call.
func (f *Filter) Batch(ctx *expr.Context, in *types.Batch) *types.Batch {
	f.selection = f.prog.EvalPredicate(ctx, in, nil, f.selection[:0])
	if len(f.selection) == in.Len {
		return in
	}
	SelectInto(&f.out, in, f.selection)
	return &f.out
}

// Projection is ProjectBatch with memory of its own.
type Projection struct {
	progs     []*expr.Program
	selection []int32
	out       types.Batch
	kept      types.Batch
}

// NewProjection returns a projection to one column per program.
func NewProjection(progs []*expr.Program) *Projection { return &Projection{progs: progs} }

// Batch is ProjectBatch. The result shares memory with in and is valid until the
// next call, and only as long as in is.
func (p *Projection) Batch(ctx *expr.Context, in *types.Batch) *types.Batch {
	columns := p.out.Columns
	if columns == nil {
		columns = make([]types.Vector, len(p.progs))
	}
	p.out = *in
	p.out.Columns = columns
	before := len(ctx.Errors)
	for i, prog := range p.progs {
		columns[i] = Head(prog.EvalRef(ctx, in, nil), in.Len)
	}
	if len(ctx.Errors) == before {
		return &p.out
	}
	p.selection = succeeded(ctx, in.Len, p.selection[:0])
	SelectInto(&p.kept, &p.out, p.selection)
	return &p.kept
}

// Head returns the first n values of v, which it shares.
func Head(v *types.Vector, n int) types.Vector {
	head := types.Vector{Type: v.Type, Nulls: v.Nulls}
	switch v.Type.Physical() {
	case types.PhysicalInt:
		head.Ints = v.Ints[:n:n]
	case types.PhysicalFloat:
		head.Floats = v.Floats[:n:n]
	default:
		head.Strs = v.Strs[:n:n]
	}
	if words := (n + 63) / 64; len(v.Nulls) > words {
		head.Nulls = v.Nulls[:words:words]
	}
	return head
}

// SelectInto makes out the rows of in named in selection, in that order, with
// all that goes with them, and reuses out's memory. out must not be in.
func SelectInto(out, in *types.Batch, selection []int32) {
	if len(out.Columns) != len(in.Columns) {
		out.Columns = make([]types.Vector, len(in.Columns))
	}
	for c := range in.Columns {
		out.Columns[c].Reset(in.Columns[c].Type)
		out.Columns[c].AppendRows(&in.Columns[c], selection)
	}
	out.Len = len(selection)
	out.Partition = in.Partition
	out.Weights = gather(out.Weights, in.Weights, selection)
	out.Rowtimes = gather(out.Rowtimes, in.Rowtimes, selection)
	out.Offsets = gather(out.Offsets, in.Offsets, selection)
}

func gather(out, in []int64, selection []int32) []int64 {
	if in == nil {
		return nil
	}
	out = out[:0]
	for _, i := range selection {
		out = append(out, in[i])
	}
	if out == nil {
		out = []int64{}
	}
	return out
}

// withColumns returns a batch with what in's rows have besides columns, and n
// columns to fill.
func withColumns(in *types.Batch, n int) *types.Batch {
	out := *in
	out.Columns = make([]types.Vector, n)
	return &out
}

// succeeded appends the numbers below rows that did not fail.
func succeeded(ctx *expr.Context, rows int, out []int32) []int32 {
	for i := range int32(rows) {
		if !ctx.Failed(i) {
			out = append(out, i)
		}
	}
	return out
}
