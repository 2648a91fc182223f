package expr

import (
	"math"
	"time"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// defineTruncation defines date_trunc and date_bin.
func (b *builder) defineTruncation() {
	const words = "start of the second, hour, month ... that a time is in"
	b.function("date_trunc", "text,timestamp", "timestamp", nil, words, stateful(func() Kernel {
		var fields fieldCache
		return lift2e(func(name string, v int64) (int64, error) {
			return truncateTimestamp(fields.find(name), v)
		})
	}))
	b.function("date_trunc", "text,timestamptz", "timestamptz", nil, words, stable, stateful(func() Kernel {
		var fields fieldCache
		return lift2c(func(ctx *Context, name string, v int64) (int64, error) {
			return truncateZoned(fields.find(name), v, ctx.zone())
		})
	}))
	b.function("date_trunc", "text,timestamptz,text", "timestamptz", nil, words+", in a time zone", stable, stateful(func() Kernel {
		var fields fieldCache
		zones := zoneCache{referenced: true}
		return lift3e(func(name string, v int64, zoneName string) (int64, error) {
			if isInfinite(v) {
				return v, nil
			}
			zone, err := zones.zone(zoneName)
			if err != nil {
				return 0, err
			}
			return truncateZoned(fields.find(name), v, zone)
		})
	}))
	b.function("date_trunc", "text,interval", "interval", nil, "interval without the fields below one", stateful(func() Kernel {
		var fields fieldCache
		return liftInterval2(func(_ *Context, name, interval string) (types.IntervalValue, error) {
			return truncateInterval(fields.find(name), types.DecodeInterval(interval))
		})
	}))
	for _, name := range []string{"timestamp", "timestamptz"} {
		b.function("date_bin", "interval,"+name+","+name, name, lift3e(binTimestamp), "start of the bin that a time is in, bins counted from an origin")
	}
}

// truncateTimestamp truncates a timestamp to a field.
func truncateTimestamp(named *namedField, v int64) (int64, error) {
	if isInfinite(v) {
		return v, nil
	}
	local, err := truncateLocal(named, v, types.Timestamp)
	if err != nil {
		return 0, err
	}
	return checkTimestamp(local)
}

// truncateZoned truncates in a time zone.
func truncateZoned(named *namedField, v int64, zone *time.Location) (int64, error) {
	if isInfinite(v) {
		return v, nil
	}
	local, err := truncateLocal(named, types.TimestampToLocal(v, zone), types.TimestampTZ)
	if err != nil {
		return 0, err
	}
	return checkTimestamp(localToUTC(local, zone))
}

// truncateLocal truncates local time, which may lie some hours outside of the range
// of timestamps.
func truncateLocal(named *namedField, v int64, t types.Type) (int64, error) {
	days, ofDay := splitTimestamp(v)
	if unit := named.clockUnit(); unit > 0 {
		return days*microsPerDay + ofDay/unit*unit, nil
	}
	d := dateOf(days)
	switch named.dateTimeField {
	case fieldDay:
	case fieldWeek:
		days -= int64((weekday(days) + 6) % 7)
		return days * microsPerDay, nil
	case fieldMonth:
		d.day = 1
	case fieldQuarter:
		d.month, d.day = (d.month-1)/3*3+1, 1
	case fieldYear:
		d.month, d.day = 1, 1
	case fieldDecade:
		d = date{int(floorDivide(int64(d.year), 10) * 10), 1, 1}
	case fieldCentury:
		d = date{periodStart(d.year, 100), 1, 1}
	case fieldMillennium:
		d = date{periodStart(d.year, 1000), 1, 1}
	default:
		return 0, errNotUnit(named, t)
	}
	return d.days() * microsPerDay, nil
}

// errNotUnit is the error for a field that cannot be truncated to: those that
// only extract has are not recognized.
func errNotUnit(named *namedField, t types.Type) error {
	switch named.dateTimeField {
	case fieldNone, fieldEpoch, fieldDow, fieldIsodow, fieldDoy, fieldIsoyear, fieldJulian:
		return errField(false, named.lower, t)
	}
	return errField(true, named.lower, t)
}

// clockUnit returns the length of a field that divides the day, in microseconds,
// and 0 for the others.
func (f dateTimeField) clockUnit() int64 {
	switch f {
	case fieldMicroseconds:
		return 1
	case fieldMilliseconds:
		return 1000
	case fieldSecond:
		return microsPerSecond
	case fieldMinute:
		return microsPerMinute
	case fieldHour:
		return microsPerHour
	}
	return 0
}

// periodStart returns the first year of a year's century or millennium.
func periodStart(year, length int) int {
	return int(floorDivide(int64(year-1), int64(length)))*length + 1
}

func truncateInterval(named *namedField, v types.IntervalValue) (types.IntervalValue, error) {
	months := int32(0)
	switch named.dateTimeField {
	case fieldMillennium:
		months = 12000
	case fieldCentury:
		months = 1200
	case fieldDecade:
		months = 120
	case fieldYear:
		months = 12
	case fieldQuarter:
		months = 3
	case fieldMonth:
		months = 1
	case fieldDay:
		v.Micros = 0
	case fieldWeek:
		return v, sqlerr.From(errNotUnit(named, types.Interval)).WithDetail("Months usually have fractional weeks.")
	default:
		unit := named.clockUnit()
		if unit == 0 {
			return v, errNotUnit(named, types.Interval)
		}
		v.Micros = v.Micros / unit * unit
	}
	if months > 0 {
		v = types.IntervalValue{Months: v.Months / months * months}
	}
	return v, nil
}

func binTimestamp(stride string, v, origin int64) (int64, error) {
	if isInfinite(v) {
		return v, nil
	}
	if isInfinite(origin) {
		return 0, sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "origin out of range")
	}
	width := types.DecodeInterval(stride)
	if width.Months != 0 {
		return 0, sqlerr.New(sqlerr.FeatureNotSupported, -1, "timestamps cannot be binned into intervals containing months or years")
	}
	micros := float64(width.Days)*microsPerDay + float64(width.Micros)
	if math.Abs(micros) >= math.MaxInt64 {
		return 0, errIntervalRange
	}
	length := int64(width.Days)*microsPerDay + width.Micros
	if length <= 0 {
		return 0, sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "stride must be greater than zero")
	}
	distance := v - origin
	if (distance < v) != (origin > 0) && origin != 0 {
		return 0, errIntervalRange
	}
	return checkTimestamp(origin + floorDivide(distance, length)*length)
}
