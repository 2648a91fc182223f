package testsql

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"millrace/testsql/harness"
)

// errorFields are the fields of an error that programs read; what a COPY stored in
// spite of it only Millrace tells.
func errorFields(err error) string {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return fmt.Sprint(err)
	}
	detail, _, _ := strings.Cut(e.Detail, "\n")
	if strings.HasSuffix(detail, "of the COPY is stored.") || strings.HasSuffix(detail, "of the COPY are stored.") {
		detail = ""
	}
	return strings.Join([]string{e.Code, e.Message, detail, e.Hint, e.Where, e.SchemaName, e.TableName, e.ColumnName, e.ConstraintName}, " | ")
}

// TestConstraintErrors compares all fields of the errors about constraints with
// PostgreSQL's.
func TestConstraintErrors(t *testing.T) {
	server := harness.StartPostgres(t, false, "fsync=off")
	servers := map[string]*pgx.Conn{
		"PostgreSQL": server.Connect(t), "Millrace": harness.Connect(t, newScriptNode(t, 4).URL()),
	}
	declare := []string{
		`CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(200) NOT NULL CHECK (name <> 'bad'), price NUMERIC(6, 2), day DATE, raw BYTEA,
			next INT GENERATED ALWAYS AS (id + 1) STORED, list INT[], CONSTRAINT positive CHECK (price > 0), CHECK (id < 100))`,
		`CREATE TABLE bag (a INT NOT NULL, b TEXT CHECK (b <> ''))`,
		`CREATE TABLE ids (id INT GENERATED ALWAYS AS IDENTITY, v TEXT)`,
		`INSERT INTO t VALUES (1, 'one', 1), (2, 'two', 2)`,
	}
	statements := []string{
		`INSERT INTO t VALUES (3, NULL, 1, '2024-02-03', '\x0102', DEFAULT, '{1,NULL}')`,
		`INSERT INTO t VALUES (3, 'bad', -1)`,
		`INSERT INTO t (id, name) VALUES (NULL, 'x')`,
		`INSERT INTO t VALUES (500, 'x', 1.255)`,
		`INSERT INTO t VALUES (4, 'ok', 1), (5, 'bad', 1), (6, NULL, 1)`,
		`INSERT INTO t (id, name, price) VALUES (3, repeat('äö', 50), -1)`,
		`INSERT INTO t VALUES (1, 'again', 1)`,
		`UPDATE t SET price = price - 2`,
		`UPDATE t SET name = NULL WHERE id = 2`,
		`UPDATE t SET next = 5`,
		`INSERT INTO t VALUES (1, 'x', 5) ON CONFLICT (id) DO UPDATE SET price = -excluded.price`,
		`INSERT INTO t SELECT g, CASE WHEN g = 12 THEN 'bad' ELSE 'good' END FROM generate_series(10, 15) AS g`,
		`INSERT INTO bag VALUES (1, '')`,
		`INSERT INTO bag (b) VALUES ('x')`,
		`INSERT INTO ids VALUES (1, 'x')`,
		`UPDATE ids SET id = 1`,
		`INSERT INTO t (next) VALUES (1)`,
		`COPY t (id, next) FROM STDIN`,
		`SELECT currval('ids_id_seq')`,
		`SELECT setval('ids_id_seq', -1)`,
	}
	copies := []struct{ statement, data string }{
		{`COPY t (id, name, price) FROM STDIN`, "20\ta\t1\n21\tb\t-5\n22\tc\t1\n"},
		{`COPY t (id, name) FROM STDIN`, "30\ta\n31\t\\N\n"},
		{`COPY t (id, name, price) FROM STDIN WITH (FORMAT csv, HEADER)`, "id,name,price\n40,\"two\nlines\",1\n41,bad,2\n"},
		{`COPY bag FROM STDIN`, "1\tx\n\\N\ty\n"},
		{`COPY bag FROM STDIN WITH (FORMAT csv)`, "1,x\n2,\"\"\n"},
	}
	answers := map[string][]string{}
	for name, c := range servers {
		for _, statement := range declare {
			harness.Exec(t, c, statement)
		}
		for _, statement := range statements {
			_, err := c.Exec(t.Context(), statement)
			answers[name] = append(answers[name], statement+"\n\t"+errorFields(err))
		}
		for _, copied := range copies {
			_, err := c.PgConn().CopyFrom(t.Context(), strings.NewReader(copied.data), copied.statement)
			answers[name] = append(answers[name], copied.statement+"\n\t"+errorFields(err))
		}
	}
	for i, want := range answers["PostgreSQL"] {
		if got := answers["Millrace"][i]; got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}
