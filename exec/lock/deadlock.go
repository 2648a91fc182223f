package lock

import (
	"fmt"
	"slices"
)

// A session waits for those that hold what it wants, and for those that stand
// ahead of it in the queue and want what it would keep them from. A deadlock is a
// circle of such edges. It comes to be when a wait begins, so the wait that
// closes it finds it when it looks: each looks once, after its deadlock timeout.
// An edge to somebody ahead is softer than one to a holder: where a circle has
// one, it is broken by going ahead of that waiter; otherwise the owner that found
// the circle gives way.

// DeadlockError says that an owner would wait for ever.
type DeadlockError struct {
	// Edges are the circle, beginning with the owner that gave way.
	Edges []Edge
}

// Edge is one wait of a deadlock.
type Edge struct {
	// Process waits, for Transaction of process BlockedBy.
	Process, BlockedBy int32
	Transaction        uint64
	Mode               Mode
	// Relation is the table that is awaited or in which a row is.
	Relation uint64
	Key      string
	// Advisory is the key of an advisory lock, nil where it is none.
	Advisory *AdvisoryKey
}

// Error implements error.
func (e *DeadlockError) Error() string {
	return fmt.Sprintf("lock: deadlock of %d transactions", len(e.Edges))
}

// edge is an edge of the wait-for graph.
type edge struct {
	from *waiter
	to   *Owner
	// ahead is the waiter of to that stands ahead of from, nil where to holds what
	// from wants.
	ahead *waiter
}

// maxReorders bounds how often one check goes ahead of others.
const maxReorders = 16

// checkDeadlock looks whether a waiter waits for its own owner. It breaks the
// circle, or takes the waiter out of its queue and returns the error.
func (m *Manager) checkDeadlock(w *waiter) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for range maxReorders {
		if w.done {
			return nil
		}
		circle := findCircle(w)
		if circle == nil {
			return nil
		}
		if !m.goAhead(circle) {
			break
		}
	}
	if w.done {
		return nil
	}
	circle := findCircle(w)
	if circle == nil {
		return nil
	}
	failure := &DeadlockError{}
	for _, e := range circle {
		failure.Edges = append(failure.Edges, Edge{
			Process: e.from.owner.session.process, BlockedBy: e.to.session.process, Transaction: e.to.number,
			Mode: e.from.mode, Relation: e.from.object.table.number, Key: e.from.object.key, Advisory: e.from.object.advisory(),
		})
	}
	m.remove(w)
	return failure
}

// goAhead breaks a circle by a change of order in a queue.
func (m *Manager) goAhead(circle []edge) bool {
	for _, e := range circle {
		if e.ahead == nil {
			continue
		}
		x := e.from.object
		from := slices.Index(x.queue, e.from)
		x.queue = slices.Delete(x.queue, from, from+1)
		x.queue = slices.Insert(x.queue, slices.Index(x.queue, e.ahead), e.from)
		m.wake(x)
		return true
	}
	return false
}

// findCircle returns the edges of a circle through a waiter's session, nil where
// there is none.
func findCircle(start *waiter) []edge {
	visited := map[*Session]bool{}
	var path []edge
	var visit func(w *waiter) bool
	visit = func(w *waiter) bool {
		for _, e := range w.edges() {
			path = append(path, e)
			to := e.to.session
			if to == start.owner.session {
				return true
			}
			if !visited[to] && to.waiting != nil {
				visited[to] = true
				if visit(to.waiting) {
					return true
				}
			}
			path = path[:len(path)-1]
		}
		return false
	}
	if visit(start) {
		return path
	}
	return nil
}

// edges returns whom a waiter waits for.
func (w *waiter) edges() []edge {
	var list []edge
	against := conflicts[w.mode]
	for _, h := range w.object.holders {
		if h.modes&against != 0 && !h.owner.with(w.owner) {
			list = append(list, edge{from: w, to: h.owner})
		}
	}
	for _, other := range w.object.queue {
		if other == w {
			break
		}
		if against.has(other.mode) {
			list = append(list, edge{from: w, to: other.owner, ahead: other})
		}
	}
	return list
}
