package types

import (
	"bytes"
	"encoding/binary"
	"math"

	"millrace/sql/sqlerr"
)

func corruptKeyError() error {
	return sqlerr.New(sqlerr.DataCorrupted, -1, "key has an invalid encoding")
}

// DecodeKey reads a value of type t, or NULL, from the front of a key and
// returns what follows it. The value equals the one encoded; KeyIsExact says
// whether it also prints alike. Nothing in it aliases key. Bytes that are no
// key are an error (XX001).
func DecodeKey(t Type, key []byte) (d Datum, rest []byte, err error) {
	if len(key) == 0 {
		return Null, nil, corruptKeyError()
	}
	if key[0] == keyNull {
		return Null, key[1:], nil
	}
	switch t.Physical() {
	case PhysicalInt:
		v, rest, err := decodeKeyInt(key)
		return IntDatum(v), rest, err
	case PhysicalFloat:
		return decodeKeyFloat(key)
	default:
		return decodeKeyString(t, key)
	}
}

func decodeKeyInt(key []byte) (v int64, rest []byte, err error) {
	if len(key) == 0 {
		return 0, nil, corruptKeyError()
	}
	first := int(key[0])
	key = key[1:]
	if first >= keyIntZero && first <= keyIntZero+keyIntSmallMax {
		return int64(first - keyIntZero), key, nil
	}
	n, negative := first-keyIntPositive, false
	if first < keyIntZero {
		n, negative = keyIntNegative-first, true
	}
	if n < 0 || n > 8 || len(key) < n {
		return 0, nil, corruptKeyError()
	}
	var u uint64
	if negative {
		u = math.MaxUint64
	}
	for _, b := range key[:n] {
		u = u<<8 | uint64(b)
	}
	// The same number in more bytes, or with the other sign's tag, is no key.
	v = int64(u)
	if var8 := [9]byte{}; len(appendKeyInt(var8[:0], v)) != n+1 || negative != (v < 0) {
		return 0, nil, corruptKeyError()
	}
	return v, key[n:], nil
}

func decodeKeyFloat(key []byte) (Datum, []byte, error) {
	if len(key) < 9 || key[0] != keyPresent {
		return Null, nil, corruptKeyError()
	}
	b := binary.BigEndian.Uint64(key[1:])
	switch {
	case b == math.MaxUint64:
		return FloatDatum(math.NaN()), key[9:], nil
	case b>>63 != 0:
		b &^= 1 << 63
	default:
		b = ^b
	}
	return FloatDatum(math.Float64frombits(b)), key[9:], nil
}

func decodeKeyString(t Type, key []byte) (Datum, []byte, error) {
	switch t.Kind {
	case KindNumeric:
		return decodeKeyNumeric(t, key)
	case KindInterval:
		return decodeKeyInterval(key)
	case KindJSONB:
		s, rest, err := decodeKeyJSONB(nil, key, 0)
		return StringDatum(string(s)), rest, err
	case KindArray:
		return decodeKeyArray(*t.Elem, key)
	case KindStruct:
		return decodeKeyStruct(t, key)
	case KindMap:
		return decodeKeyMap(t, key)
	}
	s, rest, err := decodeKeyBytes(key)
	if err != nil {
		return Null, nil, err
	}
	if t.Kind == KindBpchar {
		s, err = fitString(t, s, true)
	}
	return StringDatum(s), rest, err
}

func decodeKeyBytes(key []byte) (s string, rest []byte, err error) {
	if len(key) == 0 || key[0] != keyPresent {
		return "", nil, corruptKeyError()
	}
	key = key[1:]
	end := bytes.IndexByte(key, 0)
	if end >= 0 && end+1 < len(key) && key[end+1] == keyTerminator {
		return string(key[:end]), key[end+2:], nil
	}
	var out []byte
	for {
		zero := bytes.IndexByte(key, 0)
		if zero < 0 || zero+1 >= len(key) {
			return "", nil, corruptKeyError()
		}
		out = append(out, key[:zero]...)
		follow := key[zero+1]
		key = key[zero+2:]
		switch follow {
		case keyTerminator:
			return string(out), key, nil
		case keyEscape:
			out = append(out, 0)
		default:
			return "", nil, corruptKeyError()
		}
	}
}

func decodeKeyNumeric(t Type, key []byte) (Datum, []byte, error) {
	tag, key := key[0], key[1:]
	switch tag {
	case keyNumericNegativeInfinity:
		return StringDatum(NumericNegativeInfinity), key, nil
	case keyNumericInfinity:
		return StringDatum(NumericInfinity), key, nil
	case keyNumericNaN:
		return StringDatum(NumericNaN), key, nil
	case keyNumericZero:
		return withScaleOf(t, decimal{}, key)
	case keyNumericPositive:
		d, rest, err := decodeKeyDigits(key)
		if err != nil {
			return Null, nil, err
		}
		return withScaleOf(t, d, rest)
	case keyNumericNegative:
		return decodeKeyNegative(t, key)
	default:
		return Null, nil, corruptKeyError()
	}
}

