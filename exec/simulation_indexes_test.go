package exec

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"millrace/planner"
	"millrace/planner/plan"
	"millrace/sql"
	"millrace/sql/catalog"
	"millrace/sql/types"
)

// indexSome makes, finishes or drops an index of a random table.
func (c *cluster) indexSome() {
	indexes := c.snapshot.Indexes()
	if len(indexes) > 3 || len(indexes) > 0 && c.random.IntN(3) == 0 {
		i := indexes[c.random.IntN(len(indexes))]
		c.apply(&catalog.DropIndexes{Names: []catalog.Name{{Schema: i.Schema, Name: i.Name}}})
		return
	}
	var list []*catalog.Relation
	for _, r := range c.snapshot.Relations() {
		if r.Kind == catalog.KindTable {
			list = append(list, r)
		}
	}
	r := list[c.random.IntN(len(list))]
	var columns []string
	for _, column := range c.random.Perm(len(r.Columns))[:1+c.random.IntN(2)%len(r.Columns)] {
		if !r.Columns[column].Hidden {
			columns = append(columns, r.Columns[column].Name)
		}
	}
	if len(columns) > 0 {
		c.define(fmt.Sprintf("CREATE INDEX ON %s (%s)", r.Name, strings.Join(columns, ", ")))
	}
}

// finishIndexes does what the node does: an index that all shards have built is
// ready.
func (c *cluster) finishIndexes() {
	for _, i := range c.snapshot.Indexes() {
		built := !slices.ContainsFunc(c.shards, func(s *simulatedShard) bool { return !s.core.indexesDone()[i.ID] })
		if !i.Ready && built {
			c.apply(&catalog.IndexReady{ID: i.ID})
		}
	}
}

// checkIndexes holds the indexes against their tables.
func (c *cluster) checkIndexes() {
	c.t.Helper()
	for _, i := range c.snapshot.Indexes() {
		if !i.Ready {
			c.t.Errorf("index %q is not ready at rest", i.Name)
		}
	}
	machine := NewCatalogMachine()
	machine.current.Store(c.snapshot)
	e := &Engine{storage: loopStorage{c, machine}, catalog: machine}
	for range c.shards {
		e.loops = append(e.loops, &shardLoop{})
	}
	if err := e.CheckIndexes(c.t.Context()); err != nil {
		c.t.Error(err)
	}
}

// BenchmarkIndexedRead measures reads of one row of a hundred thousand by the
// primary key and by an index.
func BenchmarkIndexedRead(b *testing.B) {
	const rows = 100_000
	c := newCluster(b, 1, 4)
	c.define(`CREATE INDEX ON t (x)`)
	written := make([][]int64, rows)
	for i := range written {
		written[i] = []int64{int64(i), int64(i % 7), int64(i)}
	}
	c.write("t", written, func([]types.Datum) {})
	for _, s := range c.shards {
		s.core.scanRows = math.MaxInt
	}
	c.settle()
	c.finishIndexes()
	c.settle()
	e := startEngine(b, c)
	for name, query := range map[string]string{"key": `SELECT g FROM t WHERE id = 77`, "index": `SELECT g FROM t WHERE x = 77`} {
		b.Run(name, func(b *testing.B) {
			q := plannedQuery(b, c.snapshot, query)
			b.ReportAllocs()
			for b.Loop() {
				cursor, err := e.Query(b.Context(), q, &QueryEnv{Format: types.DefaultFormat(), Now: c.now})
				if err != nil {
					b.Fatal(err)
				}
				found, err := cursor.Next(b.Context())
				if err != nil || found.Len != 1 {
					b.Fatalf("%v, %v", found, err)
				}
				cursor.Close()
			}
		})
	}
}

func plannedQuery(tb testing.TB, snapshot *catalog.Snapshot, text string) *plan.Query {
	tb.Helper()
	return planned(tb, snapshot, text).(*plan.Query)
}

// planned is a statement's plan.
func planned(tb testing.TB, snapshot *catalog.Snapshot, text string) plan.Statement {
	tb.Helper()
	statement, err := sql.ParseOne(text)
	if err != nil {
		tb.Fatal(err)
	}
	n, err := planner.Plan(&planner.Environment{Catalog: snapshot, Format: types.DefaultFormat()}, statement)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}
