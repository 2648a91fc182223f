package log

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// BatchBuilder encodes records into one record batch. The zero value is ready
// for use; a builder keeps its buffers over Reset, so that building allocates
// nothing per record. It is not safe for concurrent use.
type BatchBuilder struct {
	// buf holds BatchHeaderSize bytes for the header, then the records.
	buf []byte
	// packed is the batch with compressed records, when there is a codec.
	packed        []byte
	compressor    compressor
	count         int32
	baseTimestamp int64
	maxTimestamp  int64
}

// Reset empties the builder. It invalidates the batch that Finish returned.
func (b *BatchBuilder) Reset() {
	if cap(b.buf) < BatchHeaderSize {
		b.buf = make([]byte, BatchHeaderSize, 4096)
	}
	b.buf = b.buf[:BatchHeaderSize]
	b.count = 0
}

// Len is the number of records appended since Reset.
func (b *BatchBuilder) Len() int { return int(b.count) }

// Size is the number of bytes an uncompressed batch of the records takes.
func (b *BatchBuilder) Size() int { return max(len(b.buf), BatchHeaderSize) }

// Append adds a record with its timestamp in milliseconds since the Unix
// epoch. A nil key or value is Kafka's null, which differs from an empty one.
// Key, value and headers are copied.
func (b *BatchBuilder) Append(timestampMillis int64, key, value []byte, headers ...RecordHeader) {
	if len(b.buf) < BatchHeaderSize {
		b.Reset()
	}
	b.meet(timestampMillis)
	timestampDelta, offsetDelta := timestampMillis-b.baseTimestamp, int64(b.count)

	size := 1 + varintSize(timestampDelta) + varintSize(offsetDelta) +
		nullableSize(key) + nullableSize(value) + varintSize(int64(len(headers)))
	for i := range headers {
		size += varintSize(int64(len(headers[i].Key))) + len(headers[i].Key) + nullableSize(headers[i].Value)
	}

	buf := binary.AppendVarint(b.buf, int64(size))
	buf = append(buf, 0) // attributes: none are defined
	buf = binary.AppendVarint(buf, timestampDelta)
	buf = binary.AppendVarint(buf, offsetDelta)
	buf = appendNullable(buf, key)
	buf = appendNullable(buf, value)
	buf = binary.AppendVarint(buf, int64(len(headers)))
	for i := range headers {
		buf = binary.AppendVarint(buf, int64(len(headers[i].Key)))
		buf = append(buf, headers[i].Key...)
		buf = appendNullable(buf, headers[i].Value)
	}
	b.buf = buf
	b.count++
}

// meet notes the timestamp of the next record.
func (b *BatchBuilder) meet(timestampMillis int64) {
	if b.count == 0 {
		b.baseTimestamp, b.maxTimestamp = timestampMillis, timestampMillis
	}
	b.maxTimestamp = max(b.maxTimestamp, timestampMillis)
}

// appendKept adds a record of another batch, offsetDelta behind the base offset
// that the batch will have.
func (b *BatchBuilder) appendKept(offsetDelta int64, r *Record) {
	if len(b.buf) < BatchHeaderSize {
		b.Reset()
	}
	b.meet(r.Timestamp)
	timestampDelta := r.Timestamp - b.baseTimestamp
	size := 1 + varintSize(timestampDelta) + varintSize(offsetDelta) + nullableSize(r.Key) + nullableSize(r.Value) + len(r.headers)
	buf := binary.AppendVarint(b.buf, int64(size))
	buf = append(buf, 0) // attributes: none are defined
	buf = binary.AppendVarint(buf, timestampDelta)
	buf = binary.AppendVarint(buf, offsetDelta)
	buf = appendNullable(buf, r.Key)
	buf = appendNullable(buf, r.Value)
	b.buf = append(buf, r.headers...)
	b.count++
}

// Finish encodes the header and returns the batch with base offset 0 and
// leader epoch 0, to be set later with SetBaseOffset and SetLeaderEpoch.
// Without an idempotent producer pass -1, -1, -1. The batch aliases the
// builder's memory and is valid until the next call of Append or Reset. It
// panics when no record was appended or the codec is unknown.
func (b *BatchBuilder) Finish(producerID int64, producerEpoch int16, baseSequence int32, compression Compression) []byte {
	if b.count == 0 {
		panic("log: Finish of a batch without records")
	}
	return b.finish(b.count-1, producerID, producerEpoch, baseSequence, compression)
}

// finishKept is Finish of a batch of records of other batches over a number of
// offsets. There may be no record.
func (b *BatchBuilder) finishKept(offsets int64, compression Compression) []byte {
	if len(b.buf) < BatchHeaderSize {
		b.Reset()
	}
	if b.count == 0 {
		b.baseTimestamp, b.maxTimestamp, compression = noTimestamp, noTimestamp, CompressionNone
	}
	return b.finish(int32(offsets-1), -1, -1, -1, compression)
}

// noTimestamp is what a batch without records has for its timestamps.
const noTimestamp = -1

// finish encodes the header.
func (b *BatchBuilder) finish(lastOffsetDelta int32, producerID int64, producerEpoch int16, baseSequence int32, compression Compression) []byte {
	batch := b.buf
	if compression != CompressionNone {
		b.packed = append(b.packed[:0], b.buf[:BatchHeaderSize]...)
		packed, err := b.compressor.append(b.packed, b.buf[BatchHeaderSize:], compression)
		if err != nil {
			panic(fmt.Sprintf("log: compress a batch: %v", err))
		}
		b.packed = packed
		batch = packed
	}
	binary.BigEndian.PutUint64(batch[batchBaseOffset:], 0)
	binary.BigEndian.PutUint32(batch[batchLength:], uint32(len(batch)-batchLengthEnd))
	binary.BigEndian.PutUint32(batch[batchLeaderEpoch:], 0)
	batch[batchMagic] = batchMagicV2
	binary.BigEndian.PutUint16(batch[batchAttributes:], uint16(compression))
	binary.BigEndian.PutUint32(batch[batchLastOffsetDelta:], uint32(lastOffsetDelta))
	binary.BigEndian.PutUint64(batch[batchBaseTimestamp:], uint64(b.baseTimestamp))
	binary.BigEndian.PutUint64(batch[batchMaxTimestamp:], uint64(b.maxTimestamp))
	binary.BigEndian.PutUint64(batch[batchProducerID:], uint64(producerID))
	binary.BigEndian.PutUint16(batch[batchProducerEpoch:], uint16(producerEpoch))
	binary.BigEndian.PutUint32(batch[batchBaseSequence:], uint32(baseSequence))
	binary.BigEndian.PutUint32(batch[batchCount:], uint32(b.count))
	binary.BigEndian.PutUint32(batch[batchCRC:], crc32.Checksum(batch[batchAttributes:], castagnoli))
	return batch
}

// nullableSize is the encoded size of a length-prefixed, nullable byte string.
func nullableSize(b []byte) int {
	if b == nil {
		return 1
	}
	return varintSize(int64(len(b))) + len(b)
}

// appendNullable appends a length-prefixed byte string; nil has length -1.
func appendNullable(buf, b []byte) []byte {
	if b == nil {
		return append(buf, 1) // zigzag of -1
	}
	buf = binary.AppendVarint(buf, int64(len(b)))
	return append(buf, b...)
}

// varintSize is the number of bytes binary.AppendVarint writes for v.
func varintSize(v int64) int {
	n := 1
	for u := uint64(v<<1) ^ uint64(v>>63); u >= 0x80; u >>= 7 {
		n++
	}
	return n
}
