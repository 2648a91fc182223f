package types

import (
	"strconv"
	"time"
)

// appendDate appends a date as PostgreSQL prints it in the session's style.
func appendDate(buf []byte, days int64, f *Format) []byte {
	switch days {
	case DateInfinity:
		return append(buf, "infinity"...)
	case DateNegativeInfinity:
		return append(buf, "-infinity"...)
	}
	c := civilFromDays(days)
	if f.DateStyle == DateStyleISO {
		buf = appendISODate(buf, c)
	} else {
		buf = appendNumericDate(buf, c, f)
	}
	return appendEra(buf, c)
}

// appendTimestamp appends a timestamp without time zone.
func appendTimestamp(buf []byte, micros int64, f *Format) []byte {
	if micros == TimestampInfinity || micros == TimestampNegativeInfinity {
		return appendInfinity(buf, micros)
	}
	return appendDateAndTime(buf, micros, "", 0, false, f)
}

// appendTimestampTZ appends a timestamp as it is in the session's time zone.
func appendTimestampTZ(buf []byte, micros int64, f *Format) []byte {
	if micros == TimestampInfinity || micros == TimestampNegativeInfinity {
		return appendInfinity(buf, micros)
	}
	abbreviation, offset := "UTC", 0
	if f.TimeZone != nil && f.TimeZone != time.UTC {
		abbreviation, offset = timeOf(micros).In(f.TimeZone).Zone()
	}
	return appendDateAndTime(buf, micros+int64(offset)*microsPerSecond, abbreviation, offset, true, f)
}

func appendInfinity(buf []byte, micros int64) []byte {
	if micros < 0 {
		return append(buf, "-infinity"...)
	}
	return append(buf, "infinity"...)
}

// timeOf returns a timestamp as a time in UTC.
func timeOf(micros int64) time.Time {
	seconds := floorDiv64(micros, microsPerSecond)
	return time.Unix(seconds-unixEpochSeconds, (micros-seconds*microsPerSecond)*1000).UTC()
}

// appendDateAndTime appends local microseconds with, if wanted, the zone.
func appendDateAndTime(buf []byte, local int64, abbreviation string, offset int, zone bool, f *Format) []byte {
	days, ofDay := splitMicros(local)
	c := civilFromDays(days)
	switch f.DateStyle {
	case DateStyleISO:
		buf = append(appendISODate(buf, c), ' ')
		buf = appendTimeOfDay(buf, ofDay)
		if zone {
			buf = appendOffset(buf, offset)
		}
		return appendEra(buf, c)
	case DateStylePostgres:
		return appendPostgresTimestamp(buf, c, days, ofDay, abbreviation, zone, f)
	}
	buf = append(appendNumericDate(buf, c, f), ' ')
	buf = appendTimeOfDay(buf, ofDay)
	if zone {
		buf = append(append(buf, ' '), abbreviation...)
	}
	return appendEra(buf, c)
}

var dayNames = [7]string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}

var monthNames = [13]string{"", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}

// appendPostgresTimestamp appends "Wed Dec 17 07:37:16 1997 PST".
func appendPostgresTimestamp(buf []byte, c civil, days, ofDay int64, abbreviation string, zone bool, f *Format) []byte {
	buf = append(buf, dayNames[weekday(days)]...)
	buf = append(buf, ' ')
	if f.DateOrder == DateOrderDMY {
		buf = append(appendTwoDigits(buf, c.day), ' ')
		buf = append(buf, monthNames[c.month]...)
	} else {
		buf = append(append(buf, monthNames[c.month]...), ' ')
		buf = appendTwoDigits(buf, c.day)
	}
	buf = append(buf, ' ')
	buf = append(appendTimeOfDay(buf, ofDay), ' ')
	buf = appendYear(buf, c)
	if zone {
		buf = append(append(buf, ' '), abbreviation...)
	}
	return appendEra(buf, c)
}

// weekday returns the day of the week, 0 for Sunday; 2000-01-01 was a Saturday.
func weekday(days int64) int {
	w := (days + 6) % 7
	if w < 0 {
		w += 7
	}
	return int(w)
}

func appendISODate(buf []byte, c civil) []byte {
	buf = append(appendYear(buf, c), '-')
	buf = append(appendTwoDigits(buf, c.month), '-')
	return appendTwoDigits(buf, c.day)
}

// appendNumericDate appends the date of the styles SQL, Postgres and German.
func appendNumericDate(buf []byte, c civil, f *Format) []byte {
	first, second, separator := c.month, c.day, byte('/')
	if f.DateOrder == DateOrderDMY || f.DateStyle == DateStyleGerman {
		first, second = second, first
	}
	switch f.DateStyle {
	case DateStyleGerman:
		separator = '.'
	case DateStylePostgres:
		separator = '-'
	}
	buf = append(appendTwoDigits(buf, first), separator)
	buf = append(appendTwoDigits(buf, second), separator)
	return appendYear(buf, c)
}

// appendYear appends the year in its era, at least four digits.
func appendYear(buf []byte, c civil) []byte {
	year := c.year
	if year <= 0 {
		year = 1 - year
	}
	if year < 10000 {
		return appendTwoDigits(appendTwoDigits(buf, year/100), year%100)
	}
	return strconv.AppendInt(buf, int64(year), 10)
}

func appendEra(buf []byte, c civil) []byte {
	if c.year <= 0 {
		return append(buf, " BC"...)
	}
	return buf
}

func appendTwoDigits(buf []byte, v int) []byte {
	return append(buf, byte('0'+v/10), byte('0'+v%10))
}

// appendTimeOfDay appends hours, minutes, seconds and as much of the fraction
// as is not zero.
func appendTimeOfDay(buf []byte, micros int64) []byte {
	seconds := int(micros / microsPerSecond)
	buf = append(appendTwoDigits(buf, seconds/3600), ':')
	buf = append(appendTwoDigits(buf, seconds/60%60), ':')
	buf = appendTwoDigits(buf, seconds%60)
	return appendFraction(buf, int(micros%microsPerSecond))
}

// appendFraction appends microseconds below one second as ".123" without
// trailing zeros, nothing for 0.
func appendFraction(buf []byte, micros int) []byte {
	if micros == 0 {
		return buf
	}
	digits := 6
	for micros%10 == 0 {
		micros /= 10
		digits--
	}
	buf = append(buf, '.')
	start := len(buf)
	buf = append(buf, zeros[:digits]...)
	for i := start + digits - 1; micros > 0; i-- {
		buf[i] = byte('0' + micros%10)
		micros /= 10
	}
	return buf
}

// appendOffset appends a zone's offset in seconds as "+02", "-03:30",
// "+00:53:28".
func appendOffset(buf []byte, offset int) []byte {
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	buf = appendTwoDigits(append(buf, sign), offset/3600)
	if offset%3600 != 0 {
		buf = appendTwoDigits(append(buf, ':'), offset/60%60)
	}
	if offset%60 != 0 {
		buf = appendTwoDigits(append(buf, ':'), offset%60)
	}
	return buf
}
