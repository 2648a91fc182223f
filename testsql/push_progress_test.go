package testsql

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// TestPushProgress has a push query say that there is nothing: at once when its
// result is complete, and again while nothing comes, in FETCH and in COPY. LIMIT does
// not count these rows, and their marks can be resumed behind.
func TestPushProgress(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 2})
	writer := harness.Connect(t, harness.NodeURL(n.Addr()))
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, writer, `CREATE STREAM s (n INT)`)
	harness.Exec(t, writer, `CREATE TABLE g AS SELECT n % 2 AS k, count(*) AS c FROM s GROUP BY n % 2`)
	harness.Exec(t, c, `BEGIN`)
	harness.Exec(t, c, `DECLARE p CURSOR FOR SELECT n, rowmark FROM s EMIT CHANGES WITH (progress = '50ms')`)
	next := func() (value, mark, op string) {
		t.Helper()
		fields := strings.Split(harness.Rows(t, c, `FETCH 1 FROM p`)[0], "\t")
		return fields[0], fields[1], fields[2]
	}
	var mark string
	for range 3 {
		value, at, op := next()
		if value != `\N` || op != "progress" {
			t.Fatalf("%s %s before anything came", value, op)
		}
		mark = at
	}
	harness.Exec(t, writer, `INSERT INTO s VALUES (7)`)
	for value, _, op := next(); op == "progress"; value, _, op = next() {
		if value != `\N` {
			t.Fatalf("a progress row has %s", value)
		}
	}
	harness.Exec(t, c, `ROLLBACK`)
	if got := harness.Rows(t, c, `SELECT n, rowmark FROM s EMIT CHANGES WITH (resume = '`+mark+`') LIMIT 1`); !strings.HasPrefix(got[0], "7\t") {
		t.Errorf("behind the mark of a progress row comes %q", got)
	}
}

// TestPushProgressCopy reads progress rows of a table in COPY.
func TestPushProgressCopy(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 2})
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, c, `CREATE TABLE t (id INT PRIMARY KEY, v INT)`)
	harness.Exec(t, c, `INSERT INTO t VALUES (1, 10)`)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	lines, write := io.Pipe()
	defer func() {
		cancel()
		_ = lines.Close()
		<-ended
	}()
	go func() {
		defer close(ended)
		_, err := c.PgConn().CopyTo(ctx, write, `COPY (SELECT * FROM t EMIT CHANGES WITH (progress = '50ms')) TO STDOUT`)
		_ = write.CloseWithError(err)
	}()
	scanner := bufio.NewScanner(lines)
	for i, want := range []string{"1\t10\tinsert", `\N` + "\t" + `\N` + "\tprogress", `\N` + "\t" + `\N` + "\tprogress"} {
		if !scanner.Scan() || scanner.Text() != want {
			t.Fatalf("line %d is %q instead of %q (%v)", i, scanner.Text(), want, scanner.Err())
		}
	}
}
