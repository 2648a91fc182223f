package randomtables

import (
	"fmt"
	"slices"
	"strings"
)

// derive returns CREATE TABLE … AS over a source or derived table.
func (g *generator) derive(name string) string {
	from := g.schema.sources
	if len(g.schema.derived) > 0 && g.oneIn(3) {
		from = g.schema.derived
	}
	t := source{from[g.IntN(len(from))], "x"}
	return "CREATE TABLE " + name + " AS SELECT " + g.continuous(t)
}

// continuous returns what stands behind SELECT in a query that is kept.
func (g *generator) continuous(t source) string {
	switch g.IntN(8) {
	case 0:
		return g.projection(t)
	case 2:
		return g.nested(t)
	case 3:
		if sql := g.join(t); sql != "" && withJoins {
			return sql
		}
		return g.grouped(t)
	case 1:
		columns := g.some(t.columns, 3)
		var list []string
		for _, c := range columns {
			list = append(list, "x."+c.name)
		}
		return fmt.Sprintf("DISTINCT %s FROM %s AS x%s", strings.Join(list, ", "), t.name, g.where(t))
	default:
		return g.grouped(t)
	}
}

// join joins a table with another one, or with itself, and perhaps aggregates.
func (g *generator) join(t source) string {
	list := slices.Concat(g.schema.sources, g.schema.derived)
	other := source{list[g.IntN(len(list))], "y"}
	a, b := g.common(t.table, other.table)
	if a == "" {
		return ""
	}
	from := fmt.Sprintf("%s AS x %s %s AS y ON x.%s = y.%s", t.name, g.pick("JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"), other.name, a, b)
	if g.oneIn(4) {
		from += " WHERE " + g.condition(0, t, other)
	}
	if c := other.columns[g.IntN(len(other.columns))]; g.oneIn(2) {
		return fmt.Sprintf("x.%s AS k, count(*) AS n, count(y.%s) AS m, %s AS v FROM %s GROUP BY x.%s", a, c.name, g.aggregate(t), from, a)
	}
	var columns []string
	for i, c := range g.some(t.columns, 3) {
		columns = append(columns, fmt.Sprintf("x.%s AS p%d", c.name, i))
	}
	for i, c := range g.some(other.columns, 3) {
		columns = append(columns, fmt.Sprintf("y.%s AS q%d", c.name, i))
	}
	return strings.Join(columns, ", ") + " FROM " + from
}

// nested aggregates over a subquery.
func (g *generator) nested(t source) string {
	c := t.columns[g.IntN(len(t.columns))]
	return fmt.Sprintf("i.n AS size, count(*) AS groups, max(i.v) AS top FROM (SELECT x.%s, count(*) AS n, count(DISTINCT x.%s) AS v FROM %s AS x%s GROUP BY x.%s) AS i GROUP BY i.n",
		c.name, t.columns[g.IntN(len(t.columns))].name, t.name, g.where(t), c.name)
}

// projection selects rows and computes columns. The columns of a key are there
// or not.
func (g *generator) projection(t source) string {
	var list []string
	for i, c := range g.some(t.columns, 4) {
		if g.oneIn(2) {
			list = append(list, "x."+c.name)
		} else {
			list = append(list, fmt.Sprintf("%s AS p%d", g.scalar(c.typ, 1, t), i))
		}
	}
	return fmt.Sprintf("%s FROM %s AS x%s", strings.Join(list, ", "), t.name, g.where(t))
}

func (g *generator) where(t source) string {
	if g.oneIn(2) {
		return ""
	}
	return " WHERE " + g.search(1, g.schema.sources, t)
}

// grouped aggregates by some columns, or by none.
func (g *generator) grouped(t source) string {
	var list, keys []string
	for i, c := range g.some(t.columns, 2) {
		if g.oneIn(4) {
			break
		}
		key := "x." + c.name
		if g.oneIn(5) {
			key = g.scalar(c.typ, 1, t)
		}
		if isConstant(key) || slices.Contains(keys, key) {
			continue
		}
		keys = append(keys, key)
		if !g.oneIn(6) {
			list = append(list, fmt.Sprintf("%s AS k%d", key, i))
		}
	}
	for i := range 1 + g.IntN(4) {
		list = append(list, fmt.Sprintf("%s AS v%d", g.aggregate(t), i))
	}
	query := fmt.Sprintf("%s FROM %s AS x%s", strings.Join(list, ", "), t.name, g.where(t))
	if len(keys) > 0 {
		query += " GROUP BY " + strings.Join(keys, ", ")
	}
	if g.oneIn(4) {
		query += " HAVING " + g.pick("count(*) > 1", "count(*) < 3", "count(*) % 2 = 1", g.aggregate(t)+" IS NOT NULL")
	}
	return query
}

// isConstant says that an expression has no column: GROUP BY would take it for a
// place in the list, or for one group.
func isConstant(expression string) bool { return !strings.Contains(expression, "x.") }

var sums = []string{"sum", "avg", "min", "max", "sum", "stddev", "var_pop"}

// aggregate returns one that does not depend on the order of the rows.
func (g *generator) aggregate(t source) string {
	c := t.columns[g.IntN(len(t.columns))]
	value := "x." + c.name
	if g.oneIn(4) {
		value = g.scalar(c.typ, 1, t)
	}
	if g.oneIn(6) {
		value = "DISTINCT " + value
	}
	filter := ""
	if g.oneIn(5) {
		filter = " FILTER (WHERE " + g.condition(0, t) + ")"
	}
	call := func(names ...string) string { return fmt.Sprintf("%s(%s)%s", g.pick(names...), value, filter) }
	if g.oneIn(5) {
		return g.pick("count(*)", call("count"))
	}
	switch c.typ {
	case "integer", "bigint", "smallint", "numeric", "numeric(6,2)":
		return call(sums...)
	case "double precision", "real":
		return call("sum", "avg", "min", "max")
	case "boolean":
		return call("bool_and", "bool_or", "every", "count")
	case "text", "character varying(5)", "character(3)", "date", "timestamp without time zone", "timestamp with time zone", "time without time zone":
		if g.oneIn(6) && c.typ == "text" {
			return fmt.Sprintf("string_agg(DISTINCT x.%s, ',')%s", c.name, filter)
		}
		if g.oneIn(6) {
			return fmt.Sprintf("array_agg(DISTINCT x.%s)%s", c.name, filter)
		}
		return call("min", "max", "count")
	default:
		return call("count")
	}
}

// some returns up to n columns in a random order, at least one.
func (g *generator) some(columns []column, n int) []column {
	out := slices.Clone(columns)
	g.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out[:1+g.IntN(min(n, len(out)))]
}
