package lock

import (
	"context"
	"slices"
	"time"
)

// lock gets one mode for an owner. The manager's lock is held on entry and exit.
func (m *Manager) lock(ctx context.Context, o *Owner, x *object, mode Mode, wait Wait) (waited bool, err error) {
	if m.isEnded {
		return false, ErrEnded
	}
	if x.isTable() && len(x.table.leases) > 0 {
		if waited, err = m.recallLeases(ctx, x.table, mode); err != nil {
			return waited, err
		}
		x = &m.table(x.table.number).object
	}
	w, err := m.request(o, x, mode, wait.Policy)
	if w == nil {
		return waited, err
	}
	m.mu.Unlock()
	err = m.await(ctx, w, wait)
	m.mu.Lock()
	return true, err
}

// request gives an owner a mode, or returns the waiter that it has put in the queue,
// or ErrNotAvailable.
func (m *Manager) request(o *Owner, x *object, mode Mode, policy Policy) (*waiter, error) {
	own := x.modesOf(o)
	if covers(own, mode) {
		return nil, nil
	}
	place := x.place(x.modesWith(o))
	if !x.blocks(o, mode, place) {
		m.grant(x, o, mode)
		return nil, nil
	}
	if policy != Block {
		m.forget(x)
		return nil, ErrNotAvailable
	}
	w := &waiter{owner: o, object: x, mode: mode, granted: make(chan struct{}), since: m.now()}
	x.queue = slices.Insert(x.queue, place, w)
	o.session.waiting = w
	m.owners[o] = struct{}{}
	return w, nil
}

// await waits until a waiter has got its lock, or gives up.
func (m *Manager) await(ctx context.Context, w *waiter, wait Wait) error {
	if wait.Begin != nil {
		wait.Begin()
	}
	if wait.End != nil {
		defer wait.End()
	}
	deadlock := m.after(wait.Deadlock)
	var timeout <-chan time.Time
	if wait.Timeout > 0 {
		timeout = m.after(wait.Timeout)
	}
	for {
		select {
		case <-w.granted:
			return nil
		case <-deadlock:
			deadlock = nil
			if err := m.checkDeadlock(w); err != nil {
				return err
			}
		case <-timeout:
			return m.giveUp(w, ErrTimeout)
		case <-m.ended:
			return m.giveUp(w, ErrEnded)
		case <-ctx.Done():
			return m.giveUp(w, context.Cause(ctx))
		}
	}
}

// giveUp ends a wait. A lock that was granted just now stays its owner's, which is
// about to release all.
func (m *Manager) giveUp(w *waiter, cause error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remove(w)
	return cause
}

// remove takes a waiter out of its queue.
func (m *Manager) remove(w *waiter) {
	if w.done {
		return
	}
	w.done, w.owner.session.waiting = true, nil
	x := w.object
	x.queue = slices.DeleteFunc(x.queue, func(other *waiter) bool { return other == w })
	m.note(w.owner)
	m.wake(x)
}
