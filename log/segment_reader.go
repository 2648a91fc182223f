package log

import (
	"encoding/binary"
	"math"
	"sort"
)

// segmentReader reads one segment as it was when the reader was made. It opens
// files when they are needed.
type segmentReader struct {
	segmentView
	files           *FileCache
	path, indexPath string
	data, indexFile *cachedFile
}

// reader returns a reader of a segment; p.mu is held. It must be released.
func (p *Partition) reader(s *segment) segmentReader {
	return segmentReader{
		segmentView: s.view(),
		files:       p.options.Files,
		path:        s.path,
		indexPath:   s.indexPath,
	}
}

// release gives the reader's files back.
func (r *segmentReader) release() {
	if r.data != nil {
		r.files.release(r.data)
	}
	if r.indexFile != nil {
		r.files.release(r.indexFile)
	}
	r.data, r.indexFile = nil, nil
}

// openData opens the file of batches.
func (r *segmentReader) openData() (err error) {
	if r.data == nil {
		r.data, err = r.files.acquire(r.path, false)
	}
	return err
}

// entry returns an entry of the index.
func (r *segmentReader) entry(i int) (indexEntry, error) {
	if i < 0 || i >= r.indexEntries {
		return indexEntry{}, corruption(r.indexPath, 0, "index does not cover its segment")
	}
	if !r.closed {
		return r.activeEntry(i), nil
	}
	if r.indexFile == nil {
		file, err := r.files.acquire(r.indexPath, false)
		if err != nil {
			return indexEntry{}, err
		}
		r.indexFile = file
	}
	return r.readIndexEntry(r.indexFile, r.indexPath, i)
}

// search returns the number of the first entry for which found holds (it must
// hold for all later ones too), the number of entries when there is none.
func (r *segmentReader) search(found func(indexEntry) bool) (int, error) {
	var firstErr error
	i := sort.Search(r.indexEntries, func(i int) bool {
		if firstErr != nil {
			return true
		}
		entry, err := r.entry(i)
		firstErr = err
		return err != nil || found(entry)
	})
	return i, firstErr
}

// read returns the batches from the one that holds offset on, as Partition.Read
// does.
func (r *segmentReader) read(offset int64, maxBytes int, buf []byte) ([]byte, error) {
	if err := r.openData(); err != nil {
		return nil, err
	}
	position, expected, err := r.locate(offset, buf)
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
// offset, by the index and then by the headers of the batches of the interval:
// if one of those lies, the chain of offsets breaks.
// It uses buf for reading if that is large enough.
func (r *segmentReader) locate(offset int64, buf []byte) (position, base int64, err error) {
	const headersBytes = 4 << 10
	after, err := r.search(func(e indexEntry) bool { return r.base+int64(e.offsetDelta) > offset })
	if err != nil {
		return 0, 0, err
	}
	entry, err := r.entry(after - 1)
	if err != nil {
		return 0, 0, err
	}
	position, base = int64(entry.position), r.base+int64(entry.offsetDelta)
	if base == offset {
		return position, base, nil
	}
	if cap(buf) < headersBytes {
		buf = make([]byte, headersBytes)
	}
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
	i, err := r.search(func(e indexEntry) bool { return e.maxTimestamp >= timestamp })
	if err != nil {
		return 0, err
	}
	entry, err := r.entry(i)
	if err != nil {
		return 0, err
	}
	if err := r.openData(); err != nil {
		return 0, err
	}
	found := int64(math.MaxInt64)
	err = r.walk(r.data, r.path, int64(entry.position), r.base+int64(entry.offsetDelta), nil,
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
	scanned := segment{base: r.base}
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
		entry, err := r.entry(i)
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
