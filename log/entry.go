package log

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Entry is one record of a shard's log: inputs together with all their
// consequences. Every replica applies it and computes nothing.
//
//	entry := version u8 (1) · base index uvarint · catalog version uvarint · time varint
//	         item* · end u8 (0)
//	item  := 1 · object uvarint · length uvarint · record batch
//	       | 2 · length uvarint · key · length uvarint · value       (set)
//	       | 3 · length uvarint · key                                (delete)
//	       | 4 · length uvarint · start key · length uvarint · end key (delete range)
//	       | 5 · object uvarint · start offset varint                (truncate)
//	       | 6 · object uvarint · offset varint · time varint        (compact)
//	       | 7 · length uvarint · key · length uvarint · value       (note)
//
// It has no checksum: the log that holds it has one.
type Entry struct {
	// BaseIndex is the Raft index of the entry (or barrier) this one was
	// computed on; apply turns an entry with another base into a no-op.
	BaseIndex uint64
	// CatalogVersion is the version in use from this entry on.
	CatalogVersion uint64
	// Time is the leader's wall clock in milliseconds since the Unix epoch.
	Time int64
	// Appends are record batches for stream partitions on this shard, with
	// their base offsets set.
	Appends []Append
	// Writes are changes to the shard's key-value state (rows, operator state,
	// positions, producers, internal partitions), in order.
	Writes []Write
	// Truncates are the partition start offsets that retention moved, as
	// decided by the leader.
	Truncates []Truncate
	// Compacts are compactions by key, as decided by the leader.
	Compacts []Compact
}

// Append is a record batch for the partition of a stream.
type Append struct {
	// Object is the stream's id.
	Object uint64
	// Batch is a record batch with its base offset set.
	Batch []byte
}

// WriteKind is what a Write does.
type WriteKind uint8

// The kinds of writes. Their numbers are part of the entry's encoding.
const (
	// Set gives Key the value Value.
	Set WriteKind = entryItemSet
	// Delete removes Key.
	Delete WriteKind = entryItemDelete
	// DeleteRange removes the keys of [Key, Value).
	DeleteRange WriteKind = entryItemDeleteRange
	// Note changes nothing: Key and Value are for those who follow what replicas apply.
	Note WriteKind = entryItemNote
)

// String names the kind.
func (k WriteKind) String() string {
	switch k {
	case Set:
		return "set"
	case Delete:
		return "delete"
	case DeleteRange:
		return "delete range"
	case Note:
		return "note"
	}
	return fmt.Sprintf("write kind %d", uint8(k))
}

// Write is one change of a shard's key-value state.
type Write struct {
	Kind WriteKind
	Key  []byte
	// Value is the value of a Set or a Note, the exclusive end key of a DeleteRange, and
	// unused by a Delete.
	Value []byte
}

// Truncate moves the start of a partition.
type Truncate struct {
	// Object is the stream's id.
	Object uint64
	// Start is the partition's new start offset.
	Start int64
}

// Compact asks for the compaction of a partition (see Compaction). Replicas carry it
// out when they can.
type Compact struct {
	// Object is the stream's id.
	Object uint64
	// Before is the offset before which the partition is compacted, and
	// TombstonesBefore the timestamp, in milliseconds since the Unix epoch, before
	// which tombstones go.
	Before, TombstonesBefore int64
}

const (
	entryVersion = 1

	entryEnd             = 0
	entryItemAppend      = 1
	entryItemSet         = 2
	entryItemDelete      = 3
	entryItemDeleteRange = 4
	entryItemTruncate    = 5
	entryItemCompact     = 6
	entryItemNote        = 7
)

// AppendTo appends the encoded entry to buf and returns the extended buffer.
func (e *Entry) AppendTo(buf []byte) []byte {
	builder := EntryBuilder{buf: buf}
	builder.begin(e.BaseIndex, e.CatalogVersion, e.Time)
	for i := range e.Appends {
		builder.Append(e.Appends[i].Object, e.Appends[i].Batch)
	}
	for i := range e.Writes {
		switch w := &e.Writes[i]; w.Kind {
		case Set:
			builder.Set(w.Key, w.Value)
		case Delete:
			builder.Delete(w.Key)
		case DeleteRange:
			builder.DeleteRange(w.Key, w.Value)
		case Note:
			builder.Note(w.Key, w.Value)
		default:
			panic(fmt.Sprintf("log: entry with %v", w.Kind))
		}
	}
	for i := range e.Truncates {
		builder.Truncate(e.Truncates[i].Object, e.Truncates[i].Start)
	}
	for _, c := range e.Compacts {
		builder.Compact(c)
	}
	return builder.Finish()
}

// DecodeEntry decodes what AppendTo or an EntryBuilder encoded. The entry's
// slices alias buf. Anything else is a *CorruptionError with a position in buf;
// record batches are bounded, not verified.
func DecodeEntry(buf []byte) (Entry, error) {
	var e Entry
	if err := e.Decode(buf); err != nil {
		return Entry{}, err
	}
	return e, nil
}

