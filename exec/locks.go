package exec

import (
	"context"

	"millrace/exec/lock"
	"millrace/sql/catalog"
)

// Locks is where the sessions of a node meet those of the whole cluster. The locks are
// known to one node, the coordinator, and lost with it: what an owner held then counts
// no more, which it learns by lock.ErrEnded. The conditions of writes stay.
type Locks interface {
	// NewSession returns the session of a client with a process ID, whose owners are
	// not in each other's way. One goroutine at a time asks for their locks.
	NewSession(process int32) LockSession
	// EnterFast lets a statement write to tables without locking rows, or refuses
	// because somebody holds or awaits a lock that it may meet. Who is let in calls Leave
	// when its entries are applied, and waits for no lock before.
	EnterFast(ctx context.Context, relations []uint64) (entry FastEntry, entered bool)
	// Locked reports whether somebody holds or awaits a mode on a table that conflicts
	// with the given one, AccessShare or RowExclusive; it may do so where nobody does.
	// Statements that only read, and keep no lock, pass by a table that is not.
	Locked(ctx context.Context, relation uint64, mode lock.Mode) bool
	// List returns all locks of the cluster, ordered by transaction.
	List(ctx context.Context) ([]lock.Status, error)
	// Blocking returns the process IDs of those whom a process waits for.
	Blocking(ctx context.Context, process int32) ([]int32, error)
}

// LockSession is a client that locks.
type LockSession interface {
	// NewTransaction returns the owner of a transaction.
	NewTransaction() LockOwner
	// NewOwner returns the owner of what the session holds beyond its transactions.
	NewOwner() LockOwner
}

// LockOwner is a transaction that holds locks, or a session that holds locks beyond its
// transactions. Requests are those of lock.Manager, and so are their errors; besides,
// they may have SQLSTATE 57P03 where no coordinator can be reached. An owner whose locks
// are lost answers lock.ErrEnded until it has released all.
type LockOwner interface {
	// LockTable locks a table, and reports whether it had to wait.
	LockTable(ctx context.Context, relation uint64, mode lock.Mode, wait lock.Wait) (waited bool, err error)
	// LockRows locks rows of a table, given by their encoded keys, in this order.
	LockRows(ctx context.Context, relation uint64, keys []string, mode lock.Mode, wait lock.Wait) (lock.Rows, error)
	// LockAdvisory locks a key in mode Share or Exclusive.
	LockAdvisory(ctx context.Context, key lock.AdvisoryKey, mode lock.Mode, wait lock.Wait) error
	// Mark returns a point in the owner's locks that Release can go back to: 0 while it
	// holds none.
	Mark() int
	// Release lets go of what the owner got since a mark, 0 for everything.
	Release(mark int)
	// ReleaseRows lets go of what the owner got since a mark on rows of a table.
	ReleaseRows(mark int, relation uint64, keys []string)
	// ReleaseAdvisory lets go of a mode of a key, where the owner holds it.
	ReleaseAdvisory(key lock.AdvisoryKey, mode lock.Mode)
	// Check returns lock.ErrEnded where the owner's locks are lost. Where it returns nil,
	// nobody is given a lock that conflicts with them for about a second.
	Check(ctx context.Context) error
	// Held returns a command of the catalog as one that relies on the owner's locks: it
	// fails with 40001 when they are lost, however late it comes.
	Held(command catalog.Command) catalog.Command
}

// FastEntry is that a statement is among the fast writers of tables.
type FastEntry struct {
	manager   fastTables
	relations []uint64
}

// fastTables is what fast writers leave.
type fastTables interface{ LeaveFast(relations ...uint64) }

// Leave ends it.
func (f FastEntry) Leave() { f.manager.LeaveFast(f.relations...) }

// LocalLocks are the locks of a manager in this process, for as long as the manager has
// not ended.
func LocalLocks(manager *lock.Manager) Locks { return localLocks{manager} }

type localLocks struct{ manager *lock.Manager }

// NewSession implements Locks.
func (l localLocks) NewSession(process int32) LockSession {
	return localSession{l.manager, l.manager.NewSession(process)}
}

// EnterFast implements Locks.
func (l localLocks) EnterFast(_ context.Context, relations []uint64) (FastEntry, bool) {
	return FastEntry{l.manager, relations}, l.manager.EnterFast(relations...)
}

// Locked implements Locks.
func (l localLocks) Locked(_ context.Context, relation uint64, mode lock.Mode) bool {
	return l.manager.Locked(nil, relation, mode)
}

// List implements Locks.
func (l localLocks) List(context.Context) ([]lock.Status, error) { return l.manager.List(), nil }

// Blocking implements Locks.
func (l localLocks) Blocking(_ context.Context, process int32) ([]int32, error) {
	return l.manager.Blocking(process), nil
}

type localSession struct {
	manager *lock.Manager
	session *lock.Session
}

// NewTransaction implements LockSession.
func (s localSession) NewTransaction() LockOwner {
	return localOwner{s.session.NewTransaction(), s.manager}
}

// NewOwner implements LockSession.
func (s localSession) NewOwner() LockOwner { return localOwner{s.session.NewOwner(), s.manager} }

// localOwner is an owner of a manager. It implements LockOwner.
type localOwner struct {
	*lock.Owner
	manager *lock.Manager
}

// LockTable implements LockOwner.
func (o localOwner) LockTable(ctx context.Context, relation uint64, mode lock.Mode, wait lock.Wait) (bool, error) {
	return o.manager.LockTable(ctx, o.Owner, relation, mode, wait)
}

// LockRows implements LockOwner.
func (o localOwner) LockRows(ctx context.Context, relation uint64, keys []string, mode lock.Mode, wait lock.Wait) (lock.Rows, error) {
	return o.manager.LockRows(ctx, o.Owner, relation, keys, mode, wait)
}

// LockAdvisory implements LockOwner.
func (o localOwner) LockAdvisory(ctx context.Context, key lock.AdvisoryKey, mode lock.Mode, wait lock.Wait) error {
	return o.manager.LockAdvisory(ctx, o.Owner, key, mode, wait)
}

// Check implements LockOwner.
func (o localOwner) Check(context.Context) error { return o.manager.Err() }

// Held implements LockOwner.
func (o localOwner) Held(command catalog.Command) catalog.Command { return command }
