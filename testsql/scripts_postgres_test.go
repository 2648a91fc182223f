package testsql

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"millrace/testsql/harness"
	"millrace/testsql/script"
)

// commonScripts are the scripts whose answers PostgreSQL gives as well.
const commonScripts = "scripts/pg_*.slt"

// isCommon reports whether what a script expects is what PostgreSQL answers, as
// TestScriptsInPostgres writes it.
func isCommon(file string) bool {
	common, err := filepath.Match(commonScripts, file)
	return err == nil && common
}

// TestScriptsInPostgres runs the scripts of the SQL that both have in
// PostgreSQL: what they expect of Millrace is what PostgreSQL answers. A stream
// is a table there, a derived table or stream a view, and a table with upsert
// deletes the old row before it takes the new one. With -rewrite, PostgreSQL's
// answers are written into the scripts.
func TestScriptsInPostgres(t *testing.T) {
	harness.SkipRaced(t)
	files, err := filepath.Glob(commonScripts)
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	server := harness.StartPostgres(t, false, "fsync=off")
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			c := server.Connect(t)
			harness.Exec(t, c, `DROP SCHEMA public CASCADE`)
			harness.Exec(t, c, `CREATE SCHEMA public`)
			harness.Exec(t, c, upsertFunction)
			records := readScript(t, file)
			originals := make([]string, len(records))
			for i, record := range records {
				originals[i] = record.SQL
				record.SQL = inPostgres(record.SQL)
			}
			err := script.Run(t.Context(), postgresServer{server}, records, script.Options{Rewrite: *rewrite})
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			for i, record := range records {
				record.SQL = originals[i]
			}
			if *rewrite {
				writeScript(t, file, records)
			}
		})
	}
}

// postgresServer is a PostgreSQL that scripts run against.
type postgresServer struct{ server *harness.Postgres }

func (s postgresServer) URL() string { return s.server.URL() }

func (s postgresServer) Advance(time.Duration) {}

func (s postgresServer) Settle(context.Context) error { return nil }

func (s postgresServer) Restart() error {
	return fmt.Errorf("a script for PostgreSQL cannot restart the server")
}

// upsertFunction makes INSERT replace the row with the same key; the trigger's
// argument is the key's column.
const upsertFunction = `
	CREATE FUNCTION public.replace_row() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE format('DELETE FROM %I WHERE %I = ($1).%I', TG_TABLE_NAME, TG_ARGV[0], TG_ARGV[0]) USING NEW;
		RETURN NEW;
	END $$`

var (
	createDerived = regexp.MustCompile(`^CREATE (?:STREAM|TABLE) (\w+)(?: WITH \([^)]*\))? AS `)
	createStream  = regexp.MustCompile(`^CREATE STREAM (\w+) `)
	streamKey     = regexp.MustCompile(`(\w+ \w+) KEY\b`)
	dropDerived   = regexp.MustCompile(`^DROP MATERIALIZED VIEW `)
	dropStream    = regexp.MustCompile(`^DROP STREAM `)
	upsertTable   = regexp.MustCompile(`^(CREATE TABLE (\w+) \((\w+) .*\)) WITH \(upsert = true\)$`)
	withOptions   = regexp.MustCompile(` WITH \([^)]*\)$`)
)

// inPostgres writes a statement as PostgreSQL knows it.
func inPostgres(statement string) string {
	if m := upsertTable.FindStringSubmatch(statement); m != nil {
		return fmt.Sprintf("%s; CREATE TRIGGER replace BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION replace_row('%s')", m[1], m[2], m[3])
	}
	if createDerived.MatchString(statement) {
		return createDerived.ReplaceAllString(statement, "CREATE VIEW $1 AS ")
	}
	if createStream.MatchString(statement) {
		statement = createStream.ReplaceAllString(statement, "CREATE TABLE $1 ")
		if !strings.Contains(statement, "PRIMARY KEY") {
			statement = streamKey.ReplaceAllString(statement, "$1")
		}
		return withOptions.ReplaceAllString(statement, "")
	}
	statement = dropDerived.ReplaceAllString(statement, "DROP VIEW ")
	return dropStream.ReplaceAllString(statement, "DROP TABLE ")
}
