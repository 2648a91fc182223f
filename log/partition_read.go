package log

import (
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"math"
	"sort"
)

// Read returns whole record batches, beginning with the one that holds
// fromOffset (which may begin before it), in at most maxBytes bytes but at
// least one batch. At NextOffset it returns none. It reads into the capacity of
// buf, or into new memory when that is too small; either way the result can be
// the next call's buf once its batches are no longer used. Batches are verified:
// damage is a *CorruptionError with file and position. An offset that is not in
// [StartOffset, NextOffset] is an *OffsetOutOfRangeError.
func (p *Partition) Read(fromOffset int64, maxBytes int, buf []byte) (batches []byte, err error) {
	p.mu.RLock()
	if p.closed {
		p.mu.RUnlock()
		return nil, ErrClosed
	}
	if fromOffset < p.start || fromOffset > p.next {
		err := &OffsetOutOfRangeError{Offset: fromOffset, Start: p.start, Next: p.next}
		p.mu.RUnlock()
		return nil, err
	}
	if fromOffset == p.next {
		p.mu.RUnlock()
		return buf[:0], nil
	}
	s := p.segments[p.find(fromOffset)]
	reader := p.reader(s)
	entry := indexEntry{}
	delta := uint32(fromOffset - s.base)
	after := func(e indexEntry) bool { return e.offsetDelta > delta }
	if !s.closed {
		entry = s.index[sort.Search(len(s.index), func(i int) bool { return after(s.index[i]) })-1]
	}
	p.mu.RUnlock()

	batches, err = func() ([]byte, error) {
		if reader.closed {
			i, err := reader.searchIndex(after)
			if err != nil {
				return nil, err
			}
			if entry, err = reader.indexEntry(i - 1); err != nil {
				return nil, err
			}
		}
		return reader.read(entry, fromOffset, maxBytes, buf)
	}()
	reader.release()
	if err != nil {
		return nil, p.explain(err, fromOffset)
	}
	return batches, nil
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
	p.mu.RLock()
	if p.closed {
		p.mu.RUnlock()
		return 0, ErrClosed
	}
	start, next := p.start, p.next
	var candidates []segmentReader
	for _, s := range p.segments {
		if s.maxTimestamp >= timestampMillis && s.next > start {
			candidates = append(candidates, p.reader(s))
			if !s.closed {
				reader := &candidates[len(candidates)-1]
				reader.from = s.index[sort.Search(len(s.index)-1, func(i int) bool { return s.index[i].maxTimestamp >= timestampMillis })]
			}
		}
	}
	p.mu.RUnlock()

	// The first candidate holds the record, unless the record is before start.
	for i := range candidates {
		offset, err := candidates[i].offsetForTimestamp(timestampMillis, start)
		candidates[i].release()
		if err != nil {
			return 0, p.explain(err, start)
		}
		if offset < next {
			return offset, nil
		}
	}
	return next, nil
}

// Verify reads the whole partition and checks all that Read checks and the
// closed segments' checksums over all batch headers besides.
func (p *Partition) Verify() error {
	p.mu.RLock()
	if p.closed {
		p.mu.RUnlock()
		return ErrClosed
	}
	readers := make([]segmentReader, len(p.segments))
	sums := make([]uint32, len(p.segments))
	for i, s := range p.segments {
		readers[i], sums[i] = p.reader(s), s.headersSum
	}
	p.mu.RUnlock()
	for i := range readers {
		err := readers[i].verify(sums[i])
		readers[i].release()
		if err != nil && !(errors.Is(err, fs.ErrNotExist) && readers[i].next <= p.StartOffset()) {
			return err
		}
	}
	return nil
}

// segmentReader reads one segment as it was when the reader was made. It opens
// files when they are needed.
type segmentReader struct {
	segmentView
	files           *FileCache
	path, indexPath string
	data, index     *cachedFile
	// from is the index entry to begin at, for an active segment.
	from indexEntry
}

// reader returns a reader of a segment; mu is held.
func (p *Partition) reader(s *segment) segmentReader {
	return segmentReader{
		segmentView: s.view(),
		files:       p.options.Files,
		path:        segmentPath(p.options.FS, p.options.Dir, s.base),
		indexPath:   indexPath(p.options.FS, p.options.Dir, s.base),
	}
}

// release gives the reader's files back.
func (r *segmentReader) release() {
	if r.data != nil {
		r.files.release(r.data)
	}
	if r.index != nil {
		r.files.release(r.index)
	}
	r.data, r.index = nil, nil
}

// openData opens the file of batches.
func (r *segmentReader) openData() (err error) {
	if r.data == nil {
		r.data, err = r.files.acquire(r.path, false)
	}
	return err
}

// openIndex opens the index file.
func (r *segmentReader) openIndex() (err error) {
	if r.index == nil {
		r.index, err = r.files.acquire(r.indexPath, false)
	}
	return err
}

// searchIndex returns the first entry of the index file for which found holds.
func (r *segmentReader) searchIndex(found func(indexEntry) bool) (int, error) {
	if err := r.openIndex(); err != nil {
		return 0, err
	}
	return r.searchIndexFile(r.index, r.indexPath, found)
}

// indexEntry reads an entry of the index file.
func (r *segmentReader) indexEntry(i int) (indexEntry, error) {
	if err := r.openIndex(); err != nil {
		return indexEntry{}, err
	}
	if i < 0 || i >= r.indexEntries {
		return indexEntry{}, corruption(r.indexPath, 0, "index does not cover its segment")
	}
	return r.readIndexEntry(r.index, r.indexPath, i)
}

