package exec

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"millrace/planner/plan"
	"millrace/sql/types"
)

// session gives each row the bounds of its session as its window.
//
// One-shot meaning: of the rows with equal partition columns, those whose windows
// (from the row's time to the gap behind it) overlap in a chain are one session,
// from the first row's time to the last one's and the gap. Incrementally, per
// turn and partition: the chains of old and changed rows that the changes are in
// are read, and each of their rows whose session or number is another than before
// is taken away with its old window and added with its new one. So a session that
// grows takes away what it absorbs, and one that loses a row may fall apart.
//
// Where windows close, no row may join or leave a session that is closed: such a
// change is late, though the row's own window may be open. For that, the rows of
// a closed session stay until no row in time could overlap them, a gap later.
//
// Invariants:
//   - Between turns the rows kept are all rows of the input, those of forgotten
//     sessions left out (see sessionStore).
//   - What was handed on adds up to those rows with the windows of their sessions.
type session struct {
	next      consumer
	node      *plan.Session
	store     *sessionStore
	closing   *plan.Closing
	gap       int64
	partition []types.Type
	codec     *types.RowCodec
	columns   []types.Type

	pending map[string]*sessionChange
	out     *types.Batch
	scratch []byte
}

// sessionChange is what a turn does to one row: equal rows are counted.
type sessionChange struct {
	partition string // the encoded partition columns
	start     int64
	row       string // the encoded row
	delta     int64
}

// sessionRow is a row of a chain: how often it is there before the turn and now.
type sessionRow struct {
	start         int64
	row           string
	before, after int64
}

// sessionSpan is the window of a session.
type sessionSpan struct{ start, end int64 }

func newSession(node *plan.Session, key stateKey, next consumer, inMemory bool) *session {
	s := &session{next: next, node: node, columns: columnTypes(node.Columns()), pending: map[string]*sessionChange{}}
	s.closing = node.Props().Window.Closing
	s.codec = types.NewRowCodec(s.columns)
	s.store = newSessionStore(key, inMemory)
	for _, column := range node.Partition {
		s.partition = append(s.partition, s.columns[column])
	}
	s.gap = node.Props().Window.Gap
	return s
}

func (s *session) process(t *turn, in *types.Batch) {
	bounds := s.node.Props().Window
	for i := range in.Len {
		s.scratch = s.scratch[:0]
		for _, column := range s.node.Partition {
			s.scratch = types.AppendKeyFrom(s.scratch, &in.Columns[column], i)
		}
		partition := len(s.scratch)
		start := in.Columns[bounds.Start].Ints[i]
		s.scratch = types.AppendKey(s.scratch, types.TimestampTZ, types.IntDatum(start))
		row := len(s.scratch)
		s.scratch = s.codec.AppendRow(s.scratch, in, i)
		change := s.pending[string(s.scratch)]
		if change == nil {
			key := string(s.scratch)
			change = &sessionChange{partition: key[:partition], start: start, row: key[row:]}
			s.pending[key] = change
		}
		change.delta += in.Weight(i)
	}
}

func (s *session) finish(t *turn) {
	if s.closing != nil {
		s.store.loadClosed(t)
		s.store.forget(t, saturated(s.store.closed, -s.gap))
	}
	if len(s.pending) > 0 && t.failed == nil {
		s.out = types.NewBatch(s.columns)
		s.out.Weights = []int64{}
		changes := make([]*sessionChange, 0, len(s.pending))
		for _, change := range s.pending {
			if change.delta != 0 {
				changes = append(changes, change)
			}
		}
		slices.SortFunc(changes, func(x, y *sessionChange) int {
			return cmp.Or(strings.Compare(x.partition, y.partition), cmp.Compare(x.start, y.start), strings.Compare(x.row, y.row))
		})
		for len(changes) > 0 && t.failed == nil {
			n := 1
			for n < len(changes) && changes[n].partition == changes[0].partition {
				n++
			}
			s.change(t, changes[0].partition, changes[:n])
			changes = changes[n:]
		}
		if s.out.Len > 0 && t.failed == nil {
			s.next.process(t, s.out)
		}
		s.out = nil
	}
	clear(s.pending)
	if s.closing != nil && t.failed == nil {
		s.store.close(t, s.closing)
	}
	s.next.finish(t)
}

// change carries out a partition's changes, which are in the order of their
// starts.
func (s *session) change(t *turn, partition string, changes []*sessionChange) {
	if s.closing != nil {
		changes = slices.DeleteFunc(changes, func(c *sessionChange) bool { return s.late(t, c) })
	}
	for len(changes) > 0 && t.failed == nil {
		rows, n := s.chain(t, partition, changes)
		s.emit(t, partition, rows)
		for _, change := range changes[:n] {
			s.store.write(t, change)
		}
		changes = changes[n:]
	}
}

