package pull

import (
	"context"

	"millrace/exec/operator"
	"millrace/planner/plan"
	"millrace/sql/types"
)

// expand gives the rows of set-returning functions beside the rows of its input.
type expand struct {
	scope    *scope
	input    node
	expander *operator.Expander
	work     *operator.Expansion // nil between batches of the input
	// pieces are what is left of a step, which with the rows that have no match in a
	// left join may be more than a batch.
	pieces pieces
	failed error
}

func newExpand(s *scope, n *plan.Expand, input node) (node, error) {
	expander, err := operator.NewExpander(n)
	return &expand{scope: s, input: input, expander: expander}, err
}

func (x *expand) next(ctx context.Context) (*types.Batch, error) {
	if out := x.pieces.next(); out != nil {
		return out, nil
	}
	for x.failed == nil {
		if err := ended(ctx); err != nil {
			return nil, err
		}
		if x.work == nil || x.work.Done() {
			in, err := x.input.next(ctx)
			if err != nil {
				return nil, err
			}
			x.work = x.expander.Expand(&x.scope.env, in, operator.Place{})
		}
		out := x.work.Next(func(_ int32, err error) bool {
			x.failed = err
			return false
		})
		if out != nil {
			x.pieces.start(out)
			return x.pieces.next(), nil
		}
	}
	return nil, x.failed
}

func (x *expand) rewind() {
	x.work, x.failed = nil, nil
	x.pieces.start(nil)
	x.input.rewind()
}

func (x *expand) close() { x.input.close() }
