package exec

import (
	"encoding/binary"
	"fmt"

	"millrace/planner/plan"
	"millrace/sql/types"
	"millrace/tables"
)

// within is what a join of streams WITHIN a time and with a GRACE PERIOD does besides
// joining: it lets go of rows whose windows are over, and gives those without a match
// then.
//
// A row is over when the stream time of the other side has passed the end of its window
// and the grace: every row that is still to come has a later stream time with it, with
// which the join's condition excludes the pair. So what is given depends on the order of
// rows in their partitions alone, and does not change any more. A side whose partitions
// have all had no rows for a while does not hold back the other one.
//
// Rows are kept by spans of time and, in these, by join key: what is over is one range.
// Rows of an outer or anti join that have no match are kept in the order of their time,
// too: see openRows.
//
// Invariants:
//   - Rows of a side before closed are over: none is matched or kept any more, and those
//     that had no match are given, or will be before anything later closes.
//   - closed stands still while work of the join waits, so a row's partners do not
//     change while it is worked on.
//   - No row of the result is older than the stream time handed on, but for rows of
//     partitions that were idle.
//   - Between turns what is stored equals what is in memory:
//     version u8 · number uvarint · (closed, given varints) of the left and right side.
type within struct {
	plan *plan.Within
	// length is that of the spans of time that rows are kept by.
	length int64
	state  []byte
	// times are the stream times of the sides as of the last turn's end.
	times [2]streamTime
	sides [2]withinSide
	// number is that of the next row that is kept, and began what it was when the turn
	// began: what a turn keeps is told from what is stored.
	number, began uint64
	loaded, dirty bool
}

// withinSide is how far a side is.
type withinSide struct {
	closed int64
	// forgotten is the span of time before which rows are deleted.
	forgotten int64
	// open are the rows without a match; nil where these are not given.
	open *openRows
}

// Parts of the operator's state besides those of joinSide and workQueue.
const (
	withinTimes    = 4
	withinOpenRows = 5 // and 6, of the right side
)

func newWithin(node *plan.Join, key stateKey, sides [2]*joinSide) *within {
	w := &within{
		plan: node.Within, length: max((node.Within.Before+node.Within.After)/2, 1_000_000),
		state: tables.AppendStateKey(nil, key.query, key.stage, key.operator, nil),
	}
	for side := range w.sides {
		w.times[side].at = noTime
		w.sides[side] = withinSide{closed: noTime, forgotten: w.span(noTime)}
		if sides[side].unmatched == unmatchedGiven {
			w.sides[side].open = newOpenRows(append(w.state[:len(w.state):len(w.state)], withinOpenRows+byte(side)), sides[side])
		}
	}
	return w
}

// later is how far behind a row of a side its window ends.
func (w *within) later(side int) int64 {
	_, later := w.plan.Span(side == rightSide)
	return later
}

// partners returns the times of the rows that may match a row of a side.
func (w *within) partners(side int, at int64) (low, high int64) {
	before, after := w.plan.Span(side == rightSide)
	return max(at-before, w.sides[1-side].closed), at + after
}

// span returns the number of the span of time that holds an instant.
func (w *within) span(at int64) int64 {
	n := at / w.length
	if at%w.length < 0 {
		n--
	}
	return n
}

// appendInstant appends a number so that keys are in the order of the numbers.
func appendInstant(buf []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(buf, uint64(n)^1<<63)
}

// instantOf reads what appendInstant has appended.
func instantOf(key string) int64 {
	return int64(binary.BigEndian.Uint64(bytesOf(key[:8])) ^ 1<<63)
}

// group is the key by which rows of a span of time and join key are kept.
func (w *within) group(span int64, key string) string {
	return string(append(appendInstant(make([]byte, 0, 8+len(key)), span), key...))
}

// rowID tells a row that is kept from others and is in the order of time.
func (w *within) rowID(at int64) string {
	id := binary.BigEndian.AppendUint64(appendInstant(make([]byte, 0, 16), at), w.number)
	w.number, w.dirty = w.number+1, true
	return string(id)
}

// numberOf returns the number of a row, which grows from row to row.
func numberOf(id string) uint64 { return binary.BigEndian.Uint64(bytesOf(id[8:])) }

// collectWithin pairs the next row of the work with rows of the other side whose times
// are near enough, as many as the step has room for.
func (j *join) collectWithin(t *turn, w *work, key string) {
	times := &w.rows.Columns[j.within.plan.Times[w.side]]
	at := times.Ints[w.next]
	low, high := j.within.partners(w.side, at)
	if low > high {
		// Its sender was idle when the windows closed.
		before, after := j.within.plan.Span(w.side == rightSide)
		t.reportLate(w.rows, int32(w.next), at-before, at+after)
		w.next++
		return
	}
	span, end := j.within.span(low), j.within.span(high)
	after := string(appendInstant(nil, low))
	if w.begun {
		span, after = instantOf(w.cursor), w.cursor[8:]
	}
	for ; span <= end; span++ {
		group := j.within.group(span, key)
		rows, last, more, err := j.sides[1-w.side].readFrom(t, group, after, max(j.step-len(j.pairs), 1))
		if err != nil {
			t.fail(err)
			return
		}
		for n := len(rows); n > 0 && instantOf(rows[n-1].id) > high; n-- {
			rows, more = rows[:n-1], false
		}
		j.pairs = append(j.pairs, rows...)
		j.runs = append(j.runs, joinRun{row: w.next, key: group, end: len(j.pairs)})
		if more {
			w.begun, w.cursor = true, group[:8]+last
			return
		}
	}
	j.runs = append(j.runs, joinRun{row: w.next, key: j.within.group(j.within.span(at), key), end: len(j.pairs), done: true})
	w.next++
	w.begun, w.cursor = false, ""
}

