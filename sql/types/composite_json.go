package types

import (
	"math"
	"time"

	"millrace/sql/sqlerr"
)

// ToJSON returns d, a value of type t or NULL, as JSON by the rules of
// PostgreSQL's to_jsonb: numbers and booleans as such, arrays as arrays, structs
// and maps as objects, times in ISO 8601 in the session's time zone, all else
// as a string of its text. Strings may alias d's.
func ToJSON(t Type, d Datum, f *Format) JSONValue {
	if !d.Valid {
		return JSONValue{Kind: JSONNull}
	}
	switch t.Kind {
	case KindBool:
		return JSONValue{Kind: JSONBool, Bool: d.Int != 0}
	case KindInt2, KindInt4, KindInt8:
		return JSONValue{Kind: JSONNumber, Str: NumericFromInt64(d.Int)}
	case KindFloat4, KindFloat8:
		return floatToJSON(t, d, f)
	case KindNumeric:
		if !numericIsSpecial(d.Str) {
			return JSONValue{Kind: JSONNumber, Str: d.Str}
		}
	case KindDate, KindTimestamp, KindTimestampTZ:
		return JSONValue{Kind: JSONString, Str: string(appendXSDTime(nil, t.Kind, d.Int, f))}
	case KindJSON:
		// Text that jsonb cannot hold is null; JSONBOf says so.
		v, _ := ParseJSON(d.Str)
		return v
	case KindJSONB:
		// What is stored was normalized, so it is JSON.
		v, _ := ParseJSON(d.Str)
		return v
	case KindArray:
		return arrayToJSON(*t.Elem, d.Str, f)
	case KindStruct:
		return structToJSON(t, d.Str, f)
	case KindMap:
		return mapToJSON(t, d.Str, f)
	case KindText, KindVarchar, KindBpchar, KindName:
		return JSONValue{Kind: JSONString, Str: d.Str}
	}
	return JSONValue{Kind: JSONString, Str: string(AppendText(nil, t, d, f))}
}

// JSONBOf returns d as ToJSON does, and the error of json that jsonb cannot hold: with
// an escaped zero character, with a number out of range.
func JSONBOf(t Type, d Datum, f *Format) (JSONValue, error) {
	if d.Valid && t.Kind == KindJSON {
		return ParseJSON(d.Str)
	}
	return ToJSON(t, d, f), nil
}

func floatToJSON(t Type, d Datum, f *Format) JSONValue {
	printed := string(AppendText(nil, t, d, f))
	if math.IsNaN(d.Float) || math.IsInf(d.Float, 0) {
		return JSONValue{Kind: JSONString, Str: printed}
	}
	number, err := ParseNumeric(printed)
	if err != nil {
		return JSONValue{Kind: JSONString, Str: printed}
	}
	return JSONValue{Kind: JSONNumber, Str: number}
}

// appendXSDTime appends a date or timestamp as XML Schema writes it: T between
// date and time, hours and minutes in the offset.
func appendXSDTime(buf []byte, kind Kind, v int64, f *Format) []byte {
	iso := Format{TimeZone: f.TimeZone}
	if kind == KindDate || isInfiniteTimestamp(v) {
		return appendIntText(buf, kind, v, &iso)
	}
	offset := 0
	if kind == KindTimestampTZ {
		offset = offsetOfUTC(v, f.TimeZone)
	}
	days, ofDay := splitMicros(v + int64(offset)*microsPerSecond)
	c := civilFromDays(days)
	buf = append(appendISODate(buf, c), 'T')
	buf = appendTimeOfDay(buf, ofDay)
	if kind == KindTimestampTZ {
		buf = appendOffset(buf, offset)
		if offset%int(time.Hour/time.Second) == 0 {
			buf = append(buf, ":00"...)
		}
	}
	return appendEra(buf, c)
}

func arrayToJSON(elem Type, s string, f *Format) JSONValue {
	a, err := DecodeArray(elem, s)
	if err != nil || len(a.Dims) == 0 {
		return JSONValue{Kind: JSONArray}
	}
	items := make([]JSONValue, len(a.Elems))
	for i, d := range a.Elems {
		items[i] = ToJSON(elem, d, f)
	}
	// The innermost dimension is folded first.
	for i := len(a.Dims) - 1; i > 0; i-- {
		length := int(a.Dims[i])
		folded := make([]JSONValue, 0, len(items)/length)
		for ; len(items) > 0; items = items[length:] {
			folded = append(folded, JSONValue{Kind: JSONArray, Items: items[:length:length]})
		}
		items = folded
	}
	return JSONValue{Kind: JSONArray, Items: items}
}

func structToJSON(t Type, s string, f *Format) JSONValue {
	v := JSONValue{Kind: JSONObject}
	fields, err := DecodeStruct(t, s)
	if err != nil {
		return v
	}
	for i, d := range fields {
		v.Keys = append(v.Keys, t.Fields[i].Name)
		v.Items = append(v.Items, ToJSON(t.Fields[i].Type, d, f))
	}
	v.normalizeObject()
	return v
}

func mapToJSON(t Type, s string, f *Format) JSONValue {
	v := JSONValue{Kind: JSONObject}
	entries, err := DecodeMap(t, s)
	if err != nil {
		return v
	}
	for _, entry := range entries {
		v.Keys = append(v.Keys, string(AppendText(nil, *t.Key, entry.Key, f)))
		v.Items = append(v.Items, ToJSON(*t.Elem, entry.Value, f))
	}
	v.normalizeObject()
	return v
}

