package expr

import (
	"encoding/binary"
	"math/big"
	"slices"

	"github.com/cockroachdb/apd/v3"

	"millrace/sql/types"
)

func (b *builder) defineNumericSums() {
	const state = "int8,bytea"
	b.aggregate("sum", "numeric", "numeric", state, newNumericSum(sumNumeric), "sum")
	b.aggregate("avg", "numeric", "numeric", state, newNumericSum(averageNumeric), "arithmetic mean")
}

// scaleSum is the sum of a group's values of one scale: the coefficients that
// fit in 64 bits in sum, the others in large.
type scaleSum struct {
	scale int32
	count int64
	sum   int128
	large *big.Int
}

// numericSum is a group's sum by scale. Keeping the scales apart makes adding
// an integer addition, and lets a row be undone exactly: the scale of the result
// is the largest that is present, as in PostgreSQL.
type numericSum struct {
	count     int64 // all values
	nan       int64
	infinity  int64
	negative  int64 // -Infinity
	first     scaleSum
	remaining []scaleSum
}

// at returns the sum of the given scale.
func (s *numericSum) at(scale int32) *scaleSum {
	if s.first.scale == scale {
		return &s.first
	}
	if s.first.isEmpty() && len(s.remaining) == 0 {
		s.first = scaleSum{scale: scale}
		return &s.first
	}
	for i := range s.remaining {
		if s.remaining[i].scale == scale {
			return &s.remaining[i]
		}
	}
	s.remaining = append(s.remaining, scaleSum{scale: scale})
	return &s.remaining[len(s.remaining)-1]
}

func (s *scaleSum) isEmpty() bool {
	return s.count == 0 && s.sum.isZero() && (s.large == nil || s.large.Sign() == 0)
}

// add adds a value with a weight.
func (s *numericSum) add(v string, weight int64) {
	s.count += weight
	if coefficient, scale, ok := types.NumericSmall(v); ok {
		at := s.at(scale)
		at.count += weight
		at.sum = at.sum.plus(product(coefficient, weight))
		return
	}
	switch v {
	case types.NumericNaN:
		s.nan += weight
	case types.NumericInfinity:
		s.infinity += weight
	case types.NumericNegativeInfinity:
		s.negative += weight
	default:
		s.addLarge(v, weight)
	}
}

func (s *numericSum) addLarge(v string, weight int64) {
	var d apd.Decimal
	types.NumericToDecimal(v, &d)
	coefficient := d.Coeff.MathBigInt()
	if d.Negative {
		coefficient.Neg(coefficient)
	}
	at := s.at(max(0, -d.Exponent))
	at.count += weight
	if at.large == nil {
		at.large = new(big.Int)
	}
	at.large.Add(at.large, coefficient.Mul(coefficient, big.NewInt(weight)))
}

// merge adds the other sum.
func (s *numericSum) merge(o *numericSum) {
	s.count += o.count
	s.nan += o.nan
	s.infinity += o.infinity
	s.negative += o.negative
	for _, part := range o.parts() {
		at := s.at(part.scale)
		at.count += part.count
		at.sum = at.sum.plus(part.sum)
		if part.large != nil {
			if at.large == nil {
				at.large = new(big.Int)
			}
			at.large.Add(at.large, part.large)
		}
	}
}

// parts returns the sums that are not empty, by scale.
func (s *numericSum) parts() []scaleSum {
	all := append([]scaleSum{s.first}, s.remaining...)
	all = slices.DeleteFunc(all, func(p scaleSum) bool { return p.isEmpty() })
	slices.SortFunc(all, func(a, b scaleSum) int { return int(a.scale - b.scale) })
	return all
}

// special returns the result that NaN and infinities force.
func (s *numericSum) special() (string, bool) {
	switch {
	case s.nan != 0 || s.infinity != 0 && s.negative != 0:
		return types.NumericNaN, true
	case s.infinity != 0:
		return types.NumericInfinity, true
	case s.negative != 0:
		return types.NumericNegativeInfinity, true
	}
	return "", false
}

// total returns the sum, with the largest scale there is.
func (s *numericSum) total() string {
	if v, ok := s.special(); ok {
		return v
	}
	if len(s.remaining) == 0 && s.first.large == nil {
		return s.first.sum.numeric(s.first.scale)
	}
	total, scale := new(big.Int), int32(0)
	var part big.Int
	for _, p := range s.parts() {
		total.Mul(total, powerOfTen(p.scale-scale))
		scale = p.scale
		total.Add(total, p.sum.setBig(&part))
		if p.large != nil {
			total.Add(total, p.large)
		}
	}
	return bigNumeric(total, scale)
}

func powerOfTen(n int32) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

func sumNumeric(s *numericSum) (types.Datum, error) {
	// Adding zero checks the limits of the type.
	total, err := types.NumericAdd(s.total(), types.NumericFromInt64(0))
	return types.StringDatum(total), err
}

