package randomtables

import (
	"fmt"
	"slices"
	"strings"
)

// What the generator makes; a feature is switched on when both servers have it.
const (
	withKeyless  = true
	withChecks   = false
	withUnique   = false
	withIndexes  = false
	withAlter    = false
	withIdentity = false
	withLocks    = false
)

var tableNames = []string{"t1", "t2", "t3", "t4"}
var derivedNames = []string{"d1", "d2", "d3", "d4", "d5"}
var columnNames = []string{"a", "b", "c", "d", "e", "f"}

// definition returns a step that changes the schema.
func (g *generator) definition() step {
	full := len(g.schema.sources) >= 3
	switch n := g.IntN(20); {
	case len(g.schema.sources) < 2 || n < 4 && !full:
		return step{kind: definition, sql: g.createTable()}
	case n < 11 && len(g.schema.derived) < len(derivedNames):
		return step{kind: definition, sql: g.derive(g.unused(derivedNames, g.schema.derived))}
	case n < 13 && len(g.schema.derived) > 0:
		return step{kind: definition, sql: "DROP MATERIALIZED VIEW " + g.schema.derived[g.IntN(len(g.schema.derived))].name + g.pick("", "", " CASCADE")}
	case n < 14:
		return step{kind: definition, sql: "DROP TABLE " + g.pick("", "IF EXISTS ") + g.pick(tableNames...) + g.pick("", " CASCADE")}
	}
	return step{kind: definition, sql: g.createTable()}
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
	name := g.pick(tableNames...)
	var columns, constraints []string
	count := 1 + g.IntN(len(columnNames))
	types := make([]string, count)
	for i := range types {
		types[i] = g.pick(columnTypes...)
	}
	var key []int
	if !withKeyless || !g.oneIn(4) {
		key = g.Perm(count)[:1+g.IntN(min(2, count))]
		for _, i := range key {
			if types[i] == "boolean" || types[i] == "jsonb" || !g.oneIn(4) {
				types[i] = g.pick("integer", "integer", "text", "bigint", "date", "numeric(6,2)", "uuid")
			}
		}
	}
	for i, typ := range types {
		text := columnNames[i] + " " + typ
		if g.oneIn(3) {
			text += " DEFAULT " + g.plain(typ)
		}
		if g.oneIn(5) {
			text += " NOT NULL"
		}
		if len(key) == 1 && key[0] == i && g.oneIn(2) {
			text += " PRIMARY KEY"
			key = nil
		}
		columns = append(columns, text)
	}
	if len(key) > 0 {
		var list []string
		for _, i := range key {
			list = append(list, columnNames[i])
		}
		constraints = append(constraints, "PRIMARY KEY ("+strings.Join(list, ", ")+")")
	}
	return fmt.Sprintf("CREATE TABLE %s%s (%s)", g.pick("", "", "IF NOT EXISTS "), name, strings.Join(append(columns, constraints...), ", "))
}
