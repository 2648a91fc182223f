package exec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// disturb has leaders move by chance until the returned function is called, which ends
// that and mends everything.
func (c *nodes) disturb(lossy, unsure int) (end func()) {
	c.setLossy(lossy)
	for _, l := range c.shards {
		l.setUnsure(unsure)
	}
	stop := make(chan struct{})
	var moving sync.WaitGroup
	moving.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-c.nodes[0].engine.after(leaderPause):
			}
			l := c.shards[c.chance(len(c.shards))]
			if c.chance(8) == 0 {
				l = c.catalog
			}
			if c.chance(4) == 0 {
				l.setLeader(0)
				continue
			}
			l.setLeader(c.anyNode().id)
		}
	})
	return func() {
		close(stop)
		moving.Wait()
		c.setLossy(0)
		for _, l := range append([]*replicatedLog{c.catalog}, c.shards...) {
			l.setUnsure(0)
			if leader, _ := l.leaderNow(); leader == 0 {
				l.setLeader(c.anyNode().id)
			}
		}
	}
}

func (l *replicatedLog) setUnsure(percent int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unsure = percent
}

// TestWritesFromEveryNode writes on nodes that lead nothing.
func TestWritesFromEveryNode(t *testing.T) {
	c := newNodes(t, 1, 3, 4)
	c.node(2).define(`CREATE TABLE t (id INT PRIMARY KEY, g INT)`)
	c.node(3).define(`CREATE STREAM s (id INT, g INT)`)
	for i, n := range c.nodes {
		writer := n.engine.NewWriter()
		base := int64(10 * i)
		if err := writer.Write(t.Context(), []Rows{
			n.rows("t", []int64{base, 1}, []int64{base + 1, 1}, []int64{base + 2, 2}, []int64{base + 3, 2}),
			n.rows("s", []int64{base, 1}, []int64{base + 1, 1}),
		}, true); err != nil {
			t.Fatalf("node %d: %v", n.id, err)
		}
		err := writer.Write(t.Context(), []Rows{n.rows("t", []int64{base, 1})}, false)
		if sqlerr.CodeOf(err) != sqlerr.UniqueViolation || sqlerr.From(err).Table != "t" {
			t.Errorf("node %d: a key that is there is %v", n.id, err)
		}
		old := n.rows("t", []int64{base, 9})
		old.Operation = OperationDelete
		if err := writer.Write(t.Context(), []Rows{old}, false); !errors.Is(err, ErrConflict) {
			t.Errorf("node %d: a row that is another one is %v", n.id, err)
		}
		writer.Close()
	}
	for _, n := range c.nodes {
		got, err := n.query(t.Context(), `SELECT g, count(*) FROM t GROUP BY g`)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"1|6", "2|6"}, got); diff != "" {
			t.Errorf("node %d: %s", n.id, diff)
		}
	}
}

// insertWhileDisturbed has every node insert rows into a stream while leaders move and
// messages are lost, and returns the values of those that were acknowledged, and of those
// that may be there.
func insertWhileDisturbed(t *testing.T, c *nodes, each int) (acknowledged, unknown []int64) {
	var writing sync.WaitGroup
	var mu sync.Mutex
	for i, n := range c.nodes {
		writing.Go(func() {
			writer := n.engine.NewWriter()
			defer writer.Close()
			for k := range each {
				v := int64(i*each + k)
				err := writer.Write(t.Context(), []Rows{n.rows("s", []int64{v, v % 7})}, false)
				mu.Lock()
				switch {
				case err == nil:
					acknowledged = append(acknowledged, v)
				case sqlerr.CodeOf(err) == sqlerr.StatementCompletionUnknown:
					unknown = append(unknown, v)
				default:
					t.Errorf("insert of %d on node %d: %v", v, n.id, err)
				}
				mu.Unlock()
			}
		})
	}
	writing.Wait()
	return acknowledged, unknown
}

