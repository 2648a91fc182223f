package equivalence

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
)

// template is a way to make an expression of a type.
type template struct {
	result, text string
	args         []string
}

// templateText lists the ways to make an expression: its type, then the SQL, in
// which a type in angle brackets stands for an expression of it. <X> is any
// type, the same in one line. Lines with ! may fail, for some values.
const templateText = `
X coalesce(<X>, <X>)
X nullif(<X>, <X>)
X CASE WHEN <boolean> THEN <X> ELSE <X> END
X CASE WHEN <boolean> THEN <X> WHEN <boolean> THEN <X> END
X greatest(<X>, <X>)
X least(<X>, <X>, <X>)
boolean (<X> = <X>)
boolean (<X> <> <X>)
boolean (<X> < <X>)
boolean (<X> >= <X>)
boolean (<X> IS NULL)
boolean (<X> IS NOT NULL)
boolean (<X> IS DISTINCT FROM <X>)
boolean (<X> BETWEEN <X> AND <X>)
boolean (<X> IN (<X>, <X>, <X>))
boolean (<X> NOT IN (<X>, NULL))
boolean (<boolean> AND <boolean>)
boolean (<boolean> OR <boolean>)
boolean (NOT <boolean>)
boolean (<boolean> IS TRUE)
boolean (<boolean> IS NOT FALSE)
boolean (<boolean> IS UNKNOWN)
boolean (<integer> < <bigint>)
boolean (<smallint> = <numeric>)
boolean (<integer> >= <double precision>)
boolean (<date> < <timestamp>)
boolean (<text> LIKE 'a%')
boolean (<text> NOT LIKE '%b_')
boolean (<text> ILIKE '%z%')
boolean (<text> ~ '^[a-z]+$')
boolean (<text> SIMILAR TO '(a|b)%')
boolean starts_with(<text>, <text>)
boolean (<integer> = ANY (<integer[]>))
boolean (<integer[]> @> <integer[]>)
boolean (<integer[]> && <integer[]>)
boolean (<text> = ANY (<text[]>))
boolean (<jsonb> @> <jsonb>)
boolean (<jsonb> ? 'a')
boolean isfinite(<timestamp>)
boolean ((<integer>, <text>) = (<integer>, <text>))
smallint (<smallint> & <smallint>)
smallint (<smallint> % 7::smallint)
!smallint (<smallint> + <smallint>)
!smallint <integer>::smallint
integer (<integer> & <integer>)
integer (<integer> | <integer>)
integer (<integer> # <integer>)
integer (<integer> % 7)
integer (<integer> / 3)
integer (<smallint> + <smallint>::integer)
integer (<smallint>::integer * <smallint>)
integer length(<text>)
integer strpos(<text>, <text>)
integer ascii(<text>)
integer octet_length(<text>)
integer length(<bytea>)
integer cardinality(<integer[]>)
integer array_position(<integer[]>, <integer>)
integer <boolean>::integer
integer (<integer[]>)[1]
!integer (<integer> + <integer>)
!integer (<integer> * <integer>)
!integer (<integer> / <integer>)
!integer (<integer> % <integer>)
!integer abs(<integer>)
!integer <text>::integer
!integer <double precision>::integer
!integer <numeric>::integer
bigint (<integer>::bigint * <integer>)
bigint (<integer>::bigint - <smallint>)
bigint (<bigint> / 2)
bigint (<bigint> & <integer>)
bigint (<bigint> >> 3)
!bigint (<bigint> + <bigint>)
!bigint (<bigint> * <integer>)
!bigint (- <bigint>)
!bigint <numeric>::bigint
numeric (<numeric> + <numeric>)
numeric (<numeric> - <integer>)
numeric (<numeric> * <numeric>)
numeric (<numeric> / 3)
numeric <integer>::numeric
numeric <bigint>::numeric(30,2)
numeric <double precision>::numeric
numeric round(<numeric>, 1)
numeric trunc(<numeric>)
numeric abs(<numeric>)
numeric (- <numeric>)
numeric (<numeric> % 7)
numeric sign(<numeric>)
numeric floor(<numeric>)
!numeric (<numeric> / <numeric>)
!numeric <text>::numeric
!numeric <numeric>::numeric(6,2)
!numeric sqrt(<numeric>)
!numeric ln(<numeric>)
real <smallint>::real
real (- <real>)
real abs(<real>)
!real (<real> / <real>)
!real <double precision>::real
double precision <integer>::double precision
double precision <real>::double precision
double precision (<double precision> / 3)
double precision (<double precision> + <real>)
double precision (- <double precision>)
double precision abs(<double precision>)
double precision floor(<double precision>)
double precision round(<double precision>)
double precision sqrt(abs(<double precision>))
double precision (<double precision> * <integer>)
!double precision (<double precision> / <double precision>)
!double precision sqrt(<double precision>)
!double precision exp(<double precision>)
!double precision power(<double precision>, <double precision>)
!double precision <text>::double precision
text (<text> || <text>)
text (<text> || <integer>)
text upper(<text>)
text lower(<text>)
text initcap(<text>)
text reverse(<text>)
text md5(<text>)
text left(<text>, <smallint>)
text right(<text>, (<integer> % 5))
text substr(<text>, <smallint>)
text btrim(<text>)
text replace(<text>, <text>, <text>)
text translate(<text>, <text>, <text>)
text lpad(<text>, (<integer> & 15), <text>)
text split_part(<text>, ',', 2)
text concat(<text>, <integer>, <boolean>)
text concat_ws('-', <text>, <numeric>, <date>)
text <integer>::text
text <bigint>::text
text <numeric>::text
text <double precision>::text
text <real>::text
text <boolean>::text
text <date>::text
text <time>::text
text <timestamp>::text
text <timestamptz>::text
text <interval>::text
text <uuid>::text
text <jsonb>::text
text <integer[]>::text
text <bytea>::text
text to_hex(<integer>)
text encode(<bytea>, 'base64')
text to_char(<timestamp>, 'YYYY-MM-DD HH24:MI:SS.US')
text to_char(<integer>, '999,999')
text to_char(<date>, 'Day DD Mon YYYY')
text array_to_string(<text[]>, '+', '*')
text (<jsonb> ->> 'a')
text jsonb_typeof(<jsonb>)
text quote_literal(<text>)
text regexp_replace(<text>, '[aeiou]', '<\&>', 'g')
text format('%s/%L', <text>, <integer>)
text (<text[]>)[2]
!text substr(<text>, <smallint>, <smallint>)
!text repeat(<text>, (<integer> % 4))
!text chr(<smallint>)
bytea (<bytea> || <bytea>)
bytea decode(md5(<text>), 'hex')
date <timestamp>::date
date <timestamptz>::date
!date (<date> + <smallint>)
!date <text>::date
time <timestamp>::time
timestamp <date>::timestamp
timestamp (<timestamptz> AT TIME ZONE 'UTC')
timestamp date_trunc('hour', <timestamp>)
timestamp date_trunc('month', <timestamp>)
timestamp (<timestamp> + interval '1 day 02:03:04')
timestamp (<timestamp> - interval '1 mon')
!timestamp (<timestamp> + <interval>)
!timestamp <text>::timestamp
timestamptz (<timestamp> AT TIME ZONE 'America/New_York')
timestamptz date_trunc('day', <timestamptz>)
timestamptz <date>::timestamptz
interval (<interval> + <interval>)
interval (- <interval>)
interval (<interval> * 2)
interval justify_hours(<interval>)
interval <time>::interval
!interval (<timestamp> - <timestamp>)
!interval <text>::interval
double precision date_part('day', <timestamp>)
double precision date_part('epoch', <timestamptz>)
numeric extract(year FROM <date>)
numeric extract(dow FROM <timestamp>)
numeric extract(epoch FROM <interval>)
!uuid <text>::uuid
jsonb (<jsonb> -> 'b')
jsonb (<jsonb> -> 0)
jsonb to_jsonb(<integer>)
jsonb to_jsonb(<text>)
jsonb jsonb_build_array(<integer>, <text>, <boolean>)
jsonb jsonb_build_object('k', <jsonb>)
!jsonb (<jsonb> || <jsonb>)
!jsonb <text>::jsonb
integer[] (<integer[]> || <integer>)
integer[] array_append(<integer[]>, <integer>)
integer[] array_remove(<integer[]>, <integer>)
integer[] ARRAY[<integer>, <integer>]
integer[] (<integer[]>)[2:3]
text[] string_to_array(<text>, ',')
text[] (<text[]> || <text[]>)
text[] ARRAY[<text>]
!boolean (<integer> / <integer> > 0)
!boolean <text>::boolean
`

