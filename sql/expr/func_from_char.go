package expr

import (
	"strings"
	"time"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// defineFromChar defines to_timestamp and to_date with a template.
func (b *builder) defineFromChar() {
	b.function("to_timestamp", "text,text", "timestamptz", nil, "time read by a template", stable, stateful(func() Kernel {
		var cache templateCache
		return lift2c(func(ctx *Context, text, template string) (int64, error) {
			r := templateReader{source: text, precision: -1}
			if err := r.read(cache.nodes(template)); err != nil {
				return 0, err
			}
			return r.timestamp(ctx.zone())
		})
	}))
	b.function("to_date", "text,text", "date", nil, "date read by a template", stable, stateful(func() Kernel {
		var cache templateCache
		return lift2e(func(text, template string) (int64, error) {
			r := templateReader{source: text, precision: -1}
			if err := r.read(cache.nodes(template)); err != nil {
				return 0, err
			}
			d, _, err := r.moment()
			if err != nil {
				return 0, err
			}
			days := d.days()
			if days < firstDate || days >= endDate {
				return 0, sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "date out of range: \"%s\"", text)
			}
			return days, nil
		})
	}))
}

func (r *templateReader) timestamp(zone *time.Location) (int64, error) {
	d, ofDay, err := r.moment()
	if err != nil {
		return 0, err
	}
	local, err := joinTimestamp(d.days(), ofDay)
	if err != nil {
		return 0, err
	}
	if r.zoneSign == 0 {
		return r.rounded(types.TimestampFromLocal(local, zone))
	}
	return r.rounded(local - int64(r.zoneSign)*(int64(r.zoneHour)*microsPerHour+int64(r.zoneMinute)*microsPerMinute))
}

// rounded rounds a timestamp to the digits that the template has for the second's
// fraction.
func (r *templateReader) rounded(micros int64) (int64, error) {
	if _, err := checkTimestamp(micros); err != nil {
		return 0, err
	}
	typ := types.TimestampTZ
	typ.Mod = r.precision
	d, err := types.CoerceToModifier(typ, types.IntDatum(micros), false)
	return d.Int, err
}

// templateReader reads text by a template and collects the fields, 0 for those
// that are absent.
//
// Outside of the mode FX the reader is lenient: white space in front of fields and
// behind them is passed over, and a blank or punctuation mark of the template
// stands for one of the text, or for none. extra counts the characters passed over
// so far that the template does not name: its other characters stand for them
// first.
type templateReader struct {
	source string
	at     int // in source
	exact  bool
	extra  int

	year, century, month, day int
	yearDigits                int // as the pattern says: 4 for YYYY
	dayOfYear, dayOfWeek      int // day 1 is Sunday
	week, weekOfMonth         int
	julian                    int
	beforeChrist              int // 1 for BC
	calendar                  calendarKind

	hour, minute, second, secondOfDay int
	millisecond, microsecond          int
	precision                         int32 // digits of the second's fraction that count, -1 for all
	afternoon                         int   // 1 for PM
	twelveHours                       bool
	zoneSign, zoneHour, zoneMinute    int // zoneSign is 0 without a zone
}

// calendarKind is which calendar a template's fields belong to.
type calendarKind uint8

const (
	calendarUnknown calendarKind = iota
	calendarGregorian
	calendarISO
)

// calendarOf returns the calendar that a field belongs to.
func calendarOf(field string) calendarKind {
	switch field {
	case "IDDD", "ID", "IW", "IYYY", "IYY", "IY", "I":
		return calendarISO
	case "DDD", "DD", "D", "MM", "MONTH", "MON", "RM", "WW", "W", "Y,YYY", "YYYY", "YYY", "YY", "Y":
		return calendarGregorian
	}
	return calendarUnknown
}