// Decode is DecodeEntry into an entry whose slices are reused; what they held is
// lost. After an error the entry is in an undefined state.
func (e *Entry) Decode(buf []byte) error {
	// One walk checks and counts, so that the second fills slices of the right
	// size and cannot fail.
	reader := entryReader{buf: buf}
	if err := reader.header(e); err != nil {
		return err
	}
	counter := reader
	var appends, writes, truncates, compacts int
	for kind := byte(entryItemAppend); kind != entryEnd; {
		item, err := counter.next()
		if err != nil {
			return err
		}
		switch kind = item.kind; kind {
		case entryEnd:
		case entryItemAppend:
			appends++
		case entryItemTruncate:
			truncates++
		case entryItemCompact:
			compacts++
		default:
			writes++
		}
	}
	e.Appends = slices.Grow(e.Appends[:0], appends)
	e.Writes = slices.Grow(e.Writes[:0], writes)
	e.Truncates = slices.Grow(e.Truncates[:0], truncates)
	e.Compacts = slices.Grow(e.Compacts[:0], compacts)
	for {
		item, err := reader.next()
		if err != nil {
			return err
		}
		switch item.kind {
		case entryEnd:
			return nil
		case entryItemAppend:
			e.Appends = append(e.Appends, Append{Object: item.object, Batch: item.first})
		case entryItemTruncate:
			e.Truncates = append(e.Truncates, Truncate{Object: item.object, Start: item.start})
		case entryItemCompact:
			e.Compacts = append(e.Compacts, Compact{Object: item.object, Before: item.start, TombstonesBefore: item.time})
		default:
			e.Writes = append(e.Writes, Write{Kind: WriteKind(item.kind), Key: item.first, Value: item.second})
		}
	}
}

// entryItem is one decoded item.
type entryItem struct {
	kind          byte
	object        uint64
	start, time   int64
	first, second []byte
}

// entryReader walks an encoded entry.
type entryReader struct {
	buf []byte
	pos int
}

// header reads what stands before the items.
func (r *entryReader) header(e *Entry) error {
	version, err := r.byte("version")
	if err != nil {
		return err
	}
	if version != entryVersion {
		return corruption("", 0, "entry has version %d, this program knows %d", version, entryVersion)
	}
	if e.BaseIndex, err = r.uvarint("base index"); err != nil {
		return err
	}
	if e.CatalogVersion, err = r.uvarint("catalog version"); err != nil {
		return err
	}
	e.Time, err = r.varint("time")
	return err
}

// next reads one item; the end is an item of kind entryEnd.
func (r *entryReader) next() (item entryItem, err error) {
	if item.kind, err = r.byte("item"); err != nil {
		return item, err
	}
	switch item.kind {
	case entryEnd:
		if r.pos != len(r.buf) {
			return item, corruption("", int64(r.pos), "entry has %d bytes behind its end", len(r.buf)-r.pos)
		}
	case entryItemAppend:
		if item.object, err = r.uvarint("stream id"); err == nil {
			item.first, err = r.bytes("record batch")
		}
	case entryItemSet, entryItemDeleteRange, entryItemNote:
		if item.first, err = r.bytes("key"); err == nil {
			item.second, err = r.bytes("value")
		}
	case entryItemDelete:
		item.first, err = r.bytes("key")
	case entryItemTruncate:
		if item.object, err = r.uvarint("stream id"); err == nil {
			item.start, err = r.varint("start offset")
		}
	case entryItemCompact:
		if item.object, err = r.uvarint("stream id"); err == nil {
			item.start, err = r.varint("offset")
		}
		if err == nil {
			item.time, err = r.varint("time of tombstones")
		}
	default:
		err = corruption("", int64(r.pos-1), "entry has an item of unknown kind %d", item.kind)
	}
	return item, err
}

// byte reads one byte.
func (r *entryReader) byte(what string) (byte, error) {
	if r.pos >= len(r.buf) {
		return 0, corruption("", int64(r.pos), "entry is cut off before its %s", what)
	}
	r.pos++
	return r.buf[r.pos-1], nil
}

// uvarint reads an unsigned varint.
func (r *entryReader) uvarint(what string) (uint64, error) {
	v, n := binary.Uvarint(r.buf[r.pos:])
	if n <= 0 {
		return 0, corruption("", int64(r.pos), "entry has a malformed %s", what)
	}
	r.pos += n
	return v, nil
}

// varint reads a zigzag varint.
func (r *entryReader) varint(what string) (int64, error) {
	v, n := binary.Varint(r.buf[r.pos:])
	if n <= 0 {
		return 0, corruption("", int64(r.pos), "entry has a malformed %s", what)
	}
	r.pos += n
	return v, nil
}

// bytes reads a length-prefixed byte string.
func (r *entryReader) bytes(what string) ([]byte, error) {
	length, err := r.uvarint(what)
	if err != nil {
		return nil, err
	}
	if length > uint64(len(r.buf)-r.pos) {
		return nil, corruption("", int64(r.pos), "entry has a %s of %d bytes, %d are left", what, length, len(r.buf)-r.pos)
	}
	end := r.pos + int(length)
	b := r.buf[r.pos:end:end]
	r.pos = end
	return b, nil
}
