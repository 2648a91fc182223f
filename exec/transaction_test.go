package exec

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"millrace/sql/types"
	"millrace/tables"
)

// interrupted is a transaction over all shards that crashes interrupt.
type interrupted struct {
	*cluster
	id     transactionID
	shards []int
	parts  map[int][]part
	rows   int
}

// transactionStep is one request of a transaction to one shard.
type transactionStep struct {
	shard   int
	request *request
}

func beginInterrupted(t *testing.T) *interrupted {
	c := newCluster(t, 1, 3)
	c.define(`CREATE TABLE u (id INT PRIMARY KEY, x INT)`)
	c.define(`CREATE TABLE total AS SELECT count(*) AS n, sum(x) AS x FROM u`)
	c.settle()
	i := &interrupted{cluster: c, id: newTransactionID(7, 1), parts: map[int][]part{}, rows: 30}
	i.parts = i.partsOf()
	for shard := range i.parts {
		i.shards = append(i.shards, shard)
	}
	slices.Sort(i.shards)
	if len(i.shards) != 3 {
		t.Fatalf("the rows are on shards %v", i.shards)
	}
	return i
}

// partsOf are the transaction's rows of table u, by shard.
func (i *interrupted) partsOf() map[int][]part {
	batch := types.NewBatch([]types.Type{types.Int4, types.Int4})
	for n := range i.rows {
		batch.AppendRow([]types.Datum{types.IntDatum(int64(n)), types.IntDatum(1)}, 1)
	}
	parts := map[int][]part{}
	if err := i.writer.split(&Rows{Relation: i.snapshot.Lookup("public", "u"), Batch: batch}, 0, parts); err != nil {
		i.t.Fatal(err)
	}
	return parts
}

// writerSteps are what a writer asks for; the first shard coordinates.
func (i *interrupted) writerSteps() []transactionStep {
	var steps []transactionStep
	for _, shard := range i.shards {
		steps = append(steps, transactionStep{shard, &request{
			kind: requestPrepare, transaction: i.id, coordinator: i.shards[0], participant: i.shards, parts: i.parts[shard],
		}})
	}
	return append(steps, i.concludingSteps(i.id, i.shards[0], i.shards, true)...)
}

// concludingSteps are what Engine.conclude asks for. Those behind the decision
// follow what it is.
func (i *interrupted) concludingSteps(id transactionID, coordinator int, shards []int, commit bool) []transactionStep {
	steps := []transactionStep{{coordinator, &request{kind: requestDecide, transaction: id, participant: shards, commit: commit}}}
	for _, shard := range shards {
		if shard != coordinator {
			steps = append(steps, transactionStep{shard, &request{kind: requestFinish, transaction: id}})
		}
	}
	return append(steps, transactionStep{coordinator, &request{kind: requestForget, transaction: id}})
}

// run carries out steps up to number last, whose entry has a given outcome, and
// reports whether the transaction is decided for commit.
func (i *interrupted) run(steps []transactionStep, last int, what outcome) (commit bool) {
	for n, step := range steps {
		s, r := i.cluster.shards[step.shard], step.request
		if r.kind == requestFinish {
			r.commit = commit
		}
		r.done = func(decision bool, err error) {
			if err != nil && !errors.Is(err, errCarriedOut) {
				i.t.Fatal(err)
			}
			if r.kind == requestDecide {
				commit = decision
			}
		}
		s.requests = append(s.requests, r)
		if n == last {
			s.stepTo(what)
			s.requests = nil // who asked is gone
			return commit
		}
		s.stepTo(committed)
	}
	return commit
}

// crash restarts all shards and returns what their loops hand to the resolver.
func (i *interrupted) crash() []openTransaction {
	var open []openTransaction
	for _, s := range i.cluster.shards {
		s.restart()
		open = append(open, s.core.open()...)
	}
	return open
}

// TestTransactionCrashes crashes all shards at every step of a transaction and
// again at every step of its resolution: all of its rows are there or none, and
// nothing is held afterwards.
func TestTransactionCrashes(t *testing.T) {
	const steps = 7
	for first := range steps {
		for _, what := range []outcome{lost, unknown} {
			for second := range steps {
				t.Run(fmt.Sprintf("%d/%d/%d", first, what, second), func(t *testing.T) {
					i := beginInterrupted(t)
					i.run(i.writerSteps(), first, what)
					for _, open := range i.crash() {
						i.run(i.concludingSteps(open.id, open.coordinator, open.shards, false), second, what)
					}
					for _, open := range i.crash() {
						i.run(i.concludingSteps(open.id, open.coordinator, open.shards, false), -1, committed)
					}
					i.settle()
					// The decision is the fourth step.
					i.verify(first > 3 || first == 3 && what == unknown)
				})
			}
		}
	}
}

func (i *interrupted) verify(commit bool) {
	i.t.Helper()
	want, rows := "0", 0
	if commit {
		want, rows = fmt.Sprintf("%d %d", i.rows, i.rows), i.rows
	}
	if got := i.cluster.rows("u"); len(got) != rows {
		i.t.Errorf("%d rows are there, want %d", len(got), rows)
	}
	if got := i.cluster.rows("total"); len(got) != 1 || got[0] != want {
		i.t.Errorf("the derived table has %q, want %q", got, want)
	}
	for _, s := range i.cluster.shards {
		if len(s.core.prepared)+len(s.core.locks) > 0 {
			i.t.Errorf("shard %d holds %d transactions and %d keys", s.number, len(s.core.prepared), len(s.core.locks))
		}
		s.scan([]byte{byte(tables.KindTransaction)}, func(key, _ []byte) { i.t.Errorf("shard %d: a record %q is left", s.number, key) })
	}
}

// TestReleasedKeys has an append wait for the keys of a prepared transaction: it
// goes on when these are released, without anything else arriving.
func TestReleasedKeys(t *testing.T) {
	i := beginInterrupted(t)
	steps := i.writerSteps()
	i.run(steps, 2, committed)
	shard := i.shards[1]
	s := i.cluster.shards[shard]
	answered := false
	s.requests = append(s.requests, &request{
		kind: requestAppend, producer: 9, sequence: 1, parts: i.partsOf()[shard],
		done: func(_ bool, err error) {
			answered = true
			if err != nil {
				t.Errorf("the append says %v", err)
			}
		},
	})
	s.stepTo(committed)
	if answered {
		t.Fatal("the append did not wait")
	}
	i.run(i.concludingSteps(i.id, i.shards[0], i.shards, false), -1, committed)
	if !s.more {
		t.Error("nothing makes the loop go on")
	}
	i.settle()
	if !answered {
		t.Error("the append still waits")
	}
}
