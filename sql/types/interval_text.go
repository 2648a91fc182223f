package types

import "strconv"

// intervalFields is an interval in the fields that are printed.
type intervalFields struct {
	years, months, days, hours, minutes, seconds, micros int64
}

func (v IntervalValue) fields() intervalFields {
	return intervalFields{
		years:   int64(v.Months) / monthsPerYear,
		months:  int64(v.Months) % monthsPerYear,
		days:    int64(v.Days),
		hours:   v.Micros / microsPerHour,
		minutes: v.Micros / microsPerMinute % 60,
		seconds: v.Micros / microsPerSecond % 60,
		micros:  v.Micros % microsPerSecond,
	}
}

// appendInterval appends an interval in the session's style
// (https://www.postgresql.org/docs/15/datatype-datetime.html#DATATYPE-INTERVAL-OUTPUT).
func appendInterval(buf []byte, v IntervalValue, f *Format) []byte {
	fields := v.fields()
	switch f.IntervalStyle {
	case IntervalStylePostgresVerbose:
		return fields.appendVerbose(buf)
	case IntervalStyleSQLStandard:
		return fields.appendSQLStandard(buf)
	case IntervalStyleISO8601:
		return fields.appendISO8601(buf)
	default:
		return fields.appendPostgres(buf)
	}
}

// appendPostgres appends "1 year 2 mons -3 days +04:05:06".
func (f intervalFields) appendPostgres(buf []byte) []byte {
	start := len(buf)
	// A field behind a negative one shows its sign even when positive.
	behindNegative := false
	for _, part := range [...]struct {
		value int64
		unit  string
	}{{f.years, "year"}, {f.months, "mon"}, {f.days, "day"}} {
		if part.value == 0 {
			continue
		}
		if len(buf) > start {
			buf = append(buf, ' ')
		}
		if behindNegative && part.value > 0 {
			buf = append(buf, '+')
		}
		buf = strconv.AppendInt(buf, part.value, 10)
		buf = append(append(buf, ' '), part.unit...)
		if part.value != 1 {
			buf = append(buf, 's')
		}
		behindNegative = part.value < 0
	}
	if len(buf) > start && !f.hasTime() {
		return buf
	}
	if len(buf) > start {
		buf = append(buf, ' ')
	}
	switch {
	case f.timeIsNegative():
		buf = append(buf, '-')
	case behindNegative:
		buf = append(buf, '+')
	}
	return f.appendClock(buf, 2)
}

func (f intervalFields) hasTime() bool {
	return f.hours != 0 || f.minutes != 0 || f.seconds != 0 || f.micros != 0
}

func (f intervalFields) timeIsNegative() bool {
	return f.hours < 0 || f.minutes < 0 || f.seconds < 0 || f.micros < 0
}

// appendClock appends hours, of at least so many digits, minutes and seconds
// without their sign.
func (f intervalFields) appendClock(buf []byte, hourDigits int) []byte {
	hours := magnitude(f.hours)
	if hours < 10 && hourDigits == 2 {
		buf = append(buf, '0')
	}
	buf = append(strconv.AppendUint(buf, hours, 10), ':')
	buf = append(appendTwoDigits(buf, int(magnitude(f.minutes))), ':')
	buf = appendTwoDigits(buf, int(magnitude(f.seconds)))
	return appendFraction(buf, int(magnitude(f.micros)))
}

