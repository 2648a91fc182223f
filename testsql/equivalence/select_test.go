package equivalence

import (
	"fmt"
	"slices"
	"strings"
)

// query is a generated SELECT and what it gives.
type query struct {
	*fragment
	columns []column
	// ordered says that the order of the rows is determined.
	ordered bool
	// mistaken says that the query may have an expression of a wrong type.
	mistaken bool
}

// outputs are the expressions of a SELECT list.
type outputs struct {
	parts   []*fragment
	columns []column
}

func (o *outputs) add(e *fragment, inexact bool) {
	name := fmt.Sprintf("c%d", len(o.parts))
	alias := &fragment{text: " AS " + name, alias: true}
	o.parts = append(o.parts, maybe(piece("{}{}", e, alias)))
	o.columns = append(o.columns, column{name, e.typ, inexact})
}

// pull makes a query that runs once: a SELECT, with order and limit or CTEs.
func (g *generator) pull() query {
	g.subqueries = true
	if g.one(6) {
		return g.riskySelect()
	}
	if g.one(6) {
		return g.withQuery()
	}
	if g.one(8) {
		return g.star()
	}
	q := g.body(2, nil)
	if g.one(4) {
		q.unnamed()
		return q
	}
	return g.order(q)
}

// unnamed drops the names given to the columns, so that both servers find their
// own.
func (q query) unnamed() {
	for _, list := range q.parts {
		for _, output := range list.parts {
			for _, part := range output.parts {
				part.gone = part.gone || part.alias
			}
		}
	}
}

// star selects all columns of a FROM list, some of which may be merged.
func (g *generator) star() query {
	left, right := pick(g, g.relations...), pick(g, g.relations...)
	from, columns := piece(left.name), left.columns
	selected := "*"
	switch g.random.IntN(5) {
	case 0:
		from = piece(left.name + pick(g, " NATURAL JOIN ", " NATURAL LEFT JOIN ", " NATURAL FULL JOIN ") + right.name + " AS r")
	case 1:
		kind := pick(g, " JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN ")
		from = piece(left.name + " AS l" + kind + right.name + " AS r USING (" + pick(g, left.columns...).name + ")")
		selected = pick(g, "*", "l.*, r.*", "r.*")
		columns = qualified("l", left.columns)
	case 2:
		from = piece(left.name + " AS l, " + right.name + " AS r")
		selected = pick(g, "*", "l.*", "r.*, 1, l.*")
		columns = qualified("l", left.columns)
	}
	return query{piece("SELECT "+selected+" FROM {}{}", from, g.where(columns)), nil, false, false}
}

// riskySelect is a SELECT over one relation with one expression that may fail.
// It has no other clause, so that the rows for which it is evaluated are known.
func (g *generator) riskySelect() query {
	relation := pick(g, g.relations...)
	if relation.empty { // a constant expression may be evaluated for no row
		return g.plain(1, nil)
	}
	var out outputs
	out.add(g.risky(relation.columns), false)
	return query{piece("SELECT {} FROM "+relation.name, list("", ", ", out.parts...)), out.columns, false, false}
}

func (g *generator) withQuery() query {
	inner := g.body(1, nil)
	name := g.alias()
	as := pick(g, " AS (", " AS MATERIALIZED (", " AS NOT MATERIALIZED (")
	g.relations = append(g.relations, &relation{name: name, columns: inner.columns})
	outer := g.body(1, nil)
	g.relations = g.relations[:len(g.relations)-1]
	return query{piece("WITH "+name+as+"{}) {}", inner.fragment, outer.fragment), outer.columns, false, false}
}

// body makes a SELECT or a set operation over columns of outer queries.
func (g *generator) body(depth int, outer []column) query {
	if depth > 0 && g.one(8) {
		return g.setOperation(depth, outer)
	}
	if g.one(3) {
		return g.grouped(depth, outer)
	}
	return g.plain(depth, outer)
}

func (g *generator) plain(depth int, outer []column) query {
	from, columns := g.from(depth, outer)
	visible := slices.Concat(columns, outer)
	var out outputs
	distinct := ""
	if g.one(5) {
		distinct = "DISTINCT "
	}
	for range 1 + g.random.IntN(4) {
		e := g.value(g.usualType(), 2, visible)
		if distinct != "" {
			e = distinguishSafely(e)
		}
		out.add(e, true)
	}
	return query{piece("SELECT "+distinct+"{} FROM {}{}", list("", ", ", out.parts...), from, g.where(visible)), out.columns, false, false}
}

