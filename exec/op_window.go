package exec

import (
	"encoding/binary"
	"fmt"
	"time"

	"millrace/exec/operator"
	"millrace/planner/plan"
	"millrace/sql/types"
	"millrace/tables"
)

// window gives each change once per window that its row is in, at the change's
// weight. The windows depend on the row alone, so a row is taken away from the
// windows that it was added to, and the one-shot meaning is the same.
//
// Where windows close it also keeps stream time, and leaves out the changes that
// are late: those of windows that were over, grace included, by the rows before
// them in their partition.
//
// Invariant: between turns the stored state equals times. It is, per partition,
//
//	version u8 · (idleness u8 · time varint)
//
// under the operator's empty key; a partition's idleness is not kept.
type window struct {
	next    consumer
	windows *operator.Windows
	closing *plan.Closing
	key     stateKey
	// times are the partitions': one on a shard. loaded says that they are those of
	// the store.
	times         []partitionTime
	loaded, dirty bool
}

// partitionTime is the stream time of a partition, and when its last row came.
type partitionTime struct {
	streamTime
	seen time.Time
}

// newWindow makes the operator of a plan's node over the rows of partitions.
func newWindow(node *plan.Window, key stateKey, next consumer, partitions int) (*window, error) {
	windows, err := operator.NewWindows(node)
	if err != nil {
		return nil, err
	}
	w := &window{next: next, windows: windows, closing: node.Closing, key: key, times: make([]partitionTime, partitions)}
	for i := range w.times {
		w.times[i].at = noTime
	}
	return w, nil
}

func (w *window) process(t *turn, in *types.Batch) {
	times := w.windows.Assign(t.eval, in)
	if w.closing != nil {
		w.judge(t, in, times)
	}
	t.reportErrors(in)
	if n := len(w.windows.Rows); n > 0 {
		w.next.process(t, w.windows.Batch(in, 0, n))
	}
}

// judge advances stream time by the rows of in and leaves out what is late.
func (w *window) judge(t *turn, in *types.Batch, times *types.Vector) {
	w.load(t)
	p := &w.times[0]
	if int(in.Partition) < len(w.times) {
		p = &w.times[in.Partition]
	}
	before := p.at
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
	p.seen, p.idle = t.now, active
	w.dirty = w.dirty || p.at != before
}

func (w *window) finish(t *turn) {
	if w.closing != nil {
		w.load(t)
		w.advance(t)
	}
	w.next.finish(t)
}

// advance tells the operators behind what the time is.
func (w *window) advance(t *turn) {
	times := make([]streamTime, len(w.times))
	for i := range w.times {
		w.rest(t, &w.times[i])
		times[i] = w.times[i].streamTime
	}
	t.time = combined(times)
	if t.unordered {
		t.time = streamTime{at: noTime}
	}
	if w.dirty && t.write != nil {
		buf := tables.AppendStateKey(t.scratch[:0], w.key.query, w.key.stage, w.key.operator, nil)
		keyLen := len(buf)
		buf = append(buf, recordVersion)
		for _, at := range times {
			buf = at.append(buf)
		}
		t.write.Set(buf[:keyLen], buf[keyLen:])
		t.scratch = buf
	}
	w.dirty = false
}

// rest finds out whether a partition is idle, and when it will be next.
func (w *window) rest(t *turn, p *partitionTime) {
	timeout := time.Duration(w.closing.IdleTimeout) * time.Microsecond
	since := t.now.Sub(p.seen)
	switch {
	case t.unused:
		p.idle = stopped
	case t.behind:
		p.idle = active
	case timeout > 0 && since >= timeout:
		p.idle = stopped
	case since >= partitionIdle:
		p.idle = idle
		if timeout > 0 {
			t.wakeAt(p.seen.Add(timeout))
		}
	default:
		p.idle = active
		if timeout > 0 && timeout < partitionIdle {
			t.wakeAt(p.seen.Add(timeout))
		} else {
			t.wakeAt(p.seen.Add(partitionIdle))
		}
	}
}

// load takes the stored times, the first time.
func (w *window) load(t *turn) {
	if w.loaded {
		return
	}
	w.loaded = true
	for i := range w.times {
		w.times[i].seen = t.now
	}
	if t.state == nil {
		return
	}
	stored, found, err := t.state.Get(tables.AppendStateKey(nil, w.key.query, w.key.stage, w.key.operator, nil), nil)
	if err != nil || !found {
		if err != nil {
			t.fail(fmt.Errorf("read the stream time of a window: %w", err))
		}
		return
	}
	if len(stored) == 0 || stored[0] != recordVersion {
		t.fail(errBadRecord)
		return
	}
	r := uvarintReader{data: stored[1:]}
	for i := range w.times {
		w.times[i].at = r.streamTime().at
	}
	if r.bad {
		t.fail(errBadRecord)
	}
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
