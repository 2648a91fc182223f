package pull

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

var (
	intText = []types.Type{types.Int8, types.Text}
	intInt  = []types.Type{types.Int8, types.Int8}
)

func TestValues(t *testing.T) {
	check(t, valuesOf(t, intText, "1 one", "- -"), nil, "1 one", "- -")
	check(t, valuesOf(t, intText), nil)
	oneRow := &plan.Values{Rows: [][]expr.Expr{{}}}
	check(t, projectOf(oneRow, integer(5)), nil, "5")

	division := call(t, "/", integer(1), integer(0))
	failing := valuesOf(t, intText, "1 one", "2 two")
	failing.Rows[1] = []expr.Expr{integer(2), &expr.Cast{Node: at(types.Text), Arg: division}}
	checkFails(t, failing, nil, sqlerr.DivisionByZero, "1 one")
}

func TestScan(t *testing.T) {
	var rows []string
	for i := range 3000 {
		rows = append(rows, fmt.Sprint(i))
	}
	all := datumsOf(t, intText[:1], rows...)
	for _, size := range []int{0, 7, 1024, 1500} {
		check(t, scanOf("t", types.Int8), map[string]*memoryTable{"t": {rows: all, batch: size}}, rows...)
	}
	weighted := &memoryTable{rows: datumsOf(t, intText, "1 a", "2 -", "3 c"), weights: []int64{2, 1, 3}}
	check(t, scanOf("t", intText...), map[string]*memoryTable{"t": weighted},
		"1 a", "1 a", "2 -", "3 c", "3 c", "3 c")

	many := &memoryTable{rows: datumsOf(t, intText[:1], "1", "2"), weights: []int64{3000, 1}}
	got, err := run(t, queryOf(scanOf("t", types.Int8)), newSources(map[string]*memoryTable{"t": many}))
	if err != nil || len(got) != 3001 || got[3000] != "2" {
		t.Errorf("%d rows, error %v", len(got), err)
	}
}

func TestScanByKey(t *testing.T) {
	tables := map[string]*memoryTable{"t": {rows: datumsOf(t, intText, "1 one", "2 two")}}
	scan := scanOf("t", intText...)
	scan.KeyEquals = []expr.Expr{integer(2)}
	check(t, scan, tables, "2 two")

	scan.KeyEquals = []expr.Expr{constant(types.Int8, types.Null)}
	sources := newSources(tables)
	if got, err := run(t, queryOf(scan), sources); err != nil || len(got) != 0 || sources.scans["t"] != 0 {
		t.Errorf("a NULL key gave %q, error %v, %d scans", got, err, sources.scans["t"])
	}
}

func TestSystemScan(t *testing.T) {
	tables := map[string]*memoryTable{"pg_class": {rows: datumsOf(t, intText, "1 one", "2 two")}}
	scan := &plan.SystemScan{Base: base(types.Text), Schema: "pg_catalog", Name: "pg_class", Fetch: []int{1}}
	check(t, scan, tables, "one", "two")
}

func TestVisibleColumns(t *testing.T) {
	q := queryOf(valuesOf(t, intText, "1 one"))
	q.Visible = 1
	got, err := run(t, q, newSources(nil))
	if err != nil {
		t.Fatal(err)
	}
	compareRows(t, got, []string{"1"})
}

func TestFilter(t *testing.T) {
	input := valuesOf(t, intText, "1 one", "2 two", "- none", "3 three")
	check(t, filterOf(input, call(t, ">", column(0, types.Int8), integer(1))), nil, "2 two", "3 three")
	check(t, filterOf(input, constant(types.Bool, types.BoolDatum(false))), nil)
	check(t, filterOf(input, constant(types.Bool, types.Null)), nil)
}

