package expr

import (
	"strconv"
	"strings"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// defineJSON defines https://www.postgresql.org/docs/15/functions-json.html for
// jsonb.
func (b *builder) defineJSON() {
	b.defineJSONAccess()
	b.defineJSONTests()
	b.defineJSONChanges()
	b.defineJSONMakers()
	b.function("jsonb_typeof", "jsonb", "text", onJSON(func(v *types.JSONValue, _ []types.Datum) (types.Datum, error) {
		return types.StringDatum(jsonKindName(v)), nil
	}), "kind of value: object, array, string, number, boolean or null")
	b.function("jsonb_array_length", "jsonb", "int4", onJSON(jsonArrayLength), "number of elements")
	b.function("jsonb_pretty", "jsonb", "text", onJSON(func(v *types.JSONValue, _ []types.Datum) (types.Datum, error) {
		var out strings.Builder
		prettyJSON(&out, v, 0)
		return types.StringDatum(out.String()), nil
	}), "indented text")
}

// onJSON makes a kernel of a function of a parsed first argument and the others.
func onJSON(f func(v *types.JSONValue, rest []types.Datum) (types.Datum, error)) Kernel {
	return onParsed(types.ParseJSON, f)
}

// pathOf returns the elements of a text[].
func pathOf(d types.Datum) ([]types.Datum, error) {
	a, err := types.DecodeArray(types.Text, d.Str)
	return a.Elems, err
}

func (b *builder) defineJSONAccess() {
	for _, f := range []struct {
		field, path, function string
		result                string
		finish                func(text string, ok bool) (string, error)
	}{
		{"->", "#>", "jsonb_extract_path", "jsonb", jsonPart},
		{"->>", "#>>", "jsonb_extract_path_text", "text", jsonPartText},
	} {
		as := " as " + f.result
		b.operator(f.field, "jsonb,text", f.result, lift2e(func(s, key string) (string, error) {
			return f.finish(jsonMemberText(s, key))
		}), "member of an object"+as)
		b.operator(f.field, "jsonb,int4", f.result, lift2e(func(s string, index int64) (string, error) {
			if isScalarText(s) && (index == 0 || index == -1) {
				return f.finish(s, true) // PostgreSQL keeps a scalar as an array of one
			}
			return f.finish(jsonElementText(s, index))
		}), "element of an array, from 0, negative from the end,"+as)
		b.operator(f.path, "jsonb,text[]", f.result, lift2e(func(s, steps string) (string, error) {
			path, err := pathOf(types.StringDatum(steps))
			if err != nil {
				return "", err
			}
			return f.finish(jsonPathText(s, path))
		}), "value at a path"+as)
		b.function(f.function, "jsonb,text...", f.result, liftRows(func(_ *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
			text, err := f.finish(jsonPathText(row[0].Str, row[1:]))
			return types.StringDatum(text), err
		}), "value at a path"+as)
	}
}

// isScalarText reports whether the text is neither an array nor an object.
func isScalarText(s string) bool { return s != "" && s[0] != '[' && s[0] != '{' }

func (b *builder) defineJSONTests() {
	contains := func(a, b string) (int64, error) {
		x, err := types.ParseJSON(a)
		if err != nil {
			return 0, err
		}
		y, err := types.ParseJSON(b)
		return boolInt(err == nil && jsonContains(&x, &y, true)), err
	}
	b.operator("@>", "jsonb,jsonb", "bool", lift2e(contains), "whether the left value contains the right one")
	b.operator("<@", "jsonb,jsonb", "bool", lift2e(func(x, y string) (int64, error) { return contains(y, x) }), "whether the right value contains the left one")
	b.operator("?", "jsonb,text", "bool", onJSON(func(v *types.JSONValue, rest []types.Datum) (types.Datum, error) {
		return types.BoolDatum(jsonHas(v, rest[0].Str)), nil
	}), "whether a string is a key or an element")
	for _, o := range []struct {
		token, words string
		decisive     bool
	}{{"?|", "whether any of the strings is a key or an element", true}, {"?&", "whether all of the strings are keys or elements", false}} {
		b.operator(o.token, "jsonb,text[]", "bool", onJSON(func(v *types.JSONValue, rest []types.Datum) (types.Datum, error) {
			keys, err := pathOf(rest[0])
			for _, key := range keys {
				if key.Valid && jsonHas(v, key.Str) == o.decisive {
					return types.BoolDatum(o.decisive), nil
				}
			}
			return types.BoolDatum(!o.decisive), err
		}), o.words)
	}
}

func (b *builder) defineJSONChanges() {
	b.operator("||", "jsonb,jsonb", "jsonb", lift2e(func(x, y string) (string, error) {
		a, err := types.ParseJSON(x)
		if err != nil {
			return "", err
		}
		c, err := types.ParseJSON(y)
		if err != nil {
			return "", err
		}
		joined := jsonConcat(a, c)
		return jsonText(&joined), nil
	}), "objects merged, or arrays joined")
	b.operator("-", "jsonb,text", "jsonb", onJSON(func(v *types.JSONValue, rest []types.Datum) (types.Datum, error) {
		if err := deleteKeys(v, rest[0].Str); err != nil {
			return types.Null, err
		}
		return jsonResult(v)
	}), "without a key or the elements equal to a string")
	b.operator("-", "jsonb,int4", "jsonb", onJSON(func(v *types.JSONValue, rest []types.Datum) (types.Datum, error) {
		if err := deleteElement(v, rest[0].Int); err != nil {
			return types.Null, err
		}
		return jsonResult(v)
	}), "without the n-th element")
	b.operator("-", "jsonb,text[]", "jsonb", onJSON(func(v *types.JSONValue, rest []types.Datum) (types.Datum, error) {
		keys, err := pathOf(rest[0])
		if err != nil {
			return types.Null, err
		}
		for _, key := range keys {
			if err := deleteKeys(v, key.Str); err != nil {
				return types.Null, err
			}
		}
		if isScalar(v) {
			return types.Null, errDeleteFromScalar
		}
		return jsonResult(v)
	}), "without several keys")
	b.operator("#-", "jsonb,text[]", "jsonb", onJSON(deleteAtPath), "without the value at a path")
	for _, f := range []struct {
		name   string
		insert bool
		words  string
	}{{"jsonb_set", false, "with the value at a path replaced"}, {"jsonb_insert", true, "with a value inserted at a path"}} {
		change := onJSON(func(v *types.JSONValue, rest []types.Datum) (types.Datum, error) {
			flag := !f.insert
			if len(rest) == 3 {
				flag = rest[2].Int != 0
			}
			return setAtPath(v, rest[0], rest[1].Str, f.insert, flag)
		})
		b.function(f.name, "jsonb,text[],jsonb", "jsonb", change, f.words)
		b.function(f.name, "jsonb,text[],jsonb,bool", "jsonb", change, f.words)
	}
	b.function("jsonb_strip_nulls", "jsonb", "jsonb", onJSON(func(v *types.JSONValue, _ []types.Datum) (types.Datum, error) {
		stripNulls(v)
		return jsonResult(v)
	}), "without members that are null")
}

func stripNulls(v *types.JSONValue) {
	if v.Kind == types.JSONObject {
		for i := len(v.Keys) - 1; i >= 0; i-- {
			if v.Items[i].Kind == types.JSONNull {
				dropMember(v, v.Keys[i])
			}
		}
	}
	for i := range v.Items {
		stripNulls(&v.Items[i])
	}
}

func deleteAtPath(v *types.JSONValue, rest []types.Datum) (types.Datum, error) {
	if isScalar(v) {
		return types.Null, sqlerr.New(sqlerr.InvalidParameterValue, -1, "cannot delete path in scalar")
	}
	path, err := pathOf(rest[0])
	if err != nil || len(path) == 0 || len(v.Items) == 0 {
		return types.StringDatum(jsonText(v)), err
	}
	if err := checkPath(v, path); err != nil {
		return types.Null, err
	}
	last := path[len(path)-1]
	if parent := atPath(v, path[:len(path)-1]); parent != nil && last.Valid {
		if parent.Kind == types.JSONObject {
			dropMember(parent, last.Str)
		} else if index, err := strconv.ParseInt(last.Str, 10, 32); err == nil && parent.Kind == types.JSONArray {
			if err := deleteElement(parent, index); err != nil {
				return types.Null, err
			}
		}
	}
	return jsonResult(v)
}

// checkPath fails where a path steps into an array with what is not a number,
// or has a NULL.
func checkPath(v *types.JSONValue, path []types.Datum) error {
	for n, step := range path {
		if !step.Valid {
			return sqlerr.New(sqlerr.NullValueNotAllowed, -1, "path element at position %d is null", n+1)
		}
		if v.Kind == types.JSONArray {
			if _, err := strconv.ParseInt(step.Str, 10, 32); err != nil {
				return sqlerr.New(sqlerr.InvalidTextRepresentation, -1, "path element at position %d is not an integer: \"%s\"", n+1, step.Str)
			}
		}
		if v = atStep(v, step.Str); v == nil {
			return nil
		}
	}
	return nil
}

// setAtPath replaces or inserts. flag is create_if_missing of jsonb_set and
// insert_after of jsonb_insert.
func setAtPath(v *types.JSONValue, pathDatum types.Datum, replacement string, insert, flag bool) (types.Datum, error) {
	if isScalar(v) {
		return types.Null, sqlerr.New(sqlerr.InvalidParameterValue, -1, "cannot set path in scalar")
	}
	path, err := pathOf(pathDatum)
	if err != nil || len(path) == 0 || len(v.Items) == 0 && !insert && !flag {
		return types.StringDatum(jsonText(v)), err
	}
	item, err := types.ParseJSON(replacement)
	if err != nil {
		return types.Null, err
	}
	if err := checkPath(v, path); err != nil {
		return types.Null, err
	}
	parent, last := atPath(v, path[:len(path)-1]), path[len(path)-1].Str
	switch {
	case parent == nil || isScalar(parent):
	case parent.Kind == types.JSONObject:
		existing := member(parent, last)
		if existing != nil && insert {
			return types.Null, sqlerr.New(sqlerr.InvalidParameterValue, -1, "cannot replace existing key").
				WithHint("Try using the function jsonb_set to replace key value.")
		}
		if existing != nil || insert || flag {
			setMember(parent, last, item)
		}
	default:
		setElement(parent, last, item, insert, flag)
	}
	return jsonResult(v)
}

func setElement(array *types.JSONValue, step string, item types.JSONValue, insert, flag bool) {
	index, err := strconv.ParseInt(step, 10, 32)
	if err != nil {
		return
	}
	length := int64(len(array.Items))
	if index < 0 {
		index += length
	}
	inside := index >= 0 && index < length
	switch {
	case inside && !insert:
		array.Items[index] = item
	case inside || insert || flag:
		at := min(max(index, 0), length)
		if inside && insert && flag {
			at++
		}
		items := append(make([]types.JSONValue, 0, length+1), array.Items[:at]...)
		array.Items = append(append(items, item), array.Items[at:]...)
	}
}

func (b *builder) defineJSONMakers() {
	b.function("to_jsonb", "anyelement", "jsonb", liftRows(func(ctx *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		v, err := types.JSONBOf(args[0].Type, row[0], ctx.format())
		if err != nil {
			return types.Null, err
		}
		return jsonResult(&v)
	}), "the value as JSON", stable)
	buildArray := liftRows(func(ctx *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		v := types.JSONValue{Kind: types.JSONArray}
		for i, d := range row {
			item, err := types.JSONBOf(args[i].Type, d, ctx.format())
			if err != nil {
				return types.Null, err
			}
			v.Items = append(v.Items, item)
		}
		return jsonResult(&v)
	})
	buildObject := liftRows(jsonBuildObject)
	b.function("jsonb_build_array", "", "jsonb", buildArray, "array of the arguments", notStrict, stable)
	b.function("jsonb_build_array", "any...", "jsonb", buildArray, "array of the arguments", notStrict, stable)
	b.function("jsonb_build_object", "", "jsonb", buildObject, "object of keys and values in turn", notStrict, stable)
	b.function("jsonb_build_object", "any...", "jsonb", buildObject, "object of keys and values in turn", notStrict, stable)
}

func jsonBuildObject(ctx *Context, args []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
	if len(row)%2 == 1 {
		return types.Null, errOddArguments("jsonb_build_object")
	}
	v := types.JSONValue{Kind: types.JSONObject}
	for i := 0; i < len(row); i += 2 {
		if !row[i].Valid {
			return types.Null, sqlerr.New(sqlerr.InvalidParameterValue, -1, "argument %d: key must not be null", i+1)
		}
		key, err := jsonKey(ctx, args[i].Type, row[i])
		if err != nil {
			return types.Null, err
		}
		item, err := types.JSONBOf(args[i+1].Type, row[i+1], ctx.format())
		if err != nil {
			return types.Null, err
		}
		setMember(&v, key, item)
	}
	return jsonResult(&v)
}

// prettyJSON prints with four blanks per level, as jsonb_pretty does.
func prettyJSON(out *strings.Builder, v *types.JSONValue, level int) {
	if isScalar(v) {
		out.Write(types.AppendJSON(nil, v))
		return
	}
	brackets := "[]"
	if v.Kind == types.JSONObject {
		brackets = "{}"
	}
	out.WriteByte(brackets[0])
	for i := range v.Items {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString("\n" + strings.Repeat("    ", level+1))
		if v.Kind == types.JSONObject {
			out.Write(types.AppendJSONString(nil, v.Keys[i]))
			out.WriteString(": ")
		}
		prettyJSON(out, &v.Items[i], level+1)
	}
	out.WriteString("\n" + strings.Repeat("    ", level))
	out.WriteByte(brackets[1])
}
