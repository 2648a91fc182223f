package log

import (
	"log/slog"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
	"github.com/prometheus/client_golang/prometheus"
)

// WALOptions configure a WAL.
type WALOptions struct {
	// FS is the file system; required.
	FS vfs.FS
	// Dir is the log's own directory; it is created when missing.
	Dir string
	// FileBytes is the length at which the next file is begun; 64 MiB by default.
	FileBytes int64
	// RoundBytes caps what one write round gathers; 4 MiB by default.
	RoundBytes int
	// CacheBytes bounds the newest entries kept in memory, of all groups together; 32 MiB by default.
	CacheBytes int64
	// Logger is required.
	Logger *slog.Logger
	// Registerer receives the log's metrics; nil for none.
	Registerer prometheus.Registerer
}

// WAL is the write-ahead log that all Raft groups of a node share.
type WAL struct{}

// PinnedGroup tells how many bytes a group needs in a file.
type PinnedGroup struct {
	Group uint64
	Bytes int64
}

// Pinned tells what keeps the oldest file of a WAL.
type Pinned struct {
	// Bytes is the size of all files in use.
	Bytes int64
	// Files is the number of files in use.
	Files int
	// Oldest lists the groups that need something in the oldest file, largest first.
	Oldest []PinnedGroup
}

func OpenWAL(options WALOptions) (*WAL, error) { return nil, errAPI }

// Group returns the log and stable store of a Raft group.
func (w *WAL) Group(id uint64) *Group { return nil }

// Groups lists the groups that have something stored, ascending.
func (w *WAL) Groups() []uint64 { return nil }

// DropGroup durably forgets everything of a group.
func (w *WAL) DropGroup(id uint64) error { return errAPI }
func (w *WAL) Pinned() Pinned            { return Pinned{} }

// Close must follow the shutdown of every Raft instance on the WAL: raft panics when GetLog fails.
func (w *WAL) Close() error { return errAPI }

// Group implements raft.LogStore, raft.StableStore and raft.MonotonicLogStore for one Raft group.
type Group struct{}

var (
	_ raft.LogStore          = (*Group)(nil)
	_ raft.StableStore       = (*Group)(nil)
	_ raft.MonotonicLogStore = (*Group)(nil)
)

func (g *Group) FirstIndex() (uint64, error)              { return 0, errAPI }
func (g *Group) LastIndex() (uint64, error)               { return 0, errAPI }
func (g *Group) GetLog(index uint64, log *raft.Log) error { return errAPI }
func (g *Group) StoreLog(log *raft.Log) error             { return errAPI }
func (g *Group) StoreLogs(logs []*raft.Log) error         { return errAPI }
func (g *Group) DeleteRange(min, max uint64) error        { return errAPI }
func (g *Group) IsMonotonic() bool                        { return true }
func (g *Group) Set(key, value []byte) error              { return errAPI }
func (g *Group) Get(key []byte) ([]byte, error)           { return nil, errAPI }
func (g *Group) SetUint64(key []byte, value uint64) error { return errAPI }
func (g *Group) GetUint64(key []byte) (uint64, error)     { return 0, errAPI }
