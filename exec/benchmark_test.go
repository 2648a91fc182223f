package exec

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"millrace/sql/types"
	"millrace/tables"
)

// loopLog lets a real loop run on a simulated shard: entries are applied at
// once, in memory.
type loopLog struct{ *simulatedShard }

// Barrier implements ShardLog.
func (l loopLog) Barrier(context.Context) (uint64, error) { return l.index, nil }

// Propose implements ShardLog.
func (l loopLog) Propose(entry []byte) (uint64, bool, error) {
	l.commit(entry)
	return l.index, true, nil
}

// loopStorage is the storage of an engine on a simulated cluster.
type loopStorage struct {
	*cluster
	machine *CatalogMachine
}

func (s loopStorage) Shards() []ShardLog {
	var out []ShardLog
	for _, shard := range s.shards {
		out = append(out, loopLog{shard})
	}
	return out
}

func (s loopStorage) Store() *tables.Store { return s.store }

func (s loopStorage) CheckSpace() error { return nil }

func (s loopStorage) ProposeCatalog(_ context.Context, command []byte) (uint64, any, error) {
	return 0, s.machine.Apply(0, command), nil
}

func (s loopStorage) CatalogLeader() (uint64, <-chan struct{}) { return 1, nil }

func (s loopStorage) CatalogReadIndex(context.Context) (uint64, error) { return 0, nil }

func (s loopStorage) CatalogTerm() uint64 { return 1 }

func (s loopStorage) WaitCatalog(context.Context, uint64) error { return nil }

func (s loopStorage) Peers() Peers { return alone{} }

// alone are the peers of a node that has none.
type alone struct{}

func (alone) Self() uint64 { return 1 }

func (alone) Members() []uint64 { return []uint64{1} }

func (alone) Handle(string, func(context.Context, uint64, []byte) ([]byte, error)) {}

func (alone) Call(context.Context, uint64, string, []byte) ([]byte, error) {
	return nil, ErrUnreachable
}

func (alone) Send(uint64, string, []byte) {}

// startEngine runs an engine over the cluster as it is.
func startEngine(t testing.TB, c *cluster) *Engine {
	machine := NewCatalogMachine()
	machine.current.Store(c.snapshot)
	e := NewEngine(Options{Storage: loopStorage{c, machine}, Catalog: machine, Logger: quiet()})
	t.Cleanup(e.Close)
	if err := e.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return e
}

// BenchmarkInserts measures single-row inserts over the real loop: many
// connections, and beside queries that have nothing to do.
func BenchmarkInserts(b *testing.B) {
	for _, bench := range []struct{ connections, busy, idle int }{{1, 1, 0}, {1, 1, 200}, {64, 1, 0}, {64, 4, 0}, {64, 1, 200}} {
		b.Run(fmt.Sprintf("connections=%d/queries=%d/idle=%d", bench.connections, bench.busy, bench.idle), func(b *testing.B) {
			c := newCluster(b, 1, 1)
			for i := range bench.busy {
				c.define(fmt.Sprintf(`CREATE TABLE busy%d AS SELECT k, count(*) AS n, sum(v) AS total, max(v) AS hi FROM s GROUP BY k`, i))
			}
			c.define(`CREATE STREAM quiet (k INT, v INT)`)
			for i := range bench.idle {
				c.define(fmt.Sprintf(`CREATE TABLE idle%d AS SELECT k, count(*) AS n FROM quiet GROUP BY k`, i))
			}
			insertRows(b, startEngine(b, c), bench.connections)
		})
	}
}

// insertRows inserts b.N rows, one at a time on each connection.
func insertRows(b *testing.B, e *Engine, connections int) {
	relation := e.Catalog().Lookup("public", "s")
	b.ReportAllocs()
	b.ResetTimer()
	var wait sync.WaitGroup
	for connection := range connections {
		wait.Go(func() {
			writer := e.NewWriter()
			defer writer.Close()
			for i := connection; i < b.N; i += connections {
				if err := writer.Write(b.Context(), []Rows{{Relation: relation, Batch: oneRow(int64(i))}}, false); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
}

func oneRow(i int64) *types.Batch {
	batch := types.NewBatch([]types.Type{types.Int4, types.Int4})
	batch.AppendRow([]types.Datum{types.IntDatum(i % 100), types.IntDatum(i)}, 1)
	return batch
}

// BenchmarkTick measures the core alone: ticks of large and of many small
// requests.
func BenchmarkTick(b *testing.B) {
	for _, bench := range []struct {
		name, create   string
		requests, rows int
	}{
		{"count", `CREATE TABLE kept AS SELECT k, count(*) AS n, sum(v) AS total FROM s GROUP BY k`, 1, 1000},
		{"distinct", `CREATE TABLE kept AS SELECT k, min(v) AS lo, count(DISTINCT v) AS d FROM s GROUP BY k`, 1, 1000},
		{"stream", `CREATE STREAM kept AS SELECT k + 1 AS k, v FROM s WHERE v % 2 = 0`, 1, 1000},
		{"small", `CREATE TABLE kept AS SELECT k, count(*) AS n, sum(v) AS total FROM s GROUP BY k`, 64, 1},
	} {
		b.Run(bench.name, func(b *testing.B) {
			c := newCluster(b, 1, 1)
			c.define(bench.create)
			c.settle()
			s := c.shards[0]
			s.cacheGroups = aggregateCacheGroups
			s.restart()
			c.settle()
			sequence := uint64(0)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				b.StopTimer()
				in := &tickInputs{now: c.now, base: s.index}
				for range bench.requests {
					sequence++
					in.requests = append(in.requests, c.batchRequest(bench.rows, sequence))
				}
				b.StartTimer()
				if _, err := s.core.run(in); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*bench.requests*bench.rows), "ns/row")
		})
	}
}

// batchRequest is an append of rows to stream s.
func (c *cluster) batchRequest(rows int, sequence uint64) *request {
	batch := types.NewBatch([]types.Type{types.Int4, types.Int4})
	for i := range int64(rows) {
		batch.AppendRow([]types.Datum{types.IntDatum(i % 100), types.IntDatum(i)}, 1)
	}
	byShard := map[int][]part{}
	if err := c.writer.split(&Rows{Relation: c.snapshot.Lookup("public", "s"), Batch: batch}, 0, byShard); err != nil {
		c.t.Fatal(err)
	}
	return &request{kind: requestAppend, producer: 1, sequence: sequence, parts: byShard[0]}
}
