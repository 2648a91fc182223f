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
	// WindowCumulate, and the gap of WindowSession, whose windows are those of single
	// rows until a Session merges them. Advance is the distance of the
	// starts of WindowHopping and of the ends of WindowCumulate, else 0.
	Size, Advance int64
	// Closing says when windows are over; nil when they never are.
	Closing *Closing
}

// Inputs implements Node.
func (n *Window) Inputs() []Node { return []Node{n.Input} }

// StartColumn is the number of the output column window_start; window_end is the
// next one.
func (n *Window) StartColumn() int { return len(n.Cols) - 2 }

// Session merges windows that overlap: rows of equal Partition columns whose
// windows, each from the row's time to the gap behind it, form a chain get the
// bounds of the whole as their window. The columns are those of the input.
type Session struct {
	Base
	Input     Node
	Partition []int
}

// Inputs implements Node.
func (n *Session) Inputs() []Node { return []Node{n.Input} }

// WindowBounds says which columns of a result hold the window of its rows.
type WindowBounds struct {
	Start, End int
	// Fixed says that all windows have the same length, so that either bound
	// decides the other.
	Fixed bool
	// Gap is that of sessions, 0 for other windows.
	Gap int64
	// Closing says when the windows are over; nil when they never are, or when what
	// closes them stands below.
	Closing *Closing
}

// Closing says when windows are over. Lengths are in microseconds.
type Closing struct {
	// A window closes Grace after its end in stream time; rows that come for it
	// later are late. NoLimit keeps it open for ever.
	Grace int64
	// The result of a window goes Keep after its end in stream time, without a
	// retraction. NoLimit keeps it for ever.
	Keep int64
	// Final says that a window's result is given once, when the window closes.
	Final bool
	// WallClock closes windows by the clock instead of stream time.
	WallClock bool
	// IdleTimeout closes all windows when no row has come for so long; 0 does not.
	IdleTimeout int64
	// Windows end at instants Phase + n * Every since the Unix epoch, so stream time
	// matters where it passes one of these plus Grace.
	Every, Phase int64
}
