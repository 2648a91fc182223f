package log

import "encoding/binary"

// Record is one record of a batch. Its slices alias the batch (or, when the
// batch is compressed, memory of the iterator that is not reused).
//
//	record := length varint · attributes i8 · timestamp delta varint · offset delta varint
//	          · key length varint · key · value length varint · value
//	          · header count varint · (key length varint · key · value length varint · value)*
type Record struct {
	// Offset is the record's offset in its partition.
	Offset int64
	// Timestamp is in milliseconds since the Unix epoch.
	Timestamp int64
	// Key and Value are nil where Kafka has null.
	Key, Value []byte

	headers []byte
}

// RecordHeader is one header of a record.
type RecordHeader struct {
	Key string
	// Value is nil where Kafka has null.
	Value []byte
}

// AppendHeaders decodes the record's headers and appends them to dst. Values
// alias the record. It fails with a *CorruptionError when they are malformed.
func (r *Record) AppendHeaders(dst []RecordHeader) ([]RecordHeader, error) {
	data := r.headers
	count, data, ok := readVarint(data)
	// A header takes at least two bytes, which bounds a count that lies.
	if !ok || count < 0 || count > int64(len(data)/2) {
		return dst, corruption("", 0, "record at offset %d has a bad header count", r.Offset)
	}
	for range count {
		var key, value []byte
		key, data, ok = readNullable(data)
		if ok && key != nil {
			value, data, ok = readNullable(data)
		}
		if !ok || key == nil {
			return dst, corruption("", 0, "record at offset %d has malformed headers", r.Offset)
		}
		dst = append(dst, RecordHeader{Key: string(key), Value: value})
	}
	if len(data) != 0 {
		return dst, corruption("", 0, "record at offset %d has %d bytes behind its headers", r.Offset, len(data))
	}
	return dst, nil
}

// RecordIterator walks the records of one batch without copying them:
//
//	for records := batch.Records(); records.Next(); {
//		record := records.Record()
//	}
//
// and then checks Err. It allocates only for compressed batches.
type RecordIterator struct {
	record        Record
	data          []byte
	size          int
	baseOffset    int64
	baseTimestamp int64
	lastDelta     int64
	lastOffset    int64
	remaining     int32
	err           error
}

// Records returns an iterator before the batch's first record. For a
// compressed batch it decompresses, to at most MaxBatchBytes.
func (b *Batch) Records() RecordIterator {
	it := RecordIterator{
		data:          b.Raw[BatchHeaderSize:],
		baseOffset:    b.BaseOffset,
		baseTimestamp: b.BaseTimestamp,
		lastDelta:     int64(b.LastOffsetDelta),
		lastOffset:    b.BaseOffset - 1,
		remaining:     b.Count,
	}
	if compression := b.Compression(); compression != CompressionNone {
		it.data, it.err = decompress(it.data, compression)
	}
	it.size = len(it.data)
	return it
}

// Next steps to the next record and tells whether there is one. It returns
// false at the end of the batch and at the first malformed record.
func (it *RecordIterator) Next() bool {
	if it.err != nil {
		return false
	}
	if it.remaining == 0 {
		if len(it.data) != 0 {
			it.fail("bytes behind the last record")
		}
		return false
	}
	length, rest, ok := readVarint(it.data)
	if !ok || length < 0 || length > int64(len(rest)) {
		return it.fail("record length")
	}
	body := rest[:length:length]
	if len(body) == 0 {
		return it.fail("record without attributes")
	}
	timestampDelta, body, ok := readVarint(body[1:])
	if !ok {
		return it.fail("timestamp delta")
	}
	offsetDelta, body, ok := readVarint(body)
	// Compaction leaves holes, but offsets always rise within the batch.
	if !ok || offsetDelta < 0 || offsetDelta > it.lastDelta || it.baseOffset+offsetDelta <= it.lastOffset {
		return it.fail("offset delta")
	}
	key, body, ok := readNullable(body)
	if !ok {
		return it.fail("key")
	}
	value, body, ok := readNullable(body)
	if !ok || len(body) == 0 {
		return it.fail("value")
	}
	it.record = Record{
		Offset:    it.baseOffset + offsetDelta,
		Timestamp: it.baseTimestamp + timestampDelta,
		Key:       key,
		Value:     value,
		headers:   body,
	}
	it.lastOffset = it.record.Offset
	it.data = rest[length:]
	it.remaining--
	return true
}

// Record is the record that Next stepped to, valid until the next call of
// Next; its slices stay valid as long as the batch.
func (it *RecordIterator) Record() *Record { return &it.record }

// Err is the *CorruptionError that ended the walk, or nil.
func (it *RecordIterator) Err() error { return it.err }

// fail ends the walk.
func (it *RecordIterator) fail(what string) bool {
	it.err = corruption("", int64(BatchHeaderSize+it.size-len(it.data)),
		"malformed record behind offset %d of the batch at %d: %s", it.lastOffset, it.baseOffset, what)
	return false
}

// readVarint splits a zigzag varint from the front of data.
func readVarint(data []byte) (v int64, rest []byte, ok bool) {
	// Most fields of a record take one byte.
	if len(data) > 0 && data[0] < 0x80 {
		u := data[0]
		return int64(u>>1) ^ -int64(u&1), data[1:], true
	}
	v, n := binary.Varint(data)
	if n <= 0 {
		return 0, nil, false
	}
	return v, data[n:], true
}

// readNullable splits a length-prefixed byte string from the front of data; a
// length of -1 is null and gives nil.
func readNullable(data []byte) (b, rest []byte, ok bool) {
	length, rest, ok := readVarint(data)
	if !ok || length < -1 || length > int64(len(rest)) {
		return nil, nil, false
	}
	if length == -1 {
		return nil, rest, true
	}
	return rest[:length:length], rest[length:], true
}
