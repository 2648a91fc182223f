package types

// The first bytes of jsonb values in the key encoding; see keys.go.
const (
	keyJSONEmptyArray = 0x01
	keyJSONNull       = 0x02
	keyJSONString     = 0x03
	keyJSONNumber     = 0x04
	keyJSONFalse      = 0x05
	keyJSONTrue       = 0x06
	keyJSONArray      = 0x07
	keyJSONObject     = 0x08
)

// appendKeyJSONB appends a jsonb value by its canonical text.
func appendKeyJSONB(buf []byte, s string) []byte {
	// Text that is not JSON counts as null; NormalizeJSONB lets none through.
	v, _ := ParseJSON(s)
	if v.isEmptyArray() {
		return append(buf, keyJSONEmptyArray)
	}
	return appendKeyJSONValue(buf, &v)
}

func appendKeyJSONValue(buf []byte, v *JSONValue) []byte {
	switch v.Kind {
	case JSONNull:
		return append(buf, keyJSONNull)
	case JSONString:
		return appendKeyBytes(append(buf, keyJSONString), v.Str)
	case JSONNumber:
		return appendKeyNumeric(append(buf, keyJSONNumber), v.Str)
	case JSONBool:
		if v.Bool {
			return append(buf, keyJSONTrue)
		}
		return append(buf, keyJSONFalse)
	}
	tag := byte(keyJSONArray)
	if v.Kind == JSONObject {
		tag = keyJSONObject
	}
	buf = appendKeyInt(append(buf, tag), int64(len(v.Items)))
	for i := range v.Items {
		if v.Kind == JSONObject {
			buf = appendKeyBytes(buf, v.Keys[i])
		}
		buf = appendKeyJSONValue(buf, &v.Items[i])
	}
	return buf
}

// decodeKeyJSONB reads a jsonb value from the front of a key and appends its
// canonical text to buf.
func decodeKeyJSONB(buf, key []byte, depth int) (text, rest []byte, err error) {
	if len(key) == 0 || depth > maxJSONDepth {
		return nil, nil, corruptKeyError()
	}
	tag, key := key[0], key[1:]
	switch tag {
	case keyJSONEmptyArray:
		if depth > 0 {
			return nil, nil, corruptKeyError()
		}
		return append(buf, "[]"...), key, nil
	case keyJSONNull:
		return append(buf, "null"...), key, nil
	case keyJSONFalse:
		return append(buf, "false"...), key, nil
	case keyJSONTrue:
		return append(buf, "true"...), key, nil
	case keyJSONString:
		s, rest, err := decodeKeyBytes(key)
		return AppendJSONString(buf, s), rest, err
	case keyJSONNumber:
		d, rest, err := DecodeKey(Numeric, key)
		if err != nil || !d.Valid || numericIsSpecial(d.Str) {
			return nil, nil, corruptKeyError()
		}
		return AppendNumericText(buf, d.Str), rest, nil
	case keyJSONArray, keyJSONObject:
		return decodeKeyContainer(buf, key, tag == keyJSONObject, depth)
	default:
		return nil, nil, corruptKeyError()
	}
}

func decodeKeyContainer(buf, key []byte, object bool, depth int) (text, rest []byte, err error) {
	count, key, err := decodeKeyInt(key)
	if err != nil || count < 0 || count > int64(len(key)) {
		return nil, nil, corruptKeyError()
	}
	brackets := "[]"
	if object {
		brackets = "{}"
	}
	buf = append(buf, brackets[0])
	for i := range count {
		if i > 0 {
			buf = append(buf, ", "...)
		}
		if object {
			var name string
			if name, key, err = decodeKeyBytes(key); err != nil {
				return nil, nil, err
			}
			buf = append(AppendJSONString(buf, name), ": "...)
		}
		if buf, key, err = decodeKeyJSONB(buf, key, depth+1); err != nil {
			return nil, nil, err
		}
	}
	return append(buf, brackets[1]), key, nil
}
