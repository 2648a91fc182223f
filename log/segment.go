package log

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// segment is one file of record batches. The last of a partition is active: it
// is appended to, and its index is in memory. The others are closed: their
// index is in a file of its own (see segment_index.go).
//
// A file may be longer than its segment: a crash or a failed write leaves bytes
// behind the end, which count for nothing and are written over.
type segment struct {
	// path is the file of batches, indexPath that of the index of a closed
	// segment.
	path, indexPath string
	// Invariant: base <= next; offsets [base, next) lie in bytes [0, size).
	base, next int64
	size       int64
	// generation is how many compactions the rows have been through: 0 for a
	// segment as it was appended. compacted says that no earlier record of the
	// partition has the key of one that is here (see partition_compact.go).
	generation int64
	compacted  bool
	// maxTimestamp is the largest of all batches, math.MinInt64 without any.
	maxTimestamp     int64
	batches, records int64
	// headersSum is the CRC-32C of all batch headers in order.
	headersSum uint32
	// epochs tell from which offset on which leader epoch holds; offsets rise.
	// It only grows, so readers may keep a view of it.
	epochs []epochStart
	// index is the sparse index of an active segment.
	index []indexEntry
	// closed segments have indexEntries entries in their index file, whose
	// header checksum is indexSum.
	closed       bool
	indexEntries int
	indexSum     uint32
	// syncedSize is how much of the segment is known to be on disk; for a
	// closed segment indexSynced tells the same of its index file.
	syncedSize  int64
	indexSynced bool
}

// epochStart is the first offset of a leader epoch in a segment.
type epochStart struct {
	offset int64
	epoch  int32
}

// indexEntry describes one interval of a segment, from a batch's first byte to
// the first byte of the next entry's batch.
type indexEntry struct {
	// offsetDelta is the base offset of the interval's first batch, less the
	// segment's.
	offsetDelta uint32
	// position is that batch's first byte.
	position uint32
	// maxTimestamp is the largest timestamp of the segment up to the end of
	// the interval, so that the first interval to reach a time holds the first
	// record to reach it.
	maxTimestamp int64
}

// newSegment returns an empty segment of the partition in a directory.
func newSegment(fs vfs.FS, dir string, name segmentName) *segment {
	return &segment{
		path: fs.PathJoin(dir, name.String()+segmentSuffix), indexPath: fs.PathJoin(dir, name.String()+indexSuffix),
		base: name.base, next: name.base, generation: name.generation, maxTimestamp: math.MinInt64,
	}
}

// add accounts for a batch written at the end of the segment.
func (s *segment) add(batch *Batch, indexInterval int64) {
	s.maxTimestamp = max(s.maxTimestamp, batch.MaxTimestamp)
	if n := len(s.index); n == 0 || s.size-int64(s.index[n-1].position) >= indexInterval {
		s.index = append(s.index, indexEntry{
			offsetDelta: uint32(batch.BaseOffset - s.base),
			position:    uint32(s.size),
		})
	}
	s.index[len(s.index)-1].maxTimestamp = s.maxTimestamp
	if n := len(s.epochs); n == 0 || s.epochs[n-1].epoch != batch.LeaderEpoch {
		s.epochs = append(s.epochs, epochStart{offset: batch.BaseOffset, epoch: batch.LeaderEpoch})
	}
	s.headersSum = crc32.Update(s.headersSum, castagnoli, batch.Raw[:BatchHeaderSize])
	s.batches++
	s.records += int64(batch.Count)
	s.size += int64(len(batch.Raw))
	s.next = batch.NextOffset()
}

// view returns what a reader needs of a segment while the appender goes on.
func (s *segment) view() segmentView {
	v := segmentView{
		base: s.base, next: s.next, size: s.size, maxTimestamp: s.maxTimestamp,
		epochs: slices.Clip(s.epochs), closed: s.closed, indexEntries: s.indexEntries, indexSum: s.indexSum,
	}
	if !s.closed {
		v.activeIndex, v.indexEntries = s.index, len(s.index)
	}
	return v
}

// segmentView is a segment's extent at one moment, which does not change.
type segmentView struct {
	base, next, size int64
	maxTimestamp     int64
	epochs           []epochStart
	closed           bool
	indexEntries     int
	indexSum         uint32
	// activeIndex is shared with the appender, which changes nothing of it but
	// the last entry's timestamp; see activeEntry.
	activeIndex []indexEntry
}

// activeEntry returns an entry of an active segment's index, as it was when the
// view was made.
func (v *segmentView) activeEntry(i int) indexEntry {
	if i < len(v.activeIndex)-1 {
		return v.activeIndex[i]
	}
	last := &v.activeIndex[i]
	return indexEntry{offsetDelta: last.offsetDelta, position: last.position, maxTimestamp: v.maxTimestamp}
}