// TestRowErrors checks that the first row that fails ends the query, after the
// rows before it, and that a row that nobody asks for does not fail.
func TestRowErrors(t *testing.T) {
	input := valuesOf(t, intInt, "1 5", "2 0", "3 0", "0 2")
	quotient := call(t, "/", column(0, types.Int8), column(1, types.Int8))
	inverse := call(t, "/", integer(12), column(0, types.Int8))
	checkFails(t, projectOf(input, quotient), nil, sqlerr.DivisionByZero, "0")
	checkFails(t, projectOf(input, inverse), nil, sqlerr.DivisionByZero, "12", "6", "4")
	checkFails(t, filterOf(input, call(t, ">=", inverse, integer(6))), nil, sqlerr.DivisionByZero, "1 5", "2 0")
	check(t, limitOf(projectOf(input, inverse), integer(3), nil), nil, "12", "6", "4")
	checkFails(t, sortOf(input, plan.SortKey{Expr: quotient}), nil, sqlerr.DivisionByZero)
	checkFails(t, aggregateOf(input, []expr.Expr{quotient}), nil, sqlerr.DivisionByZero)
	checkFails(t, aggregateOf(input, nil, callOf(t, "sum", quotient)), nil, sqlerr.DivisionByZero)
	distinct := &plan.Distinct{Base: base(intInt...), Input: input, On: []expr.Expr{inverse}}
	checkFails(t, distinct, nil, sqlerr.DivisionByZero, "1 5", "2 0", "3 0")
}

func TestLimit(t *testing.T) {
	input := valuesOf(t, intText[:1], "1", "2", "3", "4")
	null := constant(types.Int8, types.Null)
	tests := []struct {
		name          string
		count, offset expr.Expr
		want          []string
	}{
		{"neither", nil, nil, []string{"1", "2", "3", "4"}},
		{"count", integer(2), nil, []string{"1", "2"}},
		{"offset", nil, integer(3), []string{"4"}},
		{"both", integer(2), integer(1), []string{"2", "3"}},
		{"NULL", null, null, []string{"1", "2", "3", "4"}},
		{"zero", integer(0), integer(0), []string{}},
		{"more than there is", integer(9), integer(3), []string{"4"}},
		{"behind the end", integer(1), integer(9), []string{}},
		{"largest", integer(1<<63 - 1), integer(1<<63 - 1), []string{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			check(t, limitOf(input, test.count, test.offset), nil, test.want...)
			sorted := sortOf(input, plan.SortKey{Expr: column(0, types.Int8)})
			check(t, limitOf(sorted, test.count, test.offset), nil, test.want...)
		})
	}
	checkFails(t, limitOf(input, integer(-1), nil), nil, sqlerr.InvalidRowCountInLimitClause)
	checkFails(t, limitOf(input, integer(-1), integer(-1)), nil, sqlerr.InvalidRowCountInResultOffset)
}

func TestDistinct(t *testing.T) {
	input := valuesOf(t, intText, "1 a", "1 b", "- a", "1 a", "- a", "- -", "- -")
	whole := &plan.Distinct{Base: base(intText...), Input: input}
	check(t, whole, nil, "1 a", "1 b", "- a", "- -")
	on := &plan.Distinct{Base: base(intText...), Input: input, On: []expr.Expr{column(0, types.Int8)}}
	check(t, on, nil, "1 a", "- a")
}

func TestSetOperations(t *testing.T) {
	left := valuesOf(t, intText[:1], "1", "1", "1", "2", "-", "-", "3")
	right := valuesOf(t, intText[:1], "1", "1", "-", "3", "4")
	tests := []struct {
		op   plan.SetOp
		all  bool
		want []string
	}{
		{plan.Union, true, []string{"1", "1", "1", "2", "-", "-", "3", "1", "1", "-", "3", "4"}},
		{plan.Union, false, []string{"1", "2", "-", "3", "4"}},
		{plan.Intersect, true, []string{"1", "1", "-", "3"}},
		{plan.Intersect, false, []string{"1", "-", "3"}},
		{plan.Except, true, []string{"1", "2", "-"}},
		{plan.Except, false, []string{"2"}},
	}
	for _, test := range tests {
		n := &plan.SetOperation{Base: base(types.Int8), Op: test.op, All: test.all, Left: left, Right: right}
		t.Run(fmt.Sprint(test.op, test.all), func(t *testing.T) { checkSet(t, n, nil, test.want...) })
	}
}

