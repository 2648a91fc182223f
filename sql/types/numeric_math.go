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

func sqrtNegativeError() error {
	return sqlerr.New(sqlerr.InvalidArgumentForPowerFunction, -1, "cannot take square root of a negative number")
}

func logZeroError() error {
	return sqlerr.New(sqlerr.InvalidArgumentForLogarithm, -1, "cannot take logarithm of zero")
}

func logNegativeError() error {
	return sqlerr.New(sqlerr.InvalidArgumentForLogarithm, -1, "cannot take logarithm of a negative number")
}

func zeroPowerError() error {
	return sqlerr.New(sqlerr.InvalidArgumentForPowerFunction, -1, "zero raised to a negative power is undefined")
}

func negativePowerError() error {
	return sqlerr.New(sqlerr.InvalidArgumentForPowerFunction, -1,
		"a negative number raised to a non-integer power yields a complex result")
}

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
		return "", numericOverflowError()
	}
	var out decimal
	out.coefficient.Set(d.Coeff.MathBigInt())
	if d.Negative {
		out.coefficient.Neg(&out.coefficient)
	}
	out.scale = -d.Exponent
	if digits := d.NumDigits() + int64(d.Exponent); digits > numericMaxIntegerDigits {
		return "", numericOverflowError()
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
		return "", sqrtNegativeError()
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
			return "", numericOverflowError()
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
		return numericOverflowError()
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
		return logZeroError()
	case -1:
		return logNegativeError()
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
		return numericOverflowError()
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
		return "", logNegativeError()
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
		return "", divisionByZeroError()
	}
	if err := lnDecimal(&lnY, &y, digits); err != nil {
		return "", err
	}
	if _, err := decimalContext(digits+guardDigits).Quo(&result, &lnY, &lnX); err != nil {
		return "", numericOverflowError()
	}
	return roundedNumeric(&result, scale)
}
