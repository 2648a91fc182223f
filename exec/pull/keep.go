package pull

import (
	"context"
	"io"

	"millrace/planner/plan"
	"millrace/sql/types"
)

// isReusable reports whether a node gives the same rows for every outer row of a
// repeated scope, and is worth keeping.
func (s *scope) isReusable(n plan.Node) bool {
	switch n := n.(type) {
	case *plan.Values, *plan.Given:
		return false
	case *plan.Expand:
		if _, isRow := n.Input.(*plan.Values); isRow {
			return false
		}
	}
	d := dependenceOf(n, s.subqueries)
	return d.nothing()
}

// buildKept builds a reusable node so that it runs once.
func (e *execution) buildKept(n plan.Node, s *scope) (node, error) {
	input, err := e.build(n, e.newScope(s.subqueries, false))
	if err != nil {
		return nil, err
	}
	return &keep{input: input, account: e.account()}, nil
}

// keep reads its input once and gives the same rows after each rewind.
type keep struct {
	input   node
	batches []*types.Batch
	at      int
	read    bool // input is at its end
	account account
}

func (k *keep) next(ctx context.Context) (*types.Batch, error) {
	if k.at == len(k.batches) {
		if k.read {
			return nil, io.EOF
		}
		b, err := k.input.next(ctx)
		if err == io.EOF {
			k.read = true
			k.input.close()
		}
		if err != nil {
			return nil, err
		}
		if err := k.account.grow(batchSize(b, nil)); err != nil {
			return nil, err
		}
		k.batches = append(k.batches, copyOf(b))
	}
	k.at++
	return k.batches[k.at-1], nil
}

func copyOf(b *types.Batch) *types.Batch {
	return b.Select(sequence(make([]int32, 0, b.Len), 0, b.Len))
}

func (k *keep) rewind() { k.at = 0 }

func (k *keep) close() {
	k.input.close()
	k.batches, k.at, k.read = nil, 0, true
	k.account.release()
}
