package types

import (
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
	partSpecial

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
	if err := d.validateDate(); err != nil {
		return err
	}
	if err := d.applyHalf(); err != nil {
		return err
	}
	// Summer time is said of an abbreviation.
	if d.seen&partDST != 0 && (d.seen&partZone == 0 || d.zone != nil) {
		return errDateSyntax
	}
	if d.special >= 0 {
		return nil
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

// wordField reads a word: a zone, a month, a special value and so on.
func (d *dateDecoder) wordField(i int) (dateParts, error) {
	f := d.fields[i]
	short := f.text[:min(len(f.text), wordLength)]
	if minutes, ok := fixedAbbreviations[short]; ok {
		d.offset, d.hasOffset = int(minutes)*60, true
		return partZone, nil
	}
	if _, ok := zonedAbbreviations[short]; ok {
		d.zone, _ = abbreviatedZone(f.text)
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
