package types

import (
	"encoding/binary"
	"math"

	"millrace/sql/sqlerr"
)

// The batch encoding holds a whole batch column by column, for rows on their
// way between stages:
//
//	version (1) │ flags │ varint rows │ varint columns │ zig-zag partition
//	weights, if flag 1: zig-zag varints
//	rowtimes, if flag 2, offsets, if flag 4: zig-zag varints of differences
//	per column: 1 if it has NULLs, else 0 │ null bitmap of whole bytes, if any,
//	  low bit first │ values, zero where NULL
//
//	integers, boolean, date, time, OIDs   zig-zag varints
//	timestamps                            zig-zag varints of differences
//	floating point                        8 bytes little-endian each
//	all else                              varint lengths │ all bytes
const (
	batchVersion = 1

	batchHasWeights  = 1
	batchHasRowtimes = 2
	batchHasOffsets  = 4
	batchFlags       = batchHasWeights | batchHasRowtimes | batchHasOffsets
)

func corruptBatchError() error {
	return sqlerr.New(sqlerr.DataCorrupted, -1, "batch has an invalid encoding")
}

// AppendBatch appends b with its weights, rowtimes, offsets and partition.
func AppendBatch(buf []byte, b *Batch) []byte {
	flags := byte(0)
	if b.Weights != nil {
		flags |= batchHasWeights
	}
	if b.Rowtimes != nil {
		flags |= batchHasRowtimes
	}
	if b.Offsets != nil {
		flags |= batchHasOffsets
	}
	buf = append(buf, batchVersion, flags)
	buf = appendUvarint(buf, uint64(b.Len))
	buf = appendUvarint(buf, uint64(len(b.Columns)))
	buf = appendUvarint(buf, zigZag(int64(b.Partition)))
	if b.Weights != nil {
		buf = appendVarints(buf, b.Weights)
	}
	if b.Rowtimes != nil {
		buf = appendDifferences(buf, b.Rowtimes)
	}
	if b.Offsets != nil {
		buf = appendDifferences(buf, b.Offsets)
	}
	for i := range b.Columns {
		buf = appendColumn(buf, &b.Columns[i], b.Len)
	}
	return buf
}

func appendVarints(buf []byte, values []int64) []byte {
	for _, v := range values {
		buf = appendUvarint(buf, zigZag(v))
	}
	return buf
}

// appendDifferences appends each value less the one before; differences wrap.
func appendDifferences(buf []byte, values []int64) []byte {
	before := int64(0)
	for _, v := range values {
		buf = appendUvarint(buf, zigZag(v-before))
		before = v
	}
	return buf
}

func appendColumn(buf []byte, v *Vector, rows int) []byte {
	if v.HasNulls() {
		buf = append(buf, 1)
		for i := range (rows + 7) / 8 {
			word := uint64(0)
			if i/8 < len(v.Nulls) {
				word = v.Nulls[i/8]
			}
			buf = append(buf, byte(word>>(8*(i%8))))
		}
	} else {
		buf = append(buf, 0)
	}
	switch rowFormOf(v.Type) {
	case rowVarint:
		return appendVarints(buf, v.Ints)
	case rowFixed:
		return appendDifferences(buf, v.Ints)
	case rowFloat:
		for _, f := range v.Floats {
			buf = binary.LittleEndian.AppendUint64(buf, math.Float64bits(f))
		}
		return buf
	default:
		for _, s := range v.Strs {
			buf = appendUvarint(buf, uint64(len(s)))
		}
		for _, s := range v.Strs {
			buf = append(buf, s...)
		}
		return buf
	}
}

// DecodeBatch decodes a batch of the given columns. Its strings alias data,
// which must never change afterwards. Bytes that are no such batch are an error
// (XX001).
func DecodeBatch(data []byte, columns []Type) (*Batch, error) {
	b, complete, err := decodeColumns(data, columns)
	if err == nil && (!complete || len(b.Columns) != len(columns)) {
		return nil, corruptBatchError()
	}
	return b, err
}

// DecodeFirstColumns is DecodeBatch for a batch that may have fewer columns than those
// given, or more: these are passed over.
func DecodeFirstColumns(data []byte, columns []Type) (*Batch, error) {
	b, _, err := decodeColumns(data, columns)
	return b, err
}

