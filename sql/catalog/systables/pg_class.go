package systables

import (
	"context"
	"slices"
	"strings"

	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// OIDs that system tables refer to; all but the last two are PostgreSQL's.
const (
	oidRole            = 10
	oidSchemaPgCatalog = 11
	oidHeap            = 2
	oidBtree           = 403
	oidHash            = 405
	oidDefaultSpace    = 1663
	oidGlobalSpace     = 1664
	oidDefaultCollate  = 100
	oidCCollate        = 950
	oidPOSIXCollate    = 951
	oidDatabase        = 5
	oidSchemaInfo      = 13000
	oidSchemaMillrace  = 15000
)

// schemaNames returns the schemas that there are, in the order of their names.
func schemaNames(s *catalog.Snapshot) []string {
	names := []string{SchemaPgCatalog, SchemaInformation, SchemaMillrace}
	for _, schema := range s.Schemas() {
		names = append(names, schema.Name)
	}
	slices.Sort(names)
	return names
}

// schemaOID returns the OID of a schema, 0 where there is none of that name.
func schemaOID(s *catalog.Snapshot, name string) int {
	switch name {
	case SchemaPgCatalog:
		return oidSchemaPgCatalog
	case SchemaInformation:
		return oidSchemaInfo
	case SchemaMillrace:
		return oidSchemaMillrace
	default:
		return int(s.SchemaID(name))
	}
}

// pgCatalogRows are the functions behind the tables of pg_catalog; the others
// are empty.
func pgCatalogRows(r *Registry) map[string]rowsFunc {
	return map[string]rowsFunc{
		"pg_namespace":           pgNamespace,
		"pg_class":               r.pgClass,
		"pg_attribute":           r.pgAttribute,
		"pg_attrdef":             pgAttrdef,
		"pg_index":               pgIndex,
		"pg_indexes":             pgIndexes,
		"pg_constraint":          pgConstraint,
		"pg_description":         pgDescription,
		"pg_depend":              r.pgDepend,
		"pg_extension":           pgExtension,
		"pg_rewrite":             pgRewrite,
		"pg_sequence":            pgSequence,
		"pg_sequences":           pgSequences,
		"pg_tables":              r.pgTables,
		"pg_views":               r.pgViews,
		"pg_am":                  pgAm,
		"pg_database":            pgDatabase,
		"pg_tablespace":          pgTablespace,
		"pg_roles":               pgRoles,
		"pg_authid":              pgAuthid,
		"pg_auth_members":        pgAuthMembers,
		"pg_group":               pgGroup,
		"pg_user":                pgUser,
		"pg_shadow":              pgShadow,
		"pg_collation":           pgCollation,
		"pg_language":            pgLanguage,
		"pg_type":                pgType,
		"pg_enum":                pgEnum,
		"pg_proc":                pgProc,
		"pg_settings":            pgSettings,
		"pg_stat_activity":       pgStatActivity,
		"pg_locks":               pgLocks,
		"pg_cursors":             pgCursors,
		"pg_prepared_statements": pgPreparedStatements,
	}
}

// NamespaceOID returns the OID of a schema, 0 where there is none of that name.
func NamespaceOID(s *catalog.Snapshot, name string) uint32 { return uint32(schemaOID(s, name)) }

func pgNamespace(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, schema := range schemaNames(env.Catalog) {
		namespace := row{"oid": schemaOID(env.Catalog, schema), "nspname": schema, "nspowner": oidRole}
		if id := env.Catalog.SchemaID(schema); id != 0 {
			namespace["nspowner"], namespace["nspacl"] = env.Catalog.Access(id).Owner, aclOrNull(env, id)
		}
		rows = append(rows, namespace)
	}
	return rows, nil
}

func quotedList(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = expr.QuoteIdentifier(name)
	}
	return strings.Join(quoted, ", ")
}

// pgClass shows streams and all tables as ordinary tables, so that \dt and what
// other tools have like it list them; what they really are is in
// millrace.streams and millrace.tables.
func (r *Registry) pgClass(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, t := range r.tables {
		kind := "v"
		if !t.View() {
			kind = "r"
		}
		rows = append(rows, classRow(int(t.OID), t.Name, schemaOID(env.Catalog, t.Schema), kind, len(t.Columns)))
	}
	for _, relation := range env.Catalog.Relations() {
		class := classRow(int(relation.ID), relation.Name, schemaOID(env.Catalog, relation.Schema), "r", relation.Attribute(len(relation.Columns))-1)
		indexes := indexesOf(env, relation)
		showAccess(env, class, relation.ID)
		class["relfilenode"], class["reloptions"] = relation.StorageID(), reloptions(relation)
		class["relhasindex"], class["relchecks"] = len(indexes) > 0, len(checks(relation))
		rows = append(rows, class)
		for _, i := range indexes {
			rows = append(rows, i.classRow(env))
		}
	}
	rows = append(rows, viewClassRows(env)...)
	rows = append(rows, compositeClassRows(env)...)
	return append(rows, sequenceClassRows(env)...), nil
}

func classRow(oid int, name string, schema int, kind string, columns int) row {
	return row{
		"oid": oid, "relname": name, "relnamespace": schema, "relowner": oidRole, "reltuples": -1,
		"relpersistence": "p", "relfilenode": oid, "relkind": kind, "relnatts": columns, "relispopulated": true, "relreplident": "d",
	}
}

