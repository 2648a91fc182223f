package types

import (
	"math"
	"strings"
)

// parseShortInt reads an integer of at most 18 digits without blanks, the
// common case; ok is false for anything else.
func parseShortInt(s string) (v int64, ok bool) {
	i := 0
	negative := len(s) > 0 && s[0] == '-'
	if negative {
		i = 1
	}
	if n := len(s) - i; n == 0 || n > 18 {
		return 0, false
	}
	for ; i < len(s); i++ {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		v = v*10 + int64(c)
	}
	if negative {
		v = -v
	}
	return v, true
}

// intBounds returns the range of an integer type.
func intBounds(kind Kind) (low, high int64) {
	switch kind {
	case KindInt2:
		return math.MinInt16, math.MaxInt16
	case KindInt4:
		return math.MinInt32, math.MaxInt32
	default:
		return math.MinInt64, math.MaxInt64
	}
}

// parseInt reads an integer with the blanks around it that PostgreSQL allows.
// Digits beyond the type's range count before what follows them.
func parseInt(t Type, s string) (int64, error) {
	trimmed := trimSpace(s)
	negative := strings.HasPrefix(trimmed, "-")
	digits := trimmed
	if negative || strings.HasPrefix(trimmed, "+") {
		digits = trimmed[1:]
	}
	// Digits add up on the negative side, which reaches one further.
	_, high := intBounds(t.Kind)
	limit := uint64(high) + 1
	var u uint64
	end := 0
	for ; end < len(digits) && isDigit(digits[end]); end++ {
		digit := uint64(digits[end] - '0')
		if u > (limit-digit)/10 {
			return 0, outOfRange(t, s)
		}
		u = u*10 + digit
	}
	if end == 0 || end < len(digits) {
		return 0, invalidSyntax(t, s)
	}
	switch {
	case negative:
		return -int64(u), nil
	case u == limit:
		return 0, outOfRange(t, s)
	default:
		return int64(u), nil
	}
}

// parseOID reads an object identifier: an unsigned number of 32 bits, or the
// signed number with the same bits.
func parseOID(t Type, s string) (int64, error) {
	trimmed := trimSpace(s)
	digits, positive := strings.CutPrefix(trimmed, "+")
	v, ok := parseShortInt(digits)
	ok = ok && !(positive && v < 0)
	switch {
	case !ok:
		if digits := strings.TrimLeft(trimmed, "+-"); len(digits) > 18 && allDigits(digits) {
			return 0, outOfRange(t, s)
		}
		return 0, invalidSyntax(t, s)
	case v < math.MinInt32 || v > math.MaxUint32:
		return 0, outOfRange(t, s)
	}
	return int64(uint32(v)), nil
}

// parseBool reads a boolean: true, false, yes, no, on, off, 1, 0 in any case
// and shortened as far as they stay distinct.
func parseBool(s string) (int64, error) {
	word := strings.ToLower(trimSpace(s))
	switch {
	case word == "":
	case word == "1", word == "on", strings.HasPrefix("true", word), strings.HasPrefix("yes", word):
		return 1, nil
	case word == "0", word == "of", word == "off", strings.HasPrefix("false", word), strings.HasPrefix("no", word):
		return 0, nil
	}
	return 0, invalidSyntax(Bool, s)
}
