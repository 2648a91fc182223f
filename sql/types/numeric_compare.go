package types

import (
	"math/big"
	"strings"
)

// NumericCompare orders numerics as PostgreSQL: -Infinity, the numbers,
// Infinity, NaN; NaN equals itself. Scale does not matter: 1.0 equals 1.00.
func NumericCompare(a, b string) int {
	if a == b {
		return 0
	}
	if ca, cb, _, ok := alignedSmall(a, b); ok {
		return compareInt64(ca, cb)
	}
	if rankA, rankB := numericRank(a), numericRank(b); rankA != rankB || rankA != 0 {
		return compareInt64(int64(rankA), int64(rankB))
	}
	if signA, signB := NumericSign(a), NumericSign(b); signA != signB {
		return compareInt64(int64(signA), int64(signB))
	}
	return compareFinite(a, b)
}

// numericRank is -1 for -Infinity, 0 for numbers, 1 for Infinity, 2 for NaN.
func numericRank(s string) int {
	if !numericIsSpecial(s) {
		return 0
	}
	switch s[0] {
	case numericNegativeInfinity:
		return -1
	case numericPositiveInfinity:
		return 1
	default:
		return 2
	}
}

// compareFinite compares two numbers of the same sign.
func compareFinite(a, b string) int {
	negative, scaleA, digitsA, okA := bigParts(a)
	_, scaleB, digitsB, okB := bigParts(b)
	if okA && okB && scaleA == scaleB {
		order := compareInt64(int64(len(digitsA)), int64(len(digitsB)))
		if order == 0 {
			order = strings.Compare(digitsA, digitsB)
		}
		if negative {
			return -order
		}
		return order
	}
	var x, y decimal
	x.setNumeric(a)
	y.setNumeric(b)
	if x.scale < y.scale {
		x.coefficient.Mul(&x.coefficient, bigPowerOfTen(int(y.scale-x.scale)))
	} else if y.scale < x.scale {
		y.coefficient.Mul(&y.coefficient, bigPowerOfTen(int(x.scale-y.scale)))
	}
	return (*big.Int).Cmp(&x.coefficient, &y.coefficient)
}
