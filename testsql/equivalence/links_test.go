package equivalence

import (
	"fmt"
	"slices"
	"strings"
)

// asOf joins a relation with the closest rows of another. PostgreSQL finds them by a
// LATERAL subquery with LIMIT 1.
func (g *generator) asOf(over *relation) (from *fragment, columns []column) {
	other := pick(g, g.relations...)
	left, right := g.alias(), g.alias()
	leftColumns := qualified(left, over.columns)
	// Of rows that are equally close the first in the order of the columns counts, which
	// tells them apart only where equal values look the same.
	selected := make([]*fragment, len(other.columns))
	for i, c := range other.columns {
		selected[i] = piece("{} AS "+c.name, distinguish(expression(c.typ, c.name)))
	}
	closest := piece("(SELECT {} FROM "+other.name+"{}) "+right, list("", ", ", selected...), g.where(other.columns))
	rightColumns := qualified(right, other.columns)
	l, r := g.joinColumns(leftColumns, rightColumns)
	at, since := g.joinColumns(leftColumns, rightColumns)
	operator := pick(g, ">=", ">", "<=", "<")
	direction := " DESC"
	if operator[0] == '<' {
		direction = ""
	}
	on := list("", " AND ", maybe(expression("boolean", "("+l+" = "+r+")")), piece("("+at+" "+operator+" "+since+")"))
	var order []string
	for _, c := range rightColumns {
		order = append(order, c.name)
	}
	kind := pick(g, "", "LEFT ")
	from = piece(over.name+" "+left+" "+kind+"ASOF JOIN {} ON {}", closest, on)
	from.theirs = piece(over.name+" "+left+" "+kind+"JOIN LATERAL (SELECT * FROM {} WHERE {} ORDER BY "+
		since+direction+", "+strings.Join(order, ", ")+" LIMIT 1) "+right+" ON true", closest, on)
	return from, slices.Concat(leftColumns, rightColumns)
}

// versioned is a table that says when its rows' versions begin, or nil.
func (g *generator) versioned() *relation {
	at := slices.IndexFunc(g.relations, func(r *relation) bool { return r.since != "" })
	if at < 0 {
		return nil
	}
	return g.relations[at]
}

// version is a time at which a version begins.
func (g *generator) version() string {
	return pick(g, "1970-01-01 00:00:00", "1999-12-31 00:00:00", "2001-09-09 01:46:40.5", "2020-02-29 12:00:00", "2021-07-04 07:08:07.654321", null)
}

// systemTime joins a relation with a table as it was at the time in a column. PostgreSQL
// looks into the versions since the result was declared, which a trigger keeps. It
// returns nil where the relation has no columns for it.
func (g *generator) systemTime(over, versioned *relation) (from *fragment, columns []column) {
	left, right := g.alias(), g.alias()
	leftColumns := qualified(left, over.columns)
	var keys, times []string
	for _, c := range leftColumns {
		switch c.typ {
		case "integer":
			keys = append(keys, c.name)
		case "date", "timestamp", "timestamptz":
			times = append(times, c.name)
		}
	}
	if len(keys) == 0 || len(times) == 0 {
		return nil, nil
	}
	key, at, kind := pick(g, keys...), pick(g, times...), pick(g, "", "LEFT ")
	history := "h" + right
	g.history += fmt.Sprintf(`CREATE TABLE %[1]s AS SELECT %[2]s.*, 0::bigint AS version FROM %[2]s; CREATE SEQUENCE %[1]s_version;
CREATE FUNCTION %[1]s_keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO %[1]s SELECT NEW.*, nextval(''%[1]s_version''); RETURN NEW; END';
CREATE TRIGGER %[1]s_keeps AFTER INSERT OR UPDATE ON %[2]s FOR EACH ROW EXECUTE FUNCTION %[1]s_keep();
`, history, versioned.name)
	since := right + "." + versioned.since
	from = piece(over.name + " " + left + " " + kind + "JOIN " + versioned.name + " FOR SYSTEM_TIME AS OF " + at + " AS " + right + " ON " + key + " = " + right + ".id")
	from.theirs = piece(over.name + " " + left + " " + kind + "JOIN LATERAL (SELECT * FROM " + history + " " + right + " WHERE " + key + " = " + right + ".id AND " +
		since + " <= " + at + " ORDER BY " + since + " DESC, version DESC LIMIT 1) " + right + " ON true")
	return from, slices.Concat(leftColumns, qualified(right, versioned.columns))
}

// twice is a WITH query over a source, and a FROM list that reads it twice.
func (g *generator) twice() (with, from *fragment, columns []column) {
	var sources []*relation
	for _, r := range g.relations {
		if r.query == nil {
			sources = append(sources, r)
		}
	}
	inner, source := &relation{}, pick(g, sources...)
	switch g.random.IntN(3) {
	case 0:
		g.group(inner, piece(source.name), source.columns)
	case 1:
		g.distinct(inner, piece(source.name), source.columns)
	default:
		g.first(inner, piece(source.name), source.columns)
	}
	name, left, right := g.alias(), g.alias(), g.alias()
	leftColumns, rightColumns := qualified(left, inner.query.columns), qualified(right, inner.query.columns)
	l, r := g.joinColumns(leftColumns, rightColumns)
	with = piece("WITH "+name+pick(g, " AS (", " AS MATERIALIZED (")+"{}) ", inner.query.fragment)
	from = piece(name+" "+left+pick(g, " JOIN ", " LEFT JOIN ", " FULL JOIN ")+name+" "+right+" ON {}", list("", " AND ", maybe(expression("boolean", "("+l+" = "+r+")"))))
	return with, from, slices.Concat(leftColumns, rightColumns)
}

// change changes or deletes some rows of a table.
func (c *chain) change(g *generator, r *relation) {
	where := piece(fmt.Sprintf(" WHERE id %% %d = 0", 1+g.random.IntN(4)))
	if g.one(2) {
		where = list(" WHERE ", " AND ", maybe(g.condition(r.columns)), maybe(piece("(id % 2 = 1)")))
	}
	s := &step{kind: stepChange, relation: r, connection: g.random.IntN(connections)}
	if r.since == "" && g.one(3) {
		s.sql = maybe(piece("DELETE FROM "+r.name+"{}", where))
		c.steps = append(c.steps, s)
		return
	}
	var set []*fragment
	for at, target := range r.columns {
		switch {
		case at == 0 || len(set) > 0 && !g.one(3):
		case target.name == r.since:
			set = append(set, maybe(piece(target.name+" = "+valueLiteral(g.version()))))
		case g.one(3):
			set = append(set, maybe(piece(target.name+" = {}", g.leaf(target.typ, r.columns))))
		default:
			set = append(set, maybe(piece(target.name+" = "+valueLiteral(g.datum(target.typ)))))
		}
	}
	set[0].optional = false
	s.sql = maybe(piece("UPDATE "+r.name+" SET {}{}", list("", ", ", set...), where))
	c.steps = append(c.steps, s)
}
