package exec

import (
	"encoding/binary"
	"fmt"
	"math"

	"millrace/sql/types"
	"millrace/tables"
)

// joinWork is a batch of changes of one side of a join, with how far it has been
// joined.
type joinWork struct {
	side int
	rows *types.Batch
	// next is the row at work. Where begun is set its pairs with the other side's
	// rows up to the one with id cursor have been given, matches of them.
	next    int
	begun   bool
	cursor  string
	matches int64
}

// joinQueue keeps the work that a join has no time for in a turn. While there is
// any, the stage takes nothing from its inputs, so that neither side changes under
// it.
//
// Stored form, below the state key of the operator: side 2 and a number, the
// side and the batch; and side 3 alone, how far the first of them is, written in
// each turn that leaves work.
type joinQueue struct {
	state   []byte
	columns [2][]types.Type
	items   []*joinWork
	// first is the number of the first item, and stored up to which (exclusive)
	// items are stored; gone from which on stored items are done.
	first, stored, gone uint64
	loaded, dirty       bool
}

const (
	joinWorkItem     = 2
	joinWorkProgress = 3
)

func newJoinQueue(key stateKey, left, right []types.Type) joinQueue {
	return joinQueue{
		state:   tables.AppendStateKey(nil, key.query, key.stage, key.operator, nil),
		columns: [2][]types.Type{left, right},
	}
}

func (q *joinQueue) waiting() bool { return len(q.items) > 0 }

func (q *joinQueue) add(w *joinWork) {
	q.items = append(q.items, w)
	q.dirty = true
}

// done takes the first item out.
func (q *joinQueue) done() {
	q.items[0] = nil
	q.items = q.items[1:]
	q.first++
	q.dirty = true
}

func (q *joinQueue) itemKey(number uint64) []byte {
	return binary.BigEndian.AppendUint64(append(append([]byte{}, q.state...), joinWorkItem), number)
}

func (q *joinQueue) progressKey() []byte {
	return append(append([]byte{}, q.state...), joinWorkProgress)
}

// store writes what is left at a turn's end.
func (q *joinQueue) store(t *turn) {
	if t.write == nil || !q.dirty && !q.waiting() {
		return
	}
	q.dirty = false
	for ; q.gone < min(q.first, q.stored); q.gone++ {
		t.write.Delete(q.itemKey(q.gone))
	}
	q.gone, q.stored = q.first, max(q.stored, q.first)
	for end := q.first + uint64(len(q.items)); q.stored < end; q.stored++ {
		w := q.items[q.stored-q.first]
		t.write.Set(q.itemKey(q.stored), types.AppendBatch([]byte{byte(w.side)}, w.rows))
	}
	if !q.waiting() {
		t.write.Delete(q.progressKey())
		return
	}
	w := q.items[0]
	progress := binary.AppendUvarint(nil, q.first)
	progress = binary.AppendUvarint(progress, uint64(w.next))
	progress = binary.AppendUvarint(progress, uint64(w.matches))
	if w.begun {
		progress = append(append(progress, 1), w.cursor...)
	}
	t.write.Set(q.progressKey(), progress)
}

// load reads what earlier turns have left, the first time.
func (q *joinQueue) load(t *turn) error {
	if q.loaded || t.state == nil {
		return nil
	}
	q.loaded = true
	progress, found, err := t.state.Get(q.progressKey(), nil)
	if err != nil || !found {
		return err
	}
	in := uvarintReader{data: progress}
	q.first = in.next()
	first := &joinWork{next: int(in.next()), matches: int64(in.next())}
	if len(in.data) > 0 {
		first.begun, first.cursor = true, string(in.data[1:])
	}
	if in.bad {
		return fmt.Errorf("damaged progress of a join")
	}
	it, err := t.state.Scan(q.itemKey(q.first), append(q.itemKey(math.MaxUint64), 0))
	if err != nil {
		return err
	}
	defer it.Close()
	for it.Next() {
		w, err := q.decode(it.Value())
		if err != nil {
			return err
		}
		q.items = append(q.items, w)
	}
	if err := it.Err(); err != nil {
		return err
	}
	if !q.waiting() || first.next >= q.items[0].rows.Len {
		return fmt.Errorf("damaged progress of a join")
	}
	first.side, first.rows = q.items[0].side, q.items[0].rows
	q.items[0] = first
	q.gone, q.stored = q.first, q.first+uint64(len(q.items))
	return nil
}

func (q *joinQueue) decode(stored []byte) (*joinWork, error) {
	if len(stored) == 0 || stored[0] > rightSide {
		return nil, fmt.Errorf("damaged work of a join")
	}
	w := &joinWork{side: int(stored[0])}
	var err error
	w.rows, err = types.DecodeBatch(append([]byte(nil), stored[1:]...), q.columns[w.side])
	return w, err
}
