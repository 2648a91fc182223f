package testsql

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/testsql/harness"
)

// maxFanOutBytes is what a node may have resident while rows join a million others,
// and maxFanOutWait what another client's INSERT may take then.
const (
	maxFanOutBytes = 1 << 30
	maxFanOutWait  = 5 * time.Second
)

// TestFanOut has one row join very many others, as a table's and as a stream's, and
// change, while another client writes and a push follows: the node stays within its
// memory, the other client is served, and the results are right.
func TestFanOut(t *testing.T) {
	n := 30_000
	if long() {
		n = 1_000_000
	}
	p := harness.StartProcess(t, t.TempDir())
	c := harness.Connect(t, p.URL())
	for _, statement := range []string{
		`SET freshness_timeout = '600s'`,
		`CREATE TABLE customers (id INT PRIMARY KEY, name TEXT)`,
		`CREATE TABLE orders (id INT PRIMARY KEY, customer INT)`,
		`CREATE STREAM visits (customer INT, page TEXT)`,
		`CREATE STREAM pings (n INT)`,
		`INSERT INTO customers VALUES (1, 'Ada'), (2, 'Bob')`,
	} {
		harness.Exec(t, c, statement)
	}
	loadOrders(t, c, n)
	for _, statement := range []string{
		`CREATE TABLE named AS SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer`,
		`CREATE TABLE totals AS SELECT c.name, count(*) AS n, max(o.id) AS last FROM customers c LEFT JOIN orders o ON c.id = o.customer GROUP BY c.name`,
		`CREATE STREAM visited AS SELECT v.page, o.id FROM visits v JOIN orders o ON o.customer = v.customer`,
	} {
		harness.Exec(t, c, statement)
	}
	expect := func(query string, want ...string) {
		t.Helper()
		if got := harness.Rows(t, c, query); !slices.Equal(got, want) {
			t.Errorf("%s\ngives %q, not %q", query, got, want)
		}
	}
	const named, totals = `SELECT name, count(*) FROM named GROUP BY name ORDER BY name`, `SELECT * FROM totals ORDER BY name`
	expect(named, fmt.Sprintf("Ada\t%d", n))
	expect(totals, fmt.Sprintf("Ada\t%d\t%d", n, n), "Bob\t1\t\\N")
	expect(`SELECT count(*) FROM visited`, "0")

	push := follow(t, p.URL(), `SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer EMIT CHANGES`)
	push.wait(t, "Ada", n)
	stop := pingWhile(t, p.URL())
	harness.Exec(t, c, `UPDATE customers SET name = 'Bea' WHERE id = 1`)
	expect(named, fmt.Sprintf("Bea\t%d", n))
	expect(totals, fmt.Sprintf("Bea\t%d\t%d", n, n), "Bob\t1\t\\N")
	push.wait(t, "Bea", n)
	harness.Exec(t, c, `INSERT INTO visits VALUES (1, '/a')`)
	expect(`SELECT count(*), count(DISTINCT id) FROM visited`, fmt.Sprintf("%d\t%d", n, n))
	harness.Exec(t, c, `DELETE FROM customers WHERE id = 1`)
	expect(named)
	expect(totals, "Bob\t1\t\\N")
	push.wait(t, "", 0)
	times := stop()

	slices.Sort(times)
	if len(times) == 0 {
		t.Fatal("no INSERT of the other client was served")
	}
	last := times[len(times)-1]
	peak := peakBytes(t, p.PID())
	t.Logf("%d rows: %d INSERTs of another client, half in %v, 99 of 100 in %v, all in %v; at most %d MB resident",
		n, len(times), times[len(times)/2], times[len(times)*99/100], last, peak>>20)
	if last > maxFanOutWait {
		t.Errorf("an INSERT beside the fan-out took %v", last)
	}
	if peak > maxFanOutBytes {
		t.Errorf("%d MB were resident", peak>>20)
	}
}

// loadOrders copies n orders of customer 1.
func loadOrders(t *testing.T, c *pgx.Conn, n int) {
	t.Helper()
	for from := 1; from <= n; from += 100_000 {
		var lines strings.Builder
		for id := from; id < from+100_000 && id <= n; id++ {
			fmt.Fprintf(&lines, "%d\t1\n", id)
		}
		if _, err := c.PgConn().CopyFrom(t.Context(), strings.NewReader(lines.String()), `COPY orders FROM STDIN`); err != nil {
			t.Fatal(err)
		}
	}
}

// follower keeps the result of a push of two columns, the first of them the key.
type follower struct {
	mu    sync.Mutex
	names map[string]string
	count map[string]int
	wrong error
}

// follow runs a push in a connection of its own.
func follow(t *testing.T, url, query string) *follower {
	t.Helper()
	f := &follower{names: map[string]string{}, count: map[string]int{}}
	c := harness.Connect(t, url)
	ctx, cancel := context.WithCancel(t.Context())
	rows, err := c.Query(ctx, query)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { // before the connection is closed
		cancel()
		<-ended
	})
	go func() {
		defer close(ended)
		for rows.Next() {
			raw := rows.RawValues()
			f.take(string(raw[0]), string(raw[1]), string(raw[2]))
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.wrong = rows.Err()
	}()
	return f
}

func (f *follower) take(id, name, op string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	old, held := f.names[id]
	if held != (op != "insert") {
		f.wrong = fmt.Errorf("%s of %q, which was %q", op, id, old)
	}
	if held {
		f.count[old]--
		delete(f.names, id)
	}
	if op != "delete" {
		f.count[name]++
		f.names[id] = name
	}
}

// wait waits until the result has n rows, all of one name.
func (f *follower) wait(t *testing.T, name string, n int) {
	t.Helper()
	harness.Eventually(t, 5*time.Minute, func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		switch {
		case f.wrong != nil:
			t.Fatalf("the push: %v", f.wrong)
		case len(f.names) != n || f.count[name] != n:
			return fmt.Errorf("the push has %d rows, %d of them of %q, not %d", len(f.names), f.count[name], name, n)
		}
		return nil
	})
}

// pingWhile inserts rows into a stream, one after the other, until the function that it
// returns is called, which gives how long each took.
func pingWhile(t *testing.T, url string) (stop func() []time.Duration) {
	t.Helper()
	c := harness.Connect(t, url)
	var stopped atomic.Bool
	done := make(chan []time.Duration, 1)
	go func() {
		var times []time.Duration
		for !stopped.Load() {
			began := time.Now()
			if _, err := c.Exec(t.Context(), `INSERT INTO pings VALUES (1)`); err != nil {
				t.Error(err)
				break
			}
			times = append(times, time.Since(began))
		}
		done <- times
	}()
	return func() []time.Duration {
		stopped.Store(true)
		return <-done
	}
}
