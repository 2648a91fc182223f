package expr

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// An exact sum of doubles is a fixed-point number with a digit for every 32 bits
// from 2^-1074 (the least double) upwards. Each digit is kept in an int64 with
// room for carries, so that adding a double is three integer additions; carries
// are settled once in many additions. Nothing is rounded until the result is
// read, so the sum does not depend on the order of its terms and undoing a term
// is subtracting it (after "Fast exact summation using small and large
// superaccumulators", R. M. Neal, 2015).
//
// A sum stores only the digits from the lowest to the highest that it has
// needed: a few for values of similar size.

const (
	digitBits = 32
	digitMask = 1<<digitBits - 1
	// leastExponent is the exponent of the lowest bit of digit 0.
	leastExponent = -1074
	// maxDigits covers 2^1024 and the carries of 2^63 terms.
	maxDigits = 70
	// settleAfter bounds the sum of the weights added without settling carries:
	// each adds less than 2^32 to a digit's magnitude, which has 63 bits.
	settleAfter = 1 << 29
)

// exactSum is an exact sum of finite doubles. The zero value is 0.
type exactSum struct {
	digits    []int64
	low       int32 // number of the first of digits
	unsettled int32 // weight added since the carries were settled
}

// add adds weight × v; v is finite.
func (s *exactSum) add(v float64, weight int64) {
	if weight >= -maxShortWeight && weight <= maxShortWeight {
		s.addShifted(v, weight, 0)
		return
	}
	for shift := 0; weight != 0; shift += shortWeightBits {
		s.addShifted(v, weight%(1<<shortWeightBits), shift)
		weight /= 1 << shortWeightBits
	}
}

// A weight is added in pieces of so many bits, which leave a digit room.
const (
	shortWeightBits = 15
	maxShortWeight  = 1<<shortWeightBits - 1
)

// addShifted adds weight × 2^shift × v, |weight| ≤ 2^15.
func (s *exactSum) addShifted(v float64, weight int64, shift int) {
	b := math.Float64bits(v)
	exponent := int(b >> 52 & 0x7ff)
	mantissa := b & (1<<52 - 1)
	if exponent == 0 {
		exponent = 1
	} else {
		mantissa |= 1 << 52
	}
	if mantissa == 0 || weight == 0 {
		return
	}
	if int64(b) < 0 {
		weight = -weight
	}
	// The mantissa's lowest bit is 2^(exponent-1) above 2^-1074.
	position := exponent - 1 + shift
	first, offset := int32(position/digitBits), uint(position%digitBits)
	d := s.window(first)
	lowWord, highWord := mantissa<<offset, mantissa>>(63-offset)>>1
	d[0] += int64(lowWord&digitMask) * weight
	d[1] += int64(lowWord>>digitBits) * weight
	d[2] += int64(highWord) * weight
	if s.unsettled += int32(max(weight, -weight)); s.unsettled > settleAfter {
		s.settle()
	}
}

// window returns the three digits from number first on.
func (s *exactSum) window(first int32) []int64 {
	at := first - s.low
	if at < 0 || int(at)+3 > len(s.digits) {
		s.include(first, first+3)
		at = first - s.low
	}
	return s.digits[at : at+3 : at+3]
}

// include makes the digits cover [first, end).
func (s *exactSum) include(first, end int32) {
	if len(s.digits) > 0 {
		first = min(first, s.low)
		end = max(end, s.low+int32(len(s.digits)))
	}
	// One more digit above leaves room for carries.
	larger := make([]int64, max(end-first+1, 4))
	if len(s.digits) > 0 {
		copy(larger[s.low-first:], s.digits)
	}
	s.digits, s.low = larger, first
}

// settle moves carries up, so that every digit but the highest is in [0, 2^32)
// and the highest in [-1, 2^31) or so; the highest carries the sign.
func (s *exactSum) settle() {
	s.unsettled = 0
	var carry int64
	for i := range s.digits {
		t := s.digits[i] + carry
		if i == len(s.digits)-1 {
			s.digits[i] = t
			if t != int64(int32(t)) {
				s.include(s.low, s.low+int32(len(s.digits))+1)
				s.digits[i] = t & digitMask
				s.digits[i+1] = t >> digitBits
			}
			return
		}
		s.digits[i] = t & digitMask
		carry = t >> digitBits
	}
}

// merge adds the other sum.
func (s *exactSum) merge(o *exactSum) {
	if len(o.digits) == 0 {
		return
	}
	o.settle()
	s.settle()
	end := o.low + int32(len(o.digits))
	if o.low < s.low || end > s.low+int32(len(s.digits)) || len(s.digits) == 0 {
		s.include(o.low, end)
	}
	for i, d := range o.digits {
		s.digits[o.low-s.low+int32(i)] += d
	}
	s.unsettled = 2
}

// magnitude is a settled sum as sign and unsigned digits without zeros at the
// top; digit i has the number low+i.
type magnitude struct {
	negative bool
	low      int32
	digits   []uint64 // each below 2^32
	inexact  bool     // there is something below the lowest digit
}

