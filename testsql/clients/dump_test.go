package clients

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// database is a server that PostgreSQL's programs connect to.
type database struct {
	environment []string
	connection  *pgx.Conn
}

func emptyNode(t *testing.T) *database {
	t.Helper()
	n := harness.StartNode(t, node.Options{Shards: 4})
	host, port, err := net.SplitHostPort(n.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return &database{
		environment: []string{"PGHOST=" + host, "PGPORT=" + port, "PGUSER=millrace", "PGDATABASE=millrace"},
		connection:  harness.Connect(t, harness.NodeURL(n.Addr())),
	}
}

func emptyPostgres(t *testing.T, server *harness.Postgres, name string) *database {
	t.Helper()
	harness.Exec(t, server.Connect(t), "CREATE DATABASE "+name)
	return &database{
		environment: []string{"PGHOST=" + server.Dir, "PGUSER=postgres", "PGDATABASE=" + name},
		connection:  harness.Connect(t, strings.Replace(server.URL(), "dbname=postgres", "dbname="+name, 1)),
	}
}

// program runs one of PostgreSQL's programs and returns what it writes.
func (d *database) program(t *testing.T, input []byte, name string, args ...string) []byte {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Env = append(os.Environ(), append(d.environment, "PATH="+os.Getenv("PATH")+":/usr/lib/postgresql/15/bin")...)
	command.Stdin = bytes.NewReader(input)
	var output, failure bytes.Buffer
	command.Stdout, command.Stderr = &output, &failure
	if err := command.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, failure.Bytes())
	}
	return output.Bytes()
}

