package exec

import (
	"fmt"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"millrace/sql/sqlerr"
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
	const clientsPerNode, operations, keys = 2, 40, 3
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
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
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
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

// TestDefinitionsAreSeenWhileTheCatalogMoves defines on any node while the catalog's leader
// moves and calls are lost: a node that begins a statement afterwards sees it.
func TestDefinitionsAreSeenWhileTheCatalogMoves(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
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
