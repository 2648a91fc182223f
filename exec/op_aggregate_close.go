package exec

import (
	"fmt"
	"math"
	"slices"
	"time"

	"millrace/planner/plan"
	"millrace/sql/types"
	"millrace/tables"
)

// How an aggregation by windows lets go of those that are over.
//
// A window closes when stream time (or the clock) has passed its end and grace.
// Its groups then take no more rows. Where results are given as they change, the
// state goes by a range delete. Where they are given once (EMIT FINAL), that
// happens when the window closes, in pieces, from the committed state: a turn that
// closes windows only notes so, and the turns that follow give their results in
// the order of their keys and delete what they gave, in one entry.
//
// Invariants:
//   - given <= closed. Windows that end at or before closed take no rows; the state
//     of those that end at or before given is gone, with their results given.
//   - Groups of closed windows are not in memory between turns (where there is a
//     store), so that what is read from the store is all there is of them.
//   - Both are stored under the operator's empty key: version u8 · given varint ·
//     closed varint.
type closer struct {
	plan          *plan.Closing
	given, closed int64
	loaded        bool
	// cursor is where the next piece begins, nil for the first one since the start:
	// a scan from the beginning would pass all that was deleted.
	cursor []byte
}

// closeChunk bounds how many groups' final results one turn gives.
const closeChunk = 4096

// load takes what is stored, the first time.
func (c *closer) load(t *turn, key stateKey) {
	if c.loaded {
		return
	}
	c.loaded, c.given, c.closed = true, noTime, noTime
	if t.state == nil {
		return
	}
	stored, found, err := t.state.Get(tables.AppendStateKey(nil, key.query, key.stage, key.operator, nil), nil)
	if err == nil && found {
		r := uvarintReader{data: stored}
		if len(stored) > 0 && stored[0] == recordVersion {
			r.data = stored[1:]
			c.given, c.closed = r.varint(), r.varint()
		} else {
			r.bad = true
		}
		if r.bad {
			err = errBadRecord
		}
	}
	if err != nil {
		t.fail(fmt.Errorf("read which windows are closed: %w", err))
	}
}

func (c *closer) save(t *turn, key stateKey) {
	if t.write == nil {
		return
	}
	value := appendVarints([]byte{recordVersion}, c.given, c.closed)
	t.write.Set(tables.AppendStateKey(nil, key.query, key.stage, key.operator, nil), value)
}

// bound is the end of the last window that is over now.
func (c *closer) bound(t *turn) int64 {
	at := t.time.at
	if c.plan.WallClock {
		at = types.TimestampFromTime(t.now)
	}
	if c.plan.Grace == plan.NoLimit || at == noTime {
		return noTime
	}
	return lastEnd(c.plan, saturated(at, -c.plan.Grace))
}

// inTime returns the rows of in whose window is open; ends are their windows'
// ends, starts their starts.
func (a *aggregate) inTime(t *turn, ends, starts *types.Vector, in *types.Batch) *types.Batch {
	a.closer.load(t, a.key)
	closed := a.closer.closed
	if a.closer.plan.WallClock {
		closed = max(closed, a.closer.bound(t))
	}
	if !slices.ContainsFunc(ends.Ints, func(end int64) bool { return end <= closed }) {
		return in
	}
	var kept []int32
	for r, end := range ends.Ints {
		if end > closed || t.eval.Failed(int32(r)) {
			kept = append(kept, int32(r))
			continue
		}
		late := lateRow{partition: int(in.Partition), offset: -1, rowtime: noTime, start: starts.Ints[r], end: end, rows: 1}
		if a.plan.Mode == plan.AggregateFinal {
			late.rows = in.Columns[len(in.Columns)-1].Ints[r]
		}
		if t.late != nil {
			t.late(&late)
		}
	}
	return in.Select(kept)
}

// closeWindows is called when a turn's changes are saved: it gives what closed in
// earlier turns, and then closes what is over now.
func (a *aggregate) closeWindows(t *turn) {
	c := &a.closer
	c.load(t, a.key)
	if t.failed != nil {
		return
	}
	if c.given < c.closed {
		a.giveClosed(t)
	}
	bound := c.bound(t)
	if c.plan.Final && c.plan.IdleTimeout > 0 && t.time.idle == stopped && !c.plan.WallClock {
		bound = max(bound, a.lastEnd(t))
	}
	if bound > c.closed {
		c.closed = bound
		a.forgetClosed(t)
		switch {
		case !c.plan.Final:
			a.deleteClosed(t, bound)
			c.given = bound
		case t.state == nil:
			c.given = bound
		}
		c.save(t, a.key)
	}
	if c.given < c.closed {
		t.again()
	}
	if c.plan.WallClock {
		a.wakeForNext(t)
	}
}

// forgetClosed removes the groups of closed windows from memory. In a session,
// where there is no store, it gives their final results.
func (a *aggregate) forgetClosed(t *turn) {
	var groups []int32
	ends := &a.columns[0]
	for group := range a.marks {
		if a.marks[group] != 0 && ends.Ints[group] <= a.closer.closed {
			groups = append(groups, int32(group))
		}
	}
	if t.state == nil && a.closer.plan.Final {
		slices.SortFunc(groups, func(x, y int32) int { return compareStrings(a.groups.Key(x), a.groups.Key(y)) })
		a.emitFinal(t, groups)
	}
	for _, group := range groups {
		for c := range a.calls {
			if a.calls[c].set != nil {
				a.calls[c].set.forget(group)
			}
		}
		a.groups.Remove(group)
		a.marks[group] = 0
		a.rows[group] = 0
	}
}

