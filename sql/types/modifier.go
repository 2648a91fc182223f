package types

import (
	"strconv"

	"millrace/sql/sqlerr"
)

// modifierHeader is what PostgreSQL adds to the length in the modifiers of
// character types and numeric (the size of a varlena header).
const modifierHeader = 4

const (
	maxCharLength       = 10485760
	maxNumericPrecision = 1000
	maxNumericScale     = 1000
	maxTimePrecision    = 6
)

// withModifiers applies the modifiers that were written behind a type's name.
func withModifiers(t Type, name string, mods []int32) (Type, error) {
	switch t.Kind {
	case KindVarchar, KindBpchar:
		return charWithModifiers(t, name, mods)
	case KindNumeric:
		return numericWithModifiers(mods)
	case KindTime, KindTimeTZ, KindTimestamp, KindTimestampTZ:
		return timeWithModifiers(t, mods)
	case KindFloat8:
		if name == "float" {
			return floatWithModifiers(mods)
		}
	}
	if len(mods) > 0 {
		return Type{}, sqlerr.New(sqlerr.SyntaxError, -1, "type modifier is not allowed for type %q", kinds[t.Kind].name)
	}
	return t, nil
}

func charWithModifiers(t Type, name string, mods []int32) (Type, error) {
	if len(mods) == 0 {
		if name == "char" || name == "character" {
			t.Mod = 1 + modifierHeader
		}
		return t, nil
	}
	short := "varchar"
	if t.Kind == KindBpchar {
		short = "char"
	}
	switch {
	case len(mods) > 1:
		return Type{}, sqlerr.New(sqlerr.InvalidParameterValue, -1, "invalid type modifier")
	case mods[0] < 1:
		return Type{}, sqlerr.New(sqlerr.InvalidParameterValue, -1, "length for type %s must be at least 1", short)
	case mods[0] > maxCharLength:
		return Type{}, sqlerr.New(sqlerr.InvalidParameterValue, -1,
			"length for type %s cannot exceed %d", short, maxCharLength)
	}
	t.Mod = mods[0] + modifierHeader
	return t, nil
}

func numericWithModifiers(mods []int32) (Type, error) {
	if len(mods) == 0 {
		return Numeric, nil
	}
	if len(mods) > 2 {
		return Type{}, sqlerr.New(sqlerr.InvalidParameterValue, -1, "invalid NUMERIC type modifier")
	}
	precision, scale := mods[0], int32(0)
	if precision < 1 || precision > maxNumericPrecision {
		return Type{}, sqlerr.New(sqlerr.InvalidParameterValue, -1,
			"NUMERIC precision %d must be between 1 and %d", precision, maxNumericPrecision)
	}
	if len(mods) == 2 {
		scale = mods[1]
		if scale < -maxNumericScale || scale > maxNumericScale {
			return Type{}, sqlerr.New(sqlerr.InvalidParameterValue, -1,
				"NUMERIC scale %d must be between %d and %d", scale, -maxNumericScale, maxNumericScale)
		}
	}
	return NumericOf(precision, scale), nil
}

// NumericOf returns the type numeric(precision, scale); both must be in
// PostgreSQL's limits.
func NumericOf(precision, scale int32) Type {
	return Type{Kind: KindNumeric, Mod: (precision<<16 | scale&0x7ff) + modifierHeader}
}

// VarcharOf returns the type character varying(length), length at least 1.
func VarcharOf(length int32) Type { return Type{Kind: KindVarchar, Mod: length + modifierHeader} }

// BpcharOf returns the type character(length), length at least 1.
func BpcharOf(length int32) Type { return Type{Kind: KindBpchar, Mod: length + modifierHeader} }

// numericModifier takes a numeric modifier apart; the scale is a signed number
// of 11 bits.
func numericModifier(mod int32) (precision, scale int32) {
	mod -= modifierHeader
	return mod >> 16 & 0xffff, mod << 21 >> 21
}

// NumericModifier returns the precision and scale of a numeric type; ok is
// false when it has none.
func (t Type) NumericModifier() (precision, scale int32, ok bool) {
	if t.Kind != KindNumeric || t.Mod < modifierHeader {
		return 0, 0, false
	}
	precision, scale = numericModifier(t.Mod)
	return precision, scale, true
}

// Length returns n of varchar(n) and char(n), in characters; ok is false when
// the type has no length.
func (t Type) Length() (n int32, ok bool) {
	if (t.Kind != KindVarchar && t.Kind != KindBpchar) || t.Mod < modifierHeader {
		return 0, false
	}
	return t.Mod - modifierHeader, true
}

