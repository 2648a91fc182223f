package expr

import (
	"math"
	"time"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// defineDateTime defines the functions of
// https://www.postgresql.org/docs/15/functions-datetime.html.
func (b *builder) defineDateTime() {
	b.defineDateTimeOperators()
	b.defineCurrentTime()
	b.defineFields()
	b.defineTruncation()
	b.defineMakers()
	b.defineZones()
	b.defineOverlaps()
	b.function("age", "timestamp,timestamp", "interval", nil, "years, months, days and time between", intervals2(func(_ *Context, x, y int64) (types.IntervalValue, error) {
		return age(x, y)
	}))
	b.function("age", "timestamptz,timestamptz", "interval", nil, "years, months, days and time between", stable, intervals2(func(ctx *Context, x, y int64) (types.IntervalValue, error) {
		return age(types.TimestampToLocal(x, ctx.zone()), types.TimestampToLocal(y, ctx.zone()))
	}))
	b.function("age", "timestamp", "interval", nil, "years, months, days and time until the start of this day", stable, intervals1(func(ctx *Context, x int64) (types.IntervalValue, error) {
		return age(ctx.today(), x)
	}))
	b.function("age", "timestamptz", "interval", nil, "years, months, days and time until the start of this day", stable, intervals1(func(ctx *Context, x int64) (types.IntervalValue, error) {
		return age(ctx.today(), types.TimestampToLocal(x, ctx.zone()))
	}))
	b.function("justify_hours", "interval", "interval", nil, "24 hours become a day", intervals1(func(_ *Context, x string) (types.IntervalValue, error) {
		return types.DecodeInterval(x).JustifyHours()
	}))
	b.function("justify_days", "interval", "interval", nil, "30 days become a month", intervals1(func(_ *Context, x string) (types.IntervalValue, error) {
		return types.DecodeInterval(x).JustifyDays()
	}))
	b.function("justify_interval", "interval", "interval", nil, "hours become days and days months, with equal signs", intervals1(func(_ *Context, x string) (types.IntervalValue, error) {
		return types.DecodeInterval(x).Justify()
	}))
	b.function("isfinite", "date", "bool", lift1(func(v int64) int64 { return boolInt(!isInfiniteDate(v)) }), "whether the date is not infinite")
	for _, name := range []string{"timestamp", "timestamptz"} {
		b.function("isfinite", name, "bool", lift1(func(v int64) int64 { return boolInt(!isInfinite(v)) }), "whether the timestamp is not infinite")
	}
	b.function("isfinite", "interval", "bool", lift1(func(string) int64 { return 1 }), "true: intervals are finite")
}

// today returns the start of the context's day, as a local timestamp.
func (c *Context) today() int64 {
	days, _ := splitTimestamp(types.TimestampToLocal(types.TimestampFromTime(c.Now), c.zone()))
	return days * microsPerDay
}

func (b *builder) defineCurrentTime() {
	now := lift0c(func(ctx *Context) (int64, error) { return types.TimestampFromTime(ctx.Now), nil })
	for _, name := range []string{"now", "current_timestamp", "transaction_timestamp", "statement_timestamp"} {
		b.function(name, "", "timestamptz", now, "time of the statement", stable)
	}
	b.function("clock_timestamp", "", "timestamptz", lift0c(func(*Context) (int64, error) {
		return types.TimestampFromTime(time.Now()), nil
	}), "time of the call", volatile)
	b.function("localtimestamp", "", "timestamp", lift0c(func(ctx *Context) (int64, error) {
		return types.TimestampToLocal(types.TimestampFromTime(ctx.Now), ctx.zone()), nil
	}), "local time of the statement", stable)
	b.function("current_date", "", "date", lift0c(func(ctx *Context) (int64, error) { return ctx.today() / microsPerDay, nil }), "date of the statement", stable)
	b.function("localtime", "", "time", lift0c(func(ctx *Context) (int64, error) {
		return timeOfDay(types.TimestampToLocal(types.TimestampFromTime(ctx.Now), ctx.zone()))
	}), "time of day of the statement", stable)
	b.function("to_timestamp", "float8", "timestamptz", lift1e(secondsToTimestamp), "time a number of seconds after 1970-01-01")
}

// age is the symbolic difference of two timestamps: the months are counted in
// the calendar of the earlier one.
func age(x, y int64) (types.IntervalValue, error) {
	if isInfinite(x) || isInfinite(y) {
		return types.IntervalValue{}, sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "cannot subtract infinite timestamps")
	}
	if x < y {
		v, err := age(y, x)
		if err != nil {
			return v, err
		}
		return v.Neg()
	}
	laterDays, laterMicros := splitTimestamp(x)
	earlierDays, earlierMicros := splitTimestamp(y)
	later, earlier := dateOf(laterDays), dateOf(earlierDays)
	micros := laterMicros - earlierMicros
	days := later.day - earlier.day
	months := (later.year-earlier.year)*12 + later.month - earlier.month
	if micros < 0 {
		micros += microsPerDay
		days--
	}
	for days < 0 {
		days += monthDays(earlier.year, earlier.month)
		months--
	}
	return types.IntervalValue{Months: int32(months), Days: int32(days), Micros: micros}, nil
}

