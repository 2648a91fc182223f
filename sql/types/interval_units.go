package types

import (
	"math"
	"strconv"
	"strings"
)

func (d *intervalDecoder) addUnit(unit intervalUnit, value int64, fraction float64) error {
	switch unit {
	case unitMicrosecond:
		return d.addScaled(value, fraction, 1)
	case unitMillisecond:
		return d.addScaled(value, fraction, 1000)
	case unitSeconds:
		return d.addScaled(value, fraction, microsPerSecond)
	case unitMinutes:
		return d.addScaled(value, fraction, microsPerMinute)
	case unitHours:
		return d.addScaled(value, fraction, microsPerHour)
	case unitDays:
		return d.addDays(value, 1, fraction)
	case unitWeeks:
		return d.addDays(value, 7, fraction)
	case unitMonths:
		if value != int64(int32(value)) {
			return errDateOverflow
		}
		d.months += value
		return d.addDays(0, daysPerMonth, fraction)
	case unitYears:
		return d.addYears(value, 1, fraction)
	case unitDecades:
		return d.addYears(value, 10, fraction)
	case unitCenturies:
		return d.addYears(value, 100, fraction)
	default:
		return d.addYears(value, 1000, fraction)
	}
}

// addMicros adds microseconds, an error when they overflow.
func (d *intervalDecoder) addMicros(micros int64) error {
	sum := d.micros + micros
	if (sum > d.micros) != (micros > 0) && micros != 0 {
		return errDateOverflow
	}
	d.micros = sum
	return nil
}

func (d *intervalDecoder) addScaled(value int64, fraction float64, scale int64) error {
	micros, ok := multiplyInt64(value, scale)
	if !ok {
		return errDateOverflow
	}
	if err := d.addMicros(micros); err != nil {
		return err
	}
	return d.addFraction(fraction, scale)
}

// addFraction adds a part of scale microseconds, rounded half towards zero.
func (d *intervalDecoder) addFraction(fraction float64, scale int64) error {
	if fraction == 0 {
		return nil
	}
	fraction *= float64(scale)
	micros := int64(fraction)
	switch rest := fraction - float64(micros); {
	case rest > 0.5:
		micros++
	case rest < -0.5:
		micros--
	}
	return d.addMicros(micros)
}

// addDays adds value and fraction of scale days.
func (d *intervalDecoder) addDays(value, scale int64, fraction float64) error {
	fraction *= float64(scale)
	whole := int64(fraction)
	if value != int64(int32(value)) {
		return errDateOverflow
	}
	days := d.days + value*scale + whole
	if days != int64(int32(days)) {
		return errDateOverflow
	}
	d.days = days
	return d.addFraction(fraction-float64(whole), microsPerDay)
}

// addYears adds value and fraction of scale years; fractions become whole
// months.
func (d *intervalDecoder) addYears(value, scale int64, fraction float64) error {
	if value != int64(int32(value)) {
		return errDateOverflow
	}
	years := d.years + value*scale
	if years != int64(int32(years)) {
		return errDateOverflow
	}
	d.years = years
	d.months += int64(math.RoundToEven(fraction * float64(scale) * monthsPerYear))
	return nil
}

// decodeISO8601 reads "P1Y2M3DT4H5M6S" and "P0001-02-03T04:05:06".
func (d *intervalDecoder) decodeISO8601(s string) error {
	rest, ok := strings.CutPrefix(s, "P")
	if !ok || rest == "" {
		return errDateSyntax
	}
	date, clockText, hasClock := strings.Cut(rest, "T")
	date = separateDigits(date, "yyyymmdd", '-')
	if err := d.designated(date, "YMWD", [...]intervalUnit{unitYears, unitMonths, unitWeeks, unitDays}, '-'); err != nil {
		return err
	}
	for hasClock {
		// As in PostgreSQL a T may stand in front of each number with a unit.
		var part string
		part, clockText, hasClock = strings.Cut(clockText, "T")
		if hasClock && part != "" && strings.IndexByte("HMS", part[len(part)-1]) < 0 {
			return errDateSyntax
		}
		part = separateDigits(part, "hhmmss", ':')
		if err := d.designated(part, "HMS", [...]intervalUnit{unitHours, unitMinutes, unitSeconds, unitNone}, ':'); err != nil {
			return err
		}
	}
	return nil
}

// separateDigits turns digits that run together as in a pattern of years,
// months and days or hours, minutes and seconds into separate numbers.
func separateDigits(s, pattern string, separator byte) string {
	n := len(pattern)
	if len(s) != n || !allDigits(s) {
		return s
	}
	return s[:n-4] + string(separator) + s[n-4:n-2] + string(separator) + s[n-2:]
}

// designated reads numbers, each with the letter of its unit, or all separated
// in the order of units.
func (d *intervalDecoder) designated(s, letters string, units [4]intervalUnit, separator byte) error {
	separated := false
	for position := 0; s != ""; position++ {
		end := skipWhile(s, 0, func(c byte) bool { return c == '-' })
		end = skipWhile(s, end, func(c byte) bool { return isDigit(c) || c == '.' || c == 'e' || c == 'E' })
		v, err := strconv.ParseFloat(s[:end], 64)
		if err != nil {
			return errDateSyntax
		}
		if math.Abs(v) > math.MaxInt64 {
			return errDateOverflow
		}
		whole := math.Trunc(v)
		unit := unitNone
		switch {
		case !separated && end < len(s) && strings.IndexByte(letters, s[end]) >= 0:
			unit = units[strings.IndexByte(letters, s[end])]
			end++
		case (separated || position == 0) && (end == len(s) || s[end] == separator):
			separated = true
			if end+1 == len(s) {
				return errDateSyntax
			}
			unit = separatedUnit(separator, position)
			end = min(end+1, len(s))
		}
		if unit == unitNone {
			return errDateSyntax
		}
		if err := d.addUnit(unit, int64(whole), v-whole); err != nil {
			return err
		}
		s = s[end:]
	}
	return nil
}

// separatedUnit returns the unit of a number by its place in "years-months-days"
// or "hours:minutes:seconds".
func separatedUnit(separator byte, position int) intervalUnit {
	units := [...]intervalUnit{unitYears, unitMonths, unitDays}
	if separator == ':' {
		units = [...]intervalUnit{unitHours, unitMinutes, unitSeconds}
	}
	if position >= len(units) {
		return unitNone
	}
	return units[position]
}
