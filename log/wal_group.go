package log

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"github.com/hashicorp/raft"
)

// Group is the part of a WAL that belongs to one Raft group. It implements
// raft.LogStore, raft.StableStore and raft.MonotonicLogStore: what a call that
// changes something was given is on disk when it returns nil, and unchanged in
// the log's view when it returns an error. It is safe for concurrent use.
type Group struct {
	wal *WAL
	id  uint64

	// staged is the range of entries as the round being built leaves it. It
	// belongs to the writer.
	staged stagedRange

	// mu guards what follows; only the writer changes it.
	mu sync.RWMutex
	// entries are those with the indexes [first, first+len(entries)).
	first   uint64
	entries []location
	stable  map[string]stableValue
	// live counts, per file, the bytes of this group's needed records.
	live map[*walFile]int64
}

// location is the place of an entry's record.
type location struct {
	file             *walFile
	position, length uint32
	// cached is the entry while it is in the cache.
	cached *raft.Log
}

// stableValue is a value of the stable store with the place of its record.
type stableValue struct {
	value []byte
	file  *walFile
	size  int64
}

// stagedRange is a range of indexes, both 0 for none, as of an attempt to write
// a round.
type stagedRange struct {
	attempt     uint64
	first, last uint64
}

var (
	_ raft.LogStore          = (*Group)(nil)
	_ raft.StableStore       = (*Group)(nil)
	_ raft.MonotonicLogStore = (*Group)(nil)
)

func newGroup(w *WAL, id uint64) *Group {
	return &Group{wal: w, id: id, stable: make(map[string]stableValue), live: make(map[*walFile]int64)}
}

// FirstIndex returns the index of the first entry, 0 without any.
func (g *Group) FirstIndex() (uint64, error) {
	if g.wal.closed.Load() {
		return 0, ErrClosed
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	if len(g.entries) == 0 {
		return 0, nil
	}
	return g.first, nil
}

// LastIndex returns the index of the last entry, 0 without any.
func (g *Group) LastIndex() (uint64, error) {
	if g.wal.closed.Load() {
		return 0, ErrClosed
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	if len(g.entries) == 0 {
		return 0, nil
	}
	return g.first + uint64(len(g.entries)) - 1, nil
}

// GetLog fills in the entry at an index, whose slices must not be changed. One
// that the log does not have is raft.ErrLogNotFound, one whose bytes are
// damaged a *CorruptionError.
func (g *Group) GetLog(index uint64, log *raft.Log) error {
	if g.wal.closed.Load() {
		return ErrClosed
	}
	g.mu.RLock()
	if index < g.first || index-g.first >= uint64(len(g.entries)) {
		g.mu.RUnlock()
		return raft.ErrLogNotFound
	}
	place := g.entries[index-g.first]
	if place.cached != nil {
		g.mu.RUnlock()
		*log = *place.cached
		return nil
	}
	// Holding the file before letting go of the group keeps the file from
	// being reused in between.
	place.file.mu.RLock()
	g.mu.RUnlock()
	defer place.file.mu.RUnlock()
	record, err := place.file.readRecord(place)
	if err != nil {
		return err
	}
	if record.group != g.id || (record.kind != recordEntry && record.kind != recordMoved) || record.index() != index {
		return corruption(place.file.path, int64(place.position), "record is not entry %d of group %d", index, g.id)
	}
	record.entry(log)
	return nil
}

// readRecord reads and verifies the record at a place; f.mu is held.
func (f *walFile) readRecord(place location) (walRecord, error) {
	if f.file == nil {
		return walRecord{}, ErrClosed
	}
	buf := make([]byte, place.length)
	if err := readFull(f.file, buf, int64(place.position)); err != nil {
		return walRecord{}, fmt.Errorf("log: read %s at byte %d: %w", f.path, place.position, err)
	}
	record, err := decodeRecord(buf, f.seed)
	return record, inFile(err, f.path, int64(place.position))
}

// StoreLog appends an entry.
func (g *Group) StoreLog(log *raft.Log) error { return g.StoreLogs([]*raft.Log{log}) }

// StoreLogs appends entries. The first must follow the last one stored, unless
// the log is empty. They are copied.
func (g *Group) StoreLogs(logs []*raft.Log) error {
	if len(logs) == 0 {
		return nil
	}
	size := 0
	for _, log := range logs {
		size += recordSize(entryBodySize + len(log.Extensions) + len(log.Data))
	}
	return g.wal.submit(&walRequest{group: g, kind: requestStore, logs: logs, size: size})
}

// DeleteRange removes the entries from min to max, both included, which must
// be the first, the last or all of the log. Those it does not have are ignored.
func (g *Group) DeleteRange(min, max uint64) error {
	return g.wal.submit(&walRequest{group: g, kind: requestDelete, min: min, max: max, size: recordSize(8)})
}

// IsMonotonic tells Raft that entries may not leave gaps.
func (g *Group) IsMonotonic() bool { return true }

// Set gives a key of the stable store its value. Both are copied.
func (g *Group) Set(key, value []byte) error {
	return g.wal.submit(&walRequest{
		group: g, kind: requestSet, key: string(key), value: slices.Clone(value),
		size: recordSize(4 + len(key) + len(value)),
	})
}

// Get returns the value of a key, which must not be changed; nil without one.
func (g *Group) Get(key []byte) ([]byte, error) {
	if g.wal.closed.Load() {
		return nil, ErrClosed
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.stable[string(key)].value, nil
}

// SetUint64 is Set of a number.
func (g *Group) SetUint64(key []byte, value uint64) error {
	return g.Set(key, binary.BigEndian.AppendUint64(nil, value))
}

// GetUint64 returns the number that SetUint64 stored, 0 without one.
func (g *Group) GetUint64(key []byte) (uint64, error) {
	value, err := g.Get(key)
	if err != nil || len(value) == 0 {
		return 0, err
	}
	if len(value) != 8 {
		return 0, fmt.Errorf("log: group %d: the value of %q is not a number", g.id, key)
	}
	return binary.BigEndian.Uint64(value), nil
}