func (g *generator) where(columns []column) *fragment {
	if g.demanded == nil && g.one(2) {
		return piece("")
	}
	conjuncts := []*fragment{maybe(g.condition(columns))}
	if g.demanded != nil {
		conjuncts = append(conjuncts, maybe(g.demanded))
	}
	for g.one(4) {
		conjuncts = append(conjuncts, maybe(g.condition(columns)))
	}
	return list(" WHERE ", " AND ", conjuncts...)
}

// condition is a condition that some rows pass, as far as that can be said, or
// any expression.
func (g *generator) condition(columns []column) *fragment {
	if len(columns) == 0 || g.one(3) {
		return g.value("boolean", 3, columns)
	}
	c := pick(g, columns...)
	of, constant := expression(c.typ, c.name), g.leaf(c.typ, nil)
	switch g.random.IntN(5) {
	case 0:
		return expression("boolean", "({} IS NOT NULL)", of)
	case 1:
		return expression("boolean", "({} >= {})", of, constant)
	case 2:
		return expression("boolean", "(({} > {}) IS NOT TRUE)", of, constant)
	case 3:
		return expression("boolean", "({} IS DISTINCT FROM {})", of, constant)
	}
	return expression("boolean", "({} OR {} IS NULL)", g.value("boolean", 2, columns), of)
}

func (g *generator) grouped(depth int, outer []column) query {
	from, columns := g.from(depth, outer)
	keys := g.keys(columns)
	var out outputs
	for _, key := range keys {
		if !g.one(4) {
			out.add(key, true)
		}
	}
	for range 1 + g.random.IntN(3) {
		e, _ := g.aggregate(columns, true)
		out.add(e, true)
	}
	groups := groupBy(keys)
	if len(keys) > 0 && len(out.parts) > len(keys) && g.one(4) {
		groups = maybe(piece(" GROUP BY " + g.ordinals(keys, out)))
	}
	return query{
		piece("SELECT {} FROM {}{}{}{}", list("", ", ", out.parts...), from, g.where(slices.Concat(columns, outer)), groups, g.having(columns)),
		out.columns, false, false,
	}
}

// ordinals names the keys by their places in the SELECT list, or by their
// names there.
func (g *generator) ordinals(keys []*fragment, out outputs) string {
	var names []string
	for at, output := range out.parts {
		if slices.Contains(keys, output.parts[0]) {
			names = append(names, pick(g, fmt.Sprint(at+1), fmt.Sprintf("c%d", at)))
		}
	}
	if len(names) == 0 {
		return "()"
	}
	return strings.Join(names, ", ")
}

// keys are 0 to 3 expressions to group by.
func (g *generator) keys(columns []column) []*fragment {
	subqueries := g.subqueries
	g.subqueries = false
	defer func() { g.subqueries = subqueries }()
	var keys []*fragment
	for range g.random.IntN(4) {
		if len(columns) > 0 && !g.one(3) {
			c := pick(g, columns...)
			keys = append(keys, distinguish(expression(c.typ, c.name)))
			continue
		}
		keys = append(keys, distinguishSafely(g.value(g.usualType(), 1+g.random.IntN(2), columns)))
	}
	return keys
}

func groupBy(keys []*fragment) *fragment {
	parts := make([]*fragment, len(keys))
	for i, key := range keys {
		parts[i] = maybe(piece("{}", key))
	}
	return list(" GROUP BY ", ", ", parts...)
}

func (g *generator) having(columns []column) *fragment {
	if !g.one(4) {
		return piece("")
	}
	return maybe(piece(" HAVING {}", g.overAggregates(columns)))
}

// overAggregates is a condition on aggregates.
func (g *generator) overAggregates(columns []column) *fragment {
	switch g.random.IntN(5) {
	case 0, 1:
		return expression("boolean", fmt.Sprintf("count(*) > %d", g.random.IntN(3)))
	case 2:
		return expression("boolean", fmt.Sprintf("count({}) < %d", 2+g.random.IntN(6)), g.value(g.usualType(), 1, columns))
	case 3:
		return expression("boolean", "(max({}) > {})", g.value("integer", 1, columns), g.leaf("integer", nil))
	}
	return expression("boolean", "bool_or({})", g.value("boolean", 2, columns))
}

