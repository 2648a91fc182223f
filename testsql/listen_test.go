package testsql

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// change is the payload of a change that LISTEN tells.
type change struct {
	Op      string          `json:"rowop"`
	ID      int             `json:"id"`
	Value   string          `json:"v"`
	Added   *int            `json:"added"`
	Payload json.RawMessage `json:"-"`
}

// nextPayload waits for a notification on a channel and returns its payload.
func nextPayload(t *testing.T, c *pgx.Conn, channel string) string {
	t.Helper()
	n, err := c.WaitForNotification(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n.Channel != channel {
		t.Fatalf("a notification on %q, not on %q: %s", n.Channel, channel, n.Payload)
	}
	return n.Payload
}

// nextChange is nextPayload of a change.
func nextChange(t *testing.T, c *pgx.Conn, channel string) (made change) {
	t.Helper()
	payload := nextPayload(t, c, channel)
	if err := json.Unmarshal([]byte(payload), &made); err != nil {
		t.Fatalf("%s: %v", payload, err)
	}
	made.Payload = json.RawMessage(payload)
	return made
}

// expectPayloads waits for notifications and compares their payloads.
func expectPayloads(t *testing.T, c *pgx.Conn, channel string, want ...string) {
	t.Helper()
	for _, w := range want {
		if got := nextPayload(t, c, channel); got != w {
			t.Fatalf("got %s, want %s", got, w)
		}
	}
}

// TestListenToRelations tells the changes of a table, a stream and what is derived from
// them, to several clients alike, and NOTIFY on the same channels.
func TestListenToRelations(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 1})
	url := harness.NodeURL(n.Addr())
	writer := harness.Connect(t, url)
	for _, statement := range []string{
		`CREATE TABLE t (id INT PRIMARY KEY, v TEXT, at TIMESTAMPTZ, list NUMERIC(4,1)[])`,
		`CREATE STREAM s (id INT KEY, "Value" TEXT)`,
		`CREATE TABLE totals AS SELECT id, count(*) AS c FROM s GROUP BY id`,
		`CREATE TABLE bag AS SELECT "Value" FROM s WHERE id > 1`,
		`CREATE STREAM log AS SELECT rowop, id FROM CHANGES OF t`,
		`CREATE TABLE ops AS SELECT rowop, count(*) FROM CHANGES OF t GROUP BY rowop`,
		`CREATE TABLE long (id INT, part TEXT, v TEXT, PRIMARY KEY (part, id))`,
	} {
		harness.Exec(t, writer, statement)
	}
	listen := func(channel string) [2]*pgx.Conn {
		pair := [2]*pgx.Conn{harness.Connect(t, url), harness.Connect(t, url)}
		for _, c := range pair {
			harness.Exec(t, c, `LISTEN `+channel)
		}
		return pair
	}
	channels := []string{"t", "s", "totals", "bag", "log", "long"}
	listeners := map[string][2]*pgx.Conn{}
	for _, channel := range channels {
		listeners[channel] = listen(channel)
	}
	if _, err := writer.Exec(t.Context(), `LISTEN ops`); code(err) != "0A000" {
		t.Errorf("LISTEN to a table with a column rowop: %v", err)
	}
	expect := func(channel string, want ...string) {
		t.Helper()
		for _, c := range listeners[channel] {
			expectPayloads(t, c, channel, want...)
		}
	}
	harness.Exec(t, writer, `INSERT INTO t VALUES (1, 'a "quoted" é', '2024-02-29 12:00:00.5+02', '{1.5,NULL}'), (2, NULL, NULL, NULL)`)
	expect("t", `{"rowop":"insert","id":1,"v":"a \"quoted\" é","at":"2024-02-29T10:00:00.5+00:00","list":[1.5, null]}`,
		`{"rowop":"insert","id":2,"v":null,"at":null,"list":null}`)
	harness.Exec(t, writer, `UPDATE t SET v = 'b', at = NULL, list = NULL WHERE id = 1`)
	harness.Exec(t, writer, `NOTIFY t, 'said'`)
	for _, c := range listeners["t"] {
		// Changes are told when they are committed, and not in the order of NOTIFY.
		got := []string{nextPayload(t, c, "t"), nextPayload(t, c, "t")}
		slices.Sort(got)
		if want := []string{"said", `{"rowop":"update","id":1,"v":"b","at":null,"list":null}`}; !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
	}
	harness.Exec(t, writer, `DELETE FROM t WHERE id = 2`)
	expect("t", `{"rowop":"delete","id":2,"v":null,"at":null,"list":null}`)
	expect("log", `{"rowop":"insert","id":1}`, `{"rowop":"insert","id":2}`, `{"rowop":"update","id":1}`, `{"rowop":"delete","id":2}`)

	harness.Exec(t, writer, `INSERT INTO s VALUES (1, 'x'), (2, 'y')`)
	expect("s", `{"rowop":"insert","id":1,"Value":"x"}`, `{"rowop":"insert","id":2,"Value":"y"}`)
	expect("totals", `{"rowop":"insert","id":1,"c":1}`, `{"rowop":"insert","id":2,"c":1}`)
	expect("bag", `{"rowop":"insert","Value":"y"}`)
	harness.Exec(t, writer, `INSERT INTO s VALUES (2, 'z')`)
	expect("totals", `{"rowop":"update","id":2,"c":2}`)

	harness.Exec(t, writer, `INSERT INTO long VALUES (1, 'k', $1), (2, 'k', $2)`, strings.Repeat("é", 4000), strings.Repeat("v", 7999-len(`{"rowop":"insert","id":2,"part":"k","v":""}`)))
	expect("long", `{"rowop":"insert","id":1,"part":"k"}`, `{"rowop":"insert","id":2,"part":"k","v":"`+strings.Repeat("v", 7999-len(`{"rowop":"insert","id":2,"part":"k","v":""}`))+`"}`)
	harness.Exec(t, writer, `INSERT INTO long VALUES (3, $1, 'v')`, strings.Repeat("p", 8000))
	expect("long", `{"rowop":"insert"}`)

	for _, channel := range channels {
		for _, c := range listeners[channel] {
			harness.Exec(t, c, `UNLISTEN *`)
			if got := harness.Rows(t, c, `SELECT pg_listening_channels()`); len(got) != 0 {
				t.Errorf("behind UNLISTEN *: %q", got)
			}
		}
	}
}

