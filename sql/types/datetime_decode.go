package types

import (
	"math"
	"strconv"
	"strings"
	"time"

	"millrace/sql/sqlerr"
)

// dateParts is a set of the parts of a date and time.
type dateParts uint16

const (
	partYear dateParts = 1 << iota
	partMonth
	partDay
	partDayOfYear
	partHour
	partMinute
	partSecond
	partZone
	partDST
	partHalf
	partEra
	partWeekday

	partsDate = partYear | partMonth | partDay
	partsTime = partHour | partMinute | partSecond
)

// dateDecoder gives meaning to the fields of a date, time or timestamp.
type dateDecoder struct {
	format *Format
	// timeOnly is set when reading the type time, where dates are optional.
	timeOnly bool

	fields []dateField
	seen   dateParts
	label  int // the unit that labels the next number, 0 for none

	year, month, day     int
	dayOfYear            int
	hour, minute, second int
	micros               int
	half                 int
	bc                   bool
	shortYear            bool // the year had at most two digits
	textMonth            bool
	yearIsFinal          bool // not to be adjusted for era or missing digits
	special              int  // one of the special values, -1 for none

	hasOffset bool
	offset    int // seconds east of UTC
	zone      *time.Location
}

// decode reads all fields and checks what they say together.
func (d *dateDecoder) decode() error {
	d.special = -1
	for i := range d.fields {
		found, err := d.field(i)
		if err != nil {
			return err
		}
		if found&d.seen != 0 {
			return errDateSyntax
		}
		d.seen |= found
	}
	if d.label != 0 {
		return errDateSyntax
	}
	if d.special >= 0 {
		return nil
	}
	if err := d.validateDate(); err != nil {
		return err
	}
	if err := d.applyHalf(); err != nil {
		return err
	}
	if d.timeOnly {
		if d.seen&partsTime != partsTime {
			return errDateSyntax
		}
		return nil
	}
	if d.seen&partsDate != partsDate {
		return errDateSyntax
	}
	return nil
}

func (d *dateDecoder) field(i int) (dateParts, error) {
	f := d.fields[i]
	switch f.kind {
	case fieldDate:
		return d.dateField(i)
	case fieldTime:
		if d.label != 0 && d.label != unitTime {
			return 0, errDateSyntax
		}
		d.label = 0
		return d.timeField(f.text)
	case fieldZone:
		offset, err := parseZoneOffset(f.text)
		d.offset, d.hasOffset = offset, true
		return partZone, err
	case fieldNumber:
		return d.numberField(i)
	default:
		return d.wordField(i)
	}
}

// dateField reads a field with separators: a date, or behind one a time with a
// zone or a zone's name.
func (d *dateDecoder) dateField(i int) (dateParts, error) {
	f := d.fields[i]
	if d.timeOnly {
		if i == 0 && len(d.fields) >= 2 &&
			(d.fields[len(d.fields)-1].kind == fieldDate || d.fields[1].kind == fieldTime) {
			return d.date(f.text)
		}
	} else if d.label == 0 && d.seen&(partMonth|partDay) != partMonth|partDay {
		return d.date(f.text)
	} else if d.label == unitJulian {
		return d.julianWithZone(f.text)
	}
	if isDigit(f.text[0]) || d.label != 0 {
		return d.timeWithZone(f.text)
	}
	return d.namedZone(f.original)
}

// timeWithZone reads "hhmmss-zz".
func (d *dateDecoder) timeWithZone(s string) (dateParts, error) {
	if d.label != 0 && d.label != unitTime {
		return 0, errDateSyntax
	}
	d.label = 0
	dash := strings.IndexByte(s, '-')
	if d.seen&partsTime == partsTime || dash < 0 {
		return 0, errDateSyntax
	}
	offset, err := parseZoneOffset(s[dash:])
	if err != nil {
		return 0, err
	}
	d.offset, d.hasOffset = offset, true
	seen := d.seen
	if d.timeOnly {
		seen |= partsDate
	}
	found, err := d.runTogether(s[:dash], seen)
	return found | partZone, err
}

// julianWithZone reads "2451187-8": a Julian day and a zone.
func (d *dateDecoder) julianWithZone(s string) (dateParts, error) {
	cut := strings.IndexAny(s, "+-")
	if cut < 0 {
		return 0, errDateSyntax
	}
	offset, err := parseZoneOffset(s[cut:])
	if err != nil {
		return 0, err
	}
	d.offset, d.hasOffset, d.label = offset, true, 0
	found, err := d.julianDay(s[:cut])
	return found | partsTime | partZone, err
}

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

// timeField reads "hh:mm", "hh:mm:ss" or "mm:ss.ffffff".
func (d *dateDecoder) timeField(s string) (dateParts, error) {
	clock, err := parseClock(s, false)
	if err != nil {
		return 0, err
	}
	if clock.hours > 24 {
		return 0, errDateOverflow
	}
	d.hour, d.minute, d.second, d.micros = int(clock.hours), clock.minutes, clock.seconds, clock.micros
	if d.timeOfDay() > microsPerDay {
		return 0, errDateOverflow
	}
	return partsTime, nil
}

func (d *dateDecoder) timeOfDay() int64 {
	return int64(d.hour*3600+d.minute*60+d.second)*microsPerSecond + int64(d.micros)
}

// clock is a time as it was written.
type clock struct {
	hours            int64
	minutes, seconds int
	micros           int
}

