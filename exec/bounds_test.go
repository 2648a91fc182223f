package exec

import (
	"strings"
	"testing"
	"time"

	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
	"millrace/tables"
)

func (c *cluster) insert(t *testing.T, relation string, rows ...[]int64) {
	t.Helper()
	c.write(relation, rows, func([]types.Datum) {})
	c.settle()
}

func (s *simulatedShard) count(prefix []byte) int {
	n := 0
	s.scan(prefix, func(_, _ []byte) { n++ })
	return n
}

// TestWaitingRowsAreBounded lets more rows wait for a paused query than may: it
// fails for good, and the rows are let go.
func TestWaitingRowsAreBounded(t *testing.T) {
	c := newCluster(t, 1, 1)
	c.define(`CREATE TABLE kept AS SELECT g, count(*) AS n FROM t GROUP BY g`)
	c.settle()
	s := c.shards[0]
	s.core.maxWaiting = 100
	c.apply(&catalog.PauseQuery{Name: "kept"})
	c.insert(t, "t", []int64{1, 1, 1})
	if q := s.core.queries[0]; q.state != queryPaused || s.count([]byte{byte(tables.KindInternal)}) != 1 {
		t.Fatalf("the query is in state %d with %d waiting batches", q.state, s.count([]byte{byte(tables.KindInternal)}))
	}
	for i := range int64(20) {
		c.insert(t, "t", []int64{i, 1, 1})
	}
	for _, what := range []string{"before", "after"} {
		if q := s.core.queries[0]; q.state != queryFailed || !strings.Contains(q.failure, "too many rows") {
			t.Errorf("%s a restart the query is in state %d: %q", what, q.state, q.failure)
		}
		if n := s.count([]byte{byte(tables.KindInternal)}); n != 0 {
			t.Errorf("%s a restart %d batches wait", what, n)
		}
		s.restart()
		c.apply(&catalog.ResumeQuery{Name: "kept"})
		c.settle()
		c.apply(&catalog.PauseQuery{Name: "kept"})
		c.settle()
	}
}

// TestStopOnError has a query stop before a row that it cannot evaluate, and go
// on from there.
func TestStopOnError(t *testing.T) {
	c := newCluster(t, 1, 1)
	c.define(`CREATE TABLE strict WITH (on_error = 'stop') AS SELECT k, sum(12 / v) AS x FROM s GROUP BY k`)
	c.define(`CREATE TABLE other AS SELECT k, count(*) AS n FROM s GROUP BY k`)
	c.insert(t, "s", []int64{1, 2}, []int64{1, 3})
	c.insert(t, "s", []int64{1, 4}, []int64{1, 0}, []int64{2, 1})
	s := c.shards[0]
	q := s.core.queries[0]
	if q.state != queryFailed || !strings.Contains(q.failure, "offset 3") || !strings.Contains(q.failure, string(sqlerr.DivisionByZero)) {
		t.Errorf("the query is in state %d: %q", q.state, q.failure)
	}
	if got := c.rows("strict"); len(got) != 1 || got[0] != "1 10" {
		t.Errorf("the result is %q", got)
	}
	if got := c.rows("other"); strings.Join(got, ",") != "1 4,2 1" {
		t.Errorf("the other query has %q", got)
	}
	if offset := q.stages[0].inputs[0].offset; offset != 2 {
		t.Errorf("it stands at offset %d", offset)
	}
}

// TestProducersAreForgotten closes writers, and lets others grow old.
func TestProducersAreForgotten(t *testing.T) {
	c := newCluster(t, 1, 1)
	s := c.shards[0]
	producers := func() int { return s.count([]byte{byte(tables.KindProducer)}) }
	for producer := range uint64(3) {
		c.writer.producer = 100 + producer
		c.insert(t, "s", []int64{1, 1})
	}
	if producers() != 3 {
		t.Fatalf("%d producers are known", producers())
	}
	run := func(in *tickInputs) {
		t.Helper()
		in.now, in.base = c.now, s.index
		result, err := s.core.run(in)
		if err != nil {
			t.Fatal(err)
		}
		if len(result.producers) != 0 && result.entry != nil {
			t.Error("an entry has left closed producers")
		}
		if result.entry != nil {
			s.commit(result.entry)
		}
	}
	run(&tickInputs{producers: []uint64{100}})
	if producers() != 3 {
		t.Error("a closed producer made an entry of its own")
	}
	run(&tickInputs{producers: []uint64{100}, requests: []*request{c.batchRequest(1, 9)}})
	if producers() != 3 { // 100 is gone, and the request's is new
		t.Errorf("%d producers are known after one was closed", producers())
	}
	c.now = c.now.Add(25 * time.Hour)
	s.restart()
	run(&tickInputs{retain: true})
	if producers() != 3 {
		t.Errorf("%d producers are known when the shard has just been loaded", producers())
	}
	c.now = c.now.Add(2 * time.Hour)
	run(&tickInputs{retain: true})
	if producers() != 0 {
		t.Errorf("%d producers are known after a day", producers())
	}
}

// TestSlowTarget has a shard not take what another sends it: what is on its way
// in memory is bounded, and all of it arrives in the end.
func TestSlowTarget(t *testing.T) {
	c := newCluster(t, 1, 2)
	c.define(`CREATE TABLE total AS SELECT v, count(*) AS n FROM s GROUP BY v`)
	c.settle()
	const writes = 5 * shuffleWindow
	for range writes {
		c.write("s", [][]int64{{1, 1}, {1, 2}, {1, 3}, {1, 4}, {1, 5}, {1, 6}}, func([]types.Datum) {})
		for _, s := range c.shards {
			if s.number == 1 {
				c.shards[0].requests = append(c.shards[0].requests, s.requests...)
				s.requests = nil
			}
		}
		c.shards[0].step()
	}
	if n := len(c.shards[1].deliveries); n != shuffleWindow {
		t.Errorf("%d deliveries are on their way", n)
	}
	c.settle()
	got := c.rows("total")
	if len(got) != 6 {
		t.Fatalf("the result is %q", got)
	}
	for _, row := range got {
		if !strings.HasSuffix(row, " 80") {
			t.Errorf("a row is %q", row)
		}
	}
	for _, s := range c.shards {
		s.checkDrained()
	}
}

// TestSchedule has lagging queries take turns.
func TestSchedule(t *testing.T) {
	var s schedule
	s.reset(make([]*runningQuery, 0))
	for i := range 70 {
		s.behind.add(i)
	}
	seen := map[int]int{}
	for range 35 {
		s.begin()
		n := 0
		for i := s.mayLag.next(0); i >= 0; i = s.mayLag.next(i + 1) {
			seen[i]++
			n++
		}
		if n != laggingQueries {
			t.Fatalf("%d queries may work off their lag", n)
		}
	}
	for i := range 70 {
		if seen[i] != 2 {
			t.Errorf("query %d had %d turns of 2", i, seen[i])
		}
	}
}