// TestListenAndTransactions tells changes when they are committed and to clients that
// are in no transaction, the listener's own, too, and none where LISTEN was rolled back.
func TestListenAndTransactions(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 2})
	url := harness.NodeURL(n.Addr())
	c, writer := harness.Connect(t, url), harness.Connect(t, url)
	harness.Exec(t, writer, `CREATE TABLE t (id INT PRIMARY KEY)`)
	harness.Exec(t, c, `BEGIN`)
	harness.Exec(t, c, `LISTEN t`)
	harness.Exec(t, c, `ROLLBACK`)
	harness.Exec(t, writer, `INSERT INTO t VALUES (1)`)
	harness.Exec(t, c, `BEGIN`)
	harness.Exec(t, c, `LISTEN t`)
	harness.Exec(t, c, `INSERT INTO t VALUES (2)`)
	harness.Exec(t, c, `COMMIT`)
	expectPayloads(t, c, "t", `{"rowop":"insert","id":2}`)
	harness.Exec(t, writer, `BEGIN`)
	harness.Exec(t, writer, `INSERT INTO t VALUES (3)`)
	harness.Exec(t, writer, `ROLLBACK`)
	harness.Exec(t, c, `BEGIN`)
	harness.Exec(t, writer, `INSERT INTO t VALUES (4)`)
	harness.Exec(t, c, `SELECT 1`)
	harness.Exec(t, c, `UPDATE t SET id = 5 WHERE id = 4`)
	harness.Exec(t, c, `COMMIT`)
	got := []string{nextPayload(t, c, "t"), nextPayload(t, c, "t"), nextPayload(t, c, "t")}
	slices.Sort(got) // the two keys may be on two shards
	if want := []string{`{"rowop":"delete","id":4}`, `{"rowop":"insert","id":4}`, `{"rowop":"insert","id":5}`}; !slices.Equal(got, want) {
		t.Errorf("a change of the key: %q", got)
	}
	harness.Exec(t, c, `UNLISTEN t`)
	harness.Exec(t, c, `INSERT INTO t VALUES (6)`)
	harness.Exec(t, c, `LISTEN t`)
	harness.Exec(t, c, `INSERT INTO t VALUES (7)`)
	expectPayloads(t, c, "t", `{"rowop":"insert","id":7}`)
}

