package expr

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// defineToChar defines to_char for dates, times and intervals.
func (b *builder) defineToChar() {
	const words = "printed by a template"
	b.function("to_char", "timestamp,text", "text", nil, words, stable, stateful(func() Kernel {
		var cache templateCache
		return lift2e(func(v int64, template string) (string, error) {
			if isInfinite(v) || template == "" {
				return "", errNull
			}
			return formatMoment(momentOf(v), cache.nodes(template))
		})
	}))
	b.function("to_char", "timestamptz,text", "text", nil, words, stable, stateful(func() Kernel {
		var cache templateCache
		return lift2c(func(ctx *Context, v int64, template string) (string, error) {
			if isInfinite(v) || template == "" {
				return "", errNull
			}
			m := momentOf(types.TimestampToLocal(v, ctx.zone()))
			m.zone, m.offset = types.TimestampToTime(v).In(ctx.zone()).Zone()
			m.zoned = true
			return formatMoment(m, cache.nodes(template))
		})
	}))
	b.function("to_char", "interval,text", "text", nil, words, stable, stateful(func() Kernel {
		var cache templateCache
		return lift2e(func(v string, template string) (string, error) {
			if template == "" {
				return "", errNull
			}
			return formatMoment(momentOfInterval(types.DecodeInterval(v)), cache.nodes(template))
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
	hour, minute, second, micro int
	days                        int64 // since 2000-01-01, of timestamps
	isInterval                  bool
	zoned                       bool
	zone                        string
	offset                      int // seconds east of UTC
}

func momentOf(local int64) moment {
	days, ofDay := splitTimestamp(local)
	c := clockOf(ofDay)
	return moment{date: dateOf(days), hour: c.hour, minute: c.minute, second: c.second, micro: c.micro, days: days}
}

func momentOfInterval(v types.IntervalValue) moment {
	return moment{
		date: date{int(v.Months / 12), int(v.Months % 12), int(v.Days)},
		hour: int(v.Micros / microsPerHour), minute: int(v.Micros / microsPerMinute % 60),
		second: int(v.Micros / microsPerSecond % 60), micro: int(v.Micros % microsPerSecond), isInterval: true,
	}
}

func formatMoment(m moment, nodes []templateNode) (string, error) {
	var out strings.Builder
	for _, n := range nodes {
		if n.field == "" {
			out.WriteString(n.written)
			continue
		}
		text, err := m.field(n)
		if err != nil {
			return "", err
		}
		out.WriteString(text)
		if n.ordinal != "" {
			suffix := ordinalSuffix(text)
			if n.ordinal[0] == 'T' {
				suffix = upperASCII(suffix)
			}
			out.WriteString(suffix)
		}
	}
	return out.String(), nil
}

var errIntervalTemplate = sqlerr.New(sqlerr.InvalidDatetimeFormat, -1, "invalid format specification for an interval value").
	WithHint("Intervals are not tied to specific calendar dates.")

// digits prints a number with leading zeros to a width, which a sign does not
// count in; none with FM.
func digits(n templateNode, v, width int) string {
	if n.fill {
		return strconv.Itoa(v)
	}
	if v < 0 {
		return fmt.Sprintf("-%0*d", width, -v)
	}
	return fmt.Sprintf("%0*d", width, v)
}

// blankFilled pads a name on the right; not with FM.
func blankFilled(n templateNode, word string, width int) string {
	word = likeCase(word, n.written)
	if n.fill {
		return word
	}
	return fmt.Sprintf("%-*s", width, word)
}

// field prints one field.
func (m *moment) field(n templateNode) (string, error) {
	if text, ok := m.clockField(n); ok {
		return text, nil
	}
	if text, ok := m.zoneField(n); ok {
		if m.isInterval {
			return "", errIntervalTemplate
		}
		return text, nil
	}
	if text, ok := m.dateField(n); ok {
		return text, nil
	}
	if m.isInterval {
		return "", errIntervalTemplate
	}
	return m.calendarField(n), nil
}

func (m *moment) clockField(n templateNode) (string, bool) {
	switch n.field {
	case "A.M.", "P.M.", "AM", "PM":
		half := "AM"
		if m.hour%24 >= 12 {
			half = "PM"
		}
		if strings.Contains(n.written, ".") {
			half = half[:1] + "." + half[1:] + "."
		}
		if n.written[0] >= 'a' {
			half = lowerASCII(half)
		}
		return half, true
	case "HH", "HH12":
		hour := m.hour % 12
		if hour == 0 {
			hour = 12
		}
		return digits(n, hour, 2), true
	case "HH24":
		return digits(n, m.hour, 2), true
	case "MI":
		return digits(n, m.minute, 2), true
	case "SS":
		return digits(n, m.second, 2), true
	case "MS":
		return fmt.Sprintf("%03d", m.micro/1000), true
	case "US":
		return fmt.Sprintf("%06d", m.micro), true
	case "FF1", "FF2", "FF3", "FF4", "FF5", "FF6":
		return fmt.Sprintf("%06d", m.micro)[:n.field[2]-'0'], true
	case "SSSS", "SSSSS":
		return strconv.Itoa(m.hour*3600 + m.minute*60 + m.second), true
	}
	return "", false
}

func (m *moment) zoneField(n templateNode) (string, bool) {
	sign, offset := '+', m.offset
	if offset < 0 {
		sign, offset = '-', -offset
	}
	switch n.field {
	case "TZ":
		return m.zoneName(n), true
	case "TZH":
		return fmt.Sprintf("%c%02d", sign, offset/3600), true
	case "TZM":
		return fmt.Sprintf("%02d", offset/60%60), true
	case "OF":
		text := fmt.Sprintf("%c%02d", sign, offset/3600)
		if offset%3600 != 0 {
			text += fmt.Sprintf(":%02d", offset/60%60)
		}
		return text, true
	}
	return "", false
}

func (m *moment) zoneName(n templateNode) string {
	if !m.zoned {
		return ""
	}
	name := m.zone
	if name == "" {
		_, name, _ = strings.Cut(time.FixedZone("", m.offset).String(), "/")
	}
	if n.written[0] == 't' {
		return lowerASCII(name)
	}
	return name
}

// dateField prints the fields that intervals have too.
func (m *moment) dateField(n templateNode) (string, bool) {
	year := m.year
	if year <= 0 && !m.isInterval {
		year = 1 - year // 1 BC is the year 0
	}
	switch n.field {
	case "Y,YYY":
		text := fmt.Sprintf("%d,%03d", year/1000, year%1000)
		return text, true
	case "YYYY":
		return digits(n, year, 4), true
	case "YYY":
		return digits(n, year%1000, 3), true
	case "YY":
		return digits(n, year%100, 2), true
	case "Y":
		return digits(n, year%10, 1), true
	case "CC":
		if m.isInterval {
			return digits(n, year/100, 2), true
		}
		return digits(n, periodOf(m.year, 100), 2), true
	case "MM":
		return digits(n, m.month, 2), true
	case "DD":
		return digits(n, m.day, 2), true
	case "DDD":
		if m.isInterval {
			return digits(n, m.year*360+m.month*30+m.day, 3), true
		}
		return digits(n, m.dayOfYear(), 3), true
	case "Q":
		if m.month == 0 {
			return "", true
		}
		return strconv.Itoa((m.month-1)/3 + 1), true
	case "RM":
		if m.month == 0 {
			return "", true
		}
		return blankFilled(n, upperASCII(romanMonths[(m.month+11)%12]), 4), true
	}
	return "", false
}

func (m *moment) dayOfYear() int { return int(m.days-date{m.year, 1, 1}.days()) + 1 }

// calendarField prints the fields that only timestamps have.
func (m *moment) calendarField(n templateNode) string {
	isoYear, isoWeek := m.isoWeek()
	isoYear = max(isoYear, 1-isoYear)
	switch n.field {
	case "AD", "BC", "A.D.", "B.C.":
		era := "AD"
		if m.year <= 0 {
			era = "BC"
		}
		if strings.Contains(n.written, ".") {
			era = era[:1] + "." + era[1:] + "."
		}
		if n.written[0] >= 'a' {
			era = lowerASCII(era)
		}
		return era
	case "MONTH":
		return blankFilled(n, monthNames[m.month-1], 9)
	case "MON":
		return likeCase(monthNames[m.month-1][:3], n.written)
	case "DAY":
		return blankFilled(n, dayNames[weekday(m.days)], 9)
	case "DY":
		return likeCase(dayNames[weekday(m.days)][:3], n.written)
	case "D":
		return strconv.Itoa(weekday(m.days) + 1)
	case "ID":
		return strconv.Itoa((weekday(m.days)+6)%7 + 1)
	case "IDDD":
		return digits(n, (isoWeek-1)*7+(weekday(m.days)+6)%7+1, 3)
	case "IW":
		return digits(n, isoWeek, 2)
	case "IYYY":
		return digits(n, isoYear, 4)
	case "IYY":
		return digits(n, isoYear%1000, 3)
	case "IY":
		return digits(n, isoYear%100, 2)
	case "I":
		return digits(n, isoYear%10, 1)
	case "W":
		return strconv.Itoa((m.day-1)/7 + 1)
	case "WW":
		return digits(n, (m.dayOfYear()-1)/7+1, 2)
	}
	return strconv.FormatInt(m.days+postgresEpochJulian, 10) // J
}
