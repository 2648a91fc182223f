package types

import (
	"math"
)

// rowReader walks over the values of an encoded row.
type rowReader struct {
	data   string // what is left
	nulls  string // the bitmap, empty when no value is NULL
	stored int    // how many columns the row has
}

// newRowReader reads the header; ok is false when there is none.
func newRowReader(data string) (r rowReader, ok bool) {
	header, n := stringUvarint(data)
	if n <= 0 || header&rowFormatMask != 0 || header>>rowColumnShift > math.MaxInt32 {
		return r, false
	}
	r.stored = int(header >> rowColumnShift)
	r.data = data[n:]
	if header&rowHasNulls != 0 {
		size := (r.stored + 7) / 8
		if size > len(r.data) {
			return r, false
		}
		r.nulls, r.data = r.data[:size], r.data[size:]
	}
	return r, true
}

// isNull reports whether column i has no value in the row: it is NULL, or the row
// lacks it.
func (r *rowReader) isNull(i int) bool {
	return i >= r.stored || (r.nulls != "" && r.nulls[i/8]&(1<<(i%8)) != 0)
}

func (r *rowReader) varint() (int64, bool) {
	// One byte is the common case.
	if len(r.data) > 0 && r.data[0] < 0x80 {
		v := unZigZag(uint64(r.data[0]))
		r.data = r.data[1:]
		return v, true
	}
	u, n := stringUvarint(r.data)
	if n <= 0 {
		return 0, false
	}
	r.data = r.data[n:]
	return unZigZag(u), true
}

func (r *rowReader) fixed() (uint64, bool) {
	if len(r.data) < 8 {
		return 0, false
	}
	u := stringUint64(r.data)
	r.data = r.data[8:]
	return u, true
}

func (r *rowReader) str() (string, bool) {
	if len(r.data) > 0 && r.data[0] < 0x80 {
		end := int(r.data[0]) + 1
		if end > len(r.data) {
			return "", false
		}
		s := r.data[1:end]
		r.data = r.data[end:]
		return s, true
	}
	u, n := stringUvarint(r.data)
	if n <= 0 || u > uint64(len(r.data)-n) {
		return "", false
	}
	s := r.data[n : n+int(u)]
	r.data = r.data[n+int(u):]
	return s, true
}

// skip steps over a value that is not NULL.
func (r *rowReader) skip(form rowForm) bool {
	var ok bool
	switch form {
	case rowVarint:
		_, ok = r.varint()
	case rowFixed, rowFloat:
		_, ok = r.fixed()
	default:
		_, ok = r.str()
	}
	return ok
}

// appendTo appends the next value to v.
func (r *rowReader) appendTo(v *Vector, form rowForm, null bool) bool {
	switch form {
	case rowVarint:
		n, ok := int64(0), true
		if !null {
			n, ok = r.varint()
		}
		v.Ints = append(v.Ints, n)
		if null {
			v.SetNull(len(v.Ints) - 1)
		}
		return ok
	case rowFixed:
		n, ok := uint64(0), true
		if !null {
			n, ok = r.fixed()
		}
		v.Ints = append(v.Ints, int64(n))
		if null {
			v.SetNull(len(v.Ints) - 1)
		}
		return ok
	case rowFloat:
		n, ok := uint64(0), true
		if !null {
			n, ok = r.fixed()
		}
		v.Floats = append(v.Floats, math.Float64frombits(n))
		if null {
			v.SetNull(len(v.Floats) - 1)
		}
		return ok
	default:
		s, ok := "", true
		if !null {
			s, ok = r.str()
		}
		v.Strs = append(v.Strs, s)
		if null {
			v.SetNull(len(v.Strs) - 1)
		}
		return ok
	}
}

// DecodeInto appends an encoded row to a batch of the codec's columns. Strings
// in the batch alias data, which must never change afterwards. Where the batch
// has weights the row gets +1; rowtime and offset are left to the caller. On an
// error (XX001) the batch is as before.
func (c *RowCodec) DecodeInto(data []byte, b *Batch) error {
	return c.decodeInto(aliasString(data), b)
}

// DecodeIntoCopy is DecodeInto for data that may change afterwards: the row's
// strings share one copy of it.
func (c *RowCodec) DecodeIntoCopy(data []byte, b *Batch) error {
	return c.decodeInto(string(data), b)
}

