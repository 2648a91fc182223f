package lock

import (
	"cmp"
	"slices"
	"time"
)

// Status is a lock that is held or awaited, as pg_locks shows them: locks of
// tables, advisory locks, the transactions that hold or await something, and who waits
// for which.
// Rows that are locked are not listed, there may be millions: who waits for one
// waits for a transaction.
type Status struct {
	Process int32
	// Transaction is the owner's number.
	Transaction uint64
	// Relation is the table, 0 where the lock is on a transaction; then Target is
	// that one's number.
	Relation uint64
	Target   uint64
	// Advisory is the key of an advisory lock, nil where it is none.
	Advisory *AdvisoryKey
	// Mode is PostgreSQL's name of the lock's mode.
	Mode    string
	Granted bool
	// Since is when the wait began.
	Since time.Time
}

// List returns all locks, ordered by transaction.
func (m *Manager) List() []Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []Status
	for o := range m.owners {
		if o.number != 0 {
			list = append(list, Status{
				Process: o.session.process, Transaction: o.number, Target: o.number, Mode: Exclusive.String(), Granted: true,
			})
		}
		if w := o.session.waiting; w != nil && w.owner == o {
			list = append(list, w.status())
		}
	}
	for _, t := range m.tables {
		list = append(list, t.object.granted()...)
		if t.number == advisories {
			for _, x := range t.rows {
				list = append(list, x.granted()...)
			}
		}
	}
	slices.SortFunc(list, func(a, b Status) int {
		return cmp.Or(cmp.Compare(a.Transaction, b.Transaction), cmp.Compare(a.Relation, b.Relation),
			cmp.Compare(a.Target, b.Target), cmp.Compare(a.Mode, b.Mode))
	})
	return list
}

// granted describes what the holders of a table or an advisory lock have.
func (x *object) granted() []Status {
	var list []Status
	for _, h := range x.holders {
		for mode := AccessShare; mode <= AccessExclusive; mode++ {
			if h.modes.has(mode) {
				s := x.about(h.owner)
				s.Mode, s.Granted = mode.String(), true
				list = append(list, s)
			}
		}
	}
	return list
}

// about describes what an owner has to do with a table or an advisory lock.
func (x *object) about(o *Owner) Status {
	s := Status{Process: o.session.process, Transaction: o.number, Advisory: x.advisory()}
	if s.Advisory == nil {
		s.Relation = x.table.number
	}
	return s
}

// status describes a wait.
func (w *waiter) status() Status {
	if w.mode.Row() {
		s := Status{Process: w.owner.session.process, Transaction: w.owner.number, Since: w.since, Mode: Share.String()}
		if edges := w.edges(); len(edges) > 0 {
			s.Target = edges[0].to.number
		}
		return s
	}
	s := w.object.about(w.owner)
	s.Since, s.Mode = w.since, w.mode.String()
	if w.mode == rowLocker {
		s.Mode = RowExclusive.String()
	}
	return s
}

// Blocking returns the process IDs of those whom a process waits for, nil where it
// does not wait for a lock.
func (m *Manager) Blocking(process int32) []int32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []int32
	for o := range m.owners {
		w := o.session.waiting
		if o.session.process != process || w == nil || w.owner != o {
			continue
		}
		for _, e := range w.edges() {
			if blocker := e.to.session.process; !slices.Contains(list, blocker) {
				list = append(list, blocker)
			}
		}
	}
	slices.Sort(list)
	return list
}