// safeTemplates cannot fail; riskyTemplates may. Both are by type of the result.
var safeTemplates, riskyTemplates = parseTemplates(templateText)

var argument = regexp.MustCompile(`<([a-zA-Z][a-z \[\]]*)>`)

func parseTemplates(text string) (safe, risky map[string][]template) {
	safe, risky = map[string][]template{}, map[string][]template{}
	for line := range strings.Lines(strings.TrimSpace(text)) {
		line = strings.TrimSpace(line)
		into := safe
		if rest, ok := strings.CutPrefix(line, "!"); ok {
			into, line = risky, rest
		}
		result := "X"
		for _, t := range sqlTypes {
			if strings.HasPrefix(line, t.name+" ") && len(t.name) > len(result) {
				result = t.name
			}
		}
		if strings.HasPrefix(line, "boolean ") {
			result = "boolean"
		}
		body := strings.TrimPrefix(line, result+" ")
		t := template{result: result, text: argument.ReplaceAllString(body, "{}")}
		for _, match := range argument.FindAllStringSubmatch(body, -1) {
			t.args = append(t.args, match[1])
		}
		into[result] = append(into[result], t)
	}
	return safe, risky
}

// column is what an expression can refer to.
type column struct {
	name, typ string
	// inexact says that sums over the column depend on the order of its rows in
	// PostgreSQL.
	inexact bool
}

