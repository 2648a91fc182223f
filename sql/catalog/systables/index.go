package systables

import (
	"context"
	"strings"

	"millrace/sql/catalog"
	"millrace/sql/expr"
)

// index describes how an index is shown: a secondary one, or that of a relation's
// key.
type index struct {
	oid      catalog.ObjectID
	table    *catalog.Relation
	name     string
	method   string
	primary  bool
	unique   bool
	nullsNot bool // NULLS NOT DISTINCT
	// constraint says that a PRIMARY KEY or UNIQUE constraint of the same name owns
	// it.
	constraint bool
	ready      bool
	columns    []catalog.IndexColumn
	include    []int
	comment    string
}

// indexesOf returns the indexes of a relation: that of its key, where users see it,
// and the secondary ones.
func indexesOf(env *Environment, r *catalog.Relation) []*index {
	var list []*index
	if key := keyIndexOf(r); key != nil {
		list = append(list, key)
	}
	for _, i := range env.Catalog.IndexesOf(r.ID) {
		list = append(list, &index{
			oid: i.ID, table: r, name: i.Name, method: i.Method, unique: i.Unique, nullsNot: i.NullsNotDistinct,
			constraint: i.Constraint, ready: i.Ready, columns: i.Columns, include: i.Include, comment: i.Comment,
		})
	}
	return list
}

// allIndexes returns the indexes of all relations.
func allIndexes(env *Environment) []*index {
	var list []*index
	for _, r := range env.Catalog.Relations() {
		list = append(list, indexesOf(env, r)...)
	}
	return list
}

// keyIndexOf returns the index of a relation's key: nil where there is none,
// because there is no key, or it is not visible or not unique.
func keyIndexOf(r *catalog.Relation) *index {
	if r.Kind != catalog.KindTable || r.Bag || len(r.Key) == 0 {
		return nil
	}
	// The key of a derived table may be NULL, which no primary key may.
	i := &index{oid: r.IndexID(), table: r, name: r.Name + "_key", method: "btree", unique: true, nullsNot: true, ready: true}
	if c := r.PrimaryKey(); c != nil {
		i.name, i.primary, i.constraint, i.nullsNot, i.comment = c.Name, true, true, false, c.Comment
	}
	for _, k := range r.Key {
		if r.Columns[k].Hidden {
			return nil
		}
		i.columns = append(i.columns, catalog.IndexColumn{Column: k})
	}
	return i
}

// numbers are the columns' numbers, those of INCLUDE last.
func (i *index) numbers() []int {
	var numbers []int
	for _, c := range i.columns {
		numbers = append(numbers, c.Column)
	}
	return append(numbers, i.include...)
}

// attributes are the numbers of columns as system tables show them.
func (i *index) attributes(numbers []int) []int {
	out := make([]int, len(numbers))
	for n, number := range numbers {
		out[n] = i.table.Attribute(number)
	}
	return out
}

// keyNames are the names of the indexed columns.
func (i *index) keyNames() []string {
	var names []string
	for _, c := range i.columns {
		names = append(names, i.table.Columns[c.Column].Name)
	}
	return names
}

func (i *index) includeNames() []string {
	var names []string
	for _, number := range i.include {
		names = append(names, i.table.Columns[number].Name)
	}
	return names
}

// columnText is one of the indexed columns as definitions print it.
func (i *index) columnText(n int) string {
	c := i.columns[n]
	text := expr.QuoteIdentifier(i.table.Columns[c.Column].Name)
	if c.Class != "" {
		text += " " + c.Class
	}
	if c.Descending {
		text += " DESC"
	}
	switch {
	case c.NullsFirst && !c.Descending:
		text += " NULLS FIRST"
	case !c.NullsFirst && c.Descending:
		text += " NULLS LAST"
	}
	return text
}

// definition is what pg_get_indexdef returns.
func (i *index) definition() string {
	columns := make([]string, len(i.columns))
	for n := range columns {
		columns[n] = i.columnText(n)
	}
	words := "CREATE "
	if i.unique {
		words += "UNIQUE "
	}
	return words + "INDEX " + expr.QuoteIdentifier(i.name) + " ON " + i.table.Schema + "." + expr.QuoteIdentifier(i.table.Name) +
		" USING " + i.method + " (" + strings.Join(columns, ", ") + ")" + i.suffix()
}

