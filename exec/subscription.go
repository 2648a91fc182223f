package exec

import (
	"errors"
	"math"
	"sync"

	"millrace/sql/catalog"
)

// subscription is a session's wish to hear of one relation on all shards.
type subscription struct {
	relation catalog.ObjectID
	// followed is the stream, or the storage of the table.
	followed catalog.ObjectID
	// wake is raised when there is something new.
	wake *wakeup

	mu sync.Mutex
	// changes are a table's committed changes that the session has not taken, per
	// shard in order; rows and bytes count them.
	changes []*tableChanges
	rows    int
	bytes   int64
	// table says that changes are wanted; of a stream the session reads the log.
	table bool
	// limit bounds the bytes that wait, and budget those of all. Kept says that the
	// table keeps its changes, and behind that some are to be read there.
	limit        int64
	budget       *pushBudget
	kept, behind bool
	// lost is the error for when those are not there any more.
	lost error
	// ended is why there will be no more changes.
	ended error
}

// errSubscriptionBehind says that changes which follow those taken are not in memory.
// Those that are published from now on are.
var errSubscriptionBehind = errors.New("exec: the changes of a table are more than are kept in memory")

func newSubscription(relation *catalog.Relation, wake *wakeup) *subscription {
	s := &subscription{relation: relation.ID, followed: relation.ID, wake: wake, table: relation.Kind == catalog.KindTable}
	if s.table {
		s.followed = relation.StorageID()
	}
	return s
}

func (s *subscription) signal() { s.wake.raise() }

// waiting returns how many changes have not been taken, many where they are not in
// memory.
func (s *subscription) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.behind {
		return math.MaxInt32
	}
	return s.rows
}

// failure is why there will be nothing more; nil while there may be.
func (s *subscription) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// end lets the waiting changes go and has the session told why.
func (s *subscription) end(reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked(reason)
}

func (s *subscription) endLocked(reason error) {
	if s.ended == nil {
		s.clear()
		s.ended = reason
	}
	s.signal()
}

// raise has the bytes that may wait be at least as many.
func (s *subscription) raise(limit int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = max(s.limit, limit)
}

// clear lets go of the changes that wait.
func (s *subscription) clear() {
	s.budget.used.Add(-s.bytes)
	s.changes, s.rows, s.bytes = nil, 0, 0
}

// offer adds changes.
func (s *subscription) offer(c *tableChanges) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended != nil || s.behind:
	case len(s.changes) == 0 || !s.budget.exceeds(s.bytes+c.bytes, s.limit):
		s.changes = append(s.changes, c)
		s.rows, s.bytes = s.rows+c.count, s.bytes+c.bytes
		s.budget.used.Add(c.bytes)
		s.signal()
	default:
		s.fallBehind(tooSlow(nil))
	}
}

// miss notes that changes were passed over. Where the table does not keep them, reason
// ends the subscription. Of streams nothing is missed: the session reads the log.
func (s *subscription) miss(reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.table && s.ended == nil {
		s.fallBehind(reason)
	}
	s.signal()
}

// fallBehind has the session read the changes that follow from those that are kept;
// where they are not, reason ends the subscription.
func (s *subscription) fallBehind(reason error) {
	if !s.kept {
		s.endLocked(reason)
		return
	}
	s.clear()
	s.behind, s.lost = true, reason
	s.signal()
}

// lostChanges is why the subscription cannot go on where changes that it lacks are not
// kept any more.
func (s *subscription) lostChanges() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// take returns the changes that have come since the last take.
func (s *subscription) take() (changes []*tableChanges, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		return nil, s.ended
	}
	if s.behind {
		s.behind = false
		return nil, errSubscriptionBehind
	}
	changes = s.changes
	s.clear()
	return changes, nil
}
