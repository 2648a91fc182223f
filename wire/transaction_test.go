package wire_test

import (
	"strings"
	"testing"

	"millrace/sql/sqlerr"
)

// TestWrites checks which writes statements lead to: what is held, what is one
// write, and what is all or nothing.
func TestWrites(t *testing.T) {
	server := startServer(t, nil)
	server.define(t, "CREATE STREAM a (n int)", "CREATE STREAM b (n int)")
	for _, test := range []struct {
		name   string
		send   []string
		writes string
	}{
		{"one row", []string{`Query "INSERT INTO a VALUES (1)"`}, "a 1"},
		{"rows of one statement", []string{`Query "INSERT INTO a VALUES (1), (2)"`}, "a 2 atomic"},
		{"no row", []string{`Query "INSERT INTO a SELECT 1 WHERE false"`}, ""},
		{"statements of one text", []string{`Query "INSERT INTO a VALUES (1); INSERT INTO b VALUES (2)"`}, "a 1, b 1 atomic"},
		{"a text that fails", []string{`Query "INSERT INTO a VALUES (1); SELECT 1/0"`}, ""},
		{"a text with a COMMIT", []string{`Query "INSERT INTO a VALUES (1); COMMIT; SELECT 1/0"`}, "a 1 atomic"},
		{"a text with a ROLLBACK", []string{`Query "INSERT INTO a VALUES (1); ROLLBACK; INSERT INTO b VALUES (1)"`}, "b 1 atomic"},
		{"a text that begins a block", []string{
			`Query "INSERT INTO a VALUES (1); BEGIN; INSERT INTO b VALUES (1)"`, `Query "COMMIT"`}, "a 1, b 1 atomic"},
		{"a definition behind a write", []string{
			`Query "INSERT INTO a VALUES (1); CREATE STREAM IF NOT EXISTS a (n int); SELECT 1/0"`}, ""},
		{"block", []string{
			`Query "BEGIN"`, `Query "INSERT INTO a VALUES (1)"`, `Query "INSERT INTO b VALUES (1)"`, `Query "COMMIT"`},
			"a 1, b 1 atomic"},
		{"block rolled back", []string{`Query "BEGIN"`, `Query "INSERT INTO a VALUES (1)"`, `Query "ROLLBACK"`}, ""},
		{"failed block", []string{`Query "BEGIN"`, `Query "INSERT INTO a VALUES (1)"`, `Query "SELECT 1/0"`, `Query "COMMIT"`}, ""},
		{"savepoint", []string{
			`Query "BEGIN"`, `Query "INSERT INTO a VALUES (1)"`, `Query "SAVEPOINT s"`, `Query "INSERT INTO b VALUES (1)"`,
			`Query "SELECT 1/0"`, `Query "ROLLBACK TO s"`, `Query "INSERT INTO a VALUES (2)"`, `Query "COMMIT"`}, "a 1, a 1 atomic"},
		{"COPY", []string{`Query "COPY a FROM STDIN"`, `CopyData "1\n2\n"`, "CopyDone"}, "a 2"},
		{"COPY in a block", []string{
			`Query "BEGIN"`, `Query "COPY a FROM STDIN"`, `CopyData "1\n2\n"`, "CopyDone", `Query "INSERT INTO b VALUES (1)"`,
			`Query "COMMIT"`}, "a 2, b 1 atomic"},
		{"COPY among other statements", []string{
			`Query "INSERT INTO b VALUES (1); COPY a FROM STDIN"`, `CopyData "1\n2\n"`, "CopyDone"}, "b 1, a 2 atomic"},
		{"one in a pipeline", []string{`Parse "" "INSERT INTO a VALUES (1)"`, `Bind "" ""`, `Execute "" 0`, "Sync"}, "a 1"},
		{"two in a pipeline", []string{
			`Parse "" "INSERT INTO a VALUES (1)"`, `Bind "" ""`, `Execute "" 0`, `Bind "" ""`, `Execute "" 0`, "Sync"},
			"a 1, a 1 atomic"},
		{"two pipelines", []string{
			`Parse "" "INSERT INTO a VALUES (1)"`, `Bind "" ""`, `Execute "" 0`, "Sync", `Bind "" ""`, `Execute "" 0`, "Sync"},
			"a 1; a 1"},
		{"a pipeline that fails", []string{
			`Parse "" "INSERT INTO a VALUES (1)"`, `Bind "" ""`, `Execute "" 0`, `Bind "" "nothing"`, `Execute "" 0`, "Sync"}, ""},
		{"chain", []string{
			`Query "BEGIN"`, `Query "INSERT INTO a VALUES (1)"`, `Query "COMMIT AND CHAIN"`, `Query "INSERT INTO b VALUES (1)"`,
			`Query "ROLLBACK"`}, "a 1 atomic"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := startRaw(t, "tcp", server.address, nil)
			server.backend.takeWrites()
			c.exchange(test.send...)
			if got := server.backend.takeWrites(); got != test.writes {
				t.Errorf("writes %q, want %q", got, test.writes)
			}
		})
	}
}

