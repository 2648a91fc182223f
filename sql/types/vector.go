package types

import "math/bits"

// Datum is one value, for the places where there is only one: literals,
// parameters, catalogs, tests. Its type is known from where it stands. The zero
// Datum is NULL.
type Datum struct {
	// Valid is false for NULL; the other fields are then zero.
	Valid bool
	// Int, Float or Str holds the value, by the type's Physical.
	Int   int64
	Float float64
	Str   string
}

// Null is the NULL datum.
var Null = Datum{}

// IntDatum returns a datum of a type whose Physical is PhysicalInt.
func IntDatum(v int64) Datum { return Datum{Valid: true, Int: v} }

// BoolDatum returns a boolean datum.
func BoolDatum(v bool) Datum {
	if v {
		return IntDatum(1)
	}
	return IntDatum(0)
}

// FloatDatum returns a datum of a type whose Physical is PhysicalFloat.
func FloatDatum(v float64) Datum { return Datum{Valid: true, Float: v} }

// StringDatum returns a datum of a type whose Physical is PhysicalString.
func StringDatum(v string) Datum { return Datum{Valid: true, Str: v} }

// Bitmap is a set of row numbers; a nil Bitmap is empty.
type Bitmap []uint64

// Get reports whether row i is in the set. Rows past the bitmap's end are not.
func (b Bitmap) Get(i int) bool {
	w := i >> 6
	return w < len(b) && b[w]&(1<<(uint(i)&63)) != 0
}

// Set puts row i into the set and returns the set, grown where needed.
func (b Bitmap) Set(i int) Bitmap {
	w := i >> 6
	for len(b) <= w {
		b = append(b, 0)
	}
	b[w] |= 1 << (uint(i) & 63)
	return b
}

// Clear takes row i out of the set.
func (b Bitmap) Clear(i int) {
	if w := i >> 6; w < len(b) {
		b[w] &^= 1 << (uint(i) & 63)
	}
}

// Count returns how many rows are in the set.
func (b Bitmap) Count() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// Any reports whether the set has a member.
func (b Bitmap) Any() bool {
	for _, w := range b {
		if w != 0 {
			return true
		}
	}
	return false
}

// Vector is one column of a batch: values of one type, one slice in use by the
// type's Physical.
//
// Invariants: the slice in use has the batch's length; the slot of a NULL has
// the zero value. Strings may point into memory shared with other vectors; they
// are immutable, so sharing is always safe.
type Vector struct {
	Type   Type
	Nulls  Bitmap
	Ints   []int64
	Floats []float64
	Strs   []string
}

// NewVector returns a vector of n zero values.
func NewVector(t Type, n int) Vector {
	v := Vector{Type: t}
	v.Resize(n)
	return v
}

// Len returns the number of values.
func (v *Vector) Len() int {
	switch v.Type.Physical() {
	case PhysicalInt:
		return len(v.Ints)
	case PhysicalFloat:
		return len(v.Floats)
	default:
		return len(v.Strs)
	}
}

// Resize makes the vector n values long, all zero and not NULL, keeping the
// memory it has where that suffices.
func (v *Vector) Resize(n int) {
	switch v.Type.Physical() {
	case PhysicalInt:
		v.Ints = zeroed(v.Ints, n)
	case PhysicalFloat:
		v.Floats = zeroed(v.Floats, n)
	default:
		v.Strs = zeroed(v.Strs, n)
	}
	v.Nulls = v.Nulls[:0]
}

