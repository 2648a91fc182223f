package types

import (
	"math"
	"math/big"
	"math/bits"

	"millrace/sql/sqlerr"
)

func divisionByZeroError() error {
	return sqlerr.New(sqlerr.DivisionByZero, -1, "division by zero")
}

// NumericAdd returns a + b; the scale is the larger of the two.
func NumericAdd(a, b string) (string, error) {
	if ca, cb, scale, ok := alignedSmall(a, b); ok {
		if sum := ca + cb; (sum > ca) == (cb > 0) {
			return NumericFromSmall(sum, scale), nil
		}
	}
	return addSlow(a, b, false)
}

// NumericSub returns a - b; the scale is the larger of the two.
func NumericSub(a, b string) (string, error) {
	if ca, cb, scale, ok := alignedSmall(a, b); ok {
		if difference := ca - cb; (difference < ca) == (cb > 0) {
			return NumericFromSmall(difference, scale), nil
		}
	}
	return addSlow(a, b, true)
}

// alignedSmall returns two small numerics as coefficients of one scale.
func alignedSmall(a, b string) (ca, cb int64, scale int32, ok bool) {
	ca, sa, okA := NumericSmall(a)
	cb, sb, okB := NumericSmall(b)
	if !okA || !okB {
		return 0, 0, 0, false
	}
	if sa == sb {
		return ca, cb, sa, true
	}
	if sa < sb {
		ca, ok = scaleUp(ca, sb-sa)
		return ca, cb, sb, ok
	}
	cb, ok = scaleUp(cb, sa-sb)
	return ca, cb, sa, ok
}

// scaleUp returns v × 10^digits unless that overflows.
func scaleUp(v int64, digits int32) (int64, bool) {
	if int(digits) >= len(powersOfTen)-1 {
		return 0, v == 0
	}
	hi, lo := bits.Mul64(magnitude(v), powersOfTen[digits])
	if hi != 0 || lo > math.MaxInt64 {
		return 0, false
	}
	if v < 0 {
		return -int64(lo), true
	}
	return int64(lo), true
}

func addSlow(a, b string, subtract bool) (string, error) {
	if numericIsSpecial(a) || numericIsSpecial(b) {
		if subtract {
			b = NumericNeg(b)
		}
		switch {
		case NumericIsNaN(a), NumericIsNaN(b):
			return NumericNaN, nil
		case !numericIsSpecial(b):
			return a, nil
		case !numericIsSpecial(a), a == b:
			return b, nil
		default:
			return NumericNaN, nil
		}
	}
	var x, y decimal
	x.setNumeric(a)
	y.setNumeric(b)
	scale := max(x.scale, y.scale)
	x.rescale(scale)
	y.rescale(scale)
	if subtract {
		x.coefficient.Sub(&x.coefficient, &y.coefficient)
	} else {
		x.coefficient.Add(&x.coefficient, &y.coefficient)
	}
	return x.numeric()
}

// NumericMul returns a × b; the scale is the sum of the two.
func NumericMul(a, b string) (string, error) {
	ca, sa, okA := NumericSmall(a)
	cb, sb, okB := NumericSmall(b)
	if okA && okB {
		hi, lo := bits.Mul64(magnitude(ca), magnitude(cb))
		var buf [40]byte
		return string(appendNumericWords(buf[:0], (ca < 0) != (cb < 0), hi, lo, sa+sb)), nil
	}
	if numericIsSpecial(a) || numericIsSpecial(b) {
		if NumericIsNaN(a) || NumericIsNaN(b) {
			return NumericNaN, nil
		}
		return infinityOfSign(NumericSign(a) * NumericSign(b)), nil
	}
	var x, y decimal
	x.setNumeric(a)
	y.setNumeric(b)
	x.coefficient.Mul(&x.coefficient, &y.coefficient)
	x.scale += y.scale
	if x.scale > numericMaxScale {
		x.rescale(numericMaxScale)
	}
	return x.numeric()
}

// infinityOfSign returns the infinity of the sign, NaN for 0.
func infinityOfSign(sign int) string {
	switch sign {
	case 1:
		return NumericInfinity
	case -1:
		return NumericNegativeInfinity
	default:
		return NumericNaN
	}
}

