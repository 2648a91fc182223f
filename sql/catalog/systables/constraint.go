package systables

import (
	"context"
	"fmt"
	"strings"

	"millrace/sql/catalog"
)

// checks returns the CHECK constraints of a relation.
func checks(r *catalog.Relation) []*catalog.Constraint {
	var list []*catalog.Constraint
	for i := range r.Constraints {
		if r.Constraints[i].Kind == catalog.ConstraintCheck {
			list = append(list, &r.Constraints[i])
		}
	}
	return list
}

// attributes turns column numbers into attribute numbers.
func attributes(r *catalog.Relation, columns []int) []int {
	numbers := make([]int, len(columns))
	for i, c := range columns {
		numbers[i] = r.Attribute(c)
	}
	return numbers
}

// checkConstraintRows are the CHECK constraints of a relation in pg_constraint.
func checkConstraintRows(env *Environment, r *catalog.Relation) []row {
	var rows []row
	for _, c := range checks(r) {
		rows = append(rows, row{
			"oid": c.ID, "conname": c.Name, "connamespace": schemaOID(env.Catalog, r.Schema), "contype": "c",
			"convalidated": true, "conrelid": r.ID, "conislocal": true, "conkey": attributes(r, c.Columns), "conbin": c.Expression,
		})
	}
	return rows
}

// checkDefinition is what pg_get_constraintdef returns of a CHECK: PostgreSQL puts
// operators in parentheses unless the text is to be pretty.
func checkDefinition(c *catalog.Constraint, pretty bool) string {
	if pretty {
		return "CHECK (" + c.Expression + ")"
	}
	return "CHECK (" + shownExpression(c.Expression) + ")"
}

// notNullName is the name under which information_schema shows NOT NULL of a column
// as a CHECK.
func notNullName(env *Environment, r *catalog.Relation, column int) string {
	return fmt.Sprintf("%d_%d_%d_not_null", schemaOID(env.Catalog, r.Schema), r.ID, r.Attribute(column))
}

func informationConstraints(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, relation := range env.Catalog.Relations() {
		add := func(name, kind string) {
			rows = append(rows, row{
				"constraint_catalog": env.Database, "constraint_schema": relation.Schema, "constraint_name": name,
				"table_catalog": env.Database, "table_schema": relation.Schema, "table_name": relation.Name,
				"constraint_type": kind, "is_deferrable": "NO", "initially_deferred": "NO", "enforced": "YES",
			})
		}
		if key := relation.PrimaryKey(); key != nil {
			add(key.Name, "PRIMARY KEY")
		}
		for _, i := range env.Catalog.IndexesOf(relation.ID) {
			if i.Constraint {
				add(i.Name, "UNIQUE")
			}
		}
		for _, c := range checks(relation) {
			add(c.Name, "CHECK")
		}
		for i := range relation.Columns {
			if c := &relation.Columns[i]; c.NotNull && !c.Hidden {
				add(notNullName(env, relation, i), "CHECK")
			}
		}
	}
	return rows, nil
}

func informationChecks(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, relation := range env.Catalog.Relations() {
		add := func(name, clause string) {
			rows = append(rows, row{
				"constraint_catalog": env.Database, "constraint_schema": relation.Schema, "constraint_name": name, "check_clause": clause,
			})
		}
		for _, c := range checks(relation) {
			add(c.Name, strings.TrimPrefix(checkDefinition(c, false), "CHECK "))
		}
		for i := range relation.Columns {
			if c := &relation.Columns[i]; c.NotNull && !c.Hidden {
				add(notNullName(env, relation, i), c.Name+" IS NOT NULL")
			}
		}
	}
	return rows, nil
}

func informationConstraintColumns(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, relation := range env.Catalog.Relations() {
		for i := range relation.Constraints {
			c := &relation.Constraints[i]
			for _, column := range c.Columns {
				rows = append(rows, row{
					"table_catalog": env.Database, "table_schema": relation.Schema, "table_name": relation.Name,
					"column_name": relation.Columns[column].Name, "constraint_catalog": env.Database,
					"constraint_schema": relation.Schema, "constraint_name": c.Name,
				})
			}
		}
	}
	return rows, nil
}
