package testsql

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

const (
	pushResult = `SELECT origin, count(*) AS n, sum(delay) AS total FROM flights GROUP BY origin`
	pushEnd    = `INSERT INTO flights (origin, delay) VALUES ('END', 1)`
)

// folded is a push query's result folded by key.
type folded struct {
	mu   sync.Mutex
	keys map[string]string
}

// apply takes one change: the key, the rest of the row, and rowop.
func (f *folded) apply(key, rest, rowop string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, exists := f.keys[key]
	switch rowop {
	case "insert":
		if exists {
			return fmt.Errorf("%s is inserted twice", key)
		}
		f.keys[key] = rest
	case "update":
		if !exists {
			return fmt.Errorf("%s is updated before it is inserted", key)
		}
		f.keys[key] = rest
	case "delete":
		if !exists {
			return fmt.Errorf("%s is deleted before it is inserted", key)
		}
		delete(f.keys, key)
	default:
		return fmt.Errorf("rowop is %q", rowop)
	}
	return nil
}

func (f *folded) rows() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for key, rest := range f.keys {
		out = append(out, key+"\t"+rest)
	}
	slices.Sort(out)
	return out
}

// TestPushEqualsPull starts push queries before the load, in each way a client
// has, folds what they say by key, and compares with the pull query. The result's
// shards are not in step, so the last row's group may show before others.
func TestPushEqualsPull(t *testing.T) {
	lines := readFlights(t)
	ways := map[string]func(ctx context.Context, c *pgx.Conn, query string, change func(values []string) bool) error{
		"pgx rows": followRows, "COPY": followCopy, "FETCH": followFetch,
	}
	for name, follow := range ways {
		for _, source := range []string{"ad hoc", "table"} {
			t.Run(name+"/"+source, func(t *testing.T) {
				n := harness.StartNode(t, node.Options{Shards: 4})
				c := harness.Connect(t, harness.NodeURL(n.Addr()))
				harness.Exec(t, c, createFlights)
				harness.Exec(t, c, `CREATE TABLE result AS `+pushResult)
				query := pushResult
				if source == "table" {
					query = `SELECT * FROM result`
				}
				result := &folded{keys: map[string]string{}}
				follower := harness.Connect(t, harness.NodeURL(n.Addr()))
				done := make(chan error, 1)
				go func() {
					done <- follow(t.Context(), follower, query+" EMIT CHANGES", func(values []string) bool {
						if err := result.apply(values[0], strings.Join(values[1:3], "\t"), values[3]); err != nil {
							t.Error(err)
						}
						return values[0] == "END"
					})
				}()
				harness.Exec(t, c, `INSERT INTO flights (origin, delay) VALUES ('FIRST', 1)`)
				for i := 0; i < len(lines); i += 997 {
					copyLines(t, c, lines[i:min(i+997, len(lines))])
				}
				want := harness.Rows(t, c, `SELECT * FROM result`)
				slices.Sort(want)
				harness.Eventually(t, time.Minute, func() error {
					if diff := cmp.Diff(want, result.rows()); diff != "" {
						return fmt.Errorf("(-pull +push)\n%s", diff)
					}
					return nil
				})
				harness.Exec(t, c, pushEnd)
				if err := <-done; err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

// followRows reads the rows of a plain query until change says that it was the
// last one, then cancels.
func followRows(ctx context.Context, c *pgx.Conn, query string, change func([]string) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rows, err := c.Query(ctx, query, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var values []string
		for _, raw := range rows.RawValues() {
			values = append(values, string(raw))
		}
		if change(values) {
			cancel()
			return nil
		}
	}
	return fmt.Errorf("the push query ended: %w", rows.Err())
}

// followCopy reads COPY (query) TO STDOUT.
func followCopy(ctx context.Context, c *pgx.Conn, query string, change func([]string) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	reader, writer := io.Pipe()
	var copying sync.WaitGroup
	copying.Go(func() {
		_, err := c.PgConn().CopyTo(ctx, writer, `COPY (`+query+`) TO STDOUT`)
		writer.CloseWithError(err)
	})
	defer copying.Wait()
	defer reader.Close()
	defer cancel()
	lines := bufio.NewScanner(reader)
	for lines.Scan() {
		if change(strings.Split(lines.Text(), "\t")) {
			return nil
		}
	}
	return fmt.Errorf("the push query ended: %w", lines.Err())
}

// followFetch declares a cursor and fetches from it: what is there, at least
// one row.
func followFetch(ctx context.Context, c *pgx.Conn, query string, change func([]string) bool) error {
	if _, err := c.Exec(ctx, `BEGIN`); err != nil {
		return err
	}
	if _, err := c.Exec(ctx, `DECLARE c NO SCROLL CURSOR FOR `+query); err != nil {
		return err
	}
	for {
		rows, err := harness.TryRows(ctx, c, `FETCH FORWARD 100 FROM c`)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return fmt.Errorf("FETCH of a push query returned nothing")
		}
		for _, row := range rows {
			if change(strings.Split(row, "\t")) {
				_, err := c.Exec(ctx, `COMMIT`)
				return err
			}
		}
	}
}

// TestPushOfStream shows that a push of a stream gives every row produced from
// its start on once, and LIMIT ends it.
func TestPushOfStream(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 4})
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, c, `CREATE STREAM s (n INT)`)
	harness.Exec(t, c, `INSERT INTO s VALUES (0)`)
	follower := harness.Connect(t, harness.NodeURL(n.Addr()))
	got := make(chan []string, 1)
	failed := make(chan error, 1)
	go func() {
		rows, err := harness.TryRows(t.Context(), follower, `SELECT n FROM s WHERE n % 2 = 1 EMIT CHANGES LIMIT 500`)
		failed <- err
		got <- rows
	}()
	waitForStatement(t, c, `n % 2 = 1`)
	var want []string
	for i := 1; i <= 1000; i += 10 {
		var values []string
		for k := i; k < i+10; k++ {
			values = append(values, fmt.Sprintf("(%d)", k))
			if k%2 == 1 {
				want = append(want, fmt.Sprint(k))
			}
		}
		harness.Exec(t, c, `INSERT INTO s VALUES `+strings.Join(values, ", "))
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	rows := <-got
	slices.Sort(rows)
	slices.Sort(want)
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
}

// waitForStatement waits until another session is at work on a statement that
// contains a text.
func waitForStatement(t *testing.T, c *pgx.Conn, text string) {
	t.Helper()
	query := `SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND strpos(query, '` +
		strings.ReplaceAll(text, "'", "''") + `') > 0`
	harness.Eventually(t, time.Minute, func() error {
		if rows := harness.Rows(t, c, query); rows[0] == "0" {
			return fmt.Errorf("no session runs %s", text)
		}
		return nil
	})
}

// TestPushWaits shows that others see when a push query has sent all there is.
func TestPushWaits(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 2})
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, c, `CREATE TABLE t (k INT PRIMARY KEY)`)
	follower := harness.Connect(t, harness.NodeURL(n.Addr()))
	cursor := `DECLARE f CURSOR WITH HOLD FOR SELECT k FROM t EMIT CHANGES`
	harness.Exec(t, follower, cursor)
	for k := range 20 {
		got := make(chan error, 1)
		go func() {
			rows, err := harness.TryRows(t.Context(), follower, `FETCH 1 FROM f WITH (timeout = '1min')`)
			if err == nil && len(rows) != 1 {
				err = fmt.Errorf("rows %v", rows)
			}
			got <- err
		}()
		harness.Eventually(t, time.Minute, func() error {
			rows := harness.Rows(t, c, `SELECT wait_event FROM pg_stat_activity WHERE state = 'active' AND wait_event_type = 'Extension'`)
			if len(rows) != 1 || rows[0] != "Changes" {
				return fmt.Errorf("wait events %v", rows)
			}
			return nil
		})
		harness.Exec(t, c, `INSERT INTO t VALUES ($1)`, k)
		if err := <-got; err != nil {
			t.Fatal(err)
		}
	}
}

