package types

import (
	"math"
	"strconv"
	"strings"
)

// intervalUnit is the unit of a number in an interval.
type intervalUnit uint8

const (
	unitNone intervalUnit = iota
	unitMicrosecond
	unitMillisecond
	unitSeconds
	unitMinutes
	unitHours
	unitDays
	unitWeeks
	unitMonths
	unitYears
	unitDecades
	unitCenturies
	unitMillennia
	// unitAgo stands for a missing unit in front of the word ago.
	unitAgo
)

// intervalUnits are the units' names, as far as they are told apart: the first
// ten letters.
var intervalUnits = map[string]intervalUnit{
	"us": unitMicrosecond, "usec": unitMicrosecond, "usecs": unitMicrosecond, "usecond": unitMicrosecond,
	"useconds": unitMicrosecond, "microsecon": unitMicrosecond,
	"ms": unitMillisecond, "msec": unitMillisecond, "msecs": unitMillisecond, "msecond": unitMillisecond,
	"mseconds": unitMillisecond, "millisecon": unitMillisecond,
	"s": unitSeconds, "sec": unitSeconds, "secs": unitSeconds, "second": unitSeconds, "seconds": unitSeconds,
	"m": unitMinutes, "min": unitMinutes, "mins": unitMinutes, "minute": unitMinutes, "minutes": unitMinutes,
	"h": unitHours, "hr": unitHours, "hrs": unitHours, "hour": unitHours, "hours": unitHours,
	"d": unitDays, "day": unitDays, "days": unitDays,
	"w": unitWeeks, "week": unitWeeks, "weeks": unitWeeks,
	"mon": unitMonths, "mons": unitMonths, "month": unitMonths, "months": unitMonths,
	"y": unitYears, "yr": unitYears, "yrs": unitYears, "year": unitYears, "years": unitYears,
	"dec": unitDecades, "decs": unitDecades, "decade": unitDecades, "decades": unitDecades,
	"c": unitCenturies, "cent": unitCenturies, "century": unitCenturies, "centuries": unitCenturies,
	"mil": unitMillennia, "mils": unitMillennia, "millennia": unitMillennia, "millennium": unitMillennia,
}

// intervalDecoder adds up the fields of an interval.
type intervalDecoder struct {
	years, months, days, micros int64
	// seen has a bit for each unit that was given.
	seen uint16
	// negateAll is set in the style sql_standard when the sign in front is the
	// only one and holds for every field.
	negateAll bool
	next      intervalUnit // the unit of the number before
}

// parseInterval reads an interval in any of PostgreSQL's forms and fits it to
// t's modifier
// (https://www.postgresql.org/docs/15/datatype-datetime.html#DATATYPE-INTERVAL-INPUT).
func parseInterval(t Type, s string, f *Format) (IntervalValue, error) {
	fields, _ := intervalModifier(t.Mod)
	d := intervalDecoder{}
	tokens, err := splitDate(s)
	if err == nil {
		err = d.decode(tokens, fields, f.IntervalStyle)
	}
	if err == errDateSyntax {
		d = intervalDecoder{}
		err = d.decodeISO8601(s)
	}
	if err != nil {
		return IntervalValue{}, describeDateError(err, "interval", s)
	}
	v, err := makeInterval(d.years*monthsPerYear+d.months, d.days, d.micros, 0)
	if err != nil {
		return IntervalValue{}, err
	}
	return fitInterval(t, v), nil
}

// decode reads the fields from the last to the first, so that a unit is known
// before its number.
func (d *intervalDecoder) decode(fields []dateField, mask int32, style IntervalStyle) error {
	d.negateAll = style == IntervalStyleSQLStandard && signedOnce(fields)
	ago := false
	for i := len(fields) - 1; i >= 0; i-- {
		f := fields[i]
		var err error
		switch f.kind {
		case fieldTime:
			err = d.clock(f.text, false, mask)
		case fieldZone:
			if strings.Contains(f.text, ":") && d.clock(f.text[1:], f.text[0] == '-', mask) == nil {
				continue
			}
			err = d.number(f.text, mask)
		case fieldDate, fieldNumber:
			err = d.number(f.text, mask)
		default:
			if f.text == "ago" {
				ago = true
				d.next = unitAgo
				continue
			}
			err = d.unit(f.text)
		}
		if err != nil {
			return err
		}
	}
	if d.seen == 0 {
		return errDateSyntax
	}
	if ago {
		return d.negate()
	}
	return nil
}

// signedOnce reports whether the first field has a minus sign and no other has a
// sign: in the style sql_standard it holds for all of them.
func signedOnce(fields []dateField) bool {
	for i, f := range fields {
		if signed := f.text[0] == '-' || f.text[0] == '+'; signed != (i == 0) || f.text[0] == '+' {
			return false
		}
	}
	return len(fields) > 0
}

func (d *intervalDecoder) unit(word string) error {
	unit, ok := intervalUnits[word[:min(len(word), wordLength)]]
	if !ok {
		return errDateSyntax
	}
	d.next = unit
	return nil
}

func (d *intervalDecoder) negate() error {
	if d.micros == math.MinInt64 || d.days == math.MinInt32 {
		return errDateOverflow
	}
	d.years, d.months, d.days, d.micros = -d.years, -d.months, -d.days, -d.micros
	return nil
}

