package plan

import "millrace/sql/expr"

// WindowKind is the shape of windows over event time.
type WindowKind uint8

// The kinds of window.
const (
	WindowTumbling WindowKind = iota
	WindowHopping
	WindowCumulate
	WindowSession
)

// String returns the word of the kind in SQL's WINDOW clause.
func (k WindowKind) String() string {
	return [...]string{"TUMBLING", "HOPPING", "CUMULATE", "SESSION"}[k]
}

// NoLimit says that a window's grace or retention never ends.
const NoLimit = -1

// Window gives each row the windows of event time that it belongs to. Its output
// is the input's columns, then window_start and window_end; a row is there once
// per window. A window holds the instants from its start up to but not including
// its end. A row whose Time is NULL is in no window.
type Window struct {
	Base
	Input Node
	Kind  WindowKind
	// Time is the event time, a timestamp with time zone.
	Time expr.Expr
	// Size is the length of a window in microseconds, the longest one of
	// WindowCumulate, and the gap of WindowSession. Advance is the distance of the
	// starts of WindowHopping and of the ends of WindowCumulate, else 0.
	Size, Advance int64
}

// Inputs implements Node.
func (n *Window) Inputs() []Node { return []Node{n.Input} }

// StartColumn is the number of the output column window_start; window_end is the
// next one.
func (n *Window) StartColumn() int { return len(n.Cols) - 2 }

// WindowBounds says which columns of a result hold the window of its rows.
type WindowBounds struct {
	Start, End int
	// Fixed says that all windows have the same length, so that either bound
	// decides the other.
	Fixed bool
}
