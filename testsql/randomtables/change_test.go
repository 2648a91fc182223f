package randomtables

import (
	"fmt"
	"slices"
	"strings"
)

// insert returns an INSERT or a COPY.
func (g *generator) insert(session int) []step {
	t := g.source()
	switch {
	case g.oneIn(8) && !t.givesValues():
		return []step{{session: session, sql: g.insertQuery(session, t)}}
	case g.oneIn(10):
		return g.copyIn(session, t)
	case g.oneIn(25):
		return []step{{session: session, sql: "INSERT INTO " + t.name + " DEFAULT VALUES" + g.returning(t, t.name)}}
	}
	columns := t.columns
	if g.oneIn(3) {
		columns = g.some(t.columns, len(t.columns))
	}
	columns = slices.DeleteFunc(slices.Clone(columns), func(c column) bool { return c.generated })
	if len(columns) == 0 {
		return []step{{session: session, sql: "INSERT INTO " + t.name + " DEFAULT VALUES"}}
	}
	var rows []string
	count := 1 + g.IntN(4)
	if g.oneIn(8) {
		count = 5 + g.IntN(25)
	}
	for range count {
		rows = append(rows, g.row(columns))
	}
	sql := fmt.Sprintf("INSERT INTO %s (%s) VALUES %s", t.name, names(columns), strings.Join(rows, ", "))
	return []step{{session: session, oneRow: len(rows) == 1, sql: sql + g.onConflict(session, t) + g.returning(t, t.name)}}
}

func (g *generator) row(columns []column) string {
	var values []string
	for _, c := range columns {
		value := g.literal(c.typ)
		if value == "NULL" && c.notNull && !g.oneIn(5) {
			value = g.plain(c.typ)
		}
		if g.oneIn(15) {
			value = "DEFAULT"
		}
		values = append(values, value)
	}
	return "(" + strings.Join(values, ", ") + ")"
}

func names(columns []column) string {
	var list []string
	for _, c := range columns {
		list = append(list, c.name)
	}
	return strings.Join(list, ", ")
}

// onConflict returns nothing, or what an INSERT does where a row is already
// there. The keys of rows stay as they are.
func (g *generator) onConflict(session int, t *table) string {
	if g.oneIn(2) {
		return ""
	}
	waits := g.waits(session, t)
	if len(t.unique) == 0 || !waits && g.oneIn(4) {
		return " ON CONFLICT DO NOTHING"
	}
	key := t.unique[g.IntN(len(t.unique))]
	target := " ON CONFLICT (" + strings.Join(key, ", ") + ")"
	if slices.Equal(key, t.primary) && g.oneIn(4) {
		target = " ON CONFLICT ON CONSTRAINT " + t.primaryName
	}
	var set []string
	for _, c := range t.columns {
		if t.inKey(c.name) || !g.oneIn(2) || c.generated {
			continue
		}
		value := g.scalar(c.typ, 1, source{t, t.name}, source{t, "excluded"})
		switch {
		case g.oneIn(6):
			value = "DEFAULT"
		case g.oneIn(8):
			value = g.subquery(c.typ, source{t, g.pick(t.name, "excluded")})
		}
		set = append(set, c.name+" = "+value)
	}
	if waits && len(set) == 0 {
		return ""
	}
	if len(set) == 0 || !waits && g.oneIn(3) {
		return target + " DO NOTHING"
	}
	where := ""
	if g.oneIn(3) {
		where = " WHERE " + g.condition(1, source{t, t.name}, source{t, "excluded"})
	}
	return target + " DO UPDATE SET " + strings.Join(set, ", ") + where
}

// waits says that DO NOTHING may have to wait in PostgreSQL alone: for a change of the
// other session that leaves a unique index as it is.
func (g *generator) waits(session int, t *table) bool {
	return g.block[1-session] && len(t.unique) > 0 && (len(t.unique) > 1 || len(t.primary) == 0)
}

func (g *generator) returning(t *table, alias string) string {
	switch g.IntN(6) {
	case 0:
		return " RETURNING *"
	case 1:
		c := t.columns[g.IntN(len(t.columns))]
		if g.oneIn(5) {
			return fmt.Sprintf(" RETURNING %s.%s, %s AS s", alias, c.name, g.subquery(c.typ, source{t, alias}))
		}
		return fmt.Sprintf(" RETURNING %s AS r, %s.%s", g.scalar(c.typ, 1, source{t, alias}), alias, c.name)
	}
	return ""
}

