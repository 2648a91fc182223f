package randomtables

import (
	"fmt"
	"slices"
	"strings"
)

// What the generator makes; a feature is switched on when both servers have it.
const (
	withKeyless     = true
	withChecks      = true
	withUnique      = true
	withIndexes     = true
	withAlter       = true
	withIdentity    = true
	withLocks       = true
	withJoins       = true
	withRowLocks    = true
	withAlterUnique = true
)

var (
	tableNames   = []string{"t1", "t2", "t3", "t4"}
	derivedNames = []string{"d1", "d2", "d3", "d4", "d5"}
	columnNames  = []string{"a", "b", "c", "d", "e", "f"}
	indexNames   = []string{"i1", "i2", "i3"}
)

// definition returns a step that changes the schema.
func (g *generator) definition() step {
	s := g.schema
	sql := ""
	switch n := g.IntN(24); {
	case len(s.sources) < 2 || n < 3 && len(s.sources) < 4:
		sql = g.createTable()
	case n < 9 && len(s.derived) < len(derivedNames):
		sql = g.derive(g.unused(derivedNames, s.derived))
	case n < 11 && len(s.derived) > 0:
		sql = "DROP MATERIALIZED VIEW " + s.derived[g.IntN(len(s.derived))].name + g.pick("", "", " CASCADE")
	case n < 12:
		sql = "DROP TABLE " + g.pick("", "IF EXISTS ") + g.pick(tableNames...) + g.pick("", " CASCADE")
	case n < 16 && withIndexes:
		sql = g.index()
	case n < 22 && withAlter:
		sql = g.alter(g.source())
	default:
		sql = g.createTable()
	}
	return step{kind: definition, sql: sql}
}

// unused returns a name that no table has.
func (g *generator) unused(names []string, tables []*table) string {
	for {
		name := g.pick(names...)
		if !slices.ContainsFunc(tables, func(t *table) bool { return t.name == name }) {
			return name
		}
	}
}

func (g *generator) createTable() string {
	t := &table{name: g.pick(tableNames...)}
	count := 1 + g.IntN(len(columnNames))
	for i := range count {
		c := column{name: columnNames[i], typ: g.pick(columnTypes...)}
		if withIdentity && g.oneIn(15) {
			c.typ, c.generated = g.pick("integer", "bigint"), true
		}
		t.columns = append(t.columns, c)
	}
	var key []int
	if !withKeyless || !g.oneIn(4) {
		key = g.Perm(count)[:1+g.IntN(min(2, count))]
		for _, i := range key {
			if typ := t.columns[i].typ; t.columns[i].generated {
				continue
			} else if typ == "boolean" || typ == "jsonb" || !g.oneIn(4) {
				t.columns[i].typ = g.pick("integer", "integer", "text", "bigint", "date", "numeric(6,2)", "uuid")
			}
		}
	}
	// PostgreSQL makes one index of a primary key and a UNIQUE on the same columns.
	primary := key
	var list []string
	for i, c := range t.columns {
		own := len(key) == 1 && key[0] == i && g.oneIn(2)
		list = append(list, g.columnDefinition(t, c, own, !sameColumns([]int{i}, primary)))
		if own {
			key = nil
		}
	}
	if len(key) > 0 {
		list = append(list, g.constraintName("pk")+"PRIMARY KEY ("+g.keyColumns(t, key)+")")
	}
	if unique := g.Perm(count)[:1+g.IntN(min(2, count))]; withUnique && g.oneIn(4) && !sameColumns(unique, primary) {
		list = append(list, g.constraintName("u")+"UNIQUE ("+g.keyColumns(t, unique)+")")
	}
	if withChecks && g.oneIn(4) {
		list = append(list, g.constraintName("check")+"CHECK ("+g.check(t)+")")
	}
	return fmt.Sprintf("CREATE TABLE %s%s (%s)", g.pick("", "", "IF NOT EXISTS "), t.name, strings.Join(list, ", "))
}

func sameColumns(a, b []int) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func (g *generator) keyColumns(t *table, key []int) string {
	var list []string
	for _, i := range key {
		list = append(list, t.columns[i].name)
	}
	return strings.Join(list, ", ")
}

// constraintName returns nothing most of the time.
func (g *generator) constraintName(stem string) string {
	if !g.oneIn(5) {
		return ""
	}
	g.names++
	return fmt.Sprintf("CONSTRAINT %s%d ", stem, g.names%5)
}

// columnDefinition returns a column with its constraints.
func (g *generator) columnDefinition(t *table, c column, primary, mayBeUnique bool) string {
	text := c.name + " " + c.typ
	switch {
	case c.generated && g.oneIn(2):
		text = c.name + " " + map[string]string{"integer": "serial", "bigint": "bigserial"}[c.typ]
	case c.generated:
		text += " GENERATED " + g.pick("ALWAYS", "BY DEFAULT") + " AS IDENTITY" + g.pick("", " (START WITH 5 INCREMENT BY 2)")
	case g.oneIn(3):
		text += " DEFAULT " + g.plain(c.typ)
	}
	if g.oneIn(5) {
		text += " NOT NULL"
	}
	if withChecks && g.oneIn(7) {
		text += " " + g.constraintName("check") + "CHECK (" + g.check(&table{name: t.name, columns: []column{c}}) + ")"
	}
	switch {
	case primary:
		text += " PRIMARY KEY"
	case withUnique && mayBeUnique && g.oneIn(9):
		text += " UNIQUE"
	}
	return text
}