// BatchSize returns how many rows and columns an encoded batch has; zero when the bytes
// are none.
func BatchSize(data []byte) (rows, columns int) {
	r := reader{data: aliasString(data)}
	r.bytes(2)
	if rows, columns = r.length(math.MaxInt32), r.length(math.MaxInt32); r.failed {
		return 0, 0
	}
	return rows, columns
}

// decodeColumns decodes the columns that a batch has of those given; complete says that
// there are no others.
func decodeColumns(data []byte, columns []Type) (b *Batch, complete bool, err error) {
	r := reader{data: aliasString(data)}
	header := r.bytes(2)
	if r.failed || header[0] != batchVersion || header[1]&^batchFlags != 0 {
		return nil, false, corruptBatchError()
	}
	flags := header[1]
	// Each value of each column takes at least a byte, so a batch that is no
	// longer than it says cannot make us reserve more than its own size.
	rows := r.length(math.MaxInt32)
	count := r.length(math.MaxInt32)
	partition := r.varint()
	if r.failed || (count > 0 && rows > len(r.data)) || partition != int64(int32(partition)) {
		return nil, false, corruptBatchError()
	}
	b = NewBatch(columns[:min(count, len(columns))])
	b.Len, b.Partition = rows, int32(partition)
	if flags&batchHasWeights != 0 {
		b.Weights = r.varints(rows)
	}
	if flags&batchHasRowtimes != 0 {
		b.Rowtimes = r.differences(rows)
	}
	if flags&batchHasOffsets != 0 {
		b.Offsets = r.differences(rows)
	}
	for i := range b.Columns {
		r.column(&b.Columns[i], rows)
	}
	complete = count == len(b.Columns)
	if r.failed || complete && r.finish() != nil {
		return nil, false, corruptBatchError()
	}
	return b, complete, nil
}

// varints reads so many zig-zag varints; nil when there are fewer bytes.
func (r *reader) varints(n int) []int64 {
	if n > len(r.data) {
		r.fail()
		return nil
	}
	values := make([]int64, n)
	for i := range values {
		values[i] = r.varint()
	}
	return values
}

func (r *reader) differences(n int) []int64 {
	values := r.varints(n)
	for i := 1; i < len(values); i++ {
		values[i] += values[i-1]
	}
	return values
}

// column reads the values of one column into an empty vector.
func (r *reader) column(v *Vector, rows int) {
	nulls := ""
	switch r.bytes(1) {
	case "\x00":
	case "\x01":
		nulls = r.bytes((rows + 7) / 8)
	default:
		r.fail()
	}
	switch rowFormOf(v.Type) {
	case rowVarint:
		v.Ints = r.varints(rows)
	case rowFixed:
		v.Ints = r.differences(rows)
	case rowFloat:
		v.Floats = r.floats(rows)
	default:
		v.Strs = r.strings(rows)
	}
	if r.failed || nulls == "" {
		return
	}
	v.Nulls = make(Bitmap, (rows+63)/64)
	for i := range len(nulls) {
		v.Nulls[i/8] |= uint64(nulls[i]) << (8 * (i % 8))
	}
	if rows%64 != 0 && v.Nulls[rows/64]>>(rows%64) != 0 {
		r.fail()
	}
}

func (r *reader) floats(n int) []float64 {
	if n > len(r.data)/8 {
		r.fail()
		return nil
	}
	values := make([]float64, n)
	for i := range values {
		values[i] = math.Float64frombits(stringUint64(r.data[8*i:]))
	}
	r.data = r.data[8*n:]
	return values
}

func (r *reader) strings(n int) []string {
	if n > len(r.data) {
		r.fail()
		return nil
	}
	lengths := reader{data: r.data}
	for range n {
		lengths.uvarint()
	}
	if lengths.failed {
		r.fail()
		return nil
	}
	values := make([]string, n)
	for i := range values {
		length := r.uvarint()
		if length > uint64(len(lengths.data)) {
			r.fail()
			return nil
		}
		values[i] = lengths.data[:length]
		lengths.data = lengths.data[length:]
	}
	r.data = lengths.data
	return values
}
