package expr

import "millrace/sql/sqlerr"

// moment makes a date and a time of day, in microseconds, of the fields. What is
// absent is that of 0001-01-01 BC, midnight. The day may be behind the end of its
// month when there is no year.
func (r *templateReader) moment() (d date, ofDay int64, err error) {
	time, err := r.clock()
	if err != nil {
		return date{}, 0, err
	}
	p := partialDate{date: date{r.fullYear(), 1, 1}, hasYear: r.year != 0 || r.century != 0}
	if err := r.fillDate(&p); err != nil {
		return date{}, 0, err
	}
	if !p.isValid() || !time.isValid() {
		return date{}, 0, r.errOutOfRange()
	}
	const maxZoneHours = 15
	if r.zoneSign != 0 && (r.zoneHour < 0 || r.zoneHour > maxZoneHours || r.zoneMinute < 0 || r.zoneMinute > 59) {
		return date{}, 0, sqlerr.New(sqlerr.InvalidTimeZoneDisplacement, -1, "time zone displacement out of range: \"%s\"", r.source)
	}
	return p.date, time.micros(), nil
}

func (r *templateReader) errOutOfRange() error {
	return sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "date/time field value out of range: \"%s\"", r.source)
}

// partialDate is a date of which some fields are known.
type partialDate struct {
	date
	hasYear, hasMonth, hasDay bool
}

// isValid checks the fields that are known, the day against the month when all
// are.
func (p *partialDate) isValid() bool {
	if p.hasMonth && (p.month < 1 || p.month > 12) || p.hasDay && (p.day < 1 || p.day > 31) {
		return false
	}
	return !p.hasYear || !p.hasMonth || !p.hasDay || p.day <= monthDays(p.year, p.month)
}

// setJulian sets the whole date.
func (p *partialDate) setJulian(day int64) {
	p.date = dateOf(day - postgresEpochJulian)
	p.hasYear, p.hasMonth, p.hasDay = true, true, true
}

// fillDate sets month and day: those of a Julian day first, then of a week, and
// then each by itself.
func (r *templateReader) fillDate(p *partialDate) error {
	if r.julian != 0 {
		p.setJulian(int64(r.julian))
	}
	if r.week != 0 {
		if r.calendar == calendarISO {
			p.setJulian(int64(isoYearStart(int32(p.year))) + int64(r.week-1)*7 + int64(daysAfterMonday(r.dayOfWeek)))
		} else {
			r.dayOfYear = (r.week-1)*7 + 1
		}
	}
	if r.weekOfMonth != 0 {
		r.day = (r.weekOfMonth-1)*7 + 1
	}
	if r.day != 0 {
		p.day, p.hasDay = r.day, true
	}
	if r.month != 0 {
		p.month, p.hasMonth = r.month, true
	}
	if r.dayOfYear == 0 || p.month > 1 && p.day > 1 {
		return nil
	}
	if p.year == 0 && r.beforeChrist == 0 {
		return sqlerr.New(sqlerr.InvalidDatetimeFormat, -1, "cannot calculate day of year without year information")
	}
	if r.calendar == calendarISO {
		p.setJulian(int64(isoYearStart(int32(p.year))) - 1 + int64(r.dayOfYear))
		return nil
	}
	r.fillDayOfYear(p)
	return nil
}

// daysAfterMonday returns the place in a week of a day, 1 for Sunday; Monday's
// where it is absent.
func daysAfterMonday(dayOfWeek int) int {
	switch {
	case dayOfWeek == 0:
		return 0
	case dayOfWeek > 1:
		return dayOfWeek - 2
	}
	return 6
}

// fillDayOfYear sets month and day from the day of the year, but those that were
// given and are not 1. A day that the year does not have leaves a month 13.
func (r *templateReader) fillDayOfYear(p *partialDate) {
	month, before := 1, 0
	for month <= 12 && r.dayOfYear > before+monthDays(p.year, month) {
		before += monthDays(p.year, month)
		month++
	}
	if p.month <= 1 {
		p.month = month
	}
	if p.day <= 1 {
		p.day = r.dayOfYear - before
	}
	p.hasMonth, p.hasDay = true, true
}

// fullYear returns the year, 0 being 1 BC, of year, century and era.
func (r *templateReader) fullYear() int {
	century := r.century
	if r.beforeChrist != 0 {
		century = -century
	}
	switch {
	case r.year != 0 && r.century != 0 && r.yearDigits <= 2:
		return yearOfCentury(r.year%100, century)
	case r.year != 0:
		year := r.year
		if r.beforeChrist != 0 {
			year = -year
		}
		if year < 0 {
			year++
		}
		return year
	case century > 0:
		return (century-1)*100 + 1
	case century < 0:
		return century*100 + 1
	}
	return 0
}

// yearOfCentury returns the year with two last digits in a century: the 21st
// runs from 2001 to 2100, the sixth before Christ from 600 to 501 BC.
func yearOfCentury(year, century int) int {
	switch {
	case year != 0 && century >= 0:
		return year + (century-1)*100
	case year != 0:
		return (century+1)*100 - year + 1
	case century >= 0:
		return century * 100
	}
	return century*100 + 1
}

// isValid reports whether the time is one of a day's.
func (c clock) isValid() bool {
	return c.hour >= 0 && c.hour <= 23 && c.minute >= 0 && c.minute <= 59 && c.second >= 0 && c.second <= 59 && c.micro >= 0 && c.micro < microsPerSecond
}

// clock returns the time of day, with fields that may be out of range.
func (r *templateReader) clock() (clock, error) {
	hour, minute, second := r.secondOfDay/3600, r.secondOfDay%3600/60, r.secondOfDay%60
	if r.second != 0 {
		second = r.second
	}
	if r.minute != 0 {
		minute = r.minute
	}
	if r.hour != 0 {
		hour = r.hour
	}
	if r.twelveHours {
		if hour < 1 || hour > 12 {
			return clock{}, sqlerr.New(sqlerr.InvalidDatetimeFormat, -1, "hour \"%d\" is invalid for the 12-hour clock", hour).
				WithHint("Use the 24-hour clock, or give an hour between 1 and 12.")
		}
		switch {
		case r.afternoon != 0 && hour < 12:
			hour += 12
		case r.afternoon == 0 && hour == 12:
			hour = 0
		}
	}
	return clock{hour, minute, second, r.millisecond*1000 + r.microsecond}, nil
}
