package types

import (
	"encoding/binary"
	"math"
	"math/bits"

	"millrace/sql/sqlerr"
)

// IntervalValue is an interval: months, days and microseconds stay apart,
// since a month has no fixed number of days nor a day of hours.
type IntervalValue struct {
	Months, Days int32
	Micros       int64
}

const (
	daysPerMonth  = 30
	monthsPerYear = 12
)

func intervalRangeError() error {
	return sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "interval out of range")
}

// intervalSize is the length of an encoded interval: months, days and
// microseconds as little-endian integers.
const intervalSize = 16

// EncodeInterval returns v in the form that datums and vectors hold: 4 bytes
// months, 4 bytes days, 8 bytes microseconds, little-endian.
func EncodeInterval(v IntervalValue) string {
	return EncodeIntervalIn(nil, v)
}

// EncodeIntervalIn is EncodeInterval into an arena's memory.
func EncodeIntervalIn(arena *StringArena, v IntervalValue) string {
	var buf [intervalSize]byte
	binary.LittleEndian.PutUint32(buf[0:], uint32(v.Months))
	binary.LittleEndian.PutUint32(buf[4:], uint32(v.Days))
	binary.LittleEndian.PutUint64(buf[8:], uint64(v.Micros))
	return arena.Copy(buf[:])
}

// DecodeInterval is the inverse of EncodeInterval. A string of another length
// is the zero interval.
func DecodeInterval(s string) IntervalValue {
	if len(s) != intervalSize {
		return IntervalValue{}
	}
	return IntervalValue{
		Months: int32(stringUint32(s)),
		Days:   int32(stringUint32(s[4:])),
		Micros: int64(stringUint64(s[8:])),
	}
}

