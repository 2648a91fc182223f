package types

import (
	"encoding/binary"
	"math"
	"slices"

	"millrace/sql/sqlerr"
)

// Array is an array in memory. An empty array has no dimensions.
type Array struct {
	// Dims holds the length of each dimension, the outermost first.
	Dims []int32
	// LowerBounds holds the first subscript of each dimension; nil means 1
	// for all.
	LowerBounds []int32
	// Elems holds the elements in row-major order.
	Elems []Datum
}

// LowerBound returns the first subscript of dimension i.
func (a *Array) LowerBound(i int) int32 {
	if a.LowerBounds == nil {
		return 1
	}
	return a.LowerBounds[i]
}

// NewArray returns an array of one dimension, or an empty one.
func NewArray(elems []Datum) Array {
	if len(elems) == 0 {
		return Array{}
	}
	return Array{Dims: []int32{int32(len(elems))}, Elems: elems}
}

// maxDimensions is PostgreSQL's limit on the dimensions of an array.
const maxDimensions = 6

// Arrays, structs and maps are kept as
//
//	array   varint dimensions │ per dimension: varint length, zig-zag varint
//	        lower bound │ values
//	struct  values of the fields
//	map     varint entries │ per entry, keys ascending: key, value
//
// where values are a null bitmap of whole bytes, low bit first, 1 for NULL, and
// then those that are not NULL: integers as zig-zag varints, floats as 8 bytes
// little-endian, all else as varint length and bytes.

// EncodeArray returns a in the form that datums and vectors hold.
func EncodeArray(elem Type, a Array) string {
	buf := appendUvarint(make([]byte, 0, 8+8*len(a.Elems)), uint64(len(a.Dims)))
	for i, length := range a.Dims {
		buf = appendUvarint(buf, uint64(length))
		buf = appendUvarint(buf, zigZag(int64(a.LowerBound(i))))
	}
	buf = appendNullBitmap(buf, len(a.Elems), func(i int) bool { return !a.Elems[i].Valid })
	for _, d := range a.Elems {
		buf = appendValue(buf, elem, d)
	}
	return aliasString(buf)
}

// DecodeArray is the inverse of EncodeArray. Strings in the result alias s.
func DecodeArray(elem Type, s string) (Array, error) {
	r := reader{data: s}
	dimensions := r.length(maxDimensions)
	if dimensions == 0 {
		return Array{}, r.finish()
	}
	a := Array{Dims: make([]int32, dimensions), LowerBounds: make([]int32, dimensions)}
	count, regular := 1, true
	for i := range a.Dims {
		a.Dims[i] = int32(r.length(math.MaxInt32))
		a.LowerBounds[i] = int32(r.varint())
		regular = regular && a.LowerBounds[i] == 1
		if a.Dims[i] == 0 || count > 8*len(s)/int(a.Dims[i]) {
			return Array{}, corruptValueError()
		}
		count *= int(a.Dims[i])
	}
	if regular {
		a.LowerBounds = nil
	}
	a.Elems = make([]Datum, count)
	nulls := r.bytes((count + 7) / 8)
	for i := range a.Elems {
		if !bitmapGet(nulls, i) {
			a.Elems[i] = r.value(elem)
		}
	}
	return a, r.finish()
}

// EncodeStruct returns the fields of a struct in the form that datums and
// vectors hold.
func EncodeStruct(t Type, fields []Datum) string {
	buf := appendNullBitmap(nil, len(fields), func(i int) bool { return !fields[i].Valid })
	for i, d := range fields {
		buf = appendValue(buf, t.Fields[i].Type, d)
	}
	return aliasString(buf)
}

// DecodeStruct is the inverse of EncodeStruct: one datum per field of t.
// Strings in the result alias s.
func DecodeStruct(t Type, s string) ([]Datum, error) {
	r := reader{data: s}
	fields := make([]Datum, len(t.Fields))
	nulls := r.bytes((len(fields) + 7) / 8)
	for i := range fields {
		if !bitmapGet(nulls, i) {
			fields[i] = r.value(t.Fields[i].Type)
		}
	}
	return fields, r.finish()
}

// MapEntry is one entry of a map.
type MapEntry struct {
	// Key is never NULL.
	Key   Datum
	Value Datum
}

