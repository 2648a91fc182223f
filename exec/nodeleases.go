package exec

import (
	"context"
	"sync"
	"time"

	"millrace/exec/lock"
)

// nodeLeases are the leases (lock.Lease) of a node that does not coordinate: by them, its
// fast writers and readers pass by tables without asking.
//
//   - A lease counts while its reign and tenure are those in which the coordinator has
//     answered the node last, and less than leaseFor after that answer was asked for.
//   - Who was let in by a lease counts as inside until it leaves, whatever becomes of the
//     lease; a recall, and another reign, wait for that.
//   - An answer that gives a lease may come after its recall: what was recalled is
//     remembered by number.
type nodeLeases struct {
	locks *nodeLocks

	mu sync.Mutex
	// under is the reign and tenure of the leases.
	under  contact
	tables map[uint64]*leasedTable
	// used is when a lease let somebody pass last.
	used time.Time
}

// leasedTable is a table with leases, or with fast writers inside.
type leasedTable struct {
	// given is the number of the lease of each kind, 0 for none, and recalled up to which
	// number leases were recalled.
	given, recalled [2]uint64
	inside          int
	// empty is closed when nobody is inside any more, nil where nobody waits for that.
	empty chan struct{}
}

// leaseIdle is how long leases are kept that nobody uses.
const leaseIdle = 10 * time.Second

// enter lets a fast writer into tables, if leases do.
func (l *nodeLeases) enter(relations []uint64) bool {
	now, newest := l.locks.engine.now(), l.locks.contact()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, relation := range relations {
		if !l.counts(relation, lock.Writers, now, newest) {
			return false
		}
	}
	l.used = now
	for _, relation := range relations {
		l.tables[relation].inside++
	}
	return true
}

// passes reports whether somebody that a kind of lease lets pass may.
func (l *nodeLeases) passes(relation uint64, kind lock.LeaseKind) bool {
	now, newest := l.locks.engine.now(), l.locks.contact()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.counts(relation, kind, now, newest) || l.counts(relation, lock.Writers, now, newest) {
		l.used = now
		return true
	}
	return false
}

// counts reports whether there is a lease that counts; l.mu is held.
func (l *nodeLeases) counts(relation uint64, kind lock.LeaseKind, now time.Time, newest contact) bool {
	t := l.tables[relation]
	return t != nil && t.given[kind] != 0 && l.under.same(newest) && now.Sub(newest.asked) < leaseFor
}

// LeaveFast implements fastTables.
func (l *nodeLeases) LeaveFast(relations ...uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, relation := range relations {
		t := l.tables[relation]
		if t.inside--; t.inside == 0 && t.empty != nil {
			close(t.empty)
			t.empty = nil
		}
	}
}

// ask asks the coordinator for leases, and reports whether it gave all.
func (l *nodeLeases) ask(ctx context.Context, relations []uint64, kind lock.LeaseKind) (bool, error) {
	asked := l.locks.engine.now()
	message := appendUvarints(nil, l.locks.life, uint64(kind))
	answer, err := l.locks.engine.askCatalogLeader(ctx, "lock.lease", appendUvarints(message, relations...))
	if err != nil {
		return false, err
	}
	in := uvarintReader{data: answer}
	under := contact{reign: in.next(), tenure: in.next(), asked: asked}
	l.locks.heard(under)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.take(under) {
		return false, nil
	}
	all := true
	for _, relation := range relations {
		t, number := l.table(relation), in.next()
		if number == 0 || number <= t.recalled[kind] {
			all = false
			continue
		}
		t.given[kind] = max(t.given[kind], number)
	}
	if in.bad {
		return false, errBadLockMessage
	}
	l.used = asked
	l.locks.needContact()
	return all, nil
}

// take begins with the leases of another reign or tenure, where that is newer; it
// reports whether it is not older. l.mu is held.
func (l *nodeLeases) take(under contact) bool {
	if l.under.same(under) {
		return true
	}
	if under.before(l.under) {
		return false
	}
	l.under = under
	l.drop()
	return true
}

// drop forgets all leases, though not who is inside; l.mu is held.
func (l *nodeLeases) drop() {
	for relation, t := range l.tables {
		t.given, t.recalled = [2]uint64{}, [2]uint64{}
		if t.inside == 0 {
			delete(l.tables, relation)
		}
	}
}

// table returns a table, made where it is not known; l.mu is held.
func (l *nodeLeases) table(relation uint64) *leasedTable {
	t := l.tables[relation]
	if t == nil {
		t = &leasedTable{}
		l.tables[relation] = t
	}
	return t
}

// idle reports whether there are no leases, or drops those that nobody has used for long.
func (l *nodeLeases) idle(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.used) > leaseIdle {
		for _, t := range l.tables {
			t.given = [2]uint64{}
		}
	}
	for _, t := range l.tables {
		if t.given != [2]uint64{} {
			return false
		}
	}
	return true
}

// giveBack ends leases that the coordinator recalls, and returns when those have left
// whom they let in.
func (l *nodeLeases) giveBack(ctx context.Context, under contact, relation uint64, kind lock.LeaseKind, number uint64) error {
	l.mu.Lock()
	if l.take(under) {
		t := l.table(relation)
		t.recalled[kind] = max(t.recalled[kind], number)
		if t.given[kind] <= number {
			t.given[kind] = 0
		}
	}
	l.mu.Unlock()
	if kind == lock.Readers {
		return nil
	}
	return l.awaitEmpty(ctx, relation)
}

// awaitEmpty waits until nobody is inside a table.
func (l *nodeLeases) awaitEmpty(ctx context.Context, relation uint64) error {
	l.mu.Lock()
	t := l.tables[relation]
	if t == nil || t.inside == 0 {
		l.mu.Unlock()
		return nil
	}
	if t.empty == nil {
		t.empty = make(chan struct{})
	}
	empty := t.empty
	l.mu.Unlock()
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// forsake drops the leases of reigns before one, and returns when those have left whom
// they let in.
func (l *nodeLeases) forsake(ctx context.Context, reign uint64) error {
	l.mu.Lock()
	if l.under.reign < reign {
		l.under = contact{reign: reign}
		l.drop()
	}
	var busy []uint64
	for relation, t := range l.tables {
		if t.inside > 0 {
			busy = append(busy, relation)
		}
	}
	l.mu.Unlock()
	for _, relation := range busy {
		if err := l.awaitEmpty(ctx, relation); err != nil {
			return err
		}
	}
	return nil
}
