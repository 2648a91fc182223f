package log

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/hashicorp/raft"
)

// The bytes of a write-ahead log file. Big endian; everything begins at a
// multiple of 8.
//
//	file   := header · round* · (zeros, or bytes of the file's earlier life)
//
//	header (64 bytes)
//	+-------+----------+----------+----------+-------+--------+------+-----+
//	| magic | sequence | previous | previous | first | oldest | zero | crc |
//	| u64   | u64      | file u64 | end u64  | round | file   |      | u32 |
//	+-------+----------+----------+----------+-------+--------+------+-----+
//
//	round  := round header · record*
//	round header (32 bytes)
//	+-----+--------+----------+-------+--------+
//	| crc | length | sequence | round | oldest |
//	| u32 | u32    | u64      | u64   | file   |
//	+-----+--------+----------+-------+--------+
//
//	record (24 bytes, body, padding to 8)
//	+-----+--------+-------+------+------+------------+
//	| crc | length | group | type | zero | body…      |
//	| u32 | u32    | u64   | u8   | 7    | length     |
//	+-----+--------+-------+------+------+------------+
//
//	body of an entry, a moved entry := index u64 · term u64 · appended at i64
//	                                   · log type u8 · zero u8[3] · extensions length u32
//	                                   · extensions · data
//	body of a prefix truncation     := largest removed index u64
//	body of a suffix truncation     := smallest removed index u64
//	body of a stable value          := key length u32 · key · value
//	body of a group's removal       := nothing
//
// Every checksum is a CRC-32C of what follows it (in the file header, of what
// precedes it) that begins from the CRC of the file's sequence number, in a
// round header from the complement of that: a record is never taken for a round.
// Sequence numbers are never used twice, so nothing from a file's earlier life is
// valid in it. Rounds are numbered without gaps over all files.
const (
	walMagic = 0x4d5257414c000001 // "MRWAL", version 1

	walHeaderSize       = 64
	walHeaderSequence   = 8
	walHeaderPrevious   = 16
	walHeaderEnd        = 24
	walHeaderFirstRound = 32
	walHeaderOldest     = 40
	walHeaderCRC        = 60

	roundHeaderSize     = 32
	roundHeaderLength   = 4
	roundHeaderSequence = 8
	roundHeaderRound    = 16
	roundHeaderOldest   = 24

	recordHeaderSize   = 24
	recordHeaderLength = 4
	recordHeaderGroup  = 8
	recordHeaderType   = 16

	entryBodySize       = 32
	entryBodyTerm       = 8
	entryBodyAppendedAt = 16
	entryBodyType       = 24
	entryBodyExtensions = 28

	walAlignment = 8
)

// recordType tells what a record does to its group.
type recordType uint8

// The types of records. Their numbers are part of the format.
const (
	// recordEntry appends a log entry.
	recordEntry recordType = 1
	// recordMoved repeats an entry that the log still has, so that the file
	// with the earlier copy can be reused.
	recordMoved recordType = 2
	// recordTruncatePrefix removes the entries up to an index.
	recordTruncatePrefix recordType = 3
	// recordTruncateSuffix removes the entries from an index on.
	recordTruncateSuffix recordType = 4
	// recordStable gives a key of the stable store its value.
	recordStable recordType = 5
	// recordDropGroup removes everything of the group.
	recordDropGroup recordType = 6
)

// walFileHeader is the decoded header of a file.
type walFileHeader struct {
	sequence uint64
	// previous is the sequence number of the file before, 0 for the first;
	// its rounds end at previousEnd, and what it has behind that was never
	// acknowledged.
	previous    uint64
	previousEnd int64
	// firstRound is the number of the file's first round.
	firstRound uint64
	// oldest is the sequence number of the first file that is needed.
	oldest uint64
}

// checksumSeed is what the checksums of a file begin from.
func checksumSeed(sequence uint64) uint32 {
	var raw [8]byte
	binary.BigEndian.PutUint64(raw[:], sequence)
	return crc32.Checksum(raw[:], castagnoli)
}

// encode returns the header's bytes.
func (h *walFileHeader) encode() []byte {
	raw := make([]byte, walHeaderSize)
	binary.BigEndian.PutUint64(raw, walMagic)
	binary.BigEndian.PutUint64(raw[walHeaderSequence:], h.sequence)
	binary.BigEndian.PutUint64(raw[walHeaderPrevious:], h.previous)
	binary.BigEndian.PutUint64(raw[walHeaderEnd:], uint64(h.previousEnd))
	binary.BigEndian.PutUint64(raw[walHeaderFirstRound:], h.firstRound)
	binary.BigEndian.PutUint64(raw[walHeaderOldest:], h.oldest)
	binary.BigEndian.PutUint32(raw[walHeaderCRC:], crc32.Update(checksumSeed(h.sequence), castagnoli, raw[:walHeaderCRC]))
	return raw
}

