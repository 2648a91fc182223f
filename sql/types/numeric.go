package types

import (
	"encoding/binary"
	"math"
	"math/big"
	"math/bits"

	"github.com/cockroachdb/apd/v3"

	"millrace/sql/sqlerr"
)

// A numeric is a coefficient and a scale (digits behind the point), NaN or an
// infinity, kept as a string of bytes, the same in memory and on disk:
//
//	small   scale (0x00–0x3f) │ zig-zag varint of the signed coefficient
//	big     0x40 (≥ 0) or 0x41 (< 0) │ varint scale │ magnitude, big-endian
//	        without leading zero bytes
//	special 0x80 -Infinity, 0x81 Infinity, 0x82 NaN
//
// A value whose coefficient fits in an int64 and whose scale is at most 63 is
// always in the small form, so two numerics have the same bytes exactly when
// they print alike. The empty string is 0.
const (
	numericBigPositive      = 0x40
	numericBigNegative      = 0x41
	numericNegativeInfinity = 0x80
	numericPositiveInfinity = 0x81
	numericNaNByte          = 0x82

	maxSmallScale = 0x3f
)

// The numeric values that are not numbers.
const (
	NumericNaN              = "\x82"
	NumericInfinity         = "\x81"
	NumericNegativeInfinity = "\x80"
)

// PostgreSQL's limits and constants of the type
// (https://www.postgresql.org/docs/15/datatype-numeric.html).
const (
	numericMaxIntegerDigits   = 131072
	numericMaxScale           = 16383
	numericMinSignificant     = 16
	numericMaxDisplayScale    = 1000
	numericMaxResultScale     = 2000
	numericDigitsPerBaseDigit = 4 // PostgreSQL computes in base 10,000
)

func numericOverflowError() error {
	return sqlerr.New(sqlerr.NumericValueOutOfRange, -1, "value overflows numeric format")
}

// powersOfTen holds the powers of ten that fit in a uint64.
var powersOfTen = [20]uint64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}

// NumericFromInt64 returns v with scale 0.
func NumericFromInt64(v int64) string { return NumericFromSmall(v, 0) }

// NumericFromSmall returns coefficient × 10^-scale, 0 ≤ scale ≤ 16383.
func NumericFromSmall(coefficient int64, scale int32) string {
	var buf [24]byte
	return string(AppendNumericSmall(buf[:0], coefficient, scale))
}

// AppendNumericSmall appends the bytes of coefficient × 10^-scale to buf,
// 0 ≤ scale ≤ 16383.
func AppendNumericSmall(buf []byte, coefficient int64, scale int32) []byte {
	if scale > maxSmallScale {
		return appendMinimalBigEndian(appendBigHeader(buf, coefficient < 0, scale), magnitude(coefficient))
	}
	return appendUvarint(append(buf, byte(scale)), zigZag(coefficient))
}

// NumericSmall takes a numeric in the small form apart; ok is false for the
// other forms.
func NumericSmall(s string) (coefficient int64, scale int32, ok bool) {
	if len(s) < 2 {
		return 0, 0, s == ""
	}
	header := s[0]
	if header > maxSmallScale {
		return 0, 0, false
	}
	u, n := stringUvarint(s[1:])
	if n <= 0 {
		return 0, 0, false
	}
	return unZigZag(u), int32(header), true
}

// appendNumericWords appends a number whose magnitude has 128 bits, in the
// form it belongs in.
func appendNumericWords(buf []byte, negative bool, hi, lo uint64, scale int32) []byte {
	if hi == 0 && lo <= math.MaxInt64 && scale <= maxSmallScale {
		coefficient := int64(lo)
		if negative {
			coefficient = -coefficient
		}
		return AppendNumericSmall(buf, coefficient, scale)
	}
	if hi == 0 && lo == 1<<63 && negative && scale <= maxSmallScale {
		return AppendNumericSmall(buf, math.MinInt64, scale)
	}
	buf = appendBigHeader(buf, negative, scale)
	if hi == 0 {
		return appendMinimalBigEndian(buf, lo)
	}
	buf = appendMinimalBigEndian(buf, hi)
	return binary.BigEndian.AppendUint64(buf, lo)
}

