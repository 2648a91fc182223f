package log

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
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
	names, err := p.selectSegments(synced, removedBefore)
	if err != nil {
		return nil, err
	}
	if err := p.loadSegments(names, synced); err != nil {
		return nil, err
	}
	p.compactedBefore = p.compactedPrefix()
	if len(names) == 0 {
		p.parent = parent // no Sync has covered a file here, nor perhaps the directory
	}
	return p, nil
}

// selectSegments lists the segments that belong to the partition up to its
// synced end, and removes the files of all others: those behind the end and
// those that retention was about to remove. It also settles p.start.
func (p *Partition) selectSegments(synced SyncedEnd, removedBefore int64) ([]segmentName, error) {
	found, err := p.settledSegments()
	if err != nil {
		return nil, err
	}
	// Retention may have gone on beyond the snapshot; the log repeats it.
	p.start = max(p.start, min(removedBefore, synced.NextOffset))
	var kept, dropped []segmentName
	for i, name := range found {
		base := name.base
		behind := base > synced.SegmentBase || base == synced.SegmentBase && synced.SegmentBytes == 0
		end := synced.NextOffset
		if i+1 < len(found) {
			end = min(end, found[i+1].base)
		}
		if behind || end <= p.start {
			dropped = append(dropped, name)
		} else {
			kept = append(kept, name)
		}
	}
	if p.start < synced.NextOffset && (len(kept) == 0 || kept[0].base > p.start) {
		return nil, corruption(newSegment(p.options.FS, p.options.Dir, segmentName{base: p.start}).path, 0, "the segment with offset %d is missing", p.start)
	}
	for _, name := range dropped {
		p.options.Logger.Info("removing a segment that was not synced or is expired", "dir", p.options.Dir, "segment", name)
		if err := p.removeSegment(newSegment(p.options.FS, p.options.Dir, name)); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

// settledSegments returns the names of the segments, ascending, once it has
// removed what compactions have left unfinished.
func (p *Partition) settledSegments() ([]segmentName, error) {
	names, err := p.options.FS.List(p.options.Dir)
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	var found []segmentName
	indexed := map[segmentName]bool{}
	for _, file := range names {
		if strings.HasSuffix(file, indexTemporarySuffix) {
			if err := removeIfPresent(p.options.FS, p.options.FS.PathJoin(p.options.Dir, file)); err != nil {
				return nil, err
			}
		}
		digits, isIndex := strings.CutSuffix(file, indexSuffix)
		if name, ok := parseSegmentName(digits); ok && isIndex {
			indexed[name] = true
		}
		digits, isSegment := strings.CutSuffix(file, segmentSuffix)
		if name, ok := parseSegmentName(digits); ok && isSegment {
			found = append(found, name)
		}
	}
	slices.SortFunc(found, func(a, b segmentName) int {
		return cmp.Or(cmp.Compare(a.base, b.base), cmp.Compare(a.generation, b.generation))
	})
	return p.settleCompactions(found, indexed)
}

// loadSegments reads the extents of the segments.
func (p *Partition) loadSegments(names []segmentName, synced SyncedEnd) error {
	if len(names) == 0 {
		return nil
	}
	for i, name := range names {
		var s *segment
		var err error
		if name.base == synced.SegmentBase {
			s, err = p.loadActive(synced)
		} else {
			end := synced.SegmentBase
			if i+1 < len(names) {
				end = names[i+1].base
			}
			s, err = p.loadClosed(name, end)
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
func (p *Partition) loadClosed(name segmentName, next int64) (*segment, error) {
	s := newSegment(p.options.FS, p.options.Dir, name)
	index, err := readClosedIndex(p.options.FS, s.indexPath)
	if err != nil {
		return nil, err
	}
	if index.base != name.base || index.next != next {
		return nil, corruption(s.indexPath, 0, "index of offsets [%d, %d) belongs to a segment of [%d, %d)", index.base, index.next, name.base, next)
	}
	if err := p.checkFileSize(s.path, index.size); err != nil {
		return nil, err
	}
	s.next, s.size, s.batches, s.records, s.compacted = index.next, index.size, index.batches, index.records, index.compacted
	s.maxTimestamp, s.headersSum, s.epochs = index.maxTimestamp, index.headersSum, index.epochs
	s.closed, s.indexEntries, s.indexSum = true, index.entries, index.sum
	s.syncedSize, s.indexSynced = index.size, true
	return s, nil
}

// loadActive reads the active segment up to the synced end. If it had been
// closed since, it no longer is.
func (p *Partition) loadActive(synced SyncedEnd) (*segment, error) {
	s := newSegment(p.options.FS, p.options.Dir, segmentName{base: synced.SegmentBase})
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
