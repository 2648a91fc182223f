package types

import (
	"math"
	"math/big"

	"github.com/cockroachdb/apd/v3"

	"millrace/sql/sqlerr"
)

// The functions below compute with guardDigits digits more than their result
// has and round once, half away from zero. Scales of results follow
// PostgreSQL's rule: 16 significant digits, at least the operands' scales.
const guardDigits = 12

var (
	errSqrtNegative  = sqlerr.New(sqlerr.InvalidArgumentForPowerFunction, -1, "cannot take square root of a negative number")
	errLogZero       = sqlerr.New(sqlerr.InvalidArgumentForLogarithm, -1, "cannot take logarithm of zero")
	errLogNegative   = sqlerr.New(sqlerr.InvalidArgumentForLogarithm, -1, "cannot take logarithm of a negative number")
	errZeroPower     = sqlerr.New(sqlerr.InvalidArgumentForPowerFunction, -1, "zero raised to a negative power is undefined")
	errNegativePower = sqlerr.New(sqlerr.InvalidArgumentForPowerFunction, -1,
		"a negative number raised to a non-integer power yields a complex result")
)

// decimalContext returns a context of apd for so many significant digits.
func decimalContext(digits int) *apd.Context {
	return &apd.Context{
		Precision:   uint32(max(digits, guardDigits)),
		MaxExponent: apd.MaxExponent,
		MinExponent: apd.MinExponent,
		Rounding:    apd.RoundHalfUp,
	}
}

// roundedNumeric returns d rounded to a scale.
func roundedNumeric(d *apd.Decimal, scale int32) (string, error) {
	if d.Form != apd.Finite {
		return "", errNumericOverflow
	}
	var out decimal
	out.coefficient.Set(d.Coeff.MathBigInt())
	if d.Negative {
		out.coefficient.Neg(&out.coefficient)
	}
	out.scale = -d.Exponent
	if digits := d.NumDigits() + int64(d.Exponent); digits > numericMaxIntegerDigits {
		return "", errNumericOverflow
	}
	out.rescale(scale)
	return out.numeric()
}

// zeroWithScale returns 0 with digits behind the point.
func zeroWithScale(scale int32) string { return NumericFromSmall(0, scale) }

// NumericSqrt returns the square root of a; 2201F for negative numbers.
func NumericSqrt(a string) (string, error) {
	switch {
	case NumericSign(a) < 0:
		return "", errSqrtNegative
	case numericIsSpecial(a):
		return a, nil
	}
	weight, _ := leadingDigits(a)
	// Half of the digits before the point, rounded up.
	digits := floorDiv(weight*numericDigitsPerBaseDigit, 2) + 1
	scale := resultScale(numericMinSignificant-digits, NumericScale(a), 0)
	// The root of the number with twice as many digits, and one to round by.
	var d decimal
	d.setNumeric(a)
	shift := 2*(scale+1) - d.scale
	if shift >= 0 {
		d.coefficient.Mul(&d.coefficient, bigPowerOfTen(int(shift)))
	} else {
		d.coefficient.Quo(&d.coefficient, bigPowerOfTen(int(-shift)))
	}
	d.coefficient.Sqrt(&d.coefficient)
	d.scale = scale + 1
	d.rescale(scale)
	return d.numeric()
}

// log10E is the decimal logarithm of e.
const log10E = 0.434294481903252

// NumericExp returns e raised to a; 22003 when that is too large.
func NumericExp(a string) (string, error) {
	switch {
	case a == NumericNegativeInfinity:
		return NumericFromInt64(0), nil
	case numericIsSpecial(a):
		return a, nil
	}
	value := NumericToFloat(a)
	weight := min(max(value*log10E, -numericMaxResultScale), numericMaxResultScale)
	scale := resultScale(numericMinSignificant-int(weight), NumericScale(a), 0)
	if math.Abs(value) >= numericMaxResultScale*3 {
		if value > 0 {
			return "", errNumericOverflow
		}
		return zeroWithScale(scale), nil
	}
	var x, result apd.Decimal
	NumericToDecimal(a, &x)
	if err := expDecimal(&result, &x, int(scale)+int(value*log10E)); err != nil {
		return "", err
	}
	return roundedNumeric(&result, scale)
}

// expDecimal sets result to e^x with so many digits and guard digits.
func expDecimal(result, x *apd.Decimal, digits int) error {
	if x.IsZero() {
		result.SetInt64(1)
		return nil
	}
	if _, err := decimalContext(digits+guardDigits).Exp(result, x); err != nil {
		return errNumericOverflow
	}
	return nil
}

// checkLogarithm returns the error of a logarithm's argument.
func checkLogarithm(a string) error {
	if NumericIsNaN(a) {
		return nil
	}
	switch NumericSign(a) {
	case 0:
		return errLogZero
	case -1:
		return errLogNegative
	default:
		return nil
	}
}

