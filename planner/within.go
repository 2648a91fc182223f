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

// within binds WITHIN: the condition that the event time of the right side's row is
// no more than Before before that of the left side's, and no more than After
// behind it. The event time of a joined row, whose name is found without a
// qualifier, is the later one of the two.
func (b *binder) within(w *ast.Within, left, right *fromItem, both *scope) (expr.Expr, error) {
	if b.incremental() && (left.node.Props().Kind != plan.AppendOnly || right.node.Props().Kind != plan.AppendOnly) {
		return nil, notSupported(w.Pos(), "WITHIN is only supported between streams").
			WithHint("A stream meets a table's rows as they are then, without WITHIN.")
	}
	if w.Grace != nil {
		return nil, notSupported(w.Grace.Pos(), "GRACE PERIOD of a join is not supported").
			WithHint("Without it no row is late, and the rows of both streams are kept.")
	}
	before, err := b.lengthWithin(w.Before)
	if err != nil {
		return nil, err
	}
	after := before
	if w.After != nil {
		if after, err = b.lengthWithin(w.After); err != nil {
			return nil, err
		}
	}
	leftTime, err := b.joinedTime(left.scope, "left", w.Pos())
	if err != nil {
		return nil, err
	}
	rightTime, err := b.joinedTime(right.scope, "right", w.Pos())
	if err != nil {
		return nil, err
	}
	rightTime = shiftColumns(rightTime, len(left.node.Columns()))
	eb := &exprBinder{binder: b, scope: both, clause: "JOIN/WITHIN"}
	later, err := eb.call("greatest", []expr.Expr{leftTime, rightTime}, w.Pos())
	if err != nil {
		return nil, err
	}
	both.mergeRowtime(later)
	return eb.timesWithin(leftTime, rightTime, before, after, w.Pos())
}

// lengthWithin reads a bound of WITHIN, in microseconds.
func (b *binder) lengthWithin(d *ast.Duration) (int64, error) {
	micros, err := b.lengthOf(d, "the bound of WITHIN")
	if err == nil && micros < 0 {
		return 0, sqlerr.New(sqlerr.WindowingError, d.Pos(), "the bound of WITHIN must not be negative")
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

// timesWithin is left - before <= right AND right <= left + after.
func (b *exprBinder) timesWithin(left, right expr.Expr, before, after int64, pos int) (expr.Expr, error) {
	bounds := make([]expr.Expr, 2)
	for i, micros := range [2]int64{-before, after} {
		length := &expr.Const{Node: expr.Node{ResultType: types.Interval, Position: pos}, Value: types.StringDatum(types.EncodeInterval(types.IntervalValue{Micros: micros}))}
		end, err := b.operator("+", left, length, pos)
		if err != nil {
			return nil, err
		}
		if bounds[i], err = b.operator([2]string{">=", "<="}[i], right, end, pos); err != nil {
			return nil, err
		}
	}
	return conjunction(bounds), nil
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
