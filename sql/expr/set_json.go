package expr

import (
	"strings"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// defineJSONSets defines the set-returning functions of
// https://www.postgresql.org/docs/15/functions-json.html.
func (b *builder) defineJSONSets() {
	for _, family := range []jsonSets{
		{"jsonb", types.ParseJSON, jsonResult, jsonTextResult},
		{"json", types.ParseJSONText, jsonTextOf, jsonStringOf},
	} {
		b.jsonSets(family, "", family.name, family.part)
		b.jsonSets(family, "_text", "text", family.text)
		b.jsonSet(family, "_object_keys", unnamed("text"), func(name string, v *types.JSONValue) ([][]types.Datum, error) {
			switch v.Kind {
			case types.JSONObject:
				return [][]types.Datum{keysOf(v)}, nil
			case types.JSONArray:
				return nil, errCannotCall(name, "an array")
			}
			return nil, errCannotCall(name, "a scalar")
		}, "the keys of a JSON object")
	}
}

// jsonSets are the functions of json or of jsonb.
type jsonSets struct {
	name       string
	parse      func(text string) (types.JSONValue, error)
	part, text func(v *types.JSONValue) (types.Datum, error)
}

// jsonSets defines the functions that give parts as values of a type.
func (b *builder) jsonSets(family jsonSets, suffix, result string, finish func(*types.JSONValue) (types.Datum, error)) {
	value := SetColumn{Name: "value", Type: typeNamed(result)}
	b.jsonSet(family, "_array_elements"+suffix, []SetColumn{value}, func(name string, v *types.JSONValue) ([][]types.Datum, error) {
		values, err := finished(v, finish)
		if err == nil && v.Kind != types.JSONArray {
			err = errNotArray(name, v)
		}
		return [][]types.Datum{values}, err
	}, "the elements of a JSON array")
	b.jsonSet(family, "_each"+suffix, []SetColumn{{Name: "key", Type: types.Text}, value}, func(name string, v *types.JSONValue) ([][]types.Datum, error) {
		values, err := finished(v, finish)
		if err == nil && v.Kind != types.JSONObject {
			err = errNotDeconstructed(name, v)
		}
		return [][]types.Datum{keysOf(v), values}, err
	}, "the members of a JSON object")
}

func (b *builder) jsonSet(family jsonSets, suffix string, columns []SetColumn, rows func(name string, v *types.JSONValue) ([][]types.Datum, error), description string) {
	name := family.name + suffix
	newSource := func([]types.Type) RowSource {
		return newList(func(_ *Context, args []types.Datum) ([][]types.Datum, error) {
			v, err := family.parse(args[0].Str)
			if err != nil {
				return nil, err
			}
			return rows(name, &v)
		})
	}
	b.set(name, family.name, columns, newSource, description)
}

// finished are the elements or the members' values of a JSON value.
func finished(v *types.JSONValue, finish func(*types.JSONValue) (types.Datum, error)) ([]types.Datum, error) {
	out := make([]types.Datum, len(v.Items))
	for i := range v.Items {
		var err error
		if out[i], err = finish(&v.Items[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func keysOf(v *types.JSONValue) []types.Datum {
	keys := make([]types.Datum, len(v.Keys))
	for i, key := range v.Keys {
		keys[i] = types.StringDatum(key)
	}
	return keys
}

func errNotArray(name string, v *types.JSONValue) error {
	switch isBinary := strings.HasPrefix(name, "jsonb"); {
	case isBinary && v.Kind == types.JSONObject:
		return sqlerr.New(sqlerr.InvalidParameterValue, -1, "cannot extract elements from an object")
	case isBinary:
		return sqlerr.New(sqlerr.InvalidParameterValue, -1, "cannot extract elements from a scalar")
	case v.Kind == types.JSONObject:
		return errCannotCall(name, "a non-array")
	}
	return errCannotCall(name, "a scalar")
}

func errNotDeconstructed(name string, v *types.JSONValue) error {
	switch {
	case strings.HasPrefix(name, "jsonb"):
		return errCannotCall(name, "a non-object")
	case v.Kind == types.JSONArray:
		return sqlerr.New(sqlerr.InvalidParameterValue, -1, "cannot deconstruct an array as an object")
	}
	return sqlerr.New(sqlerr.InvalidParameterValue, -1, "cannot deconstruct a scalar")
}

func errCannotCall(name, what string) error {
	return sqlerr.New(sqlerr.InvalidParameterValue, -1, "cannot call %s on %s", name, what)
}
