package expr

import (
	"math"
	"math/big"

	"millrace/sql/types"
)

// varianceNames are the variances and standard deviations; sample divides by
// n-1, population by n.
var varianceNames = []struct {
	name         string
	sample, root bool
	words        string
}{
	{"variance", true, false, "sample variance"}, {"var_samp", true, false, "sample variance"}, {"var_pop", false, false, "population variance"},
	{"stddev", true, true, "sample standard deviation"}, {"stddev_samp", true, true, "sample standard deviation"}, {"stddev_pop", false, true, "population standard deviation"},
}

func (b *builder) defineVariances() {
	const numericState, floatState = "int8,bytea,bytea", "int8,bytea,bytea,bytea"
	for _, v := range varianceNames {
		for _, name := range []string{"int2", "int4", "int8", "numeric"} {
			newAccumulator := func(args []types.Type) Accumulator {
				return &varianceAccumulator{sample: v.sample, root: v.root, integers: args[0].Kind != types.KindNumeric}
			}
			b.aggregate(v.name, name, "numeric", numericState, newAccumulator, v.words)
		}
		for _, name := range []string{"float4", "float8"} {
			newAccumulator := func([]types.Type) Accumulator {
				return &floatVarianceAccumulator{sample: v.sample, root: v.root}
			}
			b.aggregate(v.name, name, "float8", floatState, newAccumulator, v.words+", rounded once")
		}
	}
}

// moments are the exact sums of a group's values and of their squares.
type moments struct{ values, squares numericSum }

// varianceAccumulator serves the variances of integers and numerics.
type varianceAccumulator struct {
	groupStates[moments]
	sample, root, integers bool
	buf                    []byte
}

// Add implements Accumulator.
func (a *varianceAccumulator) Add(ctx *Context, groups []int32, args []*types.Vector, weights []int64) {
	forEachValue(groups, args[0], weights, func(g int32, r int, w int64) {
		v := ""
		if a.integers {
			v = types.NumericFromInt64(args[0].Ints[r])
		} else {
			v = args[0].Strs[r]
		}
		square, err := types.NumericMul(v, v)
		if err != nil {
			ctx.Fail(int32(r), err)
			return
		}
		a.states[g].values.add(v, w)
		a.states[g].squares.add(square, w)
	})
}

// Merge implements Accumulator.
func (a *varianceAccumulator) Merge(_ *Context, groups []int32, states []*types.Vector) {
	for r, g := range groups {
		if g >= 0 {
			other := loadMoments(states, r)
			a.states[g].values.merge(&other.values)
			a.states[g].squares.merge(&other.squares)
		}
	}
}

func loadMoments(states []*types.Vector, r int) moments {
	count := states[0].Ints[r]
	return moments{decodeNumericSum(count, states[1].Strs[r]), decodeNumericSum(count, states[2].Strs[r])}
}

// Load implements Accumulator.
func (a *varianceAccumulator) Load(groups []int32, states []*types.Vector) {
	for r, g := range groups {
		a.states[g] = loadMoments(states, r)
	}
}

// Save implements Accumulator.
func (a *varianceAccumulator) Save(groups []int32, out []*types.Vector) {
	for _, g := range groups {
		s := &a.states[g]
		out[0].Ints = append(out[0].Ints, s.values.count)
		a.buf = s.values.encode(a.buf[:0])
		out[1].Strs = append(out[1].Strs, string(a.buf))
		a.buf = s.squares.encode(a.buf[:0])
		out[2].Strs = append(out[2].Strs, string(a.buf))
	}
}

// Result implements Accumulator.
func (a *varianceAccumulator) Result(ctx *Context, groups []int32, out *types.Vector) {
	for r, g := range groups {
		appendResult(ctx, out, r, a.result, &a.states[g])
	}
}

// result is (n Σx² - (Σx)²) / (n (n or n-1)), computed in the steps and with
// the scales of PostgreSQL.
func (a *varianceAccumulator) result(s *moments) (types.Datum, error) {
	n := s.values.count
	if n == 0 || a.sample && n == 1 {
		return types.Null, nil
	}
	if _, special := s.values.special(); special {
		return types.StringDatum(types.NumericNaN), nil
	}
	count := types.NumericFromInt64(n)
	sum := s.values.total()
	var c calculation
	numerator := c.do(types.NumericSub, c.do(types.NumericMul, count, s.squares.total()), c.do(types.NumericMul, sum, sum))
	if c.err == nil && types.NumericSign(numerator) <= 0 {
		return types.StringDatum(types.NumericFromInt64(0)), nil
	}
	divisor := n
	if a.sample {
		divisor = n - 1
	}
	v := c.do(types.NumericDiv, numerator, c.do(types.NumericMul, count, types.NumericFromInt64(divisor)))
	if a.root && c.err == nil {
		v, c.err = squareRootOfScale(v)
	}
	return types.StringDatum(v), c.err
}

// squareRootOfScale takes the root with the scale of its argument, as PostgreSQL
// does for the variance. More digits on the way keep it from rounding twice.
func squareRootOfScale(v string) (string, error) {
	const more = 20
	scale := types.NumericScale(v)
	longer, err := types.NumericRound(v, scale+more)
	if err != nil {
		return "", err
	}
	root, err := types.NumericSqrt(longer)
	if err != nil {
		return "", err
	}
	return types.NumericRound(root, scale)
}

