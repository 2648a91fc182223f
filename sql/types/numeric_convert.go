package types

import (
	"bytes"
	"math"
	"math/big"
	"strconv"
)

// The significant digits that PostgreSQL keeps when it casts floating point to
// numeric.
const (
	float4Digits = 6
	float8Digits = 15
)

// NumericFromFloat converts a double precision to numeric with 15 significant
// digits.
func NumericFromFloat(f float64) string { return numericFromFloat(f, float8Digits) }

// NumericFromFloat4 converts a real to numeric with 6 significant digits.
func NumericFromFloat4(f float64) string { return numericFromFloat(f, float4Digits) }

func numericFromFloat(f float64, digits int) string {
	switch {
	case math.IsNaN(f):
		return NumericNaN
	case math.IsInf(f, 1):
		return NumericInfinity
	case math.IsInf(f, -1):
		return NumericNegativeInfinity
	}
	var room [32]byte
	printed := strconv.AppendFloat(room[:0], math.Abs(f), 'e', digits-1, 64)
	e := bytes.IndexByte(printed, 'e')
	exponent, _ := strconv.Atoi(string(printed[e+1:]))
	coefficient := int64(printed[0] - '0')
	for _, c := range printed[2:e] {
		coefficient = coefficient*10 + int64(c-'0')
	}
	scale := digits - 1 - exponent
	for coefficient%10 == 0 && (scale > 0 && coefficient != 0) {
		coefficient /= 10
		scale--
	}
	if coefficient == 0 {
		return NumericFromInt64(0)
	}
	if math.Signbit(f) {
		coefficient = -coefficient
	}
	if scale >= 0 {
		return NumericFromSmall(coefficient, int32(scale))
	}
	var d decimal
	d.coefficient.Mul(big.NewInt(coefficient), bigPowerOfTen(-scale))
	return d.mustNumeric()
}

// NumericToFloat returns the nearest double precision; it is infinite when s
// is too large for one.
func NumericToFloat(s string) float64 {
	const exactIntegers, exactPowers = 1 << 53, 22
	if coefficient, scale, ok := NumericSmall(s); ok && scale <= exactPowers && magnitude(coefficient) <= exactIntegers {
		// Both are exact in a double, so the quotient is rounded once.
		return float64(coefficient) / exactPowersOfTen[scale]
	}
	switch {
	case NumericIsNaN(s):
		return math.NaN()
	case numericIsSpecial(s):
		return math.Inf(NumericSign(s))
	}
	var room [64]byte
	f, err := strconv.ParseFloat(string(AppendNumericText(room[:0], s)), 64)
	if err != nil {
		return math.Inf(NumericSign(s))
	}
	return f
}

// exactPowersOfTen holds the powers of ten that a double holds exactly.
var exactPowersOfTen = [23]float64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// NumericToInt64 returns s rounded half away from zero; ok is false when it
// does not fit, and for NaN and the infinities.
func NumericToInt64(s string) (int64, bool) {
	coefficient, scale, ok := NumericSmall(s)
	switch {
	case ok && scale == 0:
		return coefficient, true
	case ok && int(scale) < len(powersOfTen):
		return roundSmall(coefficient, powersOfTen[scale]), true
	case ok:
		return 0, true
	case numericIsSpecial(s):
		return 0, false
	}
	var d decimal
	d.setNumeric(s)
	d.rescale(0)
	return d.coefficient.Int64(), d.coefficient.IsInt64()
}
