package timefunctions

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator makes random calls.
type generator struct{ *rand.Rand }

func (g *generator) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g *generator) of(list []string) string { return list[g.IntN(len(list))] }

// literal writes a value of a type, sometimes NULL.
func (g *generator) literal(typ, text string) string {
	if g.IntN(60) == 0 {
		return "NULL::" + typ
	}
	return typ + " '" + text + "'"
}

var edgeTimestamps = []string{
	"2000-01-01 00:00:00", "2024-02-29 12:34:56.789012", "1969-12-31 23:59:59.5", "1970-01-01", "0044-03-15 10:00:00 BC", "0001-01-01",
	"0001-12-31 23:59:59.999999 BC", "0004-02-29 BC", "0005-02-28 23:00 BC", "4714-11-24 00:00:00 BC", "4713-01-01 12:00 BC", "294276-12-31 23:59:59.999999",
	"100000-06-15 01:02:03", "1900-12-31", "1901-01-01", "2020-12-31 06:00", "2021-01-03", "2018-12-31 00:00:01", "infinity", "-infinity",
	"2024-03-10 02:30:00", "2024-03-10 07:00:00", "2024-11-03 01:30:00", "2024-11-03 06:00:00", "2024-03-31 02:30", "2024-10-27 02:30", "2024-10-06 02:15", "2024-04-07 01:45",
	"2011-12-30 10:00", "1883-11-18 12:03:58", "1883-11-18 17:00", "2037-12-31 12:00", "2038-07-01 00:00", "2500-07-01 12:00", "1999-12-31 23:59:59.9999995",
	"2023-12-31 23:59:59.999999", "2024-12-31", "2024-01-31 13:00", "2100-02-28 23:59", "1582-10-10", "1752-09-05", "0099-05-05", "0100-05-05", "1000-01-01 BC", "1001-01-01 BC",
}

// moment is a timestamp as text.
func (g *generator) moment() string {
	switch g.IntN(4) {
	case 0:
		return g.of(edgeTimestamps)
	case 1:
		return g.clockText(1990+g.IntN(50), "")
	case 2:
		return g.clockText(1+g.IntN(9999), g.pick("", "", " BC"))
	}
	return g.clockText(1+g.IntN(pickInt(g, 4000, 290000)), "")
}

func pickInt(g *generator, list ...int) int { return list[g.IntN(len(list))] }

func (g *generator) clockText(year int, era string) string {
	if era != "" {
		year = min(year, 4700)
	}
	text := fmt.Sprintf("%04d-%02d-%02d %s", year, 1+g.IntN(12), 1+g.IntN(28), g.timeOfDay())
	return text + era
}

func (g *generator) timeOfDay() string {
	text := fmt.Sprintf("%02d:%02d:%02d", g.IntN(24), g.IntN(60), g.IntN(60))
	switch g.IntN(4) {
	case 0:
		return text + fmt.Sprintf(".%06d", g.IntN(1_000_000))
	case 1:
		return text + fmt.Sprintf(".%03d", g.IntN(1000))
	case 2:
		return text[:5]
	}
	return text
}

func (g *generator) timestamp() string   { return g.literal("timestamp", g.moment()) }
func (g *generator) timestamptz() string { return g.literal("timestamptz", g.moment()) }

func (g *generator) date() string {
	if g.IntN(8) == 0 {
		return g.literal("date", g.pick("infinity", "-infinity", "5874897-12-31", "4714-11-24 BC", "0001-01-01 BC", "epoch", "2024-02-29"))
	}
	return g.literal("date", g.moment())
}

func (g *generator) time() string {
	if g.IntN(8) == 0 {
		return g.literal("time", g.pick("24:00:00", "00:00:00", "23:59:59.999999", "allballs", "12:00 am", "12:00 pm"))
	}
	return g.literal("time", g.timeOfDay())
}

