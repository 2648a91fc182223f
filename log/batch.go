package log

import (
	"encoding/binary"
	"hash/crc32"
)

// castagnoli is the polynomial of every checksum in this package, the one of
// Kafka's record batches; amd64 and arm64 compute it in hardware.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// The fixed header of a record batch, format v2 (Kafka documentation,
// "Implementation / Message Format / Record Batch"). Big endian.
//
//	 0            8      12      16 17    21   23        27          35        43    51 53     57    61
//	+------------+------+-------+--+-----+----+---------+-----------+---------+-----+--+------+-----+
//	| base       |length|leader |2 | crc |attr|last     | base      | max     | pro |ep| base |count| records…
//	| offset  i64| i32  |epoch  |i8| u32 |i16 |delta i32| timestamp |timestamp| id  |  | seq  | i32 |
//	+------------+------+-------+--+-----+----+---------+-----------+---------+-----+--+------+-----+
//	                                      `------------------ covered by crc ------------------------…
//
// length counts the bytes behind itself, so a batch takes length+12 bytes.
const (
	batchBaseOffset      = 0
	batchLength          = 8
	batchLeaderEpoch     = 12
	batchMagic           = 16
	batchCRC             = 17
	batchAttributes      = 21
	batchLastOffsetDelta = 23
	batchBaseTimestamp   = 27
	batchMaxTimestamp    = 35
	batchProducerID      = 43
	batchProducerEpoch   = 51
	batchBaseSequence    = 53
	batchCount           = 57

	// BatchHeaderSize is the number of bytes before a batch's records.
	BatchHeaderSize = 61

	// batchLengthEnd is the number of bytes that length does not count.
	batchLengthEnd = 12
	// batchMagicV2 is the only message format this package knows.
	batchMagicV2 = 2
	// attributeCompression masks the codec in the attributes.
	attributeCompression = 0x07
)

// BatchHeader is the decoded header of a record batch.
type BatchHeader struct {
	// BaseOffset is the offset of the first record.
	BaseOffset int64
	// LeaderEpoch is the term of the leader that appended the batch.
	LeaderEpoch int32
	// CRC is the CRC-32C of everything from Attributes on. It covers neither
	// BaseOffset nor LeaderEpoch, so a broker can set those in place.
	CRC uint32
	// Attributes hold the codec and flags.
	Attributes int16
	// LastOffsetDelta is the offset of the last record less BaseOffset.
	LastOffsetDelta int32
	// BaseTimestamp is the timestamp of the first record, in milliseconds
	// since the Unix epoch; MaxTimestamp is the largest of the batch.
	BaseTimestamp, MaxTimestamp int64
	// ProducerID, ProducerEpoch and BaseSequence identify an idempotent
	// producer's append; -1 when there is none.
	ProducerID    int64
	ProducerEpoch int16
	BaseSequence  int32
	// Count is the number of records.
	Count int32
}

// NextOffset is the offset that follows the batch's last record.
func (h *BatchHeader) NextOffset() int64 { return h.BaseOffset + int64(h.LastOffsetDelta) + 1 }

// Compression is the codec of the records.
func (h *BatchHeader) Compression() Compression {
	return Compression(h.Attributes & attributeCompression)
}

// Batch is one verified record batch.
type Batch struct {
	BatchHeader
	// Raw is the whole batch as stored, header included. It aliases the buffer
	// given to ParseBatch.
	Raw []byte
}

// ParseBatch verifies the length, the magic and the CRC-32C of the batch at
// the start of data and returns it with the bytes behind it. The batch aliases
// data. A failure is a *CorruptionError with a position relative to data.
func ParseBatch(data []byte) (batch Batch, rest []byte, err error) {
	size, err := batchSize(data)
	if err != nil {
		return Batch{}, nil, err
	}
	if size > len(data) {
		return Batch{}, nil, corruption("", 0, "record batch of %d bytes is cut off after %d", size, len(data))
	}
	raw := data[:size:size]
	if sum := crc32.Checksum(raw[batchAttributes:], castagnoli); sum != binary.BigEndian.Uint32(raw[batchCRC:]) {
		return Batch{}, nil, corruption("", 0, "record batch checksum is %08x, stored %08x",
			sum, binary.BigEndian.Uint32(raw[batchCRC:]))
	}
	batch = Batch{BatchHeader: decodeBatchHeader(raw), Raw: raw}
	if batch.Count < 0 || batch.LastOffsetDelta < 0 || batch.BaseOffset < 0 ||
		int64(batch.Count) > int64(batch.LastOffsetDelta)+1 {
		return Batch{}, nil, corruption("", 0, "record batch at offset %d counts %d records over %d offsets",
			batch.BaseOffset, batch.Count, int64(batch.LastOffsetDelta)+1)
	}
	return batch, data[size:], nil
}

// batchSize returns the number of bytes the batch at the start of data takes,
// which may exceed len(data), after checking everything the header of a batch
// must satisfy without its checksum.
func batchSize(data []byte) (int, error) {
	if len(data) < BatchHeaderSize {
		return 0, corruption("", 0, "record batch header is cut off after %d bytes", len(data))
	}
	if data[batchMagic] != batchMagicV2 {
		return 0, corruption("", batchMagic, "record batch has magic %d, not %d", data[batchMagic], batchMagicV2)
	}
	length := int32(binary.BigEndian.Uint32(data[batchLength:]))
	if length < BatchHeaderSize-batchLengthEnd {
		return 0, corruption("", batchLength, "record batch has length %d", length)
	}
	return int(length) + batchLengthEnd, nil
}

// decodeBatchHeader reads the fields of a header of BatchHeaderSize bytes.
func decodeBatchHeader(raw []byte) BatchHeader {
	_ = raw[BatchHeaderSize-1]
	return BatchHeader{
		BaseOffset:      int64(binary.BigEndian.Uint64(raw[batchBaseOffset:])),
		LeaderEpoch:     int32(binary.BigEndian.Uint32(raw[batchLeaderEpoch:])),
		CRC:             binary.BigEndian.Uint32(raw[batchCRC:]),
		Attributes:      int16(binary.BigEndian.Uint16(raw[batchAttributes:])),
		LastOffsetDelta: int32(binary.BigEndian.Uint32(raw[batchLastOffsetDelta:])),
		BaseTimestamp:   int64(binary.BigEndian.Uint64(raw[batchBaseTimestamp:])),
		MaxTimestamp:    int64(binary.BigEndian.Uint64(raw[batchMaxTimestamp:])),
		ProducerID:      int64(binary.BigEndian.Uint64(raw[batchProducerID:])),
		ProducerEpoch:   int16(binary.BigEndian.Uint16(raw[batchProducerEpoch:])),
		BaseSequence:    int32(binary.BigEndian.Uint32(raw[batchBaseSequence:])),
		Count:           int32(binary.BigEndian.Uint32(raw[batchCount:])),
	}
}

// SetBaseOffset sets the offset of the first record of a batch in place. The
// checksum does not cover it. batch must hold at least a batch header.
func SetBaseOffset(batch []byte, offset int64) {
	_ = batch[BatchHeaderSize-1]
	binary.BigEndian.PutUint64(batch[batchBaseOffset:], uint64(offset))
}

// SetLeaderEpoch sets the leader epoch (the Raft term) of a batch in place. The
// checksum does not cover it. batch must hold at least a batch header.
func SetLeaderEpoch(batch []byte, epoch int32) {
	_ = batch[BatchHeaderSize-1]
	binary.BigEndian.PutUint32(batch[batchLeaderEpoch:], uint32(epoch))
}
