package log

import "fmt"

// RetentionOffset returns the start offset that retention asks for now: the end
// of the last of the leading segments that are older than maxAgeMillis (by
// their largest timestamp) or without which maxBytes are still kept. A negative
// limit means none. It decides nothing: the leader puts the offset in an entry,
// and TruncateBefore applies it on every replica.
func (p *Partition) RetentionOffset(nowMillis, maxAgeMillis, maxBytes int64) int64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	offset, kept := p.start, p.size
	for _, s := range p.segments {
		expired := maxAgeMillis >= 0 && s.maxTimestamp < nowMillis-maxAgeMillis
		surplus := maxBytes >= 0 && s.closed && kept-s.size >= maxBytes
		if !expired && !surplus {
			break
		}
		kept -= s.size
		offset = max(offset, s.next)
	}
	return offset
}

// TruncateBefore makes offset, which must not be beyond NextOffset, the start
// of the partition and removes the segments that lie wholly before it. An
// offset before StartOffset changes nothing. The removal is durable when it
// returns; the start offset itself with the snapshot or the log that has it.
func (p *Partition) TruncateBefore(offset int64) error {
	p.appendMu.Lock()
	defer p.appendMu.Unlock()
	p.mu.RLock()
	start, next, err := p.start, p.next, p.usable()
	var removed []*segment
	for _, s := range p.segments {
		if s.next > offset {
			break
		}
		removed = append(removed, s)
	}
	p.mu.RUnlock()
	if err != nil {
		return err
	}
	if offset > next {
		return fmt.Errorf("log: truncate before offset %d: %w", offset, &OffsetOutOfRangeError{Offset: offset, Start: start, Next: next})
	}
	if offset <= start && len(removed) == 0 {
		return nil
	}
	if len(removed) > 0 {
		if err := writeStartFile(p.options.FS, p.options.Dir, removed[len(removed)-1].next); err != nil {
			return err
		}
	}

	p.mu.Lock()
	p.start = max(p.start, offset)
	p.segments = p.segments[len(removed):]
	for _, s := range removed {
		p.size -= s.size
	}
	p.mu.Unlock()
	for _, s := range removed {
		if err := p.removeSegment(s); err != nil {
			return err
		}
	}
	if len(removed) == 0 {
		return nil
	}
	return syncDir(p.options.FS, p.options.Dir)
}

// removeSegment removes the files of a segment. What an error leaves behind is
// removed on the next open.
func (p *Partition) removeSegment(s *segment) error {
	// Handles are dropped once the names are gone, so that no new ones follow.
	defer p.forgetFiles(s)
	if err := removeIfPresent(p.options.FS, s.path); err != nil {
		return err
	}
	return removeIfPresent(p.options.FS, s.indexPath)
}