// TestInsertsWhileLeadersMove finds every acknowledged row once, and the derived tables as
// their queries say, when leaders have moved at any moment and messages were lost.
func TestInsertsWhileLeadersMove(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			c := newNodes(t, seed, 3, 4)
			c.node(1).define(`CREATE STREAM s (id INT, g INT)`)
			c.node(2).define(`CREATE TABLE sums AS SELECT g, count(*) AS n, sum(id) AS total FROM s GROUP BY g`)
			c.node(3).define(`CREATE TABLE tens AS SELECT n % 10 AS tenth, count(*) AS groups FROM sums GROUP BY n % 10`)
			end := c.disturb(10, 10)
			acknowledged, unknown := insertWhileDisturbed(t, c, 60)
			end()
			got, err := c.anyNode().query(t.Context(), `SELECT id FROM s`)
			if err != nil {
				t.Fatal(err)
			}
			checkValues(t, got, acknowledged, unknown)
			c.checkDerived("sums", `SELECT g, count(*) AS n, sum(id) AS total FROM s GROUP BY g`)
			c.checkDerived("tens", `SELECT n % 10 AS tenth, count(*) AS groups FROM sums GROUP BY n % 10`)
		})
	}
}

// checkValues checks that every acknowledged value is there once and nothing else but
// unknown ones, at most once.
func checkValues(t *testing.T, got []string, acknowledged, unknown []int64) {
	t.Helper()
	there := map[string]int{}
	for _, v := range got {
		there[v]++
	}
	for _, v := range acknowledged {
		if n := there[strconv.FormatInt(v, 10)]; n != 1 {
			t.Errorf("row %d was acknowledged and is there %d times", v, n)
		}
		delete(there, strconv.FormatInt(v, 10))
	}
	for v, n := range there {
		if known, _ := strconv.ParseInt(v, 10, 64); n != 1 || !slices.Contains(unknown, known) {
			t.Errorf("row %s is there %d times", v, n)
		}
	}
}

// checkDerived holds a derived table against its query, on every node.
func (c *nodes) checkDerived(table, query string) {
	c.t.Helper()
	for _, n := range c.nodes {
		want, err := n.query(c.t.Context(), query)
		if err != nil {
			c.t.Fatal(err)
		}
		got, err := n.query(c.t.Context(), `SELECT * FROM `+table)
		if err != nil {
			c.t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			c.t.Errorf("node %d, table %s: %s", n.id, table, diff)
		}
	}
}

// The accounts of the tests that move money, and what each has at first.
const (
	accounts = 24
	balance  = 100
)

// newAccounts makes accounts, and a table that adds up what they have.
func (c *nodes) newAccounts() {
	c.t.Helper()
	c.node(1).define(`CREATE TABLE accounts (id INT PRIMARY KEY, n INT)`)
	c.node(1).define(`CREATE TABLE total AS SELECT sum(n) AS money, count(*) AS accounts FROM accounts`)
	var rows [][]int64
	for id := range accounts {
		rows = append(rows, []int64{int64(id), balance})
	}
	writer := c.node(1).engine.NewWriter()
	defer writer.Close()
	if err := writer.Write(c.t.Context(), []Rows{c.node(1).rows("accounts", rows...)}, true); err != nil {
		c.t.Fatal(err)
	}
}

// transferring has sessions on all nodes move money, each so many times, and returns how
// many transfers were acknowledged.
func (c *nodes) transferring(sessions *sync.WaitGroup, each int) *atomic.Int64 {
	var done atomic.Int64
	for i, n := range c.nodes {
		sessions.Go(func() {
			for k := range each {
				if transfer(c.t.Context(), c, n, int64((i+3*k)%accounts), int64((5*i+7*k+1)%accounts)) == nil {
					done.Add(1)
				}
			}
		})
	}
	return &done
}

// checkAccounts checks that no money is lost or made, and that nothing is left open.
func (c *nodes) checkAccounts() {
	c.t.Helper()
	want := fmt.Sprintf("%d|%d", accounts*balance, accounts)
	c.wait(func() bool { return c.prepared() == 0 })
	got, err := c.anyNode().query(c.t.Context(), `SELECT sum(n), count(*) FROM accounts`)
	if err != nil {
		c.t.Fatal(err)
	}
	if diff := cmp.Diff([]string{want}, got); diff != "" {
		c.t.Error(diff)
	}
	c.checkDerived("total", `SELECT sum(n) AS money, count(*) AS accounts FROM accounts`)
}

// TestTransfersWhileLeadersMove moves money between accounts on several shards: none is
// lost or made, whatever becomes of the leaders.
func TestTransfersWhileLeadersMove(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			c := newNodes(t, seed, 3, 4)
			c.newAccounts()
			end := c.disturb(5, 5)
			var sessions sync.WaitGroup
			done := c.transferring(&sessions, 40)
			sessions.Wait()
			end()
			if done.Load() == 0 {
				t.Error("no transfer came to its end")
			}
			c.checkAccounts()
		})
	}
}