// NumericDiv returns a / b with at least 16 significant digits, rounded half
// away from zero. Dividing by zero is 22012.
func NumericDiv(a, b string) (string, error) {
	if numericIsSpecial(a) || numericIsSpecial(b) {
		return divSpecial(a, b)
	}
	scale := divisionScale(a, b)
	ca, sa, okA := NumericSmall(a)
	cb, sb, okB := NumericSmall(b)
	if okA && okB {
		if cb == 0 {
			return "", divisionByZeroError()
		}
		if hi, lo, ok := divideWords(magnitude(ca), magnitude(cb), scale+sb-sa); ok {
			var buf [40]byte
			negative := (ca < 0) != (cb < 0) && hi|lo != 0
			return string(appendNumericWords(buf[:0], negative, hi, lo, scale)), nil
		}
	}
	return divideScaled(a, b, scale)
}

// divideScaled returns a / b, both finite, rounded to a scale.
func divideScaled(a, b string, scale int32) (string, error) {
	var x, y decimal
	x.setNumeric(a)
	y.setNumeric(b)
	if y.coefficient.Sign() == 0 {
		return "", divisionByZeroError()
	}
	if shift := scale + y.scale - x.scale; shift >= 0 {
		x.coefficient.Mul(&x.coefficient, bigPowerOfTen(int(shift)))
	} else {
		y.coefficient.Mul(&y.coefficient, bigPowerOfTen(int(-shift)))
	}
	divideRounded(&x.coefficient, &x.coefficient, &y.coefficient)
	x.scale = scale
	return x.numeric()
}

// divideWords returns a × 10^shift / b rounded half up; ok is false when the
// dividend does not fit in 128 bits.
func divideWords(a, b uint64, shift int32) (hi, lo uint64, ok bool) {
	if shift < 0 || shift > 38 {
		return 0, 0, false
	}
	first := min(shift, 19)
	hi, lo = bits.Mul64(a, powersOfTen[first])
	if shift > first {
		factor := powersOfTen[shift-first]
		over, high := bits.Mul64(hi, factor)
		carry, low := bits.Mul64(lo, factor)
		sum, c := bits.Add64(high, carry, 0)
		if over != 0 || c != 0 {
			return 0, 0, false
		}
		hi, lo = sum, low
	}
	quotientHigh := hi / b
	quotientLow, remainder := bits.Div64(hi%b, lo, b)
	if remainder >= b-remainder {
		var carry uint64
		quotientLow, carry = bits.Add64(quotientLow, 1, 0)
		quotientHigh += carry
	}
	return quotientHigh, quotientLow, true
}

func divSpecial(a, b string) (string, error) {
	switch {
	case NumericIsNaN(a), NumericIsNaN(b):
		return NumericNaN, nil
	case !numericIsSpecial(a):
		return NumericFromInt64(0), nil
	case numericIsSpecial(b):
		return NumericNaN, nil
	case NumericSign(b) == 0:
		return "", divisionByZeroError()
	default:
		return infinityOfSign(NumericSign(a) * NumericSign(b)), nil
	}
}

// leadingDigits returns the first digit of a finite numeric in base 10,000 and
// the power of that base it stands for; both are 0 for 0. PostgreSQL derives
// result scales from them.
func leadingDigits(s string) (weight, first int) {
	coefficient, scale, ok := NumericSmall(s)
	if ok {
		v := magnitude(coefficient)
		return leadingOf(digitCount(v), int(scale), func(drop int) int { return int(v / powersOfTen[drop]) })
	}
	var d decimal
	d.setNumeric(s)
	d.coefficient.Abs(&d.coefficient)
	return leadingOf(decimalDigits(&d.coefficient), int(d.scale), func(drop int) int {
		return int(new(big.Int).Quo(&d.coefficient, bigPowerOfTen(drop)).Int64())
	})
}

