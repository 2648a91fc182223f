package expr

import (
	"strconv"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// defineToChar defines to_char for dates, times and intervals.
func (b *builder) defineToChar() {
	const words = "printed by a template"
	b.function("to_char", "timestamp,text", "text", nil, words, stable, stateful(func() Kernel {
		var p momentPrinter
		return lift2e(func(v int64, template string) (string, error) {
			if isInfinite(v) || template == "" {
				return "", errNull
			}
			return p.print(momentOf(v), template)
		})
	}))
	b.function("to_char", "timestamptz,text", "text", nil, words, stable, stateful(func() Kernel {
		var p momentPrinter
		return lift2c(func(ctx *Context, v int64, template string) (string, error) {
			if isInfinite(v) || template == "" {
				return "", errNull
			}
			m := momentOf(types.TimestampToLocal(v, ctx.zone()))
			m.zone, m.offset = types.TimestampToTime(v).In(ctx.zone()).Zone()
			return p.print(m, template)
		})
	}))
	b.function("to_char", "interval,text", "text", nil, words, stable, stateful(func() Kernel {
		var p momentPrinter
		return lift2e(func(v string, template string) (string, error) {
			if template == "" {
				return "", errNull
			}
			return p.print(momentOfInterval(types.DecodeInterval(v)), template)
		})
	}))
}

// templateCache keeps the last template, for one program.
type templateCache struct {
	template string
	parsed   []templateNode
}

func (c *templateCache) nodes(template string) []templateNode {
	if c.parsed == nil || c.template != template {
		c.template, c.parsed = template, parseTemplate(template)
	}
	return c.parsed
}

// moment is what a template can print of a timestamp or an interval.
type moment struct {
	date
	hour                  int64
	minute, second, micro int
	dayOfYear             int
	isInterval            bool
	zone                  string
	offset                int // seconds east of UTC
}

func momentOf(local int64) moment {
	days, ofDay := splitTimestamp(local)
	c := clockOf(ofDay)
	d := dateOf(days)
	return moment{
		date: d, hour: int64(c.hour), minute: c.minute, second: c.second, micro: c.micro,
		dayOfYear: int(days-date{d.year, 1, 1}.days()) + 1,
	}
}

// momentOfInterval takes an interval for a date; its day of the year is its
// length in days, months having 30.
func momentOfInterval(v types.IntervalValue) moment {
	return moment{
		date: date{int(v.Months / 12), int(v.Months % 12), int(v.Days)},
		hour: v.Micros / microsPerHour, minute: int(v.Micros / microsPerMinute % 60),
		second: int(v.Micros / microsPerSecond % 60), micro: int(v.Micros % microsPerSecond),
		dayOfYear: int(v.Months*30 + v.Days), isInterval: true,
	}
}

// momentPrinter prints moments by templates, with memory that it keeps between
// calls.
type momentPrinter struct {
	cache templateCache
	out   []byte
	arena types.StringArena
}

func (p *momentPrinter) print(m moment, template string) (string, error) {
	p.out = p.out[:0]
	for _, n := range p.cache.nodes(template) {
		if n.field == "" {
			p.out = append(p.out, n.written...)
			continue
		}
		var err error
		if p.out, err = m.appendField(p.out, n); err != nil {
			return "", err
		}
	}
	return p.arena.Copy(p.out), nil
}

var errIntervalTemplate = sqlerr.New(sqlerr.InvalidDatetimeFormat, -1, "invalid format specification for an interval value").
	WithHint("Intervals are not tied to specific calendar dates.")

// appendField prints one field.
func (m *moment) appendField(out []byte, n templateNode) ([]byte, error) {
	switch n.field {
	case "TZ", "TZH", "TZM", "OF", "AD", "BC", "A.D.", "B.C.", "MONTH", "MON", "DAY", "DY", "D", "ID":
		if m.isInterval {
			return out, errIntervalTemplate
		}
	}
	if out, ok := m.appendWord(out, n); ok {
		return out, nil
	}
	start := len(out)
	out, ok := m.appendClock(out, n)
	if !ok {
		out, ok = m.appendYear(out, n)
	}
	if !ok {
		out = m.appendDay(out, n)
	}
	if n.ordinal != 0 && len(out) > start {
		suffix := ordinalSuffix(string(out[start:]))
		if n.ordinal == 'T' {
			suffix = upperASCII(suffix)
		}
		out = append(out, suffix...)
	}
	return out, nil
}

// appendDigits prints a number with leading zeros to a width, which a sign does
// not count in; none with FM.
func appendDigits(out []byte, n templateNode, v int64, width int) []byte {
	return appendDigitsOf(out, n, v, width, v)
}

// appendPadded is appendDigits for fields in which a sign takes a digit's place.
func appendPadded(out []byte, n templateNode, v int64, width int) []byte {
	return appendDigitsOf(out, n, v, width, 0)
}

// appendDigitsOf is appendDigits where the sign of another number leaves a place
// for one.
func appendDigitsOf(out []byte, n templateNode, v int64, width int, of int64) []byte {
	if of < 0 {
		width++
	}
	if v < 0 {
		out, v = append(out, '-'), -v
		width--
	}
	if n.fill {
		width = 0
	}
	digits := 1
	for rest := v / 10; rest != 0; rest /= 10 {
		digits++
	}
	for ; digits < width; digits++ {
		out = append(out, '0')
	}
	return strconv.AppendInt(out, v, 10)
}

// appendName prints a name in the pattern's case, with blanks behind up to a
// width but with FM or TM.
func appendName(out []byte, n templateNode, word string, width int) []byte {
	out = append(out, likeCase(word, n.written)...)
	if n.fill || n.translated {
		return out
	}
	for range width - len(word) {
		out = append(out, ' ')
	}
	return out
}

// appendHalf prints one of two words, such as AM and PM, with points where the
// pattern has them.
func appendHalf(out []byte, n templateNode, word string) []byte {
	if len(n.field) == 4 {
		word = word[:1] + "." + word[1:] + "."
	}
	return append(out, likeCase(word, n.written[:1])...)
}

// appendWord prints the fields that are not numbers: they have no ordinals.
func (m *moment) appendWord(out []byte, n templateNode) ([]byte, bool) {
	switch n.field {
	case "FX":
	case "A.M.", "P.M.", "AM", "PM":
		if m.hour%24 >= 12 {
			return appendHalf(out, n, "PM"), true
		}
		return appendHalf(out, n, "AM"), true
	case "AD", "BC", "A.D.", "B.C.":
		if m.year <= 0 {
			return appendHalf(out, n, "BC"), true
		}
		return appendHalf(out, n, "AD"), true
	case "MONTH":
		return appendName(out, n, monthNames[m.month-1], 9), true
	case "MON":
		return append(out, likeCase(monthNames[m.month-1][:3], n.written)...), true
	case "DAY":
		return appendName(out, n, dayNames[weekday(m.days())], 9), true
	case "DY":
		return append(out, likeCase(dayNames[weekday(m.days())][:3], n.written)...), true
	case "RM":
		return m.appendRoman(out, n), true
	case "TZ":
		return append(out, likeCase(m.zone, n.written[:1])...), true
	case "TZH":
		return appendDigits(append(out, m.offsetSign()), templateNode{}, int64(m.offsetSeconds()/3600), 2), true
	case "TZM":
		return appendDigits(out, templateNode{}, int64(m.offsetSeconds()/60%60), 2), true
	case "OF":
		out = appendDigits(append(out, m.offsetSign()), n, int64(m.offsetSeconds()/3600), 2)
		if m.offset%3600 != 0 {
			out = appendDigits(append(out, ':'), templateNode{}, int64(m.offsetSeconds()/60%60), 2)
		}
	default:
		return out, false
	}
	return out, true
}

func (m *moment) offsetSign() byte {
	if m.offset < 0 {
		return '-'
	}
	return '+'
}

func (m *moment) offsetSeconds() int { return max(m.offset, -m.offset) }

// appendRoman prints the month in Roman numerals. An interval's months may be
// negative, counted from December down, and whole years are December, negative
// ones January.
func (m *moment) appendRoman(out []byte, n templateNode) []byte {
	at := 12 - m.month
	switch {
	case m.month == 0 && m.year == 0:
		return out
	case m.month == 0 && m.year > 0:
		at = 0
	case m.month == 0:
		at = 11
	case m.month < 0:
		at = -m.month - 1
	}
	n.translated = false
	return appendName(out, templateNode{written: n.written[:1], fill: n.fill}, romanMonths[at], 4)
}

func (m *moment) appendClock(out []byte, n templateNode) ([]byte, bool) {
	switch n.field {
	case "HH", "HH12":
		hour := m.hour % 12
		if hour == 0 {
			hour = 12
		}
		return appendDigitsOf(out, n, hour, 2, m.hour), true
	case "HH24":
		return appendDigits(out, n, m.hour, 2), true
	case "MI":
		return appendDigits(out, n, int64(m.minute), 2), true
	case "SS":
		return appendDigits(out, n, int64(m.second), 2), true
	case "MS":
		return appendFraction(out, m.micro, 3), true
	case "US":
		return appendFraction(out, m.micro, 6), true
	case "FF1", "FF2", "FF3", "FF4", "FF5", "FF6":
		return appendFraction(out, m.micro, int(n.field[2]-'0')), true
	case "SSSS", "SSSSS":
		return strconv.AppendInt(out, m.hour*3600+int64(m.minute*60+m.second), 10), true
	}
	return out, false
}

// appendFraction prints the first digits of a second's fraction; a sign takes a
// digit's place.
func appendFraction(out []byte, micro, digits int) []byte {
	return appendPadded(out, templateNode{}, int64(micro)/powersOfTen[6-digits], digits)
}

// appendYear prints the fields of the year, also of the ISO 8601 one.
func (m *moment) appendYear(out []byte, n templateNode) ([]byte, bool) {
	year, of := m.year, int64(m.year)
	if n.field[0] == 'I' && n.field != "IW" && n.field != "IDDD" && n.field != "ID" {
		iso, _, _ := m.isoDate()
		year = int(iso)
	}
	if !m.isInterval {
		of = 0
		if year <= 0 {
			year = 1 - year // 1 BC is the year 0
		}
	}
	switch n.field {
	case "Y,YYY":
		out = append(strconv.AppendInt(out, int64(year/1000), 10), ',')
		return appendPadded(out, templateNode{}, int64(year%1000), 3), true
	case "YYYY", "IYYY":
		return appendDigitsOf(out, n, int64(year), 4, of), true
	case "YYY", "IYY":
		return appendDigitsOf(out, n, int64(year%1000), 3, of), true
	case "YY", "IY":
		return appendDigitsOf(out, n, int64(year%100), 2, of), true
	case "Y", "I":
		return appendDigits(out, n, int64(year%10), 1), true
	case "CC":
		if m.isInterval {
			return appendDigits(out, n, int64(m.year/100), 2), true
		}
		return appendDigits(out, n, int64(periodOf(m.year, 100)), 2), true
	}
	return out, false
}

// appendDay prints the fields of the month, the week and the day.
func (m *moment) appendDay(out []byte, n templateNode) []byte {
	switch n.field {
	case "MM":
		return appendDigits(out, n, int64(m.month), 2)
	case "DD":
		return appendPadded(out, n, int64(m.day), 2)
	case "DDD":
		return appendPadded(out, n, int64(m.dayOfYear), 3)
	case "IDDD":
		_, _, day := m.isoDate()
		return appendPadded(out, n, int64(day), 3)
	case "D":
		return strconv.AppendInt(out, int64(weekday(m.days())+1), 10)
	case "ID":
		return strconv.AppendInt(out, int64((weekday(m.days())+6)%7+1), 10)
	case "Q":
		if m.month == 0 {
			return out
		}
		return strconv.AppendInt(out, int64((m.month-1)/3+1), 10)
	case "W":
		return strconv.AppendInt(out, int64((int32(m.day)-1)/7+1), 10)
	case "WW":
		return appendPadded(out, n, int64((int32(m.dayOfYear)-1)/7+1), 2)
	case "IW":
		_, week, _ := m.isoDate()
		return appendPadded(out, n, int64(week), 2)
	}
	return strconv.AppendInt(out, int64(m.julianDay()), 10) // J
}

// julianDay counts days from 4714-11-24 BC.
func (m *moment) julianDay() int32 {
	return julianDayOf(int32(m.year), int32(m.month), int32(m.day))
}

// julianDayOf returns the Julian day of a date. An interval's months may be zero or
// negative: the rule for them is that of January, carried on; what it makes of
// fields too large for a date wraps around.
func julianDayOf(year, month, day int32) int32 {
	if month > 2 {
		year, month = year+4800, month+1
	} else {
		year, month = year+4799, month+13
	}
	century := year / 100
	return year*365 - 32167 + year/4 - century + century/4 + 7834*month/256 + day
}

// isoDate returns the year and week of ISO 8601 and the day of that year.
func (m *moment) isoDate() (year, week, day int32) {
	julian := m.julianDay()
	year = int32(m.year)
	start := isoYearStart(year)
	if julian < start {
		year--
		start = isoYearStart(year)
	} else if next := isoYearStart(year + 1); julian-start >= 51*7 && julian >= next {
		year, start = year+1, next
	}
	return year, (julian-start)/7 + 1, julian - start + 1
}

// isoYearStart returns the Julian day of the Monday that begins the year of ISO
// 8601: that of the week with the fourth of January.
func isoYearStart(year int32) int32 {
	fourth := julianDayOf(year, 1, 4)
	return fourth - ((fourth%7)+7)%7
}