// settleWithin gives and keeps what is due of a row that has met all its partners.
func (j *join) settleWithin(w *work, run *joinRun) {
	own, side := j.sides[w.side], &j.within.sides[w.side]
	times := &w.rows.Columns[j.within.plan.Times[w.side]]
	open := !times.IsNull(run.row) && times.Ints[run.row] >= side.closed
	unmatched := own.unmatched == unmatchedGiven && w.matches == 0
	if own.unmatched == matchedGiven && w.matches > 0 || unmatched && !open {
		j.out.add(run.row, -1, 1, false)
	}
	if !open || run.unkeyed && !unmatched {
		return
	}
	row := joinRow{id: j.within.rowID(times.Ints[run.row]), row: string(own.row.AppendRow(nil, w.rows, run.row)), count: 1}
	if w.rows.Rowtimes != nil {
		row.rowtime = w.rows.Rowtimes[run.row]
	}
	if own.unmatched != unmatchedDropped {
		row.matches = w.matches
	}
	if unmatched {
		side.open.add(row)
	}
	if !run.unkeyed {
		own.touch(run.key, joinRow{id: row.id}).joinRow = row
	}
}

// timeFor is the stream time by which windows of a side are over.
func (w *within) timeFor(side int) streamTime {
	other := w.times[1-side]
	if other.idle != active {
		both := combined(w.times[:])
		other.at = max(other.at, both.at)
	}
	return other
}

// over is the time before which rows of a side are over. Where neither side has had rows
// for the query's idle timeout, all are.
func (w *within) over(side int) int64 {
	if all := combined(w.times[:]); all.idle == stopped {
		return saturated(all.at, 1)
	}
	return saturated(w.timeFor(side).at, -w.later(side)-w.plan.Grace)
}

// time is the stream time of the join's result.
func (w *within) time() streamTime {
	left, right := w.timeFor(leftSide), w.timeFor(rightSide)
	return streamTime{at: saturated(min(left.at, right.at), -w.plan.Reach()), idle: min(left.idle, right.idle)}
}

// closeWindows lets go of the rows that are over at the end of a turn, and gives those
// among them that had no match. While some are left for the next turn stream time stands
// still.
func (j *join) closeWindows(t *turn) {
	w, left := j.within, false
	w.times = j.times
	for side := range w.sides {
		s := &w.sides[side]
		if over := w.over(side); over > s.closed && !j.work.waiting() {
			s.closed, w.dirty = over, true
		}
		if s.open != nil {
			given := s.open.given
			if s.open.close(t, s.closed, w.began, func(rows *types.Batch) { j.giveUnmatched(t, side, rows) }) {
				left = true
			}
			w.dirty = w.dirty || s.open.given != given
		}
		if span := w.span(s.closed); span > s.forgotten {
			s.forgotten = span
			j.sides[side].forget(t, w.group(span, ""))
		}
	}
	w.save(t)
	w.began = w.number
	t.time = w.time()
	if left {
		t.again()
		t.time = streamTime{at: j.time.at, idle: active}
	}
}

// giveUnmatched hands on rows of one side, with NULLs for the other.
func (j *join) giveUnmatched(t *turn, side int, rows *types.Batch) {
	out := &types.Batch{Len: rows.Len, Columns: rows.Columns, Rowtimes: rows.Rowtimes}
	if j.wide {
		nulls := types.NewBatch(j.sides[1-side].columns)
		for c := range nulls.Columns {
			for range rows.Len {
				nulls.Columns[c].Append(types.Null)
			}
		}
		if side == leftSide {
			out.Columns = append(out.Columns, nulls.Columns...)
		} else {
			out.Columns = append(nulls.Columns, out.Columns...)
		}
	}
	j.next.process(t, out)
}

// load takes what is stored, the first time.
func (w *within) load(t *turn) {
	if w.loaded {
		return
	}
	w.loaded = true
	if t.state == nil {
		return
	}
	stored, found, err := t.state.Get(append(w.state[:len(w.state):len(w.state)], withinTimes), nil)
	if err == nil && found {
		r := uvarintReader{data: stored}
		if len(stored) > 0 && stored[0] == recordVersion {
			r.data = stored[1:]
		} else {
			r.bad = true
		}
		w.number = r.next()
		w.began = w.number
		for side := range w.sides {
			s := &w.sides[side]
			s.closed = r.varint()
			s.forgotten = w.span(s.closed)
			if given := r.varint(); s.open != nil {
				s.open.given = given
			}
		}
		if r.bad {
			err = errBadRecord
		}
	}
	if err != nil {
		t.fail(fmt.Errorf("read which rows of a join are over: %w", err))
	}
}

func (w *within) save(t *turn) {
	if !w.dirty || t.write == nil {
		return
	}
	w.dirty = false
	value := binary.AppendUvarint([]byte{recordVersion}, w.number)
	for side := range w.sides {
		s, given := &w.sides[side], int64(noTime)
		if s.open != nil {
			given = s.open.given
		}
		value = appendVarints(value, s.closed, given)
	}
	t.write.Set(append(w.state[:len(w.state):len(w.state)], withinTimes), value)
}