// TestListenWhileAltered changes a table's columns while others write to it: each row is
// told once, with the columns that the table has then. In the end the table is dropped.
func TestListenWhileAltered(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 2})
	url := harness.NodeURL(n.Addr())
	c, owner := harness.Connect(t, url), harness.Connect(t, url)
	harness.Exec(t, owner, `CREATE TABLE t (id INT PRIMARY KEY, v TEXT)`)
	harness.Exec(t, c, `LISTEN t`)
	const rows, alterations = 300, 6
	written := make(chan error, 1)
	writer := harness.Connect(t, url)
	go func() {
		for i := range rows {
			if _, err := writer.Exec(t.Context(), `INSERT INTO t (id, v) VALUES ($1, 'x')`, pgx.QueryExecModeExec, i); err != nil {
				written <- fmt.Errorf("row %d: %w", i, err)
				return
			}
		}
		written <- nil
	}()
	for i := range alterations {
		statement := fmt.Sprintf(`ALTER TABLE t ADD COLUMN added INT DEFAULT %d`, i)
		switch i % 3 {
		case 1:
			statement = `ALTER TABLE t DROP COLUMN added`
		case 2:
			statement = `ALTER TABLE t ALTER COLUMN v TYPE VARCHAR(9)`
		}
		harness.Exec(t, owner, statement)
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	told := map[int]int{}
	for len(told) < rows {
		made := nextChange(t, c, "t")
		if made.Op == "skipped" {
			t.Fatal("changes were left out")
		}
		if told[made.ID]++; made.Op != "insert" || made.Value != "x" || told[made.ID] > 1 {
			t.Fatalf("told for the %d. time: %s", told[made.ID], made.Payload)
		}
	}
	harness.Exec(t, owner, `ALTER TABLE t ADD COLUMN added INT DEFAULT 77`)
	harness.Exec(t, owner, `INSERT INTO t VALUES (1000, 'y')`)
	if made := nextChange(t, c, "t"); made.Added == nil || *made.Added != 77 {
		t.Errorf("with a column added: %s", made.Payload)
	}
	// In one transaction with rows.
	for _, statement := range []string{
		`BEGIN`, `ALTER TABLE t ADD COLUMN more INT`, `INSERT INTO t VALUES (2000, 'z', 1, 2)`, `COMMIT`, `INSERT INTO t VALUES (2001, 'z', 1, 2)`,
	} {
		harness.Exec(t, owner, statement)
	}
	expectPayloads(t, c, "t", `{"rowop":"insert","id":2000,"v":"z","added":1}`, `{"rowop":"insert","id":2001,"v":"z","added":1,"more":2}`)
	harness.Exec(t, owner, `ALTER TABLE t RENAME TO other`)
	harness.Exec(t, owner, `INSERT INTO other VALUES (1001, 'y')`)
	if made := nextChange(t, c, "t"); made.ID != 1001 {
		t.Errorf("under a new name: %s", made.Payload)
	}
	harness.Exec(t, owner, `DROP TABLE other`)
	expectPayloads(t, c, "t", `{"rowop":"dropped"}`)
	harness.Exec(t, owner, `NOTIFY t, 'still a channel'`)
	expectPayloads(t, c, "t", "still a channel")
	for _, statement := range []string{`BEGIN`, `CREATE TABLE t (id INT PRIMARY KEY)`, `LISTEN t`, `COMMIT`} {
		harness.Exec(t, c, statement)
	}
	harness.Exec(t, owner, `INSERT INTO t VALUES (1)`)
	expectPayloads(t, c, "t", `{"rowop":"insert","id":1}`)
}

