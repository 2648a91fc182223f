package lock

import (
	"context"
	"errors"
	"sync"
	"time"
)

// What holds whenever Manager.mu is free:
//
//  1. The modes that owners of different sessions hold on one object do not conflict,
//     with fast writers in a table none conflicts with fastWriter, and none with what
//     leases let pass.
//  2. At most one owner of a session waits, for at most one object. Its waiter stands
//     in that object's queue, and nowhere else.
//  3. Every waiter is blocked: by a mode that another session's owner holds, by the
//     fast writers, or by a conflicting waiter ahead of it. Whatever takes one of these
//     away calls wake, which grants what can be granted, in order.
//  4. An owner that holds or awaits a row of a table holds rowLocker on the table,
//     so fast writers are out, and none comes in.
//  5. An owner's journal has each mode that it holds on each object exactly once,
//     in the order in which it got them.
//  6. An object is known while it is held, awaited, written fast or leased, and a table
//     while itself or one of its rows is known.
//
// Waiters are served first come, first served: a request waits behind earlier
// ones that it conflicts with, so shared locks do not starve an exclusive one.
// The exception is an owner that already holds the object: it goes ahead of those
// that wait for it, as anything else would be a deadlock.

// Manager knows the locks of a node. It is safe for concurrent use.
type Manager struct {
	now   func() time.Time
	after func(time.Duration) <-chan time.Time

	mu     sync.Mutex
	tables map[uint64]*table
	// owners are those that hold or await something.
	owners map[*Owner]struct{}
	last   uint64 // the number of the newest owner
	// lastLease is the number of the newest lease, and recall has leases given back.
	lastLease uint64
	recall    Recall
	// ended is closed, and isEnded set, when the manager has ended. idle is closed when no
	// fast writer is in any table, nil where nobody waits for that.
	ended   chan struct{}
	isEnded bool
	idle    chan struct{}
}

// NewManager returns a manager without locks. The clock and its timer may be nil
// for the time package's.
func NewManager(now func() time.Time, after func(time.Duration) <-chan time.Time) *Manager {
	if now == nil {
		now = time.Now
	}
	if after == nil {
		after = time.After
	}
	return &Manager{now: now, after: after, tables: map[uint64]*table{}, owners: map[*Owner]struct{}{}, ended: make(chan struct{})}
}

// table is a table that somebody locks, with those of its rows that are locked.
type table struct {
	object
	number uint64
	rows   map[string]*object
	leases []lease
	// recalling counts those that have leases recalled.
	recalling int
}

// object is something that is locked: a table or a row.
type object struct {
	table *table
	// key is the row's; a table's object is the one that is embedded in it.
	key     string
	holders []holder
	queue   []*waiter
	// fast counts the fast writers in a table.
	fast int
	// first is the usual room of holders.
	first [1]holder
}

type holder struct {
	owner *Owner
	modes modeSet
}

type waiter struct {
	owner  *Owner
	object *object
	mode   Mode
	// granted is closed when the owner has got the mode; done says so under the
	// manager's lock.
	granted chan struct{}
	done    bool
	since   time.Time
}

// Session is a client, whose owners are not in each other's way. One goroutine at a
// time asks for their locks.
type Session struct {
	manager *Manager
	process int32 // the client's process ID
	waiting *waiter
}

// Owner is a transaction that holds locks, or a session that holds locks beyond its
// transactions.
type Owner struct {
	manager *Manager
	session *Session
	// number is the transaction's own, 0 of a session.
	number  uint64
	journal []held
}

// held is one mode that an owner got.
type held struct {
	object *object
	mode   Mode
}

// NewSession returns the session of a client with a process ID.
func (m *Manager) NewSession(process int32) *Session {
	return &Session{manager: m, process: process}
}

// NewTransaction returns the owner of a transaction.
func (s *Session) NewTransaction() *Owner {
	m := s.manager
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last++
	return &Owner{manager: m, session: s, number: m.last}
}

// NewOwner returns the owner of what the session holds beyond its transactions.
func (s *Session) NewOwner() *Owner { return &Owner{manager: s.manager, session: s} }

// with reports whether two owners are of one session; nil is nobody.
func (o *Owner) with(other *Owner) bool { return other != nil && o.session == other.session }

// Number tells the transaction apart from all others of the manager.
func (o *Owner) Number() uint64 { return o.number }

// Policy is what a request does that cannot be granted at once.
type Policy uint8

// The policies.
const (
	// Block waits.
	Block Policy = iota
	// NoWait fails with ErrNotAvailable.
	NoWait
	// SkipLocked leaves the row out; of tables it is NoWait.
	SkipLocked
)

// Wait says how long and how a request waits.
type Wait struct {
	Policy Policy
	// Deadlock is how long a request waits before it looks whether it waits for
	// itself; 0 looks at once.
	Deadlock time.Duration
	// Timeout bounds the wait for each lock; 0 for no bound.
	Timeout time.Duration
	// Most is how many locks the owner may hold when it asks for rows; 0 for no bound.
	Most int
	// Begin and End, where not nil, are called around each wait.
	Begin, End func()
}

var (
	// ErrNotAvailable says that a lock is held by another and NoWait was asked for.
	ErrNotAvailable = errors.New("lock: held by another transaction")
	// ErrTooMany says that the owner would hold more than Wait.Most locks.
	ErrTooMany = errors.New("lock: too many locks")
	// ErrTimeout says that Wait.Timeout has passed.
	ErrTimeout = errors.New("lock: timeout")
	// ErrEnded says that the manager has ended: whatever the owner held is lost.
	ErrEnded = errors.New("the transaction's locks were lost")
)

