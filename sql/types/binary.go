package types

import (
	"encoding/binary"
	"math"
)

// AppendBinary appends d, a value of type t, in PostgreSQL's binary wire
// format, without the length in front. Nothing is appended for NULL. Structs
// and maps go out as jsonb.
func AppendBinary(buf []byte, t Type, d Datum) []byte {
	if !d.Valid {
		return buf
	}
	switch t.Physical() {
	case PhysicalInt:
		switch t.Kind {
		case KindTimeTZ:
			return appendBinaryTimeTZ(buf, d.Int)
		case KindEnum:
			return append(buf, t.Named.Label(d.Int)...)
		}
		return appendBinaryInt(buf, t.Kind, d.Int)
	case PhysicalFloat:
		return appendBinaryFloat(buf, t.Kind, d.Float)
	default:
		return appendBinaryString(buf, t, d.Str)
	}
}

// appendBinaryFloat appends a float; every NaN has the same bits.
func appendBinaryFloat(buf []byte, kind Kind, v float64) []byte {
	const nan32, nan64 = 0x7fc00000, 0x7ff8000000000000
	bits32, bits64 := math.Float32bits(float32(v)), math.Float64bits(v)
	if v != v {
		bits32, bits64 = nan32, nan64
	}
	if kind == KindFloat4 {
		return binary.BigEndian.AppendUint32(buf, bits32)
	}
	return binary.BigEndian.AppendUint64(buf, bits64)
}

func appendBinaryInt(buf []byte, kind Kind, v int64) []byte {
	switch kinds[kind].size {
	case 1:
		return append(buf, byte(v))
	case 2:
		return binary.BigEndian.AppendUint16(buf, uint16(v))
	case 4:
		return binary.BigEndian.AppendUint32(buf, uint32(v))
	default:
		return binary.BigEndian.AppendUint64(buf, uint64(v))
	}
}

// jsonbVersion is the byte in front of a jsonb value in binary.
const jsonbVersion = 1

func appendBinaryString(buf []byte, t Type, s string) []byte {
	switch t.Kind {
	case KindNumeric:
		return appendBinaryNumeric(buf, s)
	case KindInterval:
		v := DecodeInterval(s)
		buf = binary.BigEndian.AppendUint64(buf, uint64(v.Micros))
		buf = binary.BigEndian.AppendUint32(buf, uint32(v.Days))
		return binary.BigEndian.AppendUint32(buf, uint32(v.Months))
	case KindJSONB:
		return append(append(buf, jsonbVersion), s...)
	case KindStruct, KindMap:
		if t.Named != nil {
			return appendBinaryRow(buf, t, s)
		}
		return appendCompositeJSON(append(buf, jsonbVersion), t, s, DefaultFormat())
	case KindChar:
		if s == "" {
			return append(buf, 0)
		}
		return append(buf, s[0])
	case KindArray:
		return appendBinaryArray(buf, *t.Elem, s)
	default:
		return append(buf, s...)
	}
}

func appendBinaryArray(buf []byte, elem Type, s string) []byte {
	a, err := DecodeArray(elem, s)
	if err != nil {
		a = Array{}
	}
	hasNulls := uint32(0)
	for i := range a.Elems {
		if !a.Elems[i].Valid {
			hasNulls = 1
		}
	}
	elemOID := elem.OID()
	if elem.Kind == KindArray {
		elemOID = OIDJSONB
	}
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(a.Dims)))
	buf = binary.BigEndian.AppendUint32(buf, hasNulls)
	buf = binary.BigEndian.AppendUint32(buf, elemOID)
	for i, length := range a.Dims {
		buf = binary.BigEndian.AppendUint32(buf, uint32(length))
		buf = binary.BigEndian.AppendUint32(buf, uint32(a.LowerBound(i)))
	}
	for _, d := range a.Elems {
		if !d.Valid {
			buf = binary.BigEndian.AppendUint32(buf, math.MaxUint32)
			continue
		}
		start := len(buf)
		buf = append(buf, 0, 0, 0, 0)
		if elem.Kind == KindArray {
			buf = appendJSONValue(append(buf, jsonbVersion), elem, d, DefaultFormat())
		} else {
			buf = AppendBinary(buf, elem, d)
		}
		binary.BigEndian.PutUint32(buf[start:], uint32(len(buf)-start-4))
	}
	return buf
}

// The signs of PostgreSQL's binary numeric.
const (
	binaryNumericPositive         = 0x0000
	binaryNumericNegative         = 0x4000
	binaryNumericNaN              = 0xc000
	binaryNumericInfinity         = 0xd000
	binaryNumericNegativeInfinity = 0xf000

	numericBase = 10000
)

// appendBinaryNumeric appends count of digits, weight of the first, sign and
// scale as 16-bit numbers and then the digits in base 10,000.
func appendBinaryNumeric(buf []byte, s string) []byte {
	if numericIsSpecial(s) {
		// PostgreSQL sends a scale of 32 with the infinities.
		sign, scale := uint16(binaryNumericNaN), byte(0)
		switch s[0] {
		case numericPositiveInfinity:
			sign, scale = binaryNumericInfinity, 0x20
		case numericNegativeInfinity:
			sign, scale = binaryNumericNegativeInfinity, 0x20
		}
		buf = append(buf, 0, 0, 0, 0)
		buf = binary.BigEndian.AppendUint16(buf, sign)
		return append(buf, 0, scale)
	}
	var room [64]byte
	digits, scale, negative := room[:0], 0, false
	if coefficient, small, ok := NumericSmall(s); ok {
		digits, scale, negative = appendDecimal(digits, magnitude(coefficient)), int(small), coefficient < 0
	} else {
		sign, big, magnitude, _ := bigParts(s)
		digits, scale, negative = appendMagnitude(digits, magnitude), int(big), sign
	}
	return appendBaseDigits(buf, digits, scale, negative)
}

// appendBaseDigits appends the number digits × 10^-scale.
func appendBaseDigits(buf []byte, digits []byte, scale int, negative bool) []byte {
	displayScale := scale
	for len(digits) > 0 && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
		scale--
	}
	sign := uint16(binaryNumericPositive)
	if negative {
		sign = binaryNumericNegative
	}
	weight, count := 0, 0
	start := len(buf)
	buf = append(buf, 0, 0, 0, 0, 0, 0, 0, 0)
	if len(digits) > 0 {
		exponent := len(digits) - scale - 1
		weight = floorDiv(exponent, numericDigitsPerBaseDigit)
		width := exponent - weight*numericDigitsPerBaseDigit + 1
		for len(digits) > 0 {
			value := 0
			for i := range width {
				value *= 10
				if i < len(digits) {
					value += int(digits[i] - '0')
				}
			}
			digits = digits[min(width, len(digits)):]
			width = numericDigitsPerBaseDigit
			buf = binary.BigEndian.AppendUint16(buf, uint16(value))
			count++
		}
	}
	binary.BigEndian.PutUint16(buf[start:], uint16(count))
	binary.BigEndian.PutUint16(buf[start+2:], uint16(int16(weight)))
	binary.BigEndian.PutUint16(buf[start+4:], sign)
	binary.BigEndian.PutUint16(buf[start+6:], uint16(displayScale))
	return buf
}
