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
}

// NewSnapshot returns the present state. It reads nothing and copies nothing.
func (s *Store) NewSnapshot() *Snapshot {
	return &Snapshot{store: s, snapshot: s.db.NewSnapshot()}
}

// Shard returns a reader of one shard in the snapshot, usable until the
// snapshot is closed.
func (s *Snapshot) Shard(id uint32) Reader {
	r := makeReader(s.snapshot, s.store, id)
	return &r
}

// Close releases the snapshot.
func (s *Snapshot) Close() error {
	if err := s.snapshot.Close(); err != nil {
		return fmt.Errorf("tables: closing a snapshot: %w", err)
	}
	return nil
}
