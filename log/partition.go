package log

import (
	"errors"
	"log/slog"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// SyncedEnd is how far a partition is known to be on disk. A snapshot records
// it; the zero value means that nothing is.
type SyncedEnd struct {
	// StartOffset and NextOffset bound the synced offsets: [start, next).
	StartOffset, NextOffset int64
	// SegmentBase is the base offset of the last segment.
	SegmentBase int64
	// SegmentBytes is the length of the last segment.
	SegmentBytes int64
}

// PartitionOptions configure a Partition.
type PartitionOptions struct {
	// FS is the file system; required.
	FS vfs.FS
	// Dir is the partition's own directory; it is created when missing.
	Dir string
	// Files bounds the files held open, for all partitions of a node; required.
	Files *FileCache
	// SegmentBytes is the length at which a segment is closed; 64 MiB by
	// default, at most 1 GiB.
	SegmentBytes int64
	// IndexIntervalBytes is the distance of index entries; 16 KiB by default.
	IndexIntervalBytes int64
	// Logger receives what is cut and removed on open; required.
	Logger *slog.Logger
}

var errAPI = errors.New("log: being written")

// Partition is the ordered segments of one partition.
type Partition struct{}

func OpenPartition(options PartitionOptions, synced SyncedEnd) (*Partition, error) {
	return nil, errAPI
}
func (p *Partition) Append(batches []byte) error { return errAPI }
func (p *Partition) Sync() (SyncedEnd, error)    { return SyncedEnd{}, errAPI }
func (p *Partition) Read(fromOffset int64, maxBytes int, buf []byte) (batches []byte, err error) {
	return nil, errAPI
}

// OffsetForTimestamp returns the first offset whose timestamp is at least timestampMillis; NextOffset when there is none.
func (p *Partition) OffsetForTimestamp(timestampMillis int64) (int64, error) { return 0, errAPI }
func (p *Partition) StartOffset() int64                                      { return 0 }
func (p *Partition) NextOffset() int64                                       { return 0 }
func (p *Partition) Size() int64                                             { return 0 }

// RetentionOffset tells where retention would move the start offset (the leader's decision, to be put in an entry).
func (p *Partition) RetentionOffset(nowMillis, maxAgeMillis, maxBytes int64) int64 { return 0 }

// TruncateBefore moves the start offset and removes closed segments that lie wholly before it (applied on every replica).
func (p *Partition) TruncateBefore(offset int64) error { return errAPI }
func (p *Partition) Close() error                      { return errAPI }

// FileCache bounds open file handles.
type FileCache struct{}

// NewFileCache returns a cache that keeps at most maxOpen idle handles.
func NewFileCache(fs vfs.FS, maxOpen int) *FileCache { return &FileCache{} }

// Close closes all handles; every partition must have been closed.
func (c *FileCache) Close() error { return nil }
