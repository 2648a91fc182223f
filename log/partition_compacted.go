package log

import (
	"bufio"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// How compacted segments come to be on disk and take the place of others; see
// partition_compact.go.

// compactedSegment is a segment being written.
type compactedSegment struct {
	segment *segment
	options *PartitionOptions
	file    vfs.File
	out     *bufio.Writer
	builder BatchBuilder
	// covered is the offset up to which batches are written; epoch and compression
	// are those of the records in builder.
	covered     int64
	epoch       int32
	compression Compression
}

func (w *compactedSegment) create() (err error) {
	w.file, err = w.options.FS.Create(w.segment.path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	w.out = bufio.NewWriterSize(w.file, 256<<10)
	w.builder.Reset()
	return nil
}

// take adds the records of a batch that stay.
func (w *compactedSegment) take(batch *Batch, keeps func(*Record) (bool, error)) error {
	if batch.LeaderEpoch != w.epoch || batch.Compression() != w.compression {
		if err := w.flush(batch.BaseOffset); err != nil {
			return err
		}
		w.epoch, w.compression = batch.LeaderEpoch, batch.Compression()
	}
	records := batch.Records()
	for records.Next() {
		r := records.Record()
		stays, err := keeps(r)
		if err != nil {
			return err
		}
		if !stays {
			continue
		}
		if w.builder.Size() >= compactedBatchBytes {
			if err := w.flush(r.Offset); err != nil {
				return err
			}
		}
		w.builder.appendKept(r.Offset-w.covered, r)
	}
	return records.Err()
}

// flush writes the batch of the records so far, if there are any, with all offsets
// before end.
func (w *compactedSegment) flush(end int64) error {
	if w.builder.Len() == 0 {
		return nil
	}
	return w.write(end)
}

// write writes a batch of the records so far.
func (w *compactedSegment) write(end int64) error {
	raw := w.builder.finishKept(end-w.covered, w.compression)
	SetBaseOffset(raw, w.covered)
	SetLeaderEpoch(raw, w.epoch)
	if _, err := w.out.Write(raw); err != nil {
		return fmt.Errorf("log: write %s: %w", w.segment.path, err)
	}
	w.segment.add(&Batch{BatchHeader: decodeBatchHeader(raw), Raw: raw}, w.options.IndexIntervalBytes)
	w.builder.Reset()
	w.covered = end
	return nil
}

// finish makes the segment's file durable, with all offsets before end.
func (w *compactedSegment) finish(end int64) error {
	if w.covered < end {
		if err := w.write(end); err != nil {
			return err
		}
	}
	err := w.out.Flush()
	if err == nil {
		err = w.file.Sync()
	}
	if closeErr := w.file.Close(); err == nil {
		err = closeErr
	}
	w.file = nil
	if err != nil {
		return fmt.Errorf("log: write %s: %w", w.segment.path, err)
	}
	s := w.segment
	s.closed, s.syncedSize, s.indexSynced = true, s.size, true
	s.indexEntries = len(s.index)
	s.indexSum, err = writeIndexFile(w.options.FS, temporaryIndex(s), s, true)
	s.index = nil
	return err
}

// temporaryIndex is the name of an index file that does not count yet.
func temporaryIndex(s *segment) string { return s.indexPath + ".tmp" }

// discard removes the files of a segment that does not count.
func (w *compactedSegment) discard() error {
	if w.file != nil {
		_ = w.file.Close() // it is of no use
	}
	if err := removeIfPresent(w.options.FS, temporaryIndex(w.segment)); err != nil {
		return err
	}
	return removeIfPresent(w.options.FS, w.segment.path)
}

// replace puts a segment, whose batches and index are written, in the place of
// others.
func (p *Partition) replace(old []*segment, by *segment) error {
	if err := syncDir(p.options.FS, p.options.Dir); err != nil {
		return err
	}
	// Retention must not remove them meanwhile.
	p.appendMu.Lock()
	defer p.appendMu.Unlock()
	p.mu.RLock()
	err := p.usable()
	at := slices.Index(p.segments, old[0])
	p.mu.RUnlock()
	if err != nil {
		return err
	}
	if at < 0 {
		return errRemoved
	}
	err = p.options.FS.Rename(temporaryIndex(by), by.indexPath)
	if err == nil {
		err = syncDir(p.options.FS, p.options.Dir)
	}
	if err != nil {
		p.inDoubt = fmt.Errorf("log: replacing %s: %w", old[0].path, err)
		return p.inDoubt
	}
	p.mu.Lock()
	segments := slices.Clone(p.segments[:at])
	segments = append(segments, by)
	p.segments = append(segments, p.segments[at+len(old):]...)
	for _, s := range old {
		p.size -= s.size
	}
	p.size += by.size
	p.mu.Unlock()
	for _, s := range old {
		if err := p.removeSegment(s); err != nil {
			p.options.Logger.Warn("a segment that compaction has replaced is removed on the next opening", "path", s.path, "error", err)
		}
	}
	return nil
}

// settleCompactions removes what compactions have left when a crash stopped them,
// and returns the segments that count. indexed are those with an index file.
func (p *Partition) settleCompactions(found []segmentName, indexed map[segmentName]bool) ([]segmentName, error) {
	type extent struct {
		name segmentName
		next int64
	}
	var extents []extent
	unfinished := map[segmentName]bool{}
	for _, name := range found {
		if name.generation == 0 {
			continue
		}
		if !indexed[name] {
			unfinished[name] = true
			continue
		}
		index, err := readClosedIndex(p.options.FS, newSegment(p.options.FS, p.options.Dir, name).indexPath)
		if err != nil {
			return nil, err
		}
		extents = append(extents, extent{name: name, next: index.next})
	}
	var kept []segmentName
	for _, name := range found {
		replaced := slices.ContainsFunc(extents, func(e extent) bool {
			return e.name.generation > name.generation && e.name.base <= name.base && name.base < e.next
		})
		if !replaced && !unfinished[name] {
			kept = append(kept, name)
			continue
		}
		p.options.Logger.Info("removing a segment that a compaction has replaced or not finished", "dir", p.options.Dir, "segment", name)
		if err := p.removeSegment(newSegment(p.options.FS, p.options.Dir, name)); err != nil {
			return nil, err
		}
	}
	return kept, nil
}
