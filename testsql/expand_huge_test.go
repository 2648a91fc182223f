package testsql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"millrace/testsql/harness"
)

// lineCounter counts the lines written to it.
type lineCounter struct{ lines int }

func (w *lineCounter) Write(p []byte) (int, error) {
	for _, b := range p {
		if b == '\n' {
			w.lines++
		}
	}
	return len(p), nil
}

// TestHugeExpansions expands one row to very many, in continuous queries, pushes, SELECTs
// and COPY: the node stays within its memory, other clients are served, and what is
// cancelled ends at once.
func TestHugeExpansions(t *testing.T) {
	elements, series := 100_000, 1_000_000
	if long() {
		elements, series = 1_000_000, 10_000_000
	}
	p := harness.StartProcess(t, t.TempDir())
	c := harness.Connect(t, p.URL())
	for _, statement := range []string{
		`SET freshness_timeout = '600s'`,
		`CREATE STREAM lists (id INT, list INT[])`,
		`CREATE STREAM pings (n INT)`,
		`CREATE STREAM flat AS SELECT id, e FROM lists, unnest(list) AS e`,
		`CREATE TABLE totals AS SELECT id, count(*) AS n, sum(e) AS total FROM lists, unnest(list) AS e GROUP BY id`,
	} {
		harness.Exec(t, c, statement)
	}
	stop := pingWhile(t, p.URL())
	harness.Exec(t, c, fmt.Sprintf(`INSERT INTO lists SELECT i, (SELECT array_agg(n) FROM generate_series(1, %d) AS n) FROM generate_series(1, 2) AS i`, elements))
	want := fmt.Sprintf("%d\t%d", elements, elements*(elements+1)/2)
	for _, query := range []string{`SELECT id, count(*), sum(e) FROM flat GROUP BY id ORDER BY id`, `SELECT * FROM totals ORDER BY id`} {
		if got := harness.Rows(t, c, query); !slices.Equal(got, []string{"1\t" + want, "2\t" + want}) {
			t.Errorf("%s gives %q", query, got)
		}
	}
	if got := harness.Rows(t, c, fmt.Sprintf(`SELECT e FROM lists, unnest(list) AS e EMIT CHANGES WITH (start = 'earliest') LIMIT %d`, elements+1)); len(got) != elements+1 {
		t.Errorf("a push gives %d rows", len(got))
	}
	times := stop()
	if last := slices.Max(times); last > maxFanOutWait {
		t.Errorf("an INSERT beside the expansions took %v", last)
	}

	if got := harness.Rows(t, c, fmt.Sprintf(`SELECT count(*), sum(n) FROM generate_series(1, %d) AS n`, series))[0]; got != fmt.Sprintf("%d\t%d", series, series*(series+1)/2) {
		t.Errorf("the series has %s", got)
	}
	counter := &lineCounter{}
	if _, err := c.PgConn().CopyTo(t.Context(), counter, fmt.Sprintf(`COPY (SELECT generate_series(1, %d)) TO STDOUT`, series)); err != nil || counter.lines != series {
		t.Errorf("COPY gives %d lines, %v", counter.lines, err)
	}
	for _, query := range []string{
		`SELECT count(*) FROM generate_series(1, 1000000000000) AS n`,
		`SELECT count(*) FROM lists, generate_series(1, 1000000000000 + id) AS n`,
		`COPY (SELECT generate_series(1, 1000000000000)) TO STDOUT`,
	} {
		other := harness.Connect(t, p.URL()).PgConn()
		done := make(chan error, 1)
		go func() {
			_, err := other.CopyTo(context.WithoutCancel(t.Context()), &lineCounter{}, query)
			done <- err
		}()
		var began time.Time
		harness.Eventually(t, time.Minute, func() error {
			began = time.Now()
			if err := other.CancelRequest(t.Context()); err != nil {
				return err
			}
			select {
			case err := <-done:
				var cancelled *pgconn.PgError
				if !errors.As(err, &cancelled) || cancelled.Code != "57014" {
					t.Errorf("%s ends with %v", query, err)
				}
				return nil
			case <-time.After(time.Second):
				return errors.New("not cancelled within a second")
			}
		})
		if took := time.Since(began); took > time.Second {
			t.Errorf("%s ended %v after it was cancelled", query, took)
		}
	}
	peak := peakBytes(t, p.PID())
	t.Logf("%d elements, series of %d: at most %d MB resident", elements, series, peak>>20)
	if peak > maxFanOutBytes {
		t.Errorf("%d MB were resident", peak>>20)
	}
}
