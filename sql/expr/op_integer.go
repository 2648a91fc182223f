package expr

import (
	"math"
	"math/bits"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

var errDivisionByZero = sqlerr.New(sqlerr.DivisionByZero, -1, "division by zero")

// integerPairs are the operand types of + - * / with the type of the result.
var integerPairs = []struct{ args, result string }{
	{"int2,int2", "int2"}, {"int4,int4", "int4"}, {"int2,int4", "int4"}, {"int4,int2", "int4"},
	{"int8,int8", "int8"}, {"int8,int4", "int8"}, {"int4,int8", "int8"}, {"int8,int2", "int8"}, {"int2,int8", "int8"},
}

func (b *builder) defineIntegerOperators() {
	for _, p := range integerPairs {
		k := typeNamed(p.result).Kind
		b.operator("+", p.args, p.result, addIntegers(k), "sum")
		b.operator("-", p.args, p.result, subtractIntegers(k), "difference")
		b.operator("*", p.args, p.result, multiplyIntegers(k), "product")
		b.operator("/", p.args, p.result, divideIntegers(k), "quotient, truncated towards zero")
	}
	for _, name := range []string{"int2", "int4", "int8"} {
		k, pair := typeNamed(name).Kind, name+","+name
		b.operator("%", pair, name, moduloIntegers, "remainder, with the sign of the dividend")
		b.function("mod", pair, name, moduloIntegers, "remainder, with the sign of the dividend")
		b.operator("-", name, name, negateIntegers(k), "negation")
		b.operator("+", name, name, lift1(func(v int64) int64 { return v }), "the operand itself")
		b.operator("@", name, name, absoluteIntegers(k), "absolute value")
		b.function("abs", name, name, absoluteIntegers(k), "absolute value")
		b.operator("&", pair, name, lift2(func(x, y int64) int64 { return x & y }), "bitwise AND")
		b.operator("|", pair, name, lift2(func(x, y int64) int64 { return x | y }), "bitwise OR")
		b.operator("#", pair, name, lift2(func(x, y int64) int64 { return x ^ y }), "bitwise exclusive OR")
		b.operator("~", name, name, lift1(func(v int64) int64 { return ^v }), "bitwise NOT")
		b.operator("<<", name+",int4", name, lift2(shiftLeft(k)), "bitwise shift left")
		b.operator(">>", name+",int4", name, lift2(shiftRight(k)), "bitwise shift right")
	}
	for _, name := range []string{"int4", "int8"} {
		k, pair := typeNamed(name).Kind, name+","+name
		b.function("gcd", pair, name, lift2e(func(x, y int64) (int64, error) { return greatestDivisor(x, y, k) }), "greatest common divisor")
		b.function("lcm", pair, name, lift2e(func(x, y int64) (int64, error) { return leastMultiple(x, y, k) }), "least common multiple")
	}
}

func errIntegerKind(k types.Kind) error {
	switch k {
	case types.KindInt2:
		return errSmallintRange
	case types.KindInt4:
		return errIntegerRange
	}
	return errBigintRange
}

// bounds returns the least and the greatest value of an integer type.
func bounds(k types.Kind) (low, high int64) {
	switch k {
	case types.KindInt2:
		return math.MinInt16, math.MaxInt16
	case types.KindInt4:
		return math.MinInt32, math.MaxInt32
	}
	return math.MinInt64, math.MaxInt64
}

func addIntegers(k types.Kind) Kernel {
	low, high := bounds(k)
	return func(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector) {
		a, b, r := args[0].Ints, args[1].Ints, out.Ints
		for _, i := range selection {
			x, y := a[i], b[i]
			sum := x + y
			if (x^sum)&(y^sum) < 0 || sum < low || sum > high {
				fail(ctx, out, i, errIntegerKind(k))
				continue
			}
			r[i] = sum
		}
	}
}

func subtractIntegers(k types.Kind) Kernel {
	low, high := bounds(k)
	return func(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector) {
		a, b, r := args[0].Ints, args[1].Ints, out.Ints
		for _, i := range selection {
			x, y := a[i], b[i]
			difference := x - y
			if (x^y)&(x^difference) < 0 || difference < low || difference > high {
				fail(ctx, out, i, errIntegerKind(k))
				continue
			}
			r[i] = difference
		}
	}
}

func multiplyIntegers(k types.Kind) Kernel {
	low, high := bounds(k)
	return func(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector) {
		a, b, r := args[0].Ints, args[1].Ints, out.Ints
		for _, i := range selection {
			product, ok := multiplyInt64(a[i], b[i])
			if !ok || product < low || product > high {
				fail(ctx, out, i, errIntegerKind(k))
				continue
			}
			r[i] = product
		}
	}
}

// multiplyInt64 returns the product and whether it fits.
func multiplyInt64(x, y int64) (int64, bool) {
	high, low := bits.Mul64(uint64(x), uint64(y))
	signed := int64(high) - (x>>63)&y - (y>>63)&x
	return int64(low), signed == int64(low)>>63
}

func divideIntegers(k types.Kind) Kernel {
	low, _ := bounds(k)
	return func(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector) {
		a, b, r := args[0].Ints, args[1].Ints, out.Ints
		for _, i := range selection {
			switch {
			case b[i] == 0:
				fail(ctx, out, i, errDivisionByZero)
			case b[i] == -1 && a[i] == low:
				fail(ctx, out, i, errIntegerKind(k))
			default:
				r[i] = a[i] / b[i]
			}
		}
	}
}

func moduloIntegers(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector) {
	a, b, r := args[0].Ints, args[1].Ints, out.Ints
	for _, i := range selection {
		if b[i] == 0 {
			fail(ctx, out, i, errDivisionByZero)
			continue
		}
		r[i] = a[i] % b[i]
	}
}

func negateIntegers(k types.Kind) Kernel {
	low, _ := bounds(k)
	return lift1e(func(v int64) (int64, error) {
		if v == low {
			return 0, errIntegerKind(k)
		}
		return -v, nil
	})
}

func absoluteIntegers(k types.Kind) Kernel {
	low, _ := bounds(k)
	return lift1e(func(v int64) (int64, error) {
		if v == low {
			return 0, errIntegerKind(k)
		}
		return max(v, -v), nil
	})
}

// shiftLeft shifts as the processor does: the count is taken modulo the width.
func shiftLeft(k types.Kind) func(v, n int64) int64 {
	switch k {
	case types.KindInt2:
		return func(v, n int64) int64 { return int64(int16(int32(v) << (uint(n) & 31))) }
	case types.KindInt4:
		return func(v, n int64) int64 { return int64(int32(v) << (uint(n) & 31)) }
	}
	return func(v, n int64) int64 { return v << (uint(n) & 63) }
}

func shiftRight(k types.Kind) func(v, n int64) int64 {
	mask := uint(63)
	if k != types.KindInt8 {
		mask = 31
	}
	return func(v, n int64) int64 { return v >> (uint(n) & mask) }
}

func greatestDivisor(x, y int64, k types.Kind) (int64, error) {
	a, b := absolute(x), absolute(y)
	for b != 0 {
		a, b = b, a%b
	}
	_, high := bounds(k)
	if a > uint64(high) {
		return 0, errIntegerKind(k)
	}
	return int64(a), nil
}

func absolute(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

func leastMultiple(x, y int64, k types.Kind) (int64, error) {
	if x == 0 || y == 0 {
		return 0, nil
	}
	divisor, err := greatestDivisor(x, y, k)
	if err != nil {
		return 0, err
	}
	_, high := bounds(k)
	product, ok := multiplyInt64(x/divisor, y)
	if !ok || absolute(product) > uint64(high) {
		return 0, errIntegerKind(k)
	}
	return max(product, -product), nil
}
