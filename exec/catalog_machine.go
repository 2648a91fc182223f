package exec

import (
	"slices"
	"sync"
	"sync/atomic"

	"millrace/sql/catalog"
)

// CatalogMachine is the catalog group's state machine: commands in, snapshots
// out. The cluster drives it; the engine reads it.
type CatalogMachine struct {
	current atomic.Pointer[catalog.Snapshot]

	mu      sync.Mutex
	changed func()
	// recent are the versions from the one on that the node's statements see.
	recent []*catalog.Snapshot
}

// NewCatalogMachine returns the machine of an empty catalog.
func NewCatalogMachine() *CatalogMachine {
	m := &CatalogMachine{}
	m.current.Store(&catalog.Snapshot{})
	return m
}

// CatalogOutcome is what Apply returns for a command.
type CatalogOutcome struct {
	Result catalog.Result
	Err    error
}

// Apply applies an encoded command and returns a CatalogOutcome.
func (m *CatalogMachine) Apply(_ uint64, encoded []byte) any {
	command, err := catalog.DecodeCommand(encoded)
	if err != nil {
		return CatalogOutcome{Err: err}
	}
	before := m.current.Load()
	next, result, err := catalog.Apply(before, command)
	if err == nil {
		m.current.Store(next)
		if next.Version() != before.Version() {
			m.remember(next)
		}
		if next.Version() != before.Version() || next.Reign().Number != before.Reign().Number {
			m.notify()
		}
	}
	return CatalogOutcome{Result: result, Err: err}
}

// Snapshot returns the encoded catalog.
func (m *CatalogMachine) Snapshot() ([]byte, error) { return m.current.Load().Encode() }

// Restore replaces the catalog by an encoded one.
func (m *CatalogMachine) Restore(encoded []byte) error {
	snapshot, err := catalog.DecodeSnapshot(encoded)
	if err != nil {
		return err
	}
	m.current.Store(snapshot)
	m.remember(snapshot)
	m.notify()
	return nil
}

// remember keeps a new version until a later one is seen.
func (m *CatalogMachine) remember(snapshot *catalog.Snapshot) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.recent = append(m.recent, snapshot)
}

// atLeast returns the first of the versions that are remembered at or behind a given one,
// nil where the node has none yet.
func (m *CatalogMachine) atLeast(version uint64) *catalog.Snapshot {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, snapshot := range m.recent {
		if snapshot.Version() >= version {
			return snapshot
		}
	}
	if newest := m.current.Load(); newest.Version() >= version {
		return newest
	}
	return nil
}

// forget lets the versions before one go.
func (m *CatalogMachine) forget(before uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.recent = slices.DeleteFunc(m.recent, func(s *catalog.Snapshot) bool { return s.Version() < before })
}

// notify tells the engine, when there is one, of a new version.
func (m *CatalogMachine) notify() {
	m.mu.Lock()
	changed := m.changed
	m.mu.Unlock()
	if changed != nil {
		changed()
	}
}

func (m *CatalogMachine) onChange(changed func()) {
	m.mu.Lock()
	m.changed = changed
	m.mu.Unlock()
}

// Bootstrapped reports whether the cluster has been made.
func (m *CatalogMachine) Bootstrapped() bool { return m.current.Load().Shards() > 0 }