// leadingOf computes leadingDigits for a number of so many digits; prefix(n)
// is the number without its last n digits.
func leadingOf(digits, scale int, prefix func(drop int) int) (weight, first int) {
	if digits == 0 {
		return 0, 0
	}
	exponent := digits - scale - 1
	weight = floorDiv(exponent, numericDigitsPerBaseDigit)
	wanted := exponent - weight*numericDigitsPerBaseDigit + 1
	if digits >= wanted {
		return weight, prefix(digits - wanted)
	}
	return weight, prefix(0) * int(powersOfTen[wanted-digits])
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// divisionScale is the scale of a quotient: enough for 16 significant digits
// and not less than either operand's.
func divisionScale(a, b string) int32 {
	weightA, firstA := leadingDigits(a)
	weightB, firstB := leadingDigits(b)
	weight := weightA - weightB
	if firstA <= firstB {
		weight--
	}
	return resultScale(numericMinSignificant-weight*numericDigitsPerBaseDigit, NumericScale(a), NumericScale(b))
}

// resultScale puts a wanted scale into PostgreSQL's bounds: at least that of
// the operands, at most 1000.
func resultScale(wanted int, a, b int32) int32 {
	return min(max(int32(wanted), a, b, 0), numericMaxDisplayScale)
}

// NumericMod returns the remainder of a / b truncated; it has a's sign.
func NumericMod(a, b string) (string, error) {
	if numericIsSpecial(a) || numericIsSpecial(b) {
		switch {
		case NumericIsNaN(a), NumericIsNaN(b):
			return NumericNaN, nil
		case !numericIsSpecial(a):
			return a, nil
		case NumericSign(b) == 0:
			return "", divisionByZeroError()
		default:
			return NumericNaN, nil
		}
	}
	if ca, cb, scale, ok := alignedSmall(a, b); ok && cb != 0 {
		if cb == -1 {
			return NumericFromSmall(0, scale), nil
		}
		return NumericFromSmall(ca%cb, scale), nil
	}
	var x, y decimal
	x.setNumeric(a)
	y.setNumeric(b)
	if y.coefficient.Sign() == 0 {
		return "", divisionByZeroError()
	}
	scale := max(x.scale, y.scale)
	x.rescale(scale)
	y.rescale(scale)
	x.coefficient.Rem(&x.coefficient, &y.coefficient)
	return x.numeric()
}

// NumericNeg returns -a.
func NumericNeg(a string) string {
	if coefficient, scale, ok := NumericSmall(a); ok && coefficient != math.MinInt64 {
		return NumericFromSmall(-coefficient, scale)
	}
	switch a[0] {
	case numericNaNByte:
		return a
	case numericPositiveInfinity:
		return NumericNegativeInfinity
	case numericNegativeInfinity:
		return NumericInfinity
	}
	var d decimal
	d.setNumeric(a)
	d.coefficient.Neg(&d.coefficient)
	return d.mustNumeric()
}

// NumericAbs returns |a|.
func NumericAbs(a string) string {
	if NumericSign(a) < 0 {
		return NumericNeg(a)
	}
	return a
}

// NumericRound returns a rounded half away from zero to scale digits behind
// the point, or in front of it for a negative scale.
func NumericRound(a string, scale int32) (string, error) {
	if numericIsSpecial(a) || NumericScale(a) == scale {
		return a, nil
	}
	scale = min(max(scale, -numericMaxResultScale), numericMaxResultScale)
	if coefficient, from, ok := NumericSmall(a); ok && scale >= 0 && scale < from && from-scale < 19 {
		return NumericFromSmall(roundSmall(coefficient, powersOfTen[from-scale]), scale), nil
	}
	var d decimal
	d.setNumeric(a)
	d.rescale(scale)
	if scale < 0 {
		d.rescale(0)
	}
	return d.numeric()
}

// roundSmall returns v / unit rounded half away from zero.
func roundSmall(v int64, unit uint64) int64 {
	m := magnitude(v)
	q := m / unit
	if m%unit >= unit-unit/2 {
		q++
	}
	if v < 0 {
		return -int64(q)
	}
	return int64(q)
}

// NumericTrunc returns a cut to scale digits behind the point, or in front of
// it for a negative scale.
func NumericTrunc(a string, scale int32) string {
	if numericIsSpecial(a) || NumericScale(a) == scale {
		return a
	}
	scale = min(max(scale, -numericMaxResultScale), numericMaxResultScale)
	var d decimal
	d.setNumeric(a)
	if scale < d.scale {
		d.coefficient.Quo(&d.coefficient, bigPowerOfTen(int(d.scale-scale)))
		d.scale = scale
	}
	d.rescale(max(scale, 0))
	return d.mustNumeric()
}

// NumericCeil returns the smallest integer not below a.
func NumericCeil(a string) string { return roundToward(a, 1) }

// NumericFloor returns the largest integer not above a.
func NumericFloor(a string) string { return roundToward(a, -1) }

// roundToward rounds to an integer in the direction of the sign.
func roundToward(a string, sign int) string {
	if numericIsSpecial(a) || NumericScale(a) == 0 {
		return a
	}
	var d decimal
	d.setNumeric(a)
	var fraction big.Int
	d.coefficient.QuoRem(&d.coefficient, bigPowerOfTen(int(d.scale)), &fraction)
	if fraction.Sign() == sign {
		d.coefficient.Add(&d.coefficient, big.NewInt(int64(sign)))
	}
	d.scale = 0
	return d.mustNumeric()
}
