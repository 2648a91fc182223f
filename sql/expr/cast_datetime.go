package expr

import (
	"millrace/sql/types"
)

// intCast makes a castFunc of a conversion between types held as integers.
func intCast(f func(ctx *Context, v int64) (int64, error)) castFunc {
	return func(ctx *Context, d types.Datum) (types.Datum, error) {
		v, err := f(ctx, d.Int)
		if err != nil {
			return types.Null, err
		}
		return types.IntDatum(v), nil
	}
}

// castDateTime converts between dates, times, timestamps and intervals.
func castDateTime(from, to types.Type) castFunc {
	if to.Kind == types.KindTimeTZ {
		return castToTimeTZ(from)
	}
	switch (castPair{from.Kind, to.Kind}) {
	case castPair{types.KindDate, types.KindTimestamp}:
		return intCast(func(_ *Context, v int64) (int64, error) { return dateToTimestamp(v) })
	case castPair{types.KindDate, types.KindTimestampTZ}:
		return intCast(func(ctx *Context, v int64) (int64, error) {
			micros, err := dateToTimestamp(v)
			if err != nil || isInfinite(micros) {
				return micros, err
			}
			if micros, err = checkTimestamp(localToUTC(micros, ctx.zone())); err != nil {
				return 0, errDateTooLarge
			}
			return micros, nil
		})
	case castPair{types.KindTimestamp, types.KindDate}:
		return intCast(func(_ *Context, v int64) (int64, error) { return types.TimestampToDate(v), nil })
	case castPair{types.KindTimestampTZ, types.KindDate}:
		return intCast(func(ctx *Context, v int64) (int64, error) {
			return types.TimestampToDate(types.TimestampToLocal(v, ctx.zone())), nil
		})
	case castPair{types.KindTimeTZ, types.KindTime}:
		return intCast(func(_ *Context, v int64) (int64, error) { return types.DecodeTimeTZ(v).Micros, nil })
	case castPair{types.KindTimestamp, types.KindTime}:
		return intCast(func(_ *Context, v int64) (int64, error) { return timeOfDay(v) })
	case castPair{types.KindTimestampTZ, types.KindTime}:
		return intCast(func(ctx *Context, v int64) (int64, error) {
			return timeOfDay(types.TimestampToLocal(v, ctx.zone()))
		})
	case castPair{types.KindTimestamp, types.KindTimestampTZ}:
		return intCast(func(ctx *Context, v int64) (int64, error) { return zonedTimestamp(v, ctx) })
	case castPair{types.KindTimestampTZ, types.KindTimestamp}:
		return intCast(func(ctx *Context, v int64) (int64, error) { return types.TimestampToLocal(v, ctx.zone()), nil })
	case castPair{types.KindTime, types.KindInterval}:
		return func(_ *Context, d types.Datum) (types.Datum, error) {
			return types.StringDatum(types.EncodeInterval(types.IntervalValue{Micros: d.Int})), nil
		}
	}
	return func(_ *Context, d types.Datum) (types.Datum, error) {
		return types.IntDatum(floorModulo(types.DecodeInterval(d.Str).Micros, microsPerDay)), nil
	}
}

// timeOfDay returns a timestamp's time of day; infinite timestamps have none.
func timeOfDay(micros int64) (int64, error) {
	if isInfinite(micros) {
		return 0, errNull
	}
	_, ofDay := splitTimestamp(micros)
	return ofDay, nil
}

// zonedTimestamp reads a timestamp in the session's time zone.
func zonedTimestamp(micros int64, ctx *Context) (int64, error) {
	if isInfinite(micros) {
		return micros, nil
	}
	return checkTimestamp(localToUTC(micros, ctx.zone()))
}
