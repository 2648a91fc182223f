package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// registerInput reads a register, or writes a value to it.
type registerInput struct {
	register, value int64
	write           bool
}

// registers begin without a value, which is 0.
var registers = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		parts := map[int64][]porcupine.Operation{}
		for _, operation := range history {
			register := operation.Input.(registerInput).register
			parts[register] = append(parts[register], operation)
		}
		var out [][]porcupine.Operation
		for _, part := range parts {
			out = append(out, part)
		}
		return out
	},
	Init: func() any { return int64(0) },
	Step: func(state, input, output any) (bool, any) {
		if in := input.(registerInput); in.write {
			return true, in.value
		}
		return state == output, state
	},
}

// TestSingleKeysAreLinearizable reads and writes single keys on all nodes while leaders
// move, messages are lost and replicas lag.
func TestSingleKeysAreLinearizable(t *testing.T) {
	t.Parallel()
	const clientsPerNode, operations, keys = 2, 40, 3
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			c := newNodes(t, 40+seed, 3, 4)
			n := c.node(1)
			n.define(`CREATE TABLE registers (id INT PRIMARY KEY, v INT) WITH (upsert = true)`)
			end := c.disturb(5, 10)
			var clock atomic.Int64
			var mu sync.Mutex
			var history []porcupine.Operation
			var working sync.WaitGroup
			for client := range clientsPerNode * len(c.nodes) {
				working.Go(func() {
					n := c.nodes[client%len(c.nodes)]
					writer := n.engine.NewWriter()
					defer writer.Close()
					for i := range operations {
						in := registerInput{register: int64(c.chance(keys)), value: int64(1 + client*operations + i), write: c.chance(2) == 0}
						if c.chance(5) == 0 {
							c.shards[c.chance(len(c.shards))].hold(uint64(1+c.chance(len(c.nodes))), c.chance(2) == 0)
						}
						operation := porcupine.Operation{ClientId: client, Input: in, Call: clock.Add(1)}
						output, known := n.useRegister(t, writer, in)
						operation.Output, operation.Return = output, clock.Add(1)
						if !known {
							operation.Return = math.MaxInt64
						}
						mu.Lock()
						history = append(history, operation)
						mu.Unlock()
					}
				})
			}
			working.Wait()
			end()
			if result := porcupine.CheckOperationsTimeout(registers, history, time.Minute); result != porcupine.Ok {
				t.Errorf("the history is %v", result)
			}
		})
	}
}

// useRegister reads or writes a register; known is false where nobody can say whether a
// write took effect.
func (n *engineNode) useRegister(t *testing.T, writer Writer, in registerInput) (output int64, known bool) {
	if in.write {
		err := writer.Write(t.Context(), []Rows{n.rows("registers", []int64{in.register, in.value})}, false)
		if err != nil && sqlerr.CodeOf(err) != sqlerr.StatementCompletionUnknown {
			t.Errorf("write on node %d: %v", n.id, err)
		}
		return 0, err == nil
	}
	rows, err := n.query(t.Context(), fmt.Sprintf(`SELECT v FROM registers WHERE id = %d`, in.register))
	if err != nil {
		t.Errorf("read on node %d: %v", n.id, err)
	}
	if len(rows) > 0 {
		output, _ = strconv.ParseInt(rows[0], 10, 64)
	}
	return output, true
}

