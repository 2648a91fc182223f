//go:build bench

package bench

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/testsql/harness"
)

// repeats is how often each figure is taken.
const repeats = 5

// server is one of the two that are measured.
type server struct {
	name string
	url  string
}

func (s server) connect(t *testing.T) *pgx.Conn { return harness.Connect(t, s.url) }

// clients runs one function per connection at once, for a span of time, and
// returns how often they did their work per second.
func (s server) clients(t *testing.T, connections int, span time.Duration, once func(c *pgx.Conn, client, round int) error) float64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), span)
	defer cancel()
	var all sync.WaitGroup
	counts := make([]int, connections)
	for i := range connections {
		c, err := pgx.Connect(t.Context(), s.url)
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			defer c.Close(t.Context())
			for ctx.Err() == nil {
				if err := once(c, i, counts[i]); err != nil {
					t.Error(err)
					return
				}
				counts[i]++
			}
		})
	}
	all.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	return float64(total) / span.Seconds()
}

// figure is the median of some repeats.
type figure struct{ median, least, most float64 }

func measure(t *testing.T, once func() float64) figure {
	t.Helper()
	var values []float64
	for range repeats {
		values = append(values, once())
	}
	slices.Sort(values)
	return figure{values[len(values)/2], values[0], values[len(values)-1]}
}

func (f figure) String() string {
	return fmt.Sprintf("%12s [%s-%s]", quantity(f.median), quantity(f.least), quantity(f.most))
}

func quantity(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.2f M", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%.1f k", v/1e3)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

func report(what string, millrace, postgres figure) {
	fmt.Printf("%-58s %-32s %-32s %6.2f\n", what, millrace, postgres, millrace.median/postgres.median)
}

