package expr

import (
	"strings"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// The aggregates that make JSON keep the text of each element (of each member, for an
// object), since the result is these texts side by side.

func (b *builder) defineJSONAggregates() {
	const elements, members = "JSON array of the elements in the order of the rows", "JSON object of keys and values"
	b.aggregate("json_agg", "any", "json", "text[]", newJSONTextCollector, elements, byValues, ordered)
	b.aggregate("jsonb_agg", "any", "jsonb", "text[]", newJSONCollector, elements, byValues, ordered)
	b.aggregate("json_object_agg", "any,any", "json", "text[]", newJSONTextObjectCollector, members, byValues, ordered)
	b.aggregate("jsonb_object_agg", "any,any", "jsonb", "text[]", newJSONObjectCollector, members, byValues, ordered)
}

// textCollector collects texts made of the rows.
func textCollector(element func(ctx *Context, args []*types.Vector, r int) (string, error), result func(texts []string) string) *collector {
	return &collector{
		element: func(ctx *Context, args []*types.Vector, r int) (types.Datum, error) {
			text, err := element(ctx, args, r)
			return types.StringDatum(text), err
		},
		encode: func(elements []types.Datum) types.Datum { return encodedArray(types.Text, elements) },
		decode: func(d types.Datum) []types.Datum { return decodedArray(types.Text, d) },
		result: func(elements []types.Datum) types.Datum {
			texts := make([]string, len(elements))
			for i, d := range elements {
				texts[i] = d.Str
			}
			return types.StringDatum(result(texts))
		},
	}
}

func newJSONTextCollector(args []types.Type) Accumulator {
	typ := args[0]
	structured := typ.Kind == types.KindArray || typ.Kind == types.KindStruct
	return textCollector(func(ctx *Context, args []*types.Vector, r int) (string, error) {
		return string(types.AppendJSONText(nil, typ, args[0].Datum(r), ctx.format(), false)), nil
	}, func(texts []string) string {
		var out strings.Builder
		for i, text := range texts {
			if i > 0 {
				out.WriteString(", ")
				if structured && text != "null" {
					out.WriteString("\n ") // as PostgreSQL does
				}
			}
			out.WriteString(text)
		}
		return "[" + out.String() + "]"
	})
}

func newJSONCollector(args []types.Type) Accumulator {
	typ := args[0]
	return textCollector(func(ctx *Context, args []*types.Vector, r int) (string, error) {
		v, err := types.JSONBOf(typ, args[0].Datum(r), ctx.format())
		return jsonText(&v), err
	}, func(texts []string) string { return "[" + strings.Join(texts, ", ") + "]" })
}

func newJSONTextObjectCollector(args []types.Type) Accumulator {
	typ := args[1]
	return textCollector(func(ctx *Context, args []*types.Vector, r int) (string, error) {
		key, err := memberKey(ctx, args[0], r)
		if err != nil {
			return "", err
		}
		return string(types.AppendJSONText([]byte(key+" : "), typ, args[1].Datum(r), ctx.format(), false)), nil
	}, func(texts []string) string { return "{ " + strings.Join(texts, ", ") + " }" })
}

func newJSONObjectCollector(args []types.Type) Accumulator {
	typ := args[1]
	return textCollector(func(ctx *Context, args []*types.Vector, r int) (string, error) {
		key, err := memberKey(ctx, args[0], r)
		if err != nil {
			return "", err
		}
		v, err := types.JSONBOf(typ, args[1].Datum(r), ctx.format())
		return key + ": " + jsonText(&v), err
	}, func(texts []string) string {
		// Each member is valid, so together they are; of equal keys the last counts.
		object, _ := types.NormalizeJSONB("{" + strings.Join(texts, ", ") + "}")
		return object
	})
}

// memberKey returns the key of a member, in quotes.
func memberKey(ctx *Context, keys *types.Vector, r int) (string, error) {
	if keys.IsNull(r) {
		return "", sqlerr.New(sqlerr.InvalidParameterValue, -1, "field name must not be null")
	}
	key, err := jsonKey(ctx, keys.Type, keys.Datum(r))
	return string(types.AppendJSONString(nil, key)), err
}