// TestDerivedResultsAreFreshWhileLeadersMove has each client count its own rows, on
// another node and behind two shuffles, after each that was acknowledged.
func TestDerivedResultsAreFreshWhileLeadersMove(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			c := newNodes(t, 50+seed, 3, 4)
			c.node(1).define(`CREATE STREAM s (id INT, client INT)`)
			c.node(2).define(`CREATE TABLE sums AS SELECT client, id % 2 AS odd, count(*) AS n FROM s GROUP BY client, id % 2`)
			c.node(3).define(`CREATE TABLE totals AS SELECT client, sum(n) AS n FROM sums GROUP BY client`)
			end := c.disturb(5, 10)
			var working sync.WaitGroup
			for client, n := range c.nodes {
				working.Go(func() {
					writer := n.engine.NewWriter()
					defer writer.Close()
					least, most := 0, 0
					for i := range 15 {
						most++
						err := writer.Write(t.Context(), []Rows{n.rows("s", []int64{int64(i), int64(client)})}, false)
						switch {
						case err == nil:
							least++
						case sqlerr.CodeOf(err) != sqlerr.StatementCompletionUnknown:
							t.Errorf("insert on node %d: %v", n.id, err)
						}
						reader := c.nodes[c.chance(len(c.nodes))]
						rows, err := reader.query(t.Context(), fmt.Sprintf(`SELECT n FROM totals WHERE client = %d`, client))
						got := 0
						if len(rows) > 0 {
							got, _ = strconv.Atoi(rows[0])
						}
						if err != nil || got < least || got > most {
							t.Errorf("node %d counts %d rows of %d to %d, %v", reader.id, got, least, most, err)
						}
					}
				})
			}
			working.Wait()
			end()
		})
	}
}

// TestReadersHaveLeadersConfirmedOnce reads a result behind two shuffles: however often a
// leader is asked how far its shard is, a quorum confirms it once.
func TestReadersHaveLeadersConfirmedOnce(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 53, 3, 4)
	n := c.node(1)
	n.define(`CREATE STREAM s (id INT, client INT)`)
	n.define(`CREATE TABLE sums AS SELECT client, id % 2 AS odd, count(*) AS n FROM s GROUP BY client, id % 2`)
	n.define(`CREATE TABLE totals AS SELECT client, sum(n) AS n FROM sums GROUP BY client`)
	writer := n.engine.NewWriter()
	defer writer.Close()
	if err := writer.Write(t.Context(), []Rows{n.rows("s", []int64{1, 7}, []int64{2, 7}, []int64{3, 7})}, false); err != nil {
		t.Fatal(err)
	}
	confirmed := func() (counts []int) {
		for _, l := range c.shards {
			l.mu.Lock()
			counts = append(counts, l.confirmed)
			l.mu.Unlock()
		}
		return counts
	}
	before := confirmed()
	rows, err := c.node(2).query(t.Context(), `SELECT n FROM totals WHERE client = 7`)
	if err != nil || len(rows) != 1 || rows[0] != "3" {
		t.Fatalf("the result is %v, %v", rows, err)
	}
	for shard, count := range confirmed() {
		if count != before[shard]+1 {
			t.Errorf("the leader of shard %d was confirmed %d times", shard, count-before[shard])
		}
	}
}

// TestDefinitionsAreSeenWhileTheCatalogMoves defines on any node while the catalog's leader
// moves and calls are lost: a node that begins a statement afterwards sees it.
func TestDefinitionsAreSeenWhileTheCatalogMoves(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			c := newNodes(t, 60+seed, 3, 2)
			end := c.disturb(10, 0)
			for i := range 12 {
				if i%2 == 1 {
					c.catalog.setLeader(c.anyNode().id)
				}
				name := fmt.Sprintf("t%d", i)
				definer, reader := c.anyNode(), c.anyNode()
				if err := definer.engine.CatchUpCatalog(t.Context()); err != nil {
					t.Fatal(err)
				}
				c.catalog.hold(reader.id, true)
				if err := definer.tryDefine(fmt.Sprintf(`CREATE TABLE %s (id INT PRIMARY KEY, v INT)`, name)); err != nil {
					continue
				}
				if err := reader.engine.CatchUpCatalog(t.Context()); err != nil {
					t.Fatal(err)
				}
				if reader.engine.Catalog().Lookup("public", name) == nil {
					t.Errorf("node %d does not see what node %d has defined", reader.id, definer.id)
				}
			}
			end()
		})
	}
}