func timeWithModifiers(t Type, mods []int32) (Type, error) {
	if len(mods) == 0 {
		return t, nil
	}
	if len(mods) > 1 {
		return Type{}, sqlerr.New(sqlerr.InvalidParameterValue, -1, "invalid type modifier")
	}
	if mods[0] < 0 {
		name, suffix := "TIMESTAMP", ""
		if t.Kind == KindTime || t.Kind == KindTimeTZ {
			name = "TIME"
		}
		if t.Kind == KindTimestampTZ || t.Kind == KindTimeTZ {
			suffix = " WITH TIME ZONE"
		}
		return Type{}, sqlerr.New(sqlerr.InvalidParameterValue, -1,
			"%s(%d)%s precision must not be negative", name, mods[0], suffix)
	}
	t.Mod = min(mods[0], maxTimePrecision)
	return t, nil
}

func floatWithModifiers(mods []int32) (Type, error) {
	switch {
	case len(mods) == 0:
		return Float8, nil
	case len(mods) > 1:
		return Type{}, sqlerr.New(sqlerr.SyntaxError, -1, "type modifier is not allowed for type %q", "float")
	case mods[0] < 1:
		return Type{}, sqlerr.New(sqlerr.InvalidParameterValue, -1, "precision for type float must be at least 1 bit")
	case mods[0] > 53:
		return Type{}, sqlerr.New(sqlerr.InvalidParameterValue, -1, "precision for type float must be less than 54 bits")
	case mods[0] <= 24:
		return Float4, nil
	default:
		return Float8, nil
	}
}

// The bits of an interval modifier's upper half: which fields it has. The
// lower half is the number of fractional digits of seconds.
const (
	intervalMonth  = 1 << 1
	intervalYear   = 1 << 2
	intervalDay    = 1 << 3
	intervalHour   = 1 << 10
	intervalMinute = 1 << 11
	intervalSecond = 1 << 12

	intervalFullRange     = 0x7fff
	intervalFullPrecision = 0xffff
)

// intervalFieldMasks maps the fields that may follow the word interval to
// their bits.
var intervalFieldMasks = map[string]int32{
	"":                 intervalFullRange,
	"year":             intervalYear,
	"month":            intervalMonth,
	"day":              intervalDay,
	"hour":             intervalHour,
	"minute":           intervalMinute,
	"second":           intervalSecond,
	"year to month":    intervalYear | intervalMonth,
	"day to hour":      intervalDay | intervalHour,
	"day to minute":    intervalDay | intervalHour | intervalMinute,
	"day to second":    intervalDay | intervalHour | intervalMinute | intervalSecond,
	"hour to minute":   intervalHour | intervalMinute,
	"hour to second":   intervalHour | intervalMinute | intervalSecond,
	"minute to second": intervalMinute | intervalSecond,
}

func intervalWithModifiers(fields int32, mods []int32) (Type, error) {
	precision := int32(intervalFullPrecision)
	switch {
	case len(mods) > 1:
		return Type{}, sqlerr.New(sqlerr.InvalidParameterValue, -1, "invalid INTERVAL type modifier")
	case len(mods) == 1 && mods[0] < 0:
		return Type{}, sqlerr.New(sqlerr.InvalidParameterValue, -1,
			"INTERVAL(%d) precision must not be negative", mods[0])
	case len(mods) == 1:
		precision = min(mods[0], maxTimePrecision)
	}
	if fields == intervalFullRange && precision == intervalFullPrecision {
		return Interval, nil
	}
	return Type{Kind: KindInterval, Mod: fields<<16 | precision}, nil
}

// intervalModifier takes an interval modifier apart; precision is -1 when none
// was given.
func intervalModifier(mod int32) (fields, precision int32) {
	if mod < 0 {
		return intervalFullRange, -1
	}
	precision = mod & 0xffff
	if precision == intervalFullPrecision {
		precision = -1
	}
	return mod >> 16 & intervalFullRange, precision
}

// intervalModifierName returns the modifier as it is written behind the word
// interval.
func intervalModifierName(mod int32) string {
	fields, precision := intervalModifier(mod)
	name := ""
	for words, mask := range intervalFieldMasks {
		if mask == fields && words != "" {
			name = " " + words
		}
	}
	if precision >= 0 {
		name += "(" + strconv.Itoa(int(precision)) + ")"
	}
	return name
}
