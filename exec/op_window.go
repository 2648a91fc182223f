package exec

import (
	"millrace/exec/operator"
	"millrace/planner/plan"
	"millrace/sql/types"
)

// window gives each change once per window that its row is in, at the change's
// weight. The windows depend on the row alone, so a row is taken away from the
// windows that it was added to, and the one-shot meaning is the same.
type window struct {
	next    consumer
	windows *operator.Windows
}

func newWindow(node *plan.Window, next consumer) (*window, error) {
	windows, err := operator.NewWindows(node)
	if err != nil {
		return nil, err
	}
	return &window{next: next, windows: windows}, nil
}

func (w *window) process(t *turn, in *types.Batch) {
	w.windows.Assign(t.eval, in)
	t.reportErrors(in)
	if n := len(w.windows.Rows); n > 0 {
		w.next.process(t, w.windows.Batch(in, 0, n))
	}
}

func (w *window) finish(t *turn) { w.next.finish(t) }