// TestStateIsToldOnEveryNode looks at queries and shards from nodes that do not lead them,
// and at what nobody leads.
func TestStateIsToldOnEveryNode(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 70, 3, 2)
	n := c.node(1)
	n.define(`CREATE STREAM s (id INT, v INT)`)
	n.define(`CREATE TABLE inverse AS SELECT id, 100 / v AS v FROM s`)
	writer := n.engine.NewWriter()
	defer writer.Close()
	for i := range int64(20) {
		if err := writer.Write(t.Context(), []Rows{n.rows("s", []int64{i, i % 10})}, false); err != nil {
			t.Fatal(err)
		}
	}
	for _, reader := range c.nodes {
		if _, err := reader.query(t.Context(), `SELECT * FROM inverse`); err != nil {
			t.Fatal(err)
		}
		list, err := reader.engine.Queries(t.Context())
		rows := int64(0)
		for _, q := range list {
			rows += q.Rows
			if q.State != stateRunning {
				t.Errorf("node %d has the query as %s", reader.id, q.State)
			}
		}
		if err != nil || len(list) != 2 || rows != 20 {
			t.Errorf("node %d lists %+v, %v", reader.id, list, err)
		}
		if failed, err := reader.engine.Errors(t.Context()); err != nil || len(failed) != 2 {
			t.Errorf("node %d lists %d rows that failed, %v", reader.id, len(failed), err)
		}
		partitions, err := reader.engine.Partitions(t.Context())
		rows = 0
		for _, p := range partitions {
			rows += max(0, p.Rows)
		}
		if err != nil || rows != 20 {
			t.Errorf("node %d lists %d rows in partitions, %v", reader.id, rows, err)
		}
	}
	n.define(`PAUSE inverse`)
	if err := writer.Write(t.Context(), []Rows{n.rows("s", []int64{20, 1})}, false); err != nil {
		t.Fatal(err)
	}
	for _, reader := range c.nodes {
		if _, err := reader.query(t.Context(), `SELECT * FROM inverse`); sqlerr.CodeOf(err) != sqlerr.ObjectNotInPrerequisiteState {
			t.Errorf("node %d reads the result of a paused query: %v", reader.id, err)
		}
	}
	c.shards[1].setLeader(0)
	shards, err := c.node(2).engine.Shards(t.Context())
	if err != nil || len(shards) != 2 || shards[0].State != stateRunning || shards[1].State != stateUnreachable || shards[1].Leader != 0 {
		t.Errorf("shards are %+v, %v", shards, err)
	}
	list, err := c.node(2).engine.Queries(t.Context())
	if err != nil || len(list) != 2 || list[0].State != statePaused || list[1].State != stateUnreachable {
		t.Errorf("queries are %+v, %v", list, err)
	}
	if partitions, err := c.node(3).engine.Partitions(t.Context()); err != nil || len(partitions) == 0 {
		t.Errorf("partitions are %+v, %v", partitions, err)
	}
}