func averageNumeric(s *numericSum) (types.Datum, error) {
	if v, ok := s.special(); ok {
		return types.StringDatum(v), nil
	}
	mean, err := types.NumericDiv(s.total(), types.NumericFromInt64(s.count))
	return types.StringDatum(mean), err
}

// numericSumAccumulator serves sum and avg over numeric.
type numericSumAccumulator struct {
	groupStates[numericSum]
	result func(*numericSum) (types.Datum, error)
	buf    []byte
}

func newNumericSum(result func(*numericSum) (types.Datum, error)) func([]types.Type) Accumulator {
	return func([]types.Type) Accumulator { return &numericSumAccumulator{result: result} }
}

// Add implements Accumulator.
func (a *numericSumAccumulator) Add(_ *Context, groups []int32, args []*types.Vector, weights []int64) {
	values, nulls := args[0].Strs, args[0].Nulls
	for r, g := range groups {
		if g < 0 || nulls.Get(r) {
			continue
		}
		a.states[g].add(values[r], weightOf(weights, r))
	}
}

// Merge implements Accumulator.
func (a *numericSumAccumulator) Merge(_ *Context, groups []int32, states []*types.Vector) {
	for r, g := range groups {
		if g >= 0 {
			other := decodeNumericSum(states[0].Ints[r], states[1].Strs[r])
			a.states[g].merge(&other)
		}
	}
}

// Load implements Accumulator.
func (a *numericSumAccumulator) Load(groups []int32, states []*types.Vector) {
	for r, g := range groups {
		a.states[g] = decodeNumericSum(states[0].Ints[r], states[1].Strs[r])
	}
}

// Save implements Accumulator.
func (a *numericSumAccumulator) Save(groups []int32, out []*types.Vector) {
	for _, g := range groups {
		s := &a.states[g]
		a.buf = s.encode(a.buf[:0])
		out[0].Ints = append(out[0].Ints, s.count)
		out[1].Strs = append(out[1].Strs, string(a.buf))
	}
}

// Result implements Accumulator.
func (a *numericSumAccumulator) Result(ctx *Context, groups []int32, out *types.Vector) {
	for r, g := range groups {
		if a.states[g].count == 0 {
			out.Append(types.Null)
			continue
		}
		appendResult(ctx, out, r, a.result, &a.states[g])
	}
}

// encode appends the state's bytes, all but the count: three varints (NaN,
// Infinity, -Infinity) and then, by scale, uvarint scale, varint count and the
// sum as an integer (appendBig). A state without values has no bytes.
func (s *numericSum) encode(buf []byte) []byte {
	parts := s.parts()
	if len(parts) == 0 && s.nan == 0 && s.infinity == 0 && s.negative == 0 {
		return buf
	}
	buf = binary.AppendVarint(buf, s.nan)
	buf = binary.AppendVarint(buf, s.infinity)
	buf = binary.AppendVarint(buf, s.negative)
	var sum big.Int
	for _, p := range parts {
		buf = binary.AppendUvarint(buf, uint64(p.scale))
		buf = binary.AppendVarint(buf, p.count)
		if v, ok := p.sum.int64(); ok && p.large == nil {
			buf = appendBig(buf, sum.SetInt64(v))
			continue
		}
		p.sum.setBig(&sum)
		if p.large != nil {
			sum.Add(&sum, p.large)
		}
		buf = appendBig(buf, &sum)
	}
	return buf
}

// appendBig appends an integer as a varint of ± its length in bytes and its
// magnitude, big-endian.
func appendBig(buf []byte, v *big.Int) []byte {
	magnitude := v.Bytes()
	length := int64(len(magnitude))
	if v.Sign() < 0 {
		length = -length
	}
	buf = binary.AppendVarint(buf, length)
	return append(buf, magnitude...)
}

// decodeNumericSum reads what encode wrote; damaged bytes, which the storage's
// checksums rule out, end the state early.
func decodeNumericSum(count int64, data string) numericSum {
	s := numericSum{count: count}
	r := stateReader{data: data}
	s.nan, s.infinity, s.negative = r.varint(), r.varint(), r.varint()
	for !r.atEnd() {
		at := s.at(int32(r.uvarint()))
		at.count = r.varint()
		length := r.varint()
		magnitude := new(big.Int).SetBytes([]byte(r.bytes(int(max(length, -length)))))
		if length < 0 {
			magnitude.Neg(magnitude)
		}
		if magnitude.IsInt64() {
			at.sum = int128{}.add(magnitude.Int64())
		} else {
			at.large = magnitude
		}
	}
	return s
}

// stateReader reads the parts of a state's bytes. Behind the end everything is
// zero.
type stateReader struct{ data string }

func (r *stateReader) atEnd() bool { return r.data == "" }

func (r *stateReader) uvarint() uint64 {
	var v uint64
	for shift := 0; len(r.data) > 0 && shift < 64; shift += 7 {
		c := r.data[0]
		r.data = r.data[1:]
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			break
		}
	}
	return v
}

func (r *stateReader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (r *stateReader) bytes(n int) string {
	n = min(n, len(r.data))
	out := r.data[:n]
	r.data = r.data[n:]
	return out
}
