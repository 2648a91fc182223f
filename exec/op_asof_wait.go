package exec

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"millrace/planner/plan"
	"millrace/sql/types"
	"millrace/tables"
)

// asOfWaiting is what an as-of join with a grace period does besides: its left rows,
// those of a stream, wait until stream time has passed theirs by the grace, and are given
// then, once, with the version that they meet.
//
// Versions go when no row needs them any more: one that another follows when all rows
// from before that other one have been given.
//
// Stored form, below the state key of the operator: 4 alone,
//
//	version u8 · number uvarint · closed, given varints
//
// 5 and the waiting rows (see openRows); 6, a time in the key encoding, 0 or 1, a join
// key and the id of a version: it goes when all rows before that time have been given, 0
// in any case and 1 only if it says that there is no row. The value has the length of
// time and byte and that of the join key (uvarints).
//
// Invariants:
//   - Rows of before closed are late: none of them waits but those that are being given.
//   - A version that may go has others of its key between itself and every row to come.
type asOfWaiting struct {
	grace int64
	state []byte
	rows  *openRows
	// number is that of the next row, and began what it was when the turn began.
	number, began uint64
	closed        int64
	loaded, dirty bool
	// superseded are the versions that may go, in order, where there is no store.
	superseded []asOfSuperseded
	inMemory   bool
}

// asOfSuperseded names a version that may go at a time; place is the time and the byte
// behind it.
type asOfSuperseded struct{ place, key, id string }

const (
	asOfTimes      = 4
	asOfRowsPart   = 5
	asOfSuperseder = 6
)

func newAsOfWaiting(node *plan.Join, key stateKey, left *asOfSide) *asOfWaiting {
	state := tables.AppendStateKey(nil, key.query, key.stage, key.operator, nil)
	rows := &joinSide{columns: left.columns, row: left.row, inMemory: left.inMemory}
	return &asOfWaiting{
		grace: node.AsOf.Grace, state: state, closed: noTime, inMemory: left.inMemory,
		rows: newOpenRows(append(state[:len(state):len(state)], asOfRowsPart), rows),
	}
}

// add has a left row of a time wait.
func (a *asOfWaiting) add(t *turn, in *types.Batch, i int, at int64, row *asOfRow) {
	if at < a.closed {
		// Its sender was idle when stream time went on.
		t.reportLate(in, int32(i), at, at)
		return
	}
	for range in.Weight(i) {
		id := binary.BigEndian.AppendUint64(appendInstant(make([]byte, 0, 16), at), a.number)
		a.number, a.dirty = a.number+1, true
		a.rows.add(joinRow{id: string(id), row: row.row, rowtime: row.rowtime, count: 1})
	}
}

// supersede notes which versions are not needed any more, and from when on, now that a
// version comes.
func (j *asOfJoin) supersede(t *turn, key string, row *asOfRow) error {
	newer, older, err := j.neighbours(t, key, row.id)
	if err != nil {
		return err
	}
	if older != nil {
		j.waiting.note(t, row.time(), 0, key, older.id)
	}
	if newer != nil {
		j.waiting.note(t, newer.time(), 0, key, row.id)
	}
	if row.gone {
		j.waiting.note(t, row.time(), 1, key, row.id)
	}
	return nil
}

// note has a version go at a time, which is inverted as in its place.
func (a *asOfWaiting) note(t *turn, time string, kind byte, key, id string) {
	place := make([]byte, 0, len(time)+1)
	for i := range len(time) {
		place = append(place, ^time[i])
	}
	place = append(place, kind)
	if !a.inMemory {
		value := binary.AppendUvarint(binary.AppendUvarint(nil, uint64(len(place))), uint64(len(key)))
		t.write.Set(append(append(append(a.part(asOfSuperseder), place...), key...), id...), value)
		return
	}
	s := asOfSuperseded{string(place), key, id}
	at, found := slices.BinarySearchFunc(a.superseded, s, compareSuperseded)
	if !found {
		a.superseded = slices.Insert(a.superseded, at, s)
	}
}

func compareSuperseded(x, y asOfSuperseded) int {
	if order := strings.Compare(x.place, y.place); order != 0 {
		return order
	}
	return strings.Compare(x.key+x.id, y.key+y.id)
}

func (a *asOfWaiting) part(part byte) []byte {
	return append(append(make([]byte, 0, len(a.state)+64), a.state...), part)
}