// TestStaleReadsAskNobody reads on a node that is cut off: what it has, where the session
// asked for that.
func TestStaleReadsAskNobody(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 71, 3, 2)
	n := c.node(1)
	n.define(`CREATE TABLE t (id INT PRIMARY KEY, v INT)`)
	n.define(`CREATE TABLE sums AS SELECT v, count(*) AS n FROM t GROUP BY v`)
	writer := n.engine.NewWriter()
	defer writer.Close()
	write := func(rows ...[]int64) {
		t.Helper()
		if err := writer.Write(t.Context(), []Rows{n.rows("t", rows...)}, true); err != nil {
			t.Fatal(err)
		}
	}
	read := func(query string, freshness Freshness) []string {
		t.Helper()
		reader := c.node(3)
		cursor, err := reader.engine.Query(t.Context(), plannedQuery(t, reader.engine.Catalog(), query),
			&QueryEnv{Format: types.DefaultFormat(), Now: time.Now(), Freshness: freshness})
		if err != nil {
			t.Fatal(err)
		}
		defer cursor.Close()
		return allRows(t, cursor)
	}
	write([]int64{1, 1}, []int64{2, 1}, []int64{3, 1})
	allowed := Freshness{MaxStaleness: time.Hour}
	if got := read(`SELECT count(*) FROM t`, allowed); got[0] != "3" {
		t.Errorf("the first read counts %v", got)
	}
	if got := read(`SELECT n FROM sums`, allowed); got[0] != "3" {
		t.Errorf("the first read of the result is %v", got)
	}
	for _, l := range c.shards {
		l.hold(3, true)
	}
	write([]int64{4, 1}, []int64{5, 1})
	for _, other := range []uint64{1, 2} {
		c.cutOff(3, other, true)
		c.cutOff(other, 3, true)
	}
	for _, freshness := range []Freshness{allowed, {Stale: true}} {
		if got := read(`SELECT count(*) FROM t`, freshness); got[0] != "3" {
			t.Errorf("%+v counts %v", freshness, got)
		}
		if got := read(`SELECT n FROM sums`, freshness); got[0] != "3" {
			t.Errorf("%+v reads %v of the result", freshness, got)
		}
		if got := read(`SELECT v FROM t WHERE id = 2`, freshness); got[0] != "1" {
			t.Errorf("%+v reads %v of a key", freshness, got)
		}
	}
	for _, other := range []uint64{1, 2} {
		c.cutOff(3, other, false)
		c.cutOff(other, 3, false)
	}
	for _, freshness := range []Freshness{{}, {Stale: true, Current: true}, {MaxStaleness: time.Nanosecond}} {
		if got := read(`SELECT count(*) FROM t`, freshness); got[0] != "5" {
			t.Errorf("%+v counts %v", freshness, got)
		}
	}
	if got := read(`SELECT n FROM sums`, Freshness{}); got[0] != "5" {
		t.Errorf("a strict read of the result is %v", got)
	}
}

// TestTransactionViewsOfOtherNodes takes views on nodes whose replicas lag.
func TestTransactionViewsOfOtherNodes(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 72, 3, 4)
	n := c.node(1)
	n.define(`CREATE TABLE t (id INT PRIMARY KEY, v INT)`)
	n.define(`CREATE TABLE sums AS SELECT v, count(*) AS n FROM t GROUP BY v`)
	for _, l := range c.shards {
		l.hold(2, true)
		l.hold(3, true)
	}
	writer := n.engine.NewWriter()
	defer writer.Close()
	for i := range int64(10) {
		if err := writer.Write(t.Context(), []Rows{n.rows("t", []int64{2 * i, 1}, []int64{2*i + 1, 1})}, true); err != nil {
			t.Fatal(err)
		}
		reader := c.node(uint64(2 + i%2))
		view, err := reader.engine.NewTransactionView(t.Context(), nil, Freshness{})
		if err != nil {
			t.Fatal(err)
		}
		for _, query := range []string{`SELECT count(*) FROM t`, `SELECT n FROM sums`} {
			cursor, err := reader.engine.Query(t.Context(), plannedQuery(t, reader.engine.Catalog(), query),
				&QueryEnv{Format: types.DefaultFormat(), Now: time.Now(), View: view})
			if err != nil {
				t.Fatal(err)
			}
			if got := allRows(t, cursor); len(got) != 1 || got[0] != fmt.Sprint(2*i+2) {
				t.Errorf("%s in a view after %d rows: %v", query, 2*i+2, got)
			}
			cursor.Close()
		}
		view.Close()
	}
}

// allRows reads a pull query to its end.
func allRows(t *testing.T, cursor Cursor) []string {
	t.Helper()
	var out []string
	for {
		batch, err := cursor.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range batch.Len {
			out = append(out, rowText(batch, i))
		}
	}
}

