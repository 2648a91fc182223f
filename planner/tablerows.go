package planner

import (
	"millrace/planner/plan"
	"millrace/sql/catalog"
)

// TableRows plans to read all rows of a table, all of its columns, hidden ones too.
func TableRows(env *Environment, table *catalog.Relation) (*plan.Query, error) {
	b := newBinder(env, modePull)
	b.addSource(table)
	fetch := make([]int, len(table.Columns))
	for i := range fetch {
		fetch[i] = i
	}
	return b.finishQuery(&boundQuery{node: newScan(table, fetch), visible: len(fetch)})
}
