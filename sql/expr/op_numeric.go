package expr

import (
	"math/bits"

	"millrace/sql/types"
)

func (b *builder) defineNumericOperators() {
	const pair = "numeric,numeric"
	b.operator("+", pair, "numeric", nil, "sum", stateful(func() Kernel { return newNumericKernel(addSmall, types.NumericAdd) }))
	b.operator("-", pair, "numeric", nil, "difference", stateful(func() Kernel { return newNumericKernel(subtractSmall, types.NumericSub) }))
	b.operator("*", pair, "numeric", nil, "product", stateful(func() Kernel { return newNumericKernel(multiplySmall, types.NumericMul) }))
	b.operator("/", pair, "numeric", lift2e(types.NumericDiv), "quotient, with PostgreSQL's result scale")
	b.operator("%", pair, "numeric", lift2e(types.NumericMod), "remainder, with the sign of the dividend")
	b.function("mod", pair, "numeric", lift2e(types.NumericMod), "remainder, with the sign of the dividend")
	b.operator("^", pair, "numeric", lift2e(types.NumericPower), "power")
	b.function("power", pair, "numeric", lift2e(types.NumericPower), "power")
	b.function("pow", pair, "numeric", lift2e(types.NumericPower), "power")
	b.operator("-", "numeric", "numeric", lift1(types.NumericNeg), "negation")
	b.operator("+", "numeric", "numeric", lift1(func(v string) string { return v }), "the operand itself")
	b.operator("@", "numeric", "numeric", lift1(types.NumericAbs), "absolute value")
	b.function("abs", "numeric", "numeric", lift1(types.NumericAbs), "absolute value")
}

// smallOperation computes on coefficients and scales; ok is false when the
// result does not fit.
type smallOperation func(x int64, xScale int32, y int64, yScale int32) (r int64, scale int32, ok bool)

// newNumericKernel computes in 64 bits where the operands and the result fit,
// into memory shared by a batch's results, and otherwise with exact.
func newNumericKernel(small smallOperation, exact func(x, y string) (string, error)) Kernel {
	var arena types.StringArena
	return func(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector) {
		a, b, r := args[0].Strs, args[1].Strs, out.Strs
		var buf [24]byte
		for _, i := range selection {
			x, xScale, xOK := types.NumericSmall(a[i])
			y, yScale, yOK := types.NumericSmall(b[i])
			if xOK && yOK {
				if v, scale, ok := small(x, xScale, y, yScale); ok {
					r[i] = arena.Copy(types.AppendNumericSmall(buf[:0], v, scale))
					continue
				}
			}
			v, err := exact(a[i], b[i])
			if err != nil {
				fail(ctx, out, i, err)
				continue
			}
			r[i] = v
		}
	}
}

// maxPowerOfTen is the largest power of ten in an int64.
const maxPowerOfTen = 18

var powersOfTen = func() (p [maxPowerOfTen + 1]int64) {
	p[0] = 1
	for i := 1; i <= maxPowerOfTen; i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// rescale multiplies v by ten to the power of n.
func rescale(v int64, n int32) (int64, bool) {
	if n == 0 || v == 0 {
		return v, true
	}
	if n > maxPowerOfTen {
		return 0, false
	}
	return multiplyInt64(v, powersOfTen[n])
}

func addSmall(x int64, xScale int32, y int64, yScale int32) (int64, int32, bool) {
	scale := max(xScale, yScale)
	x, xOK := rescale(x, scale-xScale)
	y, yOK := rescale(y, scale-yScale)
	sum := x + y
	return sum, scale, xOK && yOK && (x^sum)&(y^sum) >= 0
}

func subtractSmall(x int64, xScale int32, y int64, yScale int32) (int64, int32, bool) {
	scale := max(xScale, yScale)
	x, xOK := rescale(x, scale-xScale)
	y, yOK := rescale(y, scale-yScale)
	difference := x - y
	return difference, scale, xOK && yOK && (x^y)&(x^difference) >= 0
}

func multiplySmall(x int64, xScale int32, y int64, yScale int32) (int64, int32, bool) {
	product, ok := multiplyInt64(x, y)
	return product, xScale + yScale, ok && xScale+yScale < bits.UintSize
}