// TestFreshnessTimeoutBoundsTheWaitForLeaders reads a result while a shard has no leader.
func TestFreshnessTimeoutBoundsTheWaitForLeaders(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 73, 3, 2)
	n := c.node(1)
	n.define(`CREATE STREAM s (id INT, v INT)`)
	n.define(`CREATE TABLE sums AS SELECT v, count(*) AS n FROM s GROUP BY v`)
	c.shards[1].setLeader(0)
	began := time.Now()
	_, err := c.node(2).engine.Query(t.Context(), plannedQuery(t, n.engine.Catalog(), `SELECT * FROM sums`),
		&QueryEnv{Format: types.DefaultFormat(), Now: began, Freshness: Freshness{Timeout: time.Millisecond}})
	if sqlerr.CodeOf(err) != sqlerr.CannotConnectNow || time.Since(began) > leaderPatience/2 {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
}

// TestLeaderThatNeverAnswersIsLeft asks a leader that does not answer until another node
// leads.
func TestLeaderThatNeverAnswersIsLeft(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 74, 3, 2)
	const method = "test.silent"
	asked := make(chan struct{}, 1)
	c.node(1).engine.storage.Peers().Handle(method, func(ctx context.Context, _ uint64, _ []byte) ([]byte, error) {
		asked <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	c.node(2).engine.storage.Peers().Handle(method, func(context.Context, uint64, []byte) ([]byte, error) {
		return append([]byte{answerGiven}, "here"...), nil
	})
	go func() {
		<-asked
		c.catalog.setLeader(2)
	}()
	answer, err := c.node(3).engine.askCatalogLeader(t.Context(), method, nil)
	if err != nil || string(answer) != "here" {
		t.Errorf("got %q, %v", answer, err)
	}
}

// copied replaces the content of the node's replica of a shard by an equal copy.
func (n *engineNode) copied(shard int) {
	n.cluster.t.Helper()
	t, content := n.cluster.t, n.store.Shard(uint32(shard))
	imported, err := n.store.NewImport(uint32(shard), "import")
	if err != nil {
		t.Fatal(err)
	}
	index, err := content.AppliedIndex()
	if err != nil {
		t.Fatal(err)
	}
	it, err := content.Scan(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for it.Next() {
		if err := imported.Set(it.Key(), it.Value()); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(it.Err(), it.Close(), imported.Finish(context.Background(), index)); err != nil {
		t.Fatal(err)
	}
}

// TestReplicasAreCopiedUnderReaders has queries begin to read what is copied from another
// node meanwhile: one that has given no rows reads again, others are told to.
func TestReplicasAreCopiedUnderReaders(t *testing.T) {
	c := newNodes(t, 1, 3, 1)
	c.node(1).define(`CREATE TABLE t (id INT PRIMARY KEY, n INT)`)
	n := c.node(2)
	writer := n.engine.NewWriter()
	defer writer.Close()
	if err := writer.Write(t.Context(), []Rows{n.rows("t", []int64{1, 1}, []int64{2, 2})}, true); err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{`SELECT id, n FROM t`, `SELECT id, n FROM t WHERE id = 2 OR id = 1`} {
		cursor, err := n.open(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		n.copied(0)
		if got := allRows(t, cursor); len(got) != 2 {
			t.Errorf("%s gave %v", query, got)
		}
		cursor.Close()
	}

	relation := n.rows("t").Relation
	view, err := n.engine.NewView(t.Context(), []*catalog.Relation{relation}, Freshness{})
	if err != nil {
		t.Fatal(err)
	}
	defer view.Close()
	n.copied(0)
	keys := n.rows("t", []int64{1, 0}).Batch
	if _, err := n.engine.FindIn(t.Context(), view, relation, keys, nil); !errors.Is(err, ErrReplaced) || sqlerr.CodeOf(err) != sqlerr.SerializationFailure {
		t.Errorf("a view from before gave %v", err)
	}
}

// TestCatalogTermsBeginAtOnce has the catalog's leader know since when it leads before
// anybody asks: leases of its predecessor end from then on.
func TestCatalogTermsBeginAtOnce(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 1, 3, 1)
	c.catalog.setLeader(2)
	term := c.catalog.termNow()
	c.wait(func() bool {
		r := &c.node(2).engine.reign
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.term == term
	})
}