func zeroed[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// Reset empties the vector and sets its type, keeping its memory for the next
// appends. The strings it held are let go.
func (v *Vector) Reset(t Type) {
	v.Type = t
	v.Nulls = v.Nulls[:0]
	v.Ints = v.Ints[:0]
	v.Floats = v.Floats[:0]
	clear(v.Strs)
	v.Strs = v.Strs[:0]
}

// Truncate drops the values from n on.
func (v *Vector) Truncate(n int) {
	length := v.Len()
	if n >= length {
		return
	}
	for i := n; i < length && len(v.Nulls) > 0; i++ {
		v.Nulls.Clear(i)
	}
	switch v.Type.Physical() {
	case PhysicalInt:
		v.Ints = v.Ints[:n]
	case PhysicalFloat:
		v.Floats = v.Floats[:n]
	default:
		clear(v.Strs[n:])
		v.Strs = v.Strs[:n]
	}
}

// IsNull reports whether value i is NULL.
func (v *Vector) IsNull(i int) bool { return v.Nulls.Get(i) }

// SetNull makes value i NULL. Its slot must hold, or be set to, the zero value.
func (v *Vector) SetNull(i int) { v.Nulls = v.Nulls.Set(i) }

// HasNulls reports whether any value is NULL.
func (v *Vector) HasNulls() bool { return v.Nulls.Any() }

// Datum returns value i.
func (v *Vector) Datum(i int) Datum {
	if v.IsNull(i) {
		return Null
	}
	switch v.Type.Physical() {
	case PhysicalInt:
		return IntDatum(v.Ints[i])
	case PhysicalFloat:
		return FloatDatum(v.Floats[i])
	default:
		return StringDatum(v.Strs[i])
	}
}

// Set stores d as value i of an already sized vector.
func (v *Vector) Set(i int, d Datum) {
	switch v.Type.Physical() {
	case PhysicalInt:
		v.Ints[i] = d.Int
	case PhysicalFloat:
		v.Floats[i] = d.Float
	default:
		v.Strs[i] = d.Str
	}
	if d.Valid {
		v.Nulls.Clear(i)
	} else {
		v.SetNull(i)
	}
}

// Append adds d at the end.
func (v *Vector) Append(d Datum) {
	var i int
	switch v.Type.Physical() {
	case PhysicalInt:
		i = len(v.Ints)
		v.Ints = append(v.Ints, d.Int)
	case PhysicalFloat:
		i = len(v.Floats)
		v.Floats = append(v.Floats, d.Float)
	default:
		i = len(v.Strs)
		v.Strs = append(v.Strs, d.Str)
	}
	if !d.Valid {
		v.SetNull(i)
	}
}

// AppendFrom adds value i of another vector of the same physical kind.
func (v *Vector) AppendFrom(o *Vector, i int) {
	switch v.Type.Physical() {
	case PhysicalInt:
		v.Ints = append(v.Ints, o.Ints[i])
	case PhysicalFloat:
		v.Floats = append(v.Floats, o.Floats[i])
	default:
		v.Strs = append(v.Strs, o.Strs[i])
	}
	if o.IsNull(i) {
		v.SetNull(v.Len() - 1)
	}
}

// AppendRows adds the rows of o named in selection, in that order.
func (v *Vector) AppendRows(o *Vector, selection []int32) {
	start := v.Len()
	switch v.Type.Physical() {
	case PhysicalInt:
		for _, i := range selection {
			v.Ints = append(v.Ints, o.Ints[i])
		}
	case PhysicalFloat:
		for _, i := range selection {
			v.Floats = append(v.Floats, o.Floats[i])
		}
	default:
		for _, i := range selection {
			v.Strs = append(v.Strs, o.Strs[i])
		}
	}
	if o.HasNulls() {
		for n, i := range selection {
			if o.IsNull(int(i)) {
				v.SetNull(start + n)
			}
		}
	}
}

// AppendAll adds every row of o.
func (v *Vector) AppendAll(o *Vector) {
	start, n := v.Len(), o.Len()
	switch v.Type.Physical() {
	case PhysicalInt:
		v.Ints = append(v.Ints, o.Ints...)
	case PhysicalFloat:
		v.Floats = append(v.Floats, o.Floats...)
	default:
		v.Strs = append(v.Strs, o.Strs...)
	}
	if o.HasNulls() {
		for i := range n {
			if o.IsNull(i) {
				v.SetNull(start + i)
			}
		}
	}
}
