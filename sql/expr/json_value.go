package expr

import (
	"slices"
	"strconv"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// jsonText returns a JSON value as a jsonb datum.
func jsonText(v *types.JSONValue) string { return string(types.AppendJSON(nil, v)) }

// compareKeys orders object keys as jsonb keeps them: by length, then by bytes.
func compareKeys(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// member returns the value of an object's key, or nil.
func member(v *types.JSONValue, key string) *types.JSONValue {
	if v.Kind != types.JSONObject {
		return nil
	}
	at, ok := slices.BinarySearchFunc(v.Keys, key, compareKeys)
	if !ok {
		return nil
	}
	return &v.Items[at]
}

// setMember sets an object's key.
func setMember(v *types.JSONValue, key string, item types.JSONValue) {
	at, ok := slices.BinarySearchFunc(v.Keys, key, compareKeys)
	if ok {
		v.Items[at] = item
		return
	}
	v.Keys = slices.Insert(v.Keys, at, key)
	v.Items = slices.Insert(v.Items, at, item)
}

// dropMember removes an object's key.
func dropMember(v *types.JSONValue, key string) {
	if at, ok := slices.BinarySearchFunc(v.Keys, key, compareKeys); ok {
		v.Keys = slices.Delete(v.Keys, at, at+1)
		v.Items = slices.Delete(v.Items, at, at+1)
	}
}

// element returns an array's element, counted from the end when negative, or
// nil.
func element(v *types.JSONValue, index int64) *types.JSONValue {
	if v.Kind != types.JSONArray {
		return nil
	}
	if index < 0 {
		index += int64(len(v.Items))
	}
	if index < 0 || index >= int64(len(v.Items)) {
		return nil
	}
	return &v.Items[index]
}

// atPath follows a path of keys and indexes, or returns nil.
func atPath(v *types.JSONValue, path []types.Datum) *types.JSONValue {
	for _, step := range path {
		if v == nil || !step.Valid {
			return nil
		}
		v = atStep(v, step.Str)
	}
	return v
}

// atStep returns the member or element that one step of a path names.
func atStep(v *types.JSONValue, step string) *types.JSONValue {
	if v.Kind != types.JSONArray {
		return member(v, step)
	}
	index, err := strconv.ParseInt(step, 10, 32)
	if err != nil {
		return nil
	}
	return element(v, index)
}

// jsonResult returns a found value as jsonb, SQL's NULL for none.
func jsonResult(v *types.JSONValue) (types.Datum, error) {
	if v == nil {
		return types.Null, nil
	}
	return types.StringDatum(jsonText(v)), nil
}

// jsonTextResult returns a found value as text: a string without quotes, SQL's
// NULL for none and for null.
func jsonTextResult(v *types.JSONValue) (types.Datum, error) {
	switch {
	case v == nil || v.Kind == types.JSONNull:
		return types.Null, nil
	case v.Kind == types.JSONString:
		return types.StringDatum(v.Str), nil
	}
	return jsonResult(v)
}

// jsonContains reports whether a contains b (@>).
func jsonContains(a, b *types.JSONValue, top bool) bool {
	switch {
	case a.Kind == types.JSONArray && b.Kind == types.JSONArray:
		for i := range b.Items {
			if !arrayHas(a, &b.Items[i]) {
				return false
			}
		}
		return true
	case a.Kind == types.JSONArray && top && b.Kind != types.JSONObject:
		return arrayHas(a, b)
	case a.Kind == types.JSONObject && b.Kind == types.JSONObject:
		for i, key := range b.Keys {
			v := member(a, key)
			if v == nil || !jsonContains(v, &b.Items[i], false) {
				return false
			}
		}
		return true
	}
	return jsonScalarsEqual(a, b)
}

// arrayHas reports whether an element of a contains (or, a scalar, equals) v.
func arrayHas(a, v *types.JSONValue) bool {
	for i := range a.Items {
		if a.Items[i].Kind == v.Kind && jsonContains(&a.Items[i], v, false) {
			return true
		}
	}
	return false
}

func jsonScalarsEqual(a, b *types.JSONValue) bool {
	if a.Kind != b.Kind {
		return false
	}
	switch a.Kind {
	case types.JSONNumber:
		return types.NumericCompare(a.Str, b.Str) == 0
	case types.JSONString:
		return a.Str == b.Str
	case types.JSONBool:
		return a.Bool == b.Bool
	}
	return a.Kind == types.JSONNull
}

// jsonHas reports whether a string is a key of an object, an element of an
// array, or the string itself (?).
func jsonHas(v *types.JSONValue, key string) bool {
	switch v.Kind {
	case types.JSONObject:
		return member(v, key) != nil
	case types.JSONArray:
		return slices.ContainsFunc(v.Items, func(item types.JSONValue) bool {
			return item.Kind == types.JSONString && item.Str == key
		})
	}
	return v.Kind == types.JSONString && v.Str == key
}

// jsonConcat is ||: objects are merged, all else is joined as arrays.
func jsonConcat(a, b types.JSONValue) types.JSONValue {
	if a.Kind == types.JSONObject && b.Kind == types.JSONObject {
		for i, key := range b.Keys {
			setMember(&a, key, b.Items[i])
		}
		return a
	}
	return types.JSONValue{Kind: types.JSONArray, Items: append(asItems(a), asItems(b)...)}
}

func asItems(v types.JSONValue) []types.JSONValue {
	if v.Kind == types.JSONArray {
		return slices.Clone(v.Items)
	}
	return []types.JSONValue{v}
}

var errDeleteFromScalar = sqlerr.New(sqlerr.InvalidParameterValue, -1, "cannot delete from scalar")

func isScalar(v *types.JSONValue) bool {
	return v.Kind != types.JSONArray && v.Kind != types.JSONObject
}

// deleteKeys removes keys of an object or strings of an array.
func deleteKeys(v *types.JSONValue, keys ...string) error {
	if isScalar(v) {
		return errDeleteFromScalar
	}
	for _, key := range keys {
		if v.Kind == types.JSONObject {
			dropMember(v, key)
			continue
		}
		v.Items = slices.DeleteFunc(v.Items, func(item types.JSONValue) bool {
			return item.Kind == types.JSONString && item.Str == key
		})
	}
	return nil
}

func deleteElement(v *types.JSONValue, index int64) error {
	switch {
	case isScalar(v):
		return errDeleteFromScalar
	case v.Kind == types.JSONObject:
		return sqlerr.New(sqlerr.InvalidParameterValue, -1, "cannot delete from object using integer index")
	}
	if index < 0 {
		index += int64(len(v.Items))
	}
	if index >= 0 && index < int64(len(v.Items)) {
		v.Items = slices.Delete(v.Items, int(index), int(index)+1)
	}
	return nil
}

// castJSONB converts a jsonb number or boolean.
func castJSONB(to types.Type) castFunc {
	want := types.JSONNumber
	if to.Kind == types.KindBool {
		want = types.JSONBool
	}
	number := castValue(types.Numeric, to)
	return func(ctx *Context, d types.Datum) (types.Datum, error) {
		v, err := types.ParseJSON(d.Str)
		if err != nil {
			return types.Null, err
		}
		if v.Kind != want {
			return types.Null, sqlerr.New(sqlerr.InvalidParameterValue, -1, "cannot cast jsonb %s to type %s", jsonKindNoun(&v), to)
		}
		if want == types.JSONBool {
			return types.BoolDatum(v.Bool), nil
		}
		return number(ctx, types.StringDatum(v.Str))
	}
}

func jsonKindName(v *types.JSONValue) string {
	return [...]string{"null", "string", "number", "boolean", "array", "object"}[v.Kind]
}

// jsonKindNoun is the kind as error messages of casts name it.
func jsonKindNoun(v *types.JSONValue) string {
	switch v.Kind {
	case types.JSONNumber:
		return "numeric"
	case types.JSONArray, types.JSONObject:
		return "array or object"
	}
	return jsonKindName(v)
}

// jsonSubscript is jsonb['key'] and jsonb[index].
func jsonSubscript(text string, index types.Type, d types.Datum) (types.Datum, error) {
	v, err := types.ParseJSON(text)
	if err != nil {
		return types.Null, err
	}
	if index.Physical() == types.PhysicalInt {
		return jsonResult(element(&v, d.Int))
	}
	return jsonResult(atStep(&v, d.Str))
}
