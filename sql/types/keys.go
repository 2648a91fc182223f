package types

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strings"
)

// The key encoding: the bytes of two keys compare as their values do, every
// value ends by itself, and equal values have equal bytes. It is stable for
// ever, since rows are stored and assigned to partitions by it.
//
// A value that is not NULL begins with a byte from 0x01 to 0xf7, so 0x00 can
// end a list and 0xff is NULL, behind all values.
//
//	integers, boolean, dates, times, OIDs
//	        0x80 + v                 for 0 ≤ v ≤ 0x6f
//	        0xef + n │ n bytes       for larger v, big-endian, no leading zeros
//	        0x7f - n │ n bytes       for v < 0: the low n bytes of v, n as few
//	                                 as ^v needs, 0 for -1
//	floating point
//	        0x01 │ 8 bytes big-endian: the bits with the sign flipped, all bits
//	        flipped when negative; -0 as 0, every NaN as the greatest
//	text, bytea, name, "char", uuid
//	        0x01 │ the bytes, 0x00 as 0x00 0xff │ 0x00 0x01
//	character(n)
//	        as text without the blanks at the end
//	numeric 0x02 -Infinity, 0x03 negative, 0x04 zero, 0x05 positive,
//	        0x06 Infinity, 0x07 NaN; a positive number is 0.d1d2d3… × 10^e:
//	        e as an integer │ pairs of digits, each plus 1 │ 0x00, without
//	        zeros at the end; a negative one the same with all bits flipped
//	interval
//	        0x01 │ days │ microseconds as integers, months being 30 days and
//	        microseconds less than a day
//	array   0x01 │ elements │ 0x00 │ dimensions, their lengths and their lower
//	        bounds as integers
//	struct  0x01 │ fields
//	map     0x01 │ key, value, in the order of keys │ 0x00
//	jsonb   0x01 empty array at the top, 0x02 null, 0x03 string as text,
//	        0x04 number as numeric, 0x05 false, 0x06 true, 0x07 array: count as
//	        integer │ elements, 0x08 object: count │ key as text, value …
const (
	keyNull       = 0xff
	keyPresent    = 0x01
	keyEnd        = 0x00
	keyEscape     = 0xff
	keyTerminator = 0x01

	keyIntZero     = 0x80
	keyIntSmallMax = 0x6f
	keyIntPositive = 0xef
	keyIntNegative = 0x7f

	keyNumericNegativeInfinity = 0x02
	keyNumericNegative         = 0x03
	keyNumericZero             = 0x04
	keyNumericPositive         = 0x05
	keyNumericInfinity         = 0x06
	keyNumericNaN              = 0x07
)

// AppendKey appends d, a value of type t or NULL, in the key encoding.
func AppendKey(buf []byte, t Type, d Datum) []byte {
	if !d.Valid {
		return append(buf, keyNull)
	}
	switch t.Physical() {
	case PhysicalInt:
		return appendKeyInt(buf, d.Int)
	case PhysicalFloat:
		return appendKeyFloat(buf, d.Float)
	default:
		return appendKeyString(buf, &t, d.Str)
	}
}

// AppendKeyFrom appends value i of v in the key encoding. It does not allocate
// for types other than large numerics, jsonb, arrays, structs and maps.
func AppendKeyFrom(buf []byte, v *Vector, i int) []byte {
	if v.IsNull(i) {
		return append(buf, keyNull)
	}
	switch v.Type.Physical() {
	case PhysicalInt:
		return appendKeyInt(buf, v.Ints[i])
	case PhysicalFloat:
		return appendKeyFloat(buf, v.Floats[i])
	default:
		return appendKeyString(buf, &v.Type, v.Strs[i])
	}
}

func appendKeyInt(buf []byte, v int64) []byte {
	if v >= 0 {
		if v <= keyIntSmallMax {
			return append(buf, byte(keyIntZero+v))
		}
		n := (bits.Len64(uint64(v)) + 7) / 8
		return appendLowBytes(append(buf, byte(keyIntPositive+n)), uint64(v), n)
	}
	n := (bits.Len64(uint64(^v)) + 7) / 8
	return appendLowBytes(append(buf, byte(keyIntNegative-n)), uint64(v), n)
}

// appendLowBytes appends the low n bytes of v, big-endian.
func appendLowBytes(buf []byte, v uint64, n int) []byte {
	var room [8]byte
	binary.BigEndian.PutUint64(room[:], v)
	return append(buf, room[8-n:]...)
}

func appendKeyFloat(buf []byte, v float64) []byte {
	b := math.Float64bits(v)
	switch {
	case v != v:
		b = math.MaxUint64
	case v == 0:
		b = 1 << 63
	case b>>63 != 0:
		b = ^b
	default:
		b |= 1 << 63
	}
	return binary.BigEndian.AppendUint64(append(buf, keyPresent), b)
}

func appendKeyString(buf []byte, t *Type, s string) []byte {
	switch t.Kind {
	case KindBpchar:
		return appendKeyBytes(buf, trimBlanks(s))
	case KindNumeric:
		return appendKeyNumeric(buf, s)
	case KindInterval:
		days, micros := DecodeInterval(s).span()
		return appendKeyInt(appendKeyInt(append(buf, keyPresent), days), micros)
	case KindJSONB:
		return appendKeyJSONB(buf, s)
	case KindArray:
		return appendKeyArray(buf, *t.Elem, s)
	case KindStruct:
		return appendKeyStruct(buf, t, s)
	case KindMap:
		return appendKeyMap(buf, t, s)
	default:
		return appendKeyBytes(buf, s)
	}
}

