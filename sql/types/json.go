package types

import (
	"slices"
	"strings"
)

// JSONKind is the kind of a JSON value. The kinds stand in the order that
// PostgreSQL sorts jsonb values of different kinds in.
type JSONKind uint8

// The kinds of JSON values.
const (
	JSONNull JSONKind = iota
	JSONString
	JSONNumber
	JSONBool
	JSONArray
	JSONObject
)

// JSONValue is a JSON value taken apart.
type JSONValue struct {
	Kind JSONKind
	// Bool is the value of a boolean.
	Bool bool
	// Str is the text of a string, unescaped, or a number as a numeric (its text, from
	// ParseJSONText).
	Str string
	// Text is the stretch of the text that the value takes, from ParseJSONText.
	Text string
	// Keys are the keys of an object: shorter ones first, those of the same
	// length by bytes, each once. From ParseJSONText they are as they were written.
	Keys []string
	// Items are the elements of an array, or the values of an object in the
	// order of Keys.
	Items []JSONValue
}

// NormalizeJSONB returns JSON text in the one form that jsonb keeps and
// PostgreSQL prints: keys ordered and each once (the last counts), numbers as
// numerics, a blank behind commas and colons. Text that is not JSON is 22P02,
// and an escaped zero character 22P05.
func NormalizeJSONB(text string) (string, error) {
	v, err := ParseJSON(text)
	if err != nil {
		return "", err
	}
	return aliasString(AppendJSON(make([]byte, 0, len(text)+len(text)/8), &v)), nil
}

// AppendJSON appends v as canonical jsonb text.
func AppendJSON(buf []byte, v *JSONValue) []byte {
	switch v.Kind {
	case JSONNull:
		return append(buf, "null"...)
	case JSONBool:
		if v.Bool {
			return append(buf, "true"...)
		}
		return append(buf, "false"...)
	case JSONString:
		return AppendJSONString(buf, v.Str)
	case JSONNumber:
		return AppendNumericText(buf, v.Str)
	case JSONArray:
		buf = append(buf, '[')
		for i := range v.Items {
			if i > 0 {
				buf = append(buf, ", "...)
			}
			buf = AppendJSON(buf, &v.Items[i])
		}
		return append(buf, ']')
	default:
		buf = append(buf, '{')
		for i := range v.Items {
			if i > 0 {
				buf = append(buf, ", "...)
			}
			buf = append(AppendJSONString(buf, v.Keys[i]), ": "...)
			buf = AppendJSON(buf, &v.Items[i])
		}
		return append(buf, '}')
	}
}

// AppendJSONString appends s in double quotes with the escapes that PostgreSQL
// prints.
func AppendJSONString(buf []byte, s string) []byte {
	buf = append(buf, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		buf = append(buf, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			buf = append(buf, '\\', c)
		case '\b':
			buf = append(buf, `\b`...)
		case '\f':
			buf = append(buf, `\f`...)
		case '\n':
			buf = append(buf, `\n`...)
		case '\r':
			buf = append(buf, `\r`...)
		case '\t':
			buf = append(buf, `\t`...)
		default:
			buf = append(buf, `\u00`...)
			buf = append(buf, hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(buf, s[start:]...), '"')
}

// compareJSONKeys is the order of keys within an object.
func compareJSONKeys(a, b string) int {
	if len(a) != len(b) {
		return compareInt64(int64(len(a)), int64(len(b)))
	}
	return strings.Compare(a, b)
}

// normalizeObject orders the keys of an object; of equal ones the last stays.
func (v *JSONValue) normalizeObject() {
	sorted := true
	for i := 1; i < len(v.Keys); i++ {
		if compareJSONKeys(v.Keys[i-1], v.Keys[i]) >= 0 {
			sorted = false
			break
		}
	}
	if sorted {
		return
	}
	order := make([]int, len(v.Keys))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return compareJSONKeys(v.Keys[a], v.Keys[b]) })
	keys := make([]string, 0, len(order))
	items := make([]JSONValue, 0, len(order))
	for n, i := range order {
		if n+1 < len(order) && v.Keys[i] == v.Keys[order[n+1]] {
			continue
		}
		keys = append(keys, v.Keys[i])
		items = append(items, v.Items[i])
	}
	v.Keys, v.Items = keys, items
}

// CompareJSONB orders two jsonb values by their text as PostgreSQL's btree
// does: objects, arrays, booleans, numbers, strings, null, the greatest first;
// containers by their number of elements before their contents. An empty array
// at the top is the least of all, a quirk that PostgreSQL keeps.
func CompareJSONB(a, b string) int {
	if a == b {
		return 0
	}
	x, errX := ParseJSON(a)
	y, errY := ParseJSON(b)
	if errX != nil || errY != nil {
		return strings.Compare(a, b)
	}
	if emptyX, emptyY := x.isEmptyArray(), y.isEmptyArray(); emptyX != emptyY {
		if emptyX {
			return -1
		}
		return 1
	}
	return compareJSON(&x, &y)
}

func (v *JSONValue) isEmptyArray() bool { return v.Kind == JSONArray && len(v.Items) == 0 }

func compareJSON(a, b *JSONValue) int {
	if a.Kind != b.Kind {
		return compareInt64(int64(a.Kind), int64(b.Kind))
	}
	switch a.Kind {
	case JSONString:
		return strings.Compare(a.Str, b.Str)
	case JSONNumber:
		return NumericCompare(a.Str, b.Str)
	case JSONBool:
		return compareBool(a.Bool, b.Bool)
	}
	if len(a.Items) != len(b.Items) {
		return compareInt64(int64(len(a.Items)), int64(len(b.Items)))
	}
	for i := range a.Items {
		if a.Kind == JSONObject {
			if order := strings.Compare(a.Keys[i], b.Keys[i]); order != 0 {
				return order
			}
		}
		if order := compareJSON(&a.Items[i], &b.Items[i]); order != 0 {
			return order
		}
	}
	return 0
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}
