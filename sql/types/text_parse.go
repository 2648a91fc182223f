package types

import (
	"millrace/sql/sqlerr"
)

// ParseText reads a value of type t from text by the rules of PostgreSQL's
// input functions, with their SQLSTATEs and messages, and fits it to t's
// modifier. Strings in the result may alias s.
func ParseText(t Type, s string, f *Format) (Datum, error) {
	switch t.Physical() {
	case PhysicalInt:
		v, err := parseIntText(t, s, f)
		if err != nil {
			return Null, err
		}
		return IntDatum(v), nil
	case PhysicalFloat:
		v, err := parseFloat(t, s)
		if err != nil {
			return Null, err
		}
		return FloatDatum(v), nil
	default:
		v, err := parseStringText(t, s, f)
		if err != nil {
			return Null, err
		}
		return StringDatum(v), nil
	}
}

// ParseTextInto reads a value as ParseText does and appends it to v. Nothing
// in v aliases s afterwards. On an error v is unchanged. Numbers, dates and
// timestamps in ISO form do not allocate beyond the vector's growth.
func ParseTextInto(v *Vector, s []byte, f *Format) error {
	return ParseTextIntoArena(v, s, f, nil)
}

// ParseTextIntoArena is ParseTextInto with the strings copied into an arena,
// which COPY keeps for one message. A nil arena copies each by itself.
func ParseTextIntoArena(v *Vector, s []byte, f *Format, arena *StringArena) error {
	// The alias lives only during this call; what is kept is copied.
	alias := aliasString(s)
	switch v.Type.Physical() {
	case PhysicalInt:
		n, err := parseIntText(v.Type, alias, f)
		if err != nil {
			return err
		}
		v.Ints = append(v.Ints, n)
		return nil
	case PhysicalFloat:
		n, err := parseFloat(v.Type, alias)
		if err != nil {
			return err
		}
		v.Floats = append(v.Floats, n)
		return nil
	}
	str, err := parseStringInto(v.Type, s, f, arena)
	if err != nil {
		return err
	}
	v.Strs = append(v.Strs, str)
	return nil
}

// parseStringInto reads a value of a type kept as a string into an arena.
func parseStringInto(t Type, s []byte, f *Format, arena *StringArena) (string, error) {
	alias := aliasString(s)
	switch t.Kind {
	case KindText, KindVarchar, KindBpchar, KindName, KindUnknown:
		fitted, err := parseStringText(t, alias, f)
		if err != nil {
			return "", err
		}
		return arena.CopyString(fitted), nil
	case KindNumeric:
		if t.Mod >= modifierHeader {
			break
		}
		if coefficient, scale, ok := parseSmallDecimal(alias); ok {
			var room [24]byte
			return arena.Copy(AppendNumericSmall(room[:0], coefficient, scale)), nil
		}
	case KindUUID:
		if id, ok := parseUUID(alias); ok {
			return arena.Copy(id[:]), nil
		}
	}
	return parseStringText(t, string(s), f)
}

// parseIntText reads a value of a type kept as an integer.
func parseIntText(t Type, s string, f *Format) (int64, error) {
	switch t.Kind {
	case KindBool:
		return parseBool(s)
	case KindInt2, KindInt4, KindInt8:
		if v, ok := parseShortInt(s); ok {
			if low, high := intBounds(t.Kind); v >= low && v <= high {
				return v, nil
			}
		}
		return parseInt(t, s)
	case KindDate:
		if iso, ok := parseISO(s); ok {
			return iso.days, nil
		}
		return parseDateSlow(s, f)
	case KindTime:
		if end, micros := parseISOTime(s, 0); end > 0 && end == len(s) {
			return roundMicros(micros, t.Mod), nil
		}
		v, err := parseTimeSlow(s, f)
		return roundMicros(v, t.Mod), err
	case KindEnum:
		return t.Named.Position(s)
	case KindTimeTZ:
		return parseTimeTZ(t, s, f)
	case KindTimestamp, KindTimestampTZ:
		return parseTimestamp(t, s, f)
	case KindOID:
		return parseOID(t, s)
	default:
		return parseReg(t, s)
	}
}

// parseTimestamp reads a timestamp with or without time zone.
func parseTimestamp(t Type, s string, f *Format) (int64, error) {
	iso, ok := parseISO(s)
	if !ok {
		v, err := parseTimestampSlow(t, s, f)
		if err != nil {
			return 0, err
		}
		return coerceTimestamp(t, v)
	}
	micros := iso.days*microsPerDay + iso.ofDay
	if t.Kind == KindTimestampTZ {
		if iso.hasOffset {
			micros -= int64(iso.offset) * microsPerSecond
		} else {
			micros = localToUTC(micros, f.TimeZone)
		}
	}
	return roundMicros(micros, t.Mod), nil
}

// parseReg reads the name of an object: an OID, "-" for none, or a type's name.
// Other names need the catalog.
func parseReg(t Type, s string) (int64, error) {
	if s == "-" {
		return 0, nil
	}
	if s != "" && allDigits(s) {
		return parseOID(OID, s)
	}
	switch t.Kind {
	case KindRegtype:
		named, err := TypeNamed(s)
		return int64(named.OID()), err
	case KindRegclass:
		return 0, sqlerr.New(sqlerr.UndefinedTable, -1, "relation \"%s\" does not exist", s)
	default:
		return 0, sqlerr.New(sqlerr.UndefinedFunction, -1, "function \"%s\" does not exist", s)
	}
}

// parseStringText reads a value of a type kept as a string. Text may alias s.
func parseStringText(t Type, s string, f *Format) (string, error) {
	switch t.Kind {
	case KindText, KindUnknown:
		return s, CheckUTF8(s)
	case KindVarchar, KindBpchar:
		if err := CheckUTF8(s); err != nil {
			return "", err
		}
		return fitString(t, s, false)
	case KindName:
		return truncateName(s), CheckUTF8(s)
	case KindChar:
		return parseChar(s), nil
	case KindBytea:
		return parseBytea(s)
	case KindUUID:
		id, ok := parseUUID(s)
		if !ok {
			return "", invalidSyntax(t, s)
		}
		return string(id[:]), nil
	case KindNumeric:
		v, err := ParseNumeric(s)
		if err != nil {
			return "", err
		}
		return fitNumeric(t, v)
	case KindInterval:
		v, err := parseInterval(t, s, f)
		return EncodeInterval(v), err
	case KindJSON:
		if err := CheckUTF8(s); err != nil {
			return "", err
		}
		return s, CheckJSON(s)
	case KindJSONB:
		if err := CheckUTF8(s); err != nil {
			return "", err
		}
		return NormalizeJSONB(s)
	case KindArray:
		return parseArrayText(*t.Elem, s, f)
	case KindStruct, KindMap:
		if t.Named != nil {
			return parseRowText(t, s, f)
		}
		return parseCompositeJSON(t, s, f)
	default:
		return "", sqlerr.New(sqlerr.FeatureNotSupported, -1, "cannot accept a value of type %s", t)
	}
}
