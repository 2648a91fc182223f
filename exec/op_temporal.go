package exec

import (
	"container/heap"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
	"millrace/tables"
)

// temporalFilter keeps the rows for which its conditions hold now.
//
// One-shot meaning: a filter, with now() as the time of the statement.
// Incrementally, each row has a span of time in which it is there, which the row
// alone decides. A row that is there already is handed on at once, and noted under
// the time at which it leaves; one that is not yet there is noted under the time
// at which it enters; one whose span is over is nothing. When the clock passes such
// a time, the row is taken away or handed on.
//
// Invariants:
//   - now is the time up to which the notes have been carried out; it never goes
//     back. What was handed on adds up to the rows of the input that are there at
//     now.
//   - Between turns all notes are of times behind now. They are stored by time:
//     under the time, 0 or 1 (enters, leaves) and the row, with how often it is
//     there (uvarint); now is under the empty key (varint).
type temporalFilter struct {
	next       consumer
	conditions []temporalCondition
	key        stateKey
	inMemory   bool
	columns    []types.Type
	codec      *types.RowCodec

	now     int64
	loaded  bool
	begun   uint64 // the turn that has carried out its notes
	changed bool
	// notes are the changes of the turn, in memory all notes, by their key without
	// the operator's; due orders those in memory.
	notes map[string]int64
	due   noteHeap
	// earliest is the least time of notes that the committed state may lack.
	earliest int64
	scratch  []byte
}

// temporalCondition is a condition at work.
type temporalCondition struct {
	plan *plan.TemporalCondition
	// row is the expression over the row where the condition is a shift of now, else
	// predicate is the whole.
	row, predicate *expr.Program
}

// never is the end of a row that does not leave, and the start of one that never
// enters.
const never = math.MaxInt64

// temporalChunk bounds how many notes one turn carries out.
const temporalChunk = 4096

// The kinds of note.
const (
	noteEnters = 0
	noteLeaves = 1
)

func newTemporalFilter(node *plan.TemporalFilter, key stateKey, next consumer, inMemory bool) (*temporalFilter, error) {
	f := &temporalFilter{
		next: next, key: key, inMemory: inMemory, columns: columnTypes(node.Columns()), now: noTime, earliest: never, notes: map[string]int64{},
	}
	f.codec = types.NewRowCodec(f.columns)
	for i := range node.Conditions {
		c := temporalCondition{plan: &node.Conditions[i]}
		var err error
		if c.plan.Row != nil {
			c.row, err = expr.Compile(c.plan.Row)
		} else {
			c.predicate, err = expr.Compile(c.plan.Predicate)
		}
		if err != nil {
			return nil, err
		}
		f.conditions = append(f.conditions, c)
	}
	return f, nil
}

func (f *temporalFilter) process(t *turn, in *types.Batch) {
	f.begin(t)
	if t.failed != nil {
		return
	}
	f.changed = true
	from, until := f.spans(t, in)
	var selection []int32
	for i := range in.Len {
		if t.eval.Failed(int32(i)) || from[i] >= until[i] || until[i] <= f.now {
			continue
		}
		switch {
		case from[i] > f.now:
			f.note(from[i], noteEnters, in, i, in.Weight(i))
		default:
			selection = append(selection, int32(i))
			if until[i] != never {
				f.note(until[i], noteLeaves, in, i, in.Weight(i))
			}
		}
	}
	t.reportErrors(in)
	if len(selection) > 0 {
		out := in.Select(selection)
		out.Rowtimes, out.Offsets = nil, nil // a row that enters later has none
		f.next.process(t, out)
	}
}

// begin carries out the notes that are due, once a turn, before its rows.
func (f *temporalFilter) begin(t *turn) {
	f.load(t)
	if f.begun == t.number || t.failed != nil {
		return
	}
	f.begun = t.number
	now := max(f.now, types.TimestampFromTime(t.now))
	rows, leaves, counts := f.take(t, &now)
	if t.failed != nil {
		return
	}
	f.now = now
	if f.earliest <= now {
		f.earliest = never
	}
	if rows == nil || rows.Len == 0 {
		return
	}
	f.changed = true
	_, until := f.spans(t, rows)
	t.eval.ResetErrors() // they were reported when the rows came
	out := types.NewBatch(f.columns)
	out.Weights = []int64{}
	for i := range rows.Len {
		switch {
		case leaves[i]:
			out.AppendRowFrom(rows, i, -counts[i])
		case until[i] > f.now:
			out.AppendRowFrom(rows, i, counts[i])
			if until[i] != never {
				f.note(until[i], noteLeaves, rows, i, counts[i])
			}
		}
	}
	if out.Len > 0 {
		f.next.process(t, out)
	}
}

func (f *temporalFilter) finish(t *turn) {
	f.begin(t)
	if t.failed == nil {
		f.save(t)
		f.wake(t)
	}
	f.next.finish(t)
}

