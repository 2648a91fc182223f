package expr

import (
	"math"
	"strings"
	"time"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// unixEpochDays is 1970-01-01 as a date.
const unixEpochDays = -10957

// defineKSQLTime defines ksqlDB's functions of time. Where it takes UTC for a zone
// that is not given, they take the session's.
func (b *builder) defineKSQLTime() {
	b.function("from_unixtime", "int8", "timestamptz", lift1e(fromUnixMillis), "time a number of milliseconds after 1970-01-01")
	b.function("unix_timestamp", "", "int8", lift0c(func(ctx *Context) (int64, error) { return ctx.Now.UnixMilli(), nil }), "milliseconds since 1970-01-01", stable)
	b.function("unix_timestamp", "timestamptz", "int8", lift1(types.TimestampToUnixMillis), "milliseconds since 1970-01-01 of a time")
	b.function("unix_date", "", "int4", lift0c(func(ctx *Context) (int64, error) { return ctx.today()/microsPerDay - unixEpochDays, nil }), "days since 1970-01-01", stable)
	b.function("unix_date", "date", "int4", lift1e(func(days int64) (int64, error) {
		if isInfiniteDate(days) {
			return 0, errDateRange
		}
		return days - unixEpochDays, nil
	}), "days since 1970-01-01 of a date")
	b.function("from_days", "int4", "date", lift1e(func(days int64) (int64, error) { return checkDate(days + unixEpochDays) }), "date a number of days after 1970-01-01")
	b.defineKSQLUnits()
	b.defineJavaPrinting()
	b.defineJavaReading()
	convert := stateful(func() Kernel {
		var from, to zoneCache
		return lift3e(func(v int64, fromName, toName string) (int64, error) {
			return convertZone(v, fromName, toName, &from, &to)
		})
	})
	const words = "local time in the second zone when it is a local time in the first"
	b.function("convert_tz", "timestamp,text,text", "timestamp", nil, words, convert)
	b.function("convert_tz", "timestamptz,text,text", "timestamp", nil, words+", the time being taken as UTC", convert)
}

func fromUnixMillis(millis int64) (int64, error) {
	const limit = math.MaxInt64 / 1000
	if millis > limit || millis < -limit {
		return 0, errTimestampRange
	}
	return checkTimestamp(types.TimestampFromUnixMillis(millis))
}

func convertZone(v int64, fromName, toName string, from, to *zoneCache) (int64, error) {
	fromZone, err := from.zone(fromName)
	if err != nil {
		return 0, err
	}
	toZone, err := to.zone(toName)
	if err != nil || isInfinite(v) {
		return v, err
	}
	return checkTimestamp(types.TimestampToLocal(types.TimestampFromLocal(v, fromZone), toZone))
}

// defineKSQLUnits defines the functions that add a number of units of time. The
// planner writes the unit, a word in ksqlDB, as text.
func (b *builder) defineKSQLUnits() {
	for _, f := range []struct {
		suffix, words string
		sign          int64
	}{{"add", "a number of units later", 1}, {"sub", "a number of units earlier", -1}} {
		length := func(unit string, n int64) (types.IntervalValue, error) { return unitsOfTime(unit, f.sign*n) }
		b.function("date"+f.suffix, "text,int4,date", "date", lift3e(func(unit string, n, v int64) (int64, error) {
			interval, err := length(unit, n)
			if err != nil {
				return 0, err
			}
			micros, err := types.AddToDate(v, interval)
			return types.TimestampToDate(micros), err
		}), "date "+f.words)
		b.function("time"+f.suffix, "text,int4,time", "time", lift3e(func(unit string, n, v int64) (int64, error) {
			interval, err := length(unit, n)
			return floorModulo(v+interval.Micros, microsPerDay), err
		}), "time of day "+f.words)
		b.function("timestamp"+f.suffix, "text,int4,timestamp", "timestamp", lift3e(func(unit string, n, v int64) (int64, error) {
			interval, err := length(unit, n)
			if err != nil {
				return 0, err
			}
			return types.AddToTimestamp(v, interval)
		}), "time "+f.words)
		b.function("timestamp"+f.suffix, "text,int4,timestamptz", "timestamptz", lift3c(func(ctx *Context, unit string, n, v int64) (int64, error) {
			interval, err := length(unit, n)
			if err != nil {
				return 0, err
			}
			return types.AddToTimestampTZ(v, interval, ctx.zone())
		}), "time "+f.words, stable)
	}
}

// unitsOfTime returns the interval of n units, which are named in any case and
// number.
func unitsOfTime(unit string, n int64) (types.IntervalValue, error) {
	v := types.IntervalValue{}
	days, months := int64(0), int64(0)
	switch strings.TrimSuffix(lowerASCII(unit), "s") {
	case "year":
		months = 12 * n
	case "month":
		months = n
	case "week":
		days = 7 * n
	case "day":
		days = n
	case "hour":
		v.Micros = n * microsPerHour
	case "minute":
		v.Micros = n * microsPerMinute
	case "second":
		v.Micros = n * microsPerSecond
	case "millisecond":
		v.Micros = n * 1000
	default:
		return v, sqlerr.New(sqlerr.InvalidParameterValue, -1, "unit \"%s\" not recognized", unit).
			WithHint("Units are YEARS, MONTHS, WEEKS, DAYS, HOURS, MINUTES, SECONDS and MILLISECONDS.")
	}
	if days != int64(int32(days)) || months != int64(int32(months)) {
		return v, errIntervalRange
	}
	v.Days, v.Months = int32(days), int32(months)
	return v, nil
}

// defineJavaPrinting defines the functions that print by a pattern.
func (b *builder) defineJavaPrinting() {
	const words = "printed by a pattern such as yyyy-MM-dd"
	b.function("format_date", "date,text", "text", nil, words, printing(func(v int64, _ *time.Location) (javaMoment, error) {
		return dateMoment(v)
	}))
	b.function("datetostring", "int4,text", "text", nil, "days since 1970-01-01, "+words, printing(func(v int64, _ *time.Location) (javaMoment, error) {
		return dateMoment(v + unixEpochDays)
	}))
	b.function("format_time", "time,text", "text", nil, words, printing(func(v int64, _ *time.Location) (javaMoment, error) {
		return javaMoment{local: v % microsPerDay, hasTime: true}, nil
	}))
	b.function("format_timestamp", "timestamp,text", "text", nil, words, printing(func(v int64, _ *time.Location) (javaMoment, error) {
		return javaMoment{local: v, hasDate: true, hasTime: true, zone: time.UTC, abbreviation: "UTC"}, nil
	}))
	for _, f := range []struct {
		name, typ, words string
		instant          func(v int64) (int64, error)
	}{
		{"format_timestamp", "timestamptz", words, checkInstant},
		{"timestamptostring", "int8", "milliseconds since 1970-01-01, " + words, fromUnixMillis},
	} {
		zoned := printing(func(v int64, zone *time.Location) (javaMoment, error) {
			instant, err := f.instant(v)
			return zonedMoment(instant, zone), err
		})
		b.function(f.name, f.typ+",text", "text", nil, f.words, stable, zoned)
		b.function(f.name, f.typ+",text,text", "text", nil, f.words+", in a time zone", zoned)
	}
}

func checkInstant(v int64) (int64, error) { return v, nil }

// printing makes the kernel of a function that prints by a pattern, with an
// optional zone as its third argument.
func printing(momentOf func(v int64, zone *time.Location) (javaMoment, error)) option {
	return stateful(func() Kernel {
		var p javaPrinter
		var zones zoneCache
		return func(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector) {
			zone := ctx.zone()
			for _, i := range selection {
				var err error
				if len(args) == 3 {
					zone, err = zones.zone(args[2].Strs[i])
				}
				var m javaMoment
				if err == nil {
					m, err = momentOf(args[0].Ints[i], zone)
				}
				if err == nil {
					out.Strs[i], err = p.print(m, args[1].Strs[i])
				}
				if err != nil {
					settle(ctx, out, i, err)
				}
			}
		}
	})
}

func dateMoment(days int64) (javaMoment, error) {
	local, err := dateToTimestamp(days)
	return javaMoment{local: local, hasDate: true}, err
}

func zonedMoment(v int64, zone *time.Location) javaMoment {
	m := javaMoment{local: types.TimestampToLocal(v, zone), hasDate: true, hasTime: true, zone: zone}
	if !isInfinite(v) {
		m.abbreviation, m.offset = types.TimestampToTime(v).In(zone).Zone()
	}
	return m
}

// defineJavaReading defines the functions that read by a pattern.
func (b *builder) defineJavaReading() {
	const words = "read by a pattern such as yyyy-MM-dd"
	asDays := func(r *javaReader, _ *time.Location) (int64, error) {
		days, ok := r.days()
		if !ok {
			return 0, r.errOutOfRange()
		}
		return checkDate(days)
	}
	b.function("parse_date", "text,text", "date", nil, "date "+words, reading(asDays))
	b.function("stringtodate", "text,text", "int4", nil, "days since 1970-01-01 of a date "+words, reading(func(r *javaReader, zone *time.Location) (int64, error) {
		days, err := asDays(r, zone)
		return days - unixEpochDays, err
	}))
	b.function("parse_time", "text,text", "time", nil, "time of day "+words, reading(func(r *javaReader, _ *time.Location) (int64, error) {
		ofDay, ok := r.timeOfDay()
		if !ok {
			return 0, r.errOutOfRange()
		}
		return ofDay, nil
	}))
	asInstant := (*javaReader).instant
	asMillis := func(r *javaReader, zone *time.Location) (int64, error) {
		instant, err := asInstant(r, zone)
		return types.TimestampToUnixMillis(instant), err
	}
	b.function("parse_timestamp", "text,text", "timestamptz", nil, "time "+words, stable, reading(asInstant))
	b.function("parse_timestamp", "text,text,text", "timestamptz", nil, "time "+words+", in a time zone", reading(asInstant))
	b.function("stringtotimestamp", "text,text", "int8", nil, "milliseconds since 1970-01-01 of a time "+words, stable, reading(asMillis))
	b.function("stringtotimestamp", "text,text,text", "int8", nil, "milliseconds since 1970-01-01 of a time "+words+", in a time zone", reading(asMillis))
}

// instant is the point in time that was read: in the zone of the text, where it has
// one.
func (r *javaReader) instant(zone *time.Location) (int64, error) {
	local, err := r.local()
	if err != nil {
		return 0, err
	}
	if r.zone != nil {
		zone = r.zone
	}
	return checkTimestamp(types.TimestampFromLocal(local, zone))
}

// TimePattern reads points in time as parse_timestamp does, by a pattern of letters
// such as yyyy-MM-dd'T'HH:mm:ssX
// (https://docs.oracle.com/javase/8/docs/api/java/time/format/DateTimeFormatter.html).
// It is safe for concurrent use.
type TimePattern struct {
	text  string
	nodes []javaNode
}

// NewTimePattern returns the reader of a pattern, or an *sqlerr.Error for one that
// is wrong or has letters that are not supported.
func NewTimePattern(pattern string) (*TimePattern, error) {
	nodes, err := parseJavaPattern(pattern)
	return &TimePattern{pattern, nodes}, err
}

// Read returns the timestamptz that a text stands for: in zone where the text has
// none. All of the text must match.
func (p *TimePattern) Read(text string, zone *time.Location) (int64, error) {
	r := javaReader{text: text, pattern: p.text, nodes: p.nodes}
	if err := r.read(); err != nil {
		return 0, err
	}
	return r.instant(zone)
}

// reading makes the kernel of a function that reads by a pattern, with an optional
// zone as its third argument.
func reading(result func(r *javaReader, zone *time.Location) (int64, error)) option {
	return stateful(func() Kernel {
		var patterns javaPatternCache
		var zones zoneCache
		return func(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector) {
			zone := ctx.zone()
			for _, i := range selection {
				var err error
				if len(args) == 3 {
					zone, err = zones.zone(args[2].Strs[i])
				}
				r := javaReader{text: args[0].Strs[i], pattern: args[1].Strs[i]}
				if err == nil {
					r.nodes, err = patterns.nodes(r.pattern)
				}
				if err == nil {
					err = r.read()
				}
				if err == nil {
					out.Ints[i], err = result(&r, zone)
				}
				if err != nil {
					out.Ints[i] = 0
					settle(ctx, out, i, err)
				}
			}
		}
	})
}
