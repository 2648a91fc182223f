package tables

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Snapshot is the state of all shards at one moment. It must be closed; while
// it is open, what it sees is kept on disk.
type Snapshot struct {
	store    *Store
	snapshot *pebble.Snapshot
	// replacements is how many there had been before it was made.
	replacements uint64
}

// NewSnapshot returns the present state. It reads nothing and copies nothing.
func (s *Store) NewSnapshot() *Snapshot {
	replacements := s.replaced.count.Load()
	return &Snapshot{store: s, snapshot: s.db.NewSnapshot(), replacements: replacements}
}

// Shard returns a reader of one shard in the snapshot, usable until the
// snapshot is closed.
func (s *Snapshot) Shard(id uint32) Reader {
	r := makeReader(s.snapshot, s.store, id)
	r.replacements = s.replacements
	return &r
}

// Close releases the snapshot.
func (s *Snapshot) Close() error {
	if err := s.snapshot.Close(); err != nil {
		return fmt.Errorf("tables: closing a snapshot: %w", err)
	}
	return nil
}