// calculation does steps that may fail and remembers the first error.
type calculation struct{ err error }

func (c *calculation) do(step func(x, y string) (string, error), x, y string) string {
	if c.err != nil {
		return ""
	}
	var r string
	r, c.err = step(x, y)
	return r
}

// floatMoments are the exact sums of a group's floats and of their squares.
type floatMoments struct {
	values  floatSum
	squares exactSum
	// tails are the parts of the squares below the precision of a double.
	tails exactSum
}

// floatVarianceAccumulator serves the variances of real and double precision.
type floatVarianceAccumulator struct {
	groupStates[floatMoments]
	sample, root bool
	buf          []byte
}

// Add implements Accumulator. A square that overflows counts as an infinity.
func (a *floatVarianceAccumulator) Add(_ *Context, groups []int32, args []*types.Vector, weights []int64) {
	forEachValue(groups, args[0], weights, func(g int32, r int, w int64) {
		v, s := args[0].Floats[r], &a.states[g]
		square := v * v
		if math.IsInf(square, 0) {
			v = math.Inf(1)
		}
		s.values.add(v, w)
		if square-square == 0 {
			s.squares.add(square, w)
			s.tails.add(math.FMA(v, v, -square), w)
		}
	})
}

// Merge implements Accumulator.
func (a *floatVarianceAccumulator) Merge(_ *Context, groups []int32, states []*types.Vector) {
	for r, g := range groups {
		if g >= 0 {
			s, other := &a.states[g], loadFloatMoments(states, r)
			s.values.merge(&other.values)
			s.squares.merge(&other.squares)
			s.tails.merge(&other.tails)
		}
	}
}

func loadFloatMoments(states []*types.Vector, r int) floatMoments {
	return floatMoments{
		values:  decodeFloatSum(states[0].Ints[r], states[1].Strs[r]),
		squares: decodeExactSum(states[2].Strs[r]),
		tails:   decodeExactSum(states[3].Strs[r]),
	}
}

// Load implements Accumulator.
func (a *floatVarianceAccumulator) Load(groups []int32, states []*types.Vector) {
	for r, g := range groups {
		a.states[g] = loadFloatMoments(states, r)
	}
}

// Save implements Accumulator.
func (a *floatVarianceAccumulator) Save(groups []int32, out []*types.Vector) {
	for _, g := range groups {
		s := &a.states[g]
		out[0].Ints = append(out[0].Ints, s.values.count)
		a.buf = s.values.encode(a.buf[:0])
		out[1].Strs = append(out[1].Strs, string(a.buf))
		a.buf = s.squares.encode(a.buf[:0])
		out[2].Strs = append(out[2].Strs, string(a.buf))
		a.buf = s.tails.encode(a.buf[:0])
		out[3].Strs = append(out[3].Strs, string(a.buf))
	}
}

// Result implements Accumulator.
func (a *floatVarianceAccumulator) Result(ctx *Context, groups []int32, out *types.Vector) {
	for r, g := range groups {
		appendResult(ctx, out, r, a.result, &a.states[g])
	}
}

func (a *floatVarianceAccumulator) result(s *floatMoments) (types.Datum, error) {
	n := s.values.count
	if n == 0 || a.sample && n == 1 {
		return types.Null, nil
	}
	if _, special := s.values.special(); special {
		return types.FloatDatum(math.NaN()), nil
	}
	sum, squares := s.values.sum.rational(), s.squares.rational()
	squares.Add(squares, s.tails.rational())
	count := new(big.Rat).SetInt64(n)
	numerator := squares.Mul(squares, count)
	numerator.Sub(numerator, new(big.Rat).Mul(sum, sum))
	if numerator.Sign() <= 0 {
		return types.FloatDatum(0), nil
	}
	divisor := new(big.Rat).SetInt64(n)
	if a.sample {
		divisor.SetInt64(n - 1)
	}
	variance := numerator.Quo(numerator, divisor.Mul(divisor, count))
	v, _ := variance.Float64()
	if a.root {
		root := new(big.Float).SetPrec(128).SetRat(variance)
		v, _ = root.Sqrt(root).Float64()
	}
	if math.IsInf(v, 0) {
		return types.Null, errOverflow
	}
	return types.FloatDatum(v), nil
}

// rational returns the sum as a fraction.
func (s *exactSum) rational() *big.Rat {
	m := s.magnitude(nil)
	v := new(big.Int)
	for i := len(m.digits) - 1; i >= 0; i-- {
		v.Lsh(v, digitBits).Or(v, new(big.Int).SetUint64(m.digits[i]))
	}
	if m.negative {
		v.Neg(v)
	}
	exponent := int(m.low)*digitBits + leastExponent
	if exponent >= 0 {
		return new(big.Rat).SetInt(v.Lsh(v, uint(exponent)))
	}
	return new(big.Rat).SetFrac(v, new(big.Int).Lsh(big.NewInt(1), uint(-exponent)))
}
