package types

import (
	"math"
	"math/big"

	"github.com/cockroachdb/apd/v3"
)

// isInteger reports whether a finite numeric has no fraction but zeros.
func isInteger(a string) bool { return NumericCompare(a, NumericTrunc(a, 0)) == 0 }

// isOdd reports whether a finite integer is odd.
func isOdd(a string) bool {
	remainder, err := NumericMod(a, NumericFromInt64(2))
	return err == nil && NumericSign(remainder) != 0
}

// NumericPower returns a raised to b. Errors: 2201F for 0 to a negative power
// and a negative number to one with a fraction, 22003 for results too large.
func NumericPower(a, b string) (string, error) {
	if numericIsSpecial(a) || numericIsSpecial(b) {
		return powerSpecial(a, b)
	}
	signA, signB := NumericSign(a), NumericSign(b)
	switch {
	case signA == 0 && signB < 0:
		return "", zeroPowerError()
	case signA < 0 && !isInteger(b):
		return "", negativePowerError()
	}
	if isInteger(b) {
		if n, ok := NumericToInt64(b); ok && n == int64(int32(n)) {
			return powerInteger(a, n)
		}
	}
	if signA == 0 {
		return zeroWithScale(numericMinSignificant), nil
	}
	return powerFraction(a, b)
}

// powerSpecial applies the rules of C's pow to NaN and the infinities.
func powerSpecial(a, b string) (string, error) {
	one := NumericFromInt64(1)
	aIsOne := !numericIsSpecial(a) && NumericCompare(a, one) == 0
	switch {
	case NumericIsNaN(a) && !numericIsSpecial(b) && NumericSign(b) == 0, NumericIsNaN(b) && aIsOne:
		return one, nil
	case NumericIsNaN(a), NumericIsNaN(b):
		return NumericNaN, nil
	}
	signA, signB := NumericSign(a), NumericSign(b)
	switch {
	case signA == 0 && signB < 0:
		return "", zeroPowerError()
	case signA < 0 && !numericIsSpecial(b) && !isInteger(b):
		return "", negativePowerError()
	case aIsOne, signB == 0:
		return one, nil
	case signA == 0:
		return NumericFromInt64(0), nil
	case numericIsSpecial(b):
		above := numericIsSpecial(a)
		if !above {
			order := NumericCompare(NumericAbs(a), one)
			if order == 0 {
				return one, nil
			}
			above = order > 0
		}
		if above == (signB > 0) {
			return NumericInfinity, nil
		}
		return NumericFromInt64(0), nil
	case signB < 0:
		return NumericFromInt64(0), nil
	case signA < 0 && isOdd(b):
		return NumericNegativeInfinity, nil
	default:
		return NumericInfinity, nil
	}
}

// maxExactDigits bounds the size of powers that are computed exactly.
const maxExactDigits = 300_000

// powerInteger returns a^n with 16 digits behind the point, or as many as a has.
func powerInteger(a string, n int64) (string, error) {
	weight := 0.0
	if NumericSign(a) != 0 {
		digits, exponent := leadingSixteen(a)
		weight = float64(n) * (math.Log10(digits) + float64(exponent))
	}
	if weight > numericMaxIntegerDigits {
		return "", numericOverflowError()
	}
	scale := resultScale(numericMinSignificant, NumericScale(a), 0)
	if weight+1 < -float64(scale) {
		return zeroWithScale(scale), nil
	}
	var base decimal
	base.setNumeric(a)
	if steps := int64(magnitude(n)) * int64(decimalDigits(&base.coefficient)); steps > maxExactDigits {
		digits := int(scale) + int(weight) + 2*guardDigits
		return powerBySquaring(&base, n, max(digits, 2*guardDigits), scale)
	}
	exponent := new(big.Int).SetUint64(magnitude(n))
	base.coefficient.Exp(&base.coefficient, exponent, nil)
	power := int64(base.scale) * int64(magnitude(n))
	if n >= 0 {
		return scaledDown(&base.coefficient, power, scale)
	}
	if base.coefficient.Sign() == 0 {
		return "", divisionByZeroError()
	}
	// 1 / (c × 10^-power), rounded to scale.
	numerator := bigPowerOfTen(int(power) + int(scale))
	divideRounded(numerator, numerator, &base.coefficient)
	result := decimal{scale: scale}
	result.coefficient.Set(numerator)
	return result.numeric()
}

