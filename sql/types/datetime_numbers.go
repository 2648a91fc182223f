package types

import (
	"math"
	"strconv"
	"strings"
)

// julianDay sets the date, and from a fraction the time, of a Julian day.
func (d *dateDecoder) julianDay(s string) (dateParts, error) {
	whole, fraction, hasFraction := strings.Cut(s, ".")
	days, err := strconv.Atoi(whole)
	if err != nil || days < 0 || days > math.MaxInt32 {
		return 0, errDateOverflow
	}
	c := civilFromDays(int64(days) - julianEpoch)
	d.year, d.month, d.day, d.yearIsFinal = c.year, c.month, c.day, true
	if !hasFraction {
		return partsDate, nil
	}
	part, err := strconv.ParseFloat("0."+fraction, 64)
	if err != nil {
		return 0, errDateSyntax
	}
	micros := int(part * microsPerDay)
	d.hour, d.minute = micros/microsPerHour, micros/microsPerMinute%60
	d.second, d.micros = micros/microsPerSecond%60, micros%microsPerSecond
	return partsDate | partsTime, nil
}

// numberField reads digits that a label, their length or what is known already
// gives a meaning.
func (d *dateDecoder) numberField(i int) (dateParts, error) {
	s := d.fields[i].text
	seen := d.seen
	if d.timeOnly {
		seen |= partsDate
	}
	if d.label != 0 {
		return d.labelled(s, seen)
	}
	point := strings.IndexByte(s, '.')
	switch {
	case point >= 0 && !d.timeOnly && d.seen&partsDate == 0,
		point >= 0 && d.timeOnly && i == 0 && len(d.fields) >= 2 && d.fields[len(d.fields)-1].kind == fieldDate:
		return d.date(s)
	case point > 2:
		return d.runTogether(s, seen)
	case point >= 0 && d.timeOnly:
		return 0, errDateSyntax
	case d.timeOnly && len(s) > 4,
		!d.timeOnly && len(s) >= 6 && (d.seen&partsDate == 0 || d.seen&partsTime == 0):
		return d.runTogether(s, seen)
	default:
		return d.number(s, seen, d.textMonth)
	}
}

// labelled reads a number that the word in front of it gives a meaning.
func (d *dateDecoder) labelled(s string, seen dateParts) (dateParts, error) {
	label := d.label
	d.label = 0
	switch label {
	case unitJulian:
		return d.julianDay(s)
	case unitTime:
		found, err := d.runTogether(s, seen|partsDate)
		if err == nil && found != partsTime {
			return 0, errDateSyntax
		}
		return found, err
	}
	value, err := strconv.Atoi(s)
	if err != nil {
		return 0, errDateSyntax
	}
	switch label {
	case unitYear:
		d.year = value
		return partYear, nil
	case unitMonth:
		// Behind an hour M is minutes.
		if d.seen&partMonth != 0 && d.seen&partHour != 0 {
			d.minute = value
			return partMinute, nil
		}
		d.month = value
		return partMonth, nil
	case unitDay:
		d.day = value
		return partDay, nil
	case unitHour:
		d.hour = value
		return partHour, nil
	case unitMinute:
		d.minute = value
		return partMinute, nil
	case unitSecond:
		d.second = value
		return partSecond, nil
	default:
		return 0, errDateSyntax
	}
}

// date reads a date with separators.
func (d *dateDecoder) date(s string) (dateParts, error) {
	var parts []string
	for i := 0; i < len(s); {
		i = skipWhile(s, i, func(c byte) bool { return !isDigit(c) && !isLetter(c) })
		if i == len(s) {
			return 0, errDateSyntax
		}
		in := isLetter
		if isDigit(s[i]) {
			in = isDigit
		}
		end := skipWhile(s, i, in)
		parts = append(parts, s[i:end])
		// The character behind a part is taken for a separator.
		i = end + 1
	}
	seen, textMonth := d.seen, false
	found := dateParts(0)
	for n, part := range parts {
		if !isLetter(part[0]) {
			continue
		}
		word, ok := lookUpDateWord(part)
		if ok && word.kind == wordIgnored {
			continue
		}
		if !ok || word.kind != wordMonth || seen&partMonth != 0 {
			return 0, errDateSyntax
		}
		d.month, textMonth = word.value, true
		seen |= partMonth
		found |= partMonth
		parts[n] = ""
	}
	for _, part := range parts {
		if part == "" {
			continue
		}
		one, err := d.number(part, seen, textMonth)
		if err != nil {
			return 0, err
		}
		if seen&one != 0 {
			return 0, errDateSyntax
		}
		seen |= one
		found |= one
	}
	// Nothing but a zone may stand in front of a date with separators.
	if seen&^(partDayOfYear|partZone) != partsDate {
		return 0, errDateSyntax
	}
	return found, nil
}