// generator makes random SQL.
type generator struct {
	// demanded is a condition that the next WHERE has; nil for none.
	demanded *fragment

	random *rand.Rand
	// palette are the types that the case uses most.
	palette []string
	// few are the values of each type that the case uses.
	few map[string][]string
	// aliases counts the names given to relations in FROM.
	aliases   int
	relations []*relation
	// mistakes is how many expressions of a wrong type may still be made.
	mistakes int
	// joins allows results that join relations.
	joins bool
	// subqueries allows them in expressions; nesting is how deep the one that is being
	// made stands in others.
	subqueries bool
	nesting    int
	// kept says that results are kept up to date, which read relations alone.
	kept bool
	// history makes the former versions that the result which is being made asks for.
	history string
}

func (g *generator) one(n int) bool { return g.random.IntN(n) == 0 }

func pick[T any](g *generator, of ...T) T { return of[g.random.IntN(len(of))] }

func (g *generator) anyType() string { return sqlTypes[g.random.IntN(len(sqlTypes))].name }

// usualType prefers the few types of the case, so that expressions find columns,
// and then those that real tables have.
func (g *generator) usualType() string {
	switch {
	case len(g.palette) == 0:
		for range 2 {
			g.palette = append(g.palette, g.anyType())
		}
		g.palette = append(g.palette, pick(g, "integer", "text", "numeric"))
		return g.usualType()
	case !g.one(4):
		return pick(g, g.palette...)
	case g.one(2):
		return pick(g, "integer", "text", "numeric", "double precision", "bigint", "timestamp")
	}
	return g.anyType()
}

// value makes an expression of a type over the columns that cannot fail.
func (g *generator) value(typ string, depth int, columns []column) *fragment {
	if g.mistakes > 0 && g.one(12) {
		g.mistakes--
		return g.value(g.anyType(), depth, columns)
	}
	if depth <= 0 || g.one(4) {
		return g.leaf(typ, columns)
	}
	if g.subqueries && typ == "boolean" && g.one(6) {
		return g.predicateSubquery(depth, columns)
	}
	if g.subqueries && typeNamed[typ] != nil && g.one(12) {
		return g.scalarSubquery(typ, columns)
	}
	options := safeTemplates[typ]
	if len(options) == 0 || g.one(5) {
		options = safeTemplates["X"]
	}
	best := pick(g, options...)
	for range 3 {
		if other := pick(g, options...); other.met(columns) > best.met(columns) {
			best = other
		}
	}
	return g.fill(typ, best, depth, columns)
}

// met counts the arguments for which there are columns.
func (t *template) met(columns []column) int {
	count := 0
	for _, arg := range t.args {
		if arg == "X" || slices.ContainsFunc(columns, func(c column) bool { return c.typ == arg }) {
			count++
		}
	}
	return count
}

// risky makes an expression that may fail at one place.
func (g *generator) risky(columns []column) *fragment {
	var types []string
	for typ := range riskyTemplates {
		types = append(types, typ)
	}
	slices.Sort(types)
	typ := pick(g, types...)
	return g.fill(typ, pick(g, riskyTemplates[typ]...), 1, columns)
}

func (g *generator) fill(typ string, t template, depth int, columns []column) *fragment {
	any := g.usualType()
	if len(columns) > 0 && !g.one(4) {
		any = pick(g, columns...).typ
	}
	parts := make([]*fragment, len(t.args))
	for i, arg := range t.args {
		switch {
		case arg == "X" && t.result == "X":
			arg = typ
		case arg == "X":
			arg = any
		}
		parts[i] = g.value(arg, depth-1, columns)
	}
	return expression(typ, t.text, parts...)
}

