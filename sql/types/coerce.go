package types

import (
	"strings"
	"unicode/utf8"

	"millrace/sql/sqlerr"
)

// CoerceToModifier fits a value of t's kind to t's modifier, as storing it in a
// column of that type or casting it to the type does: strings are cut or
// padded, numerics and times rounded. A cast that the user wrote (explicit)
// cuts strings in silence; storing refuses to cut anything but blanks (22001).
// Numerics that do not fit are 22003.
func CoerceToModifier(t Type, d Datum, explicit bool) (Datum, error) {
	if !d.Valid {
		return d, nil
	}
	var err error
	switch t.Kind {
	case KindVarchar, KindBpchar:
		d.Str, err = fitString(t, d.Str, explicit)
	case KindNumeric:
		d.Str, err = fitNumeric(t, d.Str)
	case KindTime:
		d.Int = roundMicros(d.Int, t.Mod)
	case KindTimeTZ:
		d.Int = roundTimeTZ(d.Int, t.Mod)
	case KindTimestamp, KindTimestampTZ:
		d.Int, err = coerceTimestamp(t, d.Int)
	case KindInterval:
		if t.Mod >= 0 {
			d.Str = EncodeInterval(fitInterval(t, DecodeInterval(d.Str)))
		}
	case KindName:
		d.Str = truncateName(d.Str)
	}
	if err != nil {
		return Null, err
	}
	return d, nil
}

// fitString fits a string to the length of varchar(n) or char(n).
func fitString(t Type, s string, explicit bool) (string, error) {
	length, ok := t.Length()
	if !ok || (len(s) <= int(length) && t.Kind == KindVarchar) {
		return s, nil
	}
	count := utf8.RuneCountInString(s)
	switch {
	case count < int(length) && t.Kind == KindBpchar:
		return s + strings.Repeat(" ", int(length)-count), nil
	case count <= int(length):
		return s, nil
	}
	end := byteOffset(s, int(length))
	if !explicit && strings.Trim(s[end:], " ") != "" {
		return "", sqlerr.New(sqlerr.StringDataRightTruncation, -1, "value too long for type %s", t)
	}
	return s[:end], nil
}

// byteOffset returns where the n-th character of s begins.
func byteOffset(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

// fitNumeric rounds to the scale of numeric(p, s) and checks the precision.
func fitNumeric(t Type, s string) (string, error) {
	precision, scale, ok := t.NumericModifier()
	if !ok {
		return s, nil
	}
	if numericIsSpecial(s) {
		if NumericIsNaN(s) {
			return s, nil
		}
		return "", numericFieldOverflow(precision, scale).WithDetail(
			"A field with precision %d, scale %d cannot hold an infinite value.", precision, scale)
	}
	if coefficient, have, small := NumericSmall(s); small && have == scale &&
		digitCount(magnitude(coefficient)) <= int(precision) {
		return s, nil
	}
	var d decimal
	d.setNumeric(s)
	d.rescale(scale)
	if decimalDigits(&d.coefficient) > int(precision) {
		return "", numericFieldOverflow(precision, scale)
	}
	d.rescale(max(scale, 0))
	return d.mustNumeric(), nil
}

func numericFieldOverflow(precision, scale int32) *sqlerr.Error {
	err := sqlerr.New(sqlerr.NumericValueOutOfRange, -1, "numeric field overflow")
	const detail = "A field with precision %d, scale %d must round to an absolute value less than "
	if precision == scale {
		return err.WithDetail(detail+"1.", precision, scale)
	}
	return err.WithDetail(detail+"10^%d.", precision, scale, precision-scale)
}

// roundMicros rounds a time to so many fractional digits of seconds, half away
// from zero; a negative number of digits leaves it.
func roundMicros(micros int64, digits int32) int64 {
	if digits < 0 || digits >= maxTimePrecision {
		return micros
	}
	unit := int64(powersOfTen[maxTimePrecision-digits])
	return roundSmall(micros, uint64(unit)) * unit
}

// coerceTimestamp rounds a timestamp to t's precision and checks its range.
func coerceTimestamp(t Type, micros int64) (int64, error) {
	if micros == TimestampInfinity || micros == TimestampNegativeInfinity {
		return micros, nil
	}
	rounded := roundMicros(micros, t.Mod)
	if !isTimestamp(rounded) {
		return 0, timestampRangeError()
	}
	return rounded, nil
}
