package exec

import (
	"context"
	"sync"

	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// The values of sequences.
//
//   - A value is given once, whatever crashes: a node reserves a range of values in
//     the catalog's log before it gives any of them. What is left of the range when
//     the node crashes is never given; when it closes, it is given back.
//   - A range counts for one epoch of its sequence: once the sequence has been set,
//     in this node or another, what is left of the range is dropped.
type sequences struct {
	mu     sync.Mutex
	ranges map[catalog.ObjectID]*sequenceRange
}

// sequenceRange is what a node has reserved of one sequence.
type sequenceRange struct {
	mu    sync.Mutex
	epoch uint64
	// left values are left, from next on in steps of increment, up to last. At least
	// one value of the range has been given.
	next, left, increment, last int64
}

// valuesAhead is how many values are reserved beyond those that are asked for, as in
// PostgreSQL.
const valuesAhead = 32

func (s *sequences) of(id catalog.ObjectID) *sequenceRange {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.ranges[id]
	if r == nil {
		if s.ranges == nil {
			s.ranges = map[catalog.ObjectID]*sequenceRange{}
		}
		r = &sequenceRange{}
		s.ranges[id] = r
	}
	return r
}

// remove forgets a sequence that was dropped.
func (s *sequences) remove(id catalog.ObjectID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.ranges, id)
}

// all returns the IDs of the sequences of which values were reserved.
func (s *sequences) all() []catalog.ObjectID {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []catalog.ObjectID
	for id := range s.ranges {
		ids = append(ids, id)
	}
	return ids
}

// NextValues implements Backend.
func (e *Engine) NextValues(ctx context.Context, sequence catalog.ObjectID, values []int64) (given int, err error) {
	r := e.sequences.of(sequence)
	r.mu.Lock()
	defer r.mu.Unlock()
	for given < len(values) {
		q := e.newestCatalog().Sequence(sequence)
		if q == nil {
			e.sequences.remove(sequence)
			return given, sqlerr.New(sqlerr.UndefinedTable, -1, "the sequence was dropped")
		}
		if q.Epoch > r.epoch {
			r.left = 0
		}
		if r.left == 0 {
			ahead := max(valuesAhead, min(q.Cache, 1<<20))
			result, err := e.proposeCatalog(ctx, &catalog.NextValues{ID: sequence, Count: int64(len(values)-given) + ahead})
			if err != nil {
				return given, err
			}
			r.epoch, r.next, r.left, r.increment = result.Epoch, result.First, result.Count, result.Increment
			r.last = r.next + (r.left-1)*r.increment
		}
		for r.left > 0 && given < len(values) {
			values[given] = r.next
			given++
			r.left--
			if r.left > 0 {
				r.next += r.increment
			}
		}
	}
	return given, nil
}

// SetSequence implements Backend.
func (e *Engine) SetSequence(ctx context.Context, command *catalog.SetSequence) error {
	r := e.sequences.of(command.ID)
	r.mu.Lock()
	defer r.mu.Unlock()
	// What was reserved before counts for an epoch that is over.
	_, err := e.proposeCatalog(ctx, command)
	return err
}

// SequenceState implements Backend.
func (e *Engine) SequenceState(sequence catalog.ObjectID) (last int64, called bool, ahead int64) {
	r := e.sequences.of(sequence)
	r.mu.Lock()
	defer r.mu.Unlock()
	q := e.newestCatalog().Sequence(sequence)
	if q == nil {
		return 0, false, 0
	}
	if r.left > 0 && r.epoch == q.Epoch && r.last == q.Last {
		return r.next - r.increment, true, r.left
	}
	return q.Last, q.Called, 0
}

// returnValues gives back what is left of the range of a sequence.
func (e *Engine) returnValues(ctx context.Context, sequence catalog.ObjectID) error {
	r := e.sequences.of(sequence)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.left == 0 {
		return nil
	}
	r.left = 0
	_, err := e.proposeCatalog(ctx, &catalog.ReturnValues{ID: sequence, Epoch: r.epoch, Reserved: r.last, Given: r.next - r.increment})
	return err
}

// ReturnValues gives back what this node has reserved of all sequences and not given,
// so that its next start finds no gaps. Nothing may ask for values any more.
func (e *Engine) ReturnValues(ctx context.Context) error {
	for _, id := range e.sequences.all() {
		if err := e.returnValues(ctx, id); err != nil {
			return err
		}
	}
	return nil
}
