package pull

import (
	"fmt"
	"testing"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

var joinKinds = map[string]plan.JoinKind{
	"inner": plan.JoinInner, "left": plan.JoinLeft, "right": plan.JoinRight,
	"full": plan.JoinFull, "semi": plan.JoinSemi, "anti": plan.JoinAnti,
}

func TestJoin(t *testing.T) {
	left := valuesOf(t, intText, "1 a", "2 b", "- c", "2 d", "4 e")
	right := valuesOf(t, intText, "2 x", "2 y", "- z", "1 w", "3 v")
	tests := map[string][]string{
		"inner": {"1 a 1 w", "2 b 2 x", "2 b 2 y", "2 d 2 x", "2 d 2 y"},
		"left":  {"1 a 1 w", "2 b 2 x", "2 b 2 y", "2 d 2 x", "2 d 2 y", "- c - -", "4 e - -"},
		"right": {"1 a 1 w", "2 b 2 x", "2 b 2 y", "2 d 2 x", "2 d 2 y", "- - - z", "- - 3 v"},
		"full":  {"1 a 1 w", "2 b 2 x", "2 b 2 y", "2 d 2 x", "2 d 2 y", "- c - -", "4 e - -", "- - - z", "- - 3 v"},
		"semi":  {"1 a", "2 b", "2 d"},
		"anti":  {"- c", "4 e"},
	}
	for kind, want := range tests {
		t.Run(kind, func(t *testing.T) {
			hash := joinOf(joinKinds[kind], left, right)
			hash.LeftKeys = []expr.Expr{column(0, types.Int8)}
			hash.RightKeys = []expr.Expr{column(0, types.Int8)}
			checkSet(t, hash, nil, want...)

			loop := joinOf(joinKinds[kind], left, right)
			loop.On = call(t, "=", column(0, types.Int8), column(2, types.Int8))
			checkSet(t, loop, nil, want...)
		})
	}
}

// TestJoinResidual checks a condition beside the equality.
func TestJoinResidual(t *testing.T) {
	left := valuesOf(t, intText, "1 a", "2 b", "2 z")
	right := valuesOf(t, intText, "2 x", "2 y", "1 a")
	tests := map[string][]string{
		"inner": {"2 b 2 x", "2 b 2 y"},
		"left":  {"2 b 2 x", "2 b 2 y", "1 a - -", "2 z - -"},
		"right": {"2 b 2 x", "2 b 2 y", "- - 1 a"},
		"full":  {"2 b 2 x", "2 b 2 y", "1 a - -", "2 z - -", "- - 1 a"},
		"semi":  {"2 b"},
		"anti":  {"1 a", "2 z"},
	}
	for kind, want := range tests {
		t.Run(kind, func(t *testing.T) {
			n := joinOf(joinKinds[kind], left, right)
			n.LeftKeys = []expr.Expr{column(0, types.Int8)}
			n.RightKeys = []expr.Expr{column(0, types.Int8)}
			n.On = call(t, "<", column(1, types.Text), column(3, types.Text))
			checkSet(t, n, nil, want...)
		})
	}
}

func TestJoinWithEmptySide(t *testing.T) {
	some, none := valuesOf(t, intText, "1 a"), valuesOf(t, intText)
	withNone := map[string][]string{
		"inner": {}, "left": {"1 a - -"}, "right": {}, "full": {"1 a - -"}, "semi": {}, "anti": {"1 a"},
	}
	fromNone := map[string][]string{
		"inner": {}, "left": {}, "right": {"- - 1 a"}, "full": {"- - 1 a"}, "semi": {}, "anti": {},
	}
	for kind := range joinKinds {
		t.Run(kind, func(t *testing.T) {
			check(t, joinOf(joinKinds[kind], some, none), nil, withNone[kind]...)
			check(t, joinOf(joinKinds[kind], none, some), nil, fromNone[kind]...)
		})
	}
}

// TestJoinKeyTypes checks that keys of types that compare as equal meet.
func TestJoinKeyTypes(t *testing.T) {
	tests := []struct {
		left, right types.Type
		values      [2]string
	}{
		{types.Int4, types.Int8, [2]string{"7", "7"}},
		{types.Int8, types.Numeric, [2]string{"7", "7.0"}},
		{types.Float4, types.Float8, [2]string{"0.5", "0.5"}},
		{types.Date, types.Timestamp, [2]string{"2020-02-01", "2020-02-01T00:00:00"}},
		{types.Varchar, types.Text, [2]string{"a", "a"}},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.left, " ", test.right), func(t *testing.T) {
			left := valuesOf(t, []types.Type{test.left}, test.values[0])
			right := valuesOf(t, []types.Type{test.right}, test.values[1])
			n := joinOf(plan.JoinSemi, left, right)
			n.LeftKeys = []expr.Expr{column(0, test.left)}
			n.RightKeys = []expr.Expr{column(0, test.right)}
			check(t, n, nil, test.values[0])
		})
	}
}