var edgeIntervals = []string{
	"0", "1 day", "-1 day", "1 mon", "-1 mon 3 days", "1 year 2 mons 3 days 04:05:06.789", "-00:00:00.5", "36:00:00", "-1 year -2 mons +3 days -04:05:06",
	"1 mon -1 hour", "35 days 30 hours", "-35 days -30 hours", "29 days 24:00:00", "1 mon -30 days", "178000000 years", "-178000000 years", "2147483647 days", "-2147483648 days",
	"2147483647 mons", "-2147483648 mons", "2562047788:00:54.775807", "-2562047788:00:54.775807", "1000 years", "0.000001 sec", "1 hour", "15 min", "1 week", "1 quarter", "100 centuries", "23:59:59.999999", "24:00:00",
}

func (g *generator) interval() string { return g.literal("interval", g.intervalText()) }

func (g *generator) intervalText() string {
	if g.IntN(3) == 0 {
		return g.of(edgeIntervals)
	}
	var parts []string
	for _, unit := range []string{"years", "mons", "days"} {
		if g.IntN(2) == 0 {
			parts = append(parts, fmt.Sprintf("%d %s", g.IntN(200)-60, unit))
		}
	}
	if len(parts) == 0 || g.IntN(2) == 0 {
		parts = append(parts, g.pick("", "", "-")+g.timeOfDay())
	}
	return strings.Join(parts, " ")
}

// anyTime is a value of any of the types.
func (g *generator) anyTime() string {
	switch g.IntN(5) {
	case 0:
		return g.timestamp()
	case 1:
		return g.timestamptz()
	case 2:
		return g.date()
	case 3:
		return g.time()
	}
	return g.interval()
}

var extractFields = strings.Fields(`microseconds milliseconds second minute hour day week month quarter year decade century millennium
	epoch dow isodow doy isoyear julian timezone timezone_hour timezone_minute us usec ms msec sec secs s min mins m h hr hrs d days w weeks mon mons
	y yr yrs c cent mil mils dec decs j jd qtr bogus isoweek timezone_h timezone_m DAY Epoch microsecon milliseconds2`)

var zoneNames = []string{
	"UTC", "America/New_York", "america/new_york", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu", "EST5EDT", "PST8PDT", "EST", "edt", "PST", "MSK", "msd", "CEST",
	"+02", "-05:30", "UTC+3", "GMT-2", "+05:45:10", "FOO5", "FOO-3:30", "<+03>-3", "bad/zone", "", "Etc/GMT+5", "America/Port_of_Spain", "America/St_Johns", "Z", "zulu", "GB", "IST", "Africa/Casablanca", "NZ-CHAT", "-15:59", "+16", "America/Argentina/Buenos_Aires", "ART", "VET", "WGT", "+5", "5", "UTC0", "us/eastern",
}

func (g *generator) zone() string { return "'" + g.of(zoneNames) + "'" }

// number is an integer with a small range, now and then a large one.
func (g *generator) number(from, to int) string {
	if g.IntN(12) == 0 {
		return g.pick("0", "-1", "2147483647", "-2147483648", "NULL", "13", "32", "60", "61")
	}
	return fmt.Sprint(from + g.IntN(to-from+1))
}

func (g *generator) factor() string {
	return g.pick("2", "0.5", "-1.25", "3", "1.0/3", "-7", "0.001", "1e6", "1e20", "float8 'NaN'", "0", "float8 'Infinity'", "1", "-1", "30.44", "0.1")
}