func (g *generator) setOperation(depth int, outer []column) query {
	types := []string{g.usualType(), g.usualType()}
	side := func() *fragment {
		from, columns := g.from(depth-1, outer)
		visible := slices.Concat(columns, outer)
		var out outputs
		for _, typ := range types {
			out.add(distinguishSafely(g.value(typ, 2, visible)), true)
			out.parts[len(out.parts)-1].optional = false
		}
		return piece("SELECT {} FROM {}{}", list("", ", ", out.parts...), from, g.where(visible))
	}
	operator := pick(g, "UNION", "UNION ALL", "INTERSECT", "INTERSECT ALL", "EXCEPT", "EXCEPT ALL")
	return query{piece("{} "+operator+" {}", side(), side()), []column{{"c0", types[0], true}, {"c1", types[1], true}}, false, false}
}

// order adds ORDER BY over all that a query gives, and LIMIT and OFFSET.
func (g *generator) order(q query) query {
	if !g.one(2) {
		return q
	}
	name := g.alias()
	var selected, keys []*fragment
	for i, c := range q.columns {
		selected = append(selected, piece("{} AS "+c.name, distinguishSafely(expression(c.typ, name+"."+c.name))))
		keys = append(keys, piece(fmt.Sprint(i+1)+pick(g, "", " DESC", " NULLS FIRST", " DESC NULLS LAST")))
	}
	limit := maybe(piece(pick(g, "", "", " LIMIT 3", " LIMIT 5 OFFSET 2", " OFFSET 1", " LIMIT 0", " FETCH FIRST 2 ROWS ONLY")))
	distinct := ""
	if g.one(6) {
		count := 1 + g.random.IntN(len(q.columns))
		var on []string
		for i := range count {
			on = append(on, fmt.Sprint(i+1))
		}
		distinct = "DISTINCT ON (" + strings.Join(on, ", ") + ") "
	}
	text := "SELECT " + distinct + "{} FROM ({}) " + name + " ORDER BY {}{}"
	return query{piece(text, list("", ", ", selected...), q.fragment, list("", ", ", keys...), limit), q.columns, true, q.mistaken}
}

// from makes a FROM list and the columns that it gives.
func (g *generator) from(depth int, outer []column) (*fragment, []column) {
	item, columns := g.fromItem(depth, outer)
	if g.one(10) {
		return g.expanded(item, columns)
	}
	if depth <= 0 || !g.one(3) {
		return item, columns
	}
	right, more := g.fromItem(depth-1, outer)
	both := slices.Concat(columns, more)
	switch g.random.IntN(8) {
	case 0:
		return piece("{}, {}", item, right), both
	case 1:
		return piece("{} CROSS JOIN {}", item, right), both
	case 2:
		name := g.alias()
		lateral := g.body(depth-1, slices.Concat(columns, outer))
		both := slices.Concat(columns, qualified(name, lateral.columns))
		return piece("{} "+pick(g, "CROSS JOIN LATERAL ({}) "+name, "LEFT JOIN LATERAL ({}) "+name+" ON true"), item, lateral.fragment), both
	}
	left, other := g.joinColumns(columns, more)
	on := []*fragment{maybe(expression("boolean", "("+left+" = "+other+")"))}
	kind := pick(g, "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "JOIN")
	if kind != "FULL JOIN" && g.one(3) {
		on = append(on, maybe(g.value("boolean", 2, both)))
	}
	return piece("{} "+kind+" {} ON {}", item, right, list("", " AND ", on...)), both
}

// joinColumns finds columns of one type on both sides.
func (g *generator) joinColumns(left, right []column) (string, string) {
	for _, at := range g.random.Perm(len(left)) {
		for _, r := range right {
			if r.typ == left[at].typ {
				return left[at].name, r.name
			}
		}
	}
	return left[0].name + "::text", right[0].name + "::text"
}

func qualified(alias string, columns []column) []column {
	out := slices.Clone(columns)
	for i := range out {
		out[i].name = alias + "." + out[i].name
	}
	return out
}

func (g *generator) fromItem(depth int, outer []column) (*fragment, []column) {
	name := g.alias()
	switch {
	case depth > 0 && g.one(5):
		q := g.body(depth-1, nil)
		return piece("({}) "+name, q.fragment), qualified(name, q.columns)
	case g.kept:
	case g.one(12):
		columns := []column{{"k", "integer", false}, {"s", "text", false}}
		return piece("(VALUES (1, 'a'), (2, NULL), (NULL, 'b'), (3, 'ab')) " + name + "(k, s)"), qualified(name, columns)
	case g.one(16):
		return piece(fmt.Sprintf("generate_series(1, %d) %s(x)", g.random.IntN(5), name)), []column{{name + ".x", "integer", false}}
	}
	r := pick(g, g.relations...)
	return piece(r.name + " " + name), qualified(name, r.columns)
}
