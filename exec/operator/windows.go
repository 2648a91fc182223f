package operator

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// Windows computes the windows of instants. It holds those of one batch at a
// time.
//
// Instants and bounds are timestamps with time zone: microseconds since
// 2000-01-01. Windows are aligned to the Unix epoch and half open, also before
// it.
type Windows struct {
	kind          plan.WindowKind
	size, advance int64
	time          *expr.Program

	// Rows, Starts and Ends are the windows of the last batch: window i is of row
	// Rows[i]. The windows of a row are in the order of their ends.
	Rows         []int32
	Starts, Ends []int64
}

// NewWindows returns the windows of a plan's node. Those of sessions are of the
// single rows, from their time to the gap behind it.
func NewWindows(node *plan.Window) (*Windows, error) {
	program, err := expr.Compile(node.Time)
	if err != nil {
		return nil, err
	}
	return &Windows{kind: node.Kind, size: node.Size, advance: node.Advance, time: program}, nil
}

// epoch is the Unix epoch as a timestamp.
var epoch = types.TimestampFromUnixMillis(0)

// The instants that have windows: bounds of any length do not overflow.
var (
	firstInstant = types.TimestampFromUnixMillis(-210_000_000_000_000)  // 4685 BC
	lastInstant  = types.TimestampFromUnixMillis(9_000_000_000_000_000) // beyond the year 280000
)

// Assign computes the windows of the rows of in. Rows without a time have none;
// those whose time fails, or is too far from now to have windows, are in
// ctx.Errors. It returns the times.
func (w *Windows) Assign(ctx *expr.Context, in *types.Batch) *types.Vector {
	w.Rows, w.Starts, w.Ends = w.Rows[:0], w.Starts[:0], w.Ends[:0]
	times := w.time.EvalRef(ctx, in, nil)
	CheckInstants(ctx, times, in.Len)
	failed := len(ctx.Errors) > 0
	for i := range int32(in.Len) {
		if times.IsNull(int(i)) || failed && ctx.Failed(i) {
			continue
		}
		w.assign(i, times.Ints[i])
	}
	return times
}

// CheckInstants adds those of n times that are too far from now to have windows to
// ctx.Errors.
func CheckInstants(ctx *expr.Context, times *types.Vector, n int) {
	failed := len(ctx.Errors) > 0
	for i := range int32(n) {
		if times.IsNull(int(i)) || failed && ctx.Failed(i) {
			continue
		}
		if at := times.Ints[i]; at < firstInstant || at > lastInstant {
			ctx.Fail(i, sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "timestamp out of range for windows"))
		}
	}
}

func (w *Windows) assign(row int32, at int64) {
	switch w.kind {
	case plan.WindowTumbling:
		start := w.floor(at, w.size)
		w.add(row, start, start+w.size)
	case plan.WindowHopping:
		last := w.floor(at, w.advance)
		// The first window that holds the instant ends right after it.
		for start := last - (last+w.size-at-1)/w.advance*w.advance; start <= last; start += w.advance {
			w.add(row, start, start+w.size)
		}
	case plan.WindowSession:
		w.add(row, at, at+w.size)
	case plan.WindowCumulate:
		start := w.floor(at, w.size)
		for end := w.floor(at, w.advance) + w.advance; end <= start+w.size; end += w.advance {
			w.add(row, start, end)
		}
	}
}

func (w *Windows) add(row int32, start, end int64) {
	w.Rows = append(w.Rows, row)
	w.Starts = append(w.Starts, start)
	w.Ends = append(w.Ends, end)
}

// floor returns the last multiple of length since the epoch that is not after
// an instant.
func (w *Windows) floor(at, length int64) int64 {
	past := (at - epoch) % length
	if past < 0 {
		past += length
	}
	return at - past
}

// Retain leaves out the windows for which keep is false.
func (w *Windows) Retain(keep func(i int) bool) {
	n := 0
	for i := range w.Rows {
		if keep(i) {
			w.Rows[n], w.Starts[n], w.Ends[n] = w.Rows[i], w.Starts[i], w.Ends[i]
			n++
		}
	}
	w.Rows, w.Starts, w.Ends = w.Rows[:n], w.Starts[:n], w.Ends[:n]
}

// Batch returns a new batch of the rows of windows from up to to, with the
// columns window_start and window_end. The windows must be those of in.
func (w *Windows) Batch(in *types.Batch, from, to int) *types.Batch {
	out := in.Select(w.Rows[from:to])
	out.Columns = append(out.Columns,
		types.Vector{Type: types.TimestampTZ, Ints: slices.Clone(w.Starts[from:to])},
		types.Vector{Type: types.TimestampTZ, Ints: slices.Clone(w.Ends[from:to])})
	return out
}
