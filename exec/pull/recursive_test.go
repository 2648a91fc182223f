package pull

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// plus is a + n.
func plus(a expr.Expr, n int64) expr.Expr {
	overload, _, _ := expr.ResolveOperator("+", types.Int8, types.Int8, -1)
	return &expr.Call{Node: at(types.Int8), Func: overload, Args: []expr.Expr{a, integer(n)}}
}

// endless is 1, 2, 3 and so on.
func endless(t testing.TB, all bool) plan.Node {
	last := &plan.LastRows{Base: base(types.Int8), Number: 1}
	return &plan.Recursive{
		Base: base(types.Int8), Number: 1, All: all, First: valuesOf(t, intText[:1], "1"),
		Step: projectOf(last, plus(column(0, types.Int8), 1)),
	}
}

func TestRecursive(t *testing.T) {
	for _, all := range []bool{true, false} {
		check(t, limitOf(endless(t, all), integer(3), nil), nil, "1", "2", "3")
		check(t, limitOf(endless(t, all), integer(2), integer(5000)), nil, "5001", "5002")
	}
	empty := endless(t, true).(*plan.Recursive)
	empty.First = filterOf(empty.First, constant(types.Bool, types.BoolDatum(false)))
	check(t, empty, nil)
}

// TestRecursiveMemory checks that only what a recursion keeps counts: the rows found
// last, and without ALL every row.
func TestRecursiveMemory(t *testing.T) {
	for _, all := range []bool{true, false} {
		many := limitOf(endless(t, all), integer(30_000), nil)
		it, err := Run(context.Background(), queryOf(many), testContext(), newSources(nil), Options{MemoryLimit: 256 << 10})
		if err != nil {
			t.Fatal(err)
		}
		rows, err := collect(context.Background(), it)
		it.Close()
		if failed := err != nil; failed == all || failed && len(rows) < 100 {
			t.Errorf("with ALL %t: %d rows, then %v", all, len(rows), err)
		}
		if used := it.(*result).execution.memory.used; used != 0 {
			t.Errorf("with ALL %t: %d bytes are held after the end", all, used)
		}
	}
}

// TestRecursiveReach compares what can be reached in a random graph, from every node
// of it by its own recursion, with a search in Go.
func TestRecursiveReach(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		nodes := rapid.IntRange(1, 7).Draw(rt, "nodes")
		node := rapid.IntRange(1, nodes)
		edges := map[int][]int{}
		graph := &memoryTable{batch: rapid.IntRange(1, 5).Draw(rt, "batch")}
		for range rapid.IntRange(0, 14).Draw(rt, "edges") {
			a, b := node.Draw(rt, "from"), node.Draw(rt, "to")
			edges[a] = append(edges[a], b)
			graph.rows = append(graph.rows, []types.Datum{types.IntDatum(int64(a)), types.IntDatum(int64(b))})
		}
		var starts, want []string
		for start := 1; start <= nodes; start++ {
			starts = append(starts, fmt.Sprint(start))
			for reached := range search(edges, start) {
				want = append(want, fmt.Sprintf("%d %d", start, reached))
			}
		}
		sources := newSources(map[string]*memoryTable{"edges": graph})
		got, err := run(t, queryOf(reachOfAll(t, starts, rapid.Bool().Draw(rt, "left"))), sources)
		if err != nil {
			rt.Fatal(err)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			rt.Errorf("got  %q\nwant %q", got, want)
		}
		if sources.scans["edges"] > 1 {
			rt.Errorf("the edges were read %d times", sources.scans["edges"])
		}
	})
}

// search returns what can be reached from a node, itself included.
func search(edges map[int][]int, start int) map[int]bool {
	reached, next := map[int]bool{start: true}, []int{start}
	for len(next) > 0 {
		for _, to := range edges[next[0]] {
			if !reached[to] {
				reached[to] = true
				next = append(next, to)
			}
		}
		next = next[1:]
	}
	return reached
}

// reachOfAll joins each start with what its recursion finds. The rows found last stand
// left or right in the join with the edges.
func reachOfAll(t testing.TB, starts []string, left bool) plan.Node {
	last := &plan.LastRows{Base: base(types.Int8), Number: 1}
	edges := scanOf("edges", types.Int8, types.Int8)
	join, to := joinOf(plan.JoinInner, last, edges), 2
	join.LeftKeys, join.RightKeys = []expr.Expr{column(0, types.Int8)}, []expr.Expr{column(0, types.Int8)}
	if !left {
		join, to = joinOf(plan.JoinInner, edges, last), 1
		join.LeftKeys, join.RightKeys = []expr.Expr{column(0, types.Int8)}, []expr.Expr{column(0, types.Int8)}
	}
	first := &plan.Project{Base: base(types.Int8), Input: &plan.Values{Rows: [][]expr.Expr{{}}}, Exprs: []expr.Expr{outer(1, 0, types.Int8)}}
	reach := &plan.Recursive{Base: base(types.Int8), Number: 1, First: first, Step: projectOf(join, column(to, types.Int8))}
	all := joinOf(plan.JoinInner, valuesOf(t, intText[:1], starts...), reach)
	all.Lateral = true
	return all
}
