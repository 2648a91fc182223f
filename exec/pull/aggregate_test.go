package pull

import (
	"fmt"
	"strconv"
	"testing"

	"millrace/exec/operator"
	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// joinedText is an accumulator whose result depends on the order of its rows:
// the integers it was given, with dots between them, NULL as n.
type joinedText struct{ texts []string }

func (j *joinedText) Resize(n int) {
	for len(j.texts) < n {
		j.texts = append(j.texts, "")
	}
	j.texts = j.texts[:n]
}

func (j *joinedText) Clear(groups []int32) {
	for _, g := range groups {
		j.texts[g] = ""
	}
}

func (j *joinedText) Add(ctx *expr.Context, groups []int32, args []*types.Vector, _ []int64) {
	for row, g := range groups {
		if g == operator.NoGroup {
			continue
		}
		value := "n"
		if !args[0].IsNull(row) {
			value = strconv.FormatInt(args[0].Ints[row], 10)
		}
		if value == "666" {
			ctx.Fail(int32(row), sqlerr.New(sqlerr.NumericValueOutOfRange, -1, "value out of range"))
			continue
		}
		j.texts[g] += "." + value
	}
}

func (j *joinedText) Merge(_ *expr.Context, groups []int32, states []*types.Vector) {
	for row, g := range groups {
		j.texts[g] += states[0].Strs[row]
	}
}

func (j *joinedText) Load(groups []int32, states []*types.Vector) {
	for row, g := range groups {
		j.texts[g] = states[0].Strs[row]
	}
}

func (j *joinedText) Save(groups []int32, out []*types.Vector) {
	for _, g := range groups {
		out[0].Append(types.StringDatum(j.texts[g]))
	}
}

func (j *joinedText) Result(ctx *expr.Context, groups []int32, out *types.Vector) {
	for row, g := range groups {
		if j.texts[g] == ".13" {
			ctx.Fail(int32(row), sqlerr.New(sqlerr.NumericValueOutOfRange, -1, "value out of range"))
			out.Append(types.Null)
			continue
		}
		out.Append(types.StringDatum(j.texts[g]))
	}
}

func joinedOf(arg expr.Expr) plan.AggregateCall {
	f := &expr.Aggregate{
		Name: "joined", Args: []types.Type{types.Int8}, Result: types.Text, State: []types.Type{types.Text},
		New: func([]types.Type) expr.Accumulator { return &joinedText{} },
	}
	return plan.AggregateCall{Func: f, Args: []expr.Expr{arg}, Type: types.Text}
}

func TestAggregate(t *testing.T) {
	input := valuesOf(t, intInt, "1 10", "2 5", "1 30", "- 7", "2 -", "- 8", "1 20")
	key, value := column(0, types.Int8), column(1, types.Int8)
	filtered := callOf(t, "count")
	filtered.Filter = call(t, ">", value, integer(9))
	tests := []struct {
		name    string
		groupBy []expr.Expr
		calls   []plan.AggregateCall
		want    []string
	}{
		{"groups only", []expr.Expr{key}, nil, []string{"1", "2", "-"}},
		{"calls", []expr.Expr{key},
			[]plan.AggregateCall{callOf(t, "count"), callOf(t, "count", value), callOf(t, "sum", value), callOf(t, "min", value), callOf(t, "max", value)},
			[]string{"1 3 3 60 10 30", "2 2 1 5 5 5", "- 2 2 15 7 8"}},
		{"global", nil, []plan.AggregateCall{callOf(t, "count"), callOf(t, "sum", value)}, []string{"7 80"}},
		{"filter", []expr.Expr{key}, []plan.AggregateCall{filtered, callOf(t, "count")}, []string{"1 3 3", "2 0 2", "- 0 2"}},
		{"two keys", []expr.Expr{key, call(t, ">", value, integer(9))}, []plan.AggregateCall{callOf(t, "count")},
			[]string{"1 t 3", "2 f 1", "- f 2", "2 - 1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			check(t, aggregateOf(input, test.groupBy, test.calls...), nil, test.want...)
		})
	}
}

func TestAggregateOfNothing(t *testing.T) {
	input := valuesOf(t, intInt)
	value := column(1, types.Int8)
	check(t, aggregateOf(input, nil, callOf(t, "count"), callOf(t, "sum", value)), nil, "0 -")
	check(t, aggregateOf(input, []expr.Expr{column(0, types.Int8)}, callOf(t, "count")), nil)
	check(t, aggregateOf(input, nil), nil, "")
}

func TestAggregateDistinct(t *testing.T) {
	input := valuesOf(t, intInt, "1 3", "1 1", "2 3", "1 3", "2 -", "2 -", "1 2", "2 3")
	key, value := column(0, types.Int8), column(1, types.Int8)
	count, sum, joined := callOf(t, "count", value), callOf(t, "sum", value), joinedOf(value)
	count.Distinct, sum.Distinct, joined.Distinct = true, true, true
	check(t, aggregateOf(input, []expr.Expr{key}, count, sum, joined), nil, "1 3 6 .1.2.3", "2 1 3 .3.n")
	check(t, aggregateOf(input, nil, count, callOf(t, "count", value)), nil, "3 6")

	count.Filter = call(t, "<", value, integer(3))
	check(t, aggregateOf(input, []expr.Expr{key}, count), nil, "1 2", "2 0")
}

func TestAggregateOrderBy(t *testing.T) {
	input := valuesOf(t, intInt, "1 3", "1 1", "2 3", "2 -", "1 2", "2 4")
	key, value := column(0, types.Int8), column(1, types.Int8)
	ascending, descending, filtered := joinedOf(value), joinedOf(value), joinedOf(value)
	ascending.OrderBy = []plan.SortKey{{Expr: value}}
	descending.OrderBy = []plan.SortKey{{Expr: value, Descending: true, NullsFirst: true}}
	filtered.OrderBy, filtered.Filter = ascending.OrderBy, call(t, ">", value, integer(1))
	check(t, aggregateOf(input, []expr.Expr{key}, joinedOf(value), ascending, descending, filtered), nil,
		"1 .3.1.2 .1.2.3 .3.2.1 .2.3", "2 .3.n.4 .3.4.n .n.4.3 .3.4")
	check(t, aggregateOf(input, nil, ascending), nil, ".1.2.3.3.4.n")
}

// TestAggregateFilterOfBatch checks batches of which no row passes the filter.
func TestAggregateFilterOfBatch(t *testing.T) {
	tables := map[string]*memoryTable{"t": {batch: 1, rows: datumsOf(t, intInt, "1 0", "1 5", "1 0")}}
	value := column(1, types.Int8)
	positive := call(t, ">", value, integer(0))
	count, distinct, ordered := callOf(t, "count", value), callOf(t, "count", value), joinedOf(call(t, "/", integer(20), value))
	distinct.Distinct = true
	ordered.OrderBy = []plan.SortKey{{Expr: value}}
	count.Filter, distinct.Filter, ordered.Filter = positive, positive, positive
	check(t, aggregateOf(scanOf("t", intInt...), nil, count, distinct, ordered), tables, "1 1 .4")
}

// TestAggregateFilterGuardsArguments checks that arguments are evaluated only
// for rows that pass the filter.
func TestAggregateFilterGuardsArguments(t *testing.T) {
	input := valuesOf(t, intInt, "1 4", "1 0")
	value := column(1, types.Int8)
	sum := callOf(t, "sum", call(t, "/", integer(8), value))
	sum.Filter = call(t, ">", value, integer(0))
	check(t, aggregateOf(input, nil, sum), nil, "2")
}

func TestAggregateErrors(t *testing.T) {
	key, value := column(0, types.Int8), column(1, types.Int8)
	large := valuesOf(t, intInt, "1 666")
	checkFails(t, aggregateOf(large, nil, joinedOf(value)), nil, sqlerr.NumericValueOutOfRange)
	ordered := joinedOf(value)
	ordered.OrderBy = []plan.SortKey{{Expr: value}}
	checkFails(t, aggregateOf(large, nil, ordered), nil, sqlerr.NumericValueOutOfRange)
	results := valuesOf(t, intInt, "1 1", "2 13", "3 3")
	checkFails(t, aggregateOf(results, []expr.Expr{key}, joinedOf(value)), nil, sqlerr.NumericValueOutOfRange, "1 .1")
}

// TestAggregateInTwoHalves checks that a final aggregation over partial ones
// gives what a complete one gives.
func TestAggregateInTwoHalves(t *testing.T) {
	first := valuesOf(t, intInt, "1 10", "2 5", "1 30")
	second := valuesOf(t, intInt, "2 7", "- 1", "1 -")
	both := &plan.SetOperation{Base: base(intInt...), All: true, Left: first, Right: second}
	key, value := column(0, types.Int8), column(1, types.Int8)
	calls := []plan.AggregateCall{callOf(t, "count"), callOf(t, "avg", value), callOf(t, "min", value), joinedOf(value)}

	partial := func(input plan.Node) plan.Node {
		columns := []types.Type{types.Int8}
		for _, c := range calls {
			columns = append(columns, c.Func.StateTypes(typesOf(c.Args))...)
		}
		return &plan.Aggregate{
			Base: base(columns...), Input: input, Mode: plan.AggregatePartial, GroupBy: []expr.Expr{key}, Calls: calls,
		}
	}
	halves := &plan.SetOperation{All: true, Left: partial(first), Right: partial(second)}
	halves.Base = plan.Base{Cols: halves.Left.Columns()}
	final := aggregateOf(halves, []expr.Expr{key}, calls...)
	final.Mode = plan.AggregateFinal

	want, err := run(t, queryOf(aggregateOf(both, []expr.Expr{key}, calls...)), newSources(nil))
	if err != nil {
		t.Fatal(err)
	}
	check(t, final, nil, want...)
}

func BenchmarkAggregate(b *testing.B) {
	const rows = 1_000_000
	value := column(1, types.Int8)
	root := aggregateOf(scanOf("t", intInt...), []expr.Expr{column(0, types.Int8)},
		callOf(b, "count"), callOf(b, "sum", value), callOf(b, "min", value))
	for _, groups := range []int{1000, rows} {
		b.Run(fmt.Sprint(groups, " groups"), func(b *testing.B) {
			table := &memoryTable{batch: 4096}
			for i := range rows {
				table.rows = append(table.rows, []types.Datum{types.IntDatum(int64(i * 7919 % groups)), types.IntDatum(int64(i))})
			}
			benchmark(b, queryOf(root), table, rows)
		})
	}
}
