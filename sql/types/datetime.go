package types

import (
	"math"

	"millrace/sql/sqlerr"
)

// Dates count days and timestamps microseconds from 2000-01-01, in the
// proleptic Gregorian calendar with a year 0, which prints as 1 BC
// (https://www.postgresql.org/docs/15/datatype-datetime.html).
const (
	microsPerSecond = 1_000_000
	microsPerMinute = 60 * microsPerSecond
	microsPerHour   = 60 * microsPerMinute
	microsPerDay    = 24 * microsPerHour

	secondsPerDay = 86400

	// unixEpochDays is 1970-01-01 and unixEpochSeconds the same as a timestamp.
	unixEpochDays    = -10957
	unixEpochSeconds = unixEpochDays * secondsPerDay

	// julianEpoch is the Julian day of 2000-01-01.
	julianEpoch = 2451545
)

// The extremes that stand for infinity, and PostgreSQL's limits. The first day
// of dates and timestamps is 4714-11-24 BC, Julian day 0.
const (
	DateInfinity              = math.MaxInt32
	DateNegativeInfinity      = math.MinInt32
	TimestampInfinity         = math.MaxInt64
	TimestampNegativeInfinity = math.MinInt64

	minDate      = -julianEpoch
	endDate      = 2145031949 // 5874898-01-01
	minTimestamp = -211813488000000000
	endTimestamp = 9223371331200000000 // 294277-01-01
)

func timestampRangeError() error {
	return sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "timestamp out of range")
}

func dateToTimestampError() error {
	return sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "date out of range for timestamp")
}

func infiniteSubtractionError() error {
	return sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "cannot subtract infinite timestamps")
}

// civil is a calendar date; year 0 is 1 BC.
type civil struct {
	year, month, day int
}

// daysFromCivil returns the date's days since 2000-01-01. The day may lie
// outside its month and counts on.
func daysFromCivil(c civil) int64 {
	// Years begin in March here, so that the leap day is the last of a year.
	year, month := int64(c.year), int64(c.month)
	if month <= 2 {
		year--
		month += 12
	}
	era := floorDiv64(year, 400)
	yearOfEra := year - era*400
	dayOfYear := (153*(month-3)+2)/5 + int64(c.day) - 1
	dayOfEra := yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear
	return era*daysPerEra + dayOfEra - marchToEpoch
}

const (
	daysPerEra = 146097 // of 400 years
	// marchToEpoch is the days from 0000-03-01 to 2000-01-01.
	marchToEpoch = 730425
)

// civilFromDays is the inverse of daysFromCivil.
func civilFromDays(days int64) civil {
	days += marchToEpoch
	era := floorDiv64(days, daysPerEra)
	dayOfEra := days - era*daysPerEra
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	month := (5*dayOfYear + 2) / 153
	c := civil{
		year:  int(yearOfEra + era*400),
		month: int(month + 3),
		day:   int(dayOfYear - (153*month+2)/5 + 1),
	}
	if c.month > 12 {
		c.month -= 12
		c.year++
	}
	return c
}

func floorDiv64(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// isLeap reports whether the year has a leap day.
func isLeap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

var monthDays = [13]int{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// daysInMonth returns the days of a month 1 to 12.
func daysInMonth(year, month int) int {
	if month == 2 && isLeap(year) {
		return 29
	}
	return monthDays[month]
}

// splitMicros returns the day and the microseconds within it of a timestamp.
func splitMicros(micros int64) (days, ofDay int64) {
	days = floorDiv64(micros, microsPerDay)
	return days, micros - days*microsPerDay
}

// joinMicros is the inverse of splitMicros; ok is false when the timestamp is
// outside PostgreSQL's range.
func joinMicros(days, ofDay int64) (micros int64, ok bool) {
	// The first day of the range times microsPerDay fits, one day less not.
	if days < minTimestamp/microsPerDay-1 || days > endTimestamp/microsPerDay {
		return 0, false
	}
	micros = days*microsPerDay + ofDay
	return micros, isTimestamp(micros)
}

// nearTimestamps reports whether a day is one of the range of timestamps or next to
// one: local time may be outside of the range.
func nearTimestamps(days int64) bool {
	return days >= minTimestamp/microsPerDay-1 && days <= endTimestamp/microsPerDay
}

func isTimestamp(micros int64) bool { return micros >= minTimestamp && micros < endTimestamp }

func isDate(days int64) bool { return days >= minDate && days < endDate }
