package log

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// Sync puts everything that was appended before the call on disk and returns
// the extent it covers. It costs nothing when nothing has changed since the
// last one. After a failed sync the partition takes no more appends: it must be
// opened again from the last recorded end, behind which the shard's log is
// applied anew.
func (p *Partition) Sync() (SyncedEnd, error) {
	p.syncMu.Lock()
	defer p.syncMu.Unlock()

	p.mu.Lock()
	if err := p.usable(); err != nil {
		p.mu.Unlock()
		return SyncedEnd{}, err
	}
	end := p.end()
	dirChanged := p.dirChanged
	p.dirChanged = false
	var dirty []dirtySegment
	for i := len(p.segments) - 1; i >= 0; i-- {
		s := p.segments[i]
		if s.syncedSize == s.size && (!s.closed || s.indexSynced) {
			break // what is before has been synced before
		}
		dirty = append(dirty, dirtySegment{segment: s, size: s.size, data: s.syncedSize < s.size, index: s.closed && !s.indexSynced})
	}
	p.mu.Unlock()

	err := p.syncFiles(dirty, dirChanged)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.failed = err
		return SyncedEnd{}, err
	}
	for _, d := range dirty {
		d.segment.syncedSize = d.size
		d.segment.indexSynced = d.segment.indexSynced || d.index
	}
	return end, nil
}

// dirtySegment is what Sync has to write of a segment.
type dirtySegment struct {
	segment     *segment
	size        int64
	data, index bool
}

// syncFiles syncs files, then the directories that name them.
func (p *Partition) syncFiles(dirty []dirtySegment, dirChanged bool) error {
	for _, d := range dirty {
		if d.data {
			if err := p.syncFile(d.segment, d.segment.path); err != nil {
				return err
			}
		}
		if d.index {
			if err := p.syncFile(d.segment, d.segment.indexPath); err != nil {
				return err
			}
		}
	}
	if !dirChanged {
		return nil
	}
	if err := syncDir(p.options.FS, p.options.Dir); err != nil {
		return err
	}
	if p.parent != "" {
		if err := syncDir(p.options.FS, p.parent); err != nil {
			return err
		}
		p.parent = ""
	}
	return nil
}

// syncFile syncs one file of a segment, unless the segment has been removed
// meanwhile.
func (p *Partition) syncFile(s *segment, path string) error {
	file, err := p.options.Files.acquire(path, false)
	if errors.Is(err, fs.ErrNotExist) && p.removed(s) {
		return nil
	}
	if err != nil {
		return err
	}
	err = file.SyncData()
	p.options.Files.release(file)
	if err != nil {
		return fmt.Errorf("log: sync %s: %w", path, err)
	}
	return nil
}

// removed tells whether retention or compaction has removed a segment.
func (p *Partition) removed(s *segment) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return !slices.Contains(p.segments, s)
}
