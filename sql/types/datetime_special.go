package types

import (
	"time"

	"millrace/sql/sqlerr"
)

// specialValue sets what a word such as today or epoch stands for.
func (d *dateDecoder) specialValue(value int) (dateParts, error) {
	const all = partsDate | partsTime | partZone
	switch value {
	case specialNow:
		now, err := d.now()
		if err != nil {
			return 0, err
		}
		d.setDate(now, 0)
		d.hour, d.minute, d.second, d.micros = now.Hour(), now.Minute(), now.Second(), now.Nanosecond()/1000
		_, d.offset = now.Zone()
		d.hasOffset = true
		if d.timeOnly {
			return partsTime | partZone, nil
		}
		return all, nil
	case specialYesterday, specialToday, specialTomorrow:
		now, err := d.now()
		if err != nil {
			return 0, err
		}
		d.setDate(now, value-specialToday)
		return partsDate, nil
	case specialMidnightUTC:
		d.offset, d.hasOffset = 0, true
		return partsTime | partZone, nil
	default:
		if d.timeOnly {
			return 0, errDateSyntax
		}
		// Whatever else is said of the date does not count.
		d.special = value
		return partSpecial, nil
	}
}

// now returns the transaction's time in the session's time zone.
func (d *dateDecoder) now() (time.Time, error) {
	if d.format.Now == nil {
		return time.Time{}, sqlerr.New(sqlerr.InvalidDatetimeFormat, -1, "the current time is not available here")
	}
	return d.format.Now().In(d.format.location()), nil
}

// setDate sets the date to that of a time, some days later.
func (d *dateDecoder) setDate(now time.Time, days int) {
	_, offset := now.Zone()
	local := TimestampFromTime(now) + int64(offset)*microsPerSecond
	c := civilFromDays(TimestampToDate(local) + int64(days))
	d.year, d.month, d.day = c.year, c.month, c.day
	d.yearIsFinal = true
}

// decodeDate cuts text into fields and decodes them.
func decodeDate(s string, f *Format, timeOnly bool) (dateDecoder, error) {
	d := dateDecoder{format: f, timeOnly: timeOnly}
	var err error
	if d.fields, err = splitDate(s); err != nil {
		return d, err
	}
	if len(d.fields) == 0 {
		return d, errDateSyntax
	}
	return d, d.decode()
}

// parseDateSlow reads a date in any form.
func parseDateSlow(s string, f *Format) (int64, error) {
	d, err := decodeDate(s, f, false)
	if err != nil {
		return 0, describeDateError(err, "date", s)
	}
	switch d.special {
	case specialEpoch:
		return unixEpochDays, nil
	case specialLate:
		return DateInfinity, nil
	case specialEarly:
		return DateNegativeInfinity, nil
	}
	days := daysFromCivil(civil{d.year, d.month, d.day})
	if !isDate(days) {
		return 0, sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "date out of range: \"%s\"", s)
	}
	return days, nil
}

// parseTimeSlow reads a time of day in any form.
func parseTimeSlow(s string, f *Format) (int64, error) {
	d, err := decodeDate(s, f, true)
	if err == nil && d.zone != nil && d.seen&partsDate != partsDate && !isFixedZone(d.zone) {
		// A zone with changing offsets needs a date.
		err = errDateSyntax
	}
	if err != nil {
		return 0, describeDateError(err, "time", s)
	}
	return d.timeOfDay(), nil
}

// isFixedZone reports whether a zone never changes its offset.
func isFixedZone(zone *time.Location) bool {
	start, end := time.Unix(0, 0).In(zone).ZoneBounds()
	return start.IsZero() && end.IsZero()
}

// parseTimestampSlow reads a timestamp in any form.
func parseTimestampSlow(t Type, s string, f *Format) (int64, error) {
	name := "timestamp"
	if t.Kind == KindTimestampTZ {
		name = "timestamp with time zone"
	}
	d, err := decodeDate(s, f, false)
	if err != nil {
		return 0, describeDateError(err, name, s)
	}
	switch d.special {
	case specialEpoch:
		return unixEpochSeconds * microsPerSecond, nil
	case specialLate:
		return TimestampInfinity, nil
	case specialEarly:
		return TimestampNegativeInfinity, nil
	}
	days := daysFromCivil(civil{d.year, d.month, d.day})
	ok := nearTimestamps(days)
	micros := days*microsPerDay + d.timeOfDay()
	if ok && t.Kind == KindTimestampTZ {
		switch {
		case d.zone != nil:
			micros = localToUTC(micros, d.zone)
		case d.hasOffset:
			micros -= int64(d.offset) * microsPerSecond
		default:
			micros = localToUTC(micros, f.TimeZone)
		}
	}
	if !ok || !isTimestamp(micros) {
		return 0, sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "timestamp out of range: \"%s\"", s)
	}
	return micros, nil
}
