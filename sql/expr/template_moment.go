package expr

import "millrace/sql/sqlerr"

// moment makes a day and a time of it of the fields.
func (r *templateReader) moment() (days, ofDay int64, err error) {
	outOfRange := func() error {
		return sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "date/time field value out of range: \"%s\"", r.source)
	}
	if r.twelve {
		r.hour %= 12
		if r.afternoon {
			r.hour += 12
		}
	}
	if r.hour > 23 || r.hour < 0 || r.minute > 59 || r.minute < 0 || r.second > 59 || r.second < 0 {
		return 0, 0, outOfRange()
	}
	ofDay = clock{r.hour, r.minute, r.second, r.micro}.micros() + int64(r.secondsOfDay)*microsPerSecond
	if r.hasJulian {
		return r.julian - postgresEpochJulian, ofDay, nil
	}
	if r.isoYear != 0 && r.isoWeek != 0 {
		firstThursday := date{r.isoYear, 1, 4}.days()
		monday := firstThursday - int64((weekday(firstThursday)+6)%7)
		return monday + int64(r.isoWeek-1)*7 + int64(max(r.isoDay, 1)-1), ofDay, nil
	}
	d, ok := r.calendarDate()
	if !ok {
		return 0, 0, outOfRange()
	}
	if r.dayOfYear > 0 {
		if r.dayOfYear > 366 || r.dayOfYear == 366 && !isLeap(d.year) {
			return 0, 0, outOfRange()
		}
		return date{d.year, 1, 1}.days() + int64(r.dayOfYear) - 1, ofDay, nil
	}
	if r.week > 0 {
		return date{d.year, 1, 1}.days() + int64(r.week-1)*7, ofDay, nil
	}
	return d.days(), ofDay, nil
}

// calendarDate returns the date of year, month and day, with the defaults for
// those that are absent: 1 BC, January, the first.
func (r *templateReader) calendarDate() (date, bool) {
	year := r.year
	if r.isoYear != 0 {
		year = r.isoYear
	}
	if r.century > 0 {
		if r.hasYear {
			year = (r.century-1)*100 + year%100
		} else {
			year = (r.century-1)*100 + 1
		}
	}
	switch {
	case r.hasYear && year < 0:
		year++
	case r.beforeZero && r.hasYear:
		year = 1 - year
	}
	month, day := max(r.month, 1), max(r.day, 1)
	if r.weekOfMonth > 0 {
		day = (r.weekOfMonth-1)*7 + 1
	}
	if r.month < 0 || r.day < 0 || month > 12 || day > monthDays(year, month) {
		return date{}, false
	}
	return date{year, month, day}, true
}
