package types

import (
	"encoding/binary"
	"math"

	"millrace/sql/sqlerr"
)

// The row encoding is compact and says how many columns it has, so that a row
// written before a column was added reads as the column's missing value there,
// which is NULL unless the codec was given another:
//
//	varint columns << 2 | has nulls │ null bitmap, if any: whole bytes, low bit
//	first, 1 for NULL │ the values that are not NULL, in order
//
//	integers, boolean, date, time, OIDs   zig-zag varint
//	timestamps, time with time zone       8 bytes little-endian
//	floating point                        8 bytes little-endian
//	all else                              varint length │ bytes
//
// Bit 1 of the header is 0; another value is a later format.
const (
	rowHasNulls    = 1
	rowFormatMask  = 2
	rowColumnShift = 2
)

// rowForm is how a column's values lie in a row.
type rowForm uint8

const (
	rowVarint rowForm = iota
	rowFixed
	rowFloat
	rowString
)

func rowFormOf(t Type) rowForm {
	switch {
	case t.Kind == KindTimestamp || t.Kind == KindTimestampTZ || t.Kind == KindTimeTZ:
		return rowFixed
	case t.Physical() == PhysicalInt:
		return rowVarint
	case t.Physical() == PhysicalFloat:
		return rowFloat
	default:
		return rowString
	}
}

// RowCodec encodes and decodes rows of certain column types. It is immutable
// and safe for concurrent use.
type RowCodec struct {
	forms []rowForm
	// missing holds the values of columns that a row lacks; nil for NULLs.
	missing []Datum
}

// NewRowCodec returns the codec for rows of the given columns.
func NewRowCodec(columns []Type) *RowCodec {
	c := &RowCodec{forms: make([]rowForm, len(columns))}
	for i, t := range columns {
		c.forms[i] = rowFormOf(t)
	}
	return c
}

// WithMissing returns the codec for rows that may lack their last columns: such a
// column reads as its value in missing, which has one for each column, NULL where
// it is not valid. The values must never change.
func (c *RowCodec) WithMissing(missing []Datum) *RowCodec {
	return &RowCodec{forms: c.forms, missing: missing}
}

// Short reports whether an encoded row lacks columns of the codec.
func (c *RowCodec) Short(data []byte) bool {
	r, ok := newRowReader(aliasString(data))
	return ok && r.stored < len(c.forms)
}

func corruptRowError() error {
	return sqlerr.New(sqlerr.DataCorrupted, -1, "row has an invalid encoding")
}

// AppendRow appends row i of a batch, which has the codec's columns; weight,
// rowtime and offset are not part of it.
func (c *RowCodec) AppendRow(buf []byte, b *Batch, row int) []byte {
	nulls := false
	for i := range c.forms {
		if v := &b.Columns[i]; len(v.Nulls) > 0 && v.Nulls.Get(row) {
			nulls = true
			break
		}
	}
	buf, bitmap := c.appendHeader(buf, nulls)
	for i, form := range c.forms {
		v := &b.Columns[i]
		if nulls && v.IsNull(row) {
			buf[bitmap+i/8] |= 1 << (i % 8)
			continue
		}
		switch form {
		case rowVarint:
			buf = appendUvarint(buf, zigZag(v.Ints[row]))
		case rowFixed:
			buf = binary.LittleEndian.AppendUint64(buf, uint64(v.Ints[row]))
		case rowFloat:
			buf = binary.LittleEndian.AppendUint64(buf, math.Float64bits(v.Floats[row]))
		default:
			s := v.Strs[row]
			buf = appendUvarint(buf, uint64(len(s)))
			buf = append(buf, s...)
		}
	}
	return buf
}

// appendHeader appends the header and, with nulls, an empty bitmap, which
// begins at the returned place.
func (c *RowCodec) appendHeader(buf []byte, nulls bool) (_ []byte, bitmap int) {
	header := uint64(len(c.forms)) << rowColumnShift
	if !nulls {
		return appendUvarint(buf, header), 0
	}
	buf = appendUvarint(buf, header|rowHasNulls)
	bitmap = len(buf)
	for range (len(c.forms) + 7) / 8 {
		buf = append(buf, 0)
	}
	return buf, bitmap
}

// AppendDatums appends a row given as datums, one per column of the codec.
func (c *RowCodec) AppendDatums(buf []byte, row []Datum) []byte {
	nulls := false
	for i := range c.forms {
		nulls = nulls || !row[i].Valid
	}
	buf, bitmap := c.appendHeader(buf, nulls)
	for i, form := range c.forms {
		d := &row[i]
		if !d.Valid {
			buf[bitmap+i/8] |= 1 << (i % 8)
			continue
		}
		switch form {
		case rowVarint:
			buf = appendUvarint(buf, zigZag(d.Int))
		case rowFixed:
			buf = binary.LittleEndian.AppendUint64(buf, uint64(d.Int))
		case rowFloat:
			buf = binary.LittleEndian.AppendUint64(buf, math.Float64bits(d.Float))
		default:
			buf = appendUvarint(buf, uint64(len(d.Str)))
			buf = append(buf, d.Str...)
		}
	}
	return buf
}