// read returns the batches from the one that holds offset on, which lies in the
// interval of entry or behind it.
func (r *segmentReader) read(entry indexEntry, offset int64, maxBytes int, buf []byte) ([]byte, error) {
	if err := r.openData(); err != nil {
		return nil, err
	}
	position, expected, err := r.locate(entry, offset)
	if err != nil {
		return nil, err
	}
	for want := max(maxBytes, BatchHeaderSize); ; {
		want = int(min(int64(want), r.size-position))
		if cap(buf) < want {
			buf = make([]byte, want)
		}
		data := buf[:want]
		if err := readSegment(r.data, r.path, data, position); err != nil {
			return nil, err
		}
		taken, err := r.take(data, position, expected, maxBytes)
		if err != nil {
			return nil, err
		}
		if taken > 0 {
			return data[:taken], nil
		}
		// The first batch goes beyond what was read.
		size, err := r.batchSizeAt(data, r.path, position)
		if err != nil {
			return nil, err
		}
		want = max(maxBytes, size)
	}
}

// locate returns the position and the base offset of the batch that holds
// offset, by the headers of the batches from entry on: if one of those lies, the
// chain of offsets breaks.
func (r *segmentReader) locate(entry indexEntry, offset int64) (position, base int64, err error) {
	const headersBytes = 4 << 10
	position, base = int64(entry.position), r.base+int64(entry.offsetDelta)
	if base == offset {
		return position, base, nil
	}
	var buf [headersBytes]byte
	for {
		data := buf[:min(headersBytes, max(r.size-position, 0))]
		if err := readSegment(r.data, r.path, data, position); err != nil {
			return 0, 0, err
		}
		skipped := 0
		for {
			here := position + int64(skipped)
			size, err := r.batchSizeAt(data[skipped:], r.path, here)
			if err != nil {
				return 0, 0, err
			}
			header := data[skipped:]
			if len(header) < BatchHeaderSize {
				break
			}
			if err := r.checkHeader(header, base, r.path, here); err != nil {
				return 0, 0, err
			}
			lastDelta := int32(binary.BigEndian.Uint32(header[batchLastOffsetDelta:]))
			if lastDelta < 0 {
				return 0, 0, corruption(r.path, here+batchLastOffsetDelta, "record batch has a last offset delta of %d", lastDelta)
			}
			if base+int64(lastDelta) >= offset {
				return here, base, nil
			}
			base += int64(lastDelta) + 1
			if skipped += size; skipped > len(data)-BatchHeaderSize {
				break
			}
		}
		position += int64(skipped)
	}
}

// take verifies the whole batches at the start of data and returns their
// length, up to maxBytes but at least one batch if data holds one.
func (r *segmentReader) take(data []byte, position, expected int64, maxBytes int) (taken int, err error) {
	for len(data)-taken >= BatchHeaderSize {
		here := position + int64(taken)
		size, err := r.batchSizeAt(data[taken:], r.path, here)
		if err != nil {
			return 0, err
		}
		if size > len(data)-taken || taken > 0 && taken+size > maxBytes {
			break
		}
		batch, _, err := ParseBatch(data[taken : taken+size])
		if err != nil {
			return 0, inFile(err, r.path, here)
		}
		if err := r.checkHeader(batch.Raw, expected, r.path, here); err != nil {
			return 0, err
		}
		expected = batch.NextOffset()
		taken += size
	}
	return taken, nil
}

// offsetForTimestamp returns the offset of the segment's first record at or
// behind start that has at least the timestamp, math.MaxInt64 without one.
func (r *segmentReader) offsetForTimestamp(timestamp, start int64) (int64, error) {
	entry := r.from
	if r.closed {
		i, err := r.searchIndex(func(e indexEntry) bool { return e.maxTimestamp >= timestamp })
		if err != nil {
			return 0, err
		}
		if entry, err = r.indexEntry(i); err != nil {
			return 0, err
		}
	}
	if err := r.openData(); err != nil {
		return 0, err
	}
	found := int64(math.MaxInt64)
	err := r.walk(r.data, r.path, int64(entry.position), r.base+int64(entry.offsetDelta), nil,
		func(position int64, batch *Batch) (more bool, err error) {
			if batch.MaxTimestamp < timestamp || batch.NextOffset() <= start {
				return true, nil
			}
			records := batch.Records()
			for records.Next() {
				if record := records.Record(); record.Offset >= start && record.Timestamp >= timestamp {
					found = record.Offset
					return false, nil
				}
			}
			return true, inFile(records.Err(), r.path, position)
		})
	return found, err
}

// verify reads the whole segment. headersSum is what the checksum over all
// headers must be.
func (r *segmentReader) verify(headersSum uint32) error {
	if err := r.openData(); err != nil {
		return err
	}
	scanned := newSegment(r.base)
	err := r.walk(r.data, r.path, 0, r.base, nil, func(_ int64, batch *Batch) (bool, error) {
		scanned.add(batch, maxSegmentBytes)
		return true, nil
	})
	if err != nil {
		return err
	}
	if scanned.headersSum != headersSum {
		return corruption(r.path, 0, "checksum over all batch headers of the segment differs")
	}
	if !r.closed {
		return nil
	}
	previous := indexEntry{}
	for i := range r.indexEntries {
		entry, err := r.indexEntry(i)
		if err != nil {
			return err
		}
		if i > 0 && (entry.offsetDelta <= previous.offsetDelta || entry.position <= previous.position) {
			return corruption(r.indexPath, 0, "index entry %d does not rise", i)
		}
		previous = entry
	}
	return nil
}

// Compile-time check that cached files serve reads at a position.
var _ io.ReaderAt = (*cachedFile)(nil)
