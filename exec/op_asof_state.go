package exec

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"millrace/sql/types"
	"millrace/tables"
)

// asOfSide keeps the rows of one input of an as-of join, by join key and place.
//
// Stored form: the state key of the join's operator, the side (0 left, 1 right), the
// values of the join key in the key encoding, and the row's id: its place (see
// operator.Places; of a left row its time alone) and a hash of the row. The value is
// the row's multiplicity, the length of the time with which the id begins, twice, plus
// 1 for a version that says that there is no row, and the event time (varints, the
// second unsigned) and the row. The id of a version is its time alone.
//
// Invariants:
//   - held has the rows that the turn at work has touched, by key in the order of their
//     ids, also those that are gone, with a multiplicity of 0: they lie over the stored
//     ones. Where there is no store, held has all rows, also between turns.
//   - changed lists the touched rows, each once.
type asOfSide struct {
	state    []byte // the state key up to the join key
	columns  []types.Type
	row      *types.RowCodec
	inMemory bool

	held    map[string][]asOfRow
	changed []asOfChange
	scratch []byte
}

// asOfRow is a row of one side.
type asOfRow struct {
	id, row string
	timeLen int // of the time with which id begins
	// gone says that the row is a version which says that there is no row.
	gone    bool
	count   int64
	rowtime int64 // the row's event time, or noTime
	// stored is the multiplicity in the store, and touched says that the row is in
	// changed. rewritten says that it is another row than the stored one of its id.
	stored             int64
	touched, rewritten bool
}

// asOfChange names a row that a turn has touched.
type asOfChange struct{ key, id string }

// time is the time with which the row's place begins.
func (r *asOfRow) time() string { return r.id[:r.timeLen] }

func newAsOfSide(key stateKey, side int, columns []types.Type, inMemory bool) *asOfSide {
	return &asOfSide{
		state:   append(tables.AppendStateKey(nil, key.query, key.stage, key.operator, nil), byte(side)),
		columns: columns, row: types.NewRowCodec(columns), inMemory: inMemory, held: map[string][]asOfRow{},
	}
}

func searchAsOf(rows []asOfRow, id string) (int, bool) {
	return slices.BinarySearchFunc(rows, id, func(r asOfRow, id string) int { return strings.Compare(r.id, id) })
}

// get returns a row by its id, which need not be there.
func (s *asOfSide) get(t *turn, key, id string) (asOfRow, error) {
	rows := s.held[key]
	if at, found := searchAsOf(rows, id); found {
		return rows[at], nil
	}
	if s.inMemory {
		return asOfRow{id: id}, nil
	}
	s.scratch = s.appendKey(s.scratch[:0], key, id)
	stored, found, err := t.state.Get(s.scratch, nil)
	if err != nil || !found {
		return asOfRow{id: id}, err
	}
	return decodeAsOfRow(id, stored)
}

// change adds weight to the multiplicity of a row.
func (s *asOfSide) change(t *turn, key string, row asOfRow, weight int64) error {
	is, err := s.get(t, key, row.id)
	if err != nil {
		return err
	}
	row.count, row.stored, row.touched = is.count+weight, is.stored, true
	row.rewritten = is.rewritten || is.count != 0 && (is.row != row.row || is.gone != row.gone)
	if !is.touched {
		s.changed = append(s.changed, asOfChange{key, row.id})
	}
	rows := s.held[key]
	at, found := searchAsOf(rows, row.id)
	if found {
		rows[at] = row
	} else {
		s.held[key] = slices.Insert(rows, at, row)
	}
	return nil
}

// finish stores what the turn has changed.
func (s *asOfSide) finish(t *turn) {
	for _, c := range s.changed {
		rows := s.held[c.key]
		at, _ := searchAsOf(rows, c.id)
		row := &rows[at]
		if t.write != nil && (row.count != row.stored || row.rewritten) {
			s.write(t, c.key, row)
		}
		if !s.inMemory {
			continue
		}
		row.touched, row.rewritten = false, false
		if row.count == 0 {
			if s.held[c.key] = slices.Delete(rows, at, at+1); len(rows) == 1 {
				delete(s.held, c.key)
			}
		}
	}
	s.changed = s.changed[:0]
	if !s.inMemory {
		clear(s.held)
	}
}