func appendBigHeader(buf []byte, negative bool, scale int32) []byte {
	header := byte(numericBigPositive)
	if negative {
		header = numericBigNegative
	}
	buf = append(buf, header)
	return binary.AppendUvarint(buf, uint64(scale))
}

// appendMinimalBigEndian appends v without leading zero bytes.
func appendMinimalBigEndian(buf []byte, v uint64) []byte {
	for shift := (bits.Len64(v)+7)/8*8 - 8; shift >= 0; shift -= 8 {
		buf = append(buf, byte(v>>uint(shift)))
	}
	return buf
}

// bigParts takes a numeric in the big form apart. The magnitude aliases s.
func bigParts(s string) (negative bool, scale int32, magnitude string, ok bool) {
	if len(s) < 2 || (s[0] != numericBigPositive && s[0] != numericBigNegative) {
		return false, 0, "", false
	}
	u, n := stringUvarint(s[1:])
	if n <= 0 || u > numericMaxScale {
		return false, 0, "", false
	}
	return s[0] == numericBigNegative, int32(u), s[1+n:], true
}

// NumericIsNaN reports whether s is NaN.
func NumericIsNaN(s string) bool { return len(s) == 1 && s[0] == numericNaNByte }

// numericIsSpecial reports whether s is NaN or an infinity.
func numericIsSpecial(s string) bool { return len(s) > 0 && s[0] >= numericNegativeInfinity }

// NumericScale returns the number of digits behind the point, 0 for the
// special values.
func NumericScale(s string) int32 {
	if s == "" || numericIsSpecial(s) {
		return 0
	}
	if s[0] <= maxSmallScale {
		return int32(s[0])
	}
	_, scale, _, _ := bigParts(s)
	return scale
}

// NumericSign returns -1, 0 or 1; for NaN 0, for the infinities their sign.
func NumericSign(s string) int {
	if coefficient, _, ok := NumericSmall(s); ok {
		return compareInt64(coefficient, 0)
	}
	switch s[0] {
	case numericNegativeInfinity:
		return -1
	case numericPositiveInfinity:
		return 1
	case numericNaNByte:
		return 0
	}
	negative, _, digits, _ := bigParts(s)
	switch {
	case digits == "":
		return 0
	case negative:
		return -1
	default:
		return 1
	}
}

// decimal is a finite numeric taken apart for arithmetic on numbers of any
// size.
type decimal struct {
	coefficient big.Int // signed
	scale       int32
}

// setNumeric sets d to a finite numeric.
func (d *decimal) setNumeric(s string) {
	if coefficient, scale, ok := NumericSmall(s); ok {
		d.coefficient.SetInt64(coefficient)
		d.scale = scale
		return
	}
	negative, scale, digits, _ := bigParts(s)
	d.coefficient.SetBytes([]byte(digits))
	if negative {
		d.coefficient.Neg(&d.coefficient)
	}
	d.scale = scale
}

// numeric returns d's bytes, or 22003 when it is beyond PostgreSQL's limits.
func (d *decimal) numeric() (string, error) {
	if d.scale > numericMaxScale || d.integerDigits() > numericMaxIntegerDigits {
		return "", numericOverflowError()
	}
	return d.mustNumeric(), nil
}

// mustNumeric returns d's bytes; the caller knows that d is in range.
func (d *decimal) mustNumeric() string {
	if d.coefficient.IsInt64() {
		return NumericFromSmall(d.coefficient.Int64(), d.scale)
	}
	var room [48]byte
	buf := appendBigHeader(room[:0], d.coefficient.Sign() < 0, d.scale)
	return string(append(buf, d.coefficient.Bytes()...))
}