// read takes the fields of the template from the text, as far as it goes.
func (r *templateReader) read(nodes []templateNode) error {
	for i, n := range nodes {
		if r.at >= len(r.source) {
			return nil
		}
		if !r.exact && n.field != "FX" && (n.field != "" || i == 0) {
			r.extra += r.skipBlanks()
		}
		if n.field == "" {
			r.skipText(n)
			continue
		}
		if kind := calendarOf(n.field); kind != calendarUnknown {
			if r.calendar != calendarUnknown && r.calendar != kind {
				return sqlerr.New(sqlerr.InvalidDatetimeFormat, -1, "invalid combination of date conventions").
					WithHint("Do not mix Gregorian and ISO week date conventions in a formatting template.")
			}
			r.calendar = kind
		}
		if err := r.field(n, i+1 == len(nodes) || n.ordinal != 0 || endsNumber(nodes[i+1])); err != nil {
			return err
		}
		if n.ordinal != 0 && n.digits && n.field != "TZM" {
			r.at += characterOffset(r.rest(), 2)
		}
		if !r.exact {
			r.extra = r.skipBlanks()
		}
	}
	return nil
}

// endsNumber reports whether a node cannot begin with a digit.
func endsNumber(n templateNode) bool {
	if n.field != "" {
		return !n.digits
	}
	return n.written[0] < '0' || n.written[0] > '9'
}

func (r *templateReader) rest() string { return r.source[r.at:] }

// skipBlanks passes over white space and returns how much there was.
func (r *templateReader) skipBlanks() int {
	start := r.at
	for r.at < len(r.source) && isBlank(r.source[r.at]) {
		r.at++
	}
	return r.at - start
}

// skipText passes over what a template's character stands for.
func (r *templateReader) skipText(n templateNode) {
	switch {
	case r.exact:
		r.at += characterOffset(r.rest(), 1)
	case n.separator:
		r.extra--
		if r.at < len(r.source) && isSeparator(r.source[r.at]) {
			r.at++
			r.extra++
		}
	case r.extra > 0:
		r.extra--
	default:
		r.at += characterOffset(r.rest(), 1)
	}
}

// field reads one field; free says that a number may have any number of digits.
func (r *templateReader) field(n templateNode, free bool) error {
	free = free || n.fill
	if target, width := r.numericField(n.field); width > 0 {
		_, err := r.number(n, target, width, free)
		return err
	}
	switch n.field {
	case "FX":
		r.exact = true
		return nil
	case "HH", "HH12":
		r.twelveHours = true
		_, err := r.number(n, &r.hour, 2, free)
		return err
	case "MS":
		return r.fraction(n, &r.millisecond, 3, free)
	case "US":
		return r.fraction(n, &r.microsecond, 6, free)
	case "FF1", "FF2", "FF3", "FF4", "FF5", "FF6":
		width := int(n.field[2] - '0')
		r.precision = int32(width)
		return r.fraction(n, &r.microsecond, width, free)
	case "ID":
		_, err := r.number(n, &r.dayOfWeek, 1, free)
		if r.dayOfWeek++; r.dayOfWeek > 7 {
			r.dayOfWeek = 1
		}
		return err
	case "TZH", "TZM":
		return r.zoneField(n, free)
	case "TZ", "OF":
		return sqlerr.New(sqlerr.FeatureNotSupported, -1, "formatting field \"%s\" is only supported in to_char", n.written)
	case "Y,YYY", "YYY", "IYY", "YY", "IY", "Y", "I", "YYYY", "IYYY":
		return r.yearField(n, free)
	}
	return r.word(n)
}

// numericField returns where a field that is a plain number is kept (nil for
// one that is read and ignored), and its width, 0 for the other fields.
func (r *templateReader) numericField(field string) (target *int, width int) {
	switch field {
	case "HH24":
		return &r.hour, 2
	case "MI":
		return &r.minute, 2
	case "SS":
		return &r.second, 2
	case "SSSS", "SSSSS":
		return &r.secondOfDay, len(field)
	case "CC":
		return &r.century, 2
	case "MM":
		return &r.month, 2
	case "DD":
		return &r.day, 2
	case "DDD", "IDDD":
		return &r.dayOfYear, 3
	case "D":
		return &r.dayOfWeek, 1
	case "IW", "WW":
		return &r.week, 2
	case "W":
		return &r.weekOfMonth, 1
	case "J":
		return &r.julian, 1
	case "Q":
		return nil, 1
	}
	return nil, 0
}