func appendKeyBytes(buf []byte, s string) []byte {
	buf = append(buf, keyPresent)
	for {
		zero := strings.IndexByte(s, 0)
		if zero < 0 {
			buf = append(buf, s...)
			return append(buf, 0, keyTerminator)
		}
		buf = append(buf, s[:zero+1]...)
		buf = append(buf, keyEscape)
		s = s[zero+1:]
	}
}

// appendKeyNumeric appends a numeric; 1.0 and 1.00 have the same bytes.
func appendKeyNumeric(buf []byte, s string) []byte {
	if coefficient, scale, ok := NumericSmall(s); ok {
		var room [20]byte
		digits := appendDecimal(room[:0], magnitude(coefficient))
		return appendKeyDigits(buf, coefficient < 0, digits, int(scale))
	}
	switch s[0] {
	case numericNegativeInfinity:
		return append(buf, keyNumericNegativeInfinity)
	case numericPositiveInfinity:
		return append(buf, keyNumericInfinity)
	case numericNaNByte:
		return append(buf, keyNumericNaN)
	}
	negative, scale, magnitude, _ := bigParts(s)
	return appendKeyDigits(buf, negative, appendMagnitude(nil, magnitude), int(scale))
}

// appendDecimal appends v in decimal, nothing for 0.
func appendDecimal(buf []byte, v uint64) []byte {
	if v == 0 {
		return buf
	}
	n := digitCount(v)
	buf = append(buf, zeros[:n]...)
	for i := n - 1; i >= 0; i-- {
		buf[i] = byte('0' + v%10)
		v /= 10
	}
	return buf
}

// appendKeyDigits appends digits × 10^-scale. The digits have no zeros in
// front.
func appendKeyDigits(buf []byte, negative bool, digits []byte, scale int) []byte {
	exponent := len(digits) - scale
	for len(digits) > 0 && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	if len(digits) == 0 {
		return append(buf, keyNumericZero)
	}
	sign := byte(keyNumericPositive)
	if negative {
		sign = keyNumericNegative
	}
	buf = append(buf, sign)
	start := len(buf)
	buf = appendKeyInt(buf, int64(exponent))
	for i := 0; i < len(digits); i += 2 {
		pair := (digits[i] - '0') * 10
		if i+1 < len(digits) {
			pair += digits[i+1] - '0'
		}
		buf = append(buf, pair+1)
	}
	buf = append(buf, keyEnd)
	if negative {
		for i := start; i < len(buf); i++ {
			buf[i] = ^buf[i]
		}
	}
	return buf
}

func appendKeyArray(buf []byte, elem Type, s string) []byte {
	a, err := DecodeArray(elem, s)
	if err != nil {
		// Bytes that are no array count as the empty one.
		a = Array{}
	}
	buf = append(buf, keyPresent)
	for _, d := range a.Elems {
		buf = AppendKey(buf, elem, d)
	}
	buf = appendKeyInt(append(buf, keyEnd), int64(len(a.Dims)))
	for _, length := range a.Dims {
		buf = appendKeyInt(buf, int64(length))
	}
	for i := range a.Dims {
		buf = appendKeyInt(buf, int64(a.LowerBound(i)))
	}
	return buf
}

func appendKeyStruct(buf []byte, t *Type, s string) []byte {
	fields, err := DecodeStruct(*t, s)
	if err != nil {
		fields = make([]Datum, len(t.Fields))
	}
	buf = append(buf, keyPresent)
	for i, d := range fields {
		buf = AppendKey(buf, t.Fields[i].Type, d)
	}
	return buf
}

func appendKeyMap(buf []byte, t *Type, s string) []byte {
	// Bytes that are no map count as the empty one.
	entries, _ := DecodeMap(*t, s)
	buf = append(buf, keyPresent)
	for _, entry := range entries {
		buf = AppendKey(buf, *t.Key, entry.Key)
		buf = AppendKey(buf, *t.Elem, entry.Value)
	}
	return append(buf, keyEnd)
}

// KeyIsExact reports whether DecodeKey returns the very value that was encoded.
// Where it does not, it returns an equal one that may print differently:
// floating point loses the sign of -0, numeric without scale its zeros at the
// end, interval its split into months, days and time, character without length
// its blanks, jsonb the form of its numbers; arrays, structs and maps what
// their parts lose.
func KeyIsExact(t Type) bool {
	switch t.Kind {
	case KindFloat4, KindFloat8, KindInterval, KindJSONB:
		return false
	case KindNumeric, KindBpchar:
		return t.Mod >= modifierHeader
	case KindArray:
		return KeyIsExact(*t.Elem)
	case KindMap:
		return KeyIsExact(*t.Key) && KeyIsExact(*t.Elem)
	case KindStruct:
		for _, f := range t.Fields {
			if !KeyIsExact(f.Type) {
				return false
			}
		}
	}
	return true
}
