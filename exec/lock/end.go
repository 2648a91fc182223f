package lock

import "context"

// End gives everything up: waits and requests fail with ErrEnded from now on, and nobody
// can rely on what it holds. It is safe to call twice.
func (m *Manager) End() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.isEnded {
		m.isEnded = true
		close(m.ended)
	}
}

// Err returns ErrEnded where the manager has ended.
func (m *Manager) Err() error {
	select {
	case <-m.ended:
		return ErrEnded
	default:
		return nil
	}
}

// AwaitFast waits until no fast writer is in any table, once the manager has ended.
func (m *Manager) AwaitFast(ctx context.Context) error {
	m.mu.Lock()
	busy := m.hasFast()
	if busy && m.idle == nil {
		m.idle = make(chan struct{})
	}
	idle := m.idle
	m.mu.Unlock()
	if !busy {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (m *Manager) hasFast() bool {
	for _, t := range m.tables {
		if t.fast > 0 {
			return true
		}
	}
	return false
}
