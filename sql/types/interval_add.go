package types

import "time"

// AddToTimestamp returns a timestamp plus an interval: first the months, with
// the day cut to the month's length, then the days, then the microseconds.
// Infinities stay; 22008 outside the range.
func AddToTimestamp(micros int64, v IntervalValue) (int64, error) {
	if micros == TimestampInfinity || micros == TimestampNegativeInfinity {
		return micros, nil
	}
	if v.Months != 0 || v.Days != 0 {
		var ok bool
		days, ofDay := splitMicros(micros)
		if v.Months != 0 {
			days = addMonths(days, v.Months)
			if _, ok = joinMicros(days, ofDay); !ok {
				return 0, timestampRangeError()
			}
		}
		if micros, ok = joinMicros(days+int64(v.Days), ofDay); !ok {
			return 0, timestampRangeError()
		}
	}
	return addMicros(micros, v.Micros)
}

// AddToTimestampTZ returns a timestamp with time zone plus an interval. Months
// and days are counted in the zone's local time, each by itself, so that a day may
// have 23 or 25 hours.
func AddToTimestampTZ(micros int64, v IntervalValue, zone *time.Location) (int64, error) {
	if micros == TimestampInfinity || micros == TimestampNegativeInfinity {
		return micros, nil
	}
	if v.Months != 0 {
		days, ofDay := splitMicros(utcToLocal(micros, zone))
		days = addMonths(days, v.Months)
		if !nearTimestamps(days) {
			return 0, timestampRangeError()
		}
		micros = localToUTC(days*microsPerDay+ofDay, zone)
		if !isTimestamp(micros) {
			return 0, timestampRangeError()
		}
	}
	if v.Days != 0 {
		days, ofDay := splitMicros(utcToLocal(micros, zone))
		days += int64(v.Days)
		if !nearTimestamps(days) {
			return 0, timestampRangeError()
		}
		micros = localToUTC(days*microsPerDay+ofDay, zone)
		if !isTimestamp(micros) {
			return 0, timestampRangeError()
		}
	}
	return addMicros(micros, v.Micros)
}

// AddToDate returns a date plus an interval, which is a timestamp.
func AddToDate(days int64, v IntervalValue) (int64, error) {
	micros, ok := TimestampFromDate(days)
	if !ok {
		return 0, dateToTimestampError()
	}
	return AddToTimestamp(micros, v)
}

// addMonths adds months to a date and cuts the day to the month's length.
func addMonths(days int64, months int32) int64 {
	c := civilFromDays(days)
	total := int64(c.year)*monthsPerYear + int64(c.month-1) + int64(months)
	year := floorDiv64(total, monthsPerYear)
	c.year, c.month = int(year), int(total-year*monthsPerYear)+1
	c.day = min(c.day, daysInMonth(c.year, c.month))
	return daysFromCivil(c)
}

func addMicros(micros, more int64) (int64, error) {
	sum := micros + more
	if overflow := (sum > micros) != (more > 0) && more != 0; overflow || !isTimestamp(sum) {
		return 0, timestampRangeError()
	}
	return sum, nil
}

// SubtractTimestamps returns a - b in days and microseconds, as PostgreSQL's
// operator; 22008 when either is infinite.
func SubtractTimestamps(a, b int64) (IntervalValue, error) {
	if isInfiniteTimestamp(a) || isInfiniteTimestamp(b) {
		return IntervalValue{}, infiniteSubtractionError()
	}
	difference := a - b
	if (difference < a) != (b > 0) && b != 0 {
		return IntervalValue{}, intervalRangeError()
	}
	return IntervalValue{Micros: difference}.JustifyHours()
}

func isInfiniteTimestamp(micros int64) bool {
	return micros == TimestampInfinity || micros == TimestampNegativeInfinity
}