// number reads a single number by what is known already.
func (d *dateDecoder) number(s string, seen dateParts, textMonth bool) (dateParts, error) {
	whole, fraction, hasFraction := strings.Cut(s, ".")
	value := 0
	if whole != "" {
		var err error
		if !allDigits(whole) {
			return 0, errDateSyntax
		}
		if value, err = strconv.Atoi(whole); err != nil || value > math.MaxInt32 {
			return 0, errDateOverflow
		}
	}
	if hasFraction {
		if len(whole) > 2 {
			return d.runTogether(s, seen|partsDate)
		}
		micros, err := parseFraction(fraction)
		if err != nil || whole == "" {
			return 0, errDateSyntax
		}
		d.micros = micros
	}
	if len(s) == 3 && seen&partsDate == partYear && value >= 1 && value <= 366 {
		d.dayOfYear = value
		return partDayOfYear | partMonth | partDay, nil
	}
	found := d.meaning(len(s), seen, textMonth)
	switch found {
	case partYear:
		d.year, d.shortYear = value, len(s) <= 2
	case partMonth:
		d.month = value
	case partDay:
		if textMonth && seen&partsDate == partYear|partMonth && len(s) >= 3 && d.shortYear {
			// The first number was the day after all.
			d.day, d.year, d.shortYear = d.year, value, false
			break
		}
		d.day = value
	default:
		return d.runTogether(s, seen)
	}
	return found, nil
}

// meaning returns which part of the date a number of so many digits is, 0 when
// the date is complete.
func (d *dateDecoder) meaning(digits int, seen dateParts, textMonth bool) dateParts {
	yearFirst := digits >= 3 || d.format.DateOrder == DateOrderYMD
	switch seen & partsDate {
	case 0:
		switch {
		case yearFirst:
			return partYear
		case d.format.DateOrder == DateOrderDMY:
			return partDay
		default:
			return partMonth
		}
	case partYear, partDay:
		return partMonth
	case partMonth:
		if textMonth && yearFirst {
			return partYear
		}
		return partDay
	case partYear | partMonth:
		return partDay
	case partMonth | partDay:
		return partYear
	default:
		return 0
	}
}

// runTogether reads digits without separators: a date as yymmdd or yyyymmdd,
// else a time as hhmm or hhmmss with a fraction.
func (d *dateDecoder) runTogether(s string, seen dateParts) (dateParts, error) {
	whole, fraction, hasFraction := strings.Cut(s, ".")
	if !allDigits(whole) {
		return 0, errDateSyntax
	}
	n := len(whole)
	if hasFraction {
		micros, err := parseFraction(fraction)
		if err != nil {
			return 0, err
		}
		d.micros = micros
	} else if seen&partsDate != partsDate && n >= 6 {
		year, err := strconv.Atoi(whole[:n-4])
		if err != nil || year > math.MaxInt32 {
			return 0, errDateOverflow
		}
		d.year, d.month, d.day = year, twoDigits(whole, n-4), twoDigits(whole, n-2)
		d.shortYear = n == 6
		return partsDate, nil
	}
	if seen&partsTime == partsTime || n != 4 && n != 6 {
		return 0, errDateSyntax
	}
	d.hour, d.minute, d.second = twoDigits(whole, 0), twoDigits(whole, 2), 0
	if n == 6 {
		d.second = twoDigits(whole, 4)
	}
	return partsTime, nil
}

// validateDate completes the year and checks month and day.
func (d *dateDecoder) validateDate() error {
	if d.seen&partYear != 0 && !d.yearIsFinal {
		switch {
		case d.bc:
			if d.year <= 0 {
				return errDateOverflow
			}
			d.year = 1 - d.year
		case d.shortYear && d.year < 70:
			d.year += 2000
		case d.shortYear:
			d.year += 1900
		case d.year <= 0:
			return errDateOverflow
		}
	}
	if d.seen&partDayOfYear != 0 {
		c := civilFromDays(daysFromCivil(civil{d.year, 1, 1}) + int64(d.dayOfYear) - 1)
		d.year, d.month, d.day = c.year, c.month, c.day
	}
	switch {
	case d.seen&partMonth != 0 && (d.month < 1 || d.month > 12),
		d.seen&partDay != 0 && (d.day < 1 || d.day > 31):
		return errMonthDayOverflow
	case d.seen&partsDate == partsDate && d.day > daysInMonth(d.year, d.month):
		return errDateOverflow
	}
	return nil
}