// LockTable locks a table until the owner releases the lock, and reports whether
// it had to wait. Errors are ErrNotAvailable, ErrTimeout, ErrEnded, *DeadlockError or the
// cause of ctx's end; the owner then keeps what it had.
func (m *Manager) LockTable(ctx context.Context, o *Owner, relation uint64, mode Mode, wait Wait) (waited bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lock(ctx, o, &m.table(relation).object, mode, wait)
}

// Rows is what became of a request for rows.
type Rows struct {
	// Waited says that the owner had to wait for one of them, so that what it read
	// before may be old.
	Waited bool
	// Fresh holds the numbers of the rows that others could have changed until
	// now: those in which the owner did not hold RowShared or a stronger mode.
	Fresh []int
	// Skipped holds the numbers of the rows that were left out, with SkipLocked.
	Skipped []int
}

// holdKeys is how many rows are locked before others get at the manager.
const holdKeys = 512

// LockRows locks rows of a table, given by their encoded keys, in this order,
// whether the rows exist or not. It waits until the table's fast writers have
// left, and with Block for each row. Errors are those of LockTable and ErrTooMany;
// the owner then keeps what it got. An owner that has locked the table in Exclusive
// mode, before it read rows of it, has them all: nothing is done.
func (m *Manager) LockRows(ctx context.Context, o *Owner, relation uint64, keys []string, mode Mode, wait Wait) (Rows, error) {
	var out Rows
	if len(keys) == 0 {
		return out, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.tables[relation]; t != nil && t.modesOf(o)&alone != 0 {
		return out, nil
	}
	if wait.Most > 0 && len(o.journal)+len(keys) > wait.Most {
		return out, ErrTooMany
	}
	// Fast writers leave by themselves, and soon: that is not waiting for a lock.
	enter := wait
	enter.Policy, enter.Timeout = Block, 0
	if _, err := m.lock(ctx, o, &m.table(relation).object, rowLocker, enter); err != nil {
		return out, err
	}
	for i, key := range keys {
		if i%holdKeys == holdKeys-1 {
			m.mu.Unlock()
			m.mu.Lock()
		}
		row := m.table(relation).row(key)
		fresh := row.modesOf(o)&stable == 0
		waited, err := m.lock(ctx, o, row, mode, wait)
		switch {
		case errors.Is(err, ErrNotAvailable) && wait.Policy == SkipLocked:
			out.Skipped = append(out.Skipped, i)
			continue
		case err != nil:
			return out, err
		}
		out.Waited = out.Waited || waited
		if fresh {
			out.Fresh = append(out.Fresh, i)
		}
	}
	return out, nil
}

// EnterFast lets a statement write to tables without locking rows, or refuses
// because somebody holds or awaits a lock that it may meet. Who is let in calls
// LeaveFast with the same tables when its entries are applied, and waits for no
// lock before.
func (m *Manager) EnterFast(relations ...uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.isEnded {
		return false
	}
	for _, relation := range relations {
		if t := m.tables[relation]; t != nil && (t.recalling > 0 || t.blocks(nil, fastWriter, len(t.queue))) {
			return false
		}
	}
	for _, relation := range relations {
		m.table(relation).fast++
	}
	return true
}

// LeaveFast ends what EnterFast began.
func (m *Manager) LeaveFast(relations ...uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, relation := range relations {
		t := m.tables[relation]
		t.fast--
		if t.fast == 0 {
			m.wake(&t.object)
		}
	}
	if m.idle != nil && !m.hasFast() {
		close(m.idle)
		m.idle = nil
	}
}

// Locked reports whether another owner holds or awaits a mode on a table that
// conflicts with the given one. Statements that only read, and keep no lock,
// pass by it.
func (m *Manager) Locked(o *Owner, relation uint64, mode Mode) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.tables[relation]
	return m.isEnded || t != nil && t.blocks(o, mode, len(t.queue))
}

// Mark returns a point in the owner's locks that Release can go back to.
func (o *Owner) Mark() int {
	o.manager.mu.Lock()
	defer o.manager.mu.Unlock()
	return len(o.journal)
}

// Release lets go of what the owner got since a mark, 0 for everything.
func (o *Owner) Release(mark int) {
	m := o.manager
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := len(o.journal) - 1; i >= mark; i-- {
		h := o.journal[i]
		o.journal[i] = held{}
		h.object.drop(o, h.mode)
		m.wake(h.object)
	}
	o.journal = o.journal[:min(mark, len(o.journal))]
	m.note(o)
}

// ReleaseRows lets go of what the owner got since a mark on rows of a table.
func (o *Owner) ReleaseRows(mark int, relation uint64, keys []string) {
	m := o.manager
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.tables[relation]
	if t == nil {
		return
	}
	gone := map[*object]bool{}
	for _, key := range keys {
		gone[t.rows[key]] = true
	}
	kept := o.journal[:mark]
	for _, h := range o.journal[mark:] {
		if !gone[h.object] {
			kept = append(kept, h)
			continue
		}
		h.object.drop(o, h.mode)
		m.wake(h.object)
	}
	clear(o.journal[len(kept):])
	o.journal = kept
	m.note(o)
}

// note keeps the owner among those that hold or await something, or not.
func (m *Manager) note(o *Owner) {
	if len(o.journal) == 0 && (o.session.waiting == nil || o.session.waiting.owner != o) {
		delete(m.owners, o)
		return
	}
	m.owners[o] = struct{}{}
}
