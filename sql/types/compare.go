package types

import (
	"cmp"
	"strings"
)

// Compare orders two values of type t, neither NULL, as PostgreSQL's btree
// does under collation C: -1, 0 or 1. NaN is above all numbers and equals
// itself, -0 equals 0, char(n) ignores blanks at the end, an interval's month
// counts as 30 days.
func Compare(t Type, a, b Datum) int {
	switch t.Physical() {
	case PhysicalInt:
		return compareInt64(a.Int, b.Int)
	case PhysicalFloat:
		return compareFloat(a.Float, b.Float)
	default:
		return compareString(&t, a.Str, b.Str)
	}
}

// Equal reports whether two values of type t, neither NULL, are equal by
// Compare.
func Equal(t Type, a, b Datum) bool { return Compare(t, a, b) == 0 }

// CompareVectors orders value i of a and value j of b, of the same type and
// neither NULL, as Compare does. It does not allocate for types other than
// jsonb, arrays, structs and maps.
func CompareVectors(a *Vector, i int, b *Vector, j int) int {
	switch a.Type.Physical() {
	case PhysicalInt:
		return compareInt64(a.Ints[i], b.Ints[j])
	case PhysicalFloat:
		return compareFloat(a.Floats[i], b.Floats[j])
	default:
		return compareString(&a.Type, a.Strs[i], b.Strs[j])
	}
}

// compareFloat orders floating point with NaN last.
func compareFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	case a == b:
		return 0
	case a == a:
		return -1
	case b == b:
		return 1
	default:
		return 0
	}
}

func compareString(t *Type, a, b string) int {
	switch t.Kind {
	case KindNumeric:
		return NumericCompare(a, b)
	case KindInterval:
		return DecodeInterval(a).Compare(DecodeInterval(b))
	case KindBpchar:
		return strings.Compare(trimBlanks(a), trimBlanks(b))
	case KindJSONB:
		return CompareJSONB(a, b)
	case KindArray:
		return compareArrays(*t.Elem, a, b)
	case KindStruct:
		return compareStructs(*t, a, b)
	case KindMap:
		return compareMaps(*t, a, b)
	default:
		return strings.Compare(a, b)
	}
}

// trimBlanks cuts off the blanks that pad char(n).
func trimBlanks(s string) string {
	for len(s) > 0 && s[len(s)-1] == ' ' {
		s = s[:len(s)-1]
	}
	return s
}

// compareNullable orders values with NULL after all others and equal to
// itself, as arrays and rows compare their elements.
func compareNullable(t Type, a, b Datum) int {
	switch {
	case a.Valid && b.Valid:
		return Compare(t, a, b)
	case a.Valid:
		return -1
	case b.Valid:
		return 1
	default:
		return 0
	}
}

// compareArrays orders arrays by their elements, then by number of elements,
// dimensions, lengths and lower bounds.
func compareArrays(elem Type, a, b string) int {
	x, errX := DecodeArray(elem, a)
	y, errY := DecodeArray(elem, b)
	if errX != nil || errY != nil {
		return strings.Compare(a, b)
	}
	for i := range min(len(x.Elems), len(y.Elems)) {
		if order := compareNullable(elem, x.Elems[i], y.Elems[i]); order != 0 {
			return order
		}
	}
	if order := cmp.Compare(len(x.Elems), len(y.Elems)); order != 0 {
		return order
	}
	if order := cmp.Compare(len(x.Dims), len(y.Dims)); order != 0 {
		return order
	}
	for i := range x.Dims {
		if order := cmp.Compare(x.Dims[i], y.Dims[i]); order != 0 {
			return order
		}
	}
	for i := range x.Dims {
		if order := cmp.Compare(x.LowerBound(i), y.LowerBound(i)); order != 0 {
			return order
		}
	}
	return 0
}

// compareStructs orders structs by their fields in order.
func compareStructs(t Type, a, b string) int {
	x, errX := DecodeStruct(t, a)
	y, errY := DecodeStruct(t, b)
	if errX != nil || errY != nil {
		return strings.Compare(a, b)
	}
	for i := range t.Fields {
		if order := compareNullable(t.Fields[i].Type, x[i], y[i]); order != 0 {
			return order
		}
	}
	return 0
}

// compareMaps orders maps by their entries in the order of keys: first by the
// first key, then by its value, and so on; a map that ends first is smaller.
func compareMaps(t Type, a, b string) int {
	x, errX := DecodeMap(t, a)
	y, errY := DecodeMap(t, b)
	if errX != nil || errY != nil {
		return strings.Compare(a, b)
	}
	for i := range min(len(x), len(y)) {
		if order := Compare(*t.Key, x[i].Key, y[i].Key); order != 0 {
			return order
		}
		if order := compareNullable(*t.Elem, x[i].Value, y[i].Value); order != 0 {
			return order
		}
	}
	return cmp.Compare(len(x), len(y))
}