// TestFailedWrites tells the client of a write that fails where it is made: with
// its statement, at COMMIT, or at Sync.
func TestFailedWrites(t *testing.T) {
	server := startServer(t, nil)
	server.define(t, "CREATE STREAM a (n int)")
	server.backend.failWrites = sqlerr.New(sqlerr.DiskFull, -1, "no room").WithHint("Make some.")
	const full = `ErrorResponse ERROR 53100 "no room"`
	for _, test := range []struct {
		name string
		send []string
		want string
	}{
		{"statement", []string{`Query "INSERT INTO a VALUES (1)"`}, full + "; ReadyForQuery I"},
		{"COMMIT", []string{`Query "BEGIN; INSERT INTO a VALUES (1)"`, `Query "COMMIT"`},
			`CommandComplete "BEGIN"; CommandComplete "INSERT 0 1"; ReadyForQuery T; ` + full + "; ReadyForQuery I"},
		{"Execute", []string{`Parse "" "INSERT INTO a VALUES (1)"`, `Bind "" ""`, `Execute "" 0`, "Sync"},
			"ParseComplete; BindComplete; " + full + "; ReadyForQuery I"},
		{"Sync", []string{
			`Parse "" "INSERT INTO a VALUES (1)"`, `Bind "" ""`, `Execute "" 0`, `Bind "" ""`, `Execute "" 0`, "Sync"},
			`ParseComplete; BindComplete; CommandComplete "INSERT 0 1"; BindComplete; CommandComplete "INSERT 0 1"; ` +
				full + "; ReadyForQuery I"},
		{"end of a text", []string{`Query "INSERT INTO a VALUES (1); INSERT INTO a VALUES (2)"`},
			`CommandComplete "INSERT 0 1"; ` + full + "; ReadyForQuery I"},
		{"COPY", []string{`Query "COPY a FROM STDIN"`, `CopyData "1\n"`, "CopyDone"},
			"CopyInResponse 0 [0]; " + full + "; ReadyForQuery I"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := startRaw(t, "tcp", server.address, nil)
			if got := strings.Join(c.exchange(test.send...), "; "); got != test.want {
				t.Errorf("\n got  %s\n want %s", got, test.want)
			}
		})
	}
}

// TestDefinitionAlone refuses in a block what cannot be part of one.
func TestDefinitionAlone(t *testing.T) {
	server := startServer(t, nil)
	c := startRaw(t, "tcp", server.address, nil)
	got := strings.Join(c.exchange(`Query "BEGIN; CREATE TABLE a (n int); CREATE INDEX CONCURRENTLY ON a (n)"`), "; ")
	want := `CommandComplete "BEGIN"; CommandComplete "CREATE TABLE"; ` +
		`ErrorResponse ERROR 25001 "CREATE INDEX CONCURRENTLY cannot run inside a transaction block"; ReadyForQuery E`
	if got != want {
		t.Errorf("\n got  %s\n want %s", got, want)
	}
}

// TestReplan runs a prepared statement after the catalog has changed.
func TestReplan(t *testing.T) {
	server := startServer(t, nil)
	server.define(t, "CREATE STREAM a (n int)", "INSERT INTO a VALUES (1)")
	c := startRaw(t, "tcp", server.address, nil)
	c.exchange(`Parse "s" "SELECT * FROM a"`, `Parse "i" "INSERT INTO a VALUES ($1)"`, "Sync")
	server.define(t, "CREATE STREAM b (n int)")
	got := strings.Join(c.exchange(`Bind "" "i" 2`, `Execute "" 0`, "Sync", `Bind "" "s"`, `Execute "" 0`, "Sync"), "; ")
	if want := `BindComplete; CommandComplete "INSERT 0 1"; ReadyForQuery I; BindComplete; DataRow "1"; DataRow "2"; ` +
		`CommandComplete "SELECT 2"; ReadyForQuery I`; got != want {
		t.Errorf("\n got  %s\n want %s", got, want)
	}
	server.define(t, "DROP STREAM a", "CREATE STREAM a (n int, word text)")
	got = strings.Join(c.exchange(`Bind "" "s"`, "Sync"), "; ")
	if want := `ErrorResponse ERROR 0A000 "cached plan must not change result type"; ReadyForQuery I`; got != want {
		t.Errorf("\n got  %s\n want %s", got, want)
	}
}