func (b *builder) defineMakers() {
	b.function("make_date", "int4,int4,int4", "date", lift3e(makeDate), "date of year, month and day")
	b.function("make_time", "int4,int4,float8", "time", lift3e(makeTime), "time of hour, minute and second")
	maker := func(zoned bool) Kernel {
		return liftRows(func(ctx *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
			days, err := makeDate(row[0].Int, row[1].Int, row[2].Int)
			if err != nil {
				return types.Null, err
			}
			ofDay, err := makeTime(row[3].Int, row[4].Int, row[5].Float)
			if err != nil {
				return types.Null, err
			}
			micros, err := joinTimestamp(days, ofDay)
			if err != nil || !zoned {
				return types.IntDatum(micros), err
			}
			zone := ctx.zone()
			if len(row) == 7 {
				if zone, err = zoneOfMaker(row[6].Str); err != nil {
					return types.Null, err
				}
			}
			return types.IntDatum(localToUTC(micros, zone)), nil
		})
	}
	const fields = "int4,int4,int4,int4,int4,float8"
	b.function("make_timestamp", fields, "timestamp", maker(false), "timestamp of year, month, day, hour, minute and second")
	b.function("make_timestamptz", fields, "timestamptz", maker(true), "timestamp of year, month, day, hour, minute and second", stable)
	b.function("make_timestamptz", fields+",text", "timestamptz", maker(true), "timestamp of year, month, day, hour, minute and second in a time zone", stable)
	signature := ""
	for _, name := range []string{"int4", "int4", "int4", "int4", "int4", "int4", "float8"} {
		b.function("make_interval", signature, "interval", liftRows(makeInterval), "interval of years, months, weeks, days, hours, minutes and seconds")
		if signature != "" {
			signature += ","
		}
		signature += name
	}
	b.function("make_interval", signature, "interval", liftRows(makeInterval), "interval of years, months, weeks, days, hours, minutes and seconds")
}

func makeDate(year, month, day int64) (int64, error) {
	invalid := year == 0 || month < 1 || month > 12 || day < 1
	if year < 0 {
		year++
	}
	if invalid || day > int64(monthDays(int(year), int(month))) {
		return 0, sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "date field value out of range: %d-%02d-%02d", year, month, day)
	}
	days := date{int(year), int(month), int(day)}.days()
	if days < firstDate || days >= endDate {
		return 0, sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "date out of range: %d-%02d-%02d", year, month, day)
	}
	return days, nil
}

func makeTime(hour, minute int64, second float64) (int64, error) {
	micros := math.RoundToEven(second * microsPerSecond)
	total := hour*microsPerHour + minute*microsPerMinute + int64(micros)
	if hour < 0 || hour > 24 || minute < 0 || minute > 59 || !(second >= 0 && micros <= 60*microsPerSecond) || total > microsPerDay {
		return 0, sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "time field value out of range: %d:%02d:%02g", hour, minute, second)
	}
	return total, nil
}

func makeInterval(_ *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
	var part [6]int64
	for i := range min(len(row), len(part)) {
		part[i] = row[i].Int
	}
	seconds := 0.0
	if len(row) == 7 {
		seconds = row[6].Float
	}
	months := part[0]*12 + part[1]
	days := part[2]*7 + part[3]
	micros := math.RoundToEven(seconds*microsPerSecond) + float64(part[4])*microsPerHour + float64(part[5])*microsPerMinute
	if months != int64(int32(months)) || days != int64(int32(days)) || !(math.Abs(micros) < math.MaxInt64) {
		return types.Null, errIntervalRange
	}
	exact := int64(math.RoundToEven(seconds*microsPerSecond)) + part[4]*microsPerHour + part[5]*microsPerMinute
	return types.StringDatum(types.EncodeInterval(types.IntervalValue{Months: int32(months), Days: int32(days), Micros: exact})), nil
}
