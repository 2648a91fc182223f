package exec

import (
	"context"
	"fmt"
	"sync"

	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// The values of sequences.
//
//   - The coordinator gives the values, to sessions of all nodes (sequence_service.go): so
//     they grow in the order in which they are asked for, whoever asks. Only one that hands
//     its lead over may give values behind larger ones, before it learns of it.
//   - A value is given once, whatever crashes: the coordinator reserves a range of values
//     in the catalog's log before it gives any of them. What is left of the range when
//     the node crashes is never given; when it closes or another coordinates, it is
//     given back.
//   - A range counts for one reign, and for one epoch of its sequence: once the sequence
//     has been set, what is left of the range is dropped.
type sequences struct {
	mu     sync.Mutex
	ranges map[catalog.ObjectID]*sequenceRange
}

// sequenceRange is what a node has reserved of one sequence.
type sequenceRange struct {
	mu           sync.Mutex
	reign, epoch uint64
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

// takeValues takes the next values of a sequence on the node that coordinates. Where it
// does so no more, or nobody can say whether values were reserved, it is ErrNotLeader; of
// the values that it had taken by then, those that the caller does not give are lost.
func (e *Engine) takeValues(ctx context.Context, reign uint64, sequence catalog.ObjectID, values []int64) (given int, err error) {
	r := e.sequences.of(sequence)
	r.mu.Lock()
	defer r.mu.Unlock()
	for given < len(values) {
		q := e.newestCatalog().Sequence(sequence)
		if q == nil {
			e.sequences.remove(sequence)
			return given, sqlerr.New(sqlerr.UndefinedTable, -1, "the sequence was dropped")
		}
		if q.Epoch > r.epoch || r.reign != reign {
			r.left = 0
		}
		if r.left == 0 {
			ahead := max(valuesAhead, min(q.Cache, 1<<20))
			if err := e.reserveValues(ctx, r, &catalog.NextValues{ID: sequence, Count: int64(len(values)-given) + ahead}); err != nil {
				return given, err
			}
			r.reign = reign
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

// reserveValues reserves a range; r.mu is held.
func (e *Engine) reserveValues(ctx context.Context, r *sequenceRange, command *catalog.NextValues) error {
	encoded, err := catalog.EncodeCommand(command)
	if err != nil {
		return err
	}
	p, err := e.proposeHere(ctx, encoded)
	switch {
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrNotLeader, err)
	case p.refused != nil:
		return p.refused
	}
	r.epoch, r.next, r.left, r.increment = p.result.Epoch, p.result.First, p.result.Count, p.result.Increment
	r.last = r.next + (r.left-1)*r.increment
	return nil
}

// sequenceHere is SequenceState on the node that coordinates.
func (e *Engine) sequenceHere(sequence catalog.ObjectID) (last int64, called bool, ahead int64) {
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

// returnValues gives back what is left of this node's range of a sequence.
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
