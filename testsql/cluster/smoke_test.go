package cluster

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/testsql/harness"
)

// TestThreeNodes writes on one node, reads and follows on the others, and goes on while
// the node that leads most is killed and comes back.
func TestThreeNodes(t *testing.T) {
	t.Parallel()
	c := harness.StartCluster(t, harness.ClusterOptions{Nodes: 3, Shards: 4})
	leaders := c.AwaitLeaders()
	victim := most(leaders)
	writer, reader := 1+victim%3, 1+(victim+1)%3
	w, r := c.Connect(writer), c.Connect(reader)
	harness.Exec(t, w, `CREATE STREAM clicks (id INT, page TEXT)`)
	// A definition that was acknowledged is there for every statement on any node.
	harness.Exec(t, r, `CREATE TABLE pages AS SELECT page, count(*) AS n FROM clicks GROUP BY page`)
	pushed := follow(t, c.Node(reader).URL(), `SELECT id FROM clicks EMIT CHANGES`)

	insert(t, w, 0, 100)
	for node := range 3 {
		if rows := harness.Rows(t, c.Connect(1+node), `SELECT sum(n), count(*) FROM pages`); rows[0] != "100\t10" {
			t.Errorf("node %d reads %q", 1+node, rows)
		}
	}

	c.Kill(victim)
	began := time.Now()
	insert(t, w, 100, 200)
	t.Logf("writes went on %v after a leader's death", time.Since(began))
	if rows := harness.Rows(t, r, `SELECT sum(n), count(*) FROM pages`); rows[0] != "200\t10" {
		t.Errorf("node %d reads %q while node %d is away", reader, rows, victim)
	}
	if rows := harness.Rows(t, r, fmt.Sprintf(`SELECT state FROM millrace.nodes WHERE id = %d`, victim)); rows[0] != "unreachable" {
		t.Errorf("node %d, which was killed, is %s", victim, rows[0])
	}

	c.Restart(victim)
	insert(t, c.Connect(victim), 200, 300)
	if rows := harness.Rows(t, c.Connect(victim), `SELECT sum(n), count(*) FROM pages`); rows[0] != "300\t10" {
		t.Errorf("node %d reads %q when it is back", victim, rows)
	}
	pushed.await(t, 300)
}

// most returns the node that leads most shards.
func most(leaders []int) int {
	counts, best := map[int]int{}, 0
	for _, node := range leaders {
		counts[node]++
		if counts[node] > counts[best] {
			best = node
		}
	}
	return best
}

// insert inserts rows with the numbers from first to end-1.
func insert(t *testing.T, c *pgx.Conn, first, end int) {
	t.Helper()
	for i := first; i < end; i += 20 {
		var values []string
		for id := i; id < min(i+20, end); id++ {
			values = append(values, fmt.Sprintf("(%d, 'page %d')", id, id%10))
		}
		harness.Exec(t, c, `INSERT INTO clicks VALUES `+strings.Join(values, ", "))
	}
}

// follower takes the rows of a push query of one column of numbers.
type follower struct {
	ids  chan int
	end  chan error
	seen map[int]int
}

// follow starts a push query, and returns when it has begun.
func follow(t *testing.T, url, query string) *follower {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	connection, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	results := connection.PgConn().Exec(ctx, query)
	if !results.NextResult() {
		t.Fatalf("%s: %v", query, results.Close())
	}
	f := &follower{ids: make(chan int, 10000), end: make(chan error, 1), seen: map[int]int{}}
	go func() {
		defer func() { _ = connection.Close(context.WithoutCancel(ctx)) }()
		for rows := results.ResultReader(); rows.NextRow(); {
			id, err := strconv.Atoi(string(rows.Values()[0]))
			if err != nil {
				f.end <- err
				return
			}
			f.ids <- id
		}
		_, err := results.ResultReader().Close()
		f.end <- err
	}()
	return f
}

// await waits for the rows 0 to n-1, and finds none twice.
func (f *follower) await(t *testing.T, n int) {
	t.Helper()
	timeout := time.After(harness.ClusterTimeout)
	for len(f.seen) < n {
		select {
		case id := <-f.ids:
			if f.seen[id]++; f.seen[id] > 1 {
				t.Fatalf("row %d has come twice", id)
			}
		case err := <-f.end:
			t.Fatalf("the push query ended after %d rows: %v", len(f.seen), err)
		case <-timeout:
			t.Fatalf("%d of %d rows have come", len(f.seen), n)
		}
	}
}