// NumericLn returns the natural logarithm of a; 2201E when a is not positive.
func NumericLn(a string) (string, error) {
	if err := checkLogarithm(a); err != nil || numericIsSpecial(a) {
		return a, err
	}
	weight := logarithmWeight(a)
	scale := resultScale(numericMinSignificant-weight, NumericScale(a), 0)
	var x, result apd.Decimal
	NumericToDecimal(a, &x)
	if err := lnDecimal(&result, &x, int(scale)+weight); err != nil {
		return "", err
	}
	return roundedNumeric(&result, scale)
}

// lnDecimal sets result to ln x with so many digits and guard digits.
func lnDecimal(result, x *apd.Decimal, digits int) error {
	if _, err := decimalContext(digits+guardDigits).Ln(result, x); err != nil {
		return errNumericOverflow
	}
	return nil
}

// logarithmWeight estimates the power of ten of ln a's first digit as
// PostgreSQL does, for a above 0.
func logarithmWeight(a string) int {
	if NumericCompare(a, NumericFromSmall(9, 1)) >= 0 && NumericCompare(a, NumericFromSmall(11, 1)) <= 0 {
		// Near 1, ln(1 + x) is about x.
		x, _ := NumericSub(a, NumericFromInt64(1))
		if NumericSign(x) == 0 {
			return 0
		}
		return decimalExponent(x)
	}
	digits, exponent := leadingEight(a)
	return int(math.Log10(math.Abs(math.Log(digits) + float64(exponent)*math.Ln10)))
}

// decimalExponent returns the power of ten of the first digit of a number that
// is not 0.
func decimalExponent(a string) int {
	var d decimal
	d.setNumeric(a)
	return decimalDigits(&d.coefficient) - int(d.scale) - 1
}

// leadingEight returns the first one or two digits in base 10,000 and the power
// of ten behind them.
func leadingEight(a string) (digits float64, exponent int) {
	weight, first := leadingDigits(a)
	unit := weight * numericDigitsPerBaseDigit
	var d decimal
	d.setNumeric(a)
	// Cut behind the second digit, where there is anything behind the first.
	second := unit - numericDigitsPerBaseDigit
	cut := new(big.Int).Abs(&d.coefficient)
	if shift := second + int(d.scale); shift > 0 {
		cut.Quo(cut, bigPowerOfTen(shift))
	} else {
		cut.Mul(cut, bigPowerOfTen(-shift))
	}
	both := cut.Int64()
	if both == int64(first)*numericBase {
		return float64(first), unit
	}
	return float64(both), second
}

// NumericLog returns the logarithm of a to a base; 2201E when either is not
// positive, 22012 for base 1.
func NumericLog(base, a string) (string, error) {
	if NumericIsNaN(base) || NumericIsNaN(a) {
		return NumericNaN, nil
	}
	if (numericIsSpecial(base) || numericIsSpecial(a)) && (NumericSign(base) < 0 || NumericSign(a) < 0) {
		return "", errLogNegative
	}
	if err := checkLogarithm(base); err != nil {
		return "", err
	}
	if err := checkLogarithm(a); err != nil {
		return "", err
	}
	switch {
	case numericIsSpecial(base) && numericIsSpecial(a):
		return NumericNaN, nil
	case numericIsSpecial(base):
		return NumericFromInt64(0), nil
	case numericIsSpecial(a):
		return NumericInfinity, nil
	}
	weightBase, weightA := logarithmWeight(base), logarithmWeight(a)
	weight := weightA - weightBase
	scale := resultScale(numericMinSignificant-weight, NumericScale(base), NumericScale(a))
	digits := max(int(scale)+weight, 0) + guardDigits
	var x, y, lnX, lnY, result apd.Decimal
	NumericToDecimal(base, &x)
	NumericToDecimal(a, &y)
	if err := lnDecimal(&lnX, &x, digits); err != nil {
		return "", err
	}
	if lnX.IsZero() {
		return "", errDivisionByZero
	}
	if err := lnDecimal(&lnY, &y, digits); err != nil {
		return "", err
	}
	if _, err := decimalContext(digits+guardDigits).Quo(&result, &lnY, &lnX); err != nil {
		return "", errNumericOverflow
	}
	return roundedNumeric(&result, scale)
}

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
		return "", errZeroPower
	case signA < 0 && !isInteger(b):
		return "", errNegativePower
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
		return "", errZeroPower
	case signA < 0 && !numericIsSpecial(b) && !isInteger(b):
		return "", errNegativePower
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
		return "", errNumericOverflow
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
		return "", errDivisionByZero
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
		return "", errNumericOverflow
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
		return "", errNumericOverflow
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
