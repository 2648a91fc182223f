package session

import (
	"context"
	"maps"

	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// sequenceValues are the values that a session took of sequences.
type sequenceValues struct {
	current map[catalog.ObjectID]int64
	// last is the sequence of which it took the last one, 0 for none.
	last catalog.ObjectID
}

// sequence finds a sequence by its OID.
func (s *Session) sequence(oid uint32) (*catalog.Sequence, error) {
	snapshot := s.catalog()
	if q := snapshot.Sequence(catalog.ObjectID(oid)); q != nil {
		return q, nil
	}
	if _, name, ok := s.RelationName(oid); ok {
		return nil, sqlerr.New(sqlerr.WrongObjectType, -1, "%q is not a sequence", name)
	}
	return nil, sqlerr.New(sqlerr.UndefinedTable, -1, "could not open relation with OID %d", oid)
}

// NextValues implements expr.Session.
func (s *Session) NextValues(oid uint32, values []int64) (given int, err error) {
	q, err := s.sequence(oid)
	if err != nil {
		return 0, err
	}
	if err := s.useSequence(q, catalog.PrivilegeUsage|catalog.PrivilegeUpdate); err != nil {
		return 0, err
	}
	if err := s.requireWritable("nextval()"); err != nil {
		return 0, err
	}
	if restarted, is := s.transaction.restarts[q.ID]; is {
		given, err = takeValues(&restarted, values)
		s.transaction.restarts[q.ID] = restarted
	} else {
		given, err = s.options.Backend.NextValues(s.life, q.ID, values)
	}
	if given > 0 {
		if s.sequences.current == nil {
			s.sequences.current = map[catalog.ObjectID]int64{}
		}
		s.sequences.current[q.ID], s.sequences.last = values[given-1], q.ID
	}
	return given, err
}

// CurrentValue implements expr.Session.
func (s *Session) CurrentValue(oid uint32) (int64, error) {
	q, err := s.sequence(oid)
	if err != nil {
		return 0, err
	}
	if err := s.useSequence(q, catalog.PrivilegeUsage|catalog.PrivilegeSelect); err != nil {
		return 0, err
	}
	value, taken := s.sequences.current[q.ID]
	if !taken {
		return 0, sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "currval of sequence %q is not yet defined in this session", q.Name)
	}
	return value, nil
}

// LastValue implements expr.Session.
func (s *Session) LastValue() (int64, error) {
	if s.sequences.last == 0 || s.catalog().Sequence(s.sequences.last) == nil {
		return 0, sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "lastval is not yet defined in this session")
	}
	return s.sequences.current[s.sequences.last], nil
}

// SetValue implements expr.Session.
func (s *Session) SetValue(oid uint32, value int64, called bool) error {
	q, err := s.sequence(oid)
	if err != nil {
		return err
	}
	if err := s.useSequence(q, catalog.PrivilegeUpdate); err != nil {
		return err
	}
	if err := s.requireWritable("setval()"); err != nil {
		return err
	}
	if restarted, is := s.transaction.restarts[q.ID]; is && value >= q.Min && value <= q.Max {
		restarted.Last, restarted.Called = value, called
		s.transaction.restarts[q.ID] = restarted
	} else if err := s.options.Backend.SetSequence(s.life, &catalog.SetSequence{ID: q.ID, Value: value, Called: called}); err != nil {
		return err
	}
	if called {
		if s.sequences.current == nil {
			s.sequences.current = map[catalog.ObjectID]int64{}
		}
		s.sequences.current[q.ID] = value
	}
	return nil
}

// takeValues takes the next values of a sequence that only its transaction sees.
func takeValues(q *catalog.Sequence, values []int64) (given int, err error) {
	for given < len(values) {
		first, taken, err := q.Take(int64(len(values) - given))
		if err != nil {
			return given, err
		}
		for i := range taken {
			values[given] = first + i*q.Increment
			given++
		}
	}
	return given, nil
}

// restartSequences begins sequences anew: at once, or as a part of the transaction,
// which sees it from now on.
func (s *Session) restartSequences(ids []catalog.ObjectID, immediate bool) error {
	for _, id := range ids {
		if immediate {
			if err := s.options.Backend.SetSequence(s.life, &catalog.SetSequence{ID: id, Restart: true}); err != nil {
				return err
			}
			continue
		}
		q := s.catalog().Sequence(id)
		if q == nil {
			continue
		}
		restarted := *q
		restarted.Last, restarted.Called = q.Start, false
		s.restart(restarted)
	}
	return nil
}

// restart begins a sequence anew for the transaction alone.
func (s *Session) restart(q catalog.Sequence) {
	if s.transaction.restarts == nil {
		s.transaction.restarts = map[catalog.ObjectID]catalog.Sequence{}
	}
	q.Epoch = s.transaction.restarts[q.ID].Epoch + 1
	s.transaction.restarts[q.ID] = q
}

// restartsAt returns what ROLLBACK TO leaves of the restarts that there were at the
// savepoint: values that were taken since stay taken.
func (s *Session) restartsAt(point map[catalog.ObjectID]catalog.Sequence) map[catalog.ObjectID]catalog.Sequence {
	left := maps.Clone(point)
	for id, was := range left {
		if now := s.transaction.restarts[id]; now.Epoch == was.Epoch {
			left[id] = now
		}
	}
	return left
}

// alteredSequence takes notice of ALTER SEQUENCE in the transaction: one that begins
// anew, or whose values are the transaction's own, goes on by the new descriptor.
func (s *Session) alteredSequence(c *catalog.AlterSequence) {
	q := s.catalog().Sequence(c.Sequence.ID)
	own, is := s.transaction.restarts[c.Sequence.ID]
	switch {
	case q == nil:
	case c.Restart:
		s.restart(*q)
	case is:
		altered := *q
		altered.Last, altered.Called, altered.Epoch = own.Last, own.Called, own.Epoch
		s.transaction.restarts[q.ID] = altered
	}
}

// keepRestarts makes the restarts of a transaction whose rows are written everybody's.
func (s *Session) keepRestarts(ctx context.Context) error {
	restarts := s.transaction.restarts
	s.transaction.restarts = nil
	for id, q := range restarts {
		if err := s.options.Backend.SetSequence(context.WithoutCancel(ctx), &catalog.SetSequence{ID: id, Value: q.Last, Called: q.Called}); err != nil {
			return err
		}
	}
	return nil
}
