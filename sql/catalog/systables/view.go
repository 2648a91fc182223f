package systables

import (
	"context"

	"millrace/sql/catalog"
)

// viewText is the query of a view as pg_get_viewdef shows it.
func viewText(env *Environment, v *catalog.View) string {
	if env.ViewText == nil {
		return v.Text + ";"
	}
	return env.ViewText(v) + ";"
}

// viewClassRows are the views in pg_class.
func viewClassRows(env *Environment) []row {
	var rows []row
	for _, v := range env.Catalog.Views() {
		class := classRow(int(v.ID), v.Name, schemaOID(env.Catalog, v.Schema), "v", len(v.Columns))
		class["relfilenode"], class["relreplident"] = 0, "n"
		showAccess(env, class, v.ID)
		rows = append(rows, class)
	}
	return rows
}

// viewAttributeRows are the columns of views in pg_attribute.
func viewAttributeRows(env *Environment) []row {
	var rows []row
	for _, v := range env.Catalog.Views() {
		for i, c := range v.Columns {
			rows = append(rows, attributeRow(int(v.ID), i+1, c.Name, c.Type))
		}
	}
	return rows
}

// viewDescriptionRows are the comments on views in pg_description.
func viewDescriptionRows(env *Environment) []row {
	var rows []row
	for _, v := range env.Catalog.Views() {
		if v.Comment != "" {
			rows = append(rows, row{"objoid": v.ID, "classoid": classPgClass, "description": v.Comment})
		}
		for i, c := range v.Columns {
			if c.Comment != "" {
				rows = append(rows, row{"objoid": v.ID, "classoid": classPgClass, "objsubid": i + 1, "description": c.Comment})
			}
		}
	}
	return rows
}

// viewColumnRows are the columns of views in information_schema.columns.
func viewColumnRows(env *Environment) []row {
	var rows []row
	for _, v := range env.Catalog.Views() {
		for i, c := range v.Columns {
			column := columnRow(env, v.Schema, v.Name, i+1, c.Name, c.Type, false)
			column["column_default"] = nil
			rows = append(rows, column)
		}
	}
	return rows
}

func millraceViews(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, v := range env.Catalog.Views() {
		rows = append(rows, row{"schema": v.Schema, "name": v.Name, "id": v.ID, "definition": v.Text, "comment": orNull(v.Comment)})
	}
	return rows, nil
}

// informationViewTables are what views read, as information_schema.view_table_usage
// lists it.
func informationViewTables(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, v := range env.Catalog.Views() {
		add := func(schema, name string) {
			rows = append(rows, row{
				"view_catalog": env.Database, "view_schema": v.Schema, "view_name": v.Name,
				"table_catalog": env.Database, "table_schema": schema, "table_name": name,
			})
		}
		for _, id := range v.Sources {
			r := env.Catalog.Relation(id)
			add(r.Schema, r.Name)
		}
		for _, id := range v.Views {
			inner := env.Catalog.View(id)
			add(inner.Schema, inner.Name)
		}
	}
	return rows, nil
}
