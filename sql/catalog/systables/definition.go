package systables

import (
	"context"
	"strings"

	"millrace/sql/types"
)

// definition describes a system table: its columns are written as in CREATE
// TABLE, with PostgreSQL's internal names of types.
type definition struct {
	oid     uint32
	name    string
	columns string
}

// columnTypes are the types that definitions name.
var columnTypes = map[string]types.Type{
	"bool": types.Bool, "int2": types.Int2, "int4": types.Int4, "int8": types.Int8,
	"float4": types.Float4, "float8": types.Float8, "text": types.Text, "name": types.Name, "char": types.Char,
	"bytea": types.Bytea, "timestamptz": types.TimestampTZ, "interval": types.Interval,
	"oid": types.OID, "regproc": types.Regproc, "regtype": types.Regtype,
}

// rowsFunc computes the rows of a table.
type rowsFunc func(ctx context.Context, env *Environment, t *Table) ([]row, error)

// row holds a table's values by column; columns left out are NULL where the
// type has no natural zero, else zero.
type row map[string]any

func (d definition) table(schema string, rows rowsFunc) *Table {
	t := &Table{OID: d.oid, Schema: schema, Name: d.name}
	for _, column := range strings.Split(d.columns, ",") {
		words := strings.Fields(column)
		name := strings.Trim(words[0], `"`)
		typeName, isArray := strings.CutSuffix(words[1], "[]")
		columnType, ok := columnTypes[typeName]
		if !ok {
			columnType = types.Text
		}
		switch typeName {
		case "int2vector":
			columnType = types.VectorOf(types.Int2)
		case "oidvector":
			columnType = types.VectorOf(types.OID)
		}
		if isArray {
			columnType = types.ArrayOf(columnType)
		}
		t.Columns = append(t.Columns, Column{Name: name, Type: columnType})
	}
	t.rows = func(ctx context.Context, env *Environment) ([][]types.Datum, error) {
		if rows == nil {
			return nil, nil
		}
		list, err := rows(ctx, env, t)
		if err != nil {
			return nil, err
		}
		out := make([][]types.Datum, len(list))
		for i, r := range list {
			if out[i], err = t.datums(r); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return t
}
