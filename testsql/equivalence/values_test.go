package equivalence

import "strings"

// sqlType is a type with values that are interesting to compare. Those that are
// equal but look different stand beside each other.
type sqlType struct {
	name   string
	values []string
	// canonical rewrites an expression such that equal values look the same: which
	// of several equal values stands for their group is up to the plan, in
	// PostgreSQL as in Millrace.
	canonical string
	// extremes says that min and max exist.
	extremes bool
}

// The values of floating point types are multiples of 1/8 and not large, so
// that sums of columns are exact in any order.
var sqlTypes = []*sqlType{
	{name: "boolean", values: []string{"t", "f"}},
	{name: "smallint", values: []string{"0", "1", "-1", "2", "7", "32767", "-32768"}, extremes: true},
	{name: "integer", values: []string{"0", "1", "-1", "2", "3", "5", "42", "2147483647", "-2147483648"}, extremes: true},
	{name: "bigint", values: []string{"0", "1", "-1", "2", "4", "9", "123456789012", "9223372036854775807", "-9223372036854775808"}, extremes: true},
	{name: "real", values: []string{"0", "1", "-1", "0.5", "-2.25", "100.125", "NaN", "Infinity", "-Infinity"}, canonical: "({} + 0::real)", extremes: true},
	{name: "double precision", values: []string{"0", "1", "-1", "0.5", "-2.25", "1048576.125", "NaN", "Infinity", "-Infinity"}, canonical: "({} + 0)", extremes: true},
	{name: "numeric", values: []string{"0", "0.00", "1", "1.50", "-1.5", "2.125", "99999999999999999999.999", "-0.0001", "1e10", "NaN", "Infinity", "-Infinity"}, canonical: "trim_scale({})", extremes: true},
	{name: "text", values: []string{"", "a", "b", "ab", "B", "Zz", "é", "a,b,c", " x ", "it's", `back\slash`, "tab\there", "50%", "日本"}, extremes: true},
	{name: "bytea", values: []string{`\x`, `\x00`, `\x61`, `\xdeadbeef`, `\xff00`}},
	{name: "date", values: []string{"2020-02-29", "1970-01-01", "1999-12-31", "2024-12-31", "0044-03-15 BC", "infinity", "-infinity"}, extremes: true},
	{name: "time", values: []string{"00:00:00", "12:34:56", "23:59:59.999999", "24:00:00"}, extremes: true},
	{name: "timestamp", values: []string{"2020-02-29 12:00:00", "1970-01-01 00:00:00", "1969-12-31 23:59:59.999999", "2001-09-09 01:46:40.5", "infinity", "-infinity"}, extremes: true},
	{name: "timestamptz", values: []string{"2020-02-29 12:00:00+00", "1970-01-01 00:00:00+00", "2021-07-04 09:08:07.654321+02", "infinity", "-infinity"}, extremes: true},
	{name: "interval", values: []string{"0", "1 day", "24:00:00", "1 mon", "30 days", "-1 year 2 mons", "00:00:00.000001", "3 days 04:05:06.7"}, canonical: "justify_interval({})", extremes: true},
	{name: "uuid", values: []string{"00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "ffffffff-ffff-ffff-ffff-ffffffffffff"}},
	{name: "jsonb", values: []string{"null", "1", `"a"`, "true", `{"a": 1, "b": [1, 2, {"c": null}]}`, "[1, 2, 3]", "{}", "[]", `{"a": "x"}`}},
	{name: "integer[]", values: []string{"{}", "{1}", "{1,2,3}", "{NULL,5}", "{3,3}"}},
	{name: "text[]", values: []string{"{}", "{a}", "{a,b,NULL}", `{"x y",""}`}},
}

var typeNamed = func() map[string]*sqlType {
	named := map[string]*sqlType{}
	for _, t := range sqlTypes {
		named[t.name] = t
	}
	return named
}()

// literal writes a value as an expression of the type.
func (t *sqlType) literal(value string) string { return quote(value) + "::" + t.name }

func quote(value string) string { return "'" + strings.ReplaceAll(value, "'", "''") + "'" }

// null stands for NULL among the values of a row.
const null = "\x00"

// datum returns a value of a type, NULL in one of six. A case uses a few values
// of each type, so that rows are often equal.
func (g *generator) datum(typ string) string {
	if g.one(6) {
		return null
	}
	few := g.few[typ]
	if few == nil {
		all := typeNamed[typ].values
		first := g.random.IntN(len(all))
		for i := range 2 + g.random.IntN(4) {
			few = append(few, all[(first+i)%len(all)])
		}
		if g.few == nil {
			g.few = map[string][]string{}
		}
		g.few[typ] = few
	}
	return pick(g, few...)
}

// distinguish wraps an expression such that its equal values look the same.
func distinguish(e *fragment) *fragment {
	if wrap := typeNamed[e.typ].canonical; wrap != "" {
		return expression(e.typ, wrap, e)
	}
	return e
}
