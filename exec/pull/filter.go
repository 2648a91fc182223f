package pull

import (
	"context"

	"millrace/exec/operator"
	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// filter keeps the rows for which a predicate is true.
type filter struct {
	scope     *scope
	input     node
	predicate *expr.Program
	selection []int32
	out       types.Batch
	// failed is the error of a row that comes right after those given last.
	failed error
}

func newFilter(s *scope, condition expr.Expr, input node) (node, error) {
	predicate, err := expr.Compile(condition)
	if err != nil {
		return nil, err
	}
	return &filter{scope: s, input: input, predicate: predicate}, nil
}

func (f *filter) next(ctx context.Context) (*types.Batch, error) {
	for f.failed == nil {
		in, err := f.input.next(ctx)
		if err != nil {
			return nil, err
		}
		env := &f.scope.env
		env.ResetErrors()
		f.selection = f.predicate.EvalPredicate(env, in, nil, f.selection[:0])
		if row, err := firstFailure(env); err != nil {
			f.failed = err
			f.selection = below(f.selection, row)
		}
		switch len(f.selection) {
		case 0:
			continue
		case in.Len:
			return in, nil
		}
		operator.SelectInto(&f.out, in, f.selection)
		return &f.out, nil
	}
	return nil, f.failed
}

// below returns the rows of an ascending selection that are less than row.
func below(selection []int32, row int) []int32 {
	for i, r := range selection {
		if int(r) >= row {
			return selection[:i]
		}
	}
	return selection
}

func (f *filter) rewind() {
	f.failed = nil
	f.input.rewind()
}

func (f *filter) close() { f.input.close() }

// project computes one column per expression.
type project struct {
	scope      *scope
	input      node
	projection *operator.Projection
	out        types.Batch
	failed     error
}

func newProject(s *scope, n *plan.Project, input node) (node, error) {
	progs, err := programs(n.Exprs)
	if err != nil {
		return nil, err
	}
	return &project{scope: s, input: input, projection: operator.NewProjection(progs)}, nil
}

func (p *project) next(ctx context.Context) (*types.Batch, error) {
	if p.failed != nil {
		return nil, p.failed
	}
	in, err := p.input.next(ctx)
	if err != nil {
		return nil, err
	}
	env := &p.scope.env
	env.ResetErrors()
	out := p.projection.Batch(env, in)
	row, err := firstFailure(env)
	if err == nil {
		return out, nil
	}
	p.failed = err
	if row == 0 {
		return nil, err
	}
	// The rows before the first that failed are the first of those that did not.
	head(&p.out, out, row)
	return &p.out, nil
}

func (p *project) rewind() {
	p.failed = nil
	p.input.rewind()
}

func (p *project) close() { p.input.close() }