// TestTransfersWhileNodesCrash is the same when nodes crash with their sessions: what these
// have prepared is concluded by the others.
func TestTransfersWhileNodesCrash(t *testing.T) {
	c := newNodes(t, 1, 3, 4)
	c.newAccounts()
	for round := range 4 {
		var sessions sync.WaitGroup
		done := c.transferring(&sessions, 25)
		c.wait(func() bool { return done.Load() >= 10 })
		crashed := c.node(uint64(round%3 + 1))
		crashed.stop()
		sessions.Wait()
		c.wait(func() bool { return c.prepared() == 0 })
		crashed.start()
		if err := crashed.engine.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	c.checkAccounts()
}

// transfer moves one from an account to another, as a statement does: it reads, and writes
// what it has read changed.
func transfer(ctx context.Context, c *nodes, n *engineNode, from, to int64) error {
	if from == to {
		return nil
	}
	read := func(id int64) (int64, error) {
		got, err := n.query(ctx, fmt.Sprintf(`SELECT n FROM accounts WHERE id = %d`, id))
		if err != nil || len(got) != 1 {
			return 0, fmt.Errorf("account %d: %v, %w", id, got, err)
		}
		return strconv.ParseInt(strings.TrimSpace(got[0]), 10, 64)
	}
	hasFrom, err := read(from)
	if err != nil {
		return err
	}
	hasTo, err := read(to)
	if err != nil {
		return err
	}
	update := n.rows("accounts", []int64{from, hasFrom - 1}, []int64{to, hasTo + 1})
	update.Operation, update.Old = OperationUpdate, n.rows("accounts", []int64{from, hasFrom}, []int64{to, hasTo}).Batch
	writer := n.engine.NewWriter()
	defer writer.Close()
	return writer.Write(ctx, []Rows{update}, true)
}

// prepared counts the transactions that are prepared or decided on some shard, as its
// leader has it.
func (c *nodes) prepared() int {
	count := 0
	for shard, l := range c.shards {
		leader, _ := l.leaderNow()
		if leader == 0 {
			return 1
		}
		state := c.node(leader).store.Shard(uint32(shard))
		for _, kind := range []byte{transactionPrepared, transactionDecided} {
			reader := core{state: state}
			err := reader.eachTransaction(kind, func(transactionID, []byte, int) error { count++; return nil })
			if err != nil {
				c.t.Fatal(err)
			}
		}
	}
	return count
}

// TestBrokenLeaderResigns has the leader of a shard fail to propose anything: another node
// leads it soon, and who writes notices nothing.
func TestBrokenLeaderResigns(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 1, 3, 1)
	c.node(1).define(`CREATE STREAM s (id INT)`)
	c.shards[0].setLeader(2)
	broken := c.shards[0].replicas[2].shard
	broken.mu.Lock()
	broken.broken = errors.New("the disk is gone")
	broken.mu.Unlock()
	for i, n := range c.nodes {
		writer := n.engine.NewWriter()
		if err := writer.Write(t.Context(), []Rows{n.rows("s", []int64{int64(i)})}, false); err != nil {
			t.Errorf("node %d: %v", n.id, err)
		}
		writer.Close()
	}
	got, err := c.node(3).query(t.Context(), `SELECT id FROM s`)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"0", "1", "2"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestDefinitionsWhileLeadersMove defines streams from every node, in transactions with
// rows and without, while the catalog's leader moves: what was acknowledged is there.
func TestDefinitionsWhileLeadersMove(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { definitionsWhileLeadersMove(t, seed) })
	}
}

