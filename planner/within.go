package planner

import (
	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// rowtimeName is the pseudocolumn with a row's event time.
const rowtimeName = "rowtime"

// boundWithin is the WITHIN of a join: the event time of the right side's row is no
// more than Before before that of the left side's, and no more than After behind it.
//
// With a GRACE PERIOD, where the result is kept up to date, a pair of rows is joined
// unless one of them came when the window of the other one was over. That is a
// condition like the others: a row has with it what stream time was when it came.
type boundWithin struct {
	plan.Within
	// graced says that rows go when their windows are over.
	graced bool
	// idleTimeout is that of EMIT FINAL, in microseconds; 0 for none.
	idleTimeout int64
	// times are the event times of the rows of the left and right side, and came what
	// stream time was when they came; nil where no row of a side comes late. Each reads
	// its own side's columns.
	times, came [2]expr.Expr
	pos         int
}

// within binds WITHIN before the condition of the join. The sides get the columns that
// it needs behind their own.
func (b *binder) within(w *ast.Within, sides [2]*fromItem) (*boundWithin, error) {
	bound := &boundWithin{pos: w.Pos()}
	if b.incremental() && (sides[0].node.Props().Kind != plan.AppendOnly || sides[1].node.Props().Kind != plan.AppendOnly) {
		return nil, notSupported(w.Pos(), "WITHIN is only supported between streams").
			WithHint("A stream meets a table's rows as they are then, without WITHIN.")
	}
	var err error
	if bound.Before, err = b.lengthWithin(w.Before, "the bound of WITHIN"); err != nil {
		return nil, err
	}
	bound.After = bound.Before
	if w.After != nil {
		if bound.After, err = b.lengthWithin(w.After, "the bound of WITHIN"); err != nil {
			return nil, err
		}
	}
	if w.Grace != nil {
		if bound.Grace, err = b.lengthWithin(w.Grace, "the grace period of WITHIN"); err != nil {
			return nil, err
		}
		bound.graced = b.incremental()
	}
	if bound.graced && b.final != nil {
		if b.final.wallClock {
			return nil, notSupported(w.Pos(), "close = 'wall_clock' is not supported with WITHIN … GRACE PERIOD").
				WithHint("Its windows are over by stream time; idle_timeout closes them when no rows come.")
		}
		bound.idleTimeout = b.final.idleTimeout
	}
	for side, item := range sides {
		if bound.times[side], err = b.joinedTime(item.scope, [2]string{"left", "right"}[side], w.Pos()); err != nil {
			return nil, err
		}
		if bound.graced {
			if item.node, err = bound.timed(b, item.node, side); err != nil {
				return nil, err
			}
		}
	}
	return bound, nil
}

// timed gives a side's rows their event time, and stream time where they enter.
func (w *boundWithin) timed(b *binder, node plan.Node, side int) (plan.Node, error) {
	at := len(node.Columns())
	w.Times[side] = at
	if node.Props().Clock != nil {
		exprs, names := passOn(node)
		node = newProject(node, append(exprs, w.times[side]), append(names, eventTimeName))
	} else {
		before, after := w.Span(side == 1)
		node = b.noteStreamTime(node, &plan.StreamTime{Time: w.times[side], Before: before, After: after, Grace: w.Grace, IdleTimeout: w.idleTimeout})
		if node == nil {
			return nil, notSupported(w.pos, "WITHIN and a GRACE PERIOD are not supported over a join of streams without a GRACE PERIOD").
				WithHint("Rows of such a join come in no order of time: give it WITHIN … GRACE PERIOD, too.")
		}
		w.came[side] = columnOf(node.Columns()[at+1], at+1)
	}
	w.times[side] = columnOf(node.Columns()[at], at)
	return node, nil
}

// lengthWithin reads a length of WITHIN, in microseconds.
func (b *binder) lengthWithin(d *ast.Duration, what string) (int64, error) {
	micros, err := b.lengthOf(d, what)
	if err == nil && micros < 0 {
		return 0, sqlerr.New(sqlerr.WindowingError, d.Pos(), "%s must not be negative", what)
	}
	return micros, err
}

// joinedTime is the event time of a side's rows.
func (b *binder) joinedTime(s *scope, side string, pos int) (expr.Expr, error) {
	c, err := s.lookup(rowtimeName, pos)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, sqlerr.New(sqlerr.WindowingError, pos, "WITHIN needs the rowtime of streams, which the %s side of the join does not have", side).
			WithHint("A subquery passes rowtime on when it selects it.")
	}
	return b.eventTime(c.at(0, pos))
}

// withinCondition is the condition of WITHIN on the rows of both sides, of which the
// left one has width columns. The event time of a joined row, whose name is found
// without a qualifier, is the later one of the two.
func (b *binder) withinCondition(w *boundWithin, both *scope, width int) (expr.Expr, error) {
	eb := &exprBinder{binder: b, scope: both, clause: "JOIN/WITHIN"}
	left, right := w.times[0], shiftColumns(w.times[1], width)
	later, err := eb.call("greatest", []expr.Expr{left, right}, w.pos)
	if err != nil {
		return nil, err
	}
	both.mergeRowtime(later)
	type comparison struct {
		row      expr.Expr
		operator string
		from     expr.Expr
		length   int64
	}
	comparisons := []comparison{{right, ">=", left, -w.Before}, {right, "<=", left, w.After}}
	if w.came[0] != nil {
		comparisons = append(comparisons, comparison{w.came[0], "<=", right, w.Before + w.Grace})
	}
	if w.came[1] != nil {
		comparisons = append(comparisons, comparison{shiftColumns(w.came[1], width), "<=", left, w.After + w.Grace})
	}
	conditions := make([]expr.Expr, len(comparisons))
	for i, c := range comparisons {
		length := &expr.Const{Node: expr.Node{ResultType: types.Interval, Position: w.pos}, Value: types.StringDatum(types.EncodeInterval(types.IntervalValue{Micros: c.length}))}
		end, err := eb.operator("+", c.from, length, w.pos)
		if err != nil {
			return nil, err
		}
		if conditions[i], err = eb.operator(c.operator, c.row, end, w.pos); err != nil {
			return nil, err
		}
	}
	return conjunction(conditions), nil
}

// mergeRowtime gives the name rowtime, without a qualifier, to one value.
func (s *scope) mergeRowtime(value expr.Expr) {
	for i, c := range s.columns {
		if c.bare && c.name == rowtimeName {
			hidden := *c
			hidden.bare = false
			s.columns[i] = &hidden
		}
	}
	s.columns = append(s.columns, &scopeColumn{name: rowtimeName, value: value, bare: true})
}

// moveTimes returns a join's WITHIN with its columns where they are then; nil for nil.
func moveTimes(w *plan.Within, left, right []int) *plan.Within {
	if w == nil {
		return nil
	}
	moved := *w
	moved.Times = [2]int{left[w.Times[0]], right[w.Times[1]]}
	return &moved
}