func stringUint32(s string) uint32 {
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

func stringUint64(s string) uint64 {
	return uint64(stringUint32(s)) | uint64(stringUint32(s[4:]))<<32
}

// span returns the interval's length with months of 30 days and days of 24
// hours, by which intervals compare: whole days and the microseconds behind.
func (v IntervalValue) span() (days, micros int64) {
	extra, micros := splitMicros(v.Micros)
	return int64(v.Months)*daysPerMonth + int64(v.Days) + extra, micros
}

// Compare orders intervals as PostgreSQL: a month counts as 30 days, a day as
// 24 hours.
func (v IntervalValue) Compare(w IntervalValue) int {
	daysV, microsV := v.span()
	daysW, microsW := w.span()
	if daysV != daysW {
		return compareInt64(daysV, daysW)
	}
	return compareInt64(microsV, microsW)
}

// Add returns v + w field by field, 22008 when a field overflows.
func (v IntervalValue) Add(w IntervalValue) (IntervalValue, error) {
	return makeInterval(int64(v.Months)+int64(w.Months), int64(v.Days)+int64(w.Days), v.Micros, w.Micros)
}

// Sub returns v - w field by field, 22008 when a field overflows.
func (v IntervalValue) Sub(w IntervalValue) (IntervalValue, error) {
	micros := v.Micros - w.Micros
	if (micros < v.Micros) != (w.Micros > 0) && w.Micros != 0 {
		return IntervalValue{}, intervalRangeError()
	}
	return makeInterval(int64(v.Months)-int64(w.Months), int64(v.Days)-int64(w.Days), micros, 0)
}

// Neg returns -v, 22008 when a field overflows.
func (v IntervalValue) Neg() (IntervalValue, error) {
	if v.Micros == math.MinInt64 {
		return IntervalValue{}, intervalRangeError()
	}
	return makeInterval(-int64(v.Months), -int64(v.Days), -v.Micros, 0)
}

// makeInterval checks the fields' ranges and adds the microseconds.
func makeInterval(months, days, micros, moreMicros int64) (IntervalValue, error) {
	sum := micros + moreMicros
	overflow := (sum > micros) != (moreMicros > 0) && moreMicros != 0
	if overflow || int64(int32(months)) != months || int64(int32(days)) != days {
		return IntervalValue{}, intervalRangeError()
	}
	return IntervalValue{Months: int32(months), Days: int32(days), Micros: sum}, nil
}

// Mul returns v × factor. Fractions of months become days, fractions of days
// become microseconds.
func (v IntervalValue) Mul(factor float64) (IntervalValue, error) {
	return v.scale(func(x float64) float64 { return x * factor })
}

// Div returns v / divisor; dividing by zero is 22012.
func (v IntervalValue) Div(divisor float64) (IntervalValue, error) {
	if divisor == 0 {
		return IntervalValue{}, divisionByZeroError()
	}
	return v.scale(func(x float64) float64 { return x / divisor })
}

// scale applies a linear function to each field and cascades the fractions
// down.
func (v IntervalValue) scale(apply func(float64) float64) (IntervalValue, error) {
	months, okMonths := toInt32(apply(float64(v.Months)))
	days, okDays := toInt32(apply(float64(v.Days)))
	if !okMonths || !okDays {
		return IntervalValue{}, intervalRangeError()
	}
	// Fractions are rounded to microseconds at each step, so that errors of
	// floating point do not show.
	monthFraction := (apply(float64(v.Months)) - float64(months)) * daysPerMonth
	monthFraction = roundToMicro(monthFraction)
	seconds := (apply(float64(v.Days)) - float64(days) + monthFraction - math.Trunc(monthFraction)) * secondsPerDay
	seconds = roundToMicro(seconds)
	totalDays := int64(days)
	if math.Abs(seconds) >= secondsPerDay {
		totalDays += int64(seconds / secondsPerDay)
		seconds -= math.Trunc(seconds/secondsPerDay) * secondsPerDay
	}
	totalDays += int64(math.Trunc(monthFraction))
	micros := math.RoundToEven(apply(float64(v.Micros)) + seconds*microsPerSecond)
	if math.IsNaN(micros) || micros < math.MinInt64 || micros >= -math.MinInt64 {
		return IntervalValue{}, intervalRangeError()
	}
	return makeInterval(int64(months), totalDays, int64(micros), 0)
}

// toInt32 cuts x to an integer; ok is false when it is none of 32 bits.
func toInt32(x float64) (int32, bool) {
	if math.IsNaN(x) || x > math.MaxInt32 || x < math.MinInt32 {
		return 0, false
	}
	return int32(x), true
}

// roundToMicro rounds to six digits behind the point.
func roundToMicro(x float64) float64 { return math.RoundToEven(x*1e6) / 1e6 }

// JustifyHours turns whole 24 hours into days and makes the signs of days and
// microseconds agree.
func (v IntervalValue) JustifyHours() (IntervalValue, error) {
	days := int64(v.Days) + v.Micros/microsPerDay
	micros := v.Micros % microsPerDay
	switch {
	case days > 0 && micros < 0:
		micros += microsPerDay
		days--
	case days < 0 && micros > 0:
		micros -= microsPerDay
		days++
	}
	return makeInterval(int64(v.Months), days, micros, 0)
}

// JustifyDays turns whole 30 days into months and makes the signs of months
// and days agree.
func (v IntervalValue) JustifyDays() (IntervalValue, error) {
	months := int64(v.Months) + int64(v.Days)/daysPerMonth
	days := int64(v.Days) % daysPerMonth
	switch {
	case months > 0 && days < 0:
		days += daysPerMonth
		months--
	case months < 0 && days > 0:
		days -= daysPerMonth
		months++
	}
	return makeInterval(months, days, v.Micros, 0)
}

// Justify turns whole days into months and whole 24 hours into days and makes
// all signs agree.
func (v IntervalValue) Justify() (IntervalValue, error) {
	days := int64(v.Days) + v.Micros/microsPerDay
	micros := v.Micros % microsPerDay
	months := int64(v.Months) + days/daysPerMonth
	days %= daysPerMonth
	switch {
	case months > 0 && (days < 0 || days == 0 && micros < 0):
		days += daysPerMonth
		months--
	case months < 0 && (days > 0 || days == 0 && micros > 0):
		days -= daysPerMonth
		months++
	}
	switch {
	case days > 0 && micros < 0:
		micros += microsPerDay
		days--
	case days < 0 && micros > 0:
		micros -= microsPerDay
		days++
	}
	return makeInterval(months, days, micros, 0)
}

// multiplyInt64 returns a × b; ok is false on overflow.
func multiplyInt64(a, b int64) (product int64, ok bool) {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	negative := (a < 0) != (b < 0)
	switch {
	case hi != 0, lo > 1<<63, lo == 1<<63 && !negative:
		return 0, false
	case negative:
		return -int64(lo), true
	default:
		return int64(lo), true
	}
}
