package log

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	defaultSegmentBytes       = 64 << 20
	maxSegmentBytes           = 1 << 30 // positions in the index have 32 bits
	defaultIndexIntervalBytes = 16 << 10
	maxSegmentOffsets         = math.MaxInt32
)

// SyncedEnd is the extent of a partition at one moment. A snapshot records it
// once everything in it is on disk; the zero value means that nothing is.
type SyncedEnd struct {
	// StartOffset and NextOffset bound the offsets: [start, next).
	StartOffset, NextOffset int64
	// SegmentBase is the base offset of the active segment. It equals
	// NextOffset when that segment is empty.
	SegmentBase int64
	// SegmentBytes is the length of the active segment.
	SegmentBytes int64
}

// PartitionOptions configure a Partition.
type PartitionOptions struct {
	// FS is the file system; required.
	FS vfs.FS
	// Dir is the partition's own directory; it is created when missing.
	Dir string
	// Files is the node's cache of open files, on the same FS; required.
	Files *FileCache
	// SegmentBytes is the length beyond which a segment is closed; 64 MiB by
	// default, at most 1 GiB.
	SegmentBytes int64
	// IndexIntervalBytes is the distance of index entries; 16 KiB by default.
	IndexIntervalBytes int64
	// Damaged is told of each damage that a reader meets; it must return at once. nil
	// for nobody.
	Damaged func(damage *CorruptionError)
	// Logger receives what is cut and removed on open; required.
	Logger *slog.Logger
}

// Partition is one ordered sequence of record batches on disk: segment files
// named by the offset they begin at, each but the last with an index file.
//
// One goroutine at a time may append and truncate, and one at a time compact;
// reads, Sync and the accessors may run beside them. Readers see completed appends only. An append is
// durable after the next Sync: the shard's log covers it until then.
type Partition struct {
	options PartitionOptions
	// parent is the directory that names Dir, empty once a Sync has covered
	// that; guarded by syncMu.
	parent string

	// compactMu is held by Compact, appendMu by the appender, syncMu by Sync. Lock
	// order: compactMu, appendMu, syncMu, mu.
	compactMu sync.Mutex
	appendMu  sync.Mutex
	syncMu    sync.Mutex
	// closing tells Compact to end.
	closing atomic.Bool
	// inDoubt is set when it is unknown whether a compacted segment counts on disk,
	// and those in its place still count here. Opening settles that; until then
	// there is no compaction. Guarded by compactMu.
	inDoubt error

	// mu guards what follows; the appender holds it only to publish.
	mu sync.RWMutex
	// segments are in order; each begins where the one before ends. The last
	// may be active, the others are closed.
	segments []*segment
	// Invariant: start <= next. Every offset of [start, next) is in a segment, as
	// that of a record or of one that compaction has removed.
	start, next int64
	// size is the number of bytes in all segments.
	size int64
	// dirChanged is set when a file was created since the last Sync.
	dirChanged bool
	// failed is the first failed sync: the pages it covered are in an unknown
	// state, so nothing may be built on top of them.
	failed error
	closed bool
	// compactedBefore is what CompactedBefore returns.
	compactedBefore int64
}

// withDefaults fills in what is not set and checks the rest.
func (o PartitionOptions) withDefaults() (PartitionOptions, error) {
	if o.FS == nil || o.Files == nil || o.Logger == nil || o.Dir == "" {
		return o, errors.New("log: a partition needs a file system, a directory, a file cache and a logger")
	}
	if o.SegmentBytes == 0 {
		o.SegmentBytes = defaultSegmentBytes
	}
	if o.IndexIntervalBytes == 0 {
		o.IndexIntervalBytes = defaultIndexIntervalBytes
	}
	if o.SegmentBytes < 1 || o.SegmentBytes > maxSegmentBytes || o.IndexIntervalBytes < 1 {
		return o, fmt.Errorf("log: segments of %d bytes indexed every %d bytes are not possible", o.SegmentBytes, o.IndexIntervalBytes)
	}
	return o, nil
}

// Append writes record batches, one behind the other in batches, whose base
// offsets are set. A batch that lies wholly before NextOffset is skipped: it
// was applied before. One that begins behind it, or reaches over it, is an
// *OffsetGapError, and one that does not verify a *CorruptionError. After an
// error the batches before the refused one are in the partition; a failed
// write leaves no trace and can be repeated.
func (p *Partition) Append(batches []byte) error {
	p.appendMu.Lock()
	defer p.appendMu.Unlock()
	for len(batches) > 0 {
		batch, rest, err := ParseBatch(batches)
		if err != nil {
			return err
		}
		if err := p.appendBatch(&batch); err != nil {
			return err
		}
		batches = rest
	}
	return nil
}