// leaf is a column of the type, or a literal.
func (g *generator) leaf(typ string, columns []column) *fragment {
	var names []string
	for _, c := range columns {
		if c.typ == typ {
			names = append(names, c.name)
		}
	}
	if len(names) > 0 && !g.one(6) {
		return expression(typ, pick(g, names...))
	}
	t := typeNamed[typ]
	if value := g.datum(typ); value != null {
		return expression(typ, t.literal(value))
	}
	return expression(typ, "NULL::"+typ)
}

// aggregateText lists aggregates as templateText lists expressions. <sum T>
// stands for a column or literal of T whose sum is exact, <key T> for a value
// whose equals look the same.
var aggregates = []struct{ typ, text, arg, kind string }{
	{"bigint", "count(*)", "", ""},
	{"bigint", "count({})", "X", ""},
	{"bigint", "count(DISTINCT {})", "X", ""},
	{"bigint", "sum({})", "smallint", ""},
	{"bigint", "sum({})", "integer", ""},
	{"numeric", "sum({})", "bigint", ""},
	{"numeric", "sum({})", "numeric", ""},
	{"numeric", "sum(DISTINCT {})", "numeric", "key"},
	{"bigint", "sum(DISTINCT {})", "integer", ""},
	{"real", "sum({})", "real", "sum"},
	{"double precision", "sum({})", "double precision", "sum"},
	{"interval", "sum({})", "interval", ""},
	{"numeric", "avg({})", "smallint", ""},
	{"numeric", "avg({})", "integer", ""},
	{"numeric", "avg({})", "bigint", ""},
	{"numeric", "avg({})", "numeric", ""},
	{"numeric", "avg(DISTINCT {})", "integer", ""},
	{"double precision", "avg({})", "double precision", "sum"},
	{"double precision", "avg({})", "real", "sum"},
	{"interval", "avg({})", "interval", ""},
	{"boolean", "bool_and({})", "boolean", ""},
	{"boolean", "bool_or({})", "boolean", ""},
	{"boolean", "every({})", "boolean", ""},
	{"X", "min({})", "X", "extreme"},
	{"X", "max({})", "X", "extreme"},
}

// pullAggregates are those that only pull queries use.
var pullAggregates = []struct{ typ, text, arg, kind string }{
	{"text", "string_agg({}, ',' ORDER BY {})", "text", "ordered"},
	{"integer[]", "array_agg({} ORDER BY {})", "integer", "ordered"},
	{"text[]", "array_agg(DISTINCT {})", "text", ""},
	{"numeric", "stddev({})", "integer", ""},
	{"numeric", "var_pop({})", "bigint", ""},
	{"integer", "bit_and({})", "integer", ""},
	{"bigint", "bit_or({})", "bigint", ""},
}

// aggregate makes an aggregate over the columns and says whether sums over it
// are inexact.
func (g *generator) aggregate(columns []column, pull bool) (*fragment, bool) {
	a := pick(g, aggregates...)
	if pull && g.one(6) {
		a = pick(g, pullAggregates...)
	}
	arg, typ := a.arg, a.typ
	if arg == "X" {
		arg = g.usualType()
		for a.kind == "extreme" && !typeNamed[arg].extremes {
			arg = g.usualType()
		}
	}
	if typ == "X" {
		typ = arg
	}
	var parts []*fragment
	switch {
	case arg == "":
	case a.kind == "sum":
		exact := slices.DeleteFunc(slices.Clone(columns), func(c column) bool { return c.inexact })
		parts = append(parts, g.leaf(arg, exact))
	default:
		value := g.value(arg, 2, columns)
		if a.kind != "" || strings.Contains(a.text, "DISTINCT") {
			value = distinguishSafely(value)
		}
		parts = append(parts, value)
		if a.kind == "ordered" {
			parts = append(parts, value)
		}
	}
	inexact := strings.HasPrefix(a.text, "avg") && typ == "double precision"
	f := expression(typ, a.text, parts...)
	if g.one(5) {
		f = expression(typ, "{} FILTER (WHERE {})", f, g.value("boolean", 2, columns))
	}
	return f, inexact
}

// distinguishSafely is distinguish for fragments that may be a mistake of
// another type.
func distinguishSafely(e *fragment) *fragment {
	if typeNamed[e.typ] == nil {
		return e
	}
	return distinguish(e)
}

// alias returns a name for a relation in FROM.
func (g *generator) alias() string {
	g.aliases++
	return fmt.Sprintf("t%d", g.aliases)
}
