package exec

import (
	"millrace/exec/operator"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// filter passes the changes whose row satisfies a predicate. Its one-shot
// meaning is the same, applied to rows: a row that does not pass never passed,
// since predicates depend on the row alone.
type filter struct {
	next      consumer
	predicate *expr.Program
}

func (f *filter) process(t *turn, in *types.Batch) {
	out := operator.FilterBatch(f.predicate, t.eval, in)
	t.reportErrors(in)
	if out.Len > 0 {
		f.next.process(t, out)
	}
}

func (f *filter) finish(t *turn) { f.next.finish(t) }

// project computes the columns of each change.
type project struct {
	next     consumer
	programs []*expr.Program
}

func (p *project) process(t *turn, in *types.Batch) {
	out := operator.ProjectBatch(p.programs, t.eval, in)
	t.reportErrors(in)
	if out.Len > 0 {
		p.next.process(t, out)
	}
}

func (p *project) finish(t *turn) { p.next.finish(t) }

// union passes the changes of two inputs on.
type union struct {
	next consumer
	// finished counts the inputs whose turn has ended.
	finished int
	// times are the stream times of the inputs.
	times [2]streamTime
}

func (u *union) process(t *turn, in *types.Batch) { u.next.process(t, in) }

func (u *union) finish(t *turn) {
	u.times[u.finished] = t.time
	if u.finished++; u.finished == 2 {
		u.finished = 0
		t.time = combined(u.times[:])
		u.next.finish(t)
	}
}

// repeat gives each row as often as an expression says, which depends on the row
// alone: its weight times that.
type repeat struct {
	next  consumer
	times *expr.Program
}

func (r *repeat) process(t *turn, in *types.Batch) {
	times := r.times.EvalRef(t.eval, in, nil)
	var selection []int32
	var weights []int64
	for i := range in.Len {
		if !t.eval.Failed(int32(i)) && !times.IsNull(i) && times.Ints[i] > 0 {
			selection = append(selection, int32(i))
			weights = append(weights, in.Weight(i)*times.Ints[i])
		}
	}
	t.reportErrors(in)
	if len(selection) > 0 {
		out := in.Select(selection)
		out.Weights = weights
		r.next.process(t, out)
	}
}

func (r *repeat) finish(t *turn) { r.next.finish(t) }
