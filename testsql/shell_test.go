package testsql

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// shellScript has statements and commands whose output psql and the shell print alike.
const shellScript = `CREATE STREAM s (k TEXT, v INT);
CREATE TABLE t (id INT PRIMARY KEY, name TEXT NOT NULL, price NUMERIC(10,2) DEFAULT 5, at TIMESTAMPTZ, ok BOOL, CHECK (price > 0));
CREATE INDEX t_name ON t (name);
CREATE VIEW w AS SELECT id FROM t;
CREATE SEQUENCE q;
INSERT INTO t VALUES (1,'a',1.5,'2020-01-01', true), (2, E'two\nlines', NULL, NULL, false), (3, 'Ünï', 100, NULL, NULL);
SELECT * FROM t ORDER BY id;
SELECT id, name AS "long header name" FROM t ORDER BY id;
SELECT name, id FROM t ORDER BY id;
SELECT E'a\tb' AS x, E'q"uote,' AS y, E'c\rd\x01' AS z, '世界' AS w, 1.5::float8 AS f, true AS b, '{"a": [1]}'::jsonb AS j, ARRAY[1,2] AS a;
\x
SELECT * FROM t ORDER BY id;
SELECT E'\n' AS empty_line, '' AS nothing;
\x
\x on
\x off
\pset null -
SELECT NULL AS n;
\pset null ''
SELECT 1 WHERE false;
SELECT;
\echo hello 'wor ld' :HOST_IS_NOT_SET "x y"
\echo -n no newline
\echo
SELECT id,
  nam FROM t;

-- comments count for no line
SELECT 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', foo, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
SELECT foo, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
SELECT '世界世界世界世界世界世界世界世界世界世界世界世界世界世界', foo, '世界世界世界世界世界世界世界世界世界世界世界世界世界世界';
SELECT	'tabs',	foo;
SELEC 1;
SELECT "";
SELECT 1 +;
SELECT 'x'::int;
INSERT INTO t VALUES (1,'x');
INSERT INTO t (id) VALUES (77);
INSERT INTO t VALUES (78, 'x', -1);
INSERT INTO t VALUES (9,'x') RETURNING id;
UPDATE t SET name = 'y' WHERE id = 9;
DROP TABLE nothing;
DROP TABLE IF EXISTS nothing;
-- a comment
SELECT $$a;b$$, (1;2);
SELECT 1; SELECT 2 AS b; /* a comment; with /* a nested; */ one */ SELECT 3
  AS c;
SELECT 'two
lines' AS "two
lines";
\set v 5
\set text 'it''s' ' here'
SELECT :v + 1 AS six, :'v' AS text, :'text' AS quoted, :unset;
SELECT 5 AS :"text", ARRAY[1,2,3][1:2];
SELECT 1 AS g \g
SELECT 1 AS gx, 2 AS b \gx
SELECT 1 AS p
\p
\r
\g
COPY t (id, name) FROM STDIN;
10	ten
11	eleven
\.
COPY t (id, name) FROM STDIN;
x	ten
\.
COPY t (id, name) TO STDOUT;
\copy (SELECT id, name FROM t WHERE id < 3 ORDER BY id) TO 'copied.csv' WITH (FORMAT csv)
\copy t (id, name) FROM 'missing.csv'
DELETE FROM t WHERE id > 9;
\copy t (id, name) FROM 'more.csv' WITH (FORMAT csv)
SELECT count(*) FROM t;
\d t
\d w
\d t_name
\d t_pkey
\d q
\d s
\d nothing
\dt
\dt t
\dt public.*
\dt nothing
\d
\dv
\di
\ds
\du
\dn
\l
\df count
\nope
\i missing.sql
\i included.sql
BEGIN;
SELECT 1/0;
SELECT 1;
ROLLBACK;
\t on
SELECT 1, 2;
\t off
\a
SELECT 1, 2;
\f ;
SELECT 1, 2;
\q
SELECT 'not reached';
`

// runShell runs psql or the shell on a script, and returns what it printed, with the
// program's name replaced by "shell".
func runShell(t *testing.T, dir, url string, ours bool, arguments ...string) (output string, exit int) {
	t.Helper()
	name := "psql"
	if ours {
		name = harness.Binary(t)
		arguments = append([]string{"sql"}, arguments...)
	}
	command := exec.CommandContext(t.Context(), name, append(arguments, "-X", url)...)
	command.Dir = dir
	command.Stdin = strings.NewReader("SELECT 'from ' || 'stdin' AS x;\nSELECT 1/0;\nSELECT 2 AS y")
	printed, err := command.CombinedOutput()
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
		t.Fatal(err)
	}
	lines := strings.Split(string(printed), "\n")
	for i, line := range lines {
		for _, program := range []string{"psql:", "millrace:"} {
			if behind, found := strings.CutPrefix(line, program); found {
				lines[i] = "shell:" + behind
			}
		}
	}
	return strings.Join(lines, "\n"), command.ProcessState.ExitCode()
}

