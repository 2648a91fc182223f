package lock

import (
	"cmp"
	"slices"
	"time"
)

// Status is a lock that is held or awaited, as pg_locks shows them: locks of
// tables, the transactions that hold or await something, and who waits for which.
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
		list = append(list, Status{
			Process: o.process, Transaction: o.number, Target: o.number, Mode: Exclusive.String(), Granted: true,
		})
		if w := o.waiting; w != nil {
			list = append(list, w.status())
		}
	}
	for _, t := range m.tables {
		for _, h := range t.holders {
			for mode := AccessShare; mode <= AccessExclusive; mode++ {
				if h.modes.has(mode) {
					list = append(list, Status{
						Process: h.owner.process, Transaction: h.owner.number, Relation: t.number, Mode: mode.String(), Granted: true,
					})
				}
			}
		}
	}
	slices.SortFunc(list, func(a, b Status) int {
		return cmp.Or(cmp.Compare(a.Transaction, b.Transaction), cmp.Compare(a.Relation, b.Relation),
			cmp.Compare(a.Target, b.Target), cmp.Compare(a.Mode, b.Mode))
	})
	return list
}

// status describes a wait.
func (w *waiter) status() Status {
	s := Status{Process: w.owner.process, Transaction: w.owner.number, Since: w.since}
	if w.mode.Row() {
		s.Mode = Share.String()
		if edges := w.edges(); len(edges) > 0 {
			s.Target = edges[0].to.number
		}
		return s
	}
	s.Relation, s.Mode = w.object.table.number, w.mode.String()
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
		if o.process != process || o.waiting == nil {
			continue
		}
		for _, e := range o.waiting.edges() {
			if !slices.Contains(list, e.to.process) {
				list = append(list, e.to.process)
			}
		}
	}
	slices.Sort(list)
	return list
}