// spans computes from when until when (exclusive) each row is there.
func (f *temporalFilter) spans(t *turn, in *types.Batch) (from, until []int64) {
	from, until = make([]int64, in.Len), make([]int64, in.Len)
	for i := range from {
		from[i], until[i] = noTime, never
	}
	for n := range f.conditions {
		c := &f.conditions[n]
		var flips []int64
		if c.row != nil {
			flips = c.shifted(t, in)
		} else {
			flips = c.search(t, in)
		}
		for i, flip := range flips {
			if c.plan.Ends {
				until[i] = min(until[i], flip)
			} else {
				from[i] = max(from[i], flip)
			}
		}
	}
	return from, until
}

// shifted computes the times at which a condition row <op> now() + shift changes
// its value.
func (c *temporalCondition) shifted(t *turn, in *types.Batch) []int64 {
	values := c.row.EvalRef(t.eval, in, nil)
	flips := make([]int64, in.Len)
	// The first instant at which it has changed is the row's, or the one behind it.
	more := -c.plan.Shift
	if c.plan.Ends != c.plan.Strict {
		more++
	}
	for i := range flips {
		at := int64(noTime)
		if !values.IsNull(i) {
			at = values.Ints[i]
		}
		switch {
		case values.IsNull(i) && !c.plan.Ends, at == types.TimestampInfinity:
			flips[i] = never
		case values.IsNull(i), at == types.TimestampNegativeInfinity:
			flips[i] = noTime
		default:
			flips[i] = at + more
		}
	}
	return flips
}

// The years in which search looks for the time at which a condition changes.
var (
	searchFirst = types.TimestampFromUnixMillis(-62_000_000_000_000)
	searchLast  = types.TimestampFromUnixMillis(253_000_000_000_000)
)

// search finds the times at which a condition changes its value, row by row, by
// halving.
func (c *temporalCondition) search(t *turn, in *types.Batch) []int64 {
	flips := make([]int64, in.Len)
	now, failures := t.eval.Now, slices.Clone(t.eval.Errors)
	t.eval.ResetErrors()
	defer func() {
		t.eval.Now = now
		for _, failed := range failures {
			t.eval.Fail(failed.Row, failed.Err)
		}
	}()
	for i := range flips {
		row := in.Select([]int32{int32(i)})
		changed := func(at int64) bool {
			t.eval.Now = types.TimestampToTime(at)
			holds := len(c.predicate.EvalPredicate(t.eval, row, nil, nil)) > 0
			if len(t.eval.Errors) > 0 {
				failed := t.eval.Errors[0]
				t.eval.ResetErrors()
				if n := len(failures); n == 0 || failures[n-1].Row != int32(i) {
					failed.Row = int32(i)
					failures = append(failures, failed)
				}
				return true
			}
			return holds != c.plan.Ends
		}
		if !changed(searchLast) {
			flips[i] = never
			continue
		}
		low, high := searchFirst, searchLast
		for low < high {
			if middle := low + (high-low)/2; changed(middle) {
				high = middle
			} else {
				low = middle + 1
			}
		}
		flips[i] = low
	}
	return flips
}

// note adds to how often a row is noted under a time.
func (f *temporalFilter) note(at int64, kind byte, rows *types.Batch, i int, count int64) {
	f.earliest = min(f.earliest, at)
	f.scratch = types.AppendKey(f.scratch[:0], types.TimestampTZ, types.IntDatum(at))
	f.scratch = append(f.scratch, kind)
	f.scratch = f.codec.AppendRow(f.scratch, rows, i)
	before, known := f.notes[string(f.scratch)]
	if !known && f.inMemory {
		heap.Push(&f.due, string(f.scratch))
	}
	f.notes[string(f.scratch)] = before + count
}

