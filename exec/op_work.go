package exec

import (
	"encoding/binary"
	"fmt"
	"math"

	"millrace/sql/types"
	"millrace/tables"
)

// work is a batch of changes of one input of an operator, with how far it has been
// worked off.
type work struct {
	side int
	rows *types.Batch
	// next is the row at work. Where begun is set what it makes has been given up to a
	// cursor, which the operator understands, and matches of it met the condition.
	next    int
	begun   bool
	cursor  string
	matches int64
}

// workQueue keeps the work that an operator has no time for in a turn. While there is
// any, the stage takes nothing from its inputs, so that what the work meets does not
// change under it.
//
// Stored form, below the state key of the operator: side 2 and a number, the
// side and the batch; and side 3 alone, how far the first of them is, written in
// each turn that leaves work.
type workQueue struct {
	state   []byte
	columns [2][]types.Type
	items   []*work
	// first is the number of the first item, and stored up to which (exclusive)
	// items are stored; gone from which on stored items are done.
	first, stored, gone uint64
	loaded, dirty       bool
}

const (
	queuedWork     = 2
	queuedProgress = 3
)

func newWorkQueue(key stateKey, left, right []types.Type) workQueue {
	return workQueue{
		state:   tables.AppendStateKey(nil, key.query, key.stage, key.operator, nil),
		columns: [2][]types.Type{left, right},
	}
}

func (q *workQueue) waiting() bool { return len(q.items) > 0 }

func (q *workQueue) add(w *work) {
	q.items = append(q.items, w)
	q.dirty = true
}

// done takes the first item out.
func (q *workQueue) done() {
	q.items[0] = nil
	q.items = q.items[1:]
	q.first++
	q.dirty = true
}

func (q *workQueue) itemKey(number uint64) []byte {
	return binary.BigEndian.AppendUint64(append(append([]byte{}, q.state...), queuedWork), number)
}

func (q *workQueue) progressKey() []byte {
	return append(append([]byte{}, q.state...), queuedProgress)
}

// store writes what is left at a turn's end.
func (q *workQueue) store(t *turn) {
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
func (q *workQueue) load(t *turn) error {
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
	first := &work{next: int(in.next()), matches: int64(in.next())}
	if len(in.data) > 0 {
		first.begun, first.cursor = true, string(in.data[1:])
	}
	if in.bad {
		return fmt.Errorf("damaged progress of an operator")
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
		return fmt.Errorf("damaged progress of an operator")
	}
	first.side, first.rows = q.items[0].side, q.items[0].rows
	q.items[0] = first
	q.gone, q.stored = q.first, q.first+uint64(len(q.items))
	return nil
}

func (q *workQueue) decode(stored []byte) (*work, error) {
	if len(stored) == 0 || stored[0] > rightSide {
		return nil, fmt.Errorf("damaged work of an operator")
	}
	w := &work{side: int(stored[0])}
	var err error
	w.rows, err = types.DecodeBatch(append([]byte(nil), stored[1:]...), q.columns[w.side])
	return w, err
}
