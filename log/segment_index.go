package log

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// The index file of a closed segment. It is written once, when the segment is
// closed, and holds what verifies the segment besides its index. Big endian.
//
//	file    := header · epoch* · header checksum u32 · entry*
//	header  := magic u64 · epochs u32 · entries u32
//	           · base offset i64 · next offset i64 · segment bytes i64
//	           · max timestamp i64 · batches i64 · records i64 · compacted u32 (0 or 1)
//	           · crc32c u32 of all batch headers
//	epoch   := first offset i64 · leader epoch i32
//	entry   := offset delta u32 · position u32 · max timestamp i64 · checksum u32
//
// The header checksum is the CRC-32C of everything before it. Each entry has
// its own, which begins from the header's, so that a lookup reads and verifies
// only what it needs and an entry of another file or place is noticed.
const (
	indexMagic       = 0x4d52534547_494e02 // "MRSEGIN", version 2
	indexHeaderSize  = 72
	indexEpochSize   = 12
	indexEntrySize   = 20
	indexMaxEpochs   = 1 << 20
	indexSumSize     = 4
	indexEntryFields = indexEntrySize - indexSumSize
)

// closedIndex is the decoded header of an index file.
type closedIndex struct {
	base, next, size int64
	maxTimestamp     int64
	batches, records int64
	compacted        bool
	headersSum       uint32
	epochs           []epochStart
	entries          int
	// sum is the header checksum, from which the entries' begin.
	sum uint32
}

// appendIndexFile appends the index file of a segment to buf.
func appendIndexFile(buf []byte, s *segment) []byte {
	begin := len(buf)
	buf = binary.BigEndian.AppendUint64(buf, indexMagic)
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(s.epochs)))
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(s.index)))
	buf = binary.BigEndian.AppendUint64(buf, uint64(s.base))
	buf = binary.BigEndian.AppendUint64(buf, uint64(s.next))
	buf = binary.BigEndian.AppendUint64(buf, uint64(s.size))
	buf = binary.BigEndian.AppendUint64(buf, uint64(s.maxTimestamp))
	buf = binary.BigEndian.AppendUint64(buf, uint64(s.batches))
	buf = binary.BigEndian.AppendUint64(buf, uint64(s.records))
	buf = binary.BigEndian.AppendUint32(buf, boolWord(s.compacted))
	buf = binary.BigEndian.AppendUint32(buf, s.headersSum)
	for _, e := range s.epochs {
		buf = binary.BigEndian.AppendUint64(buf, uint64(e.offset))
		buf = binary.BigEndian.AppendUint32(buf, uint32(e.epoch))
	}
	sum := crc32.Checksum(buf[begin:], castagnoli)
	buf = binary.BigEndian.AppendUint32(buf, sum)
	for i, e := range s.index {
		at := len(buf)
		buf = binary.BigEndian.AppendUint32(buf, e.offsetDelta)
		buf = binary.BigEndian.AppendUint32(buf, e.position)
		buf = binary.BigEndian.AppendUint64(buf, uint64(e.maxTimestamp))
		buf = binary.BigEndian.AppendUint32(buf, indexEntrySum(sum, i, buf[at:]))
	}
	return buf
}

