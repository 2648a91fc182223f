package exec

import (
	"errors"
	"math"
	"sync"

	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// feed tells the node's sessions what a shard has committed: that streams have
// new rows, and how tables changed.
type feed struct {
	mu sync.Mutex
	// index is the last index that was published.
	index       uint64
	subscribers map[catalog.ObjectID]map[*subscription]struct{}
	// waiting are woken when the index that they wait for is published.
	waiting map[*wakeup]uint64
}

// subscription is a session's wish to hear of one relation on all shards.
type subscription struct {
	relation catalog.ObjectID
	// wake is raised when there is something new.
	wake *wakeup

	mu sync.Mutex
	// changes are a table's committed changes that the session has not taken, per
	// shard in order; rows and bytes count them.
	changes []tableChanges
	rows    int
	bytes   int64
	// table says that changes are wanted; of a stream the session reads the log.
	table bool
	// limit bounds the bytes that wait, and budget those of all. Kept says that the
	// table keeps its changes, and behind that some are to be read there.
	limit        int64
	budget       *pushBudget
	kept, behind bool
	// ended is why there will be no more changes.
	ended error
}

// errSubscriptionBehind says that changes which follow those taken are not in memory.
// Those that are published from now on are.
var errSubscriptionBehind = errors.New("exec: the changes of a table are more than are kept in memory")

func (f *feed) subscribe(s *subscription) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.subscribers == nil {
		f.subscribers = map[catalog.ObjectID]map[*subscription]struct{}{}
	}
	if f.subscribers[s.relation] == nil {
		f.subscribers[s.relation] = map[*subscription]struct{}{}
	}
	f.subscribers[s.relation][s] = struct{}{}
}

func (f *feed) unsubscribe(s *subscription) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.subscribers[s.relation], s)
	if len(f.subscribers[s.relation]) == 0 {
		delete(f.subscribers, s.relation)
	}
}

// reached reports whether all changes up to an index have been published. If not, wake
// is signalled when they are, unless it is forgotten before.
func (f *feed) reached(index uint64, wake *wakeup) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.index >= index {
		return true
	}
	if f.waiting == nil {
		f.waiting = map[*wakeup]uint64{}
	}
	f.waiting[wake] = index
	return false
}

// forget has nobody wait for an index any more.
func (f *feed) forget(wake *wakeup) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.waiting, wake)
}

// wakeWaiting wakes who waits for an index that is published.
func (f *feed) wakeWaiting() {
	for wake, index := range f.waiting {
		if f.index >= index {
			delete(f.waiting, wake)
			wake.raise()
		}
	}
}

// publish tells subscribers what a committed tick did.
func (f *feed) publish(shard int, index uint64, result *tickResult) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.index = index
	for table, changes := range result.changes {
		for s := range f.subscribers[table] {
			s.offer(tableChanges{table: table, shard: shard, index: index, changes: changes, time: result.time})
		}
	}
	for _, stream := range result.appended {
		for s := range f.subscribers[stream] {
			s.signal()
		}
	}
	for _, dropped := range result.dropped {
		for s := range f.subscribers[dropped] {
			s.end(sqlerr.New(sqlerr.UndefinedTable, -1, "the relation was dropped while the query followed it"))
		}
	}
	for _, rewritten := range result.rewritten {
		for s := range f.subscribers[rewritten] {
			s.end(sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "the table was stored anew while the query followed it").
				WithHint("Run the query again: it begins with the current result."))
		}
	}
	f.wakeWaiting()
}

// restart tells subscribers of tables that changes may have been missed: a loop
// begins, and what the entry in flight changed was not published.
func (f *feed) restart(shard int, index uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	missed := f.index != 0 && f.index != index
	f.index = index
	f.wakeWaiting()
	if !missed {
		return
	}
	for _, subscribers := range f.subscribers {
		for s := range subscribers {
			if s.table {
				s.end(sqlerr.New(sqlerr.IOError, -1, "changes of the result were missed while shard %d recovered from an error", shard).
					WithHint("Run the query again: it begins with the current result."))
			}
		}
	}
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

func (s *subscription) offer(c tableChanges) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows, bytes := 0, int64(0)
	for _, b := range c.changes {
		rows += b.Len
		bytes += int64(batchBytes(b))
	}
	switch {
	case s.ended != nil || s.behind:
	case len(s.changes) == 0 || !s.budget.exceeds(s.bytes+bytes, s.limit):
		s.changes = append(s.changes, c)
		s.rows, s.bytes = s.rows+rows, s.bytes+bytes
		s.budget.used.Add(bytes)
		s.signal()
	case s.kept:
		s.clear()
		s.behind = true
		s.signal()
	default:
		s.endLocked(tooSlow(nil))
	}
}

// take returns the changes that have come since the last take.
func (s *subscription) take() (changes []tableChanges, err error) {
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