// decodeWALFileHeader decodes the header at the start of a file that has been
// named for a sequence number; ok is false when it is not that file's.
func decodeWALFileHeader(raw []byte, sequence uint64) (header walFileHeader, ok bool) {
	if len(raw) < walHeaderSize || binary.BigEndian.Uint64(raw) != walMagic ||
		binary.BigEndian.Uint64(raw[walHeaderSequence:]) != sequence ||
		binary.BigEndian.Uint32(raw[walHeaderCRC:]) != crc32.Update(checksumSeed(sequence), castagnoli, raw[:walHeaderCRC]) {
		return walFileHeader{}, false
	}
	return walFileHeader{
		sequence:    sequence,
		previous:    binary.BigEndian.Uint64(raw[walHeaderPrevious:]),
		previousEnd: int64(binary.BigEndian.Uint64(raw[walHeaderEnd:])),
		firstRound:  binary.BigEndian.Uint64(raw[walHeaderFirstRound:]),
		oldest:      binary.BigEndian.Uint64(raw[walHeaderOldest:]),
	}, true
}

// roundHeader is the decoded header of a round.
type roundHeader struct {
	// length is the number of bytes behind the header.
	length int64
	round  uint64
	oldest uint64
}

// putRoundHeader writes the header of a round over its first bytes.
func putRoundHeader(round []byte, seed uint32, sequence uint64, header roundHeader) {
	binary.BigEndian.PutUint32(round[roundHeaderLength:], uint32(header.length))
	binary.BigEndian.PutUint64(round[roundHeaderSequence:], sequence)
	binary.BigEndian.PutUint64(round[roundHeaderRound:], header.round)
	binary.BigEndian.PutUint64(round[roundHeaderOldest:], header.oldest)
	binary.BigEndian.PutUint32(round, crc32.Update(^seed, castagnoli, round[4:roundHeaderSize]))
}

// decodeRoundHeader decodes the round header at the start of data; ok is false
// when there is none of this file.
func decodeRoundHeader(data []byte, seed uint32, sequence uint64) (header roundHeader, ok bool) {
	if len(data) < roundHeaderSize || binary.BigEndian.Uint64(data[roundHeaderSequence:]) != sequence ||
		binary.BigEndian.Uint32(data) != crc32.Update(^seed, castagnoli, data[4:roundHeaderSize]) {
		return roundHeader{}, false
	}
	header = roundHeader{
		length: int64(binary.BigEndian.Uint32(data[roundHeaderLength:])),
		round:  binary.BigEndian.Uint64(data[roundHeaderRound:]),
		oldest: binary.BigEndian.Uint64(data[roundHeaderOldest:]),
	}
	return header, header.length%walAlignment == 0
}

// walRecord is one decoded record.
type walRecord struct {
	kind  recordType
	group uint64
	// body aliases the data it was decoded from.
	body []byte
	// size is the whole record's, with padding.
	size int
}

// recordSize is the size of a record with a body of a given length.
func recordSize(bodyLength int) int {
	return (recordHeaderSize + bodyLength + walAlignment - 1) &^ (walAlignment - 1)
}

// decodeRecord decodes and verifies the record at the start of data.
func decodeRecord(data []byte, seed uint32) (walRecord, error) {
	if len(data) < recordHeaderSize {
		return walRecord{}, corruption("", 0, "record header is cut off after %d bytes", len(data))
	}
	length := int64(binary.BigEndian.Uint32(data[recordHeaderLength:]))
	if recordHeaderSize+length > int64(len(data)) {
		return walRecord{}, corruption("", 0, "record of %d bytes is cut off after %d", recordHeaderSize+length, len(data))
	}
	end := recordHeaderSize + int(length)
	if crc32.Update(seed, castagnoli, data[4:end]) != binary.BigEndian.Uint32(data) {
		return walRecord{}, corruption("", 0, "record checksum differs")
	}
	record := walRecord{
		kind:  recordType(data[recordHeaderType]),
		group: binary.BigEndian.Uint64(data[recordHeaderGroup:]),
		body:  data[recordHeaderSize:end:end],
		size:  recordSize(int(length)),
	}
	if record.size > len(data) {
		return walRecord{}, corruption("", 0, "record's padding is cut off")
	}
	return record, record.check()
}

// check verifies that the body has the shape of the record's type.
func (r *walRecord) check() error {
	ok := false
	switch r.kind {
	case recordEntry, recordMoved:
		ok = len(r.body) >= entryBodySize &&
			int64(binary.BigEndian.Uint32(r.body[entryBodyExtensions:])) <= int64(len(r.body)-entryBodySize)
	case recordTruncatePrefix, recordTruncateSuffix:
		ok = len(r.body) == 8
	case recordStable:
		ok = len(r.body) >= 4 && int64(binary.BigEndian.Uint32(r.body)) <= int64(len(r.body)-4)
	case recordDropGroup:
		ok = len(r.body) == 0
	default:
		return corruption("", recordHeaderType, "record has unknown type %d", r.kind)
	}
	if !ok {
		return corruption("", recordHeaderLength, "record of type %d has a malformed body of %d bytes", r.kind, len(r.body))
	}
	return nil
}