// parseClock reads a time with colons. Two fields are hours and minutes, or
// minutes and seconds where the fields of an interval say so (shortIsSeconds)
// or a fraction follows.
func parseClock(s string, shortIsSeconds bool) (c clock, err error) {
	parts := strings.Split(s, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return c, errDateSyntax
	}
	last := parts[len(parts)-1]
	whole, fraction, hasFraction := strings.Cut(last, ".")
	parts[len(parts)-1] = whole
	if hasFraction {
		if c.micros, err = parseFraction(fraction); err != nil {
			return c, err
		}
	}
	var numbers [3]int64
	for i, part := range parts {
		// An empty part is 0, as C's strtol has it.
		if part == "" {
			continue
		}
		numbers[i], err = strconv.ParseInt(part, 10, 64)
		if err != nil || i > 0 && numbers[i] > math.MaxInt32 {
			return c, errDateOverflow
		}
	}
	if len(parts) == 2 && (hasFraction || shortIsSeconds) {
		numbers[0], numbers[1], numbers[2] = 0, numbers[0], numbers[1]
	}
	if numbers[1] > 59 || numbers[2] > 60 {
		return c, errDateOverflow
	}
	c.hours, c.minutes, c.seconds = numbers[0], int(numbers[1]), int(numbers[2])
	return c, nil
}

// parseFraction returns the microseconds of the digits behind a point.
func parseFraction(digits string) (int, error) {
	if digits == "" {
		return 0, nil
	}
	if !allDigits(digits) {
		return 0, errDateSyntax
	}
	v, err := strconv.ParseFloat("0."+digits, 64)
	if err != nil {
		return 0, errDateSyntax
	}
	return int(math.RoundToEven(v * microsPerSecond)), nil
}

// parseZoneOffset reads "+hh", "+hhmm", "+hh:mm" or "+hh:mm:ss", in seconds
// east of UTC.
func parseZoneOffset(s string) (int, error) {
	parts := strings.Split(s[1:], ":")
	if len(parts) > 3 {
		return 0, errDateSyntax
	}
	var numbers [3]int
	for i, part := range parts {
		if !allDigits(part) {
			return 0, errDateSyntax
		}
		if part == "" {
			continue
		}
		v, err := strconv.Atoi(part)
		if err != nil || v > math.MaxInt32 {
			return 0, errZoneOverflow
		}
		numbers[i] = v
	}
	if len(parts) == 1 && len(s) > len("+hh") {
		numbers[0], numbers[1] = numbers[0]/100, numbers[0]%100
	}
	if numbers[0] > maxZoneHours || numbers[1] > 59 || numbers[2] > 59 {
		return 0, errZoneOverflow
	}
	offset := numbers[0]*3600 + numbers[1]*60 + numbers[2]
	if s[0] == '-' {
		offset = -offset
	}
	return offset, nil
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
	if seen&^(partDayOfYear|partZone)&(partsDate|partsTime) != partsDate {
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

// wordField reads a word: a zone, a month, a special value and so on.
func (d *dateDecoder) wordField(i int) (dateParts, error) {
	f := d.fields[i]
	if minutes, ok := zoneAbbreviations[f.text]; ok {
		d.offset, d.hasOffset = int(minutes)*60, true
		return partZone, nil
	}
	word, ok := lookUpDateWord(f.text)
	if !ok {
		found, err := d.namedZone(f.original)
		if err != nil {
			return 0, errDateSyntax
		}
		return found, nil
	}
	switch word.kind {
	case wordMonth:
		return d.monthWord(word.value), nil
	case wordWeekday:
		return partWeekday, nil
	case wordAMPM:
		d.half = word.value
		return partHalf, nil
	case wordEra:
		d.bc = word.value == 1
		return partEra, nil
	case wordDST:
		d.offset += 3600
		return partDST, nil
	case wordReserved:
		return d.specialValue(word.value)
	case wordUnit:
		d.label = word.value
		return 0, nil
	case wordISOTime:
		if !d.timeOnly && d.seen&partsDate != partsDate || i+1 >= len(d.fields) ||
			d.fields[i+1].kind != fieldNumber && d.fields[i+1].kind != fieldTime && d.fields[i+1].kind != fieldDate {
			return 0, errDateSyntax
		}
		d.label = unitTime
		return 0, nil
	default:
		return 0, nil
	}
}

// monthWord sets the month by its name. A number taken for the month before
// was the day.
func (d *dateDecoder) monthWord(month int) dateParts {
	found := partMonth
	if d.seen&partMonth != 0 && !d.textMonth && d.seen&partDay == 0 && d.month >= 1 && d.month <= 31 {
		d.day = d.month
		found = partDay
	}
	d.textMonth = true
	d.month = month
	return found
}

// namedZone looks a zone up by its name.
func (d *dateDecoder) namedZone(name string) (dateParts, error) {
	zone, ok := LookUpZone(name)
	if !ok {
		return 0, sqlerr.New(sqlerr.InvalidParameterValue, -1, "time zone \"%s\" not recognized", strings.ToLower(name))
	}
	d.zone = zone
	return partZone, nil
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

// applyHalf turns hours of AM and PM into those of the day.
func (d *dateDecoder) applyHalf() error {
	switch {
	case d.half != half24 && d.hour > 12:
		return errDateOverflow
	case d.half == halfAM && d.hour == 12:
		d.hour = 0
	case d.half == halfPM && d.hour != 12:
		d.hour += 12
	}
	if d.hour > 24 || d.minute > 59 || d.second > 60 || d.timeOfDay() > microsPerDay {
		return errDateOverflow
	}
	return nil
}