// insertQuery inserts what a query gives. Which of several rows with one key is
// taken must not matter.
func (g *generator) insertQuery(session int, t *table) string {
	from := source{g.source(), "x"}
	columns := slices.DeleteFunc(slices.Clone(t.columns), func(c column) bool { return c.generated })
	if len(columns) == 0 {
		return "INSERT INTO " + t.name + " DEFAULT VALUES"
	}
	var values []string
	for _, c := range columns {
		values = append(values, g.scalar(c.typ, 1, from))
	}
	if sql := g.insertGroups(t, columns, from); sql != "" && g.oneIn(2) && !g.waits(session, t) {
		return sql
	}
	sql := fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s AS x WHERE %s", t.name, names(columns), strings.Join(values, ", "), from.name, g.search(1, g.schema.sources, from))
	if g.oneIn(2) {
		sql += g.returning(t, t.name)
	}
	return sql
}

// insertGroups inserts groups, which have different keys, into a table with one
// unique key of one column; it returns nothing where that cannot be.
func (g *generator) insertGroups(t *table, columns []column, from source) string {
	if len(t.unique) != 1 || len(t.unique[0]) != 1 {
		return ""
	}
	key := t.column(t.unique[0][0])
	i := slices.IndexFunc(from.columns, func(c column) bool { return c.typ == key.typ })
	if i < 0 {
		return ""
	}
	var values []string
	for _, c := range columns {
		value := g.counted(c.typ)
		if c.name == key.name {
			value = "x." + from.columns[i].name
		}
		values = append(values, value)
	}
	conflict := " ON CONFLICT DO NOTHING"
	for _, c := range t.columns {
		if c.typ == "integer" && !t.inKey(c.name) {
			conflict = fmt.Sprintf(" ON CONFLICT (%s) DO UPDATE SET %s = %s.%s + excluded.%s", key.name, c.name, t.name, c.name, c.name)
		}
	}
	return fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s AS x GROUP BY x.%s%s", t.name, names(columns), strings.Join(values, ", "), from.name, from.columns[i].name, conflict)
}

