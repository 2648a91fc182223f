package expr

import "millrace/sql/types"

// defineTimeTZ defines the arithmetic of time with time zone, and timezone() for it
// (https://www.postgresql.org/docs/15/functions-datetime.html).
func (b *builder) defineTimeTZ() {
	for _, sign := range []struct {
		token string
		n     int64
		words string
	}{{"+", 1, "sum"}, {"-", -1, "difference"}} {
		b.operator(sign.token, "timetz,interval", "timetz", lift2(func(v int64, i string) int64 {
			return addToTimeTZ(v, i, sign.n)
		}), sign.words)
	}
	b.operator("+", "interval,timetz", "timetz", lift2(func(i string, v int64) int64 { return addToTimeTZ(v, i, 1) }), "sum")
	b.operator("+", "date,timetz", "timestamptz", lift2e(dateAtTimeTZ), "date at a time of day")
	b.operator("+", "timetz,date", "timestamptz", lift2e(func(t, v int64) (int64, error) { return dateAtTimeTZ(v, t) }), "date at a time of day")
	b.function("timezone", "text,timetz", "timetz", nil, "time of day in a time zone", stable, stateful(func() Kernel {
		var cache zoneCache
		return lift2c(func(ctx *Context, name string, v int64) (int64, error) {
			zone, err := cache.zone(name)
			if err != nil {
				return 0, err
			}
			return types.EncodeTimeTZ(types.DecodeTimeTZ(v).In(types.ZoneOffsetAt(ctx.Now, zone))), nil
		})
	}))
	b.function("timezone", "interval,timetz", "timetz", lift2e(func(offset string, v int64) (int64, error) {
		seconds, err := zoneShift(offset)
		return types.EncodeTimeTZ(types.DecodeTimeTZ(v).In(int(seconds))), err
	}), "time of day at an offset from UTC")
}

func addToTimeTZ(packed int64, interval string, n int64) int64 {
	v := types.DecodeTimeTZ(packed)
	v.Micros = floorModulo(v.Micros+n*types.DecodeInterval(interval).Micros, microsPerDay)
	return types.EncodeTimeTZ(v)
}

// dateAtTimeTZ returns the moment at which a day has a time.
func dateAtTimeTZ(days, packed int64) (int64, error) {
	v := types.DecodeTimeTZ(packed)
	return addTimeOfDay(days, v.Micros-int64(v.Offset)*microsPerSecond)
}

// castToTimeTZ converts a time or a timestamp to the session's time zone.
func castToTimeTZ(from types.Type) castFunc {
	if from.Kind == types.KindTime {
		return intCast(func(ctx *Context, v int64) (int64, error) {
			return types.EncodeTimeTZ(types.TimeToTimeTZ(v, ctx.Now, ctx.zone())), nil
		})
	}
	return intCast(func(ctx *Context, v int64) (int64, error) {
		if isInfinite(v) {
			return 0, errNull
		}
		return types.EncodeTimeTZ(types.TimestampToTimeTZ(v, ctx.zone())), nil
	})
}

// timeTZField is a field of a time with time zone.
func timeTZField(field dateTimeField, packed int64) (fieldValue, bool) {
	v := types.DecodeTimeTZ(packed)
	offset := int64(v.Offset) * microsPerSecond
	if field == fieldEpoch {
		return fieldValue{value: v.Micros - offset, scale: 6}, true
	}
	if zone, ok := zoneField(field, offset); ok {
		return zone, true
	}
	return timeField(field, v.Micros)
}
