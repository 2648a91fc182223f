package expr

import "millrace/sql/types"

// defineOverlaps defines overlaps(), which (a, b) OVERLAPS (c, d) stands for: the
// second of a pair is its other end or its length
// (https://www.postgresql.org/docs/15/functions-datetime.html).
func (b *builder) defineOverlaps() {
	const words = "whether two periods have a moment in common"
	b.function("overlaps", "timetz,timetz,timetz,timetz", "bool", liftRows(overlaps), words, notStrict)
	for _, name := range []string{"time", "timestamp", "timestamptz"} {
		t := typeNamed(name)
		var options []option
		if t.Kind == types.KindTimestampTZ {
			options = append(options, stable)
		}
		for _, second := range []string{name, "interval"} {
			for _, fourth := range []string{name, "interval"} {
				signature := name + "," + second + "," + name + "," + fourth
				b.function("overlaps", signature, "bool", liftRows(overlaps), words, append(options, notStrict)...)
			}
		}
	}
}

func overlaps(ctx *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
	first, err := periodBetween(ctx, args[0].Type, args[1].Type, row[0], row[1])
	if err != nil {
		return types.Null, err
	}
	second, err := periodBetween(ctx, args[2].Type, args[3].Type, row[2], row[3])
	if err != nil || !first.start.Valid || !second.start.Valid {
		return types.Null, err
	}
	if first.start.Int > second.start.Int {
		first, second = second, first
	}
	if first.start.Int == second.start.Int {
		if !first.end.Valid || !second.end.Valid {
			return types.Null, nil
		}
		return types.BoolDatum(true), nil
	}
	switch {
	case !first.end.Valid:
		return types.Null, nil
	case second.start.Int < first.end.Int:
		return types.BoolDatum(true), nil
	case !second.end.Valid:
		return types.Null, nil
	}
	return types.BoolDatum(false), nil
}

// period is a stretch of time; its end is not before its start. Of an end that is
// NULL nothing is known.
type period struct{ start, end types.Datum }

// periodBetween makes a period of one side of OVERLAPS: a start and an end or length.
func periodBetween(ctx *Context, t, second types.Type, start, end types.Datum) (period, error) {
	if second.Kind == types.KindInterval && end.Valid {
		length := types.DecodeInterval(end.Str)
		end = types.Null
		if start.Valid {
			v, err := addLength(ctx, t, start.Int, length)
			if err != nil {
				return period{}, err
			}
			end = types.IntDatum(v)
		}
	}
	if !start.Valid || end.Valid && end.Int < start.Int {
		start, end = end, start
	}
	return period{start, end}, nil
}

func addLength(ctx *Context, t types.Type, start int64, length types.IntervalValue) (int64, error) {
	switch t.Kind {
	case types.KindTime:
		return floorModulo(start+length.Micros, microsPerDay), nil
	case types.KindTimestamp:
		return types.AddToTimestamp(start, length)
	}
	return types.AddToTimestampTZ(start, length, ctx.zone())
}