// appendBatch writes one batch; appendMu is held.
func (p *Partition) appendBatch(batch *Batch) error {
	p.mu.RLock()
	next, err := p.next, p.usable()
	var active *segment
	if n := len(p.segments); n > 0 && !p.segments[n-1].closed {
		active = p.segments[n-1]
	}
	p.mu.RUnlock()
	if err != nil {
		return err
	}
	if batch.NextOffset() <= next {
		return nil
	}
	if batch.BaseOffset != next {
		return &OffsetGapError{Base: batch.BaseOffset, Next: next}
	}
	if active != nil && active.size > 0 &&
		(active.size+int64(len(batch.Raw)) > p.options.SegmentBytes || batch.NextOffset()-active.base > maxSegmentOffsets) {
		if err := p.closeSegment(active); err != nil {
			return err
		}
		active = nil
	}
	created := active == nil
	if created {
		active = newSegment(p.options.FS, p.options.Dir, segmentName{base: next})
	}
	file, err := p.options.Files.acquire(active.path, true)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(batch.Raw, active.size)
	p.options.Files.release(file)
	if err != nil {
		return fmt.Errorf("log: write %s: %w", active.path, err)
	}

	p.mu.Lock()
	defer p.mu.Unlock()
	if created {
		p.segments = append(p.segments, active)
		p.dirChanged = true
	}
	active.add(batch, p.options.IndexIntervalBytes)
	p.size += int64(len(batch.Raw))
	p.next = active.next
	return nil
}

// closeSegment gives the active segment its index file.
func (p *Partition) closeSegment(active *segment) error {
	sum, err := writeIndexFile(p.options.FS, active.indexPath, active, false)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	active.closed = true
	active.indexEntries = len(active.index)
	active.indexSum = sum
	active.index = nil
	p.dirChanged = true
	return nil
}

// usable returns why the partition takes no appends; mu is held.
func (p *Partition) usable() error {
	if p.closed {
		return ErrClosed
	}
	if p.failed != nil {
		return fmt.Errorf("log: partition %s stopped after a failed sync: %w", p.options.Dir, p.failed)
	}
	return nil
}

// StartOffset is the first offset that can be read, if it is below NextOffset.
func (p *Partition) StartOffset() int64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.start
}

// NextOffset is the offset the next record gets, and the high watermark: every
// record before it can be read.
func (p *Partition) NextOffset() int64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.next
}

// Records is the number of records, those before StartOffset that share a
// segment with later ones included.
func (p *Partition) Records() int64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var n int64
	for _, s := range p.segments {
		n += s.records
	}
	return n
}

// Size is the number of bytes in all segments, without their indexes.
func (p *Partition) Size() int64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.size
}

// SizeFrom is about how many bytes of the segments, without their indexes, the records
// from an offset on take.
func (p *Partition) SizeFrom(offset int64) int64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	total := int64(0)
	for _, s := range p.segments {
		switch {
		case s.base >= offset:
			total += s.size
		case s.next > offset:
			total += int64(float64(s.size) * float64(s.next-offset) / float64(s.next-s.base))
		}
	}
	return total
}

// End is the partition's extent now. It may be recorded in a snapshot once a
// Sync that began later has succeeded.
func (p *Partition) End() SyncedEnd {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.end()
}

// end is End with mu held.
func (p *Partition) end() SyncedEnd {
	end := SyncedEnd{StartOffset: p.start, NextOffset: p.next, SegmentBase: p.next}
	if n := len(p.segments); n > 0 && !p.segments[n-1].closed {
		end.SegmentBase, end.SegmentBytes = p.segments[n-1].base, p.segments[n-1].size
	}
	return end
}

// SegmentInfo describes the files of one segment.
type SegmentInfo struct {
	// BaseOffset and NextOffset bound the segment's offsets.
	BaseOffset, NextOffset int64
	// Path is the file of batches; its first Bytes bytes are the segment.
	Path  string
	Bytes int64
	// IndexPath is the index file, which is copied whole; empty for the active
	// segment.
	IndexPath string
	// MaxTimestamp is the segment's largest timestamp in milliseconds.
	MaxTimestamp int64
}

// Segments lists the segments in order, for copying them to another node.
func (p *Partition) Segments() []SegmentInfo {
	p.mu.RLock()
	defer p.mu.RUnlock()
	infos := make([]SegmentInfo, len(p.segments))
	for i, s := range p.segments {
		infos[i] = SegmentInfo{
			BaseOffset: s.base, NextOffset: s.next, Bytes: s.size, MaxTimestamp: s.maxTimestamp,
			Path: s.path,
		}
		if s.closed {
			infos[i].IndexPath = s.indexPath
		}
	}
	return infos
}

// Close releases the partition's files. It does not sync. Reads under way end
// as they would have; calls that follow return ErrClosed.
func (p *Partition) Close() error {
	p.closing.Store(true)
	p.compactMu.Lock()
	defer p.compactMu.Unlock()
	p.appendMu.Lock()
	defer p.appendMu.Unlock()
	p.syncMu.Lock()
	defer p.syncMu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	p.closed = true
	for _, s := range p.segments {
		p.forgetFiles(s)
	}
	return nil
}

// forgetFiles closes the cached handles of a segment.
func (p *Partition) forgetFiles(s *segment) {
	p.options.Files.forget(s.path)
	p.options.Files.forget(s.indexPath)
}

// find returns the number of the segment that holds an offset; mu is held and
// the offset within the segments.
func (p *Partition) find(offset int64) int {
	return sort.Search(len(p.segments), func(i int) bool { return p.segments[i].next > offset })
}
