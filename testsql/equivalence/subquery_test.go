package equivalence

import (
	"fmt"
	"slices"
	"strings"
)

// maxNesting is how deep subqueries in expressions stand in each other.
const maxNesting = 2

// subquery begins a subquery of an expression over columns: what is in it may hold
// further ones, down to maxNesting. It returns the columns that the subquery may
// refer to outside, and ends with done.
func (g *generator) subquery(columns []column) (outer []column, done func()) {
	mistakes, subqueries := g.mistakes, g.subqueries
	g.nesting++
	g.mistakes, g.subqueries = 0, g.nesting < maxNesting && g.one(3)
	if g.one(2) {
		outer = columns
	}
	return outer, func() {
		g.nesting--
		g.mistakes, g.subqueries = mistakes, subqueries
	}
}

// inside is the FROM and WHERE of a subquery, and the columns that its SELECT list
// may read. Often an equality ties it to the row outside.
func (g *generator) inside(outer []column) (from, where *fragment, columns []column) {
	if outer != nil && g.one(4) {
		from, columns = g.functions(outer)
		return from, g.where(slices.Concat(columns, outer)), columns
	}
	from, columns = g.fromItem(0, nil)
	where = g.where(slices.Concat(columns, outer))
	if outer != nil && g.one(2) {
		l, r := g.joinColumns(outer, columns)
		where = list(" WHERE ", " AND ", maybe(expression("boolean", "("+l+" = "+r+")")), maybe(g.condition(columns)))
	}
	return from, where, columns
}

// predicateSubquery is a condition with a subquery in it.
func (g *generator) predicateSubquery(depth int, columns []column) *fragment {
	outer, done := g.subquery(columns)
	defer done()
	from, where, inner := g.inside(outer)
	typ, other := g.usualType(), g.usualType()
	switch g.random.IntN(5) {
	case 0:
		return expression("boolean", "("+pick(g, "", "NOT ")+"EXISTS (SELECT 1 FROM {}{}))", from, where)
	case 1:
		return expression("boolean", "({} "+pick(g, "IN", "NOT IN", "= ANY", "> ALL", "<= ANY", "<> ALL")+" (SELECT {} FROM {}{}))",
			g.value(typ, depth-1, columns), g.value(typ, 1, inner), from, where)
	case 2:
		return expression("boolean", "({} "+pick(g, "<", "=", ">=")+" (SELECT count(*) FROM {}{}))", g.value("bigint", depth-1, columns), from, where)
	case 3:
		return expression("boolean", "(({}, {}) "+pick(g, "IN", "NOT IN", "= ANY", "<> ALL")+" (SELECT {}, {} FROM {}{}))",
			g.value(typ, depth-1, columns), g.value(other, depth-1, columns), g.value(typ, 1, inner), g.value(other, 1, inner), from, where)
	}
	return expression("boolean", "({} = (SELECT max({}) FROM {}{}))", g.value("integer", depth-1, columns), g.value("integer", 1, inner), from, where)
}

// scalarSubquery is a value of a type from a subquery with one row at most.
func (g *generator) scalarSubquery(typ string, columns []column) *fragment {
	outer, done := g.subquery(columns)
	defer done()
	from, where, inner := g.inside(outer)
	if typ == "bigint" && g.one(2) {
		return expression(typ, "(SELECT count({}) FROM {}{})", g.value(g.usualType(), 1, inner), from, where)
	}
	if typ == "text" && g.one(4) { // elements that are equal look the same
		return expression(typ, "ARRAY(SELECT {} FROM {}{} ORDER BY 1)::text", g.value("integer", 1, inner), from, where)
	}
	value := distinguishSafely(g.value(typ, 1, inner))
	text := fmt.Sprintf("(SELECT {} FROM {}{} ORDER BY 1%s LIMIT 1%s)", pick(g, "", " DESC", " NULLS FIRST"), pick(g, "", "", " OFFSET 1"))
	if strings.HasSuffix(typ, "[]") {
		text += "::" + typ // or it would be the rows of ANY, with parentheses around
	}
	return expression(typ, text, value, from, where)
}