// boolWord is 1 for true.
func boolWord(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// indexEntrySum is the checksum of the entry at place i.
func indexEntrySum(headerSum uint32, i int, fields []byte) uint32 {
	return crc32.Update(headerSum+uint32(i), castagnoli, fields)
}

// readClosedIndex reads and verifies the header of an index file.
func readClosedIndex(fileSystem vfs.FS, path string) (closedIndex, error) {
	file, err := fileSystem.Open(path)
	if err != nil {
		return closedIndex{}, corruption(path, 0, "index of a closed segment: %v", err)
	}
	defer file.Close()
	return decodeClosedIndex(file, path)
}

// decodeClosedIndex reads the header of an index file from file.
func decodeClosedIndex(file io.ReaderAt, path string) (closedIndex, error) {
	header := make([]byte, indexHeaderSize)
	if err := readSegment(file, path, header, 0); err != nil {
		return closedIndex{}, err
	}
	if binary.BigEndian.Uint64(header) != indexMagic {
		return closedIndex{}, corruption(path, 0, "index file has magic %x", header[:8])
	}
	epochs := int64(binary.BigEndian.Uint32(header[8:]))
	if epochs > indexMaxEpochs {
		return closedIndex{}, corruption(path, 8, "index file counts %d leader epochs", epochs)
	}
	header = append(header, make([]byte, epochs*indexEpochSize+indexSumSize)...)
	if err := readSegment(file, path, header[indexHeaderSize:], indexHeaderSize); err != nil {
		return closedIndex{}, err
	}
	end := len(header) - indexSumSize
	index := closedIndex{
		entries:      int(binary.BigEndian.Uint32(header[12:])),
		base:         int64(binary.BigEndian.Uint64(header[16:])),
		next:         int64(binary.BigEndian.Uint64(header[24:])),
		size:         int64(binary.BigEndian.Uint64(header[32:])),
		maxTimestamp: int64(binary.BigEndian.Uint64(header[40:])),
		batches:      int64(binary.BigEndian.Uint64(header[48:])),
		records:      int64(binary.BigEndian.Uint64(header[56:])),
		compacted:    binary.BigEndian.Uint32(header[64:]) != 0,
		headersSum:   binary.BigEndian.Uint32(header[68:]),
		sum:          binary.BigEndian.Uint32(header[end:]),
	}
	if crc32.Checksum(header[:end], castagnoli) != index.sum {
		return closedIndex{}, corruption(path, 0, "index file header checksum differs")
	}
	for fields := header[indexHeaderSize:end]; len(fields) > 0; fields = fields[indexEpochSize:] {
		index.epochs = append(index.epochs, epochStart{
			offset: int64(binary.BigEndian.Uint64(fields)),
			epoch:  int32(binary.BigEndian.Uint32(fields[8:])),
		})
	}
	if index.base >= index.next || index.size <= 0 || index.entries == 0 || len(index.epochs) == 0 ||
		!slices.IsSortedFunc(index.epochs, func(a, b epochStart) int { return int(a.offset - b.offset) }) {
		return closedIndex{}, corruption(path, 0, "index file describes no possible segment")
	}
	return index, nil
}

// readIndexEntry reads and verifies entry i of the index file of a closed
// segment.
func (v *segmentView) readIndexEntry(file io.ReaderAt, path string, i int) (indexEntry, error) {
	var raw [indexEntrySize]byte
	at := int64(indexHeaderSize + len(v.epochs)*indexEpochSize + indexSumSize + i*indexEntrySize)
	if err := readSegment(file, path, raw[:], at); err != nil {
		return indexEntry{}, err
	}
	if binary.BigEndian.Uint32(raw[indexEntryFields:]) != indexEntrySum(v.indexSum, i, raw[:indexEntryFields]) {
		return indexEntry{}, corruption(path, at, "index entry checksum differs")
	}
	return indexEntry{
		offsetDelta:  binary.BigEndian.Uint32(raw[:]),
		position:     binary.BigEndian.Uint32(raw[4:]),
		maxTimestamp: int64(binary.BigEndian.Uint64(raw[8:])),
	}, nil
}

// writeIndexFile writes the index of a segment to a file and returns its header
// checksum. The file is synced if asked.
func writeIndexFile(fileSystem vfs.FS, path string, s *segment, sync bool) (sum uint32, err error) {
	file, err := fileSystem.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return 0, fmt.Errorf("log: %w", err)
	}
	content := appendIndexFile(nil, s)
	sum = binary.BigEndian.Uint32(content[indexHeaderSize+len(s.epochs)*indexEpochSize:])
	_, err = file.Write(content)
	if err == nil && sync {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return 0, fmt.Errorf("log: write %s: %w", path, err)
	}
	return sum, nil
}
