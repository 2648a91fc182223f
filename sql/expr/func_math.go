package expr

import (
	"math"
	"math/big"
	"math/rand/v2"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// defineMath defines https://www.postgresql.org/docs/15/functions-math.html.
func (b *builder) defineMath() {
	b.defineRounding()
	b.defineTranscendental()
	b.function("pi", "", "float8", lift0c(func(*Context) (float64, error) { return math.Pi, nil }), "π")
	b.function("degrees", "float8", "float8", lift1e(func(v float64) (float64, error) { return finiteResult(v/(math.Pi/180), v) }), "radians to degrees")
	b.function("radians", "float8", "float8", lift1(func(v float64) float64 { return v * (math.Pi / 180) }), "degrees to radians")
	b.function("sign", "float8", "float8", lift1(signFloat), "-1, 0 or 1; 0 for NaN")
	b.function("sign", "numeric", "numeric", lift1(func(v string) string {
		if types.NumericIsNaN(v) {
			return v
		}
		return types.NumericFromInt64(int64(types.NumericSign(v)))
	}), "-1, 0 or 1")
	b.function("div", "numeric,numeric", "numeric", lift2e(divideWhole), "integer quotient, truncated towards zero")
	b.function("scale", "numeric", "int4", lift1e(func(v string) (int64, error) {
		if isSpecialNumeric(v) {
			return 0, errNull
		}
		return int64(types.NumericScale(v)), nil
	}), "number of digits behind the point")
	b.function("min_scale", "numeric", "int4", lift1e(func(v string) (int64, error) {
		if isSpecialNumeric(v) {
			return 0, errNull
		}
		return int64(types.NumericScale(trimScale(v))), nil
	}), "number of digits behind the point that are needed")
	b.function("trim_scale", "numeric", "numeric", lift1(trimScale), "without zeros at the end of the fraction")
	b.function("factorial", "int8", "numeric", lift1e(factorial), "product of the integers up to a number")
	b.function("width_bucket", "float8,float8,float8,int4", "int4", lift4e(widthBucket), "number of the equal-width bucket that a value falls in")
	b.function("random", "", "float8", lift0c(func(ctx *Context) (float64, error) { return ctx.random(), nil }), "random number from 0 (included) to 1 (excluded)", volatile)
}

// random returns a number in [0, 1).
func (c *Context) random() float64 {
	if c.Random != nil {
		return c.Random.Float64()
	}
	return rand.Float64()
}

// finiteResult fails when a finite argument gave an infinite result.
func finiteResult(r, argument float64) (float64, error) {
	if math.IsInf(r, 0) && !math.IsInf(argument, 0) {
		return 0, errOverflow
	}
	return r, nil
}

func signFloat(v float64) float64 {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return 0
}

func isSpecialNumeric(v string) bool {
	return types.NumericIsNaN(v) || v == types.NumericInfinity || v == types.NumericNegativeInfinity
}

func (b *builder) defineRounding() {
	for _, name := range []string{"ceil", "ceiling"} {
		b.function(name, "float8", "float8", lift1(math.Ceil), "nearest integer not below")
		b.function(name, "numeric", "numeric", lift1(types.NumericCeil), "nearest integer not below")
	}
	b.function("floor", "float8", "float8", lift1(math.Floor), "nearest integer not above")
	b.function("floor", "numeric", "numeric", lift1(types.NumericFloor), "nearest integer not above")
	b.function("round", "float8", "float8", lift1(math.RoundToEven), "nearest integer, ties to even")
	b.function("round", "numeric", "numeric", lift1e(func(v string) (string, error) { return types.NumericRound(v, 0) }), "nearest integer, ties away from zero")
	b.function("round", "numeric,int4", "numeric", lift2e(func(v string, scale int64) (string, error) {
		return types.NumericRound(v, clampScale(scale))
	}), "rounded to a number of digits behind the point")
	b.function("trunc", "float8", "float8", lift1(math.Trunc), "truncated towards zero")
	b.function("trunc", "numeric", "numeric", lift1(func(v string) string { return types.NumericTrunc(v, 0) }), "truncated towards zero")
	b.function("trunc", "numeric,int4", "numeric", lift2(func(v string, scale int64) string {
		return types.NumericTrunc(v, clampScale(scale))
	}), "truncated to a number of digits behind the point")
}

// clampScale bounds the digits that round and trunc are asked for, as
// PostgreSQL does.
func clampScale(scale int64) int32 {
	const limit = 2000
	return int32(min(max(scale, -limit), limit))
}

func (b *builder) defineTranscendental() {
	b.function("sqrt", "float8", "float8", lift1e(squareRoot), "square root")
	b.function("sqrt", "numeric", "numeric", lift1e(types.NumericSqrt), "square root")
	b.function("cbrt", "float8", "float8", lift1(math.Cbrt), "cube root")
	b.function("exp", "float8", "float8", lift1e(exponential), "e to the power")
	b.function("exp", "numeric", "numeric", lift1e(types.NumericExp), "e to the power")
	b.function("ln", "float8", "float8", lift1e(func(v float64) (float64, error) { return logarithm(v, math.Log) }), "natural logarithm")
	b.function("ln", "numeric", "numeric", lift1e(types.NumericLn), "natural logarithm")
	for _, name := range []string{"log", "log10"} {
		b.function(name, "float8", "float8", lift1e(func(v float64) (float64, error) { return logarithm(v, math.Log10) }), "logarithm to base 10")
		b.function(name, "numeric", "numeric", lift1e(func(v string) (string, error) {
			return types.NumericLog(types.NumericFromInt64(10), v)
		}), "logarithm to base 10")
	}
	b.function("log", "numeric,numeric", "numeric", lift2e(types.NumericLog), "logarithm to a base")
	b.function("sinh", "float8", "float8", lift1(math.Sinh), "hyperbolic sine")
	b.function("cosh", "float8", "float8", lift1(math.Cosh), "hyperbolic cosine")
	b.function("tanh", "float8", "float8", lift1(math.Tanh), "hyperbolic tangent")
	b.function("asinh", "float8", "float8", lift1(math.Asinh), "inverse hyperbolic sine")
	b.function("atan", "float8", "float8", lift1(math.Atan), "inverse tangent")
	ofFinite := func(f func(float64) float64) Kernel {
		return lift1e(func(v float64) (float64, error) {
			if math.IsInf(v, 0) {
				return 0, errInputRange
			}
			return f(v), nil
		})
	}
	b.function("sin", "float8", "float8", ofFinite(math.Sin), "sine")
	b.function("cos", "float8", "float8", ofFinite(math.Cos), "cosine")
	b.function("tan", "float8", "float8", ofFinite(math.Tan), "tangent")
	b.function("cot", "float8", "float8", ofFinite(func(v float64) float64 { return 1 / math.Tan(v) }), "cotangent")
	inDomain := func(f func(float64) float64, low, high float64) Kernel {
		return lift1e(func(v float64) (float64, error) {
			if v < low || v > high {
				return 0, errInputRange
			}
			return f(v), nil
		})
	}
	b.function("asin", "float8", "float8", inDomain(math.Asin, -1, 1), "inverse sine")
	b.function("acos", "float8", "float8", inDomain(math.Acos, -1, 1), "inverse cosine")
	b.function("acosh", "float8", "float8", inDomain(math.Acosh, 1, math.Inf(1)), "inverse hyperbolic cosine")
	b.function("atanh", "float8", "float8", inDomain(math.Atanh, -1, 1), "inverse hyperbolic tangent")
	b.function("atan2", "float8,float8", "float8", lift2(math.Atan2), "inverse tangent of a quotient")
}

var errInputRange = sqlerr.New(sqlerr.NumericValueOutOfRange, -1, "input is out of range")

func exponential(v float64) (float64, error) {
	r := math.Exp(v)
	if math.IsInf(v, 0) {
		return r, nil
	}
	return checkFloat(r, true)
}

func logarithm(v float64, log func(float64) float64) (float64, error) {
	switch {
	case v == 0:
		return 0, sqlerr.New(sqlerr.InvalidArgumentForLogarithm, -1, "cannot take logarithm of zero")
	case v < 0:
		return 0, sqlerr.New(sqlerr.InvalidArgumentForLogarithm, -1, "cannot take logarithm of a negative number")
	}
	return log(v), nil
}

// divideWhole is the integer part of the exact quotient.
func divideWhole(x, y string) (string, error) {
	if isSpecialNumeric(x) || isSpecialNumeric(y) {
		q, err := types.NumericDiv(x, y)
		return types.NumericTrunc(q, 0), err
	}
	remainder, err := types.NumericMod(x, y)
	if err != nil {
		return "", err
	}
	multiple, err := types.NumericSub(x, remainder)
	if err != nil {
		return "", err
	}
	q, err := types.NumericDiv(multiple, y)
	if err != nil {
		return "", err
	}
	return types.NumericRound(q, 0)
}

func trimScale(v string) string {
	for scale := types.NumericScale(v); scale > 0; scale-- {
		shorter := types.NumericTrunc(v, scale-1)
		if types.NumericCompare(shorter, v) != 0 {
			break
		}
		v = shorter
	}
	return v
}

// maxFactorial is the largest argument whose factorial numeric can hold.
const maxFactorial = 32177

func factorial(n int64) (string, error) {
	switch {
	case n < 0:
		return "", sqlerr.New(sqlerr.NumericValueOutOfRange, -1, "factorial of a negative number is undefined")
	case n > maxFactorial:
		return "", sqlerr.New(sqlerr.NumericValueOutOfRange, -1, "value overflows numeric format")
	}
	return bigNumeric(new(big.Int).MulRange(1, n), 0), nil
}

// invalidWidthBucketArgument is PostgreSQL's invalid_argument_for_width_bucket_function.
const invalidWidthBucketArgument sqlerr.Code = "2201G"

func widthBucket(v, low, high float64, count int64) (int64, error) {
	invalid := func(reason string) (int64, error) {
		return 0, sqlerr.New(invalidWidthBucketArgument, -1, "%s", reason)
	}
	switch {
	case count <= 0:
		return invalid("count must be greater than zero")
	case math.IsNaN(v) || math.IsNaN(low) || math.IsNaN(high):
		return invalid("operand, lower bound, and upper bound cannot be NaN")
	case math.IsInf(low, 0) || math.IsInf(high, 0):
		return invalid("lower and upper bounds must be finite")
	case low == high:
		return invalid("lower bound cannot equal upper bound")
	}
	if low > high {
		v, low, high = -v, -low, -high
	}
	switch {
	case v < low:
		return 0, nil
	case v >= high:
		return count + 1, nil
	}
	return int64(float64(count)*((v-low)/(high-low))) + 1, nil
}
