package expr

import (
	"math"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

var floatPairs = []struct{ args, result string }{
	{"float4,float4", "float4"}, {"float8,float8", "float8"}, {"float4,float8", "float8"}, {"float8,float4", "float8"},
}

func (b *builder) defineFloatOperators() {
	for _, p := range floatPairs {
		k := typeNamed(p.result).Kind
		b.operator("+", p.args, p.result, addFloats(k), "sum")
		b.operator("-", p.args, p.result, subtractFloats(k), "difference")
		b.operator("*", p.args, p.result, multiplyFloats(k), "product")
		b.operator("/", p.args, p.result, divideFloats(k), "quotient")
	}
	for _, name := range []string{"float4", "float8"} {
		b.operator("-", name, name, lift1(func(v float64) float64 { return -v }), "negation")
		b.operator("+", name, name, lift1(func(v float64) float64 { return v }), "the operand itself")
		b.operator("@", name, name, lift1(math.Abs), "absolute value")
		b.function("abs", name, name, lift1(math.Abs), "absolute value")
	}
	b.operator("^", "float8,float8", "float8", lift2e(powerFloat), "power")
	b.function("power", "float8,float8", "float8", lift2e(powerFloat), "power")
	b.function("pow", "float8,float8", "float8", lift2e(powerFloat), "power")
	b.operator("|/", "float8", "float8", lift1e(squareRoot), "square root")
	b.operator("||/", "float8", "float8", lift1(math.Cbrt), "cube root")
}

// roundTo rounds to the type of the result.
func roundTo(k types.Kind, v float64) float64 {
	if k == types.KindFloat4 {
		return float64(float32(v))
	}
	return v
}

func addFloats(k types.Kind) Kernel {
	return func(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector) {
		a, b, r := args[0].Floats, args[1].Floats, out.Floats
		for _, i := range selection {
			sum := roundTo(k, a[i]+b[i])
			if math.IsInf(sum, 0) && !math.IsInf(a[i], 0) && !math.IsInf(b[i], 0) {
				fail(ctx, out, i, errOverflow)
				continue
			}
			r[i] = sum
		}
	}
}

func subtractFloats(k types.Kind) Kernel {
	return func(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector) {
		a, b, r := args[0].Floats, args[1].Floats, out.Floats
		for _, i := range selection {
			difference := roundTo(k, a[i]-b[i])
			if math.IsInf(difference, 0) && !math.IsInf(a[i], 0) && !math.IsInf(b[i], 0) {
				fail(ctx, out, i, errOverflow)
				continue
			}
			r[i] = difference
		}
	}
}

func multiplyFloats(k types.Kind) Kernel {
	return func(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector) {
		a, b, r := args[0].Floats, args[1].Floats, out.Floats
		for _, i := range selection {
			product := roundTo(k, a[i]*b[i])
			switch {
			case math.IsInf(product, 0) && !math.IsInf(a[i], 0) && !math.IsInf(b[i], 0):
				fail(ctx, out, i, errOverflow)
			case product == 0 && a[i] != 0 && b[i] != 0:
				fail(ctx, out, i, errUnderflow)
			default:
				r[i] = product
			}
		}
	}
}

func divideFloats(k types.Kind) Kernel {
	return func(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector) {
		a, b, r := args[0].Floats, args[1].Floats, out.Floats
		for _, i := range selection {
			quotient := roundTo(k, a[i]/b[i])
			switch {
			case b[i] == 0 && a[i] == a[i]:
				fail(ctx, out, i, errDivisionByZero)
			case math.IsInf(quotient, 0) && !math.IsInf(a[i], 0):
				fail(ctx, out, i, errOverflow)
			case quotient == 0 && a[i] != 0 && !math.IsInf(b[i], 0):
				fail(ctx, out, i, errUnderflow)
			default:
				r[i] = quotient
			}
		}
	}
}

func powerFloat(x, y float64) (float64, error) {
	switch {
	case math.IsNaN(x):
		if y == 0 {
			return 1, nil
		}
		return x, nil
	case math.IsNaN(y):
		if x == 1 {
			return 1, nil
		}
		return y, nil
	case x == 0 && y < 0:
		return 0, sqlerr.New(sqlerr.InvalidArgumentForPowerFunction, -1, "zero raised to a negative power is undefined")
	case x < 0 && math.Floor(y) != y:
		return 0, sqlerr.New(sqlerr.InvalidArgumentForPowerFunction, -1,
			"a negative number raised to a non-integer power yields a complex result")
	}
	r := powerOf(x, y)
	if math.IsInf(x, 0) || math.IsInf(y, 0) {
		return r, nil
	}
	return checkFloat(r, x != 0)
}

// powerOf is math.Pow, but with small whole exponents computed in twice the
// precision, so that the result is the nearest number.
func powerOf(x, y float64) float64 {
	const largest = 1024
	r := math.Pow(x, y)
	if y != math.Trunc(y) || math.Abs(y) > largest || r-r != 0 || math.Abs(r) < 0x1p-900 || math.Abs(r) > 0x1p900 {
		return r
	}
	high, low, baseHigh, baseLow := 1.0, 0.0, x, 0.0
	for n := int(math.Abs(y)); n > 0; n >>= 1 {
		if n&1 == 1 {
			high, low = multiplyDouble(high, low, baseHigh, baseLow)
		}
		if n > 1 {
			baseHigh, baseLow = multiplyDouble(baseHigh, baseLow, baseHigh, baseLow)
		}
	}
	if y < 0 {
		quotient := 1 / high
		return quotient + quotient*(math.FMA(-quotient, high, 1)-quotient*low)
	}
	return high + low
}

// multiplyDouble multiplies two numbers, each the unevaluated sum of two
// doubles.
func multiplyDouble(aHigh, aLow, bHigh, bLow float64) (high, low float64) {
	p := aHigh * bHigh
	e := math.FMA(aHigh, bHigh, -p) + (aHigh*bLow + aLow*bHigh)
	high = p + e
	return high, e - (high - p)
}

// checkFloat fails for an infinite result of finite arguments, and for zero
// where the true result is not.
func checkFloat(r float64, neverZero bool) (float64, error) {
	switch {
	case math.IsInf(r, 0):
		return 0, errOverflow
	case r == 0 && neverZero:
		return 0, errUnderflow
	}
	return r, nil
}

func squareRoot(v float64) (float64, error) {
	if v < 0 {
		return 0, sqlerr.New(sqlerr.InvalidArgumentForPowerFunction, -1, "cannot take square root of a negative number")
	}
	return math.Sqrt(v), nil
}
