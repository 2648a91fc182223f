package systables

import (
	"context"

	"millrace/sql/catalog"
)

// What depends on what, as pg_dump reads it to put definitions in an order and to leave
// out what comes with the server. The schema millrace is shown as that of an extension,
// to which its tables belong.

// oidExtension is the OID of the extension; what is below 16384 comes with the server.
const oidExtension = 15900

// OIDs of the system tables that entries of pg_depend and pg_description are about.
const (
	classPgType       = 1247
	classPgClass      = 1259
	classPgAttrdef    = 2604
	classPgConstraint = 2606
	classPgNamespace  = 2615
	classPgRewrite    = 2618
	classPgExtension  = 3079
)

// attrdefOID is the OID of a column's default, and ruleOID that of a view's rule. They
// are no objects of the catalog: their OIDs are apart from those of all that are.
func attrdefOID(r *catalog.Relation, column int) int {
	return 1<<31 | (int(r.ID)<<11|r.Attribute(column))&(1<<30-1)
}

func ruleOID(v *catalog.View) int { return 3<<30 | int(v.ID)&(1<<30-1) }

func pgExtension(_ context.Context, _ *Environment, _ *Table) ([]row, error) {
	return []row{{
		"oid": oidExtension, "extname": "millrace", "extowner": oidRole, "extnamespace": oidSchemaMillrace, "extversion": "1.0",
	}}, nil
}

// pgRewrite has the rule that each view is in PostgreSQL.
func pgRewrite(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, v := range env.Catalog.Views() {
		rows = append(rows, row{
			"oid": ruleOID(v), "rulename": "_RETURN", "ev_class": v.ID, "ev_type": "1", "ev_enabled": "O", "is_instead": true,
		})
	}
	return rows, nil
}

// depends is one entry of pg_depend, about whole objects.
func depends(class, object, onClass, on int, kind string) row {
	return row{"classid": class, "objid": object, "refclassid": onClass, "refobjid": on, "deptype": kind}
}

func (r *Registry) pgDepend(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	rows := append(ownedSequenceRows(env), depends(classPgNamespace, oidSchemaMillrace, classPgExtension, oidExtension, "e"))
	for _, t := range r.tables {
		if t.Schema == SchemaMillrace {
			rows = append(rows, depends(classPgClass, int(t.OID), classPgExtension, oidExtension, "e"))
		}
	}
	for _, relation := range env.Catalog.Relations() {
		rows = append(rows, defaultDependRows(relation)...)
	}
	for _, v := range env.Catalog.Views() {
		rule := ruleOID(v)
		rows = append(rows, depends(classPgRewrite, rule, classPgClass, int(v.ID), "i"))
		for _, id := range append(append([]catalog.ObjectID{}, v.Sources...), v.Views...) {
			rows = append(rows, depends(classPgRewrite, rule, classPgClass, int(id), "n"))
		}
	}
	return rows, nil
}

// ownedSequenceRows are the sequences that go with a column.
func ownedSequenceRows(env *Environment) []row {
	var rows []row
	for _, q := range env.Catalog.Sequences() {
		owner := env.Catalog.Relation(q.Owner)
		if owner == nil {
			continue
		}
		kind := "a"
		if q.Identity {
			kind = "i"
		}
		depend := depends(classPgClass, int(q.ID), classPgClass, int(owner.ID), kind)
		depend["refobjsubid"] = owner.Attribute(q.OwnerColumn)
		rows = append(rows, depend)
	}
	return rows
}

// defaultDependRows say that defaults go with their columns, and which sequences they
// take values from.
func defaultDependRows(r *catalog.Relation) []row {
	var rows []row
	for i := range r.Columns {
		c := &r.Columns[i]
		if c.Default == "" && c.Generated == "" {
			continue
		}
		oid := attrdefOID(r, i)
		depend := depends(classPgAttrdef, oid, classPgClass, int(r.ID), "a")
		depend["refobjsubid"] = r.Attribute(i)
		rows = append(rows, depend)
		for _, sequence := range c.Sequences {
			rows = append(rows, depends(classPgAttrdef, oid, classPgClass, int(sequence), "n"))
		}
	}
	return rows
}

// schemaDescriptionRows are the comments on schemas.
func schemaDescriptionRows(env *Environment) []row {
	rows := []row{{"objoid": oidSchemaPgCatalog, "classoid": classPgNamespace, "description": "system catalog schema"}}
	for _, schema := range env.Catalog.Schemas() {
		if schema.Comment != "" {
			rows = append(rows, row{"objoid": schema.ID, "classoid": classPgNamespace, "description": schema.Comment})
		}
	}
	return rows
}
