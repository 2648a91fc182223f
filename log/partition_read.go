package log

import (
	"errors"
	"io/fs"
	"slices"
)

// Read returns whole record batches, beginning with the one that holds
// fromOffset, in at most maxBytes bytes but at least one batch. The first may
// begin with records before fromOffset, which are the caller's to skip. At NextOffset it returns none. It reads into the capacity of
// buf, or into new memory when that is too small; either way the result can be
// the next call's buf once its batches are no longer used. Batches are verified:
// damage is a *CorruptionError with file and position. An offset that is not in
// [StartOffset, NextOffset] is an *OffsetOutOfRangeError.
func (p *Partition) Read(fromOffset int64, maxBytes int, buf []byte) (batches []byte, err error) {
	for {
		batches, path, err := p.read(fromOffset, maxBytes, buf)
		if err == nil || !p.replaced(err, path, fromOffset) {
			return batches, p.tell(err)
		}
	}
}

// read is Read from the segment that holds the offset now, whose path it returns.
func (p *Partition) read(fromOffset int64, maxBytes int, buf []byte) (batches []byte, path string, err error) {
	p.mu.RLock()
	if p.closed {
		p.mu.RUnlock()
		return nil, "", ErrClosed
	}
	if fromOffset < p.start || fromOffset > p.next {
		err := &OffsetOutOfRangeError{Offset: fromOffset, Start: p.start, Next: p.next}
		p.mu.RUnlock()
		return nil, "", err
	}
	if fromOffset == p.next {
		p.mu.RUnlock()
		return buf[:0], "", nil
	}
	reader := p.reader(p.segments[p.find(fromOffset)])
	p.mu.RUnlock()
	defer reader.release()
	if batches, err = reader.read(fromOffset, maxBytes, buf); err != nil {
		return nil, reader.path, p.explain(err, fromOffset)
	}
	return batches, reader.path, nil
}

// tell tells of damage that a reader has met, and returns the error as it is.
func (p *Partition) tell(err error) error {
	var damage *CorruptionError
	if p.options.Damaged != nil && errors.As(err, &damage) {
		p.options.Damaged(damage)
	}
	return err
}

// replaced tells whether the failure to find the file of an offset's segment is
// due to a compaction, which has put another segment in its place.
func (p *Partition) replaced(err error, path string, offset int64) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if !errors.Is(err, fs.ErrNotExist) || p.closed || offset < p.start || offset >= p.next {
		return false
	}
	return p.segments[p.find(offset)].path != path
}

// explain turns the failure to find the file of an offset that retention has
// removed meanwhile into an *OffsetOutOfRangeError.
func (p *Partition) explain(err error, offset int64) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if errors.Is(err, fs.ErrNotExist) && offset < p.start {
		return &OffsetOutOfRangeError{Offset: offset, Start: p.start, Next: p.next}
	}
	return err
}

// OffsetForTimestamp returns the offset of the first record whose timestamp is
// at least timestampMillis, NextOffset when there is none.
func (p *Partition) OffsetForTimestamp(timestampMillis int64) (int64, error) {
	for {
		offset, failed, err := p.offsetForTimestamp(timestampMillis)
		if err == nil || !p.replaced(err, failed.path, max(failed.base, p.StartOffset())) {
			return offset, p.tell(err)
		}
	}
}

// offsetForTimestamp is OffsetForTimestamp over the segments that there are now;
// with an error it returns the segment that could not be read.
func (p *Partition) offsetForTimestamp(timestampMillis int64) (offset int64, failed segmentReader, err error) {
	p.mu.RLock()
	if p.closed {
		p.mu.RUnlock()
		return 0, segmentReader{}, ErrClosed
	}
	start, next := p.start, p.next
	var candidates []segmentReader
	for _, s := range p.segments {
		if s.maxTimestamp >= timestampMillis && s.next > start {
			candidates = append(candidates, p.reader(s))
		}
	}
	p.mu.RUnlock()

	// The first candidate holds the record, unless the record is before start.
	for i := range candidates {
		offset, err := candidates[i].offsetForTimestamp(timestampMillis, start)
		candidates[i].release()
		if err != nil {
			return 0, candidates[i], p.explain(err, start)
		}
		if offset < next {
			return offset, segmentReader{}, nil
		}
	}
	return next, segmentReader{}, nil
}

// Verify reads the whole partition and checks all that Read checks and the
// closed segments' checksums over all batch headers besides.
func (p *Partition) Verify() error { return p.VerifySlowly(func(int64) error { return nil }) }

// VerifySlowly is Verify at a pace: that is called before bytes of a segment are read, and
// may wait. Its error ends the verification.
func (p *Partition) VerifySlowly(pace func(bytes int64) error) error {
	p.mu.RLock()
	if p.closed {
		p.mu.RUnlock()
		return ErrClosed
	}
	segments := slices.Clone(p.segments)
	readers := make([]segmentReader, len(segments))
	sums := make([]uint32, len(segments))
	for i, s := range segments {
		readers[i], sums[i] = p.reader(s), s.headersSum
	}
	p.mu.RUnlock()
	for i := range readers {
		if err := pace(readers[i].size); err != nil {
			return err
		}
		err := readers[i].verify(sums[i])
		readers[i].release()
		if err != nil && !(errors.Is(err, fs.ErrNotExist) && p.removed(segments[i])) {
			return p.tell(err)
		}
	}
	return nil
}