// subjects are the functions and operators with how their calls are made.
var subjects = []struct {
	name string
	make func(g *generator) string
}{
	{"extract", func(g *generator) string {
		return fmt.Sprintf("extract('%s' FROM %s)", g.of(extractFields), g.anyTime())
	}},
	{"extract", func(g *generator) string {
		return fmt.Sprintf("extract('%s' FROM %s)", g.of(extractFields), g.anyTime())
	}},
	{"extract", func(g *generator) string { return fmt.Sprintf("extract(epoch FROM %s)", g.anyTime()) }},
	{"extract", func(g *generator) string { return fmt.Sprintf("extract(julian FROM %s)", g.anyTime()) }},
	{"date_part", func(g *generator) string { return fmt.Sprintf("date_part('%s', %s)", g.of(extractFields), g.anyTime()) }},
	{"date_part", func(g *generator) string { return fmt.Sprintf("date_part('%s', %s)", g.of(extractFields), g.anyTime()) }},
	{"date_trunc", func(g *generator) string {
		return fmt.Sprintf("date_trunc('%s', %s)", g.of(extractFields[:13]), g.anyTime())
	}},
	{"date_trunc", func(g *generator) string {
		return fmt.Sprintf("date_trunc('%s', %s)", g.of(extractFields), g.anyTime())
	}},
	{"date_trunc_zone", func(g *generator) string {
		return fmt.Sprintf("date_trunc('%s', %s, %s)", g.of(extractFields[:13]), g.timestamptz(), g.zone())
	}},
	{"date_bin", func(g *generator) string {
		typ := g.pick("timestamp", "timestamptz")
		stride := g.pick("15 minutes", "1 day", "1 month", "0", "-1 hour", "1 week", "7 days 01:00", "0.000001 sec", "2147483647 days", "1000000 days", "33.3 sec")
		return fmt.Sprintf("date_bin('%s', %s, %s)", stride, g.literal(typ, g.moment()), g.literal(typ, g.moment()))
	}},
	{"age", func(g *generator) string {
		if g.IntN(2) == 0 {
			return fmt.Sprintf("age(%s, %s)", g.timestamptz(), g.timestamptz())
		}
		return fmt.Sprintf("age(%s, %s)", g.timestamp(), g.timestamp())
	}},
	{"to_char", func(g *generator) string { return fmt.Sprintf("to_char(%s, '%s')", g.timestamp(), g.template()) }},
	{"to_char", func(g *generator) string { return fmt.Sprintf("to_char(%s, '%s')", g.timestamptz(), g.template()) }},
	{"to_char", func(g *generator) string { return fmt.Sprintf("to_char(%s, '%s')", g.timestamptz(), g.template()) }},
	{"to_char_interval", func(g *generator) string { return fmt.Sprintf("to_char(%s, '%s')", g.interval(), g.intervalTemplate()) }},
	{"to_char_other", func(g *generator) string {
		return fmt.Sprintf("to_char(%s, '%s')", g.pick(g.date(), g.time(), "NULL"), g.template())
	}},
	{"to_char_number", func(g *generator) string { return fmt.Sprintf("to_char(%s, '%s')", g.numeric(), g.numberTemplate()) }},
	{"to_char_number", func(g *generator) string { return fmt.Sprintf("to_char(%s, '%s')", g.numeric(), g.numberTemplate()) }},
	{"to_char_number", func(g *generator) string { return fmt.Sprintf("to_char(%s, '%s')", g.numeric(), g.numberTemplate()) }},
	{"to_number", func(g *generator) string {
		text := g.pick("12,454.8-", "1234", "-7.5", "<99.5>", " 12", "1.5", "+3", "1e5", "a12", "12a", "", "1,234,567.891", "$12.5", "-", "4 5", "12th", "XII", "0.5", ".5", "5-", "5+", "--5", "12.3.4")
		return fmt.Sprintf("to_number('%s', '%s')", text, g.numberTemplate())
	}},
	{"to_timestamp", func(g *generator) string { return g.fromTemplate("to_timestamp") }},
	{"to_timestamp", func(g *generator) string { return g.fromTemplate("to_timestamp") }},
	{"to_date", func(g *generator) string { return g.fromTemplate("to_date") }},
	{"to_timestamp_any", func(g *generator) string {
		return fmt.Sprintf("%s(to_char(%s, '%s'), '%s')", g.pick("to_timestamp", "to_date"), g.timestamp(), g.template(), g.template())
	}},
	{"to_timestamp_same", func(g *generator) string {
		template := g.template()
		return fmt.Sprintf("%s(to_char(%s, '%s'), '%s')", g.pick("to_timestamp", "to_date"), g.timestamp(), template, template)
	}},
	{"to_timestamp_double", func(g *generator) string {
		return fmt.Sprintf("to_timestamp(%s)", g.pick("0", "1284352323.5", "-1e9", "float8 'NaN'", "float8 'Infinity'", "float8 '-Infinity'", "1e18", "-210866803200", "-210866803201", "9224318015999", "9224318016000", "NULL", fmt.Sprint(g.Float64()*1e10), fmt.Sprint(g.IntN(1<<31))))
	}},
	{"make_date", func(g *generator) string {
		return fmt.Sprintf("make_date(%s, %s, %s)", g.number(-4800, 3000), g.number(1, 12), g.number(1, 31))
	}},
	{"make_time", func(g *generator) string {
		return fmt.Sprintf("make_time(%s, %s, %s)", g.number(0, 24), g.number(0, 60), g.seconds())
	}},
	{"make_timestamp", func(g *generator) string {
		return fmt.Sprintf("make_timestamp(%s, %s, %s, %s, %s, %s)", g.number(-4800, 3000), g.number(1, 12), g.number(1, 31), g.number(0, 24), g.number(0, 59), g.seconds())
	}},
	{"make_timestamptz", func(g *generator) string {
		zone := ""
		if g.IntN(2) == 0 {
			zone = ", " + g.zone()
		}
		return fmt.Sprintf("make_timestamptz(%s, %s, %s, %s, %s, %s%s)", g.number(-4800, 3000), g.number(1, 12), g.number(1, 28), g.number(0, 24), g.number(0, 59), g.seconds(), zone)
	}},
	{"make_interval", func(g *generator) string {
		args := []string{g.number(-10, 10), g.number(-30, 30), g.number(-10, 10), g.number(-90, 90), g.number(-90, 90), g.number(-90, 90), g.seconds()}
		return "make_interval(" + strings.Join(args[:g.IntN(8)], ", ") + ")"
	}},
	{"make_interval_named", func(g *generator) string {
		return fmt.Sprintf("make_interval(%s => %s)", g.pick("years", "months", "weeks", "days", "hours", "mins", "secs"), g.number(-90, 90))
	}},
	{"at_time_zone", func(g *generator) string {
		return fmt.Sprintf("%s AT TIME ZONE %s", g.pick(g.timestamp(), g.timestamptz(), g.date()), g.zone())
	}},
	{"at_time_zone", func(g *generator) string {
		return fmt.Sprintf("%s AT TIME ZONE %s", g.pick(g.timestamp(), g.timestamptz()), g.zone())
	}},
	{"at_time_zone_rule", func(g *generator) string {
		rule := g.pick("FOO-3:30BAR,M4.1.0,M10.5.0", "EST5EDT,M3.2.0,M11.1.0", "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", "PST8PDT7,M3.2.0,M11.1.0", "A1B,J60/3,J300", "foo5bar,100,200", "FOO5BAR,", "FOO5BAR,M3.2.0")
		return fmt.Sprintf("%s '%s' AT TIME ZONE '%s'", g.pick("timestamp", "timestamptz"), g.clockText(1971+g.IntN(200), ""), rule)
	}},
	{"at_time_zone_interval", func(g *generator) string {
		return fmt.Sprintf("%s AT TIME ZONE interval '%s'", g.pick(g.timestamp(), g.timestamptz()), g.pick("02:00", "-05:30", "1 day", "1 mon", "00:00:10.5", "-15:59:59", "17:00", "0", "200:00"))
	}},
	{"add", func(g *generator) string { return fmt.Sprintf("%s %s %s", g.anyTime(), g.pick("+", "-"), g.interval()) }},
	{"add", func(g *generator) string {
		return fmt.Sprintf("%s %s %s", g.pick(g.timestamptz(), g.timestamp()), g.pick("+", "-"), g.interval())
	}},
	{"add", func(g *generator) string { return fmt.Sprintf("%s + %s", g.interval(), g.anyTime()) }},
	{"subtract", func(g *generator) string { return fmt.Sprintf("%s - %s", g.anyTime(), g.anyTime()) }},
	{"subtract", func(g *generator) string { return fmt.Sprintf("%s - %s", g.timestamptz(), g.timestamptz()) }},
	{"add_days", func(g *generator) string {
		return fmt.Sprintf("%s %s %s", g.date(), g.pick("+", "-"), g.number(-1000, 1000))
	}},
	{"add_time", func(g *generator) string { return fmt.Sprintf("%s + %s", g.date(), g.time()) }},
	{"multiply", func(g *generator) string { return fmt.Sprintf("%s %s %s", g.interval(), g.pick("*", "/"), g.factor()) }},
	{"negate", func(g *generator) string { return "- " + g.interval() }},
	{"compare", func(g *generator) string {
		return fmt.Sprintf("%s %s %s", g.anyTime(), g.pick("<", "<=", "=", "<>", ">", ">="), g.anyTime())
	}},
	{"compare", func(g *generator) string {
		return fmt.Sprintf("%s %s %s", g.interval(), g.pick("<", "<=", "=", "<>", ">", ">="), g.interval())
	}},
	{"justify", func(g *generator) string {
		return fmt.Sprintf("%s(%s)", g.pick("justify_days", "justify_hours", "justify_interval"), g.interval())
	}},
	{"isfinite", func(g *generator) string { return fmt.Sprintf("isfinite(%s)", g.anyTime()) }},
	{"overlaps", func(g *generator) string {
		value := []func() string{g.timestamp, g.timestamptz, g.date, g.time}[g.IntN(4)]
		ends := [2]string{value(), value()}
		for i := range ends {
			if g.IntN(3) == 0 {
				ends[i] = g.interval()
			}
		}
		return fmt.Sprintf("(%s, %s) OVERLAPS (%s, %s)", value(), ends[0], value(), ends[1])
	}},
	{"cast", func(g *generator) string {
		return fmt.Sprintf("(%s)::%s", g.anyTime(), g.pick("date", "time", "timestamp", "timestamptz", "interval", "text", "timestamp(0)", "timestamptz(2)", "time(1)", "interval(3)", "interval day to hour", "interval year", "interval month", "interval hour to second(1)", "varchar(12)"))
	}},
	{"read", func(g *generator) string {
		return fmt.Sprintf("'%s'::%s", g.dateText(), g.pick("date", "timestamp", "timestamptz", "timestamptz(3)", "time"))
	}},
	{"read", func(g *generator) string {
		return fmt.Sprintf("'%s'::%s", g.dateText(), g.pick("date", "timestamp", "timestamptz"))
	}},
	{"read_time", func(g *generator) string { return fmt.Sprintf("'%s'::time", g.timeText()) }},
	{"read_interval", func(g *generator) string {
		return fmt.Sprintf("'%s'::%s", g.intervalInput(), g.pick("interval", "interval", "interval", "interval(2)", "interval minute", "interval day to minute", "interval year to month", "interval minute to second"))
	}},
	{"print", func(g *generator) string { return g.anyTime() }},
	{"series", func(g *generator) string {
		step := g.pick("1 day", "1 mon", "6 hours", "-1 day", "0", "1 year", "12 hours 30 min", "1 mon 1 day", "-1 mon")
		from, to := g.pick("2024-03-09", "2024-11-02", "2024-01-31", "2024-03-30 12:00"), g.pick("2024-03-12", "2024-11-05", "2024-06-30", "2024-04-02", "infinity")
		if to == "infinity" {
			return fmt.Sprintf("(SELECT min(x) FROM (SELECT * FROM generate_series(timestamptz '%s', timestamptz '%s', interval '-1 day') x) s)", from, to)
		}
		typ := g.pick("timestamp", "timestamptz", "date")
		return fmt.Sprintf("(SELECT array_agg(x) FROM generate_series(%s '%s', %s '%s', interval '%s') x)", typ, from, typ, to, step)
	}},
}

func (g *generator) seconds() string {
	return g.pick("0", "59.999999", "6.5", "7.1234567", "60", "60.5", "-1", "59.9999999", "float8 'NaN'", "1e10", fmt.Sprint(g.IntN(60)), fmt.Sprint(g.IntN(60)))
}

// calls makes n calls of each subject.
func (g *generator) calls(n int) []call {
	var out []call
	for _, s := range subjects {
		for range n {
			out = append(out, call{s.name, s.make(g)})
		}
	}
	return out
}
