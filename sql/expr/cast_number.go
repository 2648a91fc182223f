package expr

import (
	"math"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

func errOutOfRange(t types.Type) error {
	t.Mod = -1
	return sqlerr.New(sqlerr.NumericValueOutOfRange, -1, "%s out of range", t)
}

var (
	errSmallintRange = sqlerr.New(sqlerr.NumericValueOutOfRange, -1, "smallint out of range")
	errIntegerRange  = sqlerr.New(sqlerr.NumericValueOutOfRange, -1, "integer out of range")
	errBigintRange   = sqlerr.New(sqlerr.NumericValueOutOfRange, -1, "bigint out of range")
	errOverflow      = sqlerr.New(sqlerr.NumericValueOutOfRange, -1, "value out of range: overflow")
	errUnderflow     = sqlerr.New(sqlerr.NumericValueOutOfRange, -1, "value out of range: underflow")
)

// checkInteger returns v if the integer type can hold it.
func checkInteger(v int64, k types.Kind) (int64, error) {
	switch k {
	case types.KindInt2:
		if v != int64(int16(v)) {
			return 0, errSmallintRange
		}
	case types.KindInt4:
		if v != int64(int32(v)) {
			return 0, errIntegerRange
		}
	}
	return v, nil
}

func castInteger(from, to types.Type) castFunc {
	switch to.Kind {
	case types.KindBool:
		return func(_ *Context, d types.Datum) (types.Datum, error) { return types.BoolDatum(d.Int != 0), nil }
	case types.KindInt2, types.KindInt4, types.KindInt8:
		return func(_ *Context, d types.Datum) (types.Datum, error) {
			v := d.Int
			if isOIDKind(from.Kind) && to.Kind == types.KindInt4 {
				return types.IntDatum(int64(int32(uint32(v)))), nil
			}
			v, err := checkInteger(v, to.Kind)
			return types.IntDatum(v), err
		}
	case types.KindFloat8:
		return func(_ *Context, d types.Datum) (types.Datum, error) { return types.FloatDatum(float64(d.Int)), nil }
	case types.KindFloat4:
		return func(_ *Context, d types.Datum) (types.Datum, error) {
			return types.FloatDatum(float64(float32(d.Int))), nil
		}
	case types.KindNumeric:
		return func(_ *Context, d types.Datum) (types.Datum, error) {
			return types.StringDatum(types.NumericFromInt64(d.Int)), nil
		}
	}
	return func(_ *Context, d types.Datum) (types.Datum, error) {
		if from.Kind == types.KindInt8 && (d.Int < 0 || d.Int > math.MaxUint32) {
			return types.Null, sqlerr.New(sqlerr.NumericValueOutOfRange, -1, "OID out of range")
		}
		return types.IntDatum(int64(uint32(d.Int))), nil
	}
}

func castFloat(from, to types.Type) castFunc {
	switch to.Kind {
	case types.KindInt2, types.KindInt4, types.KindInt8:
		return func(_ *Context, d types.Datum) (types.Datum, error) {
			v, err := floatToInteger(d.Float, to.Kind)
			return types.IntDatum(v), err
		}
	case types.KindFloat4:
		return func(_ *Context, d types.Datum) (types.Datum, error) {
			v, err := toFloat4(d.Float)
			return types.FloatDatum(v), err
		}
	case types.KindNumeric:
		convert := types.NumericFromFloat
		if from.Kind == types.KindFloat4 {
			convert = types.NumericFromFloat4
		}
		return func(_ *Context, d types.Datum) (types.Datum, error) { return types.StringDatum(convert(d.Float)), nil }
	}
	return func(_ *Context, d types.Datum) (types.Datum, error) { return d, nil }
}

// floatToInteger rounds to the nearest integer, ties to even, as PostgreSQL
// does.
func floatToInteger(f float64, k types.Kind) (int64, error) {
	rounded := math.RoundToEven(f)
	if !(rounded >= -0x1p63 && rounded < 0x1p63) {
		switch k {
		case types.KindInt2:
			return 0, errSmallintRange
		case types.KindInt4:
			return 0, errIntegerRange
		}
		return 0, errBigintRange
	}
	return checkInteger(int64(rounded), k)
}

// toFloat4 rounds to real and fails when that makes infinity or zero of
// another value.
func toFloat4(f float64) (float64, error) {
	r := float64(float32(f))
	switch {
	case math.IsInf(r, 0) && !math.IsInf(f, 0):
		return 0, errOverflow
	case r == 0 && f != 0:
		return 0, errUnderflow
	}
	return r, nil
}

func castNumeric(to types.Type) castFunc {
	switch to.Kind {
	case types.KindInt2, types.KindInt4, types.KindInt8:
		return func(_ *Context, d types.Datum) (types.Datum, error) {
			v, err := numericToInteger(d.Str, to)
			return types.IntDatum(v), err
		}
	case types.KindFloat4:
		return func(_ *Context, d types.Datum) (types.Datum, error) {
			text := string(types.AppendText(nil, types.Numeric, d, types.DefaultFormat()))
			return types.ParseText(types.Float4, text, types.DefaultFormat())
		}
	}
	return func(_ *Context, d types.Datum) (types.Datum, error) {
		f := types.NumericToFloat(d.Str)
		if math.IsInf(f, 0) {
			text := string(types.AppendText(nil, types.Numeric, d, types.DefaultFormat()))
			return types.ParseText(types.Float8, text, types.DefaultFormat())
		}
		return types.FloatDatum(f), nil
	}
}

// numericToInteger rounds half away from zero.
func numericToInteger(s string, to types.Type) (int64, error) {
	if types.NumericIsNaN(s) {
		return 0, sqlerr.New(sqlerr.FeatureNotSupported, -1, "cannot convert NaN to %s", to)
	}
	if s == types.NumericInfinity || s == types.NumericNegativeInfinity {
		return 0, sqlerr.New(sqlerr.FeatureNotSupported, -1, "cannot convert infinity to %s", to)
	}
	rounded, err := types.NumericRound(s, 0)
	if err != nil {
		return 0, err
	}
	v, ok := types.NumericToInt64(rounded)
	if !ok {
		return 0, errOutOfRange(to)
	}
	return checkInteger(v, to.Kind)
}
