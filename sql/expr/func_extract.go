package expr

import (
	"math"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// defineFields defines extract and date_part. The planner writes
// EXTRACT(field FROM source) as extract('field', source).
func (b *builder) defineFields() {
	for _, name := range []string{"date", "time", "timestamp", "timestamptz", "interval"} {
		t := typeNamed(name)
		var options []option
		if t.Kind == types.KindTimestampTZ {
			options = append(options, stable)
		}
		b.function("extract", "text,"+name, "numeric", liftRows(func(ctx *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
			v, err := extractField(ctx, t, row[0].Str, row[1])
			return types.StringDatum(v.numeric()), err
		}), "a field of a date or time", options...)
		b.function("date_part", "text,"+name, "float8", liftRows(func(ctx *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
			source, v := t, row[1]
			if t.Kind == types.KindDate {
				micros, err := dateToTimestamp(v.Int)
				if err != nil {
					return types.Null, err
				}
				source, v = types.Timestamp, types.IntDatum(micros)
			}
			field, err := extractField(ctx, source, row[0].Str, v)
			return types.FloatDatum(field.float()), err
		}), "a field of a date or time, as a floating point number", options...)
	}
}

// fieldValue is a field: value / 10^scale, an infinity, or a numeric.
type fieldValue struct {
	value    int64
	scale    int32
	infinity int
	exact    string
}

func (f fieldValue) numeric() string {
	switch {
	case f.infinity > 0:
		return types.NumericInfinity
	case f.infinity < 0:
		return types.NumericNegativeInfinity
	case f.exact != "":
		return f.exact
	}
	return types.NumericFromSmall(f.value, f.scale)
}

func (f fieldValue) float() float64 {
	switch {
	case f.infinity != 0:
		return math.Inf(f.infinity)
	case f.exact != "":
		return types.NumericToFloat(f.exact)
	}
	return float64(f.value) / float64(powersOfTen[f.scale])
}

func whole(v int) fieldValue { return fieldValue{value: int64(v)} }

// fieldNames maps the spellings of fields to one.
var fieldNames = map[string]string{
	"microseconds": "microseconds", "microsecond": "microseconds", "us": "microseconds", "usec": "microseconds", "usecs": "microseconds", "useconds": "microseconds", "microsecon": "microseconds",
	"milliseconds": "milliseconds", "millisecond": "milliseconds", "ms": "milliseconds", "msec": "milliseconds", "msecs": "milliseconds", "mseconds": "milliseconds", "millisecon": "milliseconds",
	"second": "second", "seconds": "second", "sec": "second", "secs": "second", "s": "second",
	"minute": "minute", "minutes": "minute", "min": "minute", "mins": "minute", "m": "minute",
	"hour": "hour", "hours": "hour", "hr": "hour", "hrs": "hour", "h": "hour",
	"day": "day", "days": "day", "d": "day",
	"week": "week", "weeks": "week", "w": "week",
	"month": "month", "months": "month", "mon": "month", "mons": "month",
	"quarter": "quarter", "qtr": "quarter",
	"year": "year", "years": "year", "y": "year", "yr": "year", "yrs": "year",
	"decade": "decade", "decades": "decade", "dec": "decade", "decs": "decade",
	"century": "century", "centuries": "century", "c": "century", "cent": "century",
	"millennium": "millennium", "millennia": "millennium", "mil": "millennium", "mils": "millennium",
	"epoch": "epoch", "dow": "dow", "isodow": "isodow", "doy": "doy", "isoyear": "isoyear", "julian": "julian", "j": "julian", "jd": "julian",
	"timezone": "timezone", "timezone_hour": "timezone_hour", "timezone_h": "timezone_hour", "timezone_minute": "timezone_minute", "timezone_m": "timezone_minute",
}

func errField(recognized bool, field string, t types.Type) error {
	if recognized {
		return sqlerr.New(sqlerr.FeatureNotSupported, -1, "unit \"%s\" not supported for type %s", field, t)
	}
	return sqlerr.New(sqlerr.InvalidParameterValue, -1, "unit \"%s\" not recognized for type %s", field, t)
}

// extractField returns a field of a value of type t; errNull where an infinite
// value has none.
func extractField(ctx *Context, t types.Type, name string, d types.Datum) (fieldValue, error) {
	lower := lowerASCII(name)
	field, recognized := fieldNames[lower]
	var v fieldValue
	ok := false
	switch t.Kind {
	case types.KindInterval:
		v, ok = intervalField(field, types.DecodeInterval(d.Str))
	case types.KindTime:
		v, ok = timeField(field, d.Int)
		if !ok && field == "epoch" {
			v, ok = fieldValue{value: d.Int, scale: 6}, true
		}
	case types.KindDate:
		v, ok = dateField(field, d.Int)
		if ok && isInfiniteDate(d.Int) {
			return infiniteField(field, d.Int > 0)
		}
	case types.KindTimestamp:
		v, ok = timestampField(field, d.Int, d.Int)
		if recognized && isInfinite(d.Int) {
			return infiniteField(field, d.Int > 0)
		}
	case types.KindTimestampTZ:
		local := types.TimestampToLocal(d.Int, ctx.zone())
		if v, ok = zoneField(field, local-d.Int); !ok {
			v, ok = timestampField(field, local, d.Int)
		}
		if recognized && isInfinite(d.Int) {
			return infiniteField(field, d.Int > 0)
		}
	}
	if !ok {
		return v, errField(recognized, lower, t)
	}
	return v, nil
}

// infiniteField is a field of infinity: those that grow with time are infinite,
// the others NULL.
func infiniteField(field string, positive bool) (fieldValue, error) {
	switch field {
	case "year", "decade", "century", "millennium", "julian", "isoyear", "epoch":
		if positive {
			return fieldValue{infinity: 1}, nil
		}
		return fieldValue{infinity: -1}, nil
	}
	return fieldValue{}, errNull
}

func timestampField(field string, local, instant int64) (fieldValue, bool) {
	if isInfinite(local) {
		local, instant = 0, 0
	}
	days, ofDay := splitTimestamp(local)
	switch field {
	case "epoch":
		return fieldValue{value: instant + unixToPostgresMillis*1000, scale: 6}, true
	case "julian":
		return julianField(days, ofDay), true
	}
	if v, ok := timeField(field, ofDay); ok {
		return v, true
	}
	return dateField(field, days)
}

// julianField is the Julian day with the part of the day that has passed.
func julianField(days, ofDay int64) fieldValue {
	part, err := types.NumericDiv(types.NumericFromInt64(ofDay), types.NumericFromInt64(microsPerDay))
	if err != nil {
		return fieldValue{}
	}
	sum, err := types.NumericAdd(types.NumericFromInt64(days+postgresEpochJulian), part)
	if err != nil {
		return fieldValue{}
	}
	return fieldValue{exact: sum}
}

func timeField(field string, ofDay int64) (fieldValue, bool) {
	c := clockOf(ofDay)
	ofMinute := int64(c.second)*microsPerSecond + int64(c.micro)
	switch field {
	case "microseconds":
		return fieldValue{value: ofMinute}, true
	case "milliseconds":
		return fieldValue{value: ofMinute, scale: 3}, true
	case "second":
		return fieldValue{value: ofMinute, scale: 6}, true
	case "minute":
		return whole(c.minute), true
	case "hour":
		return whole(c.hour), true
	}
	return fieldValue{}, false
}

func dateField(field string, days int64) (fieldValue, bool) {
	if isInfiniteDate(days) {
		days = 0
	}
	d := dateOf(days)
	switch field {
	case "day":
		return whole(d.day), true
	case "month":
		return whole(d.month), true
	case "quarter":
		return whole((d.month-1)/3 + 1), true
	case "week":
		_, week := d.isoWeek()
		return whole(week), true
	case "year":
		return whole(yearName(d.year)), true
	case "isoyear":
		year, _ := d.isoWeek()
		return whole(yearName(year)), true
	case "decade":
		return whole(int(floorDivide(int64(d.year), 10))), true
	case "century":
		return whole(periodOf(d.year, 100)), true
	case "millennium":
		return whole(periodOf(d.year, 1000)), true
	case "dow":
		return whole(weekday(days)), true
	case "isodow":
		return whole((weekday(days)+6)%7 + 1), true
	case "doy":
		return whole(int(days-date{d.year, 1, 1}.days()) + 1), true
	case "julian":
		return fieldValue{value: days + postgresEpochJulian}, true
	case "epoch":
		return fieldValue{value: days*86400 + unixToPostgresMillis/1000}, true
	}
	return fieldValue{}, false
}

// yearName returns the year as it is called: there is no year 0, 1 BC is -1.
func yearName(year int) int {
	if year <= 0 {
		return year - 1
	}
	return year
}

// periodOf returns the century or millennium of a year; the first begins with
// the year 1.
func periodOf(year, length int) int {
	if year > 0 {
		return (year + length - 1) / length
	}
	return -((length - 1 - (year - 1)) / length)
}

func zoneField(field string, offsetMicros int64) (fieldValue, bool) {
	seconds := offsetMicros / microsPerSecond
	switch field {
	case "timezone":
		return fieldValue{value: seconds}, true
	case "timezone_hour":
		return fieldValue{value: seconds / 3600}, true
	case "timezone_minute":
		return fieldValue{value: seconds / 60 % 60}, true
	}
	return fieldValue{}, false
}

func intervalField(field string, v types.IntervalValue) (fieldValue, bool) {
	years, months := int(v.Months/12), int(v.Months%12)
	hours, rest := v.Micros/microsPerHour, v.Micros%microsPerHour
	ofMinute := rest % microsPerMinute
	switch field {
	case "microseconds":
		return fieldValue{value: ofMinute}, true
	case "milliseconds":
		return fieldValue{value: ofMinute, scale: 3}, true
	case "second":
		return fieldValue{value: ofMinute, scale: 6}, true
	case "minute":
		return whole(int(rest / microsPerMinute)), true
	case "hour":
		return fieldValue{value: hours}, true
	case "day":
		return whole(int(v.Days)), true
	case "month":
		return whole(months), true
	case "quarter":
		return whole(months/3 + 1), true
	case "year":
		return whole(years), true
	case "decade":
		return whole(years / 10), true
	case "century":
		return whole(years / 100), true
	case "millennium":
		return whole(years / 1000), true
	case "epoch":
		// A year has 365.25 days here and a month 30.
		seconds := int64(years)*31557600 + int64(months)*30*86400 + int64(v.Days)*86400
		return fieldValue{value: seconds*microsPerSecond + v.Micros, scale: 6}, true
	}
	return fieldValue{}, false
}