// TestJoinOfManyRows checks results of more than a batch for one left batch.
func TestJoinOfManyRows(t *testing.T) {
	series := setTable("generate_series", integer(1), integer(1500))
	sum := call(t, "+", column(0, types.Int8), column(1, types.Int8))
	for _, kind := range []string{"inner", "full", "semi"} {
		n := joinOf(joinKinds[kind], series, series)
		n.On = call(t, "=", sum, integer(1500))
		want := map[string]string{"inner": "1499", "full": "1501", "semi": "1499"}[kind]
		t.Run(kind, func(t *testing.T) { check(t, aggregateOf(n, nil, callOf(t, "count")), nil, want) })
	}
}

func TestJoinErrors(t *testing.T) {
	left := valuesOf(t, intInt, "1 1", "1 0")
	right := valuesOf(t, intText[:1], "1")
	n := joinOf(plan.JoinInner, left, right)
	n.On = call(t, "=", call(t, "/", integer(1), column(1, types.Int8)), column(2, types.Int8))
	checkFails(t, n, nil, sqlerr.DivisionByZero, "1 1 1")
}

func TestLateral(t *testing.T) {
	left := valuesOf(t, intText[:1], "2", "0", "-", "1")
	series := setTable("generate_series", integer(1), outer(1, 0, types.Int8))
	tests := map[string][]string{
		"inner": {"2 1", "2 2", "1 1"},
		"left":  {"2 1", "2 2", "0 -", "- -", "1 1"},
		"semi":  {"2", "1"},
		"anti":  {"0", "-"},
	}
	for kind, want := range tests {
		t.Run(kind, func(t *testing.T) {
			n := joinOf(joinKinds[kind], left, series)
			n.Lateral = true
			check(t, n, nil, want...)
		})
	}
	t.Run("condition", func(t *testing.T) {
		n := joinOf(plan.JoinLeft, left, series)
		n.Lateral = true
		n.LeftKeys, n.RightKeys = []expr.Expr{column(0, types.Int8)}, []expr.Expr{column(0, types.Int8)}
		n.On = call(t, ">", column(1, types.Int8), integer(1))
		check(t, n, nil, "2 2", "0 -", "- -", "1 -")
	})
	t.Run("right", func(t *testing.T) {
		n := joinOf(plan.JoinRight, left, series)
		n.Lateral = true
		checkFails(t, n, nil, sqlerr.InvalidColumnReference)
	})
}

// TestLateralReadsOnce checks that the part of a lateral right side that does
// not depend on the left row is read once.
func TestLateralReadsOnce(t *testing.T) {
	sources := newSources(map[string]*memoryTable{"t": {rows: datumsOf(t, intText, "1 one", "2 two", "2 zwei")}})
	right := filterOf(scanOf("t", intText...), call(t, "=", column(0, types.Int8), outer(1, 0, types.Int8)))
	n := joinOf(plan.JoinInner, valuesOf(t, intText[:1], "2", "1", "2", "3"), right)
	n.Lateral = true
	got, err := run(t, queryOf(n), sources)
	if err != nil {
		t.Fatal(err)
	}
	compareRows(t, got, []string{"2 2 two", "2 2 zwei", "1 1 one", "2 2 two", "2 2 zwei"})
	if sources.scans["t"] != 1 {
		t.Errorf("%d scans", sources.scans["t"])
	}
}

// TestNestedLateral checks outer levels through two lateral joins, with an
// operator of each kind under them started again per row.
func TestNestedLateral(t *testing.T) {
	input := valuesOf(t, intText[:1], "3", "1", "2")
	inner := setTable("generate_series", outer(1, 0, types.Int8), outer(2, 0, types.Int8))
	middle := joinOf(plan.JoinInner, valuesOf(t, intText[:1], "1", "2"), inner)
	middle.Lateral = true
	grouped := aggregateOf(middle, []expr.Expr{column(0, types.Int8)}, callOf(t, "sum", column(1, types.Int8)))
	sorted := limitOf(sortOf(grouped, plan.SortKey{Expr: column(1, types.Numeric)}), integer(1), nil)
	distinct := &plan.Distinct{Base: plan.Base{Cols: sorted.Cols}, Input: sorted}
	n := joinOf(plan.JoinLeft, input, distinct)
	n.Lateral = true
	check(t, n, nil, "3 2 5", "1 1 1", "2 2 2")
}

func BenchmarkHashJoin(b *testing.B) {
	const rows = 100_000
	table := &memoryTable{batch: 4096}
	for i := range rows {
		table.rows = append(table.rows, []types.Datum{types.IntDatum(int64(i) * 7919 % rows), types.IntDatum(int64(i))})
	}
	n := joinOf(plan.JoinInner, scanOf("t", intInt...), scanOf("t", intInt...))
	n.LeftKeys, n.RightKeys = []expr.Expr{column(0, types.Int8)}, []expr.Expr{column(0, types.Int8)}
	benchmark(b, queryOf(n), table, rows)
}
