package expr

import "millrace/sql/types"

func (b *builder) defineTextSets() {
	split := func([]types.Type) RowSource {
		var cache regexCache
		return newList(func(_ *Context, args []types.Datum) ([][]types.Datum, error) {
			return elementsOf(regexpSplit(&cache, args))
		})
	}
	matches := func([]types.Type) RowSource {
		var cache regexCache
		return newList(func(_ *Context, args []types.Datum) ([][]types.Datum, error) { return regexpMatches(&cache, args) })
	}
	parts := func([]types.Type) RowSource {
		return newList(func(_ *Context, args []types.Datum) ([][]types.Datum, error) {
			return elementsOf(stringToArray(nil, nil, args, types.Type{}))
		})
	}
	for _, args := range []string{"text,text", "text,text,text"} {
		b.set("regexp_split_to_table", args, unnamed("text"), split, "the parts between matches")
		b.set("regexp_matches", args, unnamed("text[]"), matches, "the groups of the first match, with flag g of all matches")
		b.set("string_to_table", args, unnamed("text"), parts, "the parts between separators").Strict = false
	}
}

// elementsOf makes rows of the elements of a text[].
func elementsOf(array types.Datum, err error) ([][]types.Datum, error) {
	if err != nil || !array.Valid {
		return nil, err
	}
	a, err := types.DecodeArray(types.Text, array.Str)
	return [][]types.Datum{a.Elems}, err
}

func regexpMatches(c *regexCache, row []types.Datum) ([][]types.Datum, error) {
	re, o, err := c.withFlags(row, 1, 2)
	if err != nil {
		return nil, err
	}
	n := 1
	if o.global {
		n = -1
	}
	var out []types.Datum
	for _, at := range re.FindAllStringSubmatchIndex(row[0].Str, n) {
		out = append(out, groupsOf(re, row[0].Str, at))
	}
	return [][]types.Datum{out}, nil
}