// index is the index of an entry or the bound of a truncation.
func (r *walRecord) index() uint64 { return binary.BigEndian.Uint64(r.body) }

// stable is the key and value of a stable value.
func (r *walRecord) stable() (key, value []byte) {
	end := 4 + int(binary.BigEndian.Uint32(r.body))
	return r.body[4:end:end], r.body[end:]
}

// entry decodes the body of an entry into log, whose slices alias it.
func (r *walRecord) entry(log *raft.Log) {
	extensions := entryBodySize + int(binary.BigEndian.Uint32(r.body[entryBodyExtensions:]))
	*log = raft.Log{
		Index: binary.BigEndian.Uint64(r.body),
		Term:  binary.BigEndian.Uint64(r.body[entryBodyTerm:]),
		Type:  raft.LogType(r.body[entryBodyType]),
	}
	if nanos := int64(binary.BigEndian.Uint64(r.body[entryBodyAppendedAt:])); nanos != 0 {
		log.AppendedAt = time.Unix(0, nanos)
	}
	if extensions > entryBodySize {
		log.Extensions = r.body[entryBodySize:extensions:extensions]
	}
	if extensions < len(r.body) {
		log.Data = r.body[extensions:]
	}
}

// roundBuilder encodes the records of one round. It is reused.
type roundBuilder struct {
	seed uint32
	buf  []byte
}

// reset begins a round of a file. It does not keep a buffer larger than a limit
// that a round before needed.
func (b *roundBuilder) reset(seed uint32, limit int) {
	if cap(b.buf) < roundHeaderSize || cap(b.buf) > limit {
		b.buf = make([]byte, roundHeaderSize, 64<<10)
	}
	b.seed = seed
	b.buf = b.buf[:roundHeaderSize]
}

// begin appends a record's header; the caller appends its body, then ends it.
func (b *roundBuilder) begin(kind recordType, group uint64) (start int) {
	start = len(b.buf)
	var header [recordHeaderSize]byte
	binary.BigEndian.PutUint64(header[recordHeaderGroup:], group)
	header[recordHeaderType] = byte(kind)
	b.buf = append(b.buf, header[:]...)
	return start
}

// end completes the record that began at start and returns its size.
func (b *roundBuilder) end(start int) (size int) {
	length := len(b.buf) - start - recordHeaderSize
	binary.BigEndian.PutUint32(b.buf[start+recordHeaderLength:], uint32(length))
	binary.BigEndian.PutUint32(b.buf[start:], crc32.Update(b.seed, castagnoli, b.buf[start+4:]))
	for len(b.buf)%walAlignment != 0 {
		b.buf = append(b.buf, 0)
	}
	return len(b.buf) - start
}

// entry appends a log entry.
func (b *roundBuilder) entry(group uint64, log *raft.Log) (start, size int) {
	start = b.begin(recordEntry, group)
	buf := binary.BigEndian.AppendUint64(b.buf, log.Index)
	buf = binary.BigEndian.AppendUint64(buf, log.Term)
	var appendedAt int64
	if !log.AppendedAt.IsZero() {
		appendedAt = log.AppendedAt.UnixNano()
	}
	buf = binary.BigEndian.AppendUint64(buf, uint64(appendedAt))
	buf = append(buf, byte(log.Type), 0, 0, 0)
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(log.Extensions)))
	buf = append(buf, log.Extensions...)
	b.buf = append(buf, log.Data...)
	return start, b.end(start)
}

// moved appends the body of an entry again.
func (b *roundBuilder) moved(group uint64, body []byte) (start, size int) {
	start = b.begin(recordMoved, group)
	b.buf = append(b.buf, body...)
	return start, b.end(start)
}

// truncate appends a prefix or suffix truncation.
func (b *roundBuilder) truncate(kind recordType, group, index uint64) {
	start := b.begin(kind, group)
	b.buf = binary.BigEndian.AppendUint64(b.buf, index)
	b.end(start)
}

// stable appends a stable value.
func (b *roundBuilder) stable(group uint64, key string, value []byte) (start, size int) {
	start = b.begin(recordStable, group)
	buf := binary.BigEndian.AppendUint32(b.buf, uint32(len(key)))
	buf = append(buf, key...)
	b.buf = append(buf, value...)
	return start, b.end(start)
}

// dropGroup appends a group's removal.
func (b *roundBuilder) dropGroup(group uint64) { b.end(b.begin(recordDropGroup, group)) }

// finish returns the whole round.
func (b *roundBuilder) finish(sequence, round, oldest uint64) []byte {
	putRoundHeader(b.buf, b.seed, sequence, roundHeader{
		length: int64(len(b.buf) - roundHeaderSize), round: round, oldest: oldest,
	})
	return b.buf
}
