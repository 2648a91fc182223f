package shell

import (
	"fmt"
	"strings"
)

// listing is a command that lists objects of the catalog.
type listing struct {
	title string
	// query has %[1]s for more conditions and %[2]s for more columns.
	query string
	// schema and name are the columns that a pattern is held against, visible the
	// condition without one, hidden what is listed only if a pattern says so.
	schema, name, visible, hidden string
	// more are the columns that + adds.
	more string
	// missing is what the message calls objects when there are none; "" prints an
	// empty table.
	missing string
	// uncounted leaves out the number of rows.
	uncounted bool
}

const (
	hiddenSchemas  = `n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_toast' AND n.nspname <> 'information_schema'`
	relationsQuery = `SELECT n.nspname AS "Schema", c.relname AS "Name",
  CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'i' THEN 'index'
    WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' WHEN 'p' THEN 'partitioned table' END AS "Type",
  pg_catalog.pg_get_userbyid(c.relowner) AS "Owner"%[2]s
FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE `
	indexesQuery = `SELECT n.nspname AS "Schema", c.relname AS "Name", 'index' AS "Type",
  pg_catalog.pg_get_userbyid(c.relowner) AS "Owner", c2.relname AS "Table"%[2]s
FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid LEFT JOIN pg_catalog.pg_class c2 ON i.indrelid = c2.oid
WHERE c.relkind IN ('i', 'I')%[1]s ORDER BY 1, 2`
)

func relations(kinds string) listing {
	return listing{
		title: "List of relations", query: relationsQuery + "c.relkind IN (" + kinds + ")%[1]s ORDER BY 1, 2",
		schema: "n.nspname", name: "c.relname", visible: "pg_catalog.pg_table_is_visible(c.oid)", hidden: hiddenSchemas,
		more: `, pg_catalog.obj_description(c.oid, 'pg_class') AS "Description"`, missing: "relation",
	}
}

// listings are the commands without their +.
var listings = map[string]listing{
	"d":  relations(`'r', 'p', 'v', 'm', 'S', 'f'`),
	"dt": relations(`'r', 'p'`),
	"dv": relations(`'v'`),
	"dm": relations(`'m'`),
	"ds": relations(`'S'`),
	"di": {
		title: "List of relations", query: indexesQuery, schema: "n.nspname", name: "c.relname",
		visible: "pg_catalog.pg_table_is_visible(c.oid)", hidden: hiddenSchemas, missing: "relation",
		more: `, pg_catalog.obj_description(c.oid, 'pg_class') AS "Description"`,
	},
	"df": {
		title: "List of functions",
		query: `SELECT n.nspname AS "Schema", p.proname AS "Name", pg_catalog.pg_get_function_result(p.oid) AS "Result data type",
  pg_catalog.pg_get_function_arguments(p.oid) AS "Argument data types",
  CASE p.prokind WHEN 'a' THEN 'agg' WHEN 'w' THEN 'window' WHEN 'p' THEN 'proc' ELSE 'func' END AS "Type"%[2]s
FROM pg_catalog.pg_proc p LEFT JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE true%[1]s ORDER BY 1, 2, 4`,
		schema: "n.nspname", name: "p.proname", visible: "pg_catalog.pg_function_is_visible(p.oid)",
		hidden: `n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema'`,
	},
	"dn": {
		title: "List of schemas",
		query: `SELECT n.nspname AS "Name", pg_catalog.pg_get_userbyid(n.nspowner) AS "Owner"%[2]s
FROM pg_catalog.pg_namespace n WHERE true%[1]s ORDER BY 1`,
		name: "n.nspname", hidden: `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`,
		more: `, pg_catalog.obj_description(n.oid, 'pg_namespace') AS "Description"`,
	},
	"du": {
		title: "List of roles",
		query: `SELECT r.rolname AS "Role name", pg_catalog.concat_ws(', ', CASE WHEN r.rolsuper THEN 'Superuser' END,
  CASE WHEN NOT r.rolinherit THEN 'No inheritance' END, CASE WHEN r.rolcreaterole THEN 'Create role' END,
  CASE WHEN r.rolcreatedb THEN 'Create DB' END, CASE WHEN NOT r.rolcanlogin THEN 'Cannot login' END,
  CASE WHEN r.rolreplication THEN 'Replication' END, CASE WHEN r.rolbypassrls THEN 'Bypass RLS' END) AS "Attributes",
  ARRAY(SELECT b.rolname FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles b ON m.roleid = b.oid
    WHERE m.member = r.oid ORDER BY 1) AS "Member of"%[2]s
FROM pg_catalog.pg_roles r WHERE true%[1]s ORDER BY 1`,
		name: "r.rolname", hidden: `r.rolname !~ '^pg_'`, uncounted: true,
	},
	"l": {
		title: "List of databases",
		query: `SELECT d.datname AS "Name", pg_catalog.pg_get_userbyid(d.datdba) AS "Owner",
  pg_catalog.pg_encoding_to_char(d.encoding) AS "Encoding", d.datcollate AS "Collate", d.datctype AS "Ctype",
  d.daticulocale AS "ICU Locale", CASE d.datlocprovider WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu' END AS "Locale Provider",
  pg_catalog.array_to_string(d.datacl, E'\n') AS "Access privileges"%[2]s
FROM pg_catalog.pg_database d WHERE true%[1]s ORDER BY 1`,
		name: "d.datname",
	},
}

