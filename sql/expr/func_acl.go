package expr

import (
	"strings"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// accessDefault is what PUBLIC and the owner of a new object may do, by the letters of
// an aclitem.
type accessDefault struct{ public, owner string }

// accessDefaults are PostgreSQL's, by kind of object
// (https://www.postgresql.org/docs/15/functions-info.html#FUNCTIONS-ACLITEM-FN-TABLE).
var accessDefaults = map[string]accessDefault{
	"c": {}, "r": {"", "arwdDxt"}, "s": {"", "rwU"}, "d": {"Tc", "CTc"}, "f": {"X", "X"}, "l": {"U", "U"},
	"L": {"", "rw"}, "n": {"", "UC"}, "p": {"", "sA"}, "t": {"", "C"}, "F": {"", "U"}, "S": {"", "U"}, "T": {"U", "U"},
}

// defineAccessLists defines acldefault, whose aclitems are text here.
func (b *builder) defineAccessLists() {
	b.function("acldefault", "char,oid", "text[]", liftRows(func(ctx *Context, _ []*types.Vector, row []types.Datum, _ types.Type) (types.Datum, error) {
		access, ok := accessDefaults[row[0].Str]
		if !ok {
			return types.Null, sqlerr.New(sqlerr.InvalidParameterValue, -1, "unrecognized object type abbreviation: %s", row[0].Str)
		}
		owner := ""
		if ctx.Session != nil {
			owner = QuoteIdentifier(ctx.Session.UserName(uint32(row[1].Int)))
		}
		var items []types.Datum
		if access.public != "" {
			items = append(items, types.StringDatum("="+access.public+"/"+owner))
		}
		if access.owner != "" {
			items = append(items, types.StringDatum(owner+"="+access.owner+"/"+owner))
		}
		return encodedArray(types.Text, items), nil
	}), "access list of a new object of a kind (r, s, n, …) and owner", stable)
}

// defineOptionSets defines pg_options_to_table, which takes options such as
// pg_class.reloptions apart.
func (b *builder) defineOptionSets() {
	b.set("pg_options_to_table", "text[]", []SetColumn{{Name: "option_name", Type: types.Text}, {Name: "option_value", Type: types.Text}}, func([]types.Type) RowSource {
		return newList(func(_ *Context, args []types.Datum) ([][]types.Datum, error) {
			options, err := types.DecodeArray(types.Text, args[0].Str)
			if err != nil {
				return nil, err
			}
			names, values := []types.Datum{}, []types.Datum{}
			for _, option := range options.Elems {
				name, value, given := strings.Cut(option.Str, "=")
				names = append(names, types.StringDatum(name))
				if given {
					values = append(values, types.StringDatum(value))
				} else {
					values = append(values, types.Null)
				}
			}
			return [][]types.Datum{names, values}, nil
		})
	}, "the names and values of options")
}