// integerDigits returns how many digits d has before the point; 0 or less when
// d is below 1.
func (d *decimal) integerDigits() int {
	// An estimate from the bit length settles all but numbers near the limit.
	bitLength := d.coefficient.BitLen()
	if estimate := bitLength*30103/100000 + 1 - int(d.scale); estimate < numericMaxIntegerDigits-8 {
		return estimate
	}
	return decimalDigits(&d.coefficient) - int(d.scale)
}

// decimalDigits returns the number of decimal digits of |v|, 0 for 0.
func decimalDigits(v *big.Int) int {
	if v.IsInt64() {
		return digitCount(magnitude(v.Int64()))
	}
	// The bit length gives the number of digits or one too many.
	n := int(float64(v.BitLen())*math.Log10(2)) + 1
	if bigPowerOfTen(n-1).CmpAbs(v) > 0 {
		n--
	}
	return n
}

// digitCount returns the number of decimal digits of v, 0 for 0.
func digitCount(v uint64) int {
	if v == 0 {
		return 0
	}
	n := bits.Len64(v) * 1233 >> 12
	if n < len(powersOfTen) && v >= powersOfTen[n] {
		n++
	}
	return n
}

var bigTen = big.NewInt(10)

func bigPowerOfTen(n int) *big.Int {
	if n < len(powersOfTen) {
		return new(big.Int).SetUint64(powersOfTen[n])
	}
	return new(big.Int).Exp(bigTen, big.NewInt(int64(n)), nil)
}

// rescale changes d's scale, rounding half away from zero where digits go.
func (d *decimal) rescale(scale int32) {
	switch {
	case scale > d.scale:
		d.coefficient.Mul(&d.coefficient, bigPowerOfTen(int(scale-d.scale)))
	case scale < d.scale:
		divideRounded(&d.coefficient, &d.coefficient, bigPowerOfTen(int(d.scale-scale)))
	}
	d.scale = scale
}

// divideRounded sets z to x / y, rounded half away from zero. z may be x.
func divideRounded(z, x, y *big.Int) {
	negative := x.Sign()*y.Sign() < 0
	var remainder big.Int
	z.QuoRem(x, y, &remainder)
	remainder.Lsh(&remainder, 1)
	if remainder.CmpAbs(y) >= 0 {
		if negative {
			z.Sub(z, bigOne)
		} else {
			z.Add(z, bigOne)
		}
	}
}

var bigOne = big.NewInt(1)

// NumericFromDecimal returns d as a numeric. Exponents above 0 become digits;
// a value beyond PostgreSQL's limits becomes NaN, which callers that can meet
// one must exclude.
func NumericFromDecimal(d *apd.Decimal) string {
	switch d.Form {
	case apd.Infinite:
		if d.Negative {
			return NumericNegativeInfinity
		}
		return NumericInfinity
	case apd.NaN, apd.NaNSignaling:
		return NumericNaN
	}
	out := decimal{scale: -d.Exponent}
	out.coefficient.Set(d.Coeff.MathBigInt())
	if d.Negative {
		out.coefficient.Neg(&out.coefficient)
	}
	if out.scale < 0 {
		if d.Exponent > numericMaxIntegerDigits {
			return NumericNaN
		}
		out.rescale(0)
	}
	s, err := out.numeric()
	if err != nil {
		return NumericNaN
	}
	return s
}

// NumericToDecimal sets d to the numeric s.
func NumericToDecimal(s string, d *apd.Decimal) {
	if coefficient, scale, ok := NumericSmall(s); ok {
		d.SetFinite(coefficient, -scale)
		return
	}
	switch s[0] {
	case numericNaNByte:
		*d = apd.Decimal{Form: apd.NaN}
	case numericPositiveInfinity:
		*d = apd.Decimal{Form: apd.Infinite}
	case numericNegativeInfinity:
		*d = apd.Decimal{Form: apd.Infinite, Negative: true}
	default:
		negative, scale, digits, _ := bigParts(s)
		*d = apd.Decimal{Negative: negative, Exponent: -scale}
		d.Coeff.SetBytes([]byte(digits))
	}
}
