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
	"millrace/cmd/shell"
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
\a
SELECT 1 AS x, 'two' AS y, NULL AS z \gset
\echo :x :y :z
SELECT 3 AS x \gset prefix_
\echo :prefix_x
SELECT 1 AS x WHERE false \gset
SELECT generate_series(1, 2) AS x \gset
SELECT 1 AS "not a name" \gset
INSERT INTO t VALUES (500, 'set') RETURNING name AS inserted \gset
\echo :inserted
CREATE VIEW v2 AS SELECT 1 AS one \gset
\if true
  SELECT 'taken' AS branch;
  \if off
    SELECT 'inner';
  \elif :x
    \echo inner elif
  \else
    \echo inner else
  \endif
\elif true
  SELECT 'not taken';
  \dt
  \set x not_set
\else
  \echo not here
\endif
\if false
  \if true
    \echo nested in false
  \else
    \echo nor here
  \endif
\else
  \echo else
\endif
\if fal
\echo fal
\elif nonsense
\echo nonsense
\else
\echo :x
\endif
SELECT 1 AS a,
\if no
 'x(' AS skipped,
\else
 2 AS b,
\endif
 3 AS c;
\else
\endif
\elif true
\if yes
\else
\else
\elif true
\endif
\o rows.txt
SELECT 'to the file' AS f;
INSERT INTO t VALUES (501, 'to the file');
\qecho queried
\echo not queried
\d v2
SELECT nope;
\o
SELECT 'on the screen' AS s;
SELECT 'once' AS g \g once.txt
SELECT 'piped' AS g \g |tr a-z A-Z
\o |cat
SELECT 'through cat' AS c;
\o
\o missing/file
\i half.sql
\q
SELECT 'not reached';
`

// runShell runs psql or the shell on a script, and returns what it printed, with the
// program's name replaced by "shell".
func runShell(t *testing.T, dir, url string, ours bool, arguments ...string) (output string, exit int) {
	t.Helper()
	harness.SkipRaced(t)
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
					"half.sql": "\\if true\n\\echo half\n\\else\nSELECT 'not this'",
				})
				n := harness.StartNode(t, node.Options{Shards: 2})
				printed[i], exits[i] = runShell(t, dir, harness.NodeURL(n.Addr()), i == 1, append(strings.Fields(flags), "-f", "script.sql")...)
				for _, written := range []string{"copied.csv", "rows.txt", "once.txt"} {
					if text, err := os.ReadFile(filepath.Join(dir, written)); err == nil {
						printed[i] += string(text)
					}
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
	harness.SkipRaced(t)
	p := &terminal{}
	line := fmt.Sprintf("stty cols 120 rows 40; exec %s sql %s '%s'", harness.Binary(t), strings.Join(arguments, " "), strings.ReplaceAll(url, "'", `'\''`))
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

// TestShellEdits types statements of several lines, edits, completes, and looks at the
// prompt.
func TestShellEdits(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 1})
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, c, `CREATE TABLE airports (iata TEXT PRIMARY KEY, elevation INT)`)
	harness.Exec(t, c, `INSERT INTO airports VALUES ('ORD', 204)`)
	history := filepath.Join(t.TempDir(), "folder", "history")
	t.Setenv("PSQL_EDITOR", "sed -i s/before/after/")
	t.Setenv("PSQL_PAGER", "sed 's/^/paged/'")
	p := startShell(t, harness.NodeURL(n.Addr()), history)
	p.await(t, "millrace=# ")
	for _, step := range []struct{ typed, printed string }{
		{"SELECT 'one;\r", "millrace'# "},
		{"two' AS\r", "millrace-# "},
		{"\"na;me\", (\r", "millrace(# "},
		{"1);\r", "?column?"},
		{"/* open\r", "millrace*# "},
		{"*/ SELECT 6 * 7\x03", "millrace=# "}, // Ctrl-C clears the line and what is typed
		{"SELECT 6 * 8;\r", "48"},
		{"SELECT 41\x01\x1b[F\x7f\x7f50 + 1;\r", " 51\n"}, // Home, End, Backspace
		{"SELECT elev\t FROM airp\t;\r", "204"},
		{"\x1b[A\x01\x0bSELECT 'up ' || 'and away';\r", "up and away"},
		{"SET freshn\t = 'stale';\r", "SET\n"},
		{"sele\t 'lower ' || 'case';\r", "lower case"},
		{"BEGIN;\r", "millrace=*# "},
		{"SELECT 1/0;\r", "millrace=!# "},
		{"ROLLBACK;\r", "ROLLBACK\nmillrace=# "},
		{"\\x\r", "Expanded display is on."},
		{"SELECT 'ex' || 'panded' AS how;\r", "how | expanded"},
		{"\\x\r", "Expanded display is off."},
		{"\\timing\r", "Timing is on."},
		{"SELECT 1;\r", "Time: "},
		{"\\nope\r", "invalid command \\nope\nTry \\? for help."},
		{"\\h trunc\r", "TRUNCATE [TABLE] name"},
		{"\\?\r", "\\copy ..."},
		{"\\conninfo\r", "You are connected to database \"millrace\" as user \"millrace\""},
		{"\\c millrace\r", "You are now connected to database \"millrace\" as user \"millrace\"."},
		{"\\set name 'value'\rSELECT :'name' || '!';\r", "value!"},
		{"SELECT 'before' || ' it was edited';\r", "before it was edited"},
		{"\\e\r", "after it was edited"},
		{"SELECT 'before' ||\r", "millrace-# "},
		{"\\e\r", "SELECT 'after' ||\nmillrace-# "},
		{"' all';\r", "after all"},
		{"SELECT 'row ' || i AS r FROM generate_series(1, 100) i;\r", "paged row 99"},
		{"SELECT 'not ' || 'long' AS r;\r", "\n not long"},
		{"\\pset pager always\r", "Pager is always used."},
		{"SELECT 'not ' || 'long' AS r;\r", "paged not long"},
		{"\\d airports\r", "paged iata"},
		{"\\pset pager off\r", "Pager usage is off."},
		{"\\if false\r", "millrace@# "},
		{"SELECT 1;\r", "query ignored; use \\endif or Ctrl-C to exit current \\if block"},
		{"\x03", "\\if: escaped\nmillrace=# "},
		{"BEGIN; CREATE TABLE unseen (its_column INT);\r", "millrace=*# "},
		{"INSERT INTO unse\tVALUES (8) RETURNING its\t;\r", "its_column"},
		{"COMMIT;\r", "COMMIT"},
		{"SELECT 'again' || 1 \\watch 0\r", "again1"},
		{"\x03", "millrace=# "},
		{"COPY airports FROM STDIN;\r", ">> "},
		{"SFO\t4\r", ">> "},
		{"\\.\r", "COPY 1"},
		{"COPY airports FROM STDIN;\r", ">> "},
		{"JFK\x03", "COPY from stdin failed: canceled by user"},
	} {
		before := len(p.printed())
		p.send(t, step.typed)
		harness.Eventually(t, time.Minute, func() error {
			if printed := p.printed()[before:]; !strings.Contains(printed, step.printed) {
				return fmt.Errorf("after %q it has not printed %q, but\n%q", step.typed, step.printed, printed)
			}
			return nil
		})
	}
	p.send(t, "\x04") // Ctrl-D
	harness.Eventually(t, time.Minute, func() error {
		text, err := os.ReadFile(history)
		if err == nil && !strings.Contains(string(text), "SELECT 6 * 8;\n") {
			err = fmt.Errorf("the history is %q", text)
		}
		return err
	})
	if info, err := os.Stat(history); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the history's mode: %v, %v", info.Mode(), err)
	}
	if rows := harness.Rows(t, c, `SELECT count(*) FROM airports`); rows[0] != "2" {
		t.Errorf("after COPY in the terminal there are %s rows", rows[0])
	}
	again := startShell(t, harness.NodeURL(n.Addr()), history)
	again.await(t, "millrace=# ")
	again.send(t, "\x126 * 8\r") // Ctrl-R
	again.await(t, "48")
}

// TestShellAsksPassword connects over TLS with a password from the terminal, and from
// the environment.
func TestShellAsksPassword(t *testing.T) {
	s := startSecured(t, "all=scram-sha-256")
	p := startShell(t, s.url(s.superuser, "", ""), "")
	p.await(t, "Password for user "+s.superuser+": ")
	p.send(t, s.secret+"\r")
	p.await(t, "=# ")
	p.send(t, "SELECT 'let ' || 'in';\r")
	p.await(t, "let in")
	if strings.Contains(p.printed(), s.secret) {
		t.Error("the password was shown")
	}
	url := strings.Replace(s.url(s.superuser, "", ""), "password=''", "", 1)
	command := exec.CommandContext(t.Context(), harness.Binary(t), "sql", "-w", "-A", "-t", "-c", "SELECT current_user", url)
	if output, err := command.CombinedOutput(); err == nil || !strings.Contains(string(output), "password authentication failed") {
		t.Errorf("without a password: %v, %s", err, output)
	}
	command = exec.CommandContext(t.Context(), harness.Binary(t), command.Args[1:]...)
	command.Env = append(command.Environ(), "PGPASSWORD="+s.secret)
	if output, err := command.CombinedOutput(); err != nil || string(output) != s.superuser+"\n" {
		t.Errorf("with PGPASSWORD: %v, %s", err, output)
	}
}

// TestShellPushFormats prints push queries that end in every format, within this process
// for the race detector.
func TestShellPushFormats(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 2})
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, c, `CREATE TABLE totals (k TEXT PRIMARY KEY, total INT)`)
	harness.Exec(t, c, `INSERT INTO totals VALUES ('a', 1)`)
	for format, want := range map[shell.Format]string{
		shell.Aligned:   " k | total | rowop  \n---+-------+--------\n a |     1 | insert\n(1 row)\n\n",
		shell.Unaligned: "k|total|rowop\na|1|insert\n(1 row)\n",
		shell.CSV:       "k,total,rowop\na,1,insert\n",
		shell.JSON:      `{"k":"a","total":1,"rowop":"insert"}` + "\n",
	} {
		var out, errOut strings.Builder
		exit := shell.Run(t.Context(), shell.Options{
			Connection: shell.Connection{Target: harness.NodeURL(n.Addr())}, Format: format,
			Actions: []shell.Action{{Text: `SELECT * FROM totals EMIT CHANGES LIMIT 1`}}, Out: &out, ErrOut: &errOut,
		})
		if diff := cmp.Diff(want, out.String()); diff != "" || exit != shell.ExitSuccess || errOut.Len() > 0 {
			t.Errorf("exit code %d, %s (-want +got)\n%s", exit, errOut.String(), diff)
		}
	}
}

// TestShellPrintsLive follows a push query whose output is no terminal: its rows are
// written when they come, in columns that grow, until the connection is ended.
func TestShellPrintsLive(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 2})
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, c, `CREATE STREAM s (k TEXT, v INT)`)
	var p terminal
	exit := make(chan int, 1)
	go func() {
		exit <- shell.Run(t.Context(), shell.Options{
			Connection: shell.Connection{Target: harness.NodeURL(n.Addr())}, Out: &p, ErrOut: &p,
			Actions: []shell.Action{{Text: `SELECT * FROM s EMIT CHANGES`}},
		})
	}()
	p.await(t, "      k       |   v    \n--------------+--------\n")
	for _, k := range []string{"short", "much longer than before"} {
		harness.Exec(t, c, fmt.Sprintf(`INSERT INTO s VALUES ('%s', 1)`, k))
		p.await(t, " "+k)
	}
	harness.Exec(t, c, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%EMIT CHANGES' AND pid <> pg_backend_pid()`)
	p.await(t, "terminating connection due to administrator command")
	if code := <-exit; code != shell.ExitConnection {
		t.Errorf("exit code %d", code)
	}
	if text := p.printed(); !strings.Contains(text, " short        |      1\n much longer than before |      1\n") {
		t.Errorf("printed\n%s", text)
	}
}
