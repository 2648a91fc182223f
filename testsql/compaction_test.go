package testsql

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/jackc/pgx/v5"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// compactedStream is a stream at work with its history in the test.
type compactedStream struct {
	t     *testing.T
	clock *harness.Clock
	c     *pgx.Conn
	keys  int
	// values are all values by key, in order; NULL ends a key.
	values [][]string
	next   int
}

// write inserts rows of all keys in turn.
func (s *compactedStream) write(rows int) {
	s.t.Helper()
	for rows > 0 {
		var tuples []string
		for range min(rows, 200) {
			key, value := s.next%s.keys, fmt.Sprintf("value %d %s", s.next, strings.Repeat("x", 40))
			if s.next/s.keys%7 == 6 {
				value = ""
			}
			s.values[key] = append(s.values[key], value)
			if value == "" {
				tuples = append(tuples, fmt.Sprintf("(%d, NULL)", key))
			} else {
				tuples = append(tuples, fmt.Sprintf("(%d, '%s')", key, value))
			}
			s.next++
			rows--
		}
		harness.Exec(s.t, s.c, `INSERT INTO s VALUES `+strings.Join(tuples, ", "))
	}
}

// compactUntil puts the clock forward until the stream holds at most so many rows.
func (s *compactedStream) compactUntil(most int) {
	s.t.Helper()
	harness.Eventually(s.t, 30*time.Second, func() error {
		s.clock.Advance(11 * time.Second)
		harness.Exec(s.t, s.c, `INSERT INTO other VALUES (1)`) // gives shards a turn
		if n, _ := strconv.Atoi(harness.Rows(s.t, s.c, `SELECT count(*) FROM s`)[0]); n > most {
			return fmt.Errorf("%d rows are left of %d, want at most %d", n, s.next, most)
		}
		return nil
	})
}

// check compares what the stream holds with what compaction must leave: of each key
// the last row, and no row that there was not, in order.
func (s *compactedStream) check() {
	s.t.Helper()
	got := make([][]string, s.keys)
	for _, line := range harness.Rows(s.t, s.c, `SELECT k, coalesce(v, '') FROM s ORDER BY k, rowoffset`) {
		key, value, _ := strings.Cut(line, "\t")
		k, _ := strconv.Atoi(key)
		got[k] = append(got[k], value)
	}
	for k, values := range got {
		at := 0
		for _, value := range values {
			i := slices.Index(s.values[k][at:], value)
			if i < 0 {
				s.t.Fatalf("key %d has row %q, which it had not, or not there", k, value)
			}
			at += i + 1
		}
		last := s.values[k][len(s.values[k])-1]
		if len(values) == 0 && last != "" || len(values) > 0 && values[len(values)-1] != last {
			s.t.Fatalf("key %d ends with %q, want %q", k, values, last)
		}
	}
}

// checkTotals compares tables that count every row ever inserted.
func (s *compactedStream) checkTotals(tables ...string) {
	s.t.Helper()
	for _, table := range tables {
		want := make([]string, s.keys)
		for k := range want {
			values := slices.DeleteFunc(slices.Clone(s.values[k]), func(v string) bool { return v == "" })
			want[k] = fmt.Sprintf("%d\t%d\t%d", k, len(s.values[k]), len(values))
		}
		if got := harness.Rows(s.t, s.c, `SELECT k, n, nv FROM `+table+` ORDER BY k`); !slices.Equal(got, want) {
			s.t.Fatalf("%s: %q, want %q", table, got, want)
		}
	}
}

// TestCompaction has streams compacted on 1 and 8 shards. A query that is paused
// sees every row although compaction goes on, results stay what they were, and so
// does all of it through restarts and power cuts.
func TestCompaction(t *testing.T) {
	for _, shards := range []int{1, 8} {
		t.Run(fmt.Sprint(shards, " shards"), func(t *testing.T) {
			const keys = 20
			fs := vfs.NewCrashableMem()
			clock := &harness.Clock{}
			options := node.Options{
				Dir: "/data", FS: fs, Shards: shards, SegmentBytes: 8 << 10, Now: clock.Now, After: clock.After,
			}
			n := harness.StartNode(t, options)
			s := &compactedStream{t: t, clock: clock, keys: keys, values: make([][]string, keys)}
			s.c = harness.Connect(t, harness.NodeURL(n.Addr()))
			for _, statement := range []string{
				`CREATE STREAM s (k INT KEY, v TEXT) WITH (cleanup_policy = 'compact', delete_retention = '1 hour')`,
				`CREATE STREAM other (a INT)`,
				`CREATE TABLE paused AS SELECT k, sum(1) AS n, count(v) AS nv FROM s GROUP BY k`, // which does not share the work of live
				`CREATE TABLE live AS SELECT k, count(*) AS n, count(v) AS nv FROM s GROUP BY k`,
				`PAUSE paused`,
			} {
				harness.Exec(t, s.c, statement)
			}
			s.write(4000)
			// Behind the paused query nothing goes.
			for range 3 {
				clock.Advance(11 * time.Second)
				harness.Exec(t, s.c, `INSERT INTO other VALUES (1)`)
			}
			if got := harness.Rows(t, s.c, `SELECT count(*) FROM s`)[0]; got != strconv.Itoa(s.next) {
				t.Fatalf("%s rows are left before the paused query has seen them", got)
			}
			s.checkTotals("live")
			harness.Exec(t, s.c, `RESUME paused`)
			s.checkTotals("live", "paused")
			// About 80 rows make a segment: the last one of each shard is not closed.
			most := 2*keys + shards*200
			s.compactUntil(most)
			s.check()

			harness.Exec(t, s.c, `PAUSE paused`)
			s.write(4000)
			clone := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 30, RNG: rand.New(rand.NewPCG(1, uint64(shards)))})
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
			fs, options.FS = clone, clone
			n = harness.StartNode(t, options)
			s.c = harness.Connect(t, harness.NodeURL(n.Addr()))
			s.checkTotals("live")
			harness.Exec(t, s.c, `RESUME paused`)
			s.checkTotals("live", "paused")
			s.compactUntil(most)
			s.check()

			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
			n = harness.StartNode(t, options)
			s.c = harness.Connect(t, harness.NodeURL(n.Addr()))
			s.check()
			s.checkTotals("live", "paused")
			// A query that begins now sees what is there.
			harness.Exec(t, s.c, `CREATE TABLE late AS SELECT k, count(*) AS n FROM s GROUP BY k`)
			if got := harness.Rows(t, s.c, `SELECT sum(n) = (SELECT count(*) FROM s) FROM late`); got[0] != "t" {
				t.Errorf("a new query counts other rows than there are: %q", got)
			}
			// Rows that end their keys go when they are old.
			clock.Advance(2 * time.Hour)
			s.write(keys * (7 - s.next/keys%7))
			clock.Advance(2 * time.Hour)
			harness.Eventually(t, time.Minute, func() error {
				clock.Advance(11 * time.Second)
				// Other keys fill segments behind those.
				batch := &pgx.Batch{}
				for i := range 400 {
					batch.Queue(`INSERT INTO s VALUES ($1, $2)`, 1000+i, strings.Repeat("y", 60))
				}
				if err := s.c.SendBatch(context.Background(), batch).Close(); err != nil {
					t.Fatal(err)
				}
				if got := harness.Rows(t, s.c, `SELECT count(*) FROM s WHERE k < 1000`)[0]; got != "0" {
					return fmt.Errorf("%s rows are left of keys that have ended", got)
				}
				return nil
			})
		})
	}
}
