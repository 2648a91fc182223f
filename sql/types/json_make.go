package types

// AppendJSONText appends d, a value of type t or NULL, as JSON by the rules of
// PostgreSQL's to_json: as ToJSON does, but without a blank between the parts of arrays
// and rows, with all keys in their order, and with json and jsonb as their text.
// linefeeds puts each part of an array or row on a line of its own.
func AppendJSONText(buf []byte, t Type, d Datum, f *Format, linefeeds bool) []byte {
	if !d.Valid {
		return append(buf, "null"...)
	}
	switch t.Kind {
	case KindBool:
		if d.Int != 0 {
			return append(buf, "true"...)
		}
		return append(buf, "false"...)
	case KindInt2, KindInt4, KindInt8, KindFloat4, KindFloat8, KindNumeric:
		start := len(buf)
		buf = AppendText(buf, t, d, f)
		// Only infinities and what is not a number have letters in front.
		if c := buf[start:]; c[0]-'0' <= 9 || c[0] == '-' && c[1]-'0' <= 9 {
			return buf
		}
		return AppendJSONString(buf[:start], string(buf[start:]))
	case KindDate, KindTimestamp, KindTimestampTZ:
		return append(appendXSDTime(append(buf, '"'), t.Kind, d.Int, f), '"')
	case KindJSON, KindJSONB:
		return append(buf, d.Str...)
	case KindArray:
		return appendArrayJSON(buf, *t.Elem, d.Str, f, linefeeds)
	case KindStruct:
		return appendStructJSON(buf, t, d.Str, f, linefeeds)
	case KindMap:
		return appendMapJSON(buf, t, d.Str, f)
	case KindText, KindVarchar, KindBpchar, KindName:
		return AppendJSONString(buf, d.Str)
	}
	return AppendJSONString(buf, string(AppendText(nil, t, d, f)))
}

// appendJSONComma separates the parts of an array or row.
func appendJSONComma(buf []byte, part int, linefeeds bool) []byte {
	switch {
	case part == 0:
		return buf
	case linefeeds:
		return append(buf, ",\n "...)
	default:
		return append(buf, ',')
	}
}

func appendArrayJSON(buf []byte, elem Type, s string, f *Format, linefeeds bool) []byte {
	a, err := DecodeArray(elem, s)
	if err != nil || len(a.Dims) == 0 {
		return append(buf, "[]"...)
	}
	return a.appendDimensionJSON(buf, elem, 0, a.Elems, f, linefeeds)
}

// appendDimensionJSON appends the elements of one place in a dimension.
func (a *Array) appendDimensionJSON(buf []byte, elem Type, dimension int, elems []Datum, f *Format, linefeeds bool) []byte {
	buf = append(buf, '[')
	size := len(elems) / int(a.Dims[dimension])
	for i := range int(a.Dims[dimension]) {
		buf = appendJSONComma(buf, i, linefeeds)
		part := elems[i*size : (i+1)*size]
		if dimension+1 < len(a.Dims) {
			buf = a.appendDimensionJSON(buf, elem, dimension+1, part, f, false)
		} else {
			buf = AppendJSONText(buf, elem, part[0], f, false)
		}
	}
	return append(buf, ']')
}

func appendStructJSON(buf []byte, t Type, s string, f *Format, linefeeds bool) []byte {
	fields, _ := DecodeStruct(t, s)
	buf = append(buf, '{')
	for i, d := range fields {
		buf = appendJSONComma(buf, i, linefeeds)
		buf = append(AppendJSONString(buf, t.Fields[i].Name), ':')
		buf = AppendJSONText(buf, t.Fields[i].Type, d, f, false)
	}
	return append(buf, '}')
}

func appendMapJSON(buf []byte, t Type, s string, f *Format) []byte {
	entries, _ := DecodeMap(t, s)
	buf = append(buf, '{')
	for i, entry := range entries {
		buf = appendJSONComma(buf, i, false)
		buf = append(AppendJSONString(buf, string(AppendText(nil, *t.Key, entry.Key, f))), ':')
		buf = AppendJSONText(buf, *t.Elem, entry.Value, f, false)
	}
	return append(buf, '}')
}
