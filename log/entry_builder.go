package log

import "encoding/binary"

// EntryBuilder encodes an entry item by item, without an Entry in between. The
// zero value is ready for Reset. Everything passed in is copied.
type EntryBuilder struct {
	buf   []byte
	items int
	// lastSize is the size of the entry before, a guess at the next one's.
	lastSize int
}

// Reset begins a new entry. It reuses the builder's memory unless Finish has
// given it away.
func (b *EntryBuilder) Reset(baseIndex, catalogVersion uint64, timeMillis int64) {
	if b.buf == nil {
		b.buf = make([]byte, 0, b.lastSize+b.lastSize/4+64)
	}
	b.buf = b.buf[:0]
	b.begin(baseIndex, catalogVersion, timeMillis)
}

// begin appends an entry's header to the buffer.
func (b *EntryBuilder) begin(baseIndex, catalogVersion uint64, timeMillis int64) {
	b.items = 0
	buf := append(b.buf, entryVersion)
	buf = binary.AppendUvarint(buf, baseIndex)
	buf = binary.AppendUvarint(buf, catalogVersion)
	b.buf = binary.AppendVarint(buf, timeMillis)
}

// Append adds a record batch for a stream's partition; its base offset must
// have been set.
func (b *EntryBuilder) Append(object uint64, batch []byte) {
	buf := binary.AppendUvarint(append(b.buf, entryItemAppend), object)
	b.buf = appendBytes(buf, batch)
	b.items++
}

// Set adds a write of a key.
func (b *EntryBuilder) Set(key, value []byte) {
	b.buf = appendBytes(appendBytes(append(b.buf, entryItemSet), key), value)
	b.items++
}

// Delete adds the removal of a key.
func (b *EntryBuilder) Delete(key []byte) {
	b.buf = appendBytes(append(b.buf, entryItemDelete), key)
	b.items++
}

// DeleteRange adds the removal of the keys of [start, end).
func (b *EntryBuilder) DeleteRange(start, end []byte) {
	b.buf = appendBytes(appendBytes(append(b.buf, entryItemDeleteRange), start), end)
	b.items++
}

// Note adds what changes nothing, for those who follow what replicas apply.
func (b *EntryBuilder) Note(key, value []byte) {
	b.buf = appendBytes(appendBytes(append(b.buf, entryItemNote), key), value)
	b.items++
}

// Truncate moves the start offset of a stream's partition.
func (b *EntryBuilder) Truncate(object uint64, start int64) {
	buf := binary.AppendUvarint(append(b.buf, entryItemTruncate), object)
	b.buf = binary.AppendVarint(buf, start)
	b.items++
}

// Compact asks for a compaction of a stream's partition.
func (b *EntryBuilder) Compact(c Compact) {
	buf := binary.AppendUvarint(append(b.buf, entryItemCompact), c.Object)
	b.buf = binary.AppendVarint(binary.AppendVarint(buf, c.Before), c.TombstonesBefore)
	b.items++
}

// Len is the number of items added since Reset.
func (b *EntryBuilder) Len() int { return b.items }

// Size is the number of bytes encoded so far.
func (b *EntryBuilder) Size() int { return len(b.buf) }

// Finish returns the encoded entry and gives its memory away: the caller may
// keep it, and the builder's next entry gets a buffer of its own.
func (b *EntryBuilder) Finish() []byte {
	entry := append(b.buf, entryEnd)
	b.buf, b.items, b.lastSize = nil, 0, len(entry)
	return entry
}

// appendBytes appends a length-prefixed byte string.
func appendBytes(buf, b []byte) []byte {
	buf = binary.AppendUvarint(buf, uint64(len(b)))
	return append(buf, b...)
}