// describe runs \l and the commands that begin with \d, and says whether it knows the
// command.
func (s *Shell) describe(c invocation) (known, ok bool) {
	verbose := strings.HasSuffix(c.name, "+")
	name := strings.TrimSuffix(strings.TrimSuffix(c.name, "+"), "S")
	system := strings.Contains(c.name, "S")
	if name == "dg" {
		name = "du"
	}
	l, known := listings[name]
	if !known {
		return false, false
	}
	pattern := strings.TrimSuffix(c.argument(0), ";")
	if name == "d" && pattern != "" {
		return true, s.describeRelations(pattern, verbose)
	}
	return true, s.list(l, pattern, verbose, system)
}

// list prints the objects of a listing that a pattern fits.
func (s *Shell) list(l listing, pattern string, verbose, system bool) bool {
	conditions := ""
	switch {
	case pattern != "":
		conditions = matching(pattern, l.schema, l.name, l.visible)
	default:
		if l.hidden != "" && !system {
			conditions += " AND " + l.hidden
		}
		if l.visible != "" {
			conditions += " AND " + l.visible
		}
	}
	more := ""
	if verbose {
		more = l.more
	}
	look := s.look
	look.title = l.title
	if l.uncounted {
		look.footers = []string{}
	}
	found := false
	ok := s.execute(request{text: fmt.Sprintf(l.query, conditions, more), silent: true, keep: func(fields []field, rows [][][]byte) {
		if found = len(rows) > 0 || l.missing == "" || s.quiet; found {
			s.printRows(look, fields, rows)
		}
	}})
	if ok && !found {
		s.missing(l.missing, pattern)
	}
	return ok
}

// missing says that nothing was found.
func (s *Shell) missing(what, pattern string) {
	switch {
	case s.quiet:
	case pattern == "":
		s.complain("Did not find any %ss.", what)
	default:
		s.complain("Did not find any %s named \"%s\".", what, pattern)
	}
}

// printRows prints rows that are at hand.
func (s *Shell) printRows(look look, fields []field, rows [][][]byte) {
	p := newPrinter(s.results(), look, false)
	p.begin(fields)
	for _, row := range rows {
		p.row(row)
	}
	p.end()
	_ = s.out.Flush()
}

// matching is the condition of a pattern: [schema.]name, where * is any text and ? any
// character, and names in double quotes stand as they are.
func matching(pattern, schema, name, visible string) string {
	parts := []string{""}
	quoted := false
	for i := 0; i < len(pattern); i++ {
		last := &parts[len(parts)-1]
		switch c := pattern[i]; {
		case c == '"' && quoted && i+1 < len(pattern) && pattern[i+1] == '"':
			*last += `"`
			i++
		case c == '"':
			quoted = !quoted
		case quoted && strings.IndexByte(`\.+*?()[]{}|^$`, c) >= 0, c == '$':
			*last += `\` + string(c)
		case quoted:
			*last += string(c)
		case c == '.':
			parts = append(parts, "")
		case c == '*':
			*last += ".*"
		case c == '?':
			*last += "."
		case c >= 'A' && c <= 'Z':
			*last += string(c + 'a' - 'A')
		default:
			*last += string(c)
		}
	}
	condition := " AND " + name + " ~ " + quoteLiteral("^("+parts[len(parts)-1]+")$")
	switch {
	case len(parts) > 1 && schema != "":
		condition += " AND " + schema + " ~ " + quoteLiteral("^("+parts[len(parts)-2]+")$")
	case visible != "":
		condition += " AND " + visible
	}
	return condition
}