// take removes the notes that are due at now. Where there are too many for one
// turn, now becomes the time of the last that is taken.
func (f *temporalFilter) take(t *turn, now *int64) (rows *types.Batch, leaves []bool, counts []int64) {
	rows = types.NewBatch(f.columns)
	add := func(key string, count int64) {
		_, rest, err := types.DecodeKey(types.TimestampTZ, []byte(key))
		if err == nil && len(rest) == 0 {
			err = errBadRecord
		}
		if err == nil {
			err = f.codec.DecodeIntoCopy(rest[1:], rows)
		}
		if err != nil {
			t.fail(fmt.Errorf("read a row of a temporal filter: %w", err))
			return
		}
		leaves, counts = append(leaves, rest[0] == noteLeaves), append(counts, count)
	}
	if f.inMemory {
		end := string(types.AppendKey(nil, types.TimestampTZ, types.IntDatum(*now+1)))
		for len(f.due) > 0 && f.due[0] < end && t.failed == nil {
			key := heap.Pop(&f.due).(string)
			if count := f.notes[key]; count != 0 {
				add(key, count)
			}
			delete(f.notes, key)
		}
		return rows, leaves, counts
	}
	from, to := timedRange(f.key.query, f.key.stage, f.key.operator, *now)
	it, err := t.state.Scan(from, to)
	if err != nil {
		t.fail(fmt.Errorf("read a temporal filter: %w", err))
		return nil, nil, nil
	}
	defer it.Close()
	prefix := len(from) - 1
	last := int64(noTime)
	for it.Next() && t.failed == nil {
		key := string(it.Key()[prefix:])
		at, _, err := types.DecodeKey(types.TimestampTZ, []byte(key))
		if err != nil {
			t.fail(fmt.Errorf("read a temporal filter: %w", err))
			return nil, nil, nil
		}
		if rows.Len >= temporalChunk && at.Int != last {
			*now = last
			_, to = timedRange(f.key.query, f.key.stage, f.key.operator, last)
			t.again()
			break
		}
		last = at.Int
		count, _ := binary.Uvarint(it.Value())
		add(key, int64(count))
	}
	if err := it.Err(); err != nil {
		t.fail(fmt.Errorf("read a temporal filter: %w", err))
	}
	if rows.Len > 0 {
		t.write.DeleteRange(from, to)
	}
	return rows, leaves, counts
}

// save stores the turn's notes and the time.
func (f *temporalFilter) save(t *turn) {
	if !f.changed || f.inMemory {
		return
	}
	f.changed = false
	keys := make([]string, 0, len(f.notes))
	for key, change := range f.notes {
		if change != 0 {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	prefix := tables.AppendStateKey(nil, f.key.query, f.key.stage, f.key.operator, nil)
	stored := make([][]byte, len(keys))
	for i, key := range keys {
		stored[i] = append(slices.Clone(prefix), key...)
	}
	err := t.state.GetSorted(stored, func(i int, value []byte, found bool) error {
		count := int64(0)
		if found {
			n, read := binary.Uvarint(value)
			if read <= 0 {
				return errBadRecord
			}
			count = int64(n)
		}
		if count += f.notes[keys[i]]; count > 0 {
			t.write.Set(stored[i], binary.AppendUvarint(nil, uint64(count)))
		} else {
			t.write.Delete(stored[i])
		}
		return nil
	})
	if err != nil {
		t.fail(fmt.Errorf("read a temporal filter: %w", err))
	}
	clear(f.notes)
	t.write.Set(prefix, binary.AppendVarint(nil, f.now))
}

// load takes the stored time, the first time.
func (f *temporalFilter) load(t *turn) {
	if f.loaded {
		return
	}
	f.loaded = true
	if f.inMemory {
		return
	}
	stored, found, err := t.state.Get(tables.AppendStateKey(nil, f.key.query, f.key.stage, f.key.operator, nil), nil)
	if err == nil && found {
		now, n := binary.Varint(stored)
		if n <= 0 {
			err = errBadRecord
		}
		f.now = now
	}
	if err != nil {
		t.fail(fmt.Errorf("read the time of a temporal filter: %w", err))
	}
}

// wake has the stage finished at the time of the next note. The turn's own notes
// are not in the committed state, so the turn behind them looks again.
func (f *temporalFilter) wake(t *turn) {
	next := int64(never)
	if f.inMemory {
		if len(f.due) > 0 {
			at, _, err := types.DecodeKey(types.TimestampTZ, []byte(f.due[0]))
			if err == nil {
				next = at.Int
			}
		}
	} else {
		next = f.storedNext(t)
	}
	if next != never {
		t.wakeAt(types.TimestampToTime(next))
	}
}

func (f *temporalFilter) storedNext(t *turn) int64 {
	_, from := timedRange(f.key.query, f.key.stage, f.key.operator, f.now)
	_, to := timedRange(f.key.query, f.key.stage, f.key.operator, math.MaxInt64)
	it, err := t.state.Scan(from, to)
	if err != nil {
		t.fail(fmt.Errorf("read a temporal filter: %w", err))
		return never
	}
	defer it.Close()
	next := int64(never)
	if it.Next() {
		key, err := tables.ParseStateKey(it.Key())
		if err == nil {
			at, _, decodeErr := types.DecodeKey(types.TimestampTZ, key.Key)
			next, err = at.Int, decodeErr
		}
		if err != nil {
			t.fail(fmt.Errorf("read a temporal filter: %w", err))
			return never
		}
	}
	if err := it.Err(); err != nil {
		t.fail(fmt.Errorf("read a temporal filter: %w", err))
	}
	return min(next, f.earliest)
}

// noteHeap orders notes in memory by their keys.
type noteHeap []string

func (h noteHeap) Len() int           { return len(h) }
func (h noteHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h noteHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *noteHeap) Push(x any) { *h = append(*h, x.(string)) }

// Pop implements heap.Interface.
func (h *noteHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}
