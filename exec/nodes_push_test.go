package exec

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// TestPushEndsWithItsRelation drops what push queries follow: each of them ends with an
// error that says so, whether it follows a stream or a table, and alone or with others.
func TestPushEndsWithItsRelation(t *testing.T) {
	c := newNodes(t, 1, 1, 2)
	n := c.node(1)
	for kind, key := range map[string]string{"STREAM": "KEY", "TABLE": "PRIMARY KEY"} {
		n.define(`CREATE ` + kind + ` followed (a INT ` + key + `)`)
		var cursors []Cursor
		for range 2 {
			cursor, err := n.open(t.Context(), `SELECT a FROM followed EMIT CHANGES`)
			if err != nil {
				t.Fatal(err)
			}
			defer cursor.Close()
			cursors = append(cursors, cursor)
		}
		writer := n.engine.NewWriter()
		if err := writer.Write(t.Context(), []Rows{n.rows("followed", []int64{1})}, false); err != nil {
			t.Fatal(err)
		}
		writer.Close()
		for _, cursor := range cursors {
			if batch, err := cursor.Next(t.Context()); err != nil || batch.Len != 1 {
				t.Fatalf("%s: %v, %v", kind, batch, err)
			}
		}
		n.define(`DROP ` + kind + ` followed`)
		for _, cursor := range cursors {
			if err := endOf(t.Context(), cursor); sqlerr.CodeOf(err) != sqlerr.UndefinedTable {
				t.Errorf("%s: the query ended with %v", kind, err)
			}
		}
	}
}

// endOf takes rows until the query ends, and returns the error.
func endOf(ctx context.Context, cursor Cursor) error {
	for {
		if _, err := cursor.Next(ctx); err != nil {
			return err
		}
	}
}

// followedQueries are what clients follow while the cluster is disturbed: streams from
// their beginning, tables, results that the push keeps itself, and a table that keeps no
// changes.
var followedQueries = []string{
	`SELECT id, g FROM s EMIT CHANGES WITH (start = 'earliest')`,
	`SELECT rowmark, id, g FROM s EMIT CHANGES WITH (start = 'earliest')`,
	`SELECT id, x FROM t EMIT CHANGES`,
	`SELECT rowmark, id, x FROM t EMIT CHANGES`,
	`SELECT g, count(*), sum(x) FROM t GROUP BY g EMIT CHANGES`,
	`SELECT rowmark, g, count(*), sum(x) FROM t GROUP BY g EMIT CHANGES`,
	`SELECT g, n, total FROM sums EMIT CHANGES`,
	`SELECT id, x FROM forgetful EMIT CHANGES`,
}

// nodeFollower is a client that follows a query on one node after the other.
type nodeFollower struct {
	cluster *nodes
	query   string
	marked  bool
	// rows are what it was given, folded, and mark the last row's.
	rows   map[string]int
	mark   string
	cursor Cursor
	random *rand.Rand
}

// join begins to follow on some node that is up: behind the last row, or anew where the
// query gives no marks.
func (f *nodeFollower) join(ctx context.Context) {
	text := f.query
	if f.marked && f.mark != "" {
		text, _, _ = strings.Cut(text, " WITH ")
		text += " WITH (resume = '" + f.mark + "')"
	} else {
		f.rows = map[string]int{}
	}
	for f.cursor == nil && ctx.Err() == nil {
		cursor, err := f.cluster.anyNode().open(ctx, text)
		switch {
		case err == nil:
			f.cursor = cursor
		case ctx.Err() == nil && !errors.Is(err, ErrStopped) && sqlerr.CodeOf(err) != sqlerr.CannotConnectNow:
			f.cluster.t.Errorf("%s: %v", text, err)
			return
		}
	}
}

// leave breaks off.
func (f *nodeFollower) leave() {
	if f.cursor != nil {
		f.cursor.Close()
		f.cursor = nil
	}
}

// follow takes rows until ctx ends or it has all that is wanted, changing nodes at times.
func (f *nodeFollower) follow(ctx context.Context, changes bool, want map[string]int) {
	t := f.cluster.t
	for ctx.Err() == nil && !(want != nil && cmp.Equal(want, f.rows)) && !t.Failed() {
		if f.cursor == nil {
			f.join(ctx)
			continue
		}
		if changes && f.random.IntN(50) == 0 {
			f.leave()
			continue
		}
		batch, err := f.cursor.Next(ctx)
		switch {
		case err == nil:
			f.take(batch)
		case ctx.Err() != nil:
		case sqlerr.CodeOf(err) == sqlerr.AdminShutdown:
			f.leave() // the node has gone down
		case sqlerr.CodeOf(err) == sqlerr.IOError && strings.Contains(f.query, "forgetful"):
			f.leave() // its replica was replaced, and the table keeps no changes
		default:
			t.Errorf("%s ended: %v", f.query, err)
		}
	}
}

func (f *nodeFollower) take(batch *types.Batch) {
	if f.marked {
		f.mark = batch.Columns[0].Strs[batch.Len-1]
		batch = &types.Batch{Len: batch.Len, Columns: batch.Columns[1:]}
	}
	if !strings.Contains(f.query, "FROM s ") {
		takeChanges(f.cluster.t, f.rows, batch)
		return
	}
	for i := range batch.Len {
		row := rowText(batch, i)
		if f.rows[row]++; f.rows[row] > 1 {
			f.cluster.t.Errorf("%s gave %s twice", f.query, row)
		}
	}
}