// set keeps a field's value, which must not differ from one that it has already.
func (r *templateReader) set(n templateNode, target *int, v int) error {
	if *target != 0 && *target != v {
		return sqlerr.New(sqlerr.InvalidDatetimeFormat, -1, "conflicting values for \"%s\" field in formatting string", n.written).
			WithDetail("This value contradicts a previous setting for the same field type.")
	}
	*target = v
	return nil
}

// number reads an integer of exactly so many characters, or of any number of
// digits where free is set, and returns how many characters it had.
func (r *templateReader) number(n templateNode, target *int, width int, free bool) (int, error) {
	start := r.at
	r.skipBlanks()
	text := r.rest()
	shown := text[:min(width, len(text))]
	if !free {
		if len(text) < width {
			return 0, sqlerr.New(sqlerr.InvalidDatetimeFormat, -1, "source string too short for \"%s\" formatting field", n.written).
				WithDetail("Field requires %d characters, but only %d remain.", width, len(text)).
				WithHint("If your source string is not fixed-width, try using the \"FM\" modifier.")
		}
		text = shown
	}
	v, used, fits := leadingInt(text)
	switch {
	case used == 0:
		return 0, sqlerr.New(sqlerr.InvalidDatetimeFormat, -1, "invalid value \"%s\" for \"%s\"", shown, n.written).
			WithDetail("Value must be an integer.")
	case !free && used < width:
		return 0, sqlerr.New(sqlerr.InvalidDatetimeFormat, -1, "invalid value \"%s\" for \"%s\"", shown, n.written).
			WithDetail("Field requires %d characters, but only %d could be parsed.", width, used).
			WithHint("If your source string is not fixed-width, try using the \"FM\" modifier.")
	case !fits:
		return 0, sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "value for \"%s\" in source string is out of range", n.written).
			WithDetail("Value must be in the range -2147483648 to 2147483647.")
	}
	r.at += used
	if target == nil {
		return r.at - start, nil
	}
	return r.at - start, r.set(n, target, v)
}

// leadingInt reads the integer that text begins with, behind white space, as C's
// strtol; used is 0 when there is none.
func leadingInt(text string) (v, used int, fits bool) {
	at := 0
	for at < len(text) && isBlank(text[at]) {
		at++
	}
	negative := false
	if at < len(text) && (text[at] == '-' || text[at] == '+') {
		negative = text[at] == '-'
		at++
	}
	start := at
	const limit = 1 << 31
	for ; at < len(text) && text[at] >= '0' && text[at] <= '9'; at++ {
		v = min(v*10+int(text[at]-'0'), limit+1)
	}
	if at == start {
		return 0, 0, true
	}
	if negative {
		return -v, at, v <= limit
	}
	return v, at, v < limit
}

// yearField reads a year; one of less than four digits is the one nearest 2020.
func (r *templateReader) yearField(n templateNode, free bool) error {
	if n.field == "Y,YYY" {
		return r.groupedYear(n)
	}
	r.yearDigits = len(n.field)
	used, err := r.number(n, &r.year, len(n.field), free)
	if err == nil && used < 4 && r.yearDigits < 4 {
		r.year = nearYear(r.year)
	}
	return err
}

// groupedYear reads a year such as 2,024.
func (r *templateReader) groupedYear(n templateNode) error {
	malformed := sqlerr.New(sqlerr.InvalidDatetimeFormat, -1, "invalid input string for \"Y,YYY\"")
	thousands, used, fits := leadingInt(r.rest())
	rest := r.rest()[used:]
	if used == 0 || !fits || !strings.HasPrefix(rest, ",") {
		return malformed
	}
	rest = rest[1:]
	blanks := len(rest) - len(strings.TrimLeft(rest, " \t\n\v\f\r"))
	years, digits, _ := leadingInt(rest[blanks:min(blanks+3, len(rest))])
	if digits == 0 {
		return malformed
	}
	if thousands > 2147482 || thousands < -2147482 {
		return sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "value for \"Y,YYY\" in source string is out of range")
	}
	r.yearDigits = 4
	r.at += used + 1 + blanks + digits
	return r.set(n, &r.year, thousands*1000+years)
}