// suffix is what stands behind the columns.
func (i *index) suffix() string {
	text := ""
	if len(i.include) > 0 {
		text = " INCLUDE (" + quotedList(i.includeNames()) + ")"
	}
	if i.nullsNot {
		text += " NULLS NOT DISTINCT"
	}
	return text
}

// constraintDefinition is what pg_get_constraintdef returns.
func (i *index) constraintDefinition() string {
	if i.primary {
		return "PRIMARY KEY (" + quotedList(i.keyNames()) + ")" + i.suffix()
	}
	words := "UNIQUE "
	if i.nullsNot {
		words += "NULLS NOT DISTINCT "
	}
	text := words + "(" + quotedList(i.keyNames()) + ")"
	if len(i.include) > 0 {
		text += " INCLUDE (" + quotedList(i.includeNames()) + ")"
	}
	return text
}

// classRow is the index in pg_class.
func (i *index) classRow(env *Environment) row {
	class := classRow(int(i.oid), i.name, schemaOID(env.Catalog, i.table.Schema), "i", len(i.columns)+len(i.include))
	class["relam"], class["relreplident"] = oidBtree, "n"
	if i.method == "hash" {
		class["relam"] = oidHash
	}
	return class
}

// attributeRows are the index's columns in pg_attribute.
func (i *index) attributeRows() []row {
	var rows []row
	for n, number := range i.numbers() {
		c := &i.table.Columns[number]
		rows = append(rows, attributeRow(int(i.oid), n+1, c.Name, c.Type))
	}
	return rows
}

func pgIndex(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, i := range allIndexes(env) {
		options := make([]int, len(i.columns))
		for n, c := range i.columns {
			if c.Descending {
				options[n]++
			}
			if c.NullsFirst {
				options[n] += 2
			}
		}
		rows = append(rows, row{
			"indexrelid": i.oid, "indrelid": i.table.ID, "indnatts": len(i.columns) + len(i.include), "indnkeyatts": len(i.columns),
			"indisunique": i.unique, "indnullsnotdistinct": i.unique && i.nullsNot, "indisprimary": i.primary, "indimmediate": true,
			"indisvalid": i.ready, "indisready": true, "indislive": true,
			"indkey":       i.attributes(i.numbers()),
			"indcollation": make([]int, len(i.columns)), "indclass": make([]int, len(i.columns)), "indoption": options,
		})
	}
	return rows, nil
}

func pgIndexes(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, i := range allIndexes(env) {
		rows = append(rows, row{
			"schemaname": i.table.Schema, "tablename": i.table.Name, "indexname": i.name, "indexdef": i.definition(),
		})
	}
	return rows, nil
}

// constraintRows are the PRIMARY KEY and UNIQUE constraints of a relation in
// pg_constraint, each with the OID of its index.
func constraintRows(env *Environment, r *catalog.Relation) []row {
	var rows []row
	for _, i := range indexesOf(env, r) {
		if !i.constraint {
			continue
		}
		kind := "u"
		if i.primary {
			kind = "p"
		}
		rows = append(rows, row{
			"oid": i.oid, "conname": i.name, "connamespace": schemaOID(env.Catalog, r.Schema), "contype": kind,
			"convalidated": true, "conrelid": r.ID, "conindid": i.oid, "conislocal": true,
			"connoinherit": true, "conkey": i.attributes(i.numbers()[:len(i.columns)]),
		})
	}
	return rows
}

// indexDefinitions are the texts of indexes behind pg_get_indexdef and
// pg_get_constraintdef.
func indexDefinitions(env *Environment, r *catalog.Relation) []row {
	var rows []row
	for _, i := range indexesOf(env, r) {
		rows = append(rows, row{"id": i.oid, "kind": "index", "definition": i.definition()})
		for n, number := range i.numbers() {
			rows = append(rows, row{"id": i.oid, "kind": "index", "number": n + 1, "definition": expr.QuoteIdentifier(r.Columns[number].Name)})
		}
		if i.constraint {
			rows = append(rows, row{"id": i.oid, "kind": "constraint", "definition": i.constraintDefinition()})
		}
	}
	return rows
}