func TestShuffle(t *testing.T) {
	input := valuesOf(t, intText, "1 one")
	check(t, &plan.Shuffle{Base: base(intText...), Input: input}, nil, "1 one")
}

func TestNotInPullQueries(t *testing.T) {
	_, err := run(t, queryOf(&plan.StageInput{Base: base(types.Int8)}), newSources(nil))
	if sqlerr.CodeOf(err) != sqlerr.FeatureNotSupported {
		t.Errorf("error %v", err)
	}
}

func TestMemoryLimit(t *testing.T) {
	series := setTable("generate_series", integer(1), integer(100_000))
	key := column(0, types.Int8)
	join := joinOf(plan.JoinInner, series, series)
	join.LeftKeys, join.RightKeys = []expr.Expr{key}, []expr.Expr{key}
	plans := map[string]plan.Node{
		"sort":      sortOf(series, plan.SortKey{Expr: key}),
		"group":     aggregateOf(series, []expr.Expr{key}, callOf(t, "count")),
		"distinct":  &plan.Distinct{Base: base(types.Int8), Input: series},
		"join":      join,
		"intersect": &plan.SetOperation{Base: base(types.Int8), Op: plan.Intersect, Left: series, Right: series},
	}
	for name, root := range plans {
		t.Run(name, func(t *testing.T) {
			it, err := Run(context.Background(), queryOf(root), testContext(), newSources(nil), Options{MemoryLimit: 1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			defer it.Close()
			_, err = collect(context.Background(), it)
			if sqlerr.CodeOf(err) != sqlerr.OutOfMemory || sqlerr.From(err).Hint == "" {
				t.Errorf("error %v", err)
			}
			if used := it.(*result).execution.memory.used; used != 0 {
				t.Errorf("%d bytes are held after the end", used)
			}
		})
	}
}

// TestMemoryOfSmallResults checks queries over many rows that hold few of them.
func TestMemoryOfSmallResults(t *testing.T) {
	series := setTable("generate_series", integer(1), integer(100_000))
	key, few := column(0, types.Int8), valuesOf(t, intText[:1], "99999", "7")
	count := func(input plan.Node) plan.Node { return aggregateOf(input, nil, callOf(t, "count")) }
	join := func(kind plan.JoinKind, left, right plan.Node) plan.Node {
		n := joinOf(kind, left, right)
		n.LeftKeys, n.RightKeys = []expr.Expr{key}, []expr.Expr{key}
		return count(n)
	}
	tests := map[string]struct {
		root plan.Node
		want string
	}{
		"few rows joined with many": {join(plan.JoinInner, few, series), "2"},
		"many rows joined with few": {join(plan.JoinLeft, series, few), "100000"},
		"few rows with matches":     {join(plan.JoinSemi, few, series), "2"},
		"few rows without matches":  {join(plan.JoinAnti, few, series), "0"},
		"both":                      {join(plan.JoinFull, few, series), "100000"},
		"first rows":                {count(limitOf(sortOf(series, plan.SortKey{Expr: key}), integer(5), nil)), "5"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			it, err := Run(context.Background(), queryOf(test.root), testContext(), newSources(nil), Options{MemoryLimit: 1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			defer it.Close()
			rows, err := collect(context.Background(), it)
			if err != nil {
				t.Fatal(err)
			}
			compareRows(t, textOf(intText[:1], rows), []string{test.want})
		})
	}
}

// TestCancel checks that a query ends with its context, and goes on with a new
// one.
func TestCancel(t *testing.T) {
	series := setTable("generate_series", integer(1), integer(5000))
	count := aggregateOf(series, nil, callOf(t, "count"))
	it, err := Run(context.Background(), queryOf(count), testContext(), newSources(nil), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := it.Next(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	rows, err := collect(context.Background(), it)
	if err != nil || len(rows) != 1 || rows[0][0].Int != 5000 {
		t.Errorf("rows %v, error %v", rows, err)
	}
}