// TestPushHaving shows that a group that stops passing HAVING is deleted.
func TestPushHaving(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 2})
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, c, `CREATE STREAM s (k TEXT)`)
	follower := harness.Connect(t, harness.NodeURL(n.Addr()))
	changes := make(chan string, 10)
	var following sync.WaitGroup
	defer following.Wait()
	following.Go(func() {
		rows, err := follower.Query(t.Context(), `SELECT k, count(*) FROM s GROUP BY k HAVING count(*) < 3 EMIT CHANGES LIMIT 3`)
		if err != nil {
			changes <- err.Error()
			return
		}
		defer rows.Close()
		for rows.Next() {
			var k, rowop string
			var n int64
			if err := rows.Scan(&k, &n, &rowop); err != nil {
				changes <- err.Error()
				return
			}
			changes <- fmt.Sprint(k, n, rowop)
		}
	})
	for _, want := range []string{"a1insert", "a2update", "a2delete"} {
		harness.Exec(t, c, `INSERT INTO s VALUES ('a')`)
		if got := <-changes; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestPushCancel shows that a cancelled push ends with 57014 and leaves the
// connection usable, that a vanished client's push ends too, and that neither
// leaves anything running.
func TestPushCancel(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 2})
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, c, `CREATE STREAM s (n INT)`)
	harness.Exec(t, c, `CREATE TABLE counts AS SELECT n, count(*) FROM s GROUP BY n`)
	harness.Exec(t, c, `INSERT INTO s VALUES (1)`)
	before := settledGoroutines()
	for _, query := range []string{`SELECT * FROM counts EMIT CHANGES`, `SELECT n FROM s EMIT CHANGES`, `COPY (SELECT * FROM counts EMIT CHANGES) TO STDOUT`} {
		follower := harness.Connect(t, harness.NodeURL(n.Addr()))
		done := make(chan error, 1)
		go func() {
			_, err := follower.PgConn().Exec(t.Context(), query).ReadAll()
			done <- err
		}()
		waitForStatement(t, c, query)
		if err := follower.PgConn().CancelRequest(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-done; code(err) != "57014" {
			t.Errorf("%s ended with %v", query, err)
		}
		if rows := harness.Rows(t, follower, `SELECT 1`); rows[0] != "1" {
			t.Errorf("after the cancel SELECT 1 gives %v", rows)
		}
		go func() {
			_, err := follower.PgConn().Exec(t.Context(), query).ReadAll()
			done <- err
		}()
		waitForStatement(t, c, query)
		if err := follower.PgConn().Conn().Close(); err != nil { // the client vanishes
			t.Fatal(err)
		}
		<-done
		harness.Eventually(t, time.Minute, func() error {
			if now := runtime.NumGoroutine(); now > before {
				return fmt.Errorf("%d goroutines, before %d", now, before)
			}
			return nil
		})
	}
}

// settledGoroutines is the number of goroutines once it does not change.
func settledGoroutines() int {
	last := runtime.NumGoroutine()
	for same := 0; same < 20; {
		<-time.After(5 * time.Millisecond)
		now := runtime.NumGoroutine()
		if now == last {
			same++
		} else {
			same = 0
		}
		last = now
	}
	return last
}