// FromJSON returns a JSON value as a datum of type t: the inverse of ToJSON. It
// also reads numbers and booleans from strings. A struct's fields that the
// object lacks are NULL, keys that the struct lacks are ignored.
func FromJSON(t Type, v *JSONValue, f *Format) (Datum, error) {
	switch {
	case t.Kind == KindJSONB || t.Kind == KindJSON:
		return StringDatum(string(AppendJSON(nil, v))), nil
	case v.Kind == JSONNull:
		return Null, nil
	case t.Kind == KindArray && v.Kind == JSONArray:
		return arrayFromJSON(t, v, f)
	case t.Kind == KindStruct && v.Kind == JSONObject:
		return structFromJSON(t, v, f)
	case t.Kind == KindMap && v.Kind == JSONObject:
		return mapFromJSON(t, v, f)
	case t.Kind == KindStruct || t.Kind == KindMap || t.Kind == KindArray && v.Kind != JSONString:
		return Null, sqlerr.New(sqlerr.InvalidTextRepresentation, -1, "cannot read JSON as type %s", t)
	case v.Kind == JSONString:
		return ParseText(t, v.Str, f)
	default:
		return ParseText(t, string(AppendJSON(nil, v)), f)
	}
}

// arrayFromJSON reads an array; arrays within it are its further dimensions
// unless its elements are arrays or JSON themselves.
func arrayFromJSON(t Type, v *JSONValue, f *Format) (Datum, error) {
	var a Array
	nested := t.Elem.Kind != KindArray && t.Elem.Kind != KindJSONB && t.Elem.Kind != KindJSON
	if err := a.appendJSON(*t.Elem, v, 0, nested, f); err != nil {
		return Null, err
	}
	if len(a.Elems) == 0 {
		a = Array{}
	}
	return StringDatum(EncodeArray(*t.Elem, a)), nil
}

// appendJSON adds the elements of v, the array at a depth, to a.
func (a *Array) appendJSON(elem Type, v *JSONValue, depth int, nested bool, f *Format) error {
	if depth == len(a.Dims) && len(a.Elems) == 0 && depth < maxDimensions {
		a.Dims = append(a.Dims, int32(len(v.Items)))
	}
	if depth >= len(a.Dims) || int(a.Dims[depth]) != len(v.Items) {
		return unevenJSONError()
	}
	for i := range v.Items {
		item := &v.Items[i]
		if nested && item.Kind == JSONArray {
			if err := a.appendJSON(elem, item, depth+1, nested, f); err != nil {
				return err
			}
			continue
		}
		d, err := FromJSON(elem, item, f)
		if err != nil {
			return err
		}
		if depth+1 != len(a.Dims) {
			return unevenJSONError()
		}
		a.Elems = append(a.Elems, d)
	}
	return nil
}

func unevenJSONError() error {
	return sqlerr.New(sqlerr.InvalidTextRepresentation, -1, "malformed JSON array").
		WithDetail("Multidimensional arrays must have sub-arrays with matching dimensions.")
}

func structFromJSON(t Type, v *JSONValue, f *Format) (Datum, error) {
	fields := make([]Datum, len(t.Fields))
	for i, field := range t.Fields {
		for n, key := range v.Keys {
			if key != field.Name {
				continue
			}
			d, err := FromJSON(field.Type, &v.Items[n], f)
			if err != nil {
				return Null, err
			}
			fields[i] = d
		}
	}
	return StringDatum(EncodeStruct(t, fields)), nil
}

func mapFromJSON(t Type, v *JSONValue, f *Format) (Datum, error) {
	entries := make([]MapEntry, len(v.Items))
	for i := range v.Items {
		key, err := ParseText(*t.Key, v.Keys[i], f)
		if err != nil {
			return Null, err
		}
		value, err := FromJSON(*t.Elem, &v.Items[i], f)
		if err != nil {
			return Null, err
		}
		entries[i] = MapEntry{Key: key, Value: value}
	}
	return StringDatum(EncodeMap(t, entries)), nil
}

// appendCompositeJSON appends a struct or map as the jsonb that clients see.
func appendCompositeJSON(buf []byte, t Type, s string, f *Format) []byte {
	return appendJSONValue(buf, t, StringDatum(s), f)
}

func appendJSONValue(buf []byte, t Type, d Datum, f *Format) []byte {
	v := ToJSON(t, d, f)
	return AppendJSON(buf, &v)
}

// parseCompositeJSON reads a struct or map from JSON text and encodes it.
func parseCompositeJSON(t Type, s string, f *Format) (string, error) {
	d, err := parseJSONValue(t, s, f)
	if err == nil && !d.Valid {
		err = sqlerr.New(sqlerr.InvalidTextRepresentation, -1, "cannot read JSON null as type %s", t)
	}
	return d.Str, err
}

// parseJSONValue reads a value of type t from JSON text.
func parseJSONValue(t Type, s string, f *Format) (Datum, error) {
	if err := CheckUTF8(s); err != nil {
		return Null, err
	}
	v, err := ParseJSON(s)
	if err != nil {
		return Null, err
	}
	return FromJSON(t, &v, f)
}
