package expr

import (
	"math/big"
	"math/bits"

	"github.com/cockroachdb/apd/v3"

	"millrace/sql/types"
)

func (b *builder) defineIntegerSums() {
	const state = "int8,int8,int8"
	for _, p := range []struct{ arg, sum string }{{"int2", "int8"}, {"int4", "int8"}, {"int8", "numeric"}} {
		result := sumAsBigint
		if p.sum == "numeric" {
			result = sumAsNumeric
		}
		b.aggregate("sum", p.arg, p.sum, state, newIntegerSum(result), "sum")
		b.aggregate("avg", p.arg, "numeric", state, newIntegerSum(averageAsNumeric), "arithmetic mean")
	}
}

// int128 is a two's complement integer of 128 bits. Sums of 64-bit integers
// cannot overflow it within 2^63 additions.
type int128 struct {
	high int64
	low  uint64
}

// add returns x + v.
func (x int128) add(v int64) int128 {
	low, carry := bits.Add64(x.low, uint64(v), 0)
	return int128{x.high + v>>63 + int64(carry), low}
}

// plus returns x + y.
func (x int128) plus(y int128) int128 {
	low, carry := bits.Add64(x.low, y.low, 0)
	return int128{x.high + y.high + int64(carry), low}
}

// product returns a × b.
func product(a, b int64) int128 {
	high, low := bits.Mul64(uint64(a), uint64(b))
	return int128{int64(high) - (a>>63)&b - (b>>63)&a, low}
}

// int64 returns the value if it fits.
func (x int128) int64() (int64, bool) {
	v := int64(x.low)
	return v, x.high == v>>63
}

func (x int128) isZero() bool { return x.high == 0 && x.low == 0 }

// setBig sets z to x.
func (x int128) setBig(z *big.Int) *big.Int {
	z.SetInt64(x.high)
	z.Lsh(z, 64)
	return z.Add(z, new(big.Int).SetUint64(x.low))
}

// numeric returns x × 10^-scale.
func (x int128) numeric(scale int32) string {
	if v, ok := x.int64(); ok {
		return types.NumericFromSmall(v, scale)
	}
	return bigNumeric(x.setBig(new(big.Int)), scale)
}

// bigNumeric returns v × 10^-scale.
func bigNumeric(v *big.Int, scale int32) string {
	var d apd.Decimal
	d.Coeff.SetMathBigInt(v)
	if d.Coeff.Sign() < 0 {
		d.Coeff.Neg(&d.Coeff)
		d.Negative = true
	}
	d.Exponent = -scale
	return types.NumericFromDecimal(&d)
}

// integerSum is the count and the sum of a group's values.
type integerSum struct {
	sum   int128
	count int64
}

// integerResult makes the result of a group that is not empty.
type integerResult func(s *integerSum) (types.Datum, error)

func sumAsBigint(s *integerSum) (types.Datum, error) {
	v, ok := s.sum.int64()
	if !ok {
		return types.Null, errBigintRange
	}
	return types.IntDatum(v), nil
}

func sumAsNumeric(s *integerSum) (types.Datum, error) {
	return types.StringDatum(s.sum.numeric(0)), nil
}

func averageAsNumeric(s *integerSum) (types.Datum, error) {
	mean, err := types.NumericDiv(s.sum.numeric(0), types.NumericFromInt64(s.count))
	return types.StringDatum(mean), err
}

// integerSumAccumulator serves sum and avg over integers.
type integerSumAccumulator struct {
	groupStates[integerSum]
	result integerResult
}

func newIntegerSum(result integerResult) func([]types.Type) Accumulator {
	return func([]types.Type) Accumulator { return &integerSumAccumulator{result: result} }
}

// Add implements Accumulator.
func (a *integerSumAccumulator) Add(_ *Context, groups []int32, args []*types.Vector, weights []int64) {
	values, states := args[0].Ints, a.states
	if weights == nil && !args[0].HasNulls() {
		for r, g := range groups {
			if g >= 0 {
				s := &states[g]
				s.sum = s.sum.add(values[r])
				s.count++
			}
		}
		return
	}
	nulls := args[0].Nulls
	for r, g := range groups {
		if g < 0 || nulls.Get(r) {
			continue
		}
		s, w := &states[g], weightOf(weights, r)
		s.sum = s.sum.plus(product(values[r], w))
		s.count += w
	}
}

// Merge implements Accumulator.
func (a *integerSumAccumulator) Merge(_ *Context, groups []int32, states []*types.Vector) {
	for r, g := range groups {
		if g >= 0 {
			s := &a.states[g]
			s.count += states[0].Ints[r]
			s.sum = s.sum.plus(int128{states[1].Ints[r], uint64(states[2].Ints[r])})
		}
	}
}

// Load implements Accumulator.
func (a *integerSumAccumulator) Load(groups []int32, states []*types.Vector) {
	for r, g := range groups {
		a.states[g] = integerSum{
			count: states[0].Ints[r],
			sum:   int128{states[1].Ints[r], uint64(states[2].Ints[r])},
		}
	}
}

// Save implements Accumulator.
func (a *integerSumAccumulator) Save(groups []int32, out []*types.Vector) {
	for _, g := range groups {
		s := &a.states[g]
		out[0].Ints = append(out[0].Ints, s.count)
		out[1].Ints = append(out[1].Ints, s.sum.high)
		out[2].Ints = append(out[2].Ints, int64(s.sum.low))
	}
}

// Result implements Accumulator.
func (a *integerSumAccumulator) Result(ctx *Context, groups []int32, out *types.Vector) {
	for r, g := range groups {
		s := &a.states[g]
		if s.count == 0 {
			out.Append(types.Null)
			continue
		}
		appendResult(ctx, out, r, a.result, s)
	}
}

// appendResult appends the result of group number r of a call.
func appendResult[S any, F ~func(S) (types.Datum, error)](ctx *Context, out *types.Vector, r int, result F, state S) {
	d, err := result(state)
	if err != nil {
		ctx.Fail(int32(r), err)
		d = types.Null
	}
	out.Append(d)
}