// TestShellPrintsAsPsql runs one script in psql and in the shell, in every format, each
// on a new node.
func TestShellPrintsAsPsql(t *testing.T) {
	for _, flags := range []string{"", "-A", "-A -t", "-t", "--csv", "-x", "-A -x", "-t -x", "-q", "-v ON_ERROR_STOP=1"} {
		t.Run("flags "+flags, func(t *testing.T) {
			t.Parallel()
			var printed [2]string
			var exits [2]int
			for i := range printed {
				dir := t.TempDir()
				writeFiles(t, dir, map[string]string{
					"script.sql": shellScript, "more.csv": "20,twenty\n21,\"twenty, one\"\n", "included.sql": "SELECT 'included' AS i;\nSELECT nope;\n",
				})
				n := harness.StartNode(t, node.Options{Shards: 2})
				printed[i], exits[i] = runShell(t, dir, harness.NodeURL(n.Addr()), i == 1, append(strings.Fields(flags), "-f", "script.sql")...)
				if copied, err := os.ReadFile(filepath.Join(dir, "copied.csv")); err == nil {
					printed[i] += string(copied)
				}
			}
			if diff := cmp.Diff(strings.Split(printed[0], "\n"), strings.Split(printed[1], "\n")); diff != "" || exits[0] != exits[1] {
				t.Errorf("exit codes %v (-psql +shell)\n%s", exits, diff)
			}
		})
	}
}

func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestShellExitCodes compares exit codes and output with psql's where no script is a file.
func TestShellExitCodes(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 1})
	dir := t.TempDir()
	for _, arguments := range [][]string{
		{"-c", "SELECT 1"}, {"-c", "SELECT 1; SELECT 2"}, {"-c", "SELECT 1/0"}, {"-c", "SELECT 1/0", "-c", "SELECT 2"},
		{"-v", "ON_ERROR_STOP=1", "-c", "SELECT 1/0", "-c", "SELECT 2"}, {"-c", `\echo x`}, {"-c", `\nope`}, {"-c", "SELECT 1; SELECT nope"},
		{"-f", "-"}, {}, {"-v", "ON_ERROR_STOP=1"}, {"-f", "missing.sql"}, {"-c", "SELECT 1 AS a", "-c", `\dn`, "-f", "-"}, {"-t", "-A", "-c", "SELECT 1, NULL"},
	} {
		want, wantExit := runShell(t, dir, harness.NodeURL(n.Addr()), false, arguments...)
		got, exit := runShell(t, dir, harness.NodeURL(n.Addr()), true, arguments...)
		if diff := cmp.Diff(want, got); diff != "" || wantExit != exit {
			t.Errorf("%q: exit code %d, psql's is %d (-psql +shell)\n%s", arguments, exit, wantExit, diff)
		}
	}
	if output, exit := runShell(t, dir, "postgres://127.0.0.1:1/millrace", true, "-c", "SELECT 1"); exit != 2 || !strings.Contains(output, "error") {
		t.Errorf("without a server: exit code %d, %s", exit, output)
	}
}

// TestShellJSON prints rows as JSON.
func TestShellJSON(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 1})
	got, exit := runShell(t, t.TempDir(), harness.NodeURL(n.Addr()), true, "--json", "-c",
		`SELECT 1 AS i, 1.50 AS n, 'NaN'::float8 AS f, true AS b, NULL AS u, E'a"<\n' AS t, '{"a":  [1]}'::json AS j, '2020-01-01'::date AS d`)
	want := `{"i":1,"n":1.50,"f":"NaN","b":true,"u":null,"t":"a\"<\n","j":{"a":[1]},"d":"2020-01-01"}` + "\n"
	if got != want || exit != 0 {
		t.Errorf("exit code %d (-want +got)\n%s", exit, cmp.Diff(want, got))
	}
}

// startShell runs the shell in a pseudo-terminal.
func startShell(t *testing.T, url, history string, arguments ...string) *terminal {
	t.Helper()
	p := &terminal{}
	line := fmt.Sprintf("stty cols 120 rows 40; exec %s sql %s '%s'", harness.Binary(t), strings.Join(arguments, " "), url)
	command := exec.CommandContext(t.Context(), "script", "-qfec", line, "/dev/null")
	command.Stdout = p
	command.Env = append(command.Environ(), "TERM=xterm", "MILLRACE_HISTORY="+history)
	var err error
	if p.input, err = command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.input.Close() // ends the shell
		_ = command.Wait()
	})
	return p
}

// TestShellFollows types into the shell as a user does, and follows a push query: each
// row is shown when it comes, Ctrl-C ends the query and the shell goes on.
func TestShellFollows(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 2})
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, c, `CREATE STREAM s (k TEXT, v INT)`)
	harness.Exec(t, c, `CREATE TABLE totals AS SELECT k, sum(v) AS total FROM s GROUP BY k`)
	harness.Exec(t, c, `INSERT INTO s VALUES ('first', 1)`)
	p := startShell(t, harness.NodeURL(n.Addr()), filepath.Join(t.TempDir(), "history"))
	p.await(t, "millrace=# ")

	p.send(t, "SELECT * FROM totals EMIT CHANGES;\r")
	p.await(t, "first")
	var slowest time.Duration
	for i := range 5 {
		harness.Exec(t, c, fmt.Sprintf(`INSERT INTO s VALUES ('key%d', %d)`, i, i))
		inserted := time.Now()
		p.await(t, fmt.Sprintf("key%d", i))
		slowest = max(slowest, time.Since(inserted))
	}
	if slowest > slowdown()*100*time.Millisecond {
		t.Errorf("a row was shown %v after it was inserted", slowest)
	}
	p.send(t, "\x03")
	p.await(t, "ERROR:  canceling statement due to user request")
	p.send(t, "SELECT 'still ' || 'here';\r")
	p.await(t, "still here")
}
