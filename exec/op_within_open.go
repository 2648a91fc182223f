package exec

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"millrace/sql/types"
)

// openRows keeps the rows of one side of a join that had no match so far, until they
// are given.
//
// Stored form: the row's time and number (16 bytes, in the order of time) under the
// operator's key and 5 for the left side, 6 for the right one; the value is the row's
// rowtime (varint) and the row. A row that finds a match is deleted, what is given goes
// as a range.
//
// Invariants:
//   - given is the time before which all rows were given, and nothing is stored.
//   - Between turns added and removed are empty where there is a store. In memory,
//     added are all rows, in order but for those that the turn has added.
type openRows struct {
	prefix   []byte
	side     *joinSide
	inMemory bool
	given    int64
	// added are the rows that the turn has added, and removed the ids of those that have
	// found a match, which order has in the order in which they did.
	added   []joinRow
	removed map[string]struct{}
	order   []string
	// cursor is where the next piece begins, where the last one was not all.
	cursor []byte
}

// closeBytes bounds the rows that one turn gives.
const closeBytes = 1 << 19

func newOpenRows(prefix []byte, side *joinSide) *openRows {
	return &openRows{prefix: prefix, side: side, inMemory: side.inMemory, given: noTime, removed: map[string]struct{}{}}
}

func (o *openRows) add(row joinRow) { o.added = append(o.added, row) }

// matched takes out a row that has found its first match.
func (o *openRows) matched(id string) {
	o.removed[id] = struct{}{}
	o.order = append(o.order, id)
}

func (o *openRows) key(id string) []byte {
	return append(o.prefix[:len(o.prefix):len(o.prefix)], id...)
}

// close ends a turn: it gives the rows before closed, as many as the turn has room for,
// and reports whether some are left. Numbers from began on are those that the turn has
// added.
func (o *openRows) close(t *turn, closed int64, began uint64, give func(*types.Batch)) (left bool) {
	out := types.NewBatch(o.side.columns)
	if o.inMemory {
		o.closeInMemory(t, closed, out)
	} else {
		o.store(t, closed, began, out)
		left = o.closeStored(t, closed, out)
		clear(o.removed)
	}
	o.order = o.order[:0]
	if out.Len > 0 && t.failed == nil {
		give(out)
	}
	return left
}

// take appends a row to those that are given.
func (o *openRows) take(t *turn, out *types.Batch, row []byte, rowtime int64) {
	if err := o.side.row.DecodeIntoCopy(row, out); err != nil {
		t.fail(fmt.Errorf("read a row of a join: %w", err))
		return
	}
	out.Rowtimes = append(out.Rowtimes, rowtime)
}

func (o *openRows) closeInMemory(t *turn, closed int64, out *types.Batch) {
	slices.SortFunc(o.added, func(x, y joinRow) int { return strings.Compare(x.id, y.id) })
	n := 0
	for ; n < len(o.added) && instantOf(o.added[n].id) < closed; n++ {
		row := &o.added[n]
		if _, matched := o.removed[row.id]; matched {
			delete(o.removed, row.id)
			continue
		}
		o.take(t, out, bytesOf(row.row), row.rowtime)
	}
	o.added, o.given = slices.Delete(o.added, 0, n), max(o.given, closed)
}

// store writes what the turn has done to rows. Those that it has added and that are over
// already it gives.
func (o *openRows) store(t *turn, closed int64, began uint64, out *types.Batch) {
	for i := range o.added {
		row := &o.added[i]
		_, matched := o.removed[row.id]
		switch {
		case matched:
		case instantOf(row.id) < closed:
			o.take(t, out, bytesOf(row.row), row.rowtime)
		default:
			t.write.Set(o.key(row.id), append(binary.AppendVarint(nil, row.rowtime), row.row...))
		}
	}
	o.added = o.added[:0]
	for _, id := range o.order {
		if numberOf(id) < began {
			t.write.Delete(o.key(id))
		}
	}
}

// closeStored gives stored rows before closed.
func (o *openRows) closeStored(t *turn, closed int64, out *types.Batch) (left bool) {
	if o.given >= closed || t.failed != nil {
		return false
	}
	from, to := o.key(string(appendInstant(nil, o.given))), o.key(string(appendInstant(nil, closed)))
	if o.cursor != nil {
		from = o.cursor
	}
	it, err := t.state.Scan(from, to)
	if err != nil {
		t.fail(fmt.Errorf("read rows of a join: %w", err))
		return false
	}
	defer it.Close()
	var last []byte
	for bytes := 0; it.Next(); {
		if out.Len >= closeChunk || bytes >= closeBytes {
			left = true
			break
		}
		last = append(last[:0], it.Key()...)
		if _, matched := o.removed[string(last[len(o.prefix):])]; matched {
			continue
		}
		r := uvarintReader{data: it.Value()}
		rowtime := r.varint()
		if r.bad {
			t.fail(errBadRecord)
			return false
		}
		bytes += len(r.data)
		o.take(t, out, r.data, rowtime)
	}
	if err := it.Err(); err != nil {
		t.fail(fmt.Errorf("read rows of a join: %w", err))
		return false
	}
	if left {
		o.cursor = append(last, 0)
		t.write.DeleteRange(from, o.cursor)
		return true
	}
	if last != nil {
		t.write.DeleteRange(from, to)
	}
	o.cursor, o.given = nil, closed
	return false
}
