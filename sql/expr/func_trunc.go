package expr

import (
	"math"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// defineTruncation defines date_trunc and date_bin.
func (b *builder) defineTruncation() {
	const words = "start of the second, hour, month ... that a time is in"
	b.function("date_trunc", "text,timestamp", "timestamp", lift2e(func(field string, v int64) (int64, error) {
		return truncateTimestamp(field, v, types.Timestamp)
	}), words)
	b.function("date_trunc", "text,timestamptz", "timestamptz", lift2c(func(ctx *Context, field string, v int64) (int64, error) {
		local, err := truncateTimestamp(field, types.TimestampToLocal(v, ctx.zone()), types.TimestampTZ)
		return localToUTC(local, ctx.zone()), err
	}), words, stable)
	b.function("date_trunc", "text,timestamptz,text", "timestamptz", nil, words+", in a time zone", stable, stateful(func() Kernel {
		var cache zoneCache
		return lift3e(func(field string, v int64, name string) (int64, error) {
			if isInfinite(v) {
				return v, nil
			}
			zone, err := cache.zone(name)
			if err != nil {
				return 0, err
			}
			local, err := truncateTimestamp(field, types.TimestampToLocal(v, zone), types.TimestampTZ)
			return localToUTC(local, zone), err
		})
	}))
	b.function("date_trunc", "text,interval", "interval", lift2e(truncateInterval), "interval without the fields below one")
	for _, name := range []string{"timestamp", "timestamptz"} {
		b.function("date_bin", "interval,"+name+","+name, name, lift3e(binTimestamp), "start of the bin that a time is in, bins counted from an origin")
	}
}

// truncateTimestamp truncates a local timestamp to a field.
func truncateTimestamp(name string, v int64, t types.Type) (int64, error) {
	lower := lowerASCII(name)
	field, recognized := fieldNames[lower]
	if isInfinite(v) {
		return v, nil
	}
	days, ofDay := splitTimestamp(v)
	if unit, ok := clockUnits[field]; ok {
		return days*microsPerDay + ofDay/unit*unit, nil
	}
	d := dateOf(days)
	switch field {
	case "day":
	case "week":
		days -= int64((weekday(days) + 6) % 7)
		return joinTimestamp(days, 0)
	case "month":
		d.day = 1
	case "quarter":
		d.month, d.day = (d.month-1)/3*3+1, 1
	case "year":
		d.month, d.day = 1, 1
	case "decade":
		d = date{int(floorDivide(int64(d.year), 10) * 10), 1, 1}
	case "century":
		d = date{periodStart(d.year, 100), 1, 1}
	case "millennium":
		d = date{periodStart(d.year, 1000), 1, 1}
	default:
		return 0, errField(recognized && !extractOnly[field], lower, t)
	}
	return joinTimestamp(d.days(), 0)
}

// extractOnly are the fields that are not units of time.
var extractOnly = map[string]bool{"epoch": true, "dow": true, "isodow": true, "doy": true, "isoyear": true, "julian": true}

// clockUnits are the lengths of the fields that divide the day, in
// microseconds.
var clockUnits = map[string]int64{
	"microseconds": 1, "milliseconds": 1000, "second": microsPerSecond, "minute": microsPerMinute, "hour": microsPerHour,
}

// periodStart returns the first year of a year's century or millennium.
func periodStart(year, length int) int {
	return int(floorDivide(int64(year-1), int64(length)))*length + 1
}

func truncateInterval(name, interval string) (string, error) {
	v := types.DecodeInterval(interval)
	lower := lowerASCII(name)
	field, recognized := fieldNames[lower]
	months := int32(0)
	switch field {
	case "millennium":
		months = 12000
	case "century":
		months = 1200
	case "decade":
		months = 120
	case "year":
		months = 12
	case "quarter":
		months = 3
	case "month":
		months = 1
	case "day":
		v.Micros = 0
	default:
		unit, ok := clockUnits[field]
		if !ok {
			return "", errIntervalField(recognized, lower)
		}
		v.Micros = v.Micros / unit * unit
	}
	if months > 0 {
		v = types.IntervalValue{Months: v.Months / months * months}
	}
	return types.EncodeInterval(v), nil
}

func errIntervalField(recognized bool, field string) error {
	err := errField(recognized && !extractOnly[fieldNames[field]], field, types.Interval)
	if field == "week" || field == "weeks" {
		return sqlerr.From(err).WithDetail("Months usually have fractional weeks.")
	}
	return err
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
	return checkTimestamp(origin + floorDivide(v-origin, length)*length)
}
