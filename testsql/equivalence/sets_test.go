package equivalence

import (
	"slices"
)

// functions is an item of FROM made of set-returning functions of columns, with the
// columns that it has.
func (g *generator) functions(columns []column) (item *fragment, more []column) {
	name := g.alias()
	integers, texts := func() *fragment { return g.value("integer[]", 1, columns) }, func() *fragment { return g.value("text[]", 1, columns) }
	x, y, n := column{name + ".x", "integer", false}, column{name + ".y", "text", false}, column{name + ".n", "bigint", false}
	var call *fragment
	alias := " " + name
	switch g.random.IntN(7) {
	case 0:
		call, more = piece("unnest({})", integers()), []column{x}
		alias += "(x)"
	case 1:
		call, more = piece("unnest({}) WITH ORDINALITY", texts()), []column{y, n}
		alias += "(y, n)"
	case 2:
		call, more = piece("unnest({}, {})", integers(), texts()), []column{x, y}
		alias += "(x, y)"
	case 3:
		call, more = piece("generate_series(1, abs({} % 4))", g.value("integer", 1, columns)), []column{x}
		alias += "(x)"
	case 4:
		call, more = piece("ROWS FROM (generate_subscripts({}, 1), string_to_table({}, ','))", integers(), g.value("text", 1, columns)), []column{x, y}
		alias += "(x, y)"
	case 5:
		call, more = piece("regexp_split_to_table({}, '[ab]') WITH ORDINALITY", g.value("text", 1, columns)), []column{y, n}
		alias += "(y, n)"
	default:
		call, more = piece("ROWS FROM (unnest({}), generate_series(1, 2)) WITH ORDINALITY", texts()), []column{y, x, n}
		alias += "(y, x, n)"
	}
	return piece("{}"+alias, call), more
}

// expanded puts the rows of set-returning functions, for each row of a FROM list,
// beside it.
func (g *generator) expanded(from *fragment, columns []column) (*fragment, []column) {
	item, more := g.functions(columns)
	both := slices.Concat(columns, more)
	switch g.random.IntN(3) {
	case 0:
		return piece("{} LEFT JOIN LATERAL {} ON {}", from, item, g.value("boolean", 1, both)), both
	case 1:
		return piece("{} CROSS JOIN {}", from, item), both
	default:
		return piece("{}, {}", from, item), both
	}
}

// lateral joins rows of a table with those of a LATERAL subquery over another.
func (g *generator) lateral(over, other *relation) (from *fragment, columns []column) {
	outer, inside, name := g.alias(), g.alias(), g.alias()
	columns = qualified(outer, over.columns)
	inner := qualified(inside, other.columns)
	l, r := g.joinColumns(columns, inner)
	where := []*fragment{maybe(expression("boolean", "("+l+" = "+r+")"))}
	if g.one(3) {
		where = append(where, maybe(g.condition(slices.Concat(columns, inner))))
	}
	c := pick(g, inner...)
	var subquery *fragment
	var given []column
	conditions := list(" WHERE ", " AND ", where...)
	source := other.name + " " + inside
	switch g.random.IntN(4) {
	case 0:
		subquery = piece("SELECT count(*) AS c0, max({}) AS c1 FROM "+source+"{}", g.value("integer", 1, inner), conditions)
		given = []column{{"c0", "bigint", false}, {"c1", "integer", false}}
	case 1:
		subquery = piece("SELECT {} AS c0, count(*) AS c1 FROM "+source+"{} GROUP BY 1", distinguish(expression(c.typ, c.name)), conditions)
		given = []column{{"c0", c.typ, c.inexact}, {"c1", "bigint", false}}
	case 2:
		subquery = piece("SELECT {} AS c0 FROM "+source+"{} ORDER BY 1"+pick(g, "", " DESC")+" LIMIT 2", distinguishSafely(expression(c.typ, c.name)), conditions)
		given = []column{{"c0", c.typ, c.inexact}}
	default:
		subquery = piece("SELECT {} AS c0 FROM "+source+"{}", g.value("integer", 1, slices.Concat(columns, inner)), conditions)
		given = []column{{"c0", "integer", false}}
	}
	both := slices.Concat(columns, qualified(name, given))
	return piece(over.name+" "+outer+" "+pick(g, "CROSS JOIN LATERAL ({}) "+name, "LEFT JOIN LATERAL ({}) "+name+" ON true"), subquery), both
}
