package expr

import (
	"math"
	"strings"
	"sync"

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
		b.function("extract", "text,"+name, "numeric", nil, "a field of a date or time", append(options, stateful(func() Kernel {
			return newExtract(t, func(v fieldValue, arena *types.StringArena) types.Datum {
				return types.StringDatum(v.numeric(arena))
			})
		}))...)
		b.function("date_part", "text,"+name, "float8", nil, "a field of a date or time, as a floating point number", append(options, stateful(func() Kernel {
			return newExtract(datePartSource(t), func(v fieldValue, _ *types.StringArena) types.Datum {
				return types.FloatDatum(v.float())
			})
		}))...)
	}
}

// datePartSource returns the type that date_part takes a field of: a date is
// converted to a timestamp.
func datePartSource(t types.Type) types.Type {
	if t.Kind == types.KindDate {
		return types.Timestamp
	}
	return t
}

// newExtract returns a kernel that takes fields of values of type t; a vector of
// dates is converted to timestamps if t says so.
func newExtract(t types.Type, finish func(v fieldValue, arena *types.StringArena) types.Datum) Kernel {
	var cache fieldCache
	var arena types.StringArena
	return func(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector) {
		for _, i := range selection {
			d := args[1].Datum(int(i))
			var err error
			if args[1].Type.Kind == types.KindDate && t.Kind == types.KindTimestamp {
				d.Int, err = dateToTimestamp(d.Int)
			}
			var v fieldValue
			if err == nil {
				v, err = extractField(ctx, t, cache.find(args[0].Strs[i]), d)
			}
			if err != nil {
				settle(ctx, out, i, err)
				continue
			}
			out.Set(int(i), finish(v, &arena))
		}
	}
}

// fieldValue is a field: value / 10^scale, an infinity, or a numeric.
type fieldValue struct {
	value    int64
	scale    int32
	infinity int
	exact    string
}

