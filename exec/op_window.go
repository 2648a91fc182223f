package exec

import (
	"encoding/binary"

	"millrace/exec/operator"
	"millrace/planner/plan"
	"millrace/sql/types"
)

// window gives each change once per window that its row is in, at the change's
// weight. The windows depend on the row alone, so a row is taken away from the
// windows that it was added to, and the one-shot meaning is the same.
//
// Where windows close it also keeps stream time, and leaves out the changes that
// are late: those of windows that were over, grace included, by the rows before
// them in their partition. Where stream time comes with the rows, none is late.
type window struct {
	next    consumer
	windows *operator.Windows
	closing *plan.Closing
	// clock is nil where windows never close, and where stream time comes with the
	// rows.
	clock *partitionClock
}

// newWindow makes the operator of a plan's node over the rows of partitions.
func newWindow(node *plan.Window, key stateKey, next consumer, partitions int) (*window, error) {
	windows, err := operator.NewWindows(node)
	if err != nil {
		return nil, err
	}
	w := &window{next: next, windows: windows, closing: node.Closing}
	if node.Closing != nil && node.Input.Props().Clock == nil {
		w.clock = newPartitionClock(key, partitions, node.Closing.IdleTimeout)
	}
	return w, nil
}

func (w *window) process(t *turn, in *types.Batch) {
	times := w.windows.Assign(t.eval, in)
	if w.clock != nil {
		w.judge(t, in, times)
	}
	t.reportErrors(in)
	if n := len(w.windows.Rows); n > 0 {
		w.next.process(t, w.windows.Batch(in, 0, n))
	}
}

// judge advances stream time by the rows of in and leaves out what is late.
func (w *window) judge(t *turn, in *types.Batch, times *types.Vector) {
	p := w.clock.of(t, in)
	judges := !t.unordered && !w.closing.WallClock
	w.windows.Retain(func(i int) bool {
		row := w.windows.Rows[i]
		p.at = max(p.at, times.Ints[row])
		if !judges || w.windows.Ends[i]+w.closing.Grace > p.at {
			return true
		}
		t.reportLate(in, row, w.windows.Starts[i], w.windows.Ends[i])
		return false
	})
}

func (w *window) finish(t *turn) {
	if w.clock != nil {
		w.clock.advance(t)
	}
	w.next.finish(t)
}

// lateRow is a change that came too late for a window, in the list of those:
//
//	version u8 · time · partition · offset + 1 · rowtime, start, end varints
type lateRow struct {
	time       int64 // milliseconds since the Unix epoch
	partition  int
	offset     int64 // -1 where the row has none
	rowtime    int64 // a timestamp; noTime where it is not known
	start, end int64 // timestamps
	rows       int64 // how many rows, where the change stands for several
}

func (l *lateRow) append(buf []byte) []byte {
	buf = append(buf, recordVersion)
	for _, v := range []uint64{uint64(l.time), uint64(l.partition), uint64(l.offset + 1), uint64(l.rows)} {
		buf = binary.AppendUvarint(buf, v)
	}
	for _, v := range []int64{l.rowtime, l.start, l.end} {
		buf = binary.AppendVarint(buf, v)
	}
	return buf
}

func decodeLateRow(data []byte) (lateRow, error) {
	var l lateRow
	if len(data) == 0 || data[0] != recordVersion {
		return l, errBadRecord
	}
	r := uvarintReader{data: data[1:]}
	l.time, l.partition, l.offset, l.rows = int64(r.next()), int(r.next()), int64(r.next())-1, int64(r.next())
	l.rowtime, l.start, l.end = r.varint(), r.varint(), r.varint()
	if r.bad {
		return l, errBadRecord
	}
	return l, nil
}
