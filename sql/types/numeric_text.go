package types

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"

	"millrace/sql/sqlerr"
)

// AppendNumericText appends the numeric s as PostgreSQL prints it: plain
// digits with as many behind the point as its scale says.
func AppendNumericText(buf []byte, s string) []byte {
	if coefficient, scale, ok := NumericSmall(s); ok {
		if coefficient < 0 {
			buf = append(buf, '-')
		}
		return appendScaled(buf, magnitude(coefficient), int(scale))
	}
	switch s[0] {
	case numericNaNByte:
		return append(buf, "NaN"...)
	case numericPositiveInfinity:
		return append(buf, "Infinity"...)
	case numericNegativeInfinity:
		return append(buf, "-Infinity"...)
	}
	negative, scale, digits, _ := bigParts(s)
	if negative {
		buf = append(buf, '-')
	}
	start := len(buf)
	return insertPoint(appendMagnitude(buf, digits), start, int(scale))
}

// appendScaled appends coefficient × 10^-scale.
func appendScaled(buf []byte, coefficient uint64, scale int) []byte {
	start := len(buf)
	buf = strconv.AppendUint(buf, coefficient, 10)
	return insertPoint(buf, start, scale)
}

// insertPoint puts the decimal point into the digits buf[start:], with zeros
// in front where there are too few.
func insertPoint(buf []byte, start, scale int) []byte {
	if scale == 0 {
		return buf
	}
	if missing := scale + 1 - (len(buf) - start); missing > 0 {
		digits := len(buf) - start
		for left := missing; left > 0; left -= len(zeros) {
			buf = append(buf, zeros[:min(left, len(zeros))]...)
		}
		copy(buf[start+missing:], buf[start:start+digits])
		for i := start; i < start+missing; i++ {
			buf[i] = '0'
		}
	}
	buf = append(buf, 0)
	point := len(buf) - 1 - scale
	copy(buf[point+1:], buf[point:len(buf)-1])
	buf[point] = '.'
	return buf
}

const zeros = "0000000000000000000000000000000000000000000000000000000000000000"

// appendMagnitude appends a big-endian number in decimal.
func appendMagnitude(buf []byte, digits string) []byte {
	if len(digits) > 16 {
		var v big.Int
		v.SetBytes([]byte(digits))
		return v.Append(buf, 10)
	}
	var hi, lo uint64
	for i := 0; i < len(digits); i++ {
		hi = hi<<8 | lo>>56
		lo = lo<<8 | uint64(digits[i])
	}
	const chunk = 1e19
	top, rest := hi/chunk, hi%chunk
	middle, low := bits.Div64(rest, lo, chunk)
	if top > 0 {
		// 10^38 needs 127 bits: the quotient by 10^19 is above 2^64.
		var v big.Int
		v.SetBytes([]byte(digits))
		return v.Append(buf, 10)
	}
	if middle == 0 {
		return strconv.AppendUint(buf, low, 10)
	}
	buf = strconv.AppendUint(buf, middle, 10)
	for width := digitCount(low); width < 19; width++ {
		buf = append(buf, '0')
	}
	if low == 0 {
		return buf
	}
	return strconv.AppendUint(buf, low, 10)
}

// parseSmallDecimal reads a plain decimal number of at most 18 digits, the
// common case; ok is false for anything else, which parseNumeric then judges.
func parseSmallDecimal(s string) (coefficient int64, scale int32, ok bool) {
	i, negative := 0, false
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		negative = s[0] == '-'
		i++
	}
	digits, point := 0, -1
	for ; i < len(s); i++ {
		c := s[i]
		if c-'0' <= 9 {
			coefficient = coefficient*10 + int64(c-'0')
			digits++
			if digits > 18 {
				return 0, 0, false
			}
			continue
		}
		if c != '.' || point >= 0 {
			return 0, 0, false
		}
		point = digits
	}
	if digits == 0 {
		return 0, 0, false
	}
	if point >= 0 {
		scale = int32(digits - point)
	}
	if negative {
		coefficient = -coefficient
	}
	return coefficient, scale, true
}