// mark notes that a unit was given, which may happen once.
func (d *intervalDecoder) mark(units uint16) error {
	if d.seen&units != 0 {
		return errDateSyntax
	}
	d.seen |= units
	return nil
}

const clockUnits = 1<<unitHours | 1<<unitMinutes | 1<<unitSeconds | 1<<unitMillisecond | 1<<unitMicrosecond

// clock reads "hh:mm:ss", whose hours may exceed a day's.
func (d *intervalDecoder) clock(s string, negative bool, mask int32) error {
	c, err := parseClock(s, mask == intervalMinute|intervalSecond)
	if err != nil {
		return err
	}
	if err := d.mark(clockUnits); err != nil {
		return err
	}
	micros, ok := multiplyInt64(c.hours, microsPerHour)
	rest := int64(c.minutes)*microsPerMinute + int64(c.seconds)*microsPerSecond + int64(c.micros)
	if !ok || micros > math.MaxInt64-rest {
		return errDateOverflow
	}
	micros += rest
	if negative || d.negateAll {
		micros = -micros
	}
	// A number in front of a time counts days.
	d.next = unitDays
	return d.addMicros(micros)
}

// number reads a number with its unit, or "years-months".
func (d *intervalDecoder) number(s string, mask int32) error {
	if d.next == unitNone {
		d.next = lastUnit(mask)
	}
	signLength := len(s) - len(strings.TrimLeft(s, "+-"))
	end := skipWhile(s, signLength, isDigit)
	if signLength > 1 {
		return errDateSyntax
	}
	value, err := parseInt64Prefix(s[:end])
	if err != nil {
		return err
	}
	negative := s[0] == '-'
	fraction := 0.0
	switch {
	case end == len(s):
	case s[end] == '-':
		last := skipWhile(s, end+1, isDigit)
		months := 0
		if digits := s[end+1 : last]; digits != "" {
			months, err = strconv.Atoi(digits)
		}
		switch {
		case err != nil || months >= monthsPerYear || strings.HasPrefix(s[end+1:], "-"):
			return errDateOverflow
		case last < len(s):
			return errDateSyntax
		}
		product, ok := multiplyInt64(value, monthsPerYear)
		if !ok {
			return errDateOverflow
		}
		if negative {
			months = -months
		}
		value = product + int64(months)
		d.next = unitMonths
	case s[end] == '.' && allDigits(s[end+1:]):
		fraction, _ = strconv.ParseFloat("0"+s[end:]+"0", 64)
		if negative {
			fraction = -fraction
		}
	default:
		return errDateSyntax
	}
	if d.negateAll {
		value, fraction = -int64(magnitude(value)), -math.Abs(fraction)
	}
	return d.add(value, fraction)
}

// parseInt64Prefix reads a number with a sign; without digits it is 0.
func parseInt64Prefix(s string) (int64, error) {
	if s == "" || s == "+" || s == "-" {
		return 0, nil
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, errDateOverflow
	}
	return v, nil
}

// lastUnit returns the unit of a number without one: the last field of the
// type's modifier, seconds without one.
func lastUnit(mask int32) intervalUnit {
	switch {
	case mask == intervalFullRange || mask&intervalSecond != 0:
		return unitSeconds
	case mask&intervalMinute != 0:
		return unitMinutes
	case mask&intervalHour != 0:
		return unitHours
	case mask&intervalDay != 0:
		return unitDays
	case mask&intervalMonth != 0:
		return unitMonths
	default:
		return unitYears
	}
}

// add adds a number with a fraction of the unit that follows it.
func (d *intervalDecoder) add(value int64, fraction float64) error {
	unit := d.next
	if unit == unitAgo {
		return errDateSyntax
	}
	units := uint16(1) << unit
	if unit == unitSeconds && fraction != 0 {
		units |= 1<<unitMillisecond | 1<<unitMicrosecond
	}
	if err := d.mark(units); err != nil {
		return err
	}
	if unit == unitHours {
		// A number in front of hours without unit counts days.
		d.next = unitDays
	}
	return d.addUnit(unit, value, fraction)
}

// fitInterval cuts an interval to the fields of its type's modifier and rounds
// its seconds to the precision.
func fitInterval(t Type, v IntervalValue) IntervalValue {
	fields, precision := intervalModifier(t.Mod)
	switch fields {
	case intervalYear:
		v = IntervalValue{Months: v.Months / monthsPerYear * monthsPerYear}
	case intervalMonth, intervalYear | intervalMonth:
		v = IntervalValue{Months: v.Months}
	case intervalDay:
		v.Micros = 0
	case intervalHour, intervalDay | intervalHour:
		v.Micros -= v.Micros % microsPerHour
	case intervalMinute, intervalHour | intervalMinute, intervalDay | intervalHour | intervalMinute:
		v.Micros -= v.Micros % microsPerMinute
	}
	if precision >= 0 && precision < maxTimePrecision {
		// Where the sum overflows it wraps around, as PostgreSQL's does.
		unit := int64(powersOfTen[maxTimePrecision-precision])
		if v.Micros < 0 {
			v.Micros = (v.Micros - unit/2) / unit * unit
		} else {
			v.Micros = (v.Micros + unit/2) / unit * unit
		}
	}
	return v
}
