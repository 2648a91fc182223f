package expr

import (
	"math"
	"time"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

const (
	microsPerSecond = 1_000_000
	microsPerMinute = 60 * microsPerSecond
	microsPerHour   = 60 * microsPerMinute
	microsPerDay    = 24 * microsPerHour

	// postgresEpochJulian is the Julian day of 2000-01-01, day 0 of dates.
	postgresEpochJulian = 2451545
	// firstDate and endDate bound the finite dates, firstTimestamp and
	// endTimestamp the finite timestamps.
	firstDate      = -postgresEpochJulian
	endDate        = 2145031949
	firstTimestamp = -211813488000000000
	endTimestamp   = 9223371331200000000
)

var (
	errTimestampRange = sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "timestamp out of range")
	errDateRange      = sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "date out of range")
	errDateTooLarge   = sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "date out of range for timestamp")
	errIntervalRange  = sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "interval out of range")
)

// date is a day of the proleptic Gregorian calendar; year 0 is 1 BC.
type date struct{ year, month, day int }

// days returns the date's days since 2000-01-01.
func (d date) days() int64 {
	// Years begin in March, so that the leap day is a year's last.
	year, month := int64(d.year), int64(d.month)
	if month <= 2 {
		year, month = year-1, month+12
	}
	cycle := floorDivide(year, 400)
	ofCycle := year - cycle*400
	ofYear := (153*(month-3)+2)/5 + int64(d.day) - 1
	const marchOf2000 = 60
	return cycle*146097 + ofCycle*365 + ofCycle/4 - ofCycle/100 + ofYear + marchOf2000 - 5*146097
}

// dateOf returns the date that is days after 2000-01-01.
func dateOf(days int64) date {
	days += 5*146097 - 60
	cycle := floorDivide(days, 146097)
	ofCycle := days - cycle*146097
	year := (ofCycle - ofCycle/1460 + ofCycle/36524 - ofCycle/146096) / 365
	ofYear := ofCycle - (365*year + year/4 - year/100)
	month := (5*ofYear + 2) / 153
	d := date{int(year + cycle*400), int(month + 3), int(ofYear - (153*month+2)/5 + 1)}
	if d.month > 12 {
		d.month -= 12
		d.year++
	}
	return d
}

// weekday returns the day of the week, 0 for Sunday.
func weekday(days int64) int {
	return int(floorModulo(days+6, 7))
}

// isoWeek returns the ISO 8601 week and the year that it belongs to.
func (d date) isoWeek() (year, week int) {
	days := d.days()
	thursday := days - int64((weekday(days)+6)%7) + 3
	year = dateOf(thursday).year
	return year, int(thursday-date{year, 1, 1}.days())/7 + 1
}

func isLeap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

func monthDays(year, month int) int {
	if month == 2 && isLeap(year) {
		return 29
	}
	return [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[month-1]
}

// clock is a time of day.
type clock struct{ hour, minute, second, micro int }

func clockOf(micros int64) clock {
	return clock{
		int(micros / microsPerHour), int(micros / microsPerMinute % 60),
		int(micros / microsPerSecond % 60), int(micros % microsPerSecond),
	}
}

func (c clock) micros() int64 {
	return int64(c.hour)*microsPerHour + int64(c.minute)*microsPerMinute + int64(c.second)*microsPerSecond + int64(c.micro)
}

// splitTimestamp returns a finite timestamp's day and microseconds of the day.
func splitTimestamp(micros int64) (days, ofDay int64) {
	days = floorDivide(micros, microsPerDay)
	return days, micros - days*microsPerDay
}

// joinTimestamp is the inverse of splitTimestamp, with the range checked.
func joinTimestamp(days, ofDay int64) (int64, error) {
	if days < firstTimestamp/microsPerDay-1 || days > endTimestamp/microsPerDay {
		return 0, errTimestampRange
	}
	return checkTimestamp(days*microsPerDay + ofDay)
}

func checkTimestamp(micros int64) (int64, error) {
	if micros < firstTimestamp || micros >= endTimestamp {
		return 0, errTimestampRange
	}
	return micros, nil
}

func isInfinite(micros int64) bool { return micros == math.MaxInt64 || micros == math.MinInt64 }

func isInfiniteDate(days int64) bool { return days == math.MaxInt32 || days == math.MinInt32 }

func floorDivide(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

func floorModulo(a, b int64) int64 { return a - floorDivide(a, b)*b }

// zone returns the session's time zone.
func (c *Context) zone() *time.Location {
	if z := c.format().TimeZone; z != nil {
		return z
	}
	return time.UTC
}

// dateToTimestamp returns midnight of a date.
func dateToTimestamp(days int64) (int64, error) {
	micros, ok := types.TimestampFromDate(days)
	if !ok {
		return 0, errDateTooLarge
	}
	return micros, nil
}

// dateToTimestampSaturating is dateToTimestamp for comparisons: a date beyond
// the range of timestamps is above (below) all of them but infinity.
func dateToTimestampSaturating(days int64) int64 {
	micros, ok := types.TimestampFromDate(days)
	switch {
	case ok:
		return micros
	case days < 0:
		return firstTimestamp - 1
	}
	return endTimestamp
}

// localToUTC returns the timestamptz of a local time.
func localToUTC(micros int64, zone *time.Location) int64 {
	return types.TimestampFromLocal(micros, zone)
}