// TestBench prints the table of docs/benchmarks.md.
func TestBench(t *testing.T) {
	process := harness.StartProcess(t, t.TempDir(), "--log-level", "error")
	if pid := os.Getenv("MILLRACE_BENCH_PID"); pid != "" {
		if err := os.WriteFile(pid, []byte(strconv.Itoa(process.PID())), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	millrace := server{"millrace", process.URL()}
	postgres := server{"postgres", loopback(harness.StartPostgres(t, true).URL())}
	fmt.Printf("%-58s %-32s %-32s %6s\n", "", "Millrace", "PostgreSQL 15", "ratio")
	benchCopy(t, millrace, postgres)
	benchGroups(t, millrace, postgres)
	benchInserts(t, millrace, postgres)
	benchPush(t, millrace, postgres)
	benchPointReads(t, millrace, postgres)
}

// loopback puts the loopback address in the place of the socket's folder in a
// connection string.
func loopback(url string) string {
	words := strings.Fields(url)
	for i, word := range words {
		if strings.HasPrefix(word, "host=") {
			words[i] = "host=127.0.0.1"
		}
	}
	return strings.Join(words, " ")
}

// schema is one of the shapes of rows that are copied.
type schema struct {
	name, stream, table, columns string
	// result is the query kept up to date by Millrace and refreshed once by
	// PostgreSQL.
	result string
	line   func(i int) string
}

var schemas = []schema{
	{
		name: "flights", columns: `(departure TIMESTAMP, origin TEXT, destination TEXT, delay INT, distance INT)`,
		result: `SELECT origin, count(*) AS flights, sum(delay) AS total, avg(delay) AS mean, min(delay) AS best, max(delay) AS worst FROM rows GROUP BY origin`,
		line: func(i int) string {
			return fmt.Sprintf("2001-01-%02d %02d:%02d:00,A%02d,B%02d,%d,%d\n", i%28+1, i%24, i%60, i*7919%300, i*104729%300, i*31%400-30, i*17%2500)
		},
	},
	{
		name: "orders", columns: `(customer TEXT, note TEXT, amount NUMERIC, discount NUMERIC(6,3), quantity BIGINT)`,
		result: `SELECT customer, count(note) AS notes, sum(amount) AS total, avg(discount) AS discount, max(quantity) AS most FROM rows GROUP BY customer`,
		line: func(i int) string {
			note := ""
			if i%3 == 0 {
				note = "note " + strconv.Itoa(i%97)
			}
			return fmt.Sprintf("customer-%04d,%s,%d.%02d,%s,%d\n", i*7919%1000, note, i%5000, i%100, []string{"", "0.125", "1.5"}[i%3], i)
		},
	}}

const copyRows = 1_000_000

func lines(s schema, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(s.line(i))
	}
	return b.String()
}

func copyIn(t *testing.T, c *pgx.Conn, data string) time.Duration {
	t.Helper()
	began := time.Now()
	if _, err := c.PgConn().CopyFrom(t.Context(), strings.NewReader(data), `COPY rows FROM STDIN WITH (FORMAT csv)`); err != nil {
		t.Fatal(err)
	}
	return time.Since(began)
}

// benchCopy copies a million rows, bare and with a result to keep.
func benchCopy(t *testing.T, millrace, postgres server) {
	for _, s := range schemas {
		data := lines(s, copyRows)
		m, p := millrace.connect(t), postgres.connect(t)
		bare := measure(t, func() float64 {
			harness.Exec(t, m, `CREATE STREAM rows `+s.columns)
			took := copyIn(t, m, data)
			harness.Exec(t, m, `DROP STREAM rows`)
			return copyRows / took.Seconds()
		})
		peer := measure(t, func() float64 {
			harness.Exec(t, p, `CREATE TABLE rows `+s.columns)
			took := copyIn(t, p, data)
			harness.Exec(t, p, `DROP TABLE rows`)
			return copyRows / took.Seconds()
		})
		report("COPY "+s.name+", rows/s", bare, peer)
		kept := measure(t, func() float64 {
			harness.Exec(t, m, `CREATE STREAM rows `+s.columns)
			harness.Exec(t, m, `CREATE TABLE result AS `+s.result)
			began := time.Now()
			copyIn(t, m, data)
			harness.Rows(t, m, `SELECT count(*) FROM result`)
			took := time.Since(began)
			harness.Exec(t, m, `DROP TABLE result`)
			harness.Exec(t, m, `DROP STREAM rows`)
			return copyRows / took.Seconds()
		})
		peer = measure(t, func() float64 {
			harness.Exec(t, p, `CREATE TABLE rows `+s.columns)
			harness.Exec(t, p, `CREATE MATERIALIZED VIEW result AS `+s.result)
			began := time.Now()
			copyIn(t, p, data)
			harness.Exec(t, p, `REFRESH MATERIALIZED VIEW result`)
			took := time.Since(began)
			harness.Exec(t, p, `DROP TABLE rows CASCADE`)
			return copyRows / took.Seconds()
		})
		report("COPY "+s.name+" with its result (one REFRESH), rows/s", kept, peer)
	}
}

// benchGroups keeps a GROUP BY of few and of a million keys.
func benchGroups(t *testing.T, millrace, postgres server) {
	for _, keys := range []int{100, 1_000_000} {
		var b strings.Builder
		for i := range copyRows {
			fmt.Fprintf(&b, "%d,%d\n", i*7919%keys, i)
		}
		data := b.String()
		m, p := millrace.connect(t), postgres.connect(t)
		kept := measure(t, func() float64 {
			harness.Exec(t, m, `CREATE STREAM rows (k BIGINT, v BIGINT)`)
			harness.Exec(t, m, `CREATE TABLE result AS SELECT k, count(*) AS n, sum(v) AS total FROM rows GROUP BY k`)
			began := time.Now()
			copyIn(t, m, data)
			harness.Rows(t, m, `SELECT * FROM result WHERE k = 1`)
			took := time.Since(began)
			harness.Exec(t, m, `DROP TABLE result`)
			harness.Exec(t, m, `DROP STREAM rows`)
			return copyRows / took.Seconds()
		})
		peer := measure(t, func() float64 {
			harness.Exec(t, p, `CREATE TABLE rows (k BIGINT, v BIGINT)`)
			harness.Exec(t, p, `CREATE MATERIALIZED VIEW result AS SELECT k, count(*) AS n, sum(v) AS total FROM rows GROUP BY k`)
			began := time.Now()
			copyIn(t, p, data)
			harness.Exec(t, p, `REFRESH MATERIALIZED VIEW result`)
			took := time.Since(began)
			harness.Exec(t, p, `DROP TABLE rows CASCADE`)
			return copyRows / took.Seconds()
		})
		report(fmt.Sprintf("GROUP BY of %d keys (one REFRESH), rows/s", keys), kept, peer)
	}
}

// benchInserts inserts single rows over 1 and 64 connections.
func benchInserts(t *testing.T, millrace, postgres server) {
	for _, connections := range []int{1, 64} {
		var figures []figure
		for _, s := range []server{millrace, postgres} {
			admin := s.connect(t)
			kind := "STREAM"
			if s.name == "postgres" {
				kind = "TABLE"
			}
			harness.Exec(t, admin, `CREATE `+kind+` rows (k BIGINT, v TEXT)`)
			figures = append(figures, measure(t, func() float64 { return insertFor(t, s, connections, 2*time.Second) }))
			harness.Exec(t, admin, `DROP `+kind+` rows`)
		}
		report(fmt.Sprintf("single-row INSERT, %d connections, rows/s", connections), figures[0], figures[1])
	}
}

func insertFor(t *testing.T, s server, connections int, span time.Duration) float64 {
	return s.clients(t, connections, span, func(c *pgx.Conn, _, round int) error {
		_, err := c.Exec(t.Context(), `INSERT INTO rows VALUES ($1, $2)`, int64(round), "some text of a row")
		return err
	})
}

// benchPush measures from before an INSERT until its change arrives: a push
// query here, NOTIFY of a trigger there.
func benchPush(t *testing.T, millrace, postgres server) {
	const rounds = 2000
	m := millrace.connect(t)
	harness.Exec(t, m, `CREATE STREAM rows (k INT, v INT)`)
	harness.Exec(t, m, `CREATE TABLE result AS SELECT k, count(*) AS n FROM rows GROUP BY k`)
	harness.Exec(t, m, `INSERT INTO rows VALUES (0, 0)`)
	arrived := make(chan struct{}, 1)
	follower := millrace.connect(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		rows, err := follower.Query(ctx, `SELECT n FROM result EMIT CHANGES`, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			t.Error(err)
			return
		}
		for rows.Next() {
			select {
			case arrived <- struct{}{}:
			case <-ctx.Done():
			}
		}
	}()
	<-arrived
	ours := latencies(t, rounds, func() {
		harness.Exec(t, m, `INSERT INTO rows VALUES (0, 1)`)
		<-arrived
	})
	cancel()
	<-done

	p := postgres.connect(t)
	for _, statement := range []string{
		`CREATE TABLE rows (k INT, v INT)`,
		`CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_notify(''rows'', NEW.k::text); RETURN NEW; END'`,
		`CREATE TRIGGER tell AFTER INSERT ON rows FOR EACH ROW EXECUTE FUNCTION tell()`,
	} {
		harness.Exec(t, p, statement)
	}
	listener := postgres.connect(t)
	harness.Exec(t, listener, `LISTEN rows`)
	heard := make(chan struct{}, 1)
	listening, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			if _, err := listener.WaitForNotification(listening); err != nil {
				return
			}
			heard <- struct{}{}
		}
	}()
	theirs := latencies(t, rounds, func() {
		harness.Exec(t, p, `INSERT INTO rows VALUES (0, 1)`)
		<-heard
	})
	stop()
	<-ended
	report("INSERT to push (INSERT to NOTIFY), p50, µs", point(ours, 0.50), point(theirs, 0.50))
	report("INSERT to push (INSERT to NOTIFY), p99, µs", point(ours, 0.99), point(theirs, 0.99))
	harness.Exec(t, m, `DROP TABLE result`)
	harness.Exec(t, m, `DROP STREAM rows`)
	harness.Exec(t, p, `DROP TABLE rows`)
}