func (c *RowCodec) decodeInto(data string, b *Batch) error {
	r, ok := newRowReader(data)
	if !ok {
		return corruptRowError()
	}
	if r.nulls == "" && r.stored == len(c.forms) {
		ok = c.appendDense(&r, b)
	} else {
		for i, form := range c.forms {
			if i >= r.stored && c.missing != nil {
				b.Columns[i].Append(c.missing[i])
				continue
			}
			ok = ok && r.appendTo(&b.Columns[i], form, r.isNull(i))
		}
	}
	if !ok {
		truncateColumns(b)
		return corruptRowError()
	}
	if len(r.data) > 0 && r.stored <= len(c.forms) {
		truncateColumns(b)
		return corruptRowError()
	}
	if b.Weights != nil {
		b.Weights = append(b.Weights, 1)
	}
	b.Len++
	return nil
}

// appendDense appends the values of a row without NULLs, the common case.
func (c *RowCodec) appendDense(r *rowReader, b *Batch) bool {
	data := r.data
	columns := b.Columns[:len(c.forms)]
	for i, form := range c.forms {
		v := &columns[i]
		switch form {
		case rowFixed:
			if len(data) < 8 {
				return false
			}
			v.Ints = append(v.Ints, int64(stringUint64(data)))
			data = data[8:]
			continue
		case rowFloat:
			if len(data) < 8 {
				return false
			}
			v.Floats = append(v.Floats, math.Float64frombits(stringUint64(data)))
			data = data[8:]
			continue
		}
		if len(data) == 0 {
			return false
		}
		u, n := uint64(data[0]), 1
		if u >= 0x80 {
			if u, n = stringUvarint(data); n <= 0 {
				return false
			}
		}
		data = data[n:]
		if form == rowVarint {
			v.Ints = append(v.Ints, unZigZag(u))
			continue
		}
		if u > uint64(len(data)) {
			return false
		}
		v.Strs = append(v.Strs, data[:u])
		data = data[u:]
	}
	r.data = data
	return true
}

// truncateColumns takes back what was appended to the columns beyond b.Len.
func truncateColumns(b *Batch) {
	for i := range b.Columns {
		b.Columns[i].Truncate(b.Len)
	}
}

// DecodeColumns appends the named columns of an encoded row to the columns of
// b, one each in the same order; the others are stepped over. columns must
// ascend. All else is as in DecodeInto.
func (c *RowCodec) DecodeColumns(data []byte, columns []int, b *Batch) error {
	r, ok := newRowReader(aliasString(data))
	if !ok {
		return corruptRowError()
	}
	at := 0
	for n, column := range columns {
		for ; at < column; at++ {
			if !r.isNull(at) && !r.skip(c.forms[at]) {
				truncateColumns(b)
				return corruptRowError()
			}
		}
		if at >= r.stored && c.missing != nil {
			b.Columns[n].Append(c.missing[at])
			at++
			continue
		}
		if !r.appendTo(&b.Columns[n], c.forms[at], r.isNull(at)) {
			truncateColumns(b)
			return corruptRowError()
		}
		at++
	}
	if b.Weights != nil {
		b.Weights = append(b.Weights, 1)
	}
	b.Len++
	return nil
}

// DecodeDatums appends an encoded row's values to buf, one per column of the
// codec. Strings alias data, which must never change afterwards.
func (c *RowCodec) DecodeDatums(data []byte, buf []Datum) ([]Datum, error) {
	r, ok := newRowReader(aliasString(data))
	if !ok {
		return buf, corruptRowError()
	}
	for i, form := range c.forms {
		d := Null
		if i >= r.stored && c.missing != nil {
			d = c.missing[i]
		}
		if !r.isNull(i) {
			var u uint64
			switch form {
			case rowVarint:
				d.Int, d.Valid = r.varint()
			case rowFixed:
				u, d.Valid = r.fixed()
				d.Int = int64(u)
			case rowFloat:
				u, d.Valid = r.fixed()
				d.Float = math.Float64frombits(u)
			default:
				d.Str, d.Valid = r.str()
			}
			if !d.Valid {
				return buf, corruptRowError()
			}
		}
		buf = append(buf, d)
	}
	if len(r.data) > 0 && r.stored <= len(c.forms) {
		return buf, corruptRowError()
	}
	return buf, nil
}