func (f fieldValue) numeric(arena *types.StringArena) string {
	switch {
	case f.infinity > 0:
		return types.NumericInfinity
	case f.infinity < 0:
		return types.NumericNegativeInfinity
	case f.exact != "":
		return f.exact
	}
	var buf [16]byte
	return arena.Copy(types.AppendNumericSmall(buf[:0], f.value, f.scale))
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

// dateTimeField is a field of a date or time.
type dateTimeField uint8

const (
	fieldNone dateTimeField = iota
	fieldMicroseconds
	fieldMilliseconds
	fieldSecond
	fieldMinute
	fieldHour
	fieldDay
	fieldWeek
	fieldMonth
	fieldQuarter
	fieldYear
	fieldDecade
	fieldCentury
	fieldMillennium
	fieldEpoch
	fieldDow
	fieldIsodow
	fieldDoy
	fieldIsoyear
	fieldJulian
	fieldTimezone
	fieldTimezoneHour
	fieldTimezoneMinute
)

// fieldNames lists the spellings of each field, of which the first ten letters
// count.
var fieldNames = map[dateTimeField]string{
	fieldMicroseconds:   "microsecon us usec usecs useconds",
	fieldMilliseconds:   "millisecon ms msec msecs mseconds",
	fieldSecond:         "second seconds sec secs s",
	fieldMinute:         "minute minutes min mins m",
	fieldHour:           "hour hours hr hrs h",
	fieldDay:            "day days d",
	fieldWeek:           "week weeks w",
	fieldMonth:          "month months mon mons",
	fieldQuarter:        "quarter qtr",
	fieldYear:           "year years y yr yrs",
	fieldDecade:         "decade decades dec decs",
	fieldCentury:        "century centuries c cent",
	fieldMillennium:     "millennium millennia mil mils",
	fieldEpoch:          "epoch",
	fieldDow:            "dow",
	fieldIsodow:         "isodow",
	fieldDoy:            "doy",
	fieldIsoyear:        "isoyear",
	fieldJulian:         "julian j jd",
	fieldTimezone:       "timezone",
	fieldTimezoneHour:   "timezone_h",
	fieldTimezoneMinute: "timezone_m",
}

// fieldLength is how many letters of a field's name count.
const fieldLength = 10

var fieldsByName = sync.OnceValue(func() map[string]dateTimeField {
	fields := map[string]dateTimeField{}
	for f, spellings := range fieldNames {
		for name := range strings.FieldsSeq(spellings) {
			fields[name] = f
		}
	}
	return fields
})

// fieldCache keeps the last field that was named, for one program.
type fieldCache struct {
	name  string
	known bool
	last  namedField
}

// namedField is a field and the name it was given, in lower case.
type namedField struct {
	dateTimeField
	lower string
}

func (c *fieldCache) find(name string) namedField {
	if !c.known || c.name != name {
		lower := lowerASCII(name)
		c.name, c.known, c.last = name, true, namedField{fieldsByName()[lower[:min(len(lower), fieldLength)]], lower}
	}
	return c.last
}

func errField(recognized bool, field string, t types.Type) error {
	if recognized {
		return sqlerr.New(sqlerr.FeatureNotSupported, -1, "unit \"%s\" not supported for type %s", field, t)
	}
	return sqlerr.New(sqlerr.InvalidParameterValue, -1, "unit \"%s\" not recognized for type %s", field, t)
}

// extractField returns a field of a value of type t; errNull where an infinite
// value has none.
func extractField(ctx *Context, t types.Type, named namedField, d types.Datum) (fieldValue, error) {
	field := named.dateTimeField
	recognized := field != fieldNone
	var v fieldValue
	ok := false
	switch t.Kind {
	case types.KindInterval:
		v, ok = intervalField(field, types.DecodeInterval(d.Str))
	case types.KindTime:
		v, ok = timeField(field, d.Int)
		if !ok && field == fieldEpoch {
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
		return v, errField(recognized, named.lower, t)
	}
	return v, nil
}

// infiniteField is a field of infinity: those that grow with time are infinite,
// the others NULL.
func infiniteField(field dateTimeField, positive bool) (fieldValue, error) {
	switch field {
	case fieldYear, fieldDecade, fieldCentury, fieldMillennium, fieldJulian, fieldIsoyear, fieldEpoch:
		if positive {
			return fieldValue{infinity: 1}, nil
		}
		return fieldValue{infinity: -1}, nil
	}
	return fieldValue{}, errNull
}

func timestampField(field dateTimeField, local, instant int64) (fieldValue, bool) {
	if isInfinite(local) {
		local, instant = 0, 0
	}
	days, ofDay := splitTimestamp(local)
	switch field {
	case fieldEpoch:
		return fieldValue{value: instant + unixToPostgresMillis*1000, scale: 6}, true
	case fieldJulian:
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

func timeField(field dateTimeField, ofDay int64) (fieldValue, bool) {
	c := clockOf(ofDay)
	ofMinute := int64(c.second)*microsPerSecond + int64(c.micro)
	switch field {
	case fieldMicroseconds:
		return fieldValue{value: ofMinute}, true
	case fieldMilliseconds:
		return fieldValue{value: ofMinute, scale: 3}, true
	case fieldSecond:
		return fieldValue{value: ofMinute, scale: 6}, true
	case fieldMinute:
		return whole(c.minute), true
	case fieldHour:
		return whole(c.hour), true
	}
	return fieldValue{}, false
}

func dateField(field dateTimeField, days int64) (fieldValue, bool) {
	if isInfiniteDate(days) {
		days = 0
	}
	d := dateOf(days)
	switch field {
	case fieldDay:
		return whole(d.day), true
	case fieldMonth:
		return whole(d.month), true
	case fieldQuarter:
		return whole((d.month-1)/3 + 1), true
	case fieldWeek:
		_, week := d.isoWeek()
		return whole(week), true
	case fieldYear:
		return whole(yearName(d.year)), true
	case fieldIsoyear:
		year, _ := d.isoWeek()
		return whole(yearName(year)), true
	case fieldDecade:
		return whole(int(floorDivide(int64(d.year), 10))), true
	case fieldCentury:
		return whole(periodOf(d.year, 100)), true
	case fieldMillennium:
		return whole(periodOf(d.year, 1000)), true
	case fieldDow:
		return whole(weekday(days)), true
	case fieldIsodow:
		return whole((weekday(days)+6)%7 + 1), true
	case fieldDoy:
		return whole(int(days-date{d.year, 1, 1}.days()) + 1), true
	case fieldJulian:
		return fieldValue{value: days + postgresEpochJulian}, true
	case fieldEpoch:
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

func zoneField(field dateTimeField, offsetMicros int64) (fieldValue, bool) {
	seconds := offsetMicros / microsPerSecond
	switch field {
	case fieldTimezone:
		return fieldValue{value: seconds}, true
	case fieldTimezoneHour:
		return fieldValue{value: seconds / 3600}, true
	case fieldTimezoneMinute:
		return fieldValue{value: seconds / 60 % 60}, true
	}
	return fieldValue{}, false
}

func intervalField(field dateTimeField, v types.IntervalValue) (fieldValue, bool) {
	years, months := int(v.Months/12), int(v.Months%12)
	hours, rest := v.Micros/microsPerHour, v.Micros%microsPerHour
	ofMinute := rest % microsPerMinute
	switch field {
	case fieldMicroseconds:
		return fieldValue{value: ofMinute}, true
	case fieldMilliseconds:
		return fieldValue{value: ofMinute, scale: 3}, true
	case fieldSecond:
		return fieldValue{value: ofMinute, scale: 6}, true
	case fieldMinute:
		return whole(int(rest / microsPerMinute)), true
	case fieldHour:
		return fieldValue{value: hours}, true
	case fieldDay:
		return whole(int(v.Days)), true
	case fieldMonth:
		return whole(months), true
	case fieldQuarter:
		return whole(months/3 + 1), true
	case fieldYear:
		return whole(years), true
	case fieldDecade:
		return whole(years / 10), true
	case fieldCentury:
		return whole(years / 100), true
	case fieldMillennium:
		return whole(years / 1000), true
	case fieldEpoch:
		// A year has 365.25 days here and a month 30.
		seconds := int64(years)*31557600 + int64(months)*30*86400 + int64(v.Days)*86400
		// Half of the range leaves room for the microseconds.
		if limit := int64(math.MaxInt64 / microsPerSecond / 2); seconds > limit || seconds < -limit {
			return largeEpoch(seconds, v.Micros), true
		}
		return fieldValue{value: seconds*microsPerSecond + v.Micros, scale: 6}, true
	}
	return fieldValue{}, false
}

// largeEpoch is an interval's length in seconds that does not fit 64 bits in
// microseconds.
func largeEpoch(seconds, micros int64) fieldValue {
	sum, err := types.NumericAdd(types.NumericFromInt64(seconds), types.NumericFromSmall(micros, 6))
	if err != nil {
		return fieldValue{}
	}
	return fieldValue{exact: sum}
}
