package systables

import (
	"cmp"
	"slices"
)

// Schemas of the system tables.
const (
	SchemaPgCatalog   = "pg_catalog"
	SchemaInformation = "information_schema"
	SchemaMillrace    = "millrace"
)

// Registry is the set of system tables. It is immutable.
type Registry struct {
	tables []*Table
	byName map[[2]string]*Table
	byOID  map[uint32]*Table
}

// New returns the registry of all system tables.
func New() *Registry {
	r := &Registry{byName: make(map[[2]string]*Table), byOID: make(map[uint32]*Table)}
	for _, group := range []struct {
		schema      string
		definitions []definition
		rows        map[string]rowsFunc
	}{
		{SchemaPgCatalog, pgCatalog, pgCatalogRows(r)},
		{SchemaPgCatalog, pgObjects, nil},
		{SchemaPgCatalog, pgStatistics, nil},
		{SchemaInformation, informationSchema, informationSchemaRows(r)},
		{SchemaInformation, informationObjects, nil},
		{SchemaMillrace, millraceTables, millraceRows(r)},
	} {
		for _, d := range group.definitions {
			r.tables = append(r.tables, d.table(group.schema, group.rows[d.name]))
		}
	}
	slices.SortFunc(r.tables, func(a, b *Table) int { return cmp.Compare(a.OID, b.OID) })
	for _, t := range r.tables {
		r.byName[[2]string{t.Schema, t.Name}] = t
		r.byOID[t.OID] = t
	}
	return r
}

// Lookup returns the table with a qualified name, or nil.
func (r *Registry) Lookup(schema, name string) *Table { return r.byName[[2]string{schema, name}] }

// ByOID returns the table with an OID, or nil.
func (r *Registry) ByOID(oid uint32) *Table { return r.byOID[oid] }

// Tables returns all system tables in the order of their OIDs. The slice is
// shared.
func (r *Registry) Tables() []*Table { return r.tables }