// TestListenPrivileges needs SELECT on the relation for as long as it is listened to.
func TestListenPrivileges(t *testing.T) {
	s := startSecured(t, "all=scram-sha-256")
	root := s.connect(t)
	harness.Exec(t, root, `CREATE TABLE t (id INT PRIMARY KEY)`)
	harness.Exec(t, root, `CREATE USER ann PASSWORD 'x'`)
	ann := harness.Connect(t, s.url("ann", "x", ""))
	if _, err := ann.Exec(t.Context(), `LISTEN t`); code(err) != "42501" {
		t.Errorf("without a privilege: %v", err)
	}
	harness.Exec(t, ann, `LISTEN nothing`)
	harness.Exec(t, root, `GRANT SELECT ON t TO ann`)
	harness.Exec(t, ann, `LISTEN t`)
	harness.Exec(t, root, `LISTEN t`)
	harness.Exec(t, root, `INSERT INTO t VALUES (1)`)
	expectPayloads(t, ann, "t", `{"rowop":"insert","id":1}`)
	harness.Exec(t, root, `REVOKE SELECT ON t FROM ann`)
	harness.Exec(t, root, `INSERT INTO t VALUES (2)`)
	expectPayloads(t, ann, "t", `{"rowop":"revoked"}`)
	expectPayloads(t, root, "t", `{"rowop":"insert","id":1}`, `{"rowop":"insert","id":2}`)
	harness.Exec(t, root, `NOTIFY t, 'for all'`)
	expectPayloads(t, ann, "t", "for all")
}

// TestListenSlowly leaves a client in a transaction while more changes come than are
// kept for it: it is told of the first ones and that others were left out, nobody who
// writes waits, and later it is told of all again.
func TestListenSlowly(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 1})
	url := harness.NodeURL(n.Addr())
	c, writer := harness.Connect(t, url), harness.Connect(t, url)
	harness.Exec(t, writer, `CREATE STREAM s (id INT, v TEXT)`)
	harness.Exec(t, c, `LISTEN s`)
	quick := harness.Connect(t, url)
	harness.Exec(t, quick, `LISTEN s`)
	harness.Exec(t, c, `BEGIN`)
	const rows = 3000
	harness.Exec(t, writer, `INSERT INTO s SELECT n, repeat('x', 1000) FROM generate_series(1, $1) AS n`, rows)
	for i := range 10 { // the quick one is quick enough for some at least
		if made := nextChange(t, quick, "s"); made.ID != i+1 {
			t.Fatalf("change %d: %s", i, made.Payload)
		}
	}
	// When the quick one is told that changes were left out, or of the last one, the
	// slow one has had more than is kept.
	for made := nextChange(t, quick, "s"); made.Op != "skipped" && made.ID != rows; made = nextChange(t, quick, "s") {
		if made.Op != "insert" {
			t.Fatal(string(made.Payload))
		}
	}
	harness.Exec(t, c, `COMMIT`)
	told := 0
	for {
		made := nextChange(t, c, "s")
		if made.Op == "skipped" {
			break
		}
		if told++; made.ID != told || made.Value != strings.Repeat("x", 1000) {
			t.Fatalf("change %d: %s", told, made.Payload)
		}
	}
	if told < 800 || told >= rows {
		t.Errorf("told of %d changes of %d", told, rows)
	}
	later := func() { harness.Exec(t, writer, `INSERT INTO s VALUES (-1, 'later')`) }
	later()
	for made := nextChange(t, c, "s"); made.ID != -1; made = nextChange(t, c, "s") {
		switch {
		case made.Op == "skipped": // the feed was not at the end yet
			later()
		case made.ID <= told:
			t.Fatalf("told again: %s", made.Payload)
		}
	}
}