func (r *Registry) pgAttribute(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, t := range r.tables {
		for i, c := range t.Columns {
			rows = append(rows, attributeRow(int(t.OID), i+1, c.Name, c.Type))
		}
	}
	for _, relation := range env.Catalog.Relations() {
		for i := range relation.Columns {
			c := &relation.Columns[i]
			if c.Hidden && (!c.Dropped || c.Unseen) {
				continue
			}
			attribute := attributeRow(int(relation.ID), relation.Attribute(i), c.Name, c.Type)
			attribute["attnotnull"], attribute["atthasdef"] = c.NotNull, c.Default != "" || c.Generated != ""
			attribute["attidentity"] = identityLetter(c)
			if c.Generated != "" {
				attribute["attgenerated"] = "s"
			}
			attribute["atthasmissing"], attribute["attisdropped"] = c.Missing.Valid, c.Dropped
			if c.Dropped {
				attribute["atttypid"] = 0
			}
			rows = append(rows, attribute)
		}
		for _, i := range indexesOf(env, relation) {
			rows = append(rows, i.attributeRows()...)
		}
	}
	rows = append(rows, viewAttributeRows(env)...)
	rows = append(rows, compositeAttributeRows(env)...)
	return append(rows, sequenceAttributeRows(env)...), nil
}

func attributeRow(relation, number int, name string, t types.Type) row {
	info := infoOf(t)
	dimensions := 0
	if t.Kind == types.KindArray {
		dimensions = 1
	}
	return row{
		"attrelid": relation, "attname": name, "atttypid": t.OID(), "attstattarget": -1, "attlen": t.Size(),
		"attnum": number, "attndims": dimensions, "attcacheoff": -1, "atttypmod": t.Mod, "attbyval": info.byValue,
		"attalign": info.align, "attstorage": info.storage, "attislocal": true, "attcollation": info.collation,
	}
}

func pgAttrdef(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, relation := range env.Catalog.Relations() {
		for i := range relation.Columns {
			c := &relation.Columns[i]
			text := c.Generated
			if c.Default != "" {
				text = shownDefault(env, c, true)
			}
			if text != "" {
				rows = append(rows, row{"oid": attrdefOID(relation, i), "adrelid": relation.ID, "adnum": relation.Attribute(i), "adbin": text})
			}
		}
	}
	return rows, nil
}

// pgConstraint has PRIMARY KEY, UNIQUE and CHECK.
func pgConstraint(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, relation := range env.Catalog.Relations() {
		rows = append(rows, checkConstraintRows(env, relation)...)
		rows = append(rows, constraintRows(env, relation)...)
	}
	return rows, nil
}

func pgDescription(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	rows := append(schemaDescriptionRows(env), viewDescriptionRows(env)...)
	for _, q := range env.Catalog.Sequences() {
		if q.Comment != "" {
			rows = append(rows, row{"objoid": q.ID, "classoid": classPgClass, "description": q.Comment})
		}
	}
	for _, t := range env.Catalog.DataTypes() {
		if t.Comment != "" {
			rows = append(rows, row{"objoid": int(t.ID), "classoid": classPgType, "description": t.Comment})
		}
	}
	for _, relation := range env.Catalog.Relations() {
		for i := range relation.Constraints {
			if c := &relation.Constraints[i]; c.Comment != "" {
				rows = append(rows, row{"objoid": c.ID, "classoid": classPgConstraint, "description": c.Comment})
			}
		}
		if relation.Comment != "" {
			rows = append(rows, row{"objoid": relation.ID, "classoid": classPgClass, "description": relation.Comment})
		}
		for i := range relation.Columns {
			if c := &relation.Columns[i]; c.Comment != "" {
				rows = append(rows, row{"objoid": relation.ID, "classoid": classPgClass, "objsubid": relation.Attribute(i), "description": c.Comment})
			}
		}
		for _, i := range indexesOf(env, relation) {
			if i.comment != "" && !i.primary {
				rows = append(rows, row{"objoid": i.oid, "classoid": classPgClass, "description": i.comment})
			}
		}
	}
	return rows, nil
}

func (r *Registry) pgTables(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, t := range r.tables {
		if !t.View() {
			rows = append(rows, row{"schemaname": t.Schema, "tablename": t.Name, "tableowner": systemOwner(env)})
		}
	}
	for _, relation := range env.Catalog.Relations() {
		rows = append(rows, row{
			"schemaname": relation.Schema, "tablename": relation.Name, "tableowner": ownerName(env, relation.ID),
			"hasindexes": len(indexesOf(env, relation)) > 0,
		})
	}
	return rows, nil
}

func (r *Registry) pgViews(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, t := range r.tables {
		if t.View() {
			rows = append(rows, row{"schemaname": t.Schema, "viewname": t.Name, "viewowner": systemOwner(env)})
		}
	}
	for _, v := range env.Catalog.Views() {
		rows = append(rows, row{"schemaname": v.Schema, "viewname": v.Name, "viewowner": ownerName(env, v.ID), "definition": viewText(env, v)})
	}
	return rows, nil
}
