package systables

import (
	"context"

	"millrace/sql/types"
)

func informationSchemaRows(r *Registry) map[string]rowsFunc {
	return map[string]rowsFunc{
		"information_schema_catalog_name": func(_ context.Context, env *Environment, _ *Table) ([]row, error) {
			return []row{{"catalog_name": env.Database}}, nil
		},
		"sequences":               informationSequences,
		"schemata":                informationSchemata,
		"tables":                  r.informationTables,
		"columns":                 r.informationColumns,
		"table_constraints":       informationConstraints,
		"key_column_usage":        informationKeyColumns,
		"check_constraints":       informationChecks,
		"constraint_column_usage": informationConstraintColumns,
		"views":                   r.informationViews,
		"view_table_usage":        informationViewTables,
		"enabled_roles":           informationEnabledRoles,
		"applicable_roles":        informationApplicableRoles,
		"table_privileges":        informationTablePrivileges,
		"role_table_grants":       informationTablePrivileges,
	}
}

func informationSchemata(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, schema := range schemaNames(env.Catalog) {
		owner := systemOwner(env)
		if id := env.Catalog.SchemaID(schema); id != 0 {
			owner = ownerName(env, id)
		}
		rows = append(rows, row{"catalog_name": env.Database, "schema_name": schema, "schema_owner": owner})
	}
	return rows, nil
}

func (r *Registry) informationTables(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	add := func(schema, name, kind string, insertable bool) {
		answer := "NO"
		if insertable {
			answer = "YES"
		}
		rows = append(rows, row{
			"table_catalog": env.Database, "table_schema": schema, "table_name": name, "table_type": kind,
			"is_insertable_into": answer, "is_typed": "NO",
		})
	}
	for _, t := range r.tables {
		kind := "VIEW"
		if !t.View() {
			kind = "BASE TABLE"
		}
		add(t.Schema, t.Name, kind, false)
	}
	for _, relation := range env.Catalog.Relations() {
		add(relation.Schema, relation.Name, "BASE TABLE", !relation.Derived())
	}
	for _, v := range env.Catalog.Views() {
		add(v.Schema, v.Name, "VIEW", false)
	}
	return rows, nil
}

func (r *Registry) informationColumns(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, t := range r.tables {
		for i, c := range t.Columns {
			rows = append(rows, columnRow(env, t.Schema, t.Name, i+1, c.Name, c.Type, false))
		}
	}
	for _, relation := range env.Catalog.Relations() {
		for i := range relation.Columns {
			c := &relation.Columns[i]
			if c.Hidden {
				continue
			}
			column := columnRow(env, relation.Schema, relation.Name, relation.Attribute(i), c.Name, c.Type, c.NotNull)
			column["column_default"] = nil
			if c.Default != "" {
				column["column_default"] = shownDefault(env, c, false)
			}
			for field, value := range identityFacts(env, relation, i) {
				column[field] = value
			}
			if !relation.Derived() {
				column["is_updatable"] = "YES"
			}
			rows = append(rows, column)
		}
	}
	return append(rows, viewColumnRows(env)...), nil
}