// giveWaiting gives the rows that are over at the end of a turn, and lets versions go.
// While some are left for the next turn stream time stands still.
func (j *asOfJoin) giveWaiting(t *turn) {
	a := j.waiting
	a.load(t)
	time := j.times[leftSide]
	if over := saturated(time.at, -a.grace); over > a.closed && !j.work.waiting() {
		a.closed, a.dirty = over, true
	}
	given := a.rows.given
	left := a.rows.close(t, a.closed, a.began, func(rows *types.Batch) { j.giveRows(t, rows) })
	if a.rows.given != given {
		a.dirty = true
	}
	if a.rows.given != noTime {
		j.forget(t, a.rows.given)
	}
	a.save(t)
	a.began = a.number
	t.time = streamTime{at: saturated(time.at, -a.grace), idle: time.idle}
	if left {
		t.again()
		t.time = streamTime{at: j.time.at, idle: active}
	}
}

// giveRows gives rows with the versions that they meet.
func (j *asOfJoin) giveRows(t *turn, rows *types.Batch) {
	places := j.places[leftSide]
	places.Evaluate(t.eval, rows)
	t.eval.ResetErrors() // none: it was evaluated when the row came
	for i := range rows.Len {
		j.scratch = places.AppendKey(j.scratch[:0], i)
		key := string(j.scratch)
		j.scratch = places.AppendTime(j.scratch[:0], i)
		match, err := j.closest(t, key, string(j.scratch))
		if err != nil {
			t.fail(fmt.Errorf("read the state of an as-of join: %w", err))
			return
		}
		j.pair(&asOfRow{row: string(j.sides[leftSide].row.AppendRow(nil, rows, i)), rowtime: rows.Rowtimes[i]}, match, 1)
	}
	j.give(t)
}

// forget lets versions go that no row at or behind an instant needs, a bounded number in
// one turn.
func (j *asOfJoin) forget(t *turn, instant int64) {
	a := j.waiting
	bound := types.AppendKey(nil, types.TimestampTZ, types.IntDatum(instant))
	if a.inMemory {
		end := string(tables.PrefixEnd(nil, bound))
		n := 0
		for ; n < len(a.superseded) && a.superseded[n].place < end; n++ {
			j.drop(t, a.superseded[n])
		}
		a.superseded = slices.Delete(a.superseded, 0, n)
		return
	}
	prefix := a.part(asOfSuperseder)
	from := slices.Clone(prefix)
	it, err := t.state.Scan(from, tables.PrefixEnd(nil, append(prefix, bound...)))
	if err != nil {
		t.fail(fmt.Errorf("read former versions: %w", err))
		return
	}
	defer it.Close()
	var last []byte
	for n := 0; it.Next() && t.failed == nil; n++ {
		if n == closeChunk {
			t.again()
			break
		}
		in := uvarintReader{data: it.Value()}
		place, key := int(in.next()), int(in.next())
		last = append(last[:0], it.Key()...)
		rest := string(last[len(prefix):])
		if in.bad || place+key > len(rest) {
			t.fail(errBadRecord)
			return
		}
		j.drop(t, asOfSuperseded{rest[:place], rest[place : place+key], rest[place+key:]})
	}
	if err := it.Err(); err != nil {
		t.fail(fmt.Errorf("read former versions: %w", err))
	}
	if last != nil {
		t.write.DeleteRange(from, append(last, 0))
	}
}

// drop lets a version go.
func (j *asOfJoin) drop(t *turn, s asOfSuperseded) {
	side := j.sides[rightSide]
	row, err := side.get(t, s.key, s.id)
	if err != nil {
		t.fail(fmt.Errorf("read a former version: %w", err))
		return
	}
	if onlyGone := s.place[len(s.place)-1] == 1; row.count == 0 || onlyGone && !row.gone {
		return
	}
	if err := side.change(t, s.key, row, -row.count); err != nil {
		t.fail(fmt.Errorf("read a former version: %w", err))
	}
}

// load takes what is stored, the first time.
func (a *asOfWaiting) load(t *turn) {
	if a.loaded {
		return
	}
	a.loaded = true
	if t.state == nil {
		return
	}
	stored, found, err := t.state.Get(a.part(asOfTimes), nil)
	if err == nil && found {
		r := uvarintReader{data: stored[min(len(stored), 1):]}
		r.bad = len(stored) == 0 || stored[0] != recordVersion
		a.number = r.next()
		a.began, a.closed = a.number, r.varint()
		a.rows.given = r.varint()
		if r.bad {
			err = errBadRecord
		}
	}
	if err != nil {
		t.fail(fmt.Errorf("read which rows of an as-of join are given: %w", err))
	}
}

func (a *asOfWaiting) save(t *turn) {
	if !a.dirty || t.write == nil {
		return
	}
	a.dirty = false
	value := binary.AppendUvarint([]byte{recordVersion}, a.number)
	t.write.Set(a.part(asOfTimes), appendVarints(value, a.closed, a.rows.given))
}