// decodeKeyNegative reads the flipped bytes of a negative number.
func decodeKeyNegative(t Type, key []byte) (Datum, []byte, error) {
	// The end is a flipped 0x00; no byte of the digits is one, but the
	// exponent's may be, so the exponent's bytes are stepped over first.
	if len(key) == 0 {
		return Null, nil, corruptKeyError()
	}
	skip := 1 + keyIntLength(^key[0])
	if skip > len(key) {
		return Null, nil, corruptKeyError()
	}
	end := bytes.IndexByte(key[skip:], ^byte(keyEnd))
	if end < 0 {
		return Null, nil, corruptKeyError()
	}
	flipped := make([]byte, skip+end+1)
	for i := range flipped {
		flipped[i] = ^key[i]
	}
	d, _, err := decodeKeyDigits(flipped)
	if err != nil {
		return Null, nil, err
	}
	d.coefficient.Neg(&d.coefficient)
	return withScaleOf(t, d, key[len(flipped):])
}

// keyIntLength returns how many bytes follow the first byte of an integer.
func keyIntLength(first byte) int {
	switch {
	case first < keyIntZero:
		return keyIntNegative - int(first)
	case first > keyIntZero+keyIntSmallMax:
		return int(first) - keyIntPositive
	default:
		return 0
	}
}

// decodeKeyDigits reads exponent and digits of a positive number.
func decodeKeyDigits(key []byte) (d decimal, rest []byte, err error) {
	exponent, key, err := decodeKeyInt(key)
	if err != nil {
		return d, nil, err
	}
	end := bytes.IndexByte(key, keyEnd)
	if end <= 0 || exponent > numericMaxIntegerDigits || exponent < -numericMaxScale {
		return d, nil, corruptKeyError()
	}
	digits := make([]byte, 0, 2*end)
	for _, b := range key[:end] {
		if b > 100 {
			return d, nil, corruptKeyError()
		}
		digits = append(digits, '0'+(b-1)/10, '0'+(b-1)%10)
	}
	if digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	if digits[0] == '0' || digits[len(digits)-1] == '0' {
		return d, nil, corruptKeyError()
	}
	scale := int64(len(digits)) - exponent
	if scale > numericMaxScale {
		return d, nil, corruptKeyError()
	}
	d.coefficient.SetString(aliasString(digits), 10)
	d.scale = int32(scale)
	if scale < 0 {
		d.coefficient.Mul(&d.coefficient, bigPowerOfTen(int(-scale)))
		d.scale = 0
	}
	return d, key[end+1:], nil
}

// withScaleOf gives a decoded number the zeros that its type's scale asks for.
func withScaleOf(t Type, d decimal, rest []byte) (Datum, []byte, error) {
	if _, scale, ok := t.NumericModifier(); ok && scale > d.scale {
		d.rescale(scale)
	}
	return StringDatum(d.mustNumeric()), rest, nil
}

func decodeKeyInterval(key []byte) (Datum, []byte, error) {
	if key[0] != keyPresent {
		return Null, nil, corruptKeyError()
	}
	days, rest, err := decodeKeyInt(key[1:])
	if err != nil {
		return Null, nil, err
	}
	micros, rest, err := decodeKeyInt(rest)
	if err != nil || micros < 0 || micros >= microsPerDay {
		return Null, nil, corruptKeyError()
	}
	v, err := intervalOfSpan(days, micros)
	return StringDatum(EncodeInterval(v)), rest, err
}

// intervalOfSpan returns an interval of so many days and microseconds, with
// months only where the days do not fit.
func intervalOfSpan(days, micros int64) (IntervalValue, error) {
	months := int64(0)
	if days != int64(int32(days)) {
		months = days / daysPerMonth
		days %= daysPerMonth
	}
	if months != int64(int32(months)) {
		// The rest are days that came from a large count of microseconds.
		excess := months - int64(clampInt32(months))
		months -= excess
		extra := excess*daysPerMonth + days
		days = int64(clampInt32(extra))
		product, ok := multiplyInt64(extra-days, microsPerDay)
		if !ok || product > 0 && micros > math.MaxInt64-product {
			return IntervalValue{}, corruptKeyError()
		}
		micros += product
	}
	return IntervalValue{Months: int32(months), Days: int32(days), Micros: micros}, nil
}

func clampInt32(v int64) int32 {
	return int32(min(max(v, math.MinInt32), math.MaxInt32))
}
