package expr

import (
	"math"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// defineDateTimeOperators defines the arithmetic of dates, times and intervals
// (https://www.postgresql.org/docs/15/functions-datetime.html).
func (b *builder) defineDateTimeOperators() {
	for _, sign := range []struct {
		token string
		n     int64
		words string
	}{{"+", 1, "sum"}, {"-", -1, "difference"}} {
		n := sign.n
		b.operator(sign.token, "timestamp,interval", "timestamp", lift2e(func(v int64, i string) (int64, error) {
			return addInterval(v, i, n)
		}), sign.words)
		b.operator(sign.token, "timestamptz,interval", "timestamptz", lift2c(func(ctx *Context, v int64, i string) (int64, error) {
			if isInfinite(v) {
				return v, nil
			}
			interval, err := signed(i, n)
			if err != nil {
				return 0, err
			}
			return types.AddToTimestampTZ(v, interval, ctx.zone())
		}), sign.words, stable)
		b.operator(sign.token, "date,interval", "timestamp", lift2e(func(v int64, i string) (int64, error) {
			micros, err := dateToTimestamp(v)
			if err != nil {
				return 0, err
			}
			return addInterval(micros, i, n)
		}), sign.words)
		b.operator(sign.token, "date,int4", "date", lift2e(func(v, days int64) (int64, error) { return addDays(v, n*days) }), sign.words)
		b.operator(sign.token, "time,interval", "time", lift2(func(v int64, i string) int64 {
			return floorModulo(v+n*types.DecodeInterval(i).Micros, microsPerDay)
		}), sign.words)
	}
	b.operator("+", "interval,timestamp", "timestamp", lift2e(func(i string, v int64) (int64, error) { return addInterval(v, i, 1) }), "sum")
	b.operator("+", "interval,timestamptz", "timestamptz", lift2c(func(ctx *Context, i string, v int64) (int64, error) {
		return types.AddToTimestampTZ(v, types.DecodeInterval(i), ctx.zone())
	}), "sum", stable)
	b.operator("+", "interval,date", "timestamp", lift2e(func(i string, v int64) (int64, error) {
		return types.AddToDate(v, types.DecodeInterval(i))
	}), "sum")
	b.operator("+", "interval,time", "time", lift2(func(i string, v int64) int64 {
		return floorModulo(v+types.DecodeInterval(i).Micros, microsPerDay)
	}), "sum")
	b.operator("+", "int4,date", "date", lift2e(func(days, v int64) (int64, error) { return addDays(v, days) }), "sum")
	b.operator("+", "date,time", "timestamp", lift2e(addTimeOfDay), "date at a time of day")
	b.operator("+", "time,date", "timestamp", lift2e(func(t, v int64) (int64, error) { return addTimeOfDay(v, t) }), "date at a time of day")
	b.operator("-", "date,date", "int4", lift2e(subtractDates), "days between")
	for _, name := range []string{"timestamp", "timestamptz"} {
		b.operator("-", name+","+name, "interval", nil, "days and time between", intervals2(func(_ *Context, x, y int64) (types.IntervalValue, error) {
			return types.SubtractTimestamps(x, y)
		}))
	}
	b.operator("-", "time,time", "interval", nil, "time between", intervals2(func(_ *Context, x, y int64) (types.IntervalValue, error) {
		return types.IntervalValue{Micros: x - y}, nil
	}))
	b.defineIntervalOperators()
}

func (b *builder) defineIntervalOperators() {
	b.operator("+", "interval,interval", "interval", nil, "sum", intervals2(func(_ *Context, x, y string) (types.IntervalValue, error) {
		return types.DecodeInterval(x).Add(types.DecodeInterval(y))
	}))
	b.operator("-", "interval,interval", "interval", nil, "difference", intervals2(func(_ *Context, x, y string) (types.IntervalValue, error) {
		return types.DecodeInterval(x).Sub(types.DecodeInterval(y))
	}))
	b.operator("-", "interval", "interval", nil, "negation", intervals1(func(_ *Context, x string) (types.IntervalValue, error) {
		return types.DecodeInterval(x).Neg()
	}))
	b.operator("*", "interval,float8", "interval", nil, "product", intervals2(func(_ *Context, x string, f float64) (types.IntervalValue, error) {
		return types.DecodeInterval(x).Mul(f)
	}))
	b.operator("*", "float8,interval", "interval", nil, "product", intervals2(func(_ *Context, f float64, x string) (types.IntervalValue, error) {
		return types.DecodeInterval(x).Mul(f)
	}))
	b.operator("/", "interval,float8", "interval", nil, "quotient", intervals2(func(_ *Context, x string, f float64) (types.IntervalValue, error) {
		return types.DecodeInterval(x).Div(f)
	}))
}

// signed returns an interval, negated when n is -1.
func signed(interval string, n int64) (types.IntervalValue, error) {
	v := types.DecodeInterval(interval)
	if n < 0 {
		return v.Neg()
	}
	return v, nil
}

func addInterval(v int64, interval string, n int64) (int64, error) {
	if isInfinite(v) {
		return v, nil
	}
	i, err := signed(interval, n)
	if err != nil {
		return 0, err
	}
	return types.AddToTimestamp(v, i)
}

func addDays(v, days int64) (int64, error) {
	if isInfiniteDate(v) {
		return v, nil
	}
	return checkDate(v + days)
}

func checkDate(days int64) (int64, error) {
	if days < firstDate || days >= endDate {
		return 0, errDateRange
	}
	return days, nil
}

func addTimeOfDay(v, t int64) (int64, error) {
	micros, err := dateToTimestamp(v)
	if err != nil || isInfinite(micros) {
		return micros, err
	}
	return checkTimestamp(micros + t)
}

func subtractDates(x, y int64) (int64, error) {
	if isInfiniteDate(x) || isInfiniteDate(y) {
		return 0, sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "cannot subtract infinite dates")
	}
	return x - y, nil
}

// secondsToTimestamp converts seconds since the Unix epoch.
func secondsToTimestamp(seconds float64) (int64, error) {
	switch {
	case math.IsNaN(seconds):
		return 0, sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "timestamp cannot be NaN")
	case math.IsInf(seconds, 1):
		return math.MaxInt64, nil
	case math.IsInf(seconds, -1):
		return math.MinInt64, nil
	case seconds < -210866803200 || seconds >= 9224318016000:
		return 0, sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "timestamp out of range: \"%g\"", seconds)
	}
	return checkTimestamp(int64(math.RoundToEven((seconds - unixToPostgresMillis/1000) * microsPerSecond)))
}
