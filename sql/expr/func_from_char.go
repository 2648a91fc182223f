package expr

import (
	"math"
	"strconv"
	"strings"

	"millrace/sql/sqlerr"
)

// defineFromChar defines to_timestamp and to_date with a template.
func (b *builder) defineFromChar() {
	b.function("to_timestamp", "text,text", "timestamptz", nil, "time read by a template", stable, stateful(func() Kernel {
		var cache templateCache
		return lift2c(func(ctx *Context, text, template string) (int64, error) {
			r := templateReader{text: text, source: text}
			if err := r.read(cache.nodes(template)); err != nil {
				return 0, err
			}
			days, ofDay, err := r.moment()
			if err != nil {
				return 0, err
			}
			local, err := joinTimestamp(days, ofDay)
			if err != nil {
				return 0, err
			}
			if r.hasOffset {
				return local - int64(r.offset)*microsPerSecond, nil
			}
			return localToUTC(local, ctx.zone()), nil
		})
	}))
	b.function("to_date", "text,text", "date", nil, "date read by a template", stable, stateful(func() Kernel {
		var cache templateCache
		return lift2e(func(text, template string) (int64, error) {
			r := templateReader{text: text, source: text}
			if err := r.read(cache.nodes(template)); err != nil {
				return 0, err
			}
			days, _, err := r.moment()
			return days, err
		})
	}))
}

// templateReader reads text by a template and collects the fields.
type templateReader struct {
	text, source string

	year, month, day, dayOfYear    int
	isoYear, isoWeek, isoDay       int
	century, weekOfMonth, week     int
	hour, minute, second, micro    int
	secondsOfDay                   int
	julian                         int64
	hasYear, hasJulian, beforeZero bool
	twelve, afternoon, hasHalf     bool
	hasOffset                      bool
	offset                         int // seconds east of UTC
}

// read takes the fields of the template from the text. Blanks and punctuation
// between them need not agree.
func (r *templateReader) read(nodes []templateNode) error {
	for i, n := range nodes {
		if n.field == "" {
			r.skipText(n.written)
			continue
		}
		r.text = strings.TrimLeft(r.text, " ")
		if r.text == "" {
			return nil
		}
		numberFollows := i+1 < len(nodes) && nodes[i+1].field != ""
		if err := r.field(n, numberFollows && !n.fill); err != nil {
			return err
		}
		if n.ordinal != "" && len(r.text) >= 2 {
			r.text = r.text[2:]
		}
	}
	return nil
}

// skipText skips literal text: a separator in the template stands for any
// separators, a letter for any character.
func (r *templateReader) skipText(written string) {
	for _, c := range written {
		if isSeparator(c) {
			r.text = strings.TrimLeft(r.text, " ")
			if r.text != "" && isSeparator(rune(r.text[0])) {
				r.text = strings.TrimLeft(r.text[1:], " ")
			}
			continue
		}
		if r.text != "" {
			r.text = r.text[characterOffset(r.text, 1):]
		}
	}
}

func isSeparator(c rune) bool {
	return c > ' ' && c < 0x7f && !isLetterOrDigit(byte(c)) || c == ' '
}

// number reads an integer: at most width digits when a number follows at once.
func (r *templateReader) number(field string, width int, bounded bool) (int, error) {
	if bounded && len(r.text) < width {
		return 0, sqlerr.New(sqlerr.InvalidDatetimeFormat, -1, "source string too short for \"%s\" formatting field", field).
			WithDetail("Field requires %d characters, but only %d remain.", width, len(r.text)).
			WithHint("If your source string is not fixed-width, try using the \"FM\" modifier.")
	}
	end := 0
	if r.text != "" && (r.text[0] == '-' || r.text[0] == '+') {
		end++
	}
	start := end
	for end < len(r.text) && r.text[end] >= '0' && r.text[end] <= '9' && (!bounded || end-start < width) {
		end++
	}
	if end == start {
		return 0, sqlerr.New(sqlerr.InvalidDatetimeFormat, -1, "invalid value \"%s\" for \"%s\"", r.text[:min(len(r.text), max(width, 1))], field).
			WithDetail("Value must be an integer.")
	}
	v, err := strconv.Atoi(r.text[:end])
	if err != nil || v > math.MaxInt32 || v < math.MinInt32 {
		return 0, sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "value for \"%s\" in source string is out of range", field)
	}
	r.text = r.text[end:]
	return v, nil
}

// numericField returns where a field that is a number is kept, and how many
// digits it has.
func (r *templateReader) numericField(field string) (target *int, width int) {
	switch field {
	case "HH24", "HH", "HH12":
		return &r.hour, 2
	case "MI":
		return &r.minute, 2
	case "SS":
		return &r.second, 2
	case "SSSS", "SSSSS":
		return &r.secondsOfDay, 5
	case "YYYY":
		return &r.year, 4
	case "YYY":
		return &r.year, 3
	case "YY":
		return &r.year, 2
	case "Y":
		return &r.year, 1
	case "IYYY":
		return &r.isoYear, 4
	case "CC":
		return &r.century, 2
	case "MM":
		return &r.month, 2
	case "DD":
		return &r.day, 2
	case "DDD":
		return &r.dayOfYear, 3
	case "IW":
		return &r.isoWeek, 2
	case "ID":
		return &r.isoDay, 1
	case "WW":
		return &r.week, 2
	case "W":
		return &r.weekOfMonth, 1
	}
	return nil, 0
}

