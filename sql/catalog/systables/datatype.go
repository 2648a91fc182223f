package systables

import (
	"context"
	"slices"

	"millrace/sql/catalog"
	"millrace/sql/types"
)

// Types that users made with CREATE TYPE, and the relations that stand for composite
// ones.

// createdInfo is infoOf for an enum or a composite type with a name.
func createdInfo(t types.Type) *typeInfo {
	if t.Kind == types.KindEnum {
		return &typeInfo{kind: t.Kind, name: t.Named.Name, byValue: true, category: "E", align: "i", storage: "p"}
	}
	return &typeInfo{kind: t.Kind, name: t.Named.Name, category: "C", align: "d", storage: "x"}
}

// createdTypeRows are the rows of pg_type: each type, and that of its arrays.
func createdTypeRows(env *Environment) []row {
	var rows []row
	for _, t := range env.Catalog.DataTypes() {
		kind, functions := "e", "enum"
		if !t.IsEnum() {
			kind, functions = "c", "record"
		}
		own := typeRow(int(t.ID), createdInfo(t.Type), kind, int(t.Type.Size()), 0, int(t.ArrayID()))
		for column, suffix := range map[string]string{"typinput": "_in", "typoutput": "_out", "typreceive": "_recv", "typsend": "_send"} {
			own[column] = int(typeFunctions[functions+suffix])
		}
		if !t.IsEnum() {
			own["typrelid"] = int(t.RowID())
		}
		array := typeRow(int(t.ArrayID()), infoOf(types.ArrayOf(t.Type)), "b", -1, int(t.ID), 0)
		for _, r := range []row{own, array} {
			r["typnamespace"], r["typowner"] = schemaOID(env.Catalog, t.Schema), ownerOID(env, t.ID)
			rows = append(rows, r)
		}
	}
	return rows
}

func ownerOID(env *Environment, id catalog.ObjectID) int { return int(env.Catalog.Access(id).Owner) }

// compositeTypes are the types with fields.
func compositeTypes(env *Environment) []*catalog.DataType {
	return slices.DeleteFunc(slices.Clone(env.Catalog.DataTypes()), (*catalog.DataType).IsEnum)
}

func compositeClassRows(env *Environment) []row {
	var rows []row
	for _, t := range compositeTypes(env) {
		class := classRow(int(t.RowID()), t.Name, schemaOID(env.Catalog, t.Schema), "c", len(t.Type.Fields))
		class["reltype"], class["relowner"], class["relfilenode"], class["relreplident"] = int(t.ID), ownerOID(env, t.ID), 0, "n"
		rows = append(rows, class)
	}
	return rows
}

func compositeAttributeRows(env *Environment) []row {
	var rows []row
	for _, t := range compositeTypes(env) {
		for i, f := range t.Type.Fields {
			rows = append(rows, attributeRow(int(t.RowID()), i+1, f.Name, f.Type))
		}
	}
	return rows
}

func pgEnum(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, t := range env.Catalog.DataTypes() {
		for i, l := range t.Type.Named.Labels {
			rows = append(rows, row{"oid": int(l.ID), "enumtypid": int(t.ID), "enumsortorder": i + 1, "enumlabel": l.Label})
		}
	}
	return rows, nil
}