// want is what a follower must have in the end.
func (f *nodeFollower) want() map[string]int {
	text, _, _ := strings.Cut(strings.Replace(f.query, "rowmark, ", "", 1), " EMIT ")
	rows, err := f.cluster.anyNode().query(f.cluster.t.Context(), text)
	if err != nil {
		f.cluster.t.Fatal(err)
	}
	want := map[string]int{}
	for _, row := range rows {
		want[row]++
	}
	return want
}

// writeWhileFollowed has every node write rows of its own to the stream and the tables,
// changing and deleting some: so many each, numbered from first on.
func writeWhileFollowed(t *testing.T, c *nodes, first, each int) {
	var writing sync.WaitGroup
	for i := range c.nodes {
		writing.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 3))
			live := map[int64][]int64{}
			n := c.node(uint64(i + 1))
			writer := n.engine.NewWriter()
			for k := range each {
				id := int64(first + i*each + k)
				put := func(rows Rows) bool {
					err := writer.Write(t.Context(), []Rows{rows}, false)
					if errors.Is(err, ErrStopped) || n.isDown() {
						writer.Close() // whatever has become of the row
						n = c.anyNode()
						writer = n.engine.NewWriter()
						return false
					}
					if err != nil && sqlerr.CodeOf(err) != sqlerr.StatementCompletionUnknown {
						t.Errorf("node %d: %v", n.id, err)
					}
					return err == nil
				}
				put(n.rows("s", []int64{id, id % 5}))
				key := int64(i*20) + random.Int64N(20)
				for _, table := range []string{"t", "forgetful"} {
					old := live[key]
					if old != nil && random.IntN(3) == 0 {
						gone := n.rows(table, old)
						gone.Operation = OperationDelete
						if table == "t" && put(gone) {
							delete(live, key)
						}
						continue
					}
					row := []int64{key, random.Int64N(3), id}
					if put(n.rows(table, row)) && table == "t" {
						live[key] = row
					} else if table == "t" {
						delete(live, key)
					}
				}
			}
			writer.Close()
		})
	}
	writing.Wait()
}

// TestPushesOnEveryNode follows streams and tables on all nodes while leaders move,
// messages are lost, replicas lag or are replaced and a node restarts: no row of a stream comes twice or
// never, and of tables everybody has the final rows in the end. Clients that have marks
// go on behind them on other nodes.
func TestPushesOnEveryNode(t *testing.T) {
	t.Parallel()
	for seed := range seeds(1, 30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { pushOnEveryNode(t, seed) })
	}
}

func pushOnEveryNode(t *testing.T, seed uint64) {
	c := newNodes(t, seed, 3, 4)
	c.node(1).define(`CREATE STREAM s (id INT, g INT)`)
	c.node(2).define(`CREATE TABLE t (id INT PRIMARY KEY, g INT, x INT) WITH (upsert = true)`)
	c.node(3).define(`CREATE TABLE forgetful (id INT PRIMARY KEY, g INT, x INT) WITH (upsert = true, changes_retention = 0)`)
	c.node(1).define(`CREATE TABLE sums AS SELECT g, count(*) AS n, sum(id) AS total FROM s GROUP BY g`)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var followers []*nodeFollower
	var following sync.WaitGroup
	for i, query := range followedQueries {
		for k := range 3 {
			f := &nodeFollower{cluster: c, query: query, marked: strings.Contains(query, "rowmark"), random: rand.New(rand.NewPCG(seed, uint64(10*i+k)))}
			followers = append(followers, f)
			following.Go(func() { f.follow(ctx, true, nil) })
		}
	}
	end := c.disturb(5, 5)
	endLag := c.lag()
	writeWhileFollowed(t, c, 0, sized(60, 200))
	c.node(2).stop()
	c.node(2).start()
	writeWhileFollowed(t, c, 10_000, sized(20, 100))
	endLag()
	end()
	cancel()
	following.Wait()
	for _, f := range followers {
		want := f.want()
		last, done := context.WithTimeout(t.Context(), time.Minute)
		f.follow(last, false, want)
		done()
		if diff := cmp.Diff(want, f.rows); diff != "" {
			t.Errorf("%s (-want +given):\n%s", f.query, diff)
		}
		f.leave()
	}
	for _, n := range c.nodes {
		if used := n.engine.pushes.budget.used.Load() + n.engine.pushes.budget.holders.Load(); used != 0 {
			t.Errorf("node %d: %d bytes and holders are left", n.id, used)
		}
	}
}

// lag has replicas stop applying what nobody waits for, and be copied from others, by
// chance, until the returned function is called.
func (c *nodes) lag() (end func()) {
	stop := make(chan struct{})
	var lagging sync.WaitGroup
	lagging.Go(func() {
		look := time.NewTicker(5 * time.Millisecond)
		defer look.Stop()
		for {
			select {
			case <-stop:
				return
			case <-look.C:
				l, node := c.shards[c.chance(len(c.shards))], uint64(c.chance(len(c.nodes))+1)
				if c.chance(40) == 0 {
					l.copyTo(node, uint64(c.chance(l.length()+1)))
				} else {
					l.hold(node, c.chance(2) == 0)
				}
			}
		}
	})
	return func() {
		close(stop)
		lagging.Wait()
		for _, l := range c.shards {
			for _, n := range c.nodes {
				l.hold(n.id, false)
			}
		}
	}
}
