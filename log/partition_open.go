package log

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// OpenPartition opens the partition in options.Dir as it was at the synced end,
// which a snapshot has recorded. Everything before the end must be there: a bad
// checksum, a gap in the offsets and missing bytes are a *CorruptionError with
// file and position. (The batches of closed segments are verified when they are
// read; of the active segment, now.) Everything behind the end is cut: it was
// never synced, and the shard's log has it. The zero end empties the partition.
func OpenPartition(options PartitionOptions, synced SyncedEnd) (*Partition, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	if synced.StartOffset < 0 || synced.StartOffset > synced.NextOffset || synced.SegmentBytes < 0 ||
		synced.SegmentBase > synced.NextOffset {
		return nil, fmt.Errorf("log: partition %s cannot have the end %+v", options.Dir, synced)
	}
	p := &Partition{options: options, start: synced.StartOffset, next: synced.NextOffset}
	parent, err := makeDir(options.FS, options.Dir)
	if err != nil {
		return nil, err
	}
	removedBefore, err := readStartFile(options.FS, options.Dir)
	if err != nil {
		return nil, err
	}
	bases, err := p.selectSegments(synced, removedBefore)
	if err != nil {
		return nil, err
	}
	if err := p.loadSegments(bases, synced); err != nil {
		return nil, err
	}
	if len(bases) == 0 {
		p.parent = parent // no Sync has covered a file here, nor perhaps the directory
	}
	return p, nil
}

// selectSegments lists the segments that belong to the partition up to its
// synced end, and removes the files of all others: those behind the end and
// those that retention was about to remove. It also settles p.start.
func (p *Partition) selectSegments(synced SyncedEnd, removedBefore int64) ([]int64, error) {
	found, err := p.listSegments()
	if err != nil {
		return nil, err
	}
	// Retention may have gone on beyond the snapshot; the log repeats it.
	p.start = max(p.start, min(removedBefore, synced.NextOffset))
	var kept, dropped []int64
	for i, base := range found {
		behind := base > synced.SegmentBase || base == synced.SegmentBase && synced.SegmentBytes == 0
		end := synced.NextOffset
		if i+1 < len(found) {
			end = min(end, found[i+1])
		}
		if behind || end <= p.start {
			dropped = append(dropped, base)
		} else {
			kept = append(kept, base)
		}
	}
	if p.start < synced.NextOffset && (len(kept) == 0 || kept[0] > p.start) {
		return nil, corruption(segmentPath(p.options.FS, p.options.Dir, p.start), 0, "the segment with offset %d is missing", p.start)
	}
	for _, base := range dropped {
		p.options.Logger.Info("removing a segment that was not synced or is expired", "dir", p.options.Dir, "base", base)
		if err := p.removeSegment(newSegment(p.options.FS, p.options.Dir, base)); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

// listSegments returns the base offsets of the segment files, ascending.
func (p *Partition) listSegments() ([]int64, error) {
	names, err := p.options.FS.List(p.options.Dir)
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	var bases []int64
	for _, name := range names {
		digits, isSegment := strings.CutSuffix(name, segmentSuffix)
		base, err := strconv.ParseInt(digits, 10, 64)
		if isSegment && err == nil && base >= 0 && len(digits) == 20 {
			bases = append(bases, base)
		}
	}
	slices.Sort(bases)
	return bases, nil
}

// loadSegments reads the extents of the segments.
func (p *Partition) loadSegments(bases []int64, synced SyncedEnd) error {
	if len(bases) == 0 {
		return nil
	}
	for i, base := range bases {
		var s *segment
		var err error
		if base == synced.SegmentBase {
			s, err = p.loadActive(synced)
		} else {
			end := synced.SegmentBase
			if i+1 < len(bases) {
				end = bases[i+1]
			}
			s, err = p.loadClosed(base, end)
		}
		if err != nil {
			return err
		}
		p.segments = append(p.segments, s)
		p.size += s.size
	}
	if last := p.segments[len(p.segments)-1]; last.next != synced.NextOffset {
		return corruption(last.path, last.size,
			"partition ends before offset %d, %d was synced", last.next, synced.NextOffset)
	}
	return nil
}

// loadClosed reads the extent of a closed segment, which must end before next,
// from its index file.
func (p *Partition) loadClosed(base, next int64) (*segment, error) {
	s := newSegment(p.options.FS, p.options.Dir, base)
	index, err := readClosedIndex(p.options.FS, s.indexPath)
	if err != nil {
		return nil, err
	}
	if index.base != base || index.next != next {
		return nil, corruption(s.indexPath, 0, "index of offsets [%d, %d) belongs to a segment of [%d, %d)", index.base, index.next, base, next)
	}
	if err := p.checkFileSize(s.path, index.size); err != nil {
		return nil, err
	}
	s.next, s.size, s.batches = index.next, index.size, index.batches
	s.maxTimestamp, s.headersSum, s.epochs = index.maxTimestamp, index.headersSum, index.epochs
	s.closed, s.indexEntries, s.indexSum = true, index.entries, index.sum
	s.syncedSize, s.indexSynced = index.size, true
	return s, nil
}

// loadActive reads the active segment up to the synced end. If it had been
// closed since, it no longer is.
func (p *Partition) loadActive(synced SyncedEnd) (*segment, error) {
	s := newSegment(p.options.FS, p.options.Dir, synced.SegmentBase)
	if err := removeIfPresent(p.options.FS, s.indexPath); err != nil {
		return nil, err
	}
	if err := p.checkFileSize(s.path, synced.SegmentBytes); err != nil {
		return nil, err
	}
	file, err := p.options.Files.acquire(s.path, false)
	if err != nil {
		return nil, err
	}
	defer p.options.Files.release(file)
	extent := segmentView{base: s.base, next: synced.NextOffset, size: synced.SegmentBytes}
	err = extent.walk(file, s.path, 0, s.base, nil, func(_ int64, batch *Batch) (bool, error) {
		s.add(batch, p.options.IndexIntervalBytes)
		return true, nil
	})
	s.syncedSize = s.size
	return s, err
}

// checkFileSize verifies that a segment file has the bytes it must have.
func (p *Partition) checkFileSize(path string, size int64) error {
	info, err := p.options.FS.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return corruption(path, 0, "segment file is missing")
	}
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	if info.Size() < size {
		return corruption(path, info.Size(), "segment file ends before byte %d", size)
	}
	return nil
}