// nearYear completes a year of less than four digits to the one nearest 2020.
func nearYear(year int) int {
	switch {
	case year < 70:
		return year + 2000
	case year < 100:
		return year + 1900
	case year < 520:
		return year + 2000
	case year < 1000:
		return year + 1000
	}
	return year
}

// fraction reads digits behind the point: 25 is a quarter, like 250.
func (r *templateReader) fraction(n templateNode, target *int, width int, free bool) error {
	used, err := r.number(n, target, width, free)
	if err != nil {
		return err
	}
	digits := 6
	if n.field == "MS" {
		digits = 3
	}
	for ; used < digits; used++ {
		*target *= 10
	}
	return nil
}

// zoneField reads the hour of a zone, with a sign that may have been taken for
// punctuation before, or its minute.
func (r *templateReader) zoneField(n templateNode, free bool) error {
	if n.field == "TZM" {
		if r.zoneSign == 0 {
			r.zoneSign = 1
		}
		_, err := r.number(n, &r.zoneMinute, 2, free)
		return err
	}
	r.zoneSign = 1
	if r.at < len(r.source) && strings.IndexByte("+- ", r.source[r.at]) >= 0 {
		if r.source[r.at] == '-' {
			r.zoneSign = -1
		}
		r.at++
	} else if r.extra > 0 && r.source[r.at-1] == '-' {
		r.zoneSign = -1
	}
	_, err := r.number(n, &r.zoneHour, 2, free)
	return err
}

// word reads the fields that are words.
func (r *templateReader) word(n templateNode) error {
	switch n.field {
	case "AM", "PM":
		r.twelveHours = true
		return r.oneOf(n, &r.afternoon, 0, []string{"AM", "PM"}, 0)
	case "A.M.", "P.M.":
		r.twelveHours = true
		return r.oneOf(n, &r.afternoon, 0, []string{"A.M.", "P.M."}, 0)
	case "AD", "BC":
		return r.oneOf(n, &r.beforeChrist, 0, []string{"AD", "BC"}, 0)
	case "A.D.", "B.C.":
		return r.oneOf(n, &r.beforeChrist, 0, []string{"A.D.", "B.C."}, 0)
	case "MONTH":
		return r.oneOf(n, &r.month, 1, monthNames, 0)
	case "MON":
		return r.oneOf(n, &r.month, 1, monthNames, 3)
	case "DAY":
		return r.weekday(n, 0)
	case "DY":
		return r.weekday(n, 3)
	}
	// RM: the months in Roman numerals begin with December.
	month := 0
	if err := r.oneOf(n, &month, 1, romanMonths, 0); err != nil {
		return err
	}
	return r.set(n, &r.month, 13-month)
}

// weekday reads the name of a day. It counts from 0 when it is compared with a day
// read before, so that only a Sunday can come second.
func (r *templateReader) weekday(n templateNode, letters int) error {
	err := r.oneOf(n, &r.dayOfWeek, 0, dayNames, letters)
	r.dayOfWeek++
	return err
}

// oneOf reads one of some words, cut to so many letters where letters is not 0,
// and keeps its number, counted from first.
func (r *templateReader) oneOf(n templateNode, target *int, first int, words []string, letters int) error {
	for i, word := range words {
		if letters > 0 {
			word = word[:letters]
		}
		if rest := r.rest(); len(rest) >= len(word) && strings.EqualFold(rest[:len(word)], word) {
			r.at += len(word)
			return r.set(n, target, first+i)
		}
	}
	shown := r.rest()
	if end := strings.IndexAny(shown, " \t\n\v\f\r"); end >= 0 {
		shown = shown[:end]
	}
	return sqlerr.New(sqlerr.InvalidDatetimeFormat, -1, "invalid value \"%s\" for \"%s\"", shown, n.written).
		WithDetail("The given value did not match any of the allowed values for this field.")
}
