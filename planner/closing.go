package planner

import (
	"slices"
	"strings"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// When windows are over: GRACE PERIOD and RETENTION of the WINDOW clause, and
// EMIT FINAL with its options.

// finalOptions are the options of EMIT FINAL.
type finalOptions struct {
	wallClock bool
	// idleTimeout is in microseconds; 0 for none.
	idleTimeout int64
}

var finalOptionNames = []string{"idle_timeout", "close"}

func readFinalOptions(reader *optionReader) (*finalOptions, error) {
	final := &finalOptions{}
	if o := reader.find("idle_timeout"); o != nil {
		millis, err := optionMillis(o)
		if err != nil {
			return nil, err
		}
		final.idleTimeout = millis * 1000
	}
	if o := reader.find("close"); o != nil {
		text, err := optionText(o)
		if err != nil {
			return nil, err
		}
		switch strings.ToLower(text) {
		case "stream_time":
		case "wall_clock":
			final.wallClock = true
		default:
			return nil, badOption(o, "'stream_time' or 'wall_clock'")
		}
	}
	return final, nil
}

// continuousEmit reads the EMIT clause of a continuous query.
func (b *binder) continuousEmit(emit *ast.Emit) error {
	if emit == nil {
		return nil
	}
	if emit.Limit != nil {
		return notSupported(emit.Pos(), "a continuous query does not end: LIMIT behind EMIT CHANGES is for a SELECT")
	}
	for _, o := range emit.Options {
		if name := strings.ToLower(o.Name); name == "snapshot" || name == "from_beginning" {
			return notSupported(o.Pos(), "option %q is for a SELECT", o.Name).
				WithHint("A continuous query reads everything from the beginning; start = 'latest' or a time has it begin elsewhere in streams.")
		}
	}
	clause, known := "EMIT CHANGES", startOptionNames
	if emit.Kind == ast.EmitFinal {
		clause, known = "EMIT FINAL", append(slices.Clone(finalOptionNames), startOptionNames...)
	}
	reader, err := newOptionReader(emit.Options, clause, known)
	if err != nil {
		return err
	}
	if _, err := b.readStart(reader); err != nil || emit.Kind == ast.EmitChanges {
		return err
	}
	b.final, err = readFinalOptions(reader)
	return err
}

// checkFinal refuses EMIT FINAL where no window is closed.
func (b *binder) checkFinal(emit *ast.Emit, node plan.Node) error {
	if b.final == nil || closesFinally(node) {
		return nil
	}
	return sqlerr.New(sqlerr.WindowingError, emit.Pos(), "EMIT FINAL needs an aggregation by windows").
		WithHint("Group by a window: FROM … WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY …; other results have no last change.")
}

func closesFinally(node plan.Node) bool {
	switch n := node.(type) {
	case *plan.Aggregate:
		if n.Closing != nil && n.Closing.Final {
			return true
		}
	case *plan.Join:
		if n.Within != nil && n.Properties.Kind == plan.AppendOnly {
			return true
		}
	}
	for _, input := range node.Inputs() {
		if closesFinally(input) {
			return true
		}
	}
	return false
}

// close gives a window node what says when its windows are over. Without EMIT
// FINAL, GRACE PERIOD and RETENTION they never are.
func (b *binder) close(w *plan.Window, clause *ast.StreamWindow) error {
	closing := &plan.Closing{Grace: plan.NoLimit, Keep: plan.NoLimit, Every: w.Size}
	if w.Kind == plan.WindowSession {
		// Sessions end anywhere; what waits for them is told of time in steps.
		closing.Every = max(w.Size/16, 1)
	}
	if w.Advance > 0 {
		closing.Every = w.Advance
		closing.Phase = w.Size % w.Advance
	}
	var err error
	if clause.Grace != nil {
		if closing.Grace, err = b.lengthOf(clause.Grace, "the grace period of a window"); err != nil {
			return err
		}
		if closing.Grace < 0 {
			return sqlerr.New(sqlerr.WindowingError, clause.Grace.Pos(), "the grace period of a window must not be negative")
		}
	}
	if clause.Retention != nil {
		retention, err := b.duration(clause.Retention, "the retention of a window")
		if err != nil {
			return err
		}
		if retention < w.Size+max(closing.Grace, 0) {
			return sqlerr.New(sqlerr.WindowingError, clause.Retention.Pos(), "the retention of a window must be at least its size plus its grace period")
		}
		closing.Keep = retention - w.Size
	}
	if b.final != nil && b.depth == 1 {
		closing.Final, closing.WallClock, closing.IdleTimeout = true, b.final.wallClock, b.final.idleTimeout
		closing.Grace = max(closing.Grace, 0)
	}
	if closing.Grace == plan.NoLimit {
		// What is not kept cannot be added to.
		closing.Grace = closing.Keep
	}
	if b.incremental() && closing.Grace != plan.NoLimit {
		w.Closing = closing
	}
	return nil
}

// resultOf is the plan of a query for a stream or a table: a stream has only the
// columns that are selected, a table also those of its key.
func (c *continuousBinder) resultOf(kind catalog.Kind) plan.Node {
	if kind == catalog.KindStream && len(c.root.Columns()) > c.visible {
		return passColumns(c.root, upTo(c.visible))
	}
	return c.root
}
