package pull

import (
	"context"
	"io"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// sort orders its input, or finds the first rows of it.
type sort struct {
	scope  *scope
	input  node
	progs  []*expr.Program
	keys   []*types.Vector
	sorter *sorter
	sorted bool
	out    types.Batch
}

func newSort(s *scope, n *plan.Sort, input node, bound int64) (node, error) {
	progs, err := programs(sortExpressions(n.Keys))
	if err != nil {
		return nil, err
	}
	return &sort{
		scope:  s,
		input:  input,
		progs:  progs,
		sorter: newSorter(columnTypes(n.Cols), sortOrders(n.Keys), bound, s.execution.account()),
	}, nil
}

func (s *sort) next(ctx context.Context) (*types.Batch, error) {
	for !s.sorted {
		in, err := s.input.next(ctx)
		if err == io.EOF {
			if err := s.sorter.sort(ctx); err != nil {
				return nil, err
			}
			s.sorted = true
			break
		}
		if err != nil {
			return nil, err
		}
		s.scope.env.ResetErrors()
		s.keys = s.scope.evaluate(s.progs, in, nil, s.keys)
		if _, err := firstFailure(&s.scope.env); err != nil {
			return nil, err
		}
		if err := s.sorter.add(in, nil, s.keys); err != nil {
			return nil, err
		}
	}
	if !s.sorter.next(&s.out) {
		return nil, io.EOF
	}
	return &s.out, nil
}

func (s *sort) rewind() {
	s.sorter.reset()
	s.sorted = false
	s.input.rewind()
}

func (s *sort) close() {
	s.sorter.reset()
	s.sorted = true
	s.input.close()
}
