package exec

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"millrace/sql/types"
)

// workCost is what ticks cost: bytes allocated, bytes of entries, and processor time
// of the thread that runs them.
type workCost struct {
	allocated, entries int
	processor          time.Duration
}

func (w workCost) minus(o workCost) workCost {
	return workCost{w.allocated - o.allocated, w.entries - o.entries, w.processor - o.processor}
}

func (w workCost) plus(o workCost) workCost {
	return workCost{w.allocated + o.allocated, w.entries + o.entries, w.processor + o.processor}
}

// threadTime is the processor time of the calling thread.
func threadTime(t *testing.T) time.Duration {
	const thisThread = 1 // RUSAGE_THREAD
	var usage syscall.Rusage
	if err := syscall.Getrusage(thisThread, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// costOfTicks runs ticks, each with some rows of stream s, beside queries, and
// returns what they cost.
func costOfTicks(t *testing.T, queries []string, ticks, rows int) workCost {
	t.Helper()
	c := newCluster(t, 1, 1)
	c.define(`CREATE STREAM quiet (k INT, v INT)`)
	for _, query := range queries {
		c.define(query)
	}
	c.shards[0].cacheGroups = aggregateCacheGroups
	c.shards[0].restart()
	c.settle()
	work := func(ticks int) {
		for tick := range ticks {
			batch := make([][]int64, rows)
			for i := range batch {
				n := int64(tick*rows + i)
				batch[i] = []int64{n * 7919 % 1000, n % 100}
			}
			c.write("s", batch, func([]types.Datum) {})
			c.settle()
		}
	}
	work(ticks / 4)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began, entries := threadTime(t), c.entryBytes
	work(ticks)
	cost := workCost{processor: threadTime(t) - began, entries: c.entryBytes - entries}
	runtime.ReadMemStats(&after)
	cost.allocated = int(after.TotalAlloc - before.TotalAlloc)
	return cost
}

// TestFiftyQueries runs fifty different queries over one stream: together they cost
// no more than the sum of what each adds alone. Fifty that have nothing to do cost
// nothing.
func TestFiftyQueries(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var queries, idle []string
	for i := range 50 {
		queries = append(queries, fmt.Sprintf([]string{
			`CREATE TABLE q%[1]d AS SELECT k %% %[2]d AS g, count(*) AS n, sum(v) AS total FROM s GROUP BY 1`,
			`CREATE STREAM q%[1]d AS SELECT k, v + %[1]d AS v FROM s WHERE v = %[1]d`,
			`CREATE TABLE q%[1]d AS SELECT v, max(k + %[1]d) AS most FROM s WHERE k %% 3 = 0 GROUP BY v`,
			`CREATE TABLE q%[1]d AS SELECT count(*) AS n, avg(v * %[1]d) AS mean FROM s`,
			`CREATE TABLE q%[1]d AS SELECT v, count(DISTINCT k) AS n FROM s WHERE v < %[1]d GROUP BY v`,
		}[i%5], i, i+7))
		idle = append(idle, fmt.Sprintf(`CREATE TABLE i%d AS SELECT k, count(*) AS n FROM quiet GROUP BY k`, i))
	}
	for _, test := range []struct{ ticks, rows int }{{20, 1000}, {200, 1}} {
		none := costOfTicks(t, nil, test.ticks, test.rows)
		for range 4 {
			none.processor = min(none.processor, costOfTicks(t, nil, test.ticks, test.rows).processor)
		}
		var sum workCost
		for _, query := range queries {
			sum = sum.plus(costOfTicks(t, []string{query}, test.ticks, test.rows).minus(none))
		}
		all := costOfTicks(t, queries, test.ticks, test.rows).minus(none)
		quiet := costOfTicks(t, idle, test.ticks, test.rows).minus(none)
		t.Logf("%d ticks of %d rows: none %+v, sum of fifty %+v, together %+v, fifty idle %+v", test.ticks, test.rows, none, sum, all, quiet)
		if all.allocated > sum.allocated*5/4 || all.entries > sum.entries*5/4 {
			t.Errorf("%d rows: fifty queries together cost %+v, one by one %+v", test.rows, all, sum)
		}
		if all.processor > 4*sum.processor {
			t.Errorf("%d rows: fifty queries together take %v, one by one %v", test.rows, all.processor, sum.processor)
		}
		if quiet.allocated > none.allocated/5 || quiet.entries > none.entries/50 {
			t.Errorf("%d rows: fifty queries with nothing to do cost %+v beside %+v", test.rows, quiet, none)
		}
	}
}

// TestFiftySameQueries runs fifty queries that compute the same, of each kind whose work
// is shared: they allocate little more than one, and write what one does and as many
// copies of its result.
func TestFiftySameQueries(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const ticks, rows = 10, 300
	none := costOfTicks(t, nil, ticks, rows)
	for name, query := range map[string]string{
		"distinct":        `CREATE TABLE q%d AS SELECT k %% 5 AS g, count(DISTINCT v * 1000 + k) AS n FROM s GROUP BY 1`,
		"window function": `CREATE TABLE q%d AS SELECT g, n FROM (SELECT k %% 50 AS g, v, count(*) OVER (PARTITION BY k %% 50 ORDER BY v) AS n FROM s) AS x WHERE v = 7`,
		"join":            `CREATE TABLE q%d AS SELECT count(*) AS n FROM (SELECT k, max(v) AS v FROM s GROUP BY k) AS a JOIN (SELECT k, count(*) AS v FROM s GROUP BY k) AS b ON a.v = b.v`,
		"expansion":       `CREATE TABLE q%d AS SELECT x %% 3 AS g, count(*) AS n FROM s, generate_series(1, v %% 20) AS x GROUP BY 1`,
		"stream":          `CREATE STREAM q%d AS SELECT k, x FROM s, generate_series(1, 10) AS x WHERE x * v %% 97 = k %% 97`,
	} {
		t.Run(name, func(t *testing.T) {
			var all []string
			for i := range 50 {
				all = append(all, fmt.Sprintf(query, i))
			}
			one := costOfTicks(t, all[:1], ticks, rows).minus(none)
			form := `CREATE TABLE copy AS SELECT * FROM q0`
			if name == "stream" {
				form = `CREATE STREAM copy AS SELECT * FROM q0`
			}
			copied := costOfTicks(t, []string{all[0], form}, ticks, rows).minus(none).minus(one)
			fifty := costOfTicks(t, all, ticks, rows).minus(none)
			t.Logf("one %+v, a copy %+v, fifty %+v", one, copied, fifty)
			if fifty.allocated > 3*one.allocated {
				t.Errorf("fifty allocate %d bytes, one %d", fifty.allocated, one.allocated)
			}
			if most := one.entries + 50*copied.entries; fifty.entries > most*5/4 {
				t.Errorf("fifty write %d bytes, want at most %d", fifty.entries, most)
			}
		})
	}
}
