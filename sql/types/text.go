package types

import "strconv"

// AppendText appends d, a value of type t, as PostgreSQL 15 prints it under the
// session's settings. Nothing is appended for NULL: how that looks is up to the
// caller's protocol.
func AppendText(buf []byte, t Type, d Datum, f *Format) []byte {
	if !d.Valid {
		return buf
	}
	switch t.Physical() {
	case PhysicalInt:
		if t.Kind == KindEnum {
			return append(buf, t.Named.Label(d.Int)...)
		}
		return appendIntText(buf, t.Kind, d.Int, f)
	case PhysicalFloat:
		return appendFloatText(buf, t.Kind, d.Float, f)
	default:
		return appendStringText(buf, t, d.Str, f)
	}
}

// AppendVectorText appends value i of v as AppendText does, without allocating
// for types other than arrays, structs and maps.
func AppendVectorText(buf []byte, v *Vector, i int, f *Format) []byte {
	if v.IsNull(i) {
		return buf
	}
	switch v.Type.Physical() {
	case PhysicalInt:
		if v.Type.Kind == KindEnum {
			return append(buf, v.Type.Named.Label(v.Ints[i])...)
		}
		return appendIntText(buf, v.Type.Kind, v.Ints[i], f)
	case PhysicalFloat:
		return appendFloatText(buf, v.Type.Kind, v.Floats[i], f)
	default:
		return appendStringText(buf, v.Type, v.Strs[i], f)
	}
}

func appendIntText(buf []byte, kind Kind, v int64, f *Format) []byte {
	switch kind {
	case KindBool:
		if v != 0 {
			return append(buf, 't')
		}
		return append(buf, 'f')
	case KindDate:
		return appendDate(buf, v, f)
	case KindTime:
		return appendTimeOfDay(buf, v)
	case KindTimeTZ:
		return appendTimeTZ(buf, v)
	case KindTimestamp:
		return appendTimestamp(buf, v, f)
	case KindTimestampTZ:
		return appendTimestampTZ(buf, v, f)
	default:
		if kind.IsReg() {
			return appendReg(buf, kind, v, f)
		}
		return strconv.AppendInt(buf, v, 10)
	}
}

// appendReg appends an object's name as the session prints it, "-" for none, and
// its OID where there is no such object.
func appendReg(buf []byte, kind Kind, oid int64, f *Format) []byte {
	if oid == 0 {
		return append(buf, '-')
	}
	if f.ObjectName != nil {
		if name, ok := f.ObjectName(kind, uint32(oid)); ok {
			return append(buf, name...)
		}
	}
	if kind == KindRegtype {
		if t, ok := TypeByOID(uint32(oid)); ok {
			return append(buf, t.BaseName()...)
		}
	}
	return strconv.AppendInt(buf, oid, 10)
}

func appendStringText(buf []byte, t Type, s string, f *Format) []byte {
	switch t.Kind {
	case KindNumeric:
		return AppendNumericText(buf, s)
	case KindBytea:
		return appendBytea(buf, s, f)
	case KindUUID:
		return appendUUID(buf, s)
	case KindInterval:
		return appendInterval(buf, DecodeInterval(s), f)
	case KindChar:
		return appendChar(buf, s)
	case KindArray:
		if t.Vector {
			return appendBlankSeparated(buf, *t.Elem, s, f)
		}
		return appendArrayText(buf, *t.Elem, s, f)
	case KindStruct, KindMap:
		if t.Named != nil {
			return appendRowText(buf, t, s, f)
		}
		return appendCompositeJSON(buf, t, s, f)
	case KindVoid:
		return buf
	default:
		return append(buf, s...)
	}
}