func (r *templateReader) field(n templateNode, bounded bool) error {
	if target, width := r.numericField(n.field); target != nil {
		before := len(r.text)
		v, err := r.number(n.written, width, bounded)
		if err != nil {
			return err
		}
		*target = v
		switch n.field {
		case "HH", "HH12":
			r.twelve = true
			if v < 1 || v > 12 {
				return sqlerr.New(sqlerr.InvalidDatetimeFormat, -1, "hour \"%d\" is invalid for the 12-hour clock", v).
					WithHint("Use the 24-hour clock, or give an hour between 1 and 12.")
			}
		case "YYYY", "YYY", "YY", "Y":
			r.hasYear = true
			if read := before - len(r.text); read <= 3 && n.field != "YYYY" || n.field == "YYY" || n.field == "YY" {
				r.year = nearYear(v, read)
			}
		}
		return nil
	}
	return r.namedField(n)
}

// nearYear completes a year of less than four digits to the one nearest 2020.
func nearYear(year, read int) int {
	switch {
	case year < 0 || read > 3:
		return year
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

// namedField reads the fields that are words, fractions or offsets.
func (r *templateReader) namedField(n templateNode) error {
	switch n.field {
	case "MS", "US", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6":
		return r.fraction(n.field)
	case "AM", "PM", "A.M.", "P.M.":
		return r.half(n)
	case "BC", "AD", "B.C.", "A.D.":
		r.beforeZero = len(r.text) > 0 && (r.text[0] == 'B' || r.text[0] == 'b')
		r.text = r.text[min(len(n.field), len(r.text)):]
		return nil
	case "MONTH", "MON":
		v, err := r.word(n, monthNames[:])
		r.month = v + 1
		return err
	case "DAY", "DY":
		_, err := r.word(n, dayNames[:])
		return err
	case "RM":
		return r.romanMonth(n)
	case "J":
		v, err := r.number(n.written, 9, false)
		r.julian, r.hasJulian = int64(v), true
		return err
	case "TZH", "TZM", "OF":
		return r.zoneField(n)
	case "D", "IDDD", "Q":
		_, err := r.number(n.written, 3, true)
		return err
	}
	return sqlerr.New(sqlerr.FeatureNotSupported, -1, "formatting field \"%s\" is only supported in to_char", n.field)
}

// fraction reads digits behind the point.
func (r *templateReader) fraction(field string) error {
	width := 6
	switch {
	case field == "MS":
		width = 3
	case field != "US":
		width = int(field[2] - '0')
	}
	end := 0
	for end < len(r.text) && end < width && r.text[end] >= '0' && r.text[end] <= '9' {
		end++
	}
	if end == 0 {
		_, err := r.number(field, width, true)
		return err
	}
	v, err := strconv.Atoi((r.text[:end] + "000000")[:6])
	r.micro, r.text = v, r.text[end:]
	return err
}

func (r *templateReader) half(n templateNode) error {
	halves := []string{"AM", "PM"}
	if strings.Contains(n.field, ".") {
		halves = []string{"A.M.", "P.M."}
	}
	for _, half := range halves {
		if hasPrefixFold(r.text, half) {
			r.hasHalf, r.twelve, r.afternoon = true, true, half[0] == 'P'
			r.text = r.text[len(half):]
			return nil
		}
	}
	return r.errWord(n)
}

func (r *templateReader) errWord(n templateNode) error {
	return sqlerr.New(sqlerr.InvalidDatetimeFormat, -1, "invalid value \"%s\" for \"%s\"", r.text[:characterOffset(r.text, len(n.field))], n.written).
		WithDetail("The given value did not match any of the allowed values for this field.")
}

// word reads a name, whole or of three letters, and returns its number.
func (r *templateReader) word(n templateNode, names []string) (int, error) {
	short := len(n.field) <= 3 && n.field != "DAY"
	for i, name := range names {
		if short {
			name = name[:3]
		}
		if hasPrefixFold(r.text, name) {
			r.text = r.text[len(name):]
			return i, nil
		}
	}
	return 0, r.errWord(n)
}

func (r *templateReader) romanMonth(n templateNode) error {
	longest := -1
	for k, name := range romanMonths {
		if hasPrefixFold(r.text, name) && (longest < 0 || len(name) > len(romanMonths[longest])) {
			longest = k
		}
	}
	if longest < 0 {
		return r.errWord(n)
	}
	r.month = longest + 1
	r.text = r.text[len(romanMonths[longest]):]
	return nil
}

func (r *templateReader) zoneField(n templateNode) error {
	sign := 1
	if r.offset < 0 {
		sign = -1
	}
	if r.text[0] == '-' && n.field != "TZM" {
		sign = -1
	}
	v, err := r.number(n.written, 2, true)
	if err != nil {
		return err
	}
	if v < 0 {
		v = -v
	}
	r.hasOffset = true
	if n.field == "TZM" {
		r.offset += sign * v * 60
		return nil
	}
	r.offset = sign * v * 3600
	if n.field == "OF" && strings.HasPrefix(r.text, ":") {
		r.text = r.text[1:]
		minutes, err := r.number(n.written, 2, true)
		r.offset += sign * minutes * 60
		return err
	}
	return nil
}
