package exec

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"millrace/planner/plan"
	"millrace/sql/types"
	"millrace/tables"
)

// sessionStore keeps the rows of sessions, in a table store or in memory.
//
// Stored form: a row is under the operator's key, its partition's columns, its
// start and then itself in the row encoding; the value is how often it is there
// (uvarint). Where windows close there are, under operator numbers of their own
// (with 1 and 2 in the high byte), each session under its end and its partition,
// with its start as the value (varint), and under the empty key the time up to
// which sessions are closed (varint).
type sessionStore struct {
	key      stateKey
	inMemory bool
	// rows are those in memory by partition, in the order of their starts and
	// encodings, and sessions those that may close.
	rows     map[string][]sessionRow
	sessions map[sessionName]int64
	// closed is the end of the last session that is closed, and forgotten of those
	// whose rows are gone.
	closed, forgotten int64
	loaded            bool
}

// sessionName is a session in memory; the value is its start.
type sessionName struct {
	end       int64
	partition string
}

func newSessionStore(key stateKey, inMemory bool) *sessionStore {
	return &sessionStore{
		key: key, inMemory: inMemory, rows: map[string][]sessionRow{}, sessions: map[sessionName]int64{},
		closed: noTime, forgotten: noTime,
	}
}

func (s *sessionStore) prefix(part uint16, more string) []byte {
	return append(tables.AppendStateKey(nil, s.key.query, s.key.stage, s.key.operator|part<<8, nil), more...)
}

const (
	sessionRowsPart  = 0
	sessionIndexPart = 1
	sessionTimePart  = 2
)

// sessionWalk steps through the rows of a partition from an instant on, or those
// before it backwards.
type sessionWalk struct {
	forward bool
	start   int64
	row     string
	count   int64

	rows   []sessionRow // in memory
	at     int
	stored *tables.Iterator
	prefix int
	err    error
}

// walk begins before the first step. The walk must be closed.
func (s *sessionStore) walk(t *turn, partition string, from int64, forward bool) *sessionWalk {
	w := &sessionWalk{forward: forward}
	if s.inMemory {
		w.rows = s.rows[partition]
		w.at, _ = slices.BinarySearchFunc(w.rows, from, func(r sessionRow, from int64) int { return cmp.Compare(r.start, from) })
		return w
	}
	prefix := s.prefix(sessionRowsPart, partition)
	w.prefix = len(prefix)
	low, high := prefix, tables.PrefixEnd(nil, prefix)
	at := types.AppendKey(slices.Clone(prefix), types.TimestampTZ, types.IntDatum(from))
	if forward {
		low = at
	} else {
		high = at
	}
	w.stored, w.err = t.state.Scan(low, high)
	return w
}

func (w *sessionWalk) next() bool {
	switch {
	case w.err != nil:
		return false
	case w.stored == nil && w.forward:
		if w.at >= len(w.rows) {
			return false
		}
		w.take(&w.rows[w.at])
		w.at++
		return true
	case w.stored == nil:
		if w.at == 0 {
			return false
		}
		w.at--
		w.take(&w.rows[w.at])
		return true
	}
	step := w.stored.Next
	if !w.forward {
		step = w.stored.Prev
	}
	if !step() {
		w.err = w.stored.Err()
		return false
	}
	start, row, err := types.DecodeKey(types.TimestampTZ, w.stored.Key()[w.prefix:])
	count, n := binary.Uvarint(w.stored.Value())
	if err != nil || n <= 0 {
		w.err = errBadRecord
		return false
	}
	w.start, w.row, w.count = start.Int, string(row), int64(count)
	return true
}

func (w *sessionWalk) take(r *sessionRow) { w.start, w.row, w.count = r.start, r.row, r.after }

func (w *sessionWalk) close(t *turn) {
	if w.stored != nil {
		w.stored.Close()
	}
	if w.err != nil {
		t.fail(fmt.Errorf("read the rows of a session: %w", w.err))
	}
}

// write adds a change to the rows.
func (s *sessionStore) write(t *turn, c *sessionChange) {
	if s.inMemory {
		s.hold(c)
		return
	}
	key := types.AppendKey(s.prefix(sessionRowsPart, c.partition), types.TimestampTZ, types.IntDatum(c.start))
	key = append(key, c.row...)
	stored, found, err := t.state.Get(key, nil)
	if err != nil {
		t.fail(fmt.Errorf("read a row of a session: %w", err))
		return
	}
	count := uint64(0)
	if found {
		count, _ = binary.Uvarint(stored)
	}
	if left := int64(count) + c.delta; left > 0 {
		t.write.Set(key, binary.AppendUvarint(nil, uint64(left)))
	} else {
		t.write.Delete(key)
	}
}