func columnRow(env *Environment, schema, table string, position int, name string, t types.Type, notNull bool) row {
	nullable := "YES"
	if notNull {
		nullable = "NO"
	}
	bare := t
	bare.Mod = -1
	dataType := bare.BaseName()
	if t.Kind == types.KindArray {
		dataType = "ARRAY"
	}
	udtSchema := SchemaPgCatalog
	if t.Named != nil {
		dataType, udtSchema = "USER-DEFINED", t.Named.Schema
	} else if t.Kind == types.KindArray && t.Elem.Named != nil {
		udtSchema = t.Elem.Named.Schema
	}
	column := row{
		"table_catalog": env.Database, "table_schema": schema, "table_name": table, "column_name": name,
		"ordinal_position": position, "is_nullable": nullable, "data_type": dataType,
		"udt_catalog": env.Database, "udt_schema": udtSchema, "udt_name": infoOf(t).name,
		"dtd_identifier": itoa(position), "is_self_referencing": "NO", "is_identity": "NO", "is_generated": "NEVER", "is_updatable": "NO",
	}
	for field, value := range typeFacts(t) {
		column[field] = value
	}
	// What a type does not have is NULL, not zero.
	for _, field := range []string{
		"character_maximum_length", "character_octet_length", "numeric_precision", "numeric_precision_radix", "numeric_scale",
		"datetime_precision", "interval_precision", "maximum_cardinality",
	} {
		if _, given := column[field]; !given {
			column[field] = nil
		}
	}
	for _, field := range []string{
		"character_set_catalog", "character_set_schema", "character_set_name", "collation_catalog", "collation_schema", "collation_name",
		"domain_catalog", "domain_schema", "domain_name", "scope_catalog", "scope_schema", "scope_name",
	} {
		column[field] = nil
	}
	return column
}

// typeFacts are the limits that information_schema.columns shows of a type.
func typeFacts(t types.Type) row {
	binary := func(bits int) row {
		return row{"numeric_precision": bits, "numeric_precision_radix": 2, "numeric_scale": 0}
	}
	switch t.Kind {
	case types.KindInt2:
		return binary(16)
	case types.KindInt4:
		return binary(32)
	case types.KindInt8:
		return binary(64)
	case types.KindFloat4:
		return row{"numeric_precision": 24, "numeric_precision_radix": 2}
	case types.KindFloat8:
		return row{"numeric_precision": 53, "numeric_precision_radix": 2}
	case types.KindNumeric:
		facts := row{"numeric_precision_radix": 10}
		if precision, scale, ok := t.NumericModifier(); ok {
			facts["numeric_precision"], facts["numeric_scale"] = precision, scale
		}
		return facts
	case types.KindText:
		return row{"character_octet_length": 1 << 30}
	case types.KindVarchar, types.KindBpchar:
		if length, ok := t.Length(); ok {
			return row{"character_maximum_length": length, "character_octet_length": 4 * length}
		}
		return row{"character_octet_length": 1 << 30}
	case types.KindDate:
		return row{"datetime_precision": 0}
	case types.KindTime, types.KindTimeTZ, types.KindTimestamp, types.KindTimestampTZ, types.KindInterval:
		if t.Mod >= 0 && t.Kind != types.KindInterval {
			return row{"datetime_precision": t.Mod}
		}
		return row{"datetime_precision": 6}
	default:
		return nil
	}
}

func informationKeyColumns(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, relation := range env.Catalog.Relations() {
		for _, index := range indexesOf(env, relation) {
			if !index.constraint {
				continue
			}
			for i, name := range index.keyNames() {
				rows = append(rows, row{
					"constraint_catalog": env.Database, "constraint_schema": relation.Schema, "constraint_name": index.name,
					"table_catalog": env.Database, "table_schema": relation.Schema, "table_name": relation.Name,
					"column_name": name, "ordinal_position": i + 1, "position_in_unique_constraint": nil,
				})
			}
		}
	}
	return rows, nil
}

func (r *Registry) informationViews(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, t := range r.tables {
		if !t.View() {
			continue
		}
		rows = append(rows, row{
			"table_catalog": env.Database, "table_schema": t.Schema, "table_name": t.Name, "check_option": "NONE",
			"is_updatable": "NO", "is_insertable_into": "NO",
		})
	}
	for _, v := range env.Catalog.Views() {
		rows = append(rows, row{
			"table_catalog": env.Database, "table_schema": v.Schema, "table_name": v.Name, "view_definition": viewText(env, v),
			"check_option": "NONE", "is_updatable": "NO", "is_insertable_into": "NO",
			"is_trigger_updatable": "NO", "is_trigger_deletable": "NO", "is_trigger_insertable_into": "NO",
		})
	}
	return rows, nil
}