// EncodeMap returns a map in the form that datums and vectors hold. The entries
// are put in the order of keys; of equal keys the last counts.
func EncodeMap(t Type, entries []MapEntry) string {
	entries = sortedEntries(*t.Key, entries)
	buf := appendUvarint(nil, uint64(len(entries)))
	buf = appendNullBitmap(buf, len(entries), func(i int) bool { return !entries[i].Value.Valid })
	for _, entry := range entries {
		buf = appendValue(buf, *t.Key, entry.Key)
		buf = appendValue(buf, *t.Elem, entry.Value)
	}
	return aliasString(buf)
}

// sortedEntries returns the entries in the order of keys without duplicates.
func sortedEntries(key Type, entries []MapEntry) []MapEntry {
	sorted := slices.Clone(entries)
	slices.SortStableFunc(sorted, func(a, b MapEntry) int { return Compare(key, a.Key, b.Key) })
	out := sorted[:0]
	for i, entry := range sorted {
		if i+1 < len(sorted) && Compare(key, entry.Key, sorted[i+1].Key) == 0 {
			continue
		}
		out = append(out, entry)
	}
	return out
}

// DecodeMap is the inverse of EncodeMap: the entries in the order of keys.
// Strings in the result alias s.
func DecodeMap(t Type, s string) ([]MapEntry, error) {
	r := reader{data: s}
	// An entry takes at least one byte.
	entries := make([]MapEntry, r.length(len(s)))
	nulls := r.bytes((len(entries) + 7) / 8)
	for i := range entries {
		entries[i].Key = r.value(*t.Key)
		if !bitmapGet(nulls, i) {
			entries[i].Value = r.value(*t.Elem)
		}
	}
	return entries, r.finish()
}

func corruptValueError() error {
	return sqlerr.New(sqlerr.DataCorrupted, -1, "value has an invalid encoding")
}

// appendNullBitmap appends n bits, 1 where isNull says so.
func appendNullBitmap(buf []byte, n int, isNull func(int) bool) []byte {
	start := len(buf)
	buf = append(buf, make([]byte, (n+7)/8)...)
	for i := range n {
		if isNull(i) {
			buf[start+i/8] |= 1 << (i % 8)
		}
	}
	return buf
}

func bitmapGet(bitmap string, i int) bool {
	return i/8 < len(bitmap) && bitmap[i/8]&(1<<(i%8)) != 0
}

// appendValue appends a value of an array, struct or map; NULL is nothing.
func appendValue(buf []byte, t Type, d Datum) []byte {
	if !d.Valid {
		return buf
	}
	switch t.Physical() {
	case PhysicalInt:
		return appendUvarint(buf, zigZag(d.Int))
	case PhysicalFloat:
		return binary.LittleEndian.AppendUint64(buf, math.Float64bits(d.Float))
	default:
		buf = appendUvarint(buf, uint64(len(d.Str)))
		return append(buf, d.Str...)
	}
}

// reader reads an encoding piece by piece. After the first piece that is not
// there it yields zero values, and finish returns the error.
type reader struct {
	data   string
	failed bool
}

// finish returns an error when a piece was missing or bytes are left.
func (r *reader) finish() error {
	if r.failed || r.data != "" {
		return corruptValueError()
	}
	return nil
}

func (r *reader) uvarint() uint64 {
	if len(r.data) > 0 && r.data[0] < 0x80 {
		v := uint64(r.data[0])
		r.data = r.data[1:]
		return v
	}
	v, n := stringUvarint(r.data)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *reader) varint() int64 { return unZigZag(r.uvarint()) }

// length reads a count that is at most limit.
func (r *reader) length(limit int) int {
	v := r.uvarint()
	if v > uint64(limit) {
		r.fail()
		return 0
	}
	return int(v)
}

func (r *reader) bytes(n int) string {
	if n > len(r.data) {
		r.fail()
		return ""
	}
	out := r.data[:n]
	r.data = r.data[n:]
	return out
}

func (r *reader) fail() {
	r.failed = true
	r.data = ""
}

// value reads a value that is not NULL.
func (r *reader) value(t Type) Datum {
	switch t.Physical() {
	case PhysicalInt:
		return IntDatum(r.varint())
	case PhysicalFloat:
		b := r.bytes(8)
		if r.failed {
			return Null
		}
		return FloatDatum(math.Float64frombits(stringUint64(b)))
	default:
		return StringDatum(r.bytes(r.length(len(r.data))))
	}
}