func (d *database) psql(t *testing.T, script []byte) {
	t.Helper()
	d.program(t, script, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-")
}

// contents returns the rows of all relations, in an order of their text.
func (d *database) contents(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, relation := range harness.Rows(t, d.connection, `SELECT quote_ident(relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'S')`) {
		columns := "*"
		if strings.HasSuffix(relation, "_seq") || relation == "tickets" {
			columns = "last_value, is_called" // not what is reserved
		}
		rows := harness.Rows(t, d.connection, "SELECT "+columns+" FROM "+relation)
		slices.Sort(rows)
		all[relation] = rows
	}
	return all
}

// facts are what a dump keeps besides rows.
func (d *database) facts(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, query := range []string{
		`SELECT c.conrelid::regclass, c.conname, c.contype, c.conkey FROM pg_constraint c WHERE c.connamespace = 'public'::regnamespace`,
		`SELECT indexrelid::regclass, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class r ON r.oid = indrelid WHERE r.relnamespace = 'public'::regnamespace`,
		`SELECT a.attrelid::regclass, a.attname, a.attnum > 0, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, col_description(a.attrelid, a.attnum)
			FROM pg_attribute a JOIN pg_class r ON r.oid = a.attrelid
			WHERE r.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped AND r.relkind IN ('r', 'v')`,
		`SELECT oid::regclass, relkind, relacl, obj_description(oid, 'pg_class') FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'S') AND relname <> 'keyless'`,
		`SELECT seqrelid::regclass, seqtypid::regtype, seqstart, seqincrement, seqmin, seqmax, seqcycle FROM pg_sequence`,
		`SELECT pg_get_serial_sequence('serials', 'big'), pg_get_serial_sequence('customer', 'id')`,
		`SELECT rolname, rolcanlogin, rolconnlimit FROM pg_roles WHERE rolname IN ('reader', 'writer')`,
		`SELECT has_table_privilege('writer', 'customer', 'SELECT'), tableowner FROM pg_tables WHERE tablename = 'keyless'`,
	} {
		rows := harness.Rows(t, d.connection, query)
		slices.Sort(rows)
		all = append(append(all, query), rows...)
	}
	return all
}

// session is a random word in dumps.
var session = regexp.MustCompile(`(?m)^\\(un)?restrict .*$`)

func dumpScript(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "dump", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestDump(t *testing.T) {
	server := harness.StartPostgres(t, false, "fsync=off")
	t.Run("tables", func(t *testing.T) { dumpTables(t, server) })
	t.Run("streams", func(t *testing.T) { dumpStreams(t, server) })
}

// dumpTables dumps a node by pg_dump, in a script and in the custom format, and restores
// it in PostgreSQL and in empty nodes: all rows, constraints, indexes, sequences, comments
// and privileges are there. What PostgreSQL dumps of it is restored in a node, too.
func dumpTables(t *testing.T, server *harness.Postgres) {
	source := emptyNode(t)
	source.psql(t, dumpScript(t, "source.sql"))
	// PostgreSQL does not have a role with the name of our superuser.
	harness.Exec(t, server.Connect(t), `CREATE ROLE millrace SUPERUSER`)
	harness.Exec(t, source.connection, `SET freshness_timeout = '60s'`)

	roles := source.program(t, nil, "pg_dumpall", "--roles-only")
	roles = regexp.MustCompile(`(?m)^(CREATE|ALTER) ROLE millrace\b.*$`).ReplaceAll(roles, nil)
	script := source.program(t, nil, "pg_dump")
	custom := source.program(t, nil, "pg_dump", "-Fc")

	postgres, fromPostgres, restored := emptyPostgres(t, server, "plain"), emptyNode(t), emptyNode(t)
	postgres.psql(t, roles)
	postgres.psql(t, script)
	fromPostgres.psql(t, roles)
	fromPostgres.psql(t, postgres.program(t, nil, "pg_dump"))
	restored.psql(t, roles)
	restored.program(t, custom, "pg_restore", "--exit-on-error", "--dbname=millrace")
	other := emptyPostgres(t, server, "custom")
	other.program(t, custom, "pg_restore", "--exit-on-error", "--single-transaction", "--dbname=custom")

	rows, facts := source.contents(t), source.facts(t)
	for name, d := range map[string]*database{
		"script in PostgreSQL": postgres, "PostgreSQL's script in a node": fromPostgres,
		"custom format in a node": restored, "custom format in PostgreSQL": other,
	} {
		if diff := gocmp.Diff(rows, d.contents(t)); diff != "" {
			t.Errorf("%s: rows (-source +restored)\n%s", name, diff)
		}
		if diff := gocmp.Diff(facts, d.facts(t)); diff != "" {
			t.Errorf("%s: (-source +restored)\n%s", name, diff)
		}
	}
	again := restored.program(t, nil, "pg_dump")
	if diff := gocmp.Diff(session.ReplaceAllString(string(script), ""), session.ReplaceAllString(string(again), "")); diff != "" {
		t.Errorf("the dump of what was restored (-first +second)\n%s", diff)
	}
}

// dumpStreams checks that streams and derived tables come out as tables with their
// rows, and that the rows of a stream go back into one.
func dumpStreams(t *testing.T, server *harness.Postgres) {
	source, streams := emptyNode(t), dumpScript(t, "streams.sql")
	source.psql(t, streams)
	postgres := emptyPostgres(t, server, "streams")
	postgres.psql(t, source.program(t, nil, "pg_dump", "--no-owner"))
	if diff := gocmp.Diff(source.contents(t), postgres.contents(t)); diff != "" {
		t.Errorf("rows (-source +restored)\n%s", diff)
	}
	if schema := source.program(t, nil, "pg_dump", "--schema-only"); bytes.Contains(schema, []byte("\nCOPY ")) ||
		!bytes.Contains(schema, []byte("CREATE TABLE public.clicked (")) {
		t.Errorf("the schema alone is\n%s", schema)
	}
	before := source.contents(t)
	data := source.program(t, nil, "pg_dump", "--data-only", "--table=clicks")
	emptied := emptyNode(t)
	emptied.psql(t, regexp.MustCompile(`(?m)^INSERT.*$`).ReplaceAll(streams, nil))
	emptied.psql(t, data)
	harness.Exec(t, emptied.connection, `SET freshness_timeout = '60s'`)
	if diff := gocmp.Diff(before, emptied.contents(t)); diff != "" {
		t.Errorf("rows of streams (-source +restored)\n%s", diff)
	}
}

// TestCopyByPsql takes a table with all types out and in again by \copy, in every format.
func TestCopyByPsql(t *testing.T) {
	d := emptyNode(t)
	d.psql(t, dumpScript(t, "source.sql"))
	before := d.contents(t)
	for _, format := range []string{"text", "csv", "binary"} {
		file := filepath.Join(t.TempDir(), format)
		for _, table := range []string{`"Odd Name"`, "keyless", "dropped", "everything"} {
			name := strings.ReplaceAll(strings.ReplaceAll(file+table, `"`, ""), " ", "")
			d.psql(t, []byte(`\copy `+table+` TO '`+name+`' (FORMAT `+format+`)
				DELETE FROM `+table+`;
				\copy `+table+` FROM '`+name+`' (FORMAT `+format+`)
				\copy (SELECT * FROM `+table+`) TO '`+name+`' (FORMAT `+format+")\n"))
		}
		if diff := gocmp.Diff(before, d.contents(t)); diff != "" {
			t.Errorf("%s: rows (-before +after)\n%s", format, diff)
		}
	}
}
