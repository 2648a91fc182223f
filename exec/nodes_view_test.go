package exec

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// sumInView returns the sum and the count of t as a new view of the node has them.
func (n *engineNode) sumInView(ctx context.Context) (string, error) {
	t := n.cluster.t
	relation := n.engine.Catalog().Lookup("public", "t")
	view, err := n.engine.NewTransactionView(ctx, []*catalog.Relation{relation}, Freshness{Timeout: 10 * time.Second})
	if err != nil {
		return "", err
	}
	defer view.Close()
	q := plannedQuery(t, n.engine.Catalog(), `SELECT coalesce(sum(v), 0) FROM t`)
	cursor, err := n.engine.Query(ctx, q, &QueryEnv{Format: types.DefaultFormat(), Now: time.Now(), View: view})
	if err != nil {
		return "", err
	}
	defer cursor.Close()
	batch, err := cursor.Next(ctx)
	if err != nil && err != io.EOF {
		return "", err
	}
	return rowText(batch, 0), nil
}

// testViewsAreWhole has every node write transactions over all shards whose rows add up
// to nothing, while views of all nodes add up what they see.
func testViewsAreWhole(t *testing.T, c *nodes) {
	c.t = t
	c.node(1).define(`CREATE TABLE t (id INT PRIMARY KEY, v INT)`)
	ctx, stop := context.WithCancel(t.Context())
	var writing, viewing sync.WaitGroup
	for i, n := range c.nodes {
		for client := range 2 {
			writing.Go(func() {
				writer := n.engine.NewWriter()
				defer func() { writer.Close() }()
				for k := int64(0); ctx.Err() == nil; k++ {
					id := 10 * (k*int64(2*len(c.nodes)) + int64(2*i+client))
					rows := n.rows("t", []int64{id, 5}, []int64{id + 1, -2}, []int64{id + 2, -2}, []int64{id + 3, -1})
					if err := writer.Write(ctx, []Rows{rows}, true); err != nil && ctx.Err() == nil && sqlerr.CodeOf(err) != sqlerr.StatementCompletionUnknown &&
						sqlerr.CodeOf(err) != sqlerr.SerializationFailure {
						t.Errorf("node %d: %v", n.id, err)
						return
					}
				}
			})
		}
		viewing.Go(func() {
			for range 8 {
				sum, err := n.sumInView(t.Context())
				if sqlerr.CodeOf(err) == sqlerr.ObjectNotInPrerequisiteState || sqlerr.CodeOf(err) == sqlerr.CannotConnectNow {
					continue // too much is moving
				}
				if err != nil || sum != "0" {
					t.Errorf("node %d: a view has the sum %s, %v", n.id, sum, err)
				}
			}
		})
	}
	viewing.Wait()
	stop()
	writing.Wait()
}

func TestViewsOfNodesAreWhole(t *testing.T) {
	testViewsAreWhole(t, newNodes(t, 11, 3, 4))
}

func TestViewsAreWholeWhileLeadersMove(t *testing.T) {
	t.Parallel()
	for seed := range uint64(1) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			c := newNodes(t, 20+seed, 3, 4)
			end := c.disturb(2, 5)
			testViewsAreWhole(t, c)
			end()
			c.wait(func() bool {
				sum, err := c.node(1).sumInView(t.Context())
				return err == nil && sum == "0"
			})
		})
	}
}