func (s *sessionStore) hold(c *sessionChange) {
	rows := s.rows[c.partition]
	at, found := slices.BinarySearchFunc(rows, c, func(r sessionRow, c *sessionChange) int {
		return cmp.Or(cmp.Compare(r.start, c.start), strings.Compare(r.row, c.row))
	})
	switch {
	case found && rows[at].after+c.delta > 0:
		rows[at].after += c.delta
	case found:
		rows = slices.Delete(rows, at, at+1)
	case c.delta > 0:
		rows = slices.Insert(rows, at, sessionRow{start: c.start, row: c.row, after: c.delta})
	}
	if len(rows) == 0 {
		delete(s.rows, c.partition)
		return
	}
	s.rows[c.partition] = rows
}

// index notes which sessions of a partition are gone and which have come.
func (s *sessionStore) index(t *turn, partition string, before, after []sessionSpan) {
	for _, span := range before {
		if slices.Contains(after, span) {
			continue
		}
		if s.inMemory {
			delete(s.sessions, sessionName{span.end, partition})
		} else {
			t.write.Delete(s.indexKey(span.end, partition))
		}
	}
	for _, span := range after {
		if slices.Contains(before, span) {
			continue
		}
		if s.inMemory {
			s.sessions[sessionName{span.end, partition}] = span.start
		} else {
			t.write.Set(s.indexKey(span.end, partition), binary.AppendVarint(nil, span.start))
		}
	}
}

func (s *sessionStore) indexKey(end int64, partition string) []byte {
	return append(types.AppendKey(s.prefix(sessionIndexPart, ""), types.TimestampTZ, types.IntDatum(end)), partition...)
}

// loadClosed takes the stored times, the first time.
func (s *sessionStore) loadClosed(t *turn) {
	if s.loaded {
		return
	}
	s.loaded = true
	if s.inMemory {
		return
	}
	stored, found, err := t.state.Get(s.prefix(sessionTimePart, ""), nil)
	if err == nil && found {
		r := uvarintReader{data: stored}
		s.closed, s.forgotten = r.varint(), r.varint()
		if r.bad {
			err = errBadRecord
		}
	}
	if err != nil {
		t.fail(fmt.Errorf("read which sessions are closed: %w", err))
	}
}

// close closes what is over.
func (s *sessionStore) close(t *turn, c *plan.Closing) {
	closer := closer{plan: c}
	bound := closer.bound(t)
	if bound <= s.closed {
		return
	}
	s.closed = bound
	if !s.inMemory {
		t.write.Set(s.prefix(sessionTimePart, ""), appendVarints(nil, s.closed, s.forgotten))
	}
}

// forget deletes the rows of sessions that end at or before an instant: those
// that closed in earlier turns, so that the committed state has them all. One turn
// deletes a bounded number.
func (s *sessionStore) forget(t *turn, end int64) {
	if end <= s.forgotten {
		return
	}
	if s.inMemory {
		for name, start := range s.sessions {
			if name.end <= end {
				delete(s.sessions, name)
				s.drop(name, start)
			}
		}
		s.forgotten = end
		return
	}
	operator := s.key.operator | sessionIndexPart<<8
	from, to := timedRange(s.key.query, s.key.stage, operator, end)
	it, err := t.state.Scan(from, to)
	if err != nil {
		t.fail(fmt.Errorf("read closed sessions: %w", err))
		return
	}
	defer it.Close()
	prefix := len(s.prefix(sessionIndexPart, ""))
	var last []byte
	for n := 0; it.Next(); n++ {
		if n == closeChunk {
			// The rest goes with the next window that closes.
			t.write.DeleteRange(from, append(last, 0))
			return
		}
		at, partition, err := types.DecodeKey(types.TimestampTZ, it.Key()[prefix:])
		start, read := binary.Varint(it.Value())
		if err != nil || read <= 0 {
			t.fail(errBadRecord)
			return
		}
		rows := s.prefix(sessionRowsPart, string(partition))
		t.write.DeleteRange(types.AppendKey(slices.Clone(rows), types.TimestampTZ, types.IntDatum(start)),
			types.AppendKey(slices.Clone(rows), types.TimestampTZ, types.IntDatum(at.Int)))
		last = append(last[:0], it.Key()...)
	}
	if err := it.Err(); err != nil {
		t.fail(fmt.Errorf("read closed sessions: %w", err))
		return
	}
	if last != nil {
		t.write.DeleteRange(from, to)
	}
	s.forgotten = end
}

// drop lets the rows of a session in memory go.
func (s *sessionStore) drop(name sessionName, start int64) {
	rows := slices.DeleteFunc(s.rows[name.partition], func(r sessionRow) bool { return r.start >= start && r.start < name.end })
	if len(rows) == 0 {
		delete(s.rows, name.partition)
		return
	}
	s.rows[name.partition] = rows
}
