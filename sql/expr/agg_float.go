package expr

import (
	"encoding/binary"
	"math"

	"millrace/sql/types"
)

func (b *builder) defineFloatSums() {
	const state = "int8,bytea"
	b.aggregate("sum", "float4", "float4", state, newFloatSum(sumFloat4), "sum, rounded once, whatever the order of the rows")
	b.aggregate("sum", "float8", "float8", state, newFloatSum(sumFloat8), "sum, rounded once, whatever the order of the rows")
	b.aggregate("avg", "float4", "float8", state, newFloatSum(averageFloat), "arithmetic mean, rounded once")
	b.aggregate("avg", "float8", "float8", state, newFloatSum(averageFloat), "arithmetic mean, rounded once")
}

// floatSum is a group's sum of floats.
type floatSum struct {
	count         int64 // all values
	nan           int64
	infinity      int64
	negative      int64 // -Infinity
	negativeZeros int64
	sum           exactSum
}

// add adds a value with a weight.
func (s *floatSum) add(v float64, weight int64) {
	s.count += weight
	switch {
	case v == 0:
		if math.Signbit(v) {
			s.negativeZeros += weight
		}
	case v-v == 0:
		s.sum.add(v, weight)
	case v > 0:
		s.infinity += weight
	case v < 0:
		s.negative += weight
	default:
		s.nan += weight
	}
}

func (s *floatSum) merge(o *floatSum) {
	s.count += o.count
	s.nan += o.nan
	s.infinity += o.infinity
	s.negative += o.negative
	s.negativeZeros += o.negativeZeros
	s.sum.merge(&o.sum)
}

// special returns the result that NaN and infinities force.
func (s *floatSum) special() (float64, bool) {
	switch {
	case s.nan != 0 || s.infinity != 0 && s.negative != 0:
		return math.NaN(), true
	case s.infinity != 0:
		return math.Inf(1), true
	case s.negative != 0:
		return math.Inf(-1), true
	}
	return 0, false
}

// Precision and least exponent of the lowest bit of double precision and real.
const (
	float8Precision = 53
	float8Least     = -1074
	float4Precision = 24
	float4Least     = -149
)

// total returns the sum, or the mean when divided, rounded to the precision. A
// finite result that is too large is an error.
func (s *floatSum) total(mean bool, precision, least int, largest float64) (types.Datum, error) {
	if v, ok := s.special(); ok {
		return types.FloatDatum(v), nil
	}
	var room [maxDigits + 2]uint64
	m := s.sum.magnitude(room[:0])
	if len(m.digits) == 0 {
		if s.negativeZeros == s.count && !mean {
			return types.FloatDatum(math.Copysign(0, -1)), nil
		}
		return types.FloatDatum(0), nil
	}
	if mean {
		m.divide(uint64(s.count))
	}
	v := m.round(precision, least)
	if math.Abs(v) > largest {
		return types.Null, errOverflow
	}
	return types.FloatDatum(v), nil
}

func sumFloat8(s *floatSum) (types.Datum, error) {
	return s.total(false, float8Precision, float8Least, math.MaxFloat64)
}

func sumFloat4(s *floatSum) (types.Datum, error) {
	return s.total(false, float4Precision, float4Least, math.MaxFloat32)
}

func averageFloat(s *floatSum) (types.Datum, error) {
	return s.total(true, float8Precision, float8Least, math.MaxFloat64)
}

// floatSumAccumulator serves sum and avg over real and double precision.
type floatSumAccumulator struct {
	groupStates[floatSum]
	result func(*floatSum) (types.Datum, error)
	buf    []byte
}

func newFloatSum(result func(*floatSum) (types.Datum, error)) func([]types.Type) Accumulator {
	return func([]types.Type) Accumulator { return &floatSumAccumulator{result: result} }
}

// Add implements Accumulator.
func (a *floatSumAccumulator) Add(_ *Context, groups []int32, args []*types.Vector, weights []int64) {
	values, nulls := args[0].Floats, args[0].Nulls
	for r, g := range groups {
		if g >= 0 && !nulls.Get(r) {
			a.states[g].add(values[r], weightOf(weights, r))
		}
	}
}

// Merge implements Accumulator.
func (a *floatSumAccumulator) Merge(_ *Context, groups []int32, states []*types.Vector) {
	for r, g := range groups {
		if g >= 0 {
			other := decodeFloatSum(states[0].Ints[r], states[1].Strs[r])
			a.states[g].merge(&other)
		}
	}
}

// Load implements Accumulator.
func (a *floatSumAccumulator) Load(groups []int32, states []*types.Vector) {
	for r, g := range groups {
		a.states[g] = decodeFloatSum(states[0].Ints[r], states[1].Strs[r])
	}
}

// Save implements Accumulator.
func (a *floatSumAccumulator) Save(groups []int32, out []*types.Vector) {
	for _, g := range groups {
		s := &a.states[g]
		a.buf = s.encode(a.buf[:0])
		out[0].Ints = append(out[0].Ints, s.count)
		out[1].Strs = append(out[1].Strs, string(a.buf))
	}
}

// Result implements Accumulator.
func (a *floatSumAccumulator) Result(ctx *Context, groups []int32, out *types.Vector) {
	for r, g := range groups {
		if a.states[g].count == 0 {
			out.Append(types.Null)
			continue
		}
		appendResult(ctx, out, r, a.result, &a.states[g])
	}
}

// encode appends the state's bytes, all but the count: a byte that says whether
// there are special values, their four counts if so, and the exact sum.
func (s *floatSum) encode(buf []byte) []byte {
	if s.nan == 0 && s.infinity == 0 && s.negative == 0 && s.negativeZeros == 0 {
		start := len(buf)
		if buf = s.sum.encode(append(buf, 0)); len(buf) == start+1 {
			return buf[:start] // the sum is zero
		}
		return buf
	}
	buf = append(buf, 1)
	for _, n := range []int64{s.nan, s.infinity, s.negative, s.negativeZeros} {
		buf = binary.AppendVarint(buf, n)
	}
	return s.sum.encode(buf)
}

func decodeFloatSum(count int64, data string) floatSum {
	s := floatSum{count: count}
	if data == "" {
		return s
	}
	r := stateReader{data: data}
	if r.bytes(1) == "\x01" {
		s.nan, s.infinity, s.negative, s.negativeZeros = r.varint(), r.varint(), r.varint(), r.varint()
	}
	s.sum = decodeExactSum(r.data)
	return s
}