// magnitude returns the sum's magnitude, in buf if it is large enough.
func (s *exactSum) magnitude(buf []uint64) magnitude {
	m := magnitude{low: s.low, digits: buf[:0]}
	var carry int64
	for _, d := range s.digits {
		t := d + carry
		m.digits = append(m.digits, uint64(t&digitMask))
		carry = t >> digitBits
	}
	for range 2 {
		m.digits = append(m.digits, uint64(carry&digitMask))
		carry >>= digitBits
	}
	if carry < 0 {
		m.negative = true
		borrow := uint64(1)
		for i, d := range m.digits {
			t := (d ^ digitMask) + borrow
			m.digits[i] = t & digitMask
			borrow = t >> digitBits
		}
	}
	m.trim()
	return m
}

// trim drops zero digits from the top.
func (m *magnitude) trim() {
	for len(m.digits) > 0 && m.digits[len(m.digits)-1] == 0 {
		m.digits = m.digits[:len(m.digits)-1]
	}
}

// divide divides by n > 0, keeping 160 more bits below.
func (m *magnitude) divide(n uint64) {
	const more = 5
	dividend := append(make([]uint64, more, more+len(m.digits)), m.digits...)
	var remainder uint64
	for i := len(dividend) - 1; i >= 0; i-- {
		high, low := remainder>>digitBits, remainder<<digitBits|dividend[i]
		dividend[i], remainder = bits.Div64(high, low, n)
	}
	m.digits, m.low = dividend, m.low-more
	m.inexact = remainder != 0
	m.trim()
}

// round returns the nearest floating point number with the given bits of
// precision and least exponent, ties to even; it may be infinite.
func (m *magnitude) round(precision, least int) float64 {
	if len(m.digits) == 0 {
		return 0
	}
	top := len(m.digits) - 1
	length := top*digitBits + bits.Len64(m.digits[top])
	base := int(m.low)*digitBits + leastExponent // exponent of the lowest bit here
	drop := max(length-precision, least-base, 0)
	q := m.bits(drop, precision)
	if drop > 0 && m.roundsUp(drop, q&1 == 1) {
		q++
	}
	f := math.Ldexp(float64(q), base+drop)
	if m.negative {
		f = -f
	}
	return f
}

// bits returns the n ≤ 53 bits from position from on.
func (m *magnitude) bits(from, n int) uint64 {
	var q uint64
	for i := from / digitBits; i < len(m.digits); i++ {
		shift := i*digitBits - from
		if shift >= 64 {
			break
		}
		if shift < 0 {
			q |= m.digits[i] >> uint(-shift)
		} else {
			q |= m.digits[i] << uint(shift)
		}
	}
	return q & (1<<(n+1) - 1)
}

// roundsUp decides on the bits below position drop: more than half, or half
// exactly and odd.
func (m *magnitude) roundsUp(drop int, odd bool) bool {
	half := drop - 1
	if half/digitBits >= len(m.digits) || m.digits[half/digitBits]>>(uint(half)%digitBits)&1 == 0 {
		return false
	}
	if odd || m.inexact {
		return true
	}
	if m.digits[half/digitBits]&(1<<(uint(half)%digitBits)-1) != 0 {
		return true
	}
	for i := range half / digitBits {
		if m.digits[i] != 0 {
			return true
		}
	}
	return false
}

// encode appends the sum's bytes: nothing for zero, else a varint of the lowest
// digit's number with the sign in the lowest bit, and the digits' bytes,
// little-endian, without zeros at the top.
func (s *exactSum) encode(buf []byte) []byte {
	var room [maxDigits + 2]uint64
	m := s.magnitude(room[:0])
	if len(m.digits) == 0 {
		return buf
	}
	for m.digits[0] == 0 {
		m.digits = m.digits[1:]
		m.low++
	}
	head := uint64(m.low) << 1
	if m.negative {
		head |= 1
	}
	buf = binary.AppendUvarint(buf, head)
	for _, d := range m.digits {
		buf = binary.LittleEndian.AppendUint32(buf, uint32(d))
	}
	for buf[len(buf)-1] == 0 {
		buf = buf[:len(buf)-1]
	}
	return buf
}

// decodeExactSum reads what encode wrote.
func decodeExactSum(data string) exactSum {
	if data == "" {
		return exactSum{}
	}
	r := stateReader{data: data}
	head := r.uvarint()
	s := exactSum{low: int32(head>>1) % maxDigits, digits: make([]int64, (len(r.data)+3)/4+1)}
	for i := 0; !r.atEnd(); i++ {
		d := r.bytes(1)[0]
		s.digits[i/4] |= int64(d) << (8 * uint(i%4))
	}
	if head&1 == 1 {
		for i := range s.digits {
			s.digits[i] = -s.digits[i]
		}
	}
	s.unsettled = 1
	return s
}