// late reports, and notes, whether a change is of a session that is closed.
func (s *session) late(t *turn, c *sessionChange) bool {
	if c.start >= s.store.closed {
		return false // a session that it overlaps ends behind it
	}
	rows, _ := s.chain(t, c.partition, []*sessionChange{{partition: c.partition, start: c.start}})
	for _, span := range s.spans(rows, false) {
		if span.end <= s.store.closed && c.start < span.end && span.start < c.start+s.gap {
			if t.late != nil {
				t.late(&lateRow{offset: -1, rowtime: c.start, start: span.start, end: span.end, rows: max(c.delta, -c.delta), partition: 0})
			}
			return true
		}
	}
	return false
}

// chain returns the rows whose windows form a chain with those of the first
// change, and how many of the changes are among them, in the order of their
// starts.
func (s *session) chain(t *turn, partition string, changes []*sessionChange) (rows []sessionRow, n int) {
	first := changes[0].start
	low, high := first, first+s.gap
	left := s.store.walk(t, partition, first, false)
	for left.next() && left.start+s.gap > low {
		low = left.start
		rows = append(rows, sessionRow{start: left.start, row: left.row, before: left.count, after: left.count})
	}
	left.close(t)
	slices.Reverse(rows)
	right := s.store.walk(t, partition, first, true)
	defer right.close(t)
	more := right.next()
	for {
		// The stored row and the change that come next; a change of a stored row is
		// one row.
		stored := more && right.start < high
		changed := n < len(changes) && changes[n].start < high
		var order int
		switch {
		case !stored && !changed:
			return rows, n
		case !changed:
			order = -1
		case !stored:
			order = 1
		default:
			order = cmp.Or(cmp.Compare(right.start, changes[n].start), strings.Compare(right.row, changes[n].row))
		}
		var row sessionRow
		if order <= 0 {
			row = sessionRow{start: right.start, row: right.row, before: right.count, after: right.count}
			more = right.next()
		}
		if order >= 0 {
			row.start, row.row = changes[n].start, changes[n].row
			row.after += changes[n].delta
			n++
		}
		high = max(high, row.start+s.gap)
		rows = append(rows, row)
	}
}

// spans returns the sessions of rows, now or before the turn.
func (s *session) spans(rows []sessionRow, now bool) []sessionSpan {
	var out []sessionSpan
	for i := range rows {
		if count := rows[i].before; now && rows[i].after <= 0 || !now && count <= 0 {
			continue
		}
		if last := len(out) - 1; last >= 0 && rows[i].start < out[last].end {
			out[last].end = max(out[last].end, rows[i].start+s.gap)
			continue
		}
		out = append(out, sessionSpan{rows[i].start, rows[i].start + s.gap})
	}
	return out
}

// emit hands on how the sessions of a chain's rows change: all that is taken away
// first.
func (s *session) emit(t *turn, partition string, rows []sessionRow) {
	before, after := s.spans(rows, false), s.spans(rows, true)
	if s.closing != nil {
		s.store.index(t, partition, before, after)
	}
	for _, now := range []bool{false, true} {
		sign := int64(-1)
		spans, others := before, after
		if now {
			sign, spans, others = 1, after, before
		}
		for i := range rows {
			count, other := rows[i].before, rows[i].after
			if now {
				count, other = other, count
			}
			if count <= 0 {
				continue
			}
			span := spanOf(spans, rows[i].start)
			if other > 0 && spanOf(others, rows[i].start) == span {
				// The window stays: only the number changes.
				if count -= other; count <= 0 {
					continue
				}
			}
			s.append(t, rows[i].row, span, sign*count)
		}
	}
}

// spanOf returns the session that holds an instant.
func spanOf(spans []sessionSpan, at int64) sessionSpan {
	i, _ := slices.BinarySearchFunc(spans, at, func(s sessionSpan, at int64) int {
		if s.end <= at {
			return -1
		}
		return 1
	})
	if i < len(spans) {
		return spans[i]
	}
	return sessionSpan{}
}

func (s *session) append(t *turn, row string, span sessionSpan, weight int64) {
	if err := s.codec.DecodeIntoCopy([]byte(row), s.out); err != nil {
		t.fail(fmt.Errorf("read a row of a session: %w", err))
		return
	}
	bounds := s.node.Props().Window
	last := s.out.Len - 1
	s.out.Columns[bounds.Start].Ints[last] = span.start
	s.out.Columns[bounds.End].Ints[last] = span.end
	s.out.Weights[last] = weight
}