func definitionsWhileLeadersMove(t *testing.T, seed uint64) {
	c := newNodes(t, seed, 3, 2)
	c.node(1).define(`CREATE TABLE t (id INT PRIMARY KEY, n INT)`)
	end := c.disturb(3, 3)
	c.catalog.setUnsure(10)
	var mu sync.Mutex
	var acknowledged, rows []string
	var defining sync.WaitGroup
	for _, n := range c.nodes {
		defining.Go(func() {
			for k := range 8 {
				name := fmt.Sprintf("s%d_%d", n.id, k)
				id := int64(n.id)*100 + int64(k)
				var err error
				if k%2 == 0 {
					err = n.tryDefine(`CREATE STREAM ` + name + ` (id INT)`)
				} else {
					err = n.defineWithRows(`CREATE TABLE `+name+` (id INT PRIMARY KEY)`, n.rows("t", []int64{id, 1}, []int64{id + 50, 1}))
				}
				switch sqlerr.CodeOf(err) {
				case "":
					mu.Lock()
					acknowledged = append(acknowledged, name)
					if k%2 == 1 {
						rows = append(rows, fmt.Sprint(id), fmt.Sprint(id+50))
					}
					mu.Unlock()
				case sqlerr.StatementCompletionUnknown, sqlerr.SerializationFailure, sqlerr.ObjectNotInPrerequisiteState:
				default:
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
	defining.Wait()
	end()
	if len(acknowledged) == 0 {
		t.Error("nothing was defined")
	}
	for _, n := range c.nodes {
		if err := n.engine.settleTransactions(t.Context(), []int{0, 1}); err != nil {
			t.Fatal(err)
		}
		got, err := n.query(t.Context(), `SELECT id FROM t`)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range rows {
			if !slices.Contains(got, id) {
				t.Errorf("node %d: row %s of an acknowledged transaction is not there", n.id, id)
			}
		}
		for _, id := range got {
			// A transaction is there whole or not at all.
			v, _ := strconv.Atoi(id)
			if other := v + 50; v%100 < 50 && !slices.Contains(got, strconv.Itoa(other)) {
				t.Errorf("node %d: row %d is there without row %d", n.id, v, other)
			}
			name := fmt.Sprintf("s%d_%d", v/100, v%50)
			if n.engine.Catalog().Lookup("public", name) == nil {
				t.Errorf("node %d: row %d is there without table %s", n.id, v, name)
				continue
			}
			if made, err := n.query(t.Context(), `SELECT id FROM `+name); err != nil || len(made) != 4 {
				t.Errorf("node %d: table %s has %v, %v", n.id, name, made, err)
			}
		}
		for _, name := range acknowledged {
			if n.engine.Catalog().Lookup("public", name) == nil {
				t.Errorf("node %d knows no %s", n.id, name)
			}
		}
	}
}

// defineWithRows defines something in a transaction that writes rows.
func (n *engineNode) defineWithRows(text string, rows Rows) error {
	commit, err := n.beginDefining(text, rows)
	if err != nil {
		return err
	}
	return commit()
}

// beginDefining is what such a transaction does before it commits.
func (n *engineNode) beginDefining(text string, rows Rows) (commit func() error, err error) {
	command, err := n.command(text)
	if err != nil {
		return nil, err
	}
	reserved, err := n.engine.Define(n.cluster.t.Context(), &catalog.ReserveIDs{Count: 10})
	if err != nil {
		return nil, err
	}
	base, first := n.engine.newestCatalog(), catalog.ObjectID(reserved.First)
	after, step, result, err := base.Extend(command, base.Version(), first)
	if err != nil {
		return nil, err
	}
	made := Rows{Relation: after.Relation(result.Created[0]), Batch: types.NewBatch([]types.Type{types.Int4})}
	for _, v := range []int64{1, 2, 3, 4} {
		made.Batch.AppendRow([]types.Datum{types.IntDatum(v)}, 1)
	}
	return func() error {
		writer := n.engine.NewWriter()
		defer writer.Close()
		define := &catalog.Define{Steps: []catalog.Step{step}, End: first + 10}
		return writer.WriteDefining(n.cluster.t.Context(), define, after, []Rows{rows, made})
	}, nil
}

// TestWritesWithoutLeader writes where no leader can be reached, or none answers: the
// statement ends, and says whether it can have an effect.
func TestWritesWithoutLeader(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 1, 3, 1)
	c.node(1).define(`CREATE STREAM s (id INT)`)
	n := c.node(3)
	n.stop()
	n.after = func(d time.Duration) <-chan time.Time {
		if d >= leaderPatience {
			d /= 100 // it is in a hurry
		}
		return time.After(d)
	}
	n.start()
	if err := n.engine.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	insert := func(v int64) error {
		writer := n.engine.NewWriter()
		defer writer.Close()
		return writer.Write(t.Context(), []Rows{n.rows("s", []int64{v})}, false)
	}
	c.shards[0].setLeader(0)
	if err := insert(1); sqlerr.CodeOf(err) != sqlerr.CannotConnectNow {
		t.Errorf("without a leader: %v", err)
	}
	c.shards[0].setLeader(1)
	c.cutOff(3, 1, true)
	if err := insert(2); sqlerr.CodeOf(err) != sqlerr.CannotConnectNow {
		t.Errorf("with a leader that cannot be reached: %v", err)
	}
	c.cutOff(3, 1, false)
	c.cutOff(1, 3, true)
	if err := insert(3); sqlerr.CodeOf(err) != sqlerr.StatementCompletionUnknown {
		t.Errorf("with a leader whose answers are lost: %v", err)
	}
	c.cutOff(1, 3, false)
	if err := insert(4); err != nil {
		t.Error(err)
	}
	got, err := n.query(t.Context(), `SELECT id FROM s`)
	if err != nil {
		t.Fatal(err)
	}
	checkValues(t, got, []int64{4}, []int64{3})
}

// TestSlowTransactionsKeepTheirTime has a transaction wait for the leader of a shard, with
// a part prepared on another one, for longer than it takes to look for its writer.
func TestSlowTransactionsKeepTheirTime(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 1, 3, 2)
	c.node(1).define(`CREATE TABLE t (id INT PRIMARY KEY, n INT)`)
	c.shards[1].setLeader(0)
	n := c.node(2)
	written := make(chan error, 1)
	began := time.Now()
	go func() {
		writer := n.engine.NewWriter()
		defer writer.Close()
		written <- writer.Write(t.Context(), []Rows{n.rows("t", []int64{1, 1}, []int64{2, 1}, []int64{3, 1}, []int64{4, 1}, []int64{5, 1})}, true)
	}()
	c.wait(func() bool { return time.Since(began) > 2*(transactionPatience+transactionLook) })
	c.shards[1].setLeader(3)
	if err := <-written; err != nil {
		t.Error(err)
	}
	got, err := c.node(1).query(t.Context(), `SELECT count(*) FROM t`)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"5"}, got); diff != "" {
		t.Error(diff)
	}
	c.wait(func() bool { return c.prepared() == 0 })
}

// TestDecisionsOutliveTheirRecords has a transaction decided, carried out and forgotten by
// others before its writer learns of it: who asks again is told what was decided.
func TestDecisionsOutliveTheirRecords(t *testing.T) {
	c := newNodes(t, 1, 3, 2)
	c.node(1).define(`CREATE TABLE t (id INT PRIMARY KEY, n INT)`)
	n, shards := c.node(2), []int{0, 1}
	for round, commit := range []bool{true, false} {
		writer := n.engine.newWriter()
		id := writer.nextTransaction()
		end := n.engine.writers.begin(id)
		byShard := map[int][]part{}
		first := int64(100 * round)
		rows := n.rows("t", []int64{first + 1, 1}, []int64{first + 2, 1}, []int64{first + 3, 1}, []int64{first + 4, 1}, []int64{first + 5, 1})
		if err := writer.split(&rows, 0, byShard); err != nil || len(byShard) != len(shards) {
			t.Fatal(err, byShard)
		}
		if err := writer.prepareAll(t.Context(), id, shards[0], shards, byShard); err != nil {
			t.Fatal(err)
		}
		// The writer's decision, whose answer is lost, and the resolver of the next leader.
		for _, decides := range []bool{commit, false} {
			if committed, err := c.node(1).engine.conclude(id, shards[0], shards, decides); err != nil || committed != commit {
				t.Fatal(committed, err)
			}
		}
		c.wait(func() bool { return c.prepared() == 0 })
		for _, decides := range []bool{true, false, true} {
			if committed, err := n.engine.conclude(id, shards[0], shards, decides); err != nil || committed != commit {
				t.Errorf("decided for %v, asked again for %v: %v, %v", commit, decides, committed, err)
			}
		}
		end()
		writer.Close()
	}
	got, err := n.query(t.Context(), `SELECT count(*) FROM t`)
	if diff := cmp.Diff([]string{"5"}, got); err != nil || diff != "" {
		t.Error(diff, err)
	}
	c.wait(func() bool { return c.prepared() == 0 })
}

// TestDecisionsOfOneTick has a transaction's writer and a resolver decide in one tick: the
// first decision stands.
func TestDecisionsOfOneTick(t *testing.T) {
	c := newNodes(t, 1, 3, 1)
	c.node(1).define(`CREATE TABLE t (id INT PRIMARY KEY, n INT)`)
	n := c.node(1)
	writer := n.engine.newWriter()
	defer writer.Close()
	id := writer.nextTransaction()
	defer n.engine.writers.begin(id)()
	byShard := map[int][]part{}
	rows := n.rows("t", []int64{1, 1})
	if err := writer.split(&rows, 0, byShard); err != nil {
		t.Fatal(err)
	}
	if err := writer.prepareAll(t.Context(), id, 0, []int{0}, byShard); err != nil {
		t.Fatal(err)
	}
	answers := make(chan bool, 3)
	queue := n.engine.loops[0].queue
	queue.mu.Lock()
	for _, commit := range []bool{true, false, true} {
		queue.steps = append(queue.steps, &request{
			kind: requestDecide, transaction: id, participant: []int{0}, commit: commit,
			done: func(committed bool, err error) { answers <- committed && err == nil },
		})
	}
	queue.signal()
	queue.mu.Unlock()
	for range 3 {
		if !<-answers {
			t.Error("a transaction that is committed was aborted")
		}
	}
	_, _ = n.engine.conclude(id, 0, []int{0}, false) // it is forgotten
	got, err := n.query(t.Context(), `SELECT count(*) FROM t`)
	if diff := cmp.Diff([]string{"1"}, got); err != nil || diff != "" {
		t.Error(diff, err)
	}
}

// TestWritesRelyOnLocks has writes wait for a leader until what they rely on is lost: they
// take no effect, unless they had before.
func TestWritesRelyOnLocks(t *testing.T) {
	c := newNodes(t, 1, 3, 2)
	c.node(1).define(`CREATE STREAM s (id INT)`)
	c.node(1).define(`CREATE TABLE t (id INT PRIMARY KEY, n INT)`)
	n := c.node(3)
	errLost := errors.New("the locks are lost")
	write := func(rows Rows, between, again func()) error {
		writer := n.engine.newWriter()
		defer writer.Close()
		asked := 0
		writer.Rely(func(context.Context) error {
			asked++
			if asked == 1 && between != nil {
				between()
				return nil
			}
			if again != nil {
				again()
			}
			return errLost
		})
		return writer.Write(t.Context(), []Rows{rows}, true)
	}
	lead := func(node uint64) {
		for _, l := range c.shards {
			l.setLeader(node)
		}
	}
	broken := func(why error) {
		for _, l := range c.shards {
			replica := l.replicas[1].shard
			replica.mu.Lock()
			replica.broken = why
			replica.mu.Unlock()
		}
	}
	later := func(do func()) { go func() { <-n.engine.after(30 * leaderPause); do() }() }
	several := n.rows("t", []int64{1, 1}, []int64{2, 1}, []int64{3, 1}, []int64{4, 1}, []int64{5, 1})

	if err := write(n.rows("s", []int64{1}), func() {}, nil); err != nil {
		t.Errorf("with a leader that answers: %v", err)
	}
	if err := write(n.rows("s", []int64{2}), func() { c.cutOff(3, 1, true) }, nil); !errors.Is(err, errLost) {
		t.Errorf("before anybody had it: %v", err)
	}
	c.cutOff(3, 1, false)
	lead(1)
	if err := write(n.rows("s", []int64{3}), func() { c.cutOff(1, 3, true) }, func() { lead(2) }); err != nil {
		t.Errorf("after it took effect, with a lost answer: %v", err)
	}
	c.cutOff(1, 3, false)
	lead(1)
	if err := write(n.rows("s", []int64{4}), func() { broken(errors.New("the disk")) }, nil); !errors.Is(err, errLost) {
		t.Errorf("after a leader had it that did nothing: %v", err)
	}
	broken(nil)
	lead(1)
	if err := write(n.rows("s", []int64{5}), func() { lead(0); later(func() { lead(2) }) }, nil); !errors.Is(err, errLost) {
		t.Errorf("without a leader: %v", err)
	}
	if err := write(several, nil, nil); !errors.Is(err, errLost) {
		t.Errorf("before the decision: %v", err)
	}
	if err := write(several, func() { lead(0); later(func() { lead(1) }) }, nil); !errors.Is(err, errLost) {
		t.Errorf("with no leader to decide: %v", err)
	}
	got, err := n.query(t.Context(), `SELECT id FROM s UNION ALL SELECT id FROM t`)
	if diff := cmp.Diff([]string{"1", "3"}, got); err != nil || diff != "" {
		t.Error(diff, err)
	}
	c.wait(func() bool { return c.prepared() == 0 })
}

// TestDefinitionsOutliveTheirLeader loses the catalog's leader with what it was told to
// define: who asked is told what became of it, each time.
func TestDefinitionsOutliveTheirLeader(t *testing.T) {
	c := newNodes(t, 3, 3, 1)
	c.catalog.setUnsure(60)
	defer c.catalog.setUnsure(0)
	for k := range 6 {
		n := c.nodes[k%3]
		if err := n.tryDefine(fmt.Sprintf(`CREATE TABLE t%d (id INT PRIMARY KEY)`, k)); err != nil {
			t.Fatalf("table %d: %v", k, err)
		}
		if k%2 == 1 {
			if err := n.tryDefine(fmt.Sprintf(`DROP TABLE t%d`, k)); err != nil {
				t.Fatalf("dropping table %d: %v", k, err)
			}
		}
	}
}

// TestStuckTransactionsHoldNobodyBack has a transaction wait for a shard without a leader:
// those of other shards, whose writers are gone, are concluded meanwhile.
func TestStuckTransactionsHoldNobodyBack(t *testing.T) {
	c := newNodes(t, 1, 3, 2)
	c.node(1).define(`CREATE TABLE t (id INT PRIMARY KEY, n INT)`)
	n := c.node(1)
	prepare := func(shard int) transactionID {
		writer := n.engine.newWriter() // nobody knows that it is at work
		id := writer.nextTransaction()
		byShard := map[int][]part{}
		rows := n.rows("t", []int64{1, 1}, []int64{2, 1}, []int64{3, 1}, []int64{4, 1}, []int64{5, 1})
		if err := writer.split(&rows, 0, byShard); err != nil {
			t.Fatal(err)
		}
		if err := writer.prepareAll(t.Context(), id, shard, []int{shard}, byShard); err != nil {
			t.Fatal(err)
		}
		return id
	}
	stuck := prepare(1)
	c.shards[1].setLeader(0)
	r := &n.engine.resolver
	r.add(stuck, 1, []int{1})
	c.wait(func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.working) == 1 })
	began := time.Now()
	r.add(prepare(0), 0, []int{0})
	c.wait(func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.open) == 1 })
	if took := time.Since(began); took > leaderPatience/2 {
		t.Errorf("another transaction waited for %v", took)
	}
	c.shards[1].setLeader(2)
	c.wait(func() bool { return c.prepared() == 0 })
	if err := r.wait(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestDefinitionsOfWritersTakenForGone cuts the writer of a transaction with definitions off
// for so long that others carry it out: it is told what became of it.
func TestDefinitionsOfWritersTakenForGone(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 1, 3, 2)
	c.node(1).define(`CREATE TABLE t (id INT PRIMARY KEY, n INT)`)
	n := c.node(3)
	// The shards are led by node 2, which the writer reaches until it has prepared.
	for _, l := range c.shards {
		l.setLeader(2)
	}
	commit, err := n.beginDefining(`CREATE TABLE made (id INT PRIMARY KEY)`, n.rows("t", []int64{1, 1}, []int64{2, 1}, []int64{3, 1}, []int64{4, 1}, []int64{5, 1}))
	if err != nil {
		t.Fatal(err)
	}
	c.cutOff(1, 3, true) // the answers of the catalog are lost
	done := make(chan error, 1)
	go func() { done <- commit() }()
	c.wait(func() bool { return c.node(1).engine.newestCatalog().Lookup("public", "made") != nil })
	for _, node := range []uint64{1, 2} {
		c.cutOff(3, node, true)
		c.cutOff(node, 3, true)
	}
	c.wait(func() bool { return c.prepared() == 0 && len(c.node(1).engine.newestCatalog().Committed()) == 0 })
	for _, node := range []uint64{1, 2} {
		c.cutOff(3, node, false)
		c.cutOff(node, 3, false)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	got, err := n.query(t.Context(), `SELECT count(*) FROM t`)
	if diff := cmp.Diff([]string{"5"}, got); err != nil || diff != "" {
		t.Error(diff, err)
	}
}
