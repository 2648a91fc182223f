package types

import (
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"

	"millrace/sql/sqlerr"
)

// appendFloatText appends a real or double precision. With extra_float_digits
// above 0 it is the shortest text that reads back to the same value, with an
// exponent outside 1e-4 to 1e6 (real) or 1e15 (double precision).
func appendFloatText(buf []byte, kind Kind, v float64, f *Format) []byte {
	switch {
	case v != v:
		return append(buf, "NaN"...)
	case math.IsInf(v, 1):
		return append(buf, "Infinity"...)
	case math.IsInf(v, -1):
		return append(buf, "-Infinity"...)
	}
	size, digits, limit := 64, float8Digits, 1e15
	if kind == KindFloat4 {
		size, digits, limit = 32, float4Digits, 1e6
	}
	if f.ExtraFloatDigits <= 0 {
		return strconv.AppendFloat(buf, v, 'g', max(digits+f.ExtraFloatDigits, 1), size)
	}
	form := byte('f')
	abs := math.Abs(v)
	if abs != 0 && (abs < lowestFixed(size) || abs >= limit) {
		form = 'e'
	}
	if form == 'e' && shortestMayTie(abs, size) {
		return appendWithoutTie(buf, v, size)
	}
	return strconv.AppendFloat(buf, v, form, -1, size)
}

// shortestMayTie reports whether the shortest text that Go finds for v may lie
// exactly between v and its neighbour, from where it reads back as v by the
// rule of the even digit. PostgreSQL does not rely on that rule and prints one
// digit more. Only whole and half numbers within these bounds can be so: the
// middle has one bit more than v and yet few decimal digits.
func shortestMayTie(abs float64, size int) bool {
	if size == 32 {
		return abs >= 1<<21 && abs < 1e20 && math.Float32bits(float32(abs))&1 == 0
	}
	return abs >= 1<<51 && abs < 1e41 && math.Float64bits(abs)&1 == 0
}

// appendWithoutTie appends the shortest text nearer to v than to any other
// number of its size. Such numbers print with an exponent.
func appendWithoutTie(buf []byte, v float64, size int) []byte {
	start := len(buf)
	precision := -1
	for {
		buf = strconv.AppendFloat(buf[:start], v, 'e', precision, size)
		printed := string(buf[start:])
		if !isMiddle(printed, v, size) {
			return buf
		}
		mantissa, _, _ := strings.Cut(printed, "e")
		_, fraction, _ := strings.Cut(mantissa, ".")
		precision = len(fraction) + 1
	}
}

// isMiddle reports whether the decimal s is exactly between v and a neighbour.
func isMiddle(s string, v float64, size int) bool {
	decimal, ok := new(big.Rat).SetString(s)
	if !ok {
		return false
	}
	for _, direction := range [...]float64{math.Inf(1), math.Inf(-1)} {
		neighbour := math.Nextafter(v, direction)
		if size == 32 {
			neighbour = float64(math.Nextafter32(float32(v), float32(direction)))
		}
		sum := new(big.Rat).SetFloat64(v)
		sum.Add(sum, new(big.Rat).SetFloat64(neighbour))
		if sum.Cmp(new(big.Rat).Add(decimal, decimal)) == 0 {
			return true
		}
	}
	return false
}

// lowestFixed is the smallest number that prints without exponent.
func lowestFixed(size int) float64 {
	if size == 32 {
		return float64(float32(1e-4))
	}
	return 1e-4
}

// parseFloat reads a real or double precision; a real is rounded to one.
func parseFloat(t Type, s string) (float64, error) {
	size := 64
	if t.Kind == KindFloat4 {
		size = 32
	}
	trimmed := trimSpace(s)
	if !isDecimalFloat(trimmed) {
		return parseSpecialFloat(t, s, trimmed, size)
	}
	v, err := strconv.ParseFloat(trimmed, size)
	if errors.Is(err, strconv.ErrSyntax) {
		return parseSpecialFloat(t, s, trimmed, size)
	}
	return checkFloat(t, s, trimmed, v, err)
}

// checkFloat turns what strconv says into PostgreSQL's errors; it treats a
// number that became 0 as out of range too.
func checkFloat(t Type, s, trimmed string, v float64, err error) (float64, error) {
	switch {
	case errors.Is(err, strconv.ErrRange), err == nil && v == 0 && hasNonZeroDigit(trimmed):
		if t.Kind == KindFloat4 {
			// Of a real PostgreSQL shows the whole text.
			trimmed = s
		}
		return 0, sqlerr.New(sqlerr.NumericValueOutOfRange, -1,
			"\"%s\" is out of range for type %s", trimmed, t.BaseName())
	case err != nil:
		return 0, invalidSyntax(t, s)
	default:
		return v, nil
	}
}

// hasNonZeroDigit reports whether the mantissa has a digit other than 0.
func hasNonZeroDigit(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == 'e' || c == 'E':
			return false
		case c >= '1' && c <= '9':
			return true
		}
	}
	return false
}

// isDecimalFloat reports whether s has only the characters of decimal numbers,
// which keeps Go's own extensions out.
func isDecimalFloat(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c-'0' > 9 && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return false
		}
	}
	return s != ""
}

// parseSpecialFloat reads NaN, the infinities and hexadecimal numbers, which C
// libraries accept.
func parseSpecialFloat(t Type, s, trimmed string, size int) (float64, error) {
	unsigned := strings.ToLower(strings.TrimLeft(trimmed, "+-"))
	if len(trimmed)-len(unsigned) > 1 {
		return 0, invalidSyntax(t, s)
	}
	if prefix := numberPrefix(trimmed); prefix != "" && prefix != trimmed {
		// A number out of range counts before what follows it.
		v, err := strconv.ParseFloat(prefix, size)
		if _, err := checkFloat(t, s, prefix, v, err); sqlerr.CodeOf(err) == sqlerr.NumericValueOutOfRange {
			return 0, err
		}
	}
	sign := 1
	if strings.HasPrefix(trimmed, "-") {
		sign = -1
	}
	switch {
	case unsigned == "nan":
		return math.NaN(), nil
	case unsigned == "inf", unsigned == "infinity":
		return math.Inf(sign), nil
	case strings.HasPrefix(unsigned, "0x") && !strings.Contains(unsigned, "_"):
		if !strings.Contains(unsigned, "p") {
			unsigned += "p0"
		}
		v, err := strconv.ParseFloat(unsigned, size)
		return checkFloat(t, s, trimmed, float64(sign)*v, err)
	}
	return 0, invalidSyntax(t, s)
}

// numberPrefix returns the longest decimal number that s begins with.
func numberPrefix(s string) string {
	i := 0
	if s != "" && (s[0] == '-' || s[0] == '+') {
		i = 1
	}
	whole := skipWhile(s, i, isDigit)
	digits := whole - i
	if i = whole; i < len(s) && s[i] == '.' {
		end := skipWhile(s, i+1, isDigit)
		digits += end - i - 1
		i = end
	}
	if digits == 0 {
		return ""
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		exponent := i + 1
		if exponent < len(s) && (s[exponent] == '-' || s[exponent] == '+') {
			exponent++
		}
		if end := skipWhile(s, exponent, isDigit); end > exponent {
			i = end
		}
	}
	return s[:i]
}

// trimSpace cuts off the white space around s that input functions ignore.
func trimSpace(s string) string {
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}
