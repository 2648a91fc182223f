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
