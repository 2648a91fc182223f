package lock

import (
	"context"
	"slices"
	"sync"
)

// Leases let the statements of another node pass by a table without asking: those that
// write it and lock no rows (fast writers), or those that read it and keep no lock.
//
//   - A lease stands for everybody that it lets pass, at any time. While somebody has
//     one, nobody holds a table mode that conflicts with its kind.
//   - Who asks for such a mode has the leases recalled first, before it gets or queues
//     for the mode. Leases come back in bounded time, since those that a lease lets pass
//     wait for nobody; so they are no part of the search for deadlocks, and no reason to
//     refuse a request that does not wait.
//   - None is given while one is recalled, and none while somebody holds or awaits what
//     conflicts with it.
//   - Leases of one manager are numbered, so that a node which is asked to give one back
//     tells it from a later one.

// LeaseKind says whom a lease lets pass.
type LeaseKind uint8

// The kinds.
const (
	// Readers are statements that read a table and keep no lock.
	Readers LeaseKind = iota
	// Writers are fast writers, and readers.
	Writers
)

// mode is what stands for those whom a lease lets pass.
func (k LeaseKind) mode() Mode {
	if k == Writers {
		return fastWriter
	}
	return AccessShare
}

type lease struct {
	node   uint64
	kind   LeaseKind
	number uint64
}

// Recall has a node give back its leases of a table, of a kind and up to a number, and
// returns when they let nobody pass any more and nobody that they let pass is still at
// work: because the node has said so or because it is gone.
type Recall func(ctx context.Context, node, relation uint64, kind LeaseKind, number uint64) error

// SetRecall says how leases are recalled, before the first is given.
func (m *Manager) SetRecall(recall Recall) { m.recall = recall }

// Lease gives a node a lease of a table, or refuses because somebody holds or awaits what
// conflicts with it.
func (m *Manager) Lease(node, relation uint64, kind LeaseKind) (number uint64, given bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.tables[relation]
	if m.isEnded || t != nil && (t.recalling > 0 || t.blocks(nil, kind.mode(), len(t.queue))) {
		return 0, false
	}
	t = m.table(relation)
	m.lastLease++
	for i := range t.leases {
		if l := &t.leases[i]; l.node == node && l.kind == kind {
			l.number = m.lastLease
			return l.number, true
		}
	}
	t.leases = append(t.leases, lease{node, kind, m.lastLease})
	return m.lastLease, true
}

// EndLeases ends all leases of a node, which has given them back or is gone.
func (m *Manager) EndLeases(node uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.tables {
		t.leases = slices.DeleteFunc(t.leases, func(l lease) bool { return l.node == node })
		m.forget(&t.object)
	}
}

// recallLeases has those leases of a table given back that conflict with a mode, and
// reports whether there were any. The manager's lock is held on entry and exit.
func (m *Manager) recallLeases(ctx context.Context, t *table, mode Mode) (had bool, err error) {
	for err == nil {
		var against []lease
		for _, l := range t.leases {
			if conflicts[mode].has(l.kind.mode()) {
				against = append(against, l)
			}
		}
		if len(against) == 0 {
			return had, nil
		}
		had = true
		t.recalling++
		m.mu.Unlock()
		err = m.recallAll(ctx, t.number, against)
		m.mu.Lock()
		t.recalling--
		if err == nil {
			t.leases = slices.DeleteFunc(t.leases, func(l lease) bool { return slices.Contains(against, l) })
		}
	}
	m.forget(&t.object)
	return had, err
}

// recallAll asks all nodes at once.
func (m *Manager) recallAll(ctx context.Context, relation uint64, leases []lease) error {
	errs := make([]error, len(leases))
	var all sync.WaitGroup
	for i, l := range leases {
		all.Go(func() { errs[i] = m.recall(ctx, l.node, relation, l.kind, l.number) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
