package exec

import (
	"runtime"
	"slices"
	"testing"

	"millrace/sql/types"
	"millrace/tables"
)

// countingReader counts what is read of a shard's state: keys that are looked up, and
// scans begun.
type countingReader struct {
	tables.Reader
	reads int
}

func (r *countingReader) Get(key, buf []byte) ([]byte, bool, error) {
	r.reads++
	return r.Reader.Get(key, buf)
}

func (r *countingReader) GetSorted(keys [][]byte, visit func(int, []byte, bool) error) error {
	r.reads += len(keys)
	return r.Reader.GetSorted(keys, visit)
}

func (r *countingReader) Scan(from, to []byte) (*tables.Iterator, error) {
	r.reads++
	return r.Reader.Scan(from, to)
}

// changeCost is what a changed row costs: reads of the state, bytes of the entries
// and bytes allocated, on all shards.
type changeCost struct{ reads, entry, allocated, ticks int }

// costOfChanges loads two tables of n rows that are joined and aggregated, and
// returns the third quartile of the costs of changing one row of either.
func costOfChanges(t *testing.T, n, shards int) changeCost {
	c := newCluster(t, 1, shards)
	c.define(`CREATE TABLE d (id INT PRIMARY KEY, g INT, x INT) WITH (upsert = true)`)
	c.define(`CREATE TABLE totals AS SELECT d.g, count(*) AS n, sum(t.x) AS total, max(t.x) AS most, count(DISTINCT t.g) AS several FROM t LEFT JOIN d ON d.id = t.g GROUP BY d.g`)
	c.define(`CREATE TABLE named AS SELECT t.id, d.x FROM t JOIN d ON d.id = t.g`)
	for _, s := range c.shards {
		s.cacheGroups = aggregateCacheGroups
		s.restart()
		s.core.scanRows = chunkRows
	}
	// Each row of d is joined by ten of t, and each group made of a hundred.
	const piece = 10_000
	for from := 0; from < n; from += piece {
		rows, dimension := make([][]int64, 0, piece), [][]int64{}
		for i := from; i < min(from+piece, n); i++ {
			rows = append(rows, []int64{int64(i), int64(i / 10), int64(i * 7 % 1000)})
			if i%10 == 0 {
				dimension = append(dimension, []int64{int64(i / 10), int64(i / 100), 1})
			}
		}
		c.write("d", dimension, func([]types.Datum) {})
		c.write("t", rows, func([]types.Datum) {})
		c.settle()
	}
	readers := make([]*countingReader, shards)
	for i, s := range c.shards {
		readers[i] = &countingReader{Reader: s.core.state}
		s.core.state = readers[i]
	}
	var costs []changeCost
	var before, after runtime.MemStats
	for i := range 40 {
		row := int64(i * 7919 % n)
		runtime.ReadMemStats(&before)
		start := changeCost{ticks: int(c.shards[0].index)}
		for _, r := range readers {
			start.reads += r.reads
		}
		start.entry = c.entryBytes
		if i%2 == 0 {
			c.write("t", [][]int64{{row, row / 10, int64(2000 + i)}}, func([]types.Datum) {})
		} else {
			c.write("d", [][]int64{{row / 10, row / 100, int64(2 + i)}}, func([]types.Datum) {})
		}
		c.settle()
		runtime.ReadMemStats(&after)
		cost := changeCost{ticks: int(c.shards[0].index) - start.ticks, reads: -start.reads, entry: c.entryBytes - start.entry, allocated: int(after.TotalAlloc - before.TotalAlloc)}
		for _, r := range readers {
			cost.reads += r.reads
		}
		costs = append(costs, cost)
	}
	quartile := func(of func(changeCost) int) int {
		values := make([]int, len(costs))
		for i := range costs {
			values[i] = of(costs[i])
		}
		slices.Sort(values)
		return values[len(values)*3/4]
	}
	return changeCost{
		reads: quartile(func(c changeCost) int { return c.reads }), entry: quartile(func(c changeCost) int { return c.entry }),
		allocated: quartile(func(c changeCost) int { return c.allocated }), ticks: quartile(func(c changeCost) int { return c.ticks }),
	}
}

// TestCostOfOneChange changes rows of joined and aggregated tables of very different
// sizes: what a change reads, writes and allocates is about the same.
func TestCostOfOneChange(t *testing.T) {
	small, large := sized(500, 10_000), sized(20_000, 1_000_000)
	for _, shards := range []int{1, 4} {
		few, many := costOfChanges(t, small, shards), costOfChanges(t, large, shards)
		t.Logf("%d shards: %d rows: %+v, %d rows: %+v", shards, small, few, large, many)
		for what, pair := range map[string][2]int{
			"reads": {few.reads, many.reads}, "bytes of entries": {few.entry, many.entry},
			"bytes allocated": {few.allocated, many.allocated}, "ticks": {few.ticks, many.ticks},
		} {
			if pair[1] > 3*max(pair[0], 1) {
				t.Errorf("%d shards: %s of a change: %d with %d rows, %d with %d", shards, what, pair[0], small, pair[1], large)
			}
		}
	}
}