// checkHeader verifies what a batch's checksum does not cover: its base offset
// by the chain of offsets, its leader epoch by the segment's list of epochs.
func (v *segmentView) checkHeader(raw []byte, expected int64, path string, position int64) error {
	if base := int64(binary.BigEndian.Uint64(raw[batchBaseOffset:])); base != expected {
		return corruption(path, position, "record batch has base offset %d, %d is next", base, expected)
	}
	if v.epochs == nil {
		return nil
	}
	epoch := int32(binary.BigEndian.Uint32(raw[batchLeaderEpoch:]))
	if i := sort.Search(len(v.epochs), func(i int) bool { return v.epochs[i].offset > expected }); i == 0 || v.epochs[i-1].epoch != epoch {
		return corruption(path, position+batchLeaderEpoch, "record batch at offset %d has leader epoch %d, not that of its segment", expected, epoch)
	}
	return nil
}

// walk verifies the batches of the segment from the one at position, whose base
// offset is expected, to the end and passes each to visit, until visit returns
// false. Batches are valid during the call. buf is used for reading if it is
// large enough.
func (v *segmentView) walk(
	file io.ReaderAt, path string, position, expected int64, buf []byte,
	visit func(position int64, batch *Batch) (more bool, err error),
) error {
	const readBytes = 1 << 20
	if cap(buf) < readBytes {
		buf = make([]byte, min(readBytes, max(v.size-position, 0)))
	}
	buf = buf[:cap(buf)]
	for position < v.size {
		data := buf[:min(int64(len(buf)), v.size-position)]
		if err := readSegment(file, path, data, position); err != nil {
			return err
		}
		consumed := 0
		for consumed < len(data) {
			here := position + int64(consumed)
			size, err := v.batchSizeAt(data[consumed:], path, here)
			if err != nil {
				return err
			}
			if size > len(data)-consumed {
				break
			}
			batch, _, err := ParseBatch(data[consumed : consumed+size])
			if err != nil {
				return inFile(err, path, here)
			}
			if err := v.checkHeader(batch.Raw, expected, path, here); err != nil {
				return err
			}
			if more, err := visit(here, &batch); err != nil || !more {
				return err
			}
			expected = batch.NextOffset()
			consumed += size
		}
		if consumed == 0 {
			size, err := v.batchSizeAt(data, path, position)
			if err != nil {
				return err
			}
			buf = make([]byte, size)
		}
		position += int64(consumed)
	}
	if expected != v.next {
		return corruption(path, v.size, "segment ends before offset %d, it should end before %d", expected, v.next)
	}
	return nil
}

// batchSizeAt returns the size of the batch whose first bytes are data, which
// must end within the segment. When data is too short to tell, the size is
// that of a header.
func (v *segmentView) batchSizeAt(data []byte, path string, position int64) (int, error) {
	if v.size-position < BatchHeaderSize {
		return 0, corruption(path, position, "segment ends inside a batch header")
	}
	if len(data) < BatchHeaderSize {
		return BatchHeaderSize, nil
	}
	size, err := batchSize(data)
	if err != nil {
		return 0, inFile(err, path, position)
	}
	if int64(size) > v.size-position {
		return 0, corruption(path, position+batchLength, "record batch of %d bytes goes beyond the end of the segment at %d", size, v.size)
	}
	return size, nil
}

// readSegment reads bytes that the segment must have.
func readSegment(file io.ReaderAt, path string, buf []byte, position int64) error {
	err := readFull(file, buf, position)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return corruption(path, position, "file ends inside the segment")
	}
	if err != nil {
		return fmt.Errorf("log: read %s: %w", path, err)
	}
	return nil
}

const (
	segmentSuffix = ".log"
	indexSuffix   = ".index"
	// indexTemporarySuffix is that of an index file which a compaction has not
	// finished.
	indexTemporarySuffix = ".index.tmp"
)

// segmentName is what the files of a segment are named by: its base offset, and
// its generation where that is not 0.
type segmentName struct{ base, generation int64 }

func (n segmentName) String() string {
	if n.generation == 0 {
		return fmt.Sprintf("%020d", n.base)
	}
	return fmt.Sprintf("%020d-%d", n.base, n.generation)
}

// parseSegmentName is the inverse of String.
func parseSegmentName(text string) (name segmentName, ok bool) {
	digits, generation, compacted := strings.Cut(text, "-")
	var err error
	if compacted {
		name.generation, err = strconv.ParseInt(generation, 10, 64)
	}
	if err == nil {
		name.base, err = strconv.ParseInt(digits, 10, 64)
	}
	return name, err == nil && name.String() == text && name.base >= 0
}
