package expr

import (
	"slices"
	"strconv"
	"strings"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// defineJSONText defines https://www.postgresql.org/docs/15/functions-json.html for
// json, whose values are text: each part keeps the way it was written.
func (b *builder) defineJSONText() {
	b.defineJSONTextAccess()
	b.defineJSONTextMakers()
	b.function("json_typeof", "json", "text", onJSONOutline(func(v *types.JSONValue, _ []types.Datum) (types.Datum, error) {
		return types.StringDatum(jsonKindName(v)), nil
	}), "kind of value: object, array, string, number, boolean or null")
	b.function("json_array_length", "json", "int4", onJSONOutline(jsonArrayLength), "number of elements")
	b.function("json_strip_nulls", "json", "json", onJSONText(func(v *types.JSONValue, _ []types.Datum) (types.Datum, error) {
		return types.StringDatum(string(appendWithoutNulls(nil, v))), nil
	}), "without members that are null")
}

// onJSONText makes a kernel of a function of a parsed first argument and the others.
func onJSONText(f func(v *types.JSONValue, rest []types.Datum) (types.Datum, error)) Kernel {
	return onParsed(types.ParseJSONText, f)
}

// onJSONOutline is onJSONText for functions that do not look at strings.
func onJSONOutline(f func(v *types.JSONValue, rest []types.Datum) (types.Datum, error)) Kernel {
	return onParsed(types.ParseJSONOutline, f)
}

func onParsed(parse func(text string) (types.JSONValue, error), f func(v *types.JSONValue, rest []types.Datum) (types.Datum, error)) Kernel {
	return liftRows(func(_ *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		v, err := parse(row[0].Str)
		if err != nil {
			return types.Null, err
		}
		return f(&v, row[1:])
	})
}

func jsonArrayLength(v *types.JSONValue, _ []types.Datum) (types.Datum, error) {
	switch v.Kind {
	case types.JSONArray:
		return types.IntDatum(int64(len(v.Items))), nil
	case types.JSONObject:
		return types.Null, sqlerr.New(sqlerr.InvalidParameterValue, -1, "cannot get array length of a non-array")
	}
	return types.Null, sqlerr.New(sqlerr.InvalidParameterValue, -1, "cannot get array length of a scalar")
}

func (b *builder) defineJSONTextAccess() {
	for _, f := range []struct {
		field, path, function string
		result                string
		finish                func(v *types.JSONValue) (types.Datum, error)
	}{
		{"->", "#>", "json_extract_path", "json", jsonTextOf},
		{"->>", "#>>", "json_extract_path_text", "text", jsonStringOf},
	} {
		as := " as " + f.result
		b.operator(f.field, "json,text", f.result, onJSONText(func(v *types.JSONValue, rest []types.Datum) (types.Datum, error) {
			return f.finish(lastMember(v, rest[0].Str))
		}), "member of an object"+as)
		b.operator(f.field, "json,int4", f.result, onJSONText(func(v *types.JSONValue, rest []types.Datum) (types.Datum, error) {
			return f.finish(element(v, rest[0].Int))
		}), "element of an array, from 0, negative from the end,"+as)
		b.operator(f.path, "json,text[]", f.result, liftRows(func(_ *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
			path, err := pathOf(row[1])
			if err != nil || slices.Contains(path, types.Null) {
				return types.Null, err
			}
			v, err := types.ParseJSONText(row[0].Str)
			if err != nil {
				return types.Null, err
			}
			if len(path) == 0 && isScalar(&v) {
				// PostgreSQL leaves the blanks in front of a scalar.
				v.Text = row[0].Str[:strings.LastIndex(row[0].Str, v.Text)+len(v.Text)]
			}
			return f.finish(atTextPath(&v, path))
		}), "value at a path"+as)
		b.function(f.function, "json,text...", f.result, onJSONText(func(v *types.JSONValue, rest []types.Datum) (types.Datum, error) {
			return f.finish(atTextPath(v, rest))
		}), "value at a path"+as)
	}
}

// lastMember returns the last value of an object's key, or nil.
func lastMember(v *types.JSONValue, key string) *types.JSONValue {
	if v.Kind != types.JSONObject {
		return nil
	}
	for i := len(v.Keys) - 1; i >= 0; i-- {
		if v.Keys[i] == key {
			return &v.Items[i]
		}
	}
	return nil
}

// atTextPath follows a path of keys and indexes, or returns nil.
func atTextPath(v *types.JSONValue, path []types.Datum) *types.JSONValue {
	for _, step := range path {
		switch {
		case v == nil || !step.Valid:
			return nil
		case v.Kind == types.JSONArray:
			index, err := strconv.ParseInt(step.Str, 10, 32)
			if err != nil {
				return nil
			}
			v = element(v, index)
		default:
			v = lastMember(v, step.Str)
		}
	}
	return v
}

// jsonTextOf returns a found value as json, SQL's NULL for none.
func jsonTextOf(v *types.JSONValue) (types.Datum, error) {
	if v == nil {
		return types.Null, nil
	}
	return types.StringDatum(v.Text), nil
}

// jsonStringOf returns a found value as text: a string without quotes, SQL's NULL for
// none and for null.
func jsonStringOf(v *types.JSONValue) (types.Datum, error) {
	switch {
	case v == nil || v.Kind == types.JSONNull:
		return types.Null, nil
	case v.Kind == types.JSONString:
		return types.StringDatum(v.Str), nil
	}
	return types.StringDatum(v.Text), nil
}

// appendWithoutNulls appends a value without blanks and without members that are null.
func appendWithoutNulls(buf []byte, v *types.JSONValue) []byte {
	switch v.Kind {
	case types.JSONArray:
		buf = append(buf, '[')
		for i := range v.Items {
			if i > 0 {
				buf = append(buf, ',')
			}
			buf = appendWithoutNulls(buf, &v.Items[i])
		}
		return append(buf, ']')
	case types.JSONObject:
		buf = append(buf, '{')
		start := len(buf)
		for i := range v.Items {
			if v.Items[i].Kind == types.JSONNull {
				continue
			}
			if len(buf) > start {
				buf = append(buf, ',')
			}
			buf = append(types.AppendJSONString(buf, v.Keys[i]), ':')
			buf = appendWithoutNulls(buf, &v.Items[i])
		}
		return append(buf, '}')
	case types.JSONString:
		return types.AppendJSONString(buf, v.Str)
	}
	return append(buf, v.Text...)
}

func (b *builder) defineJSONTextMakers() {
	toJSON := liftRows(func(ctx *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		linefeeds := len(row) > 1 && row[1].Int != 0
		return types.StringDatum(string(types.AppendJSONText(nil, args[0].Type, row[0], ctx.format(), linefeeds))), nil
	})
	b.function("to_json", "anyelement", "json", toJSON, "the value as JSON", stable)
	for _, f := range []struct{ name, arg, words string }{{"row_to_json", "record", "row"}, {"array_to_json", "anyarray", "array"}} {
		b.function(f.name, f.arg, "json", toJSON, "the "+f.words+" as JSON", stable)
		b.function(f.name, f.arg+",bool", "json", toJSON, "the "+f.words+" as JSON, each part on a line of its own if the second argument is true", stable)
	}
	buildArray, buildObject := liftRows(jsonTextArray), liftRows(jsonTextObject)
	b.function("json_build_array", "", "json", buildArray, "array of the arguments", notStrict, stable)
	b.function("json_build_array", "any...", "json", buildArray, "array of the arguments", notStrict, stable)
	b.function("json_build_object", "", "json", buildObject, "object of keys and values in turn", notStrict, stable)
	b.function("json_build_object", "any...", "json", buildObject, "object of keys and values in turn", notStrict, stable)
}

func jsonTextArray(ctx *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
	buf := []byte{'['}
	for i, d := range row {
		if i > 0 {
			buf = append(buf, ", "...)
		}
		buf = types.AppendJSONText(buf, args[i].Type, d, ctx.format(), false)
	}
	return types.StringDatum(string(append(buf, ']'))), nil
}

func jsonTextObject(ctx *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
	if len(row)%2 == 1 {
		return types.Null, errOddArguments("json_build_object")
	}
	buf := []byte{'{'}
	for i := 0; i < len(row); i += 2 {
		if !row[i].Valid {
			return types.Null, sqlerr.New(sqlerr.InvalidParameterValue, -1, "argument %d cannot be null", i+1).
				WithHint("Object keys should be text.")
		}
		key, err := jsonKey(ctx, args[i].Type, row[i])
		if err != nil {
			return types.Null, err
		}
		if i > 0 {
			buf = append(buf, ", "...)
		}
		buf = append(types.AppendJSONString(buf, key), " : "...)
		buf = types.AppendJSONText(buf, args[i+1].Type, row[i+1], ctx.format(), false)
	}
	return types.StringDatum(string(append(buf, '}'))), nil
}

func errOddArguments(function string) error {
	return sqlerr.New(sqlerr.InvalidParameterValue, -1, "argument list must have even number of elements").
		WithHint("The arguments of %s() must consist of alternating keys and values.", function)
}

// jsonKey returns a value as the key of an object.
func jsonKey(ctx *Context, t types.Type, d types.Datum) (string, error) {
	switch t.Kind {
	case types.KindArray, types.KindStruct, types.KindMap, types.KindJSON, types.KindJSONB:
		return "", sqlerr.New(sqlerr.InvalidParameterValue, -1, "key value must be scalar, not array, composite, or json")
	case types.KindBool:
		return strconv.FormatBool(d.Int != 0), nil
	case types.KindDate, types.KindTimestamp, types.KindTimestampTZ:
		v := types.ToJSON(t, d, ctx.format())
		return v.Str, nil
	}
	return textOf(ctx, t, d)
}