// giveClosed gives the final results of the next groups of closed windows, and
// deletes their state.
func (a *aggregate) giveClosed(t *turn) {
	c := &a.closer
	from, to := a.stateRange(c.closed)
	if c.cursor != nil {
		from = c.cursor
	}
	it, err := t.state.Scan(from, to)
	if err != nil {
		t.fail(fmt.Errorf("read closed windows: %w", err))
		return
	}
	defer it.Close()
	stored := types.NewBatch(a.stateCols)
	var last []byte
	more := false
	for more = it.Next(); more && stored.Len < closeChunk; more = it.Next() {
		if err := a.state.DecodeIntoCopy(it.Value(), stored); err != nil {
			t.fail(fmt.Errorf("read a closed window: %w", err))
			return
		}
		last = append(last[:0], it.Key()...)
	}
	if err := it.Err(); err != nil {
		t.fail(fmt.Errorf("read closed windows: %w", err))
		return
	}
	a.emitStored(t, stored)
	if more {
		c.cursor = append(last, 0)
		t.write.DeleteRange(from, c.cursor)
		return
	}
	c.cursor = nil
	a.deleteClosed(t, c.closed)
	c.given = c.closed
	c.save(t, a.key)
}

// emitStored gives the results of stored groups, which are in memory only
// meanwhile.
func (a *aggregate) emitStored(t *turn, stored *types.Batch) {
	if stored.Len == 0 {
		return
	}
	keys := make([]*types.Vector, len(a.columns))
	for i := range keys {
		keys[i] = &stored.Columns[i]
	}
	groups := make([]int32, stored.Len)
	a.groups.Assign(keys, stored.Len, nil, groups)
	a.grow(a.groups.Len())
	a.loadStored(groups, stored)
	a.emitFinal(t, groups)
	for _, group := range groups {
		a.groups.Remove(group)
		a.marks[group] = 0
	}
}

// emitFinal hands on the results of groups. A result's rowtime is the last
// instant of its window.
func (a *aggregate) emitFinal(t *turn, groups []int32) {
	results := make([]types.Vector, len(a.calls))
	for c := range results {
		results[c].Type = a.before[c].Type
	}
	valid := a.results(t, groups, false, results, nil)
	out := types.NewBatch(columnTypes(a.plan.Columns()))
	for n, group := range groups {
		if !valid[n] {
			continue
		}
		a.appendResult(out, group, results, n, 1)
		out.Rowtimes = append(out.Rowtimes, types.TimestampToUnixMillis(a.columns[0].Ints[group]-1))
	}
	out.Weights = nil
	if out.Len > 0 {
		a.next.process(t, out)
	}
}

// stateRange is the range of the state of groups whose windows end at or before
// an instant.
func (a *aggregate) stateRange(end int64) (from, to []byte) {
	return timedRange(a.key.query, a.key.stage, a.key.operator, end)
}

// timedRange is the range of an operator's states whose keys begin with a
// timestamp that is at or before an instant. The empty key is not in it.
func timedRange(query uint64, stage, operator uint16, at int64) (from, to []byte) {
	prefix := tables.AppendStateKey(nil, query, stage, operator, nil)
	if at == math.MaxInt64 {
		return append(slices.Clone(prefix), 0), tables.PrefixEnd(nil, prefix)
	}
	return append(slices.Clone(prefix), 0), types.AppendKey(slices.Clone(prefix), types.TimestampTZ, types.IntDatum(at+1))
}

// deleteClosed deletes the state of windows that end at or before an instant.
func (a *aggregate) deleteClosed(t *turn, end int64) {
	if t.write == nil {
		return
	}
	t.write.DeleteRange(a.stateRange(end))
	for i := range a.calls {
		if set := a.calls[i].set; set != nil {
			t.write.DeleteRange(timedRange(set.key.query, set.key.stage, set.key.operator, end))
		}
	}
}

// lastEnd is the end of the last window that has rows; noTime for none.
func (a *aggregate) lastEnd(t *turn) int64 {
	last := int64(noTime)
	for group := range a.marks {
		if a.marks[group] != 0 {
			last = max(last, a.columns[0].Ints[group])
		}
	}
	if stored, found := a.storedEnd(t, true); found {
		last = max(last, stored)
	}
	return last
}

// storedEnd reads the end of the first or last open window of the committed
// state.
func (a *aggregate) storedEnd(t *turn, last bool) (end int64, found bool) {
	if t.state == nil {
		return 0, false
	}
	_, from := a.stateRange(a.closer.closed)
	_, to := a.stateRange(math.MaxInt64)
	it, err := t.state.Scan(from, to)
	if err != nil {
		t.fail(fmt.Errorf("read the windows of an aggregation: %w", err))
		return 0, false
	}
	defer it.Close()
	step := it.Next
	if last {
		step = it.Prev
	}
	if !step() {
		if err := it.Err(); err != nil {
			t.fail(fmt.Errorf("read the windows of an aggregation: %w", err))
		}
		return 0, false
	}
	key, err := tables.ParseStateKey(it.Key())
	if err == nil {
		var datum types.Datum
		datum, _, err = types.DecodeKey(types.TimestampTZ, key.Key)
		end = datum.Int
	}
	if err != nil {
		t.fail(fmt.Errorf("read the windows of an aggregation: %w", err))
		return 0, false
	}
	return end, true
}

// wakeForNext has the stage finished when the clock closes the next window.
func (a *aggregate) wakeForNext(t *turn) {
	next := int64(math.MaxInt64)
	for group := range a.marks {
		if a.marks[group] != 0 {
			next = min(next, a.columns[0].Ints[group])
		}
	}
	if stored, found := a.storedEnd(t, false); found {
		next = min(next, stored)
	}
	if next < math.MaxInt64-a.closer.plan.Grace {
		t.wakeAt(types.TimestampToTime(next + a.closer.plan.Grace).Add(time.Microsecond))
	}
}