// check returns a condition that many rows fulfil.
func (g *generator) check(t *table) string {
	c := t.columns[g.IntN(len(t.columns))]
	switch {
	case g.oneIn(4):
		return g.condition(1, source{t, t.name})
	case c.typ == "text" && g.oneIn(2):
		return "length(" + c.name + ") < 6"
	case c.typ == "integer" && g.oneIn(2):
		return c.name + g.pick(" > 0", " < 1000", " <> 3", " % 7 <> 1")
	case g.oneIn(4):
		return fmt.Sprintf("%s IS NOT NULL OR %s", c.name, g.condition(0, source{t, t.name}))
	}
	return fmt.Sprintf("%s <> %s", c.name, g.plain(c.typ))
}

// index makes or drops one.
func (g *generator) index() string {
	if len(g.schema.indexes) > 0 && g.oneIn(3) {
		return "DROP INDEX " + g.pick(g.schema.indexes...)
	}
	if g.oneIn(8) {
		return "DROP INDEX " + g.pick("", "IF EXISTS ") + g.pick(indexNames...)
	}
	t := g.source()
	var list []string
	for _, c := range g.some(t.columns, 2) {
		list = append(list, c.name+g.pick("", "", "", " DESC", " ASC"))
	}
	unique := ""
	if withUnique && g.oneIn(3) {
		unique = "UNIQUE "
	}
	return fmt.Sprintf("CREATE %sINDEX %sON %s (%s)", unique, g.pick("", g.pick(indexNames...)+" ", "IF NOT EXISTS "+g.pick(indexNames...)+" "), t.name, strings.Join(list, ", "))
}

// alter changes a table. What needs the rows to be stored anew is left out while
// derived tables are there: Millrace refuses it where one reads the table.
func (g *generator) alter(t *table) string {
	actions := []string{g.alteration(t)}
	for g.oneIn(4) {
		actions = append(actions, g.alteration(t))
	}
	if g.oneIn(6) {
		c := t.columns[g.IntN(len(t.columns))]
		actions = []string{g.pick("RENAME "+g.pick("", "COLUMN ")+c.name+" TO "+g.pick(columnNames...), "RENAME TO "+g.pick(tableNames...))}
		if len(t.constraints) > 0 && g.oneIn(3) {
			actions = []string{"RENAME CONSTRAINT " + g.pick(t.constraints...) + " TO " + g.pick("check1", "pk2", "check0")}
		}
	}
	return "ALTER TABLE " + t.name + " " + strings.Join(actions, ", ")
}

// alteration is one of the actions that may stand in a list.
func (g *generator) alteration(t *table) string {
	c := t.columns[g.IntN(len(t.columns))]
	anew := len(g.schema.derived) == 0
	column := g.pick("", "COLUMN ")
	switch n := g.IntN(16); {
	case n < 4:
		added := g.newColumn()
		return "ADD " + g.pick("", "COLUMN ", "COLUMN IF NOT EXISTS ") + g.columnDefinition(t, added, anew && len(t.primary) == 0 && g.oneIn(9), withAlterUnique && anew)
	case n < 6 && len(t.columns) > 1 && (anew || !t.inKey(c.name)):
		name := c.name
		if g.oneIn(6) {
			name = "missing"
		}
		return "DROP " + g.pick("", "COLUMN ", "COLUMN IF EXISTS ") + name + g.pick("", "", " CASCADE")
	case n < 8:
		return "ALTER " + column + c.name + g.pick(" SET DEFAULT "+g.plain(c.typ), " DROP DEFAULT")
	case n < 10:
		return "ALTER " + column + c.name + g.pick(" SET NOT NULL", " DROP NOT NULL")
	case n < 12 && anew && !slices.ContainsFunc(t.constraints, func(name string) bool { return strings.Contains(name, "check") }):
		// PostgreSQL reads CHECK constraints with the types that literals in them had.
		return "ALTER " + column + c.name + " TYPE " + g.newType(c)
	case n < 13 && anew:
		return "ADD " + g.constraintName("pk") + "PRIMARY KEY (" + g.keyColumns(t, g.Perm(len(t.columns))[:1+g.IntN(min(2, len(t.columns)))]) + ")"
	case n < 14 && withAlterUnique:
		return "ADD " + g.constraintName("u") + "UNIQUE (" + g.keyColumns(t, g.Perm(len(t.columns))[:1]) + ")"
	case n < 15 && len(t.constraints) > 0 && anew:
		return "DROP CONSTRAINT " + g.pick(t.constraints...)
	case n < 15 && g.oneIn(3):
		return "DROP CONSTRAINT " + g.pick("", "IF EXISTS ") + "missing"
	default:
		return "ADD " + g.constraintName("check") + "CHECK (" + g.check(t) + ")"
	}
}

// newColumn is a column that a table may get.
func (g *generator) newColumn() column {
	return column{name: g.pick(columnNames...), typ: g.pick(columnTypes...)}
}

// newType returns a type for a column, and how its values become of it.
func (g *generator) newType(c column) string {
	to := g.pick(columnTypes...)
	switch g.IntN(4) {
	case 0:
		return "text"
	case 1:
		return fmt.Sprintf("%s USING %s::text::%s", to, c.name, to)
	case 2:
		return fmt.Sprintf("text USING length(%s::text)", c.name)
	default:
		return to
	}
}
