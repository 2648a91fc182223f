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
