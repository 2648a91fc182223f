package expr

import (
	"math"
	"time"

	"millrace/sql/types"
)

// defineFields defines extract and date_part. The planner writes
// EXTRACT(field FROM source) as extract('field', source).
func (b *builder) defineFields() {
	for _, name := range []string{"date", "time", "timetz", "timestamp", "timestamptz", "interval"} {
		t := typeNamed(name)
		var options []option
		if t.Kind == types.KindTimestampTZ {
			options = append(options, stable)
		}
		b.function("extract", "text,"+name, "numeric", nil, "a field of a date or time", append(options, stateful(func() Kernel {
			var arena types.StringArena
			return newExtract(t, func(v fieldValue) string { return v.numeric(&arena) })
		}))...)
		if t.Kind == types.KindDate {
			continue
		}
		b.function("date_part", "text,"+name, "float8", nil, "a field of a date or time, as a floating point number", append(options, stateful(func() Kernel {
			return newExtract(t, fieldValue.float)
		}))...)
	}
	// date_part converts a date to a timestamp.
	b.function("date_part", "text,date", "float8", nil, "a field of a date, as a floating point number", stateful(func() Kernel {
		part := newExtract(types.Timestamp, fieldValue.float)
		stamps := types.Vector{Type: types.Timestamp}
		return func(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector) {
			stamps.Resize(args[1].Len())
			for _, i := range selection {
				v, err := dateToTimestamp(args[1].Ints[i])
				if err != nil {
					settle(ctx, out, i, err)
				}
				stamps.Ints[i] = v
			}
			part(ctx, []*types.Vector{args[0], &stamps}, selection, out)
		}
	}))
}

// newExtract returns a kernel that takes fields of values of type t.
func newExtract[R cell](t types.Type, finish func(v fieldValue) R) Kernel {
	var cache fieldCache
	return func(ctx *Context, args []*types.Vector, selection []int32, out *types.Vector) {
		names, values, r, zone := args[0].Strs, args[1], slots[R](out), ctx.zone()
		for _, i := range selection {
			named := cache.find(names[i])
			var v fieldValue
			var err error
			if t.Kind == types.KindInterval {
				v, err = extractInterval(named, types.DecodeInterval(values.Strs[i]))
			} else {
				v, err = extractField(named, t, values.Ints[i], zone)
			}
			if err != nil {
				settle(ctx, out, i, err)
				continue
			}
			r[i] = finish(v)
		}
	}
}

// fieldValue is a field: value / 10^scale, or a numeric or an infinity.
type fieldValue struct {
	value    int64
	scale    int32
	infinity int8
	// ofMinute says that the value is in microseconds, scaled to seconds or
	// milliseconds: as a floating point number it is the sum of the second and its
	// fraction.
	ofMinute bool
	exact    string
}

// numeric returns the field as a numeric, in the arena's memory.
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

// float returns the field as a floating point number.
func (f fieldValue) float() float64 {
	switch {
	case f.infinity != 0:
		return math.Inf(int(f.infinity))
	case f.exact != "":
		return types.NumericToFloat(f.exact)
	case f.ofMinute:
		seconds, micros := f.value/microsPerSecond, f.value%microsPerSecond
		return float64(seconds*powersOfTen[6-f.scale]) + float64(micros)/float64(powersOfTen[f.scale])
	}
	return float64(f.value) / float64(powersOfTen[f.scale])
}

func whole(v int) fieldValue { return fieldValue{value: int64(v)} }

// extractField returns a field of a value of type t; errNull where an infinite
// value has none.
func extractField(named *namedField, t types.Type, value int64, zone *time.Location) (fieldValue, error) {
	field := named.dateTimeField
	recognized := field != fieldNone
	var v fieldValue
	ok := false
	switch t.Kind {
	case types.KindTime:
		if v, ok = timeField(field, value); !ok && field == fieldEpoch {
			v, ok = fieldValue{value: value, scale: 6}, true
		}
	case types.KindTimeTZ:
		v, ok = timeTZField(field, value)
	case types.KindDate:
		v, ok = dateField(field, value)
		if ok && isInfiniteDate(value) {
			return infiniteField(field, value > 0)
		}
	case types.KindTimestamp:
		if recognized && isInfinite(value) {
			return infiniteField(field, value > 0)
		}
		v, ok = timestampField(field, value, value)
	case types.KindTimestampTZ:
		if recognized && isInfinite(value) {
			return infiniteField(field, value > 0)
		}
		local := types.TimestampToLocal(value, zone)
		if v, ok = zoneField(field, local-value); !ok {
			v, ok = timestampField(field, local, value)
		}
	}
	if !ok {
		return v, errField(recognized, named.lower, t)
	}
	return v, nil
}

// extractInterval is extractField for intervals.
func extractInterval(named *namedField, value types.IntervalValue) (fieldValue, error) {
	v, ok := intervalField(named.dateTimeField, value)
	if !ok {
		return v, errField(named.dateTimeField != fieldNone, named.lower, types.Interval)
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
	if field == fieldEpoch {
		return epochField(instant), true
	}
	days, ofDay := splitTimestamp(local)
	if field == fieldJulian {
		return julianField(days, ofDay), true
	}
	if v, ok := timeField(field, ofDay); ok {
		return v, true
	}
	return dateField(field, days)
}

// epochField is the seconds since 1970. Where they do not fit 64 bits in
// microseconds they are divided as numerics, with fewer digits.
func epochField(instant int64) fieldValue {
	const shift = unixToPostgresMillis * 1000
	if instant < math.MaxInt64-shift {
		return fieldValue{value: instant + shift, scale: 6}
	}
	sum, err := types.NumericAdd(types.NumericFromInt64(instant), types.NumericFromInt64(shift))
	if err == nil {
		sum, err = types.NumericDiv(sum, types.NumericFromInt64(microsPerSecond))
	}
	if err == nil {
		sum, err = types.NumericRound(sum, 6)
	}
	if err != nil {
		return fieldValue{}
	}
	return fieldValue{exact: sum}
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
	switch field {
	case fieldMicroseconds:
		return fieldValue{value: ofDay % microsPerMinute}, true
	case fieldMilliseconds:
		return fieldValue{value: ofDay % microsPerMinute, scale: 3, ofMinute: true}, true
	case fieldSecond:
		return fieldValue{value: ofDay % microsPerMinute, scale: 6, ofMinute: true}, true
	case fieldMinute:
		return fieldValue{value: ofDay / microsPerMinute % 60}, true
	case fieldHour:
		return fieldValue{value: ofDay / microsPerHour}, true
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
		return fieldValue{value: ofMinute, scale: 3, ofMinute: true}, true
	case fieldSecond:
		return fieldValue{value: ofMinute, scale: 6, ofMinute: true}, true
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