// copyIn copies lines in. A COPY outside a block commits in pieces, so one that
// may fail is in a block.
func (g *generator) copyIn(session int, t *table) []step {
	columns := slices.DeleteFunc(slices.Clone(t.columns), func(c column) bool { return c.generated })
	if len(columns) == 0 {
		return []step{{session: session, sql: "SELECT 1"}}
	}
	csv := g.oneIn(2)
	var lines strings.Builder
	for range 1 + g.IntN(5) {
		var values []string
		for _, c := range columns {
			value := g.literal(c.typ)
			isNull := value == "NULL"
			value = strings.Trim(value, "'")
			switch {
			case isNull && csv:
				value = ""
			case isNull:
				value = `\N`
			case csv:
				value = `"` + strings.ReplaceAll(value, `"`, `""`) + `"`
			default:
				value = strings.ReplaceAll(value, `\`, `\\`)
			}
			values = append(values, value)
		}
		lines.WriteString(strings.Join(values, map[bool]string{true: ",", false: "\t"}[csv]) + "\n")
	}
	sql := fmt.Sprintf("COPY %s (%s) FROM STDIN", t.name, names(columns))
	if csv {
		sql += " WITH (FORMAT csv)"
	}
	s := step{kind: copyIn, session: session, sql: sql, lines: lines.String()}
	if g.block[session] {
		return []step{s}
	}
	return []step{{session: session, sql: "BEGIN"}, s, {session: session, sql: "COMMIT"}}
}

// update returns an UPDATE whose result does not depend on the order of the rows.
func (g *generator) update(session int) step {
	t := g.source()
	target := source{t, "x"}
	if key := g.smallKey(t); key != "" && g.oneIn(8) && g.shifts < 8 {
		// Each time further than all times before together.
		g.shifts++
		return step{session: session, sql: fmt.Sprintf("UPDATE %s AS x SET %s = x.%s + %d WHERE %s", t.name, key, key, 1000<<(2*g.shifts), g.search(1, g.schema.sources, target))}
	}
	from, tables := "", []source{target}
	where := ""
	if other := g.source(); g.oneIn(5) && len(other.primary) == 1 && other != t {
		for _, c := range t.columns {
			if c.typ == other.column(other.primary[0]).typ {
				tables = append(tables, source{other, "y"})
				from = " FROM " + other.name + " AS y"
				where = fmt.Sprintf("x.%s = y.%s AND ", c.name, other.primary[0])
				break
			}
		}
	}
	byKey := from == "" && len(t.unique) > 0 && g.oneIn(3)
	var set []string
	for _, c := range g.some(t.columns, 3) {
		if t.inKey(c.name) && !byKey && !g.oneIn(6) || c.generated {
			continue
		}
		set = append(set, g.assignment(t, c, tables))
	}
	if len(set) == 0 {
		c := t.columns[g.IntN(len(t.columns))]
		set = append(set, c.name+" = "+c.name)
	}
	if byKey {
		where = g.byKey(target, t.unique[g.IntN(len(t.unique))])
	} else {
		where += g.search(1, g.schema.sources, tables...)
	}
	sql := fmt.Sprintf("UPDATE %s AS x SET %s%s WHERE %s%s", t.name, strings.Join(set, ", "), from, where, g.returning(t, "x"))
	return step{session: session, oneRow: byKey, sql: sql}
}

// assignment sets a column. Columns of keys get constants.
func (g *generator) assignment(t *table, c column, tables []source) string {
	switch {
	case t.inKey(c.name):
		return c.name + " = " + g.pick("NULL", g.plain(c.typ), g.plain(c.typ))
	case g.oneIn(8):
		return c.name + " = DEFAULT"
	case g.oneIn(8):
		return c.name + " = " + g.subquery(c.typ, tables...)
	case g.oneIn(10) && len(t.primary) > 0:
		o := source{t, "o"}
		return fmt.Sprintf("(%s) = (SELECT %s FROM %s AS o WHERE %s)", c.name, g.scalar(c.typ, 1, o), t.name, g.byKey(o, t.primary))
	case g.oneIn(8):
		return fmt.Sprintf("(%s) = ROW(%s)", c.name, g.scalar(c.typ, 1, tables...))
	case g.oneIn(12):
		return c.name + " = " + g.pick("NULL", g.plain(c.typ), g.plain(c.typ))
	}
	return c.name + " = " + g.scalar(c.typ, 1, tables...)
}

// subquery returns one that gives a value of a type, for a row of the tables.
func (g *generator) subquery(typ string, tables ...source) string {
	t, other := tables[g.IntN(len(tables))], g.source()
	if a, b := g.common(t.table, other); a != "" {
		return fmt.Sprintf("(SELECT %s FROM %s AS o WHERE %s.%s = o.%s)", g.counted(typ), other.name, t.alias, a, b)
	}
	return fmt.Sprintf("(SELECT %s FROM %s AS o)", g.counted(typ), other.name)
}

// counted is an aggregate of a type.
func (g *generator) counted(typ string) string {
	switch typ {
	case "integer", "bigint", "smallint", "numeric", "numeric(6,2)", "double precision", "real":
		return "count(*)"
	case "boolean":
		return "count(*) > 1"
	case "uuid", "bytea", "jsonb":
		return "CASE WHEN count(*) > 0 THEN " + g.plain(typ) + " END"
	default:
		return "max(" + g.plain(typ) + ")"
	}
}

// smallKey returns a column that is a unique key of its own and whose values
// have room to grow.
func (g *generator) smallKey(t *table) string {
	for _, key := range t.unique {
		if len(key) == 1 && t.column(key[0]).typ == "integer" {
			return key[0]
		}
	}
	return ""
}

// remove returns a DELETE or TRUNCATE.
func (g *generator) remove(session int) string {
	t := g.source()
	if quiet := !g.block[0] && !g.block[1]; g.oneIn(12) && (quiet || withLocks && g.oneIn(4)) {
		g.locked = g.locked || g.block[session]
		return "TRUNCATE " + t.name
	}
	if other := g.source(); g.oneIn(5) && other != t {
		if a, b := g.common(t, other); a != "" {
			return fmt.Sprintf("DELETE FROM %s AS x USING %s AS y WHERE x.%s = y.%s AND %s%s", t.name, other.name, a, b, g.search(1, g.schema.sources, source{t, "x"}, source{other, "y"}), g.returning(t, "x"))
		}
	}
	if g.oneIn(3) && len(t.unique) > 0 {
		return fmt.Sprintf("DELETE FROM %s AS x WHERE %s%s", t.name, g.byKey(source{t, "x"}, t.unique[g.IntN(len(t.unique))]), g.returning(t, "x"))
	}
	return fmt.Sprintf("DELETE FROM %s AS x WHERE %s%s", t.name, g.search(1, g.schema.sources, source{t, "x"}), g.returning(t, "x"))
}
