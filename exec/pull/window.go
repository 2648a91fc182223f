package pull

import (
	"context"

	"millrace/exec/operator"
	"millrace/planner/plan"
	"millrace/sql/types"
)

// window gives each row once per window that it is in.
type window struct {
	scope   *scope
	input   node
	windows *operator.Windows
	// in is the input's batch at work, and at the first of its windows that were
	// not given yet.
	in     *types.Batch
	at     int
	failed error
}

func newWindow(s *scope, n *plan.Window, input node) (node, error) {
	windows, err := operator.NewWindows(n)
	if err != nil {
		return nil, err
	}
	return &window{scope: s, input: input, windows: windows}, nil
}

func (w *window) next(ctx context.Context) (*types.Batch, error) {
	for {
		if left := len(w.windows.Rows) - w.at; w.in != nil && left > 0 {
			from := w.at
			w.at += min(left, batchRows)
			return w.windows.Batch(w.in, from, w.at), nil
		}
		if w.failed != nil {
			return nil, w.failed
		}
		var err error
		if w.in, err = w.input.next(ctx); err != nil {
			return nil, err
		}
		w.at = 0
		env := &w.scope.env
		env.ResetErrors()
		w.windows.Assign(env, w.in)
		if row, err := firstFailure(env); err != nil {
			w.failed = err
			w.windows.Retain(func(i int) bool { return int(w.windows.Rows[i]) < row })
		}
	}
}

func (w *window) rewind() {
	w.in, w.failed = nil, nil
	w.input.rewind()
}

func (w *window) close() { w.input.close() }