// ParseNumeric reads a numeric as PostgreSQL's input function does: blanks
// around, sign, digits, point, exponent, NaN, Infinity.
func ParseNumeric(s string) (string, error) {
	if coefficient, scale, ok := parseSmallDecimal(s); ok {
		return NumericFromSmall(coefficient, scale), nil
	}
	trimmed := strings.TrimFunc(s, isSpaceRune)
	if special, ok := parseNumericSpecial(trimmed); ok {
		return special, nil
	}
	d, ok, err := parseDecimal(trimmed)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", invalidSyntax(Numeric, s)
	}
	return d.numeric()
}

func parseNumericSpecial(s string) (string, bool) {
	unsigned := strings.TrimLeft(s, "+-")
	if len(s)-len(unsigned) > 1 {
		return "", false
	}
	switch {
	case strings.EqualFold(s, "nan"):
		return NumericNaN, true
	case !strings.EqualFold(unsigned, "infinity") && !strings.EqualFold(unsigned, "inf"):
		return "", false
	case s[0] == '-':
		return NumericNegativeInfinity, true
	default:
		return NumericInfinity, true
	}
}

// parseDecimal reads sign, digits, point and exponent; ok is false when s is
// no number. The error is 22003 for exponents beyond all bounds.
func parseDecimal(s string) (d decimal, ok bool, err error) {
	mantissa, exponentText, hasExponent := s, "", false
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, exponentText, hasExponent = s[:i], s[i+1:], true
	}
	negative := strings.HasPrefix(mantissa, "-")
	if negative || strings.HasPrefix(mantissa, "+") {
		mantissa = mantissa[1:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if whole+fraction == "" || !allDigits(whole) || !allDigits(fraction) {
		return d, false, nil
	}
	exponent := 0
	if hasExponent {
		// The exponent is read as by C's strtol, which skips blanks in front, and
		// judged before what follows it.
		exponentText = strings.TrimLeftFunc(exponentText, isSpaceRune)
		unsigned := strings.TrimLeft(exponentText, "+-")
		sign := len(exponentText) - len(unsigned)
		end := skipWhile(unsigned, 0, isDigit)
		if end == 0 || sign > 1 {
			return d, false, nil
		}
		exponent, err = strconv.Atoi(exponentText[:sign+end])
		if err != nil || exponent >= math.MaxInt32/2 || exponent <= -math.MaxInt32/2 {
			return d, false, numericOverflowError()
		}
		if end < len(unsigned) {
			return d, false, nil
		}
	}
	return makeDecimal(negative, strings.TrimLeft(whole+fraction, "0"), len(fraction)-exponent)
}

// makeDecimal returns digits × 10^-scale with the scale made positive.
func makeDecimal(negative bool, digits string, scale int) (d decimal, ok bool, err error) {
	switch {
	case digits == "":
		digits = "0"
		scale = max(scale, 0)
	case len(digits)-scale > numericMaxIntegerDigits:
		return d, false, numericOverflowError()
	}
	if scale > numericMaxScale {
		return d, false, numericOverflowError()
	}
	if _, ok := d.coefficient.SetString(digits, 10); !ok {
		return d, false, nil
	}
	if negative {
		d.coefficient.Neg(&d.coefficient)
	}
	d.scale = int32(scale)
	if scale < 0 {
		d.rescale(0)
	}
	return d, true, nil
}

func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i]-'0' > 9 {
			return false
		}
	}
	return true
}

// isSpace reports whether c is white space to PostgreSQL's input functions.
func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isSpaceRune(r rune) bool { return r == ' ' || r >= '\t' && r <= '\r' }

// invalidSyntax is the error of text that is no value of the type.
func invalidSyntax(t Type, s string) error {
	return sqlerr.New(sqlerr.InvalidTextRepresentation, -1,
		"invalid input syntax for type %s: \"%s\"", t.BaseName(), s)
}

// outOfRange is the error of a number that the type cannot hold.
func outOfRange(t Type, s string) error {
	return sqlerr.New(sqlerr.NumericValueOutOfRange, -1,
		"value \"%s\" is out of range for type %s", s, t.BaseName())
}
