package plan

import "millrace/sql/expr"

// Within says how far apart in event time the rows are that a join with a GRACE
// PERIOD joins: a row of the right side is at most Before earlier than that of the
// left side, and at most After later. Lengths are in microseconds.
//
// The window of a row is the span of time in which rows of the other side match it:
// from Before earlier to After later for a left row, the other way round for a right
// one. It is over when the other side's stream time has passed its end and Grace.
type Within struct {
	Before, After, Grace int64
	// Times are the columns with the event time of the left and of the right side's
	// rows, each numbered in its own side.
	Times [2]int
}

// Reach is how far behind stream time a row may be before it is late: no window of a
// row that it could match is open then. Rows of the result are no further behind.
func (w *Within) Reach() int64 { return w.Before + w.After + w.Grace }

// Span is how far from a row of a side the rows that match it are: so much earlier,
// and so much later.
func (w *Within) Span(right bool) (before, after int64) {
	if right {
		return w.After, w.Before
	}
	return w.Before, w.After
}

// StreamTime notes for each row of a side of a join, where it enters, the stream time
// then, that row included. The output is the input's columns, then the row's event time
// and the stream time. Rows that are late are left out.
type StreamTime struct {
	Base
	Input Node
	// Time is the event time, a timestamp with time zone.
	Time expr.Expr
	// The rows that match a row are at most Before earlier than it, or After later, and
	// Grace is that of the join, in microseconds.
	Before, After, Grace int64
	// IdleTimeout is after how long without rows all windows are over; 0 for never.
	IdleTimeout int64
}

// Late is how far behind stream time a row is late when it is further.
func (n *StreamTime) Late() int64 { return n.Before + n.After + n.Grace }

// Inputs implements Node.
func (n *StreamTime) Inputs() []Node { return []Node{n.Input} }
