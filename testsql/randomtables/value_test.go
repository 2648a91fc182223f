package randomtables

import (
	"fmt"
	"strings"
)

// columnTypes are the types of columns, often used ones several times. Their
// names are those of format_type.
var columnTypes = []string{
	"integer", "integer", "integer", "integer", "bigint", "smallint", "numeric", "numeric(6,2)",
	"text", "text", "text", "character varying(5)", "character(3)", "boolean", "boolean",
	"date", "timestamp without time zone", "timestamp with time zone", "time without time zone", "interval",
	"double precision", "real", "uuid", "bytea", "integer[]", "jsonb",
}

// literals are few, so that rows meet. No two literals of a type are equal and
// print differently, since which of them stands for a group is left open; sums
// of the floating point ones are exact.
var literals = map[string][]string{
	"integer":                     {"0", "1", "2", "3", "4", "5", "6", "7", "-1", "100"},
	"bigint":                      {"0", "1", "2", "3", "-5", "4000000000"},
	"smallint":                    {"0", "1", "2", "3", "4", "-7"},
	"numeric":                     {"0", "1.5", "-2.25", "10", "7", "123456789012345678901234"},
	"numeric(6,2)":                {"0.5", "1", "1.25", "-3", "1000"},
	"text":                        {"'red'", "'green'", "'blue'", "'ångström'", "''", "'a b'"},
	"character varying(5)":        {"'red'", "'green'", "'blue'", "''"},
	"character(3)":                {"'red'", "'x'", "''"},
	"boolean":                     {"true", "false"},
	"date":                        {"'2001-02-03'", "'1999-12-31'", "'2024-02-29'"},
	"timestamp without time zone": {"'2001-02-03 04:05:06'", "'1999-12-31 23:59:59.999'", "'2024-02-29'"},
	"timestamp with time zone":    {"'2001-02-03 04:05:06+00'", "'2024-02-29 12:00+02'"},
	"time without time zone":      {"'00:00'", "'12:34:56.789'"},
	"interval":                    {"'1 day'", "'2 hours'", "'-3 months'"},
	"double precision":            {"0", "1.5", "-2.25", "1e10"},
	"real":                        {"0", "0.5", "-8"},
	"uuid":                        {"'00000000-0000-0000-0000-000000000001'", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"},
	"bytea":                       {`'\x00ff'`, `'\x'`, `'abc'`},
	"integer[]":                   {"'{}'", "'{1,2}'", "'{NULL,3}'"},
	"jsonb":                       {`'{"a": 1}'`, `'[]'`, `'null'`, `'"x"'`},
}

// wrong are values that a column of the type refuses.
var wrong = map[string][]string{
	"integer":              {"3000000000", "'x'"},
	"smallint":             {"40000"},
	"numeric(6,2)":         {"10000", "1e9"},
	"character varying(5)": {"'too long'"},
	"character(3)":         {"'long'"},
	"boolean":              {"'maybe'"},
	"date":                 {"'2001-02-30'", "'x'"},
	"uuid":                 {"'x'"},
	"jsonb":                {"'{'"},
}

// wrappers make another value of the type from one.
var wrappers = map[string][]string{
	"integer":                     {"%s + 1", "- %s", "abs(%s)", "%s %% 5", "coalesce(%s, 0)", "%s * 2 %% 100"},
	"bigint":                      {"%s + 1", "- %s", "coalesce(%s, 7)", "%s %% 10"},
	"smallint":                    {"%s %% 3::smallint", "abs(%s)", "coalesce(%s, 1::smallint)"},
	"numeric":                     {"%s + 1", "- %s", "coalesce(%s, 0)"},
	"numeric(6,2)":                {"- %s", "coalesce(%s, 1.25)"},
	"text":                        {"left(%s || 'x', 4)", "upper(%s)", "coalesce(%s, 'none')", "nullif(%s, 'red')", "reverse(%s)"},
	"character varying(5)":        {"coalesce(%s, 'none')", "left(%s, 2)"},
	"boolean":                     {"NOT %s", "coalesce(%s, true)", "%s IS NULL"},
	"date":                        {"%s + 1", "coalesce(%s, '2000-01-01')"},
	"timestamp without time zone": {"%s + interval '1 day'", "date_trunc('month', %s)"},
	"timestamp with time zone":    {"%s - interval '1 hour'"},
	"interval":                    {"- %s"},
	"double precision":            {"%s + 0.5", "- %s"},
	"integer[]":                   {"%s || 9", "%s[1:2]"},
}

func (g *generator) pick(list ...string) string { return list[g.IntN(len(list))] }

// oneIn says yes once in n times.
func (g *generator) oneIn(n int) bool { return g.IntN(n) == 0 }

// literal returns a constant for a column of a type.
func (g *generator) literal(typ string) string {
	list := literals[typ]
	switch {
	case len(list) == 0 || g.oneIn(9):
		return "NULL"
	case g.oneIn(70) && len(wrong[typ]) > 0:
		return g.pick(wrong[typ]...)
	case g.oneIn(6) && typ == "integer":
		return fmt.Sprint(g.IntN(60))
	}
	return g.pick(list...)
}

// plain is a literal that is right and not NULL, with its type.
func (g *generator) plain(typ string) string {
	list := literals[typ]
	if len(list) == 0 {
		return "NULL::" + typ
	}
	if literal := g.pick(list...); strings.HasPrefix(literal, "'") || strings.HasPrefix(typ, "numeric") {
		return literal + "::" + typ
	} else if typ == "integer" || typ == "boolean" {
		return literal
	} else {
		return "(" + literal + ")::" + typ
	}
}

// source is a table under a name in a statement.
type source struct {
	*table
	alias string
}

// scalar returns an expression of a type over the columns of tables.
func (g *generator) scalar(typ string, depth int, tables ...source) string {
	var columns []string
	for _, t := range tables {
		for _, c := range t.columns {
			if c.typ == typ {
				columns = append(columns, t.alias+"."+c.name)
			}
		}
	}
	value := g.plain(typ)
	if len(columns) > 0 && !g.oneIn(5) {
		value = g.pick(columns...)
	}
	if depth > 0 && g.oneIn(3) && len(wrappers[typ]) > 0 {
		return "(" + fmt.Sprintf(g.pick(wrappers[typ]...), value) + ")"
	}
	if depth > 0 && g.oneIn(8) {
		return fmt.Sprintf("CASE WHEN %s THEN %s ELSE %s END", g.condition(0, tables...), value, g.scalar(typ, 0, tables...))
	}
	return value
}

// condition returns one without subqueries.
func (g *generator) condition(depth int, tables ...source) string {
	if depth > 0 && g.oneIn(3) {
		left, right := g.condition(depth-1, tables...), g.condition(depth-1, tables...)
		return g.pick(left+" AND "+right, "("+left+" OR "+right+")", "NOT ("+left+")")
	}
	t := tables[g.IntN(len(tables))]
	if len(t.columns) == 0 {
		return "true"
	}
	c := t.columns[g.IntN(len(t.columns))]
	name := t.alias + "." + c.name
	switch {
	case c.typ == "boolean" && g.oneIn(2):
		return g.pick(name, "NOT "+name, name+" IS NOT TRUE")
	case c.typ == "text" && g.oneIn(3):
		return name + g.pick(" LIKE '%e%'", " <> 'red'", " ~ '^[rg]'")
	case g.oneIn(6):
		return name + g.pick(" IS NULL", " IS NOT NULL")
	case g.oneIn(6):
		return fmt.Sprintf("%s IN (%s, %s)", name, g.plain(c.typ), g.plain(c.typ))
	case g.oneIn(8):
		return fmt.Sprintf("%s BETWEEN %s AND %s", name, g.plain(c.typ), g.plain(c.typ))
	}
	return fmt.Sprintf("%s %s %s", name, g.pick("=", "=", "<", ">", "<=", ">=", "<>", "IS DISTINCT FROM"), g.scalar(c.typ, depth, tables...))
}

// search returns a condition that may have subqueries over the other tables.
func (g *generator) search(depth int, others []*table, tables ...source) string {
	if len(others) == 0 || !g.oneIn(4) {
		return g.condition(depth, tables...)
	}
	other := others[g.IntN(len(others))]
	inner := source{other, "o"}
	t := tables[g.IntN(len(tables))]
	c, same := g.common(t.table, other)
	if c == "" {
		return fmt.Sprintf("(SELECT count(*) FROM %s AS o WHERE %s) %s %d", other.name, g.condition(1, inner), g.pick("<", ">", "="), g.IntN(4))
	}
	name := t.alias + "." + c
	switch g.IntN(4) {
	case 0:
		return fmt.Sprintf("%s %s (SELECT o.%s FROM %s AS o WHERE %s)", name, g.pick("IN", "NOT IN", "= ANY", "< ALL"), same, other.name, g.condition(1, inner))
	case 1:
		return fmt.Sprintf("%sEXISTS (SELECT 1 FROM %s AS o WHERE o.%s = %s)", g.pick("", "NOT "), other.name, same, name)
	case 2:
		if typ := other.column(same).typ; typ != "boolean" && typ != "uuid" && typ != "bytea" && typ != "jsonb" {
			return fmt.Sprintf("%s %s (SELECT %s(o.%s) FROM %s AS o)", name, g.pick("=", "<", ">="), g.pick("min", "max"), same, other.name)
		}
	}
	return fmt.Sprintf("(SELECT count(*) FROM %s AS o WHERE o.%s = %s) = %d", other.name, same, name, g.IntN(2))
}

// common picks a column of each of two tables, of the same type.
func (g *generator) common(a, b *table) (string, string) {
	var pairs [][2]string
	for _, x := range a.columns {
		for _, y := range b.columns {
			if x.typ == y.typ {
				pairs = append(pairs, [2]string{x.name, y.name})
			}
		}
	}
	if len(pairs) == 0 {
		return "", ""
	}
	p := pairs[g.IntN(len(pairs))]
	return p[0], p[1]
}