// appendVerbose appends "@ 1 year 2 mons 3 days 4 hours 5 mins 6 secs ago".
func (f intervalFields) appendVerbose(buf []byte) []byte {
	buf = append(buf, '@')
	start := len(buf)
	ago := false
	for _, part := range [...]struct {
		value int64
		unit  string
	}{{f.years, "year"}, {f.months, "mon"}, {f.days, "day"}, {f.hours, "hour"}, {f.minutes, "min"}} {
		if part.value == 0 {
			continue
		}
		// The first field's sign is told by "ago", the others' relative to it.
		if len(buf) == start {
			ago = part.value < 0
		}
		if ago {
			part.value = -part.value
		}
		buf = strconv.AppendInt(append(buf, ' '), part.value, 10)
		buf = append(append(buf, ' '), part.unit...)
		if part.value != 1 {
			buf = append(buf, 's')
		}
	}
	if f.seconds != 0 || f.micros != 0 {
		negative := f.seconds < 0 || f.micros < 0
		if len(buf) == start {
			ago = negative
		}
		buf = append(buf, ' ')
		if negative != ago {
			buf = append(buf, '-')
		}
		buf = f.appendSeconds(buf)
		buf = append(buf, " sec"...)
		if magnitude(f.seconds) != 1 || f.micros != 0 {
			buf = append(buf, 's')
		}
	}
	if len(buf) == start {
		buf = append(buf, " 0"...)
	}
	if ago {
		buf = append(buf, " ago"...)
	}
	return buf
}

// appendSeconds appends seconds and their fraction without sign and padding.
func (f intervalFields) appendSeconds(buf []byte) []byte {
	buf = strconv.AppendUint(buf, magnitude(f.seconds), 10)
	return appendFraction(buf, int(magnitude(f.micros)))
}

// appendSQLStandard appends "1-2", "3 4:05:06" or, what the standard lacks,
// "+1-2 -3 +4:05:06".
func (f intervalFields) appendSQLStandard(buf []byte) []byte {
	values := [...]int64{f.years, f.months, f.days, f.hours, f.minutes, f.seconds, f.micros}
	negative, positive := false, false
	for _, v := range values {
		negative = negative || v < 0
		positive = positive || v > 0
	}
	yearMonth := f.years != 0 || f.months != 0
	dayTime := f.days != 0 || f.hasTime()
	switch {
	case !negative && !positive:
		return append(buf, '0')
	case negative && positive || yearMonth && dayTime:
		buf = append(buf, signOf(f.years < 0 || f.months < 0))
		buf = append(f.appendYearMonth(buf), ' ', signOf(f.days < 0))
		buf = strconv.AppendUint(buf, magnitude(f.days), 10)
		return f.appendClock(append(buf, ' ', signOf(f.timeIsNegative())), 1)
	}
	if negative {
		buf = append(buf, '-')
	}
	if yearMonth {
		return f.appendYearMonth(buf)
	}
	if f.days != 0 {
		buf = append(strconv.AppendUint(buf, magnitude(f.days), 10), ' ')
	}
	return f.appendClock(buf, 1)
}

func signOf(negative bool) byte {
	if negative {
		return '-'
	}
	return '+'
}

func (f intervalFields) appendYearMonth(buf []byte) []byte {
	buf = append(strconv.AppendUint(buf, magnitude(f.years), 10), '-')
	return strconv.AppendUint(buf, magnitude(f.months), 10)
}

// appendISO8601 appends "P1Y2M3DT4H5M6S".
func (f intervalFields) appendISO8601(buf []byte) []byte {
	if f == (intervalFields{}) {
		return append(buf, "PT0S"...)
	}
	buf = append(buf, 'P')
	buf = appendDesignated(buf, f.years, 'Y')
	buf = appendDesignated(buf, f.months, 'M')
	buf = appendDesignated(buf, f.days, 'D')
	if !f.hasTime() {
		return buf
	}
	buf = append(buf, 'T')
	buf = appendDesignated(buf, f.hours, 'H')
	buf = appendDesignated(buf, f.minutes, 'M')
	if f.seconds != 0 || f.micros != 0 {
		if f.seconds < 0 || f.micros < 0 {
			buf = append(buf, '-')
		}
		buf = append(f.appendSeconds(buf), 'S')
	}
	return buf
}

func appendDesignated(buf []byte, value int64, unit byte) []byte {
	if value == 0 {
		return buf
	}
	return append(strconv.AppendInt(buf, value, 10), unit)
}