func (s *asOfSide) write(t *turn, key string, row *asOfRow) {
	s.scratch = s.appendKey(s.scratch[:0], key, row.id)
	if row.count == 0 {
		t.write.Delete(s.scratch)
		return
	}
	keyLen := len(s.scratch)
	s.scratch = binary.AppendVarint(s.scratch, row.count)
	times := uint64(row.timeLen) << 1
	if row.gone {
		times |= 1
	}
	s.scratch = binary.AppendUvarint(s.scratch, times)
	s.scratch = binary.AppendVarint(s.scratch, row.rowtime)
	s.scratch = append(s.scratch, row.row...)
	t.write.Set(s.scratch[:keyLen], s.scratch[keyLen:])
}

func (s *asOfSide) appendKey(buf []byte, key, id string) []byte {
	return append(append(append(buf, s.state...), key...), id...)
}

func decodeAsOfRow(id string, stored []byte) (asOfRow, error) {
	in := uvarintReader{data: stored}
	row := asOfRow{id: id, count: in.varint()}
	times := in.next()
	row.timeLen, row.gone, row.rowtime = int(times>>1), times&1 != 0, in.varint()
	if in.bad || row.count == 0 || row.timeLen > len(id) {
		return row, fmt.Errorf("damaged row")
	}
	row.stored, row.row = row.count, string(in.data)
	return row, nil
}

// asOfWalk steps through the rows of a key in the order of their ids, or backwards:
// those that the turn has touched over the stored ones.
type asOfWalk struct {
	forward bool
	row     asOfRow // the row stepped to

	held   []asOfRow // those still to come
	stored *tables.Iterator
	prefix int
	// following is the stored row to come next, where one was read.
	following *asOfRow
	err       error
}

// walk begins before the first step through the rows from one id up to, and not
// including, another; "" is no bound. The walk must be closed.
func (s *asOfSide) walk(t *turn, key, from, to string, forward bool) *asOfWalk {
	w := &asOfWalk{forward: forward, held: s.held[key]}
	if to != "" {
		at, _ := searchAsOf(w.held, to)
		w.held = w.held[:at]
	}
	at, _ := searchAsOf(w.held, from)
	w.held = w.held[at:]
	if s.inMemory {
		return w
	}
	prefix := s.appendKey(nil, key, "")
	w.prefix = len(prefix)
	low, high := s.appendKey(nil, key, from), tables.PrefixEnd(nil, prefix)
	if to != "" {
		high = s.appendKey(nil, key, to)
	}
	w.stored, w.err = t.state.Scan(low, high)
	return w
}

// next steps to the next row that is there.
func (w *asOfWalk) next() bool {
	for w.read() && (len(w.held) > 0 || w.following != nil) {
		w.take()
		if w.row.count != 0 {
			return true
		}
	}
	return false
}

// read reads the following stored row where none waits.
func (w *asOfWalk) read() bool {
	if w.err != nil || w.stored == nil || w.following != nil {
		return w.err == nil
	}
	step := w.stored.Next
	if !w.forward {
		step = w.stored.Prev
	}
	if !step() {
		w.err = w.stored.Err()
		if w.err == nil {
			w.err = w.stored.Close()
			w.stored = nil
		}
		return w.err == nil
	}
	var row asOfRow
	row, w.err = decodeAsOfRow(string(w.stored.Key()[w.prefix:]), w.stored.Value())
	w.following = &row
	return w.err == nil
}

// take steps to a touched row or a stored one, whichever comes first. A touched row
// stands for the stored one of its id.
func (w *asOfWalk) take() {
	if len(w.held) == 0 {
		w.row, w.following = *w.following, nil
		return
	}
	at := 0
	if !w.forward {
		at = len(w.held) - 1
	}
	if w.following != nil {
		order := strings.Compare(w.held[at].id, w.following.id)
		if !w.forward {
			order = -order
		}
		if order > 0 {
			w.row, w.following = *w.following, nil
			return
		}
		if order == 0 {
			w.following = nil
		}
	}
	w.row = w.held[at]
	if w.forward {
		w.held = w.held[1:]
	} else {
		w.held = w.held[:at]
	}
}

// close ends the walk and returns what made it end early.
func (w *asOfWalk) close() error {
	if w.stored != nil {
		w.stored.Close()
	}
	return w.err
}

// firstOf returns the first row of a walk that is there more often than it went, nil
// for none, and closes the walk.
func firstOf(w *asOfWalk) (*asOfRow, error) {
	for w.next() {
		if w.row.count > 0 {
			row := w.row
			return &row, w.close()
		}
	}
	return nil, w.close()
}
