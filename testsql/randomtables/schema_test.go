package randomtables

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"millrace/testsql/harness"
)

// schema is what a script has made so far, as PostgreSQL knows it.
type schema struct {
	// sources are tables, derived the views that stand for derived tables.
	sources, derived []*table
	indexes          []string
}

type table struct {
	name    string
	columns []column
	// primary has the columns of the primary key, unique those of each unique
	// constraint or index, the primary key among them.
	primary     []string
	primaryName string
	unique      [][]string
	constraints []string
}

type column struct {
	name, typ string
	notNull   bool
	// generated says that the column gets its values by itself.
	generated bool
}

// column returns a column by its name.
func (t *table) column(name string) column {
	for _, c := range t.columns {
		if c.name == name {
			return c
		}
	}
	return column{}
}

// inKey says that a column is part of a unique key.
func (t *table) inKey(name string) bool {
	for _, key := range t.unique {
		for _, c := range key {
			if c == name {
				return true
			}
		}
	}
	return false
}

const columnsQuery = `
	SELECT c.relname, c.relkind, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity <> '' OR coalesce(pg_get_expr(d.adbin, d.adrelid), '') LIKE 'nextval%'
	FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
	WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') AND a.attnum > 0 AND NOT a.attisdropped
	ORDER BY c.oid, a.attnum`

const keysQuery = `
	SELECT c.relname, i.relname, x.indisprimary, x.indisunique, coalesce(k.conname, ''),
		(SELECT string_agg(a.attname, ',' ORDER BY o.n) FROM unnest(x.indkey) WITH ORDINALITY AS o (number, n) JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = o.number)
	FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid LEFT JOIN pg_constraint k ON k.conindid = x.indexrelid
	WHERE c.relnamespace = 'public'::regnamespace ORDER BY i.oid`

const checksQuery = `
	SELECT c.relname, k.conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
	WHERE c.relnamespace = 'public'::regnamespace ORDER BY k.oid`

// loadSchema reads the schema from PostgreSQL's catalog.
func loadSchema(t *testing.T, catalog *pgx.Conn) *schema {
	s := &schema{}
	byName := map[string]*table{}
	for _, row := range harness.Rows(t, catalog, columnsQuery) {
		f := strings.Split(row, "\t")
		r := byName[f[0]]
		if r == nil {
			r = &table{name: f[0]}
			byName[f[0]] = r
			if f[1] == "v" {
				s.derived = append(s.derived, r)
			} else {
				s.sources = append(s.sources, r)
			}
		}
		r.columns = append(r.columns, column{name: f[2], typ: f[3], notNull: f[4] == "t", generated: f[5] == "t"})
	}
	for _, row := range harness.Rows(t, catalog, keysQuery) {
		f := strings.Split(row, "\t")
		r, columns := byName[f[0]], strings.Split(f[5], ",")
		if r == nil {
			continue
		}
		if f[3] == "t" {
			r.unique = append(r.unique, columns)
		}
		if f[2] == "t" {
			r.primary, r.primaryName = columns, f[4]
		}
		if f[4] == "" {
			s.indexes = append(s.indexes, f[1])
		}
	}
	for _, row := range harness.Rows(t, catalog, checksQuery) {
		f := strings.Split(row, "\t")
		if r := byName[f[0]]; r != nil {
			r.constraints = append(r.constraints, f[1])
		}
	}
	return s
}

// givesValues says that a column of the table gets its values by itself, in an order
// that a query's rows do not have.
func (t *table) givesValues() bool {
	return slices.ContainsFunc(t.columns, func(c column) bool { return c.generated })
}
