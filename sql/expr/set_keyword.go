package expr

import "millrace/sql/types"

// Keyword is a row of pg_get_keywords: its category is U, C, T or R.
type Keyword struct {
	Word      string
	Category  byte
	BareLabel bool
}

// keywordCategories are PostgreSQL's words for the categories.
var keywordCategories = map[byte]string{
	'U': "unreserved",
	'C': "unreserved (cannot be function or type name)",
	'T': "reserved (can be function or type name)",
	'R': "reserved",
}

func (b *builder) defineKeywords() {
	columns := []SetColumn{
		{Name: "word", Type: types.Text}, {Name: "catcode", Type: types.Char}, {Name: "barelabel", Type: types.Bool},
		{Name: "catdesc", Type: types.Text}, {Name: "baredesc", Type: types.Text},
	}
	b.set("pg_get_keywords", "", columns, func([]types.Type) RowSource {
		return newList(func(ctx *Context, _ []types.Datum) ([][]types.Datum, error) {
			out := make([][]types.Datum, len(columns))
			if ctx.Session == nil {
				return out, nil
			}
			for _, k := range ctx.Session.Keywords() {
				label := "requires AS"
				if k.BareLabel {
					label = "can be bare label"
				}
				for i, d := range []types.Datum{
					types.StringDatum(k.Word), types.StringDatum(string(k.Category)), types.BoolDatum(k.BareLabel),
					types.StringDatum(keywordCategories[k.Category]), types.StringDatum(label),
				} {
					out[i] = append(out[i], d)
				}
			}
			return out, nil
		})
	}, "the keywords of SQL and how they may be used")
}