func latencies(t *testing.T, rounds int, once func()) []float64 {
	t.Helper()
	var out []float64
	for range rounds {
		began := time.Now()
		once()
		out = append(out, float64(time.Since(began).Microseconds()))
	}
	slices.Sort(out)
	return out
}

// point is one percentile, with the extremes as its spread.
func point(sorted []float64, share float64) figure {
	return figure{sorted[int(float64(len(sorted)-1)*share)], sorted[0], sorted[len(sorted)-1]}
}

// benchPointReads reads single keys of a kept result over 16 connections.
func benchPointReads(t *testing.T, millrace, postgres server) {
	const keys = 100_000
	var b strings.Builder
	for i := range keys {
		fmt.Fprintf(&b, "%d,%d\n", i, i)
	}
	var figures []figure
	for _, s := range []server{millrace, postgres} {
		c := s.connect(t)
		if s.name == "millrace" {
			harness.Exec(t, c, `CREATE STREAM rows (k BIGINT, v BIGINT)`)
			harness.Exec(t, c, `CREATE TABLE result AS SELECT k, sum(v) AS total FROM rows GROUP BY k`)
			copyIn(t, c, b.String())
		} else {
			harness.Exec(t, c, `CREATE TABLE rows (k BIGINT, v BIGINT)`)
			copyIn(t, c, b.String())
			harness.Exec(t, c, `CREATE TABLE result AS SELECT k, sum(v) AS total FROM rows GROUP BY k`)
			harness.Exec(t, c, `ALTER TABLE result ADD PRIMARY KEY (k)`)
			harness.Exec(t, c, `ANALYZE result`)
		}
		figures = append(figures, measure(t, func() float64 { return readFor(t, s, 16, keys, 2*time.Second) }))
	}
	report("pull point reads, 16 connections, queries/s", figures[0], figures[1])
}

func readFor(t *testing.T, s server, connections, keys int, span time.Duration) float64 {
	return s.clients(t, connections, span, func(c *pgx.Conn, client, round int) error {
		var total any
		return c.QueryRow(t.Context(), `SELECT total FROM result WHERE k = $1`, int64((client+round*7919)%keys)).Scan(&total)
	})
}