// powerBySquaring returns base^n computed with so many digits, rounded to a
// scale. base is changed.
func powerBySquaring(base *decimal, n int64, digits int, scale int32) (string, error) {
	// The exponent of ten grows beyond a scale's range, so it is apart.
	square := &base.coefficient
	squareScale := int64(base.scale)
	result, resultScale := big.NewInt(1), int64(0)
	for left := magnitude(n); left > 0; left >>= 1 {
		if left&1 != 0 {
			result.Mul(result, square)
			resultScale = cutDigits(result, resultScale+squareScale, digits)
		}
		square.Mul(square, square)
		squareScale = cutDigits(square, 2*squareScale, digits)
	}
	if n < 0 {
		// 1 / result, with so many digits.
		shift := decimalDigits(result) + digits
		result.Quo(bigPowerOfTen(shift), result)
		resultScale = int64(shift) - resultScale
	}
	return scaledDown(result, resultScale, scale)
}

// cutDigits drops digits of v beyond so many and returns its new scale.
func cutDigits(v *big.Int, scale int64, digits int) int64 {
	drop := decimalDigits(v) - digits
	if drop <= 0 {
		return scale
	}
	v.Quo(v, bigPowerOfTen(drop))
	return scale - int64(drop)
}

// scaledDown returns coefficient × 10^-power rounded to a scale.
func scaledDown(coefficient *big.Int, power int64, scale int32) (string, error) {
	result := decimal{scale: scale}
	if shift := power - int64(scale); shift > 0 {
		divideRounded(&result.coefficient, coefficient, bigPowerOfTen(int(shift)))
	} else {
		result.coefficient.Mul(coefficient, bigPowerOfTen(int(-shift)))
	}
	return result.numeric()
}

// leadingSixteen returns about the first 16 digits of a number that is not 0,
// without sign, and the power of ten behind them.
func leadingSixteen(a string) (digits float64, exponent int) {
	var d decimal
	d.setNumeric(a)
	d.coefficient.Abs(&d.coefficient)
	exponent = -int(d.scale)
	if drop := decimalDigits(&d.coefficient) - numericMinSignificant; drop > 0 {
		d.coefficient.Quo(&d.coefficient, bigPowerOfTen(drop))
		exponent += drop
	}
	return float64(d.coefficient.Int64()), exponent
}

// powerFraction returns a^b for b with a fraction, or too large for powerInteger.
func powerFraction(a, b string) (string, error) {
	// A rough result first, which tells the scale.
	lnWeight := logarithmWeight(NumericAbs(a))
	value, err := roughExponent(NumericAbs(a), b, lnWeight)
	switch {
	case err != nil:
		return "", err
	case value > numericMaxResultScale*3.01:
		return "", numericOverflowError()
	case value < -numericMaxResultScale*3.01:
		return zeroWithScale(numericMaxDisplayScale), nil
	}
	weight := value * log10E
	scale := resultScale(numericMinSignificant-int(weight), NumericScale(a), NumericScale(b))
	if weight+2 < -float64(scale) {
		return zeroWithScale(scale), nil
	}
	result, err := powerByLogarithm(NumericAbs(a), b, scale, math.Abs(weight)+math.Abs(float64(lnWeight)))
	if err == nil && NumericSign(a) < 0 && isOdd(b) {
		result = NumericNeg(result)
	}
	return result, err
}

// roughExponent returns b ln a rounded to about eight digits, as PostgreSQL
// does: scales of results depend on how it rounds.
func roughExponent(a, b string, lnWeight int) (float64, error) {
	scale := resultScale(8-lnWeight, 0, 0)
	var x, ln apd.Decimal
	NumericToDecimal(a, &x)
	if err := lnDecimal(&ln, &x, int(scale)+lnWeight); err != nil {
		return 0, err
	}
	rounded, err := roundedNumeric(&ln, scale)
	if err != nil {
		return 0, err
	}
	product, err := NumericMul(rounded, b)
	if err != nil {
		return 0, err
	}
	product, err = NumericRound(product, scale)
	return NumericToFloat(product), err
}

// powerByLogarithm returns a^b, rounded to a scale, as e^(b ln a). weight is at
// least the number of digits before the point.
func powerByLogarithm(a, b string, scale int32, weight float64) (string, error) {
	var x, y, result apd.Decimal
	NumericToDecimal(NumericAbs(a), &x)
	NumericToDecimal(b, &y)
	// The digits of the exponent before its point are lost to the result.
	digits := int(scale) + int(math.Max(weight, 0)) + guardDigits + len("2147483648")
	if err := lnDecimal(&result, &x, digits); err != nil {
		return "", err
	}
	if _, err := decimalContext(digits+guardDigits).Mul(&result, &result, &y); err != nil {
		return "", numericOverflowError()
	}
	exponent := result
	if err := expDecimal(&result, &exponent, digits); err != nil {
		return "", err
	}
	s, err := roundedNumeric(&result, scale)
	if err == nil && NumericSign(a) < 0 && isOdd(b) {
		s = NumericNeg(s)
	}
	return s, err
}
