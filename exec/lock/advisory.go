package lock

import (
	"context"
	"encoding/binary"
	"math"
)

// Advisory locks protect nothing but what clients agree on. They are kept as the rows of
// a table that no relation has the number of, in the modes Share and Exclusive.

// advisories is the number of that table.
const advisories = math.MaxUint64

// AdvisoryKey is the key of an advisory lock, as pg_locks shows it: a bigint in two
// halves with Sub 1, or two integers with Sub 2.
type AdvisoryKey struct {
	Class, Object uint32
	Sub           uint8
}

func (k AdvisoryKey) encode() string {
	var b [9]byte
	binary.BigEndian.PutUint32(b[:], k.Class)
	binary.BigEndian.PutUint32(b[4:], k.Object)
	b[8] = k.Sub
	return string(b[:])
}

// advisory returns the key of an advisory lock, nil for another object.
func (x *object) advisory() *AdvisoryKey {
	if x.table.number != advisories || x.isTable() {
		return nil
	}
	b := []byte(x.key)
	return &AdvisoryKey{Class: binary.BigEndian.Uint32(b), Object: binary.BigEndian.Uint32(b[4:]), Sub: b[8]}
}

// LockAdvisory locks a key in mode Share or Exclusive until the owner releases it. Each
// mode is held once, however often it is asked for. Errors are those of LockTable and
// ErrTooMany; with an error the owner may hold the mode nevertheless.
func (m *Manager) LockAdvisory(ctx context.Context, o *Owner, key AdvisoryKey, mode Mode, wait Wait) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if wait.Most > 0 && len(o.journal) >= wait.Most {
		return ErrTooMany
	}
	x := m.table(advisories).row(key.encode())
	if own := x.modesOf(o); covers(own, mode) {
		if !own.has(mode) { // it stays when the stronger one is released
			m.grant(x, o, mode)
		}
		return nil
	}
	_, err := m.lock(ctx, o, x, mode, wait)
	return err
}

// ReleaseAdvisory lets go of a mode of a key, where the owner holds it.
func (o *Owner) ReleaseAdvisory(key AdvisoryKey, mode Mode) {
	m := o.manager
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.tables[advisories]
	if t == nil {
		return
	}
	for i, h := range o.journal {
		if h.object.table == t && h.object.key == key.encode() && h.mode == mode {
			o.journal = append(o.journal[:i], o.journal[i+1:]...)
			h.object.drop(o, mode)
			m.wake(h.object)
			break
		}
	}
	m.note(o)
}
