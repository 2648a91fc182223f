package pull

import (
	"testing"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

func subqueryOf(number int, kind expr.SubqueryKind, typ types.Type) *expr.Subquery {
	return &expr.Subquery{Node: at(typ), Number: number, Kind: kind}
}

// orders is a table of customers' orders: customer, amount.
func orders(t *testing.T) *memorySources {
	return newSources(map[string]*memoryTable{"orders": {rows: datumsOf(t, intInt, "1 10", "1 20", "2 5", "- 7")}})
}

// ordersOfCustomer are the amounts of the customer in the first column of the
// row around.
func ordersOfCustomer(t *testing.T) plan.Node {
	customer := call(t, "=", column(0, types.Int8), outer(1, 0, types.Int8))
	return projectOf(filterOf(scanOf("orders", intInt...), customer), column(1, types.Int8))
}

func customers(t *testing.T) plan.Node { return valuesOf(t, intText[:1], "1", "2", "3", "1", "-") }

func TestSubqueries(t *testing.T) {
	customer := column(0, types.Int8)
	amounts := projectOf(scanOf("orders", intInt...), column(1, types.Int8))
	total := aggregateOf(ordersOfCustomer(t), nil, callOf(t, "sum", column(0, types.Int8)))
	largest := aggregateOf(amounts, nil, callOf(t, "max", column(0, types.Int8)))

	anyEqual := subqueryOf(0, expr.SubqueryAny, types.Bool)
	anyEqual.Left = call(t, "*", customer, integer(5))
	anyEqual.Func = call(t, "=", customer, customer).(*expr.Call).Func
	allLess := subqueryOf(0, expr.SubqueryAll, types.Bool)
	allLess.Left = customer
	allLess.Func = call(t, "<", customer, customer).(*expr.Call).Func

	tests := []struct {
		name     string
		subquery plan.Node
		use      expr.Expr
		want     []string
		scans    int
	}{
		{"scalar", largest, subqueryOf(0, expr.SubqueryScalar, types.Int8), []string{"20", "20", "20", "20", "20"}, 1},
		{"scalar without rows", filterOf(amounts, constant(types.Bool, types.Null)),
			subqueryOf(0, expr.SubqueryScalar, types.Int8), []string{"-", "-", "-", "-", "-"}, 1},
		{"correlated scalar", total, subqueryOf(0, expr.SubqueryScalar, types.Numeric), []string{"30", "5", "-", "30", "-"}, 1},
		{"exists", amounts, subqueryOf(0, expr.SubqueryExists, types.Bool), []string{"t", "t", "t", "t", "t"}, 1},
		{"correlated exists", ordersOfCustomer(t), subqueryOf(0, expr.SubqueryExists, types.Bool),
			[]string{"t", "t", "f", "t", "f"}, 1},
		{"any", amounts, anyEqual, []string{"t", "t", "f", "t", "-"}, 1},
		{"all", amounts, allLess, []string{"t", "t", "t", "t", "-"}, 1},
		{"correlated array", ordersOfCustomer(t), subqueryOf(0, expr.SubqueryArray, types.ArrayOf(types.Int8)),
			[]string{"{10,20}", "{5}", "{}", "{10,20}", "{}"}, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sources := orders(t)
			got, err := run(t, queryOf(projectOf(customers(t), test.use), queryOf(test.subquery)), sources)
			if err != nil {
				t.Fatal(err)
			}
			compareRows(t, got, test.want)
			if sources.scans["orders"] != test.scans {
				t.Errorf("%d scans, want %d", sources.scans["orders"], test.scans)
			}
		})
	}
}

func TestScalarSubqueryOfManyRows(t *testing.T) {
	use := projectOf(customers(t), subqueryOf(0, expr.SubqueryScalar, types.Int8))
	_, err := run(t, queryOf(use, queryOf(ordersOfCustomer(t))), orders(t))
	if sqlerr.CodeOf(err) != sqlerr.CardinalityViolation {
		t.Errorf("error %v", err)
	}
}

// TestSubqueryErrors checks that a subquery's failing row fails the row that
// asked for it.
func TestSubqueryErrors(t *testing.T) {
	inverse := projectOf(&plan.Values{Rows: [][]expr.Expr{{}}}, call(t, "/", integer(6), outer(1, 0, types.Int8)))
	input := valuesOf(t, intText[:1], "2", "3", "0", "1")
	got, err := run(t, queryOf(projectOf(input, subqueryOf(0, expr.SubqueryScalar, types.Int8)), queryOf(inverse)), newSources(nil))
	if sqlerr.CodeOf(err) != sqlerr.DivisionByZero {
		t.Errorf("error %v", err)
	}
	compareRows(t, got, []string{"3", "2"})
}

// TestInSubquery checks IN and NOT IN as conditions: NULL on either side, no
// rows, and an error on the left.
func TestInSubquery(t *testing.T) {
	input := valuesOf(t, intText[:1], "1", "2", "-", "1", "3")
	column32 := []types.Type{types.Int4}
	tests := []struct {
		name     string
		subquery []string
		in       []string
		notIn    []string
	}{
		{"rows", []string{"1", "3", "1"}, []string{"1", "1", "3"}, []string{"2"}},
		{"rows and NULL", []string{"3", "-"}, []string{"3"}, nil},
		{"no rows", nil, nil, []string{"1", "2", "-", "1", "3"}},
		{"all rows", []string{"3", "2", "1"}, []string{"1", "2", "1", "3"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in := subqueryOf(0, expr.SubqueryAny, types.Bool)
			in.Left = column(0, types.Int8)
			in.Func = call(t, "=", in.Left, column(0, types.Int4)).(*expr.Call).Func
			for _, use := range []struct {
				condition expr.Expr
				want      []string
			}{{in, test.in}, {&expr.Not{Node: at(types.Bool), Arg: in}, test.notIn}} {
				sources := newSources(map[string]*memoryTable{"t": {rows: datumsOf(t, column32, test.subquery...), batch: 1}})
				got, err := run(t, queryOf(filterOf(input, use.condition), queryOf(scanOf("t", column32...))), sources)
				if err != nil {
					t.Fatal(err)
				}
				compareRows(t, got, use.want)
				if sources.scans["t"] != 1 {
					t.Errorf("%d scans", sources.scans["t"])
				}
			}
		})
	}
	failing := subqueryOf(0, expr.SubqueryAny, types.Bool)
	failing.Left = call(t, "/", integer(6), call(t, "-", column(0, types.Int8), integer(2)))
	failing.Func = call(t, "=", failing.Left, failing.Left).(*expr.Call).Func
	values := valuesOf(t, intText[:1], "-6", "6")
	got, err := run(t, queryOf(filterOf(input, failing), queryOf(values)), newSources(nil))
	if sqlerr.CodeOf(err) != sqlerr.DivisionByZero {
		t.Errorf("error %v", err)
	}
	compareRows(t, got, []string{"1"})
}

// TestLargeSubqueries checks that IN and correlated subqueries do not take the
// product of their inputs.
func TestLargeSubqueries(t *testing.T) {
	const rows = 30_000
	series := func(columns int) plan.Node {
		s := setTable("generate_series", integer(1), integer(rows))
		var exprs []expr.Expr
		for range columns {
			exprs = append(exprs, column(0, types.Int8))
		}
		return projectOf(s, exprs...)
	}
	in := subqueryOf(0, expr.SubqueryAny, types.Bool)
	in.Left = column(0, types.Int8)
	in.Func = call(t, "=", in.Left, in.Left).(*expr.Call).Func
	exists := subqueryOf(0, expr.SubqueryExists, types.Bool)
	correlated := filterOf(series(2), call(t, "=", column(1, types.Int8), outer(1, 0, types.Int8)))
	for _, test := range []struct {
		name      string
		condition expr.Expr
		subquery  plan.Node
	}{{"in", in, series(1)}, {"exists", exists, correlated}} {
		t.Run(test.name, func(t *testing.T) {
			count := aggregateOf(filterOf(series(1), test.condition), nil, callOf(t, "count"))
			got, err := run(t, queryOf(count, queryOf(test.subquery)), newSources(nil))
			if err != nil {
				t.Fatal(err)
			}
			compareRows(t, got, []string{"30000"})
		})
	}
}

// BenchmarkCorrelatedSubquery counts, for each of many rows, the rows of a table
// with its key.
func BenchmarkCorrelatedSubquery(b *testing.B) {
	const rows = 10_000
	table := &memoryTable{batch: 4096}
	for i := range rows {
		table.rows = append(table.rows, []types.Datum{types.IntDatum(int64(i) * 7919 % rows), types.IntDatum(int64(i))})
	}
	inner := filterOf(scanOf("t", intInt...), call(b, "=", column(0, types.Int8), outer(1, 1, types.Int8)))
	count := aggregateOf(inner, nil, callOf(b, "count"))
	use := projectOf(scanOf("t", intInt...), subqueryOf(0, expr.SubqueryScalar, types.Int8))
	benchmark(b, queryOf(use, queryOf(count)), table, rows)
}

// TestNestedSubqueries checks a subquery in a subquery that refers to both rows
// around it, under one numbering and under one of each query's own.
func TestNestedSubqueries(t *testing.T) {
	innermost := func() plan.Node {
		sum := call(t, "+", outer(1, 0, types.Int8), outer(2, 0, types.Int8))
		return projectOf(&plan.Values{Rows: [][]expr.Expr{{}}}, sum)
	}
	middle := func(number int) plan.Node {
		sums := projectOf(ordersOfCustomer(t), subqueryOf(number, expr.SubqueryScalar, types.Int8))
		return aggregateOf(sums, nil, callOf(t, "sum", column(0, types.Int8)))
	}
	use := projectOf(customers(t), subqueryOf(0, expr.SubqueryScalar, types.Numeric))
	want := []string{"32", "7", "-", "32", "-"}

	flat := queryOf(use, queryOf(middle(1)), queryOf(innermost()))
	got, err := run(t, flat, orders(t))
	if err != nil {
		t.Fatal(err)
	}
	compareRows(t, got, want)

	own := queryOf(use, queryOf(middle(0), queryOf(innermost())))
	if got, err = run(t, own, orders(t)); err != nil {
		t.Fatal(err)
	}
	compareRows(t, got, want)
}

// TestSubqueryInLateral checks the rows around a subquery under a lateral join.
func TestSubqueryInLateral(t *testing.T) {
	total := aggregateOf(ordersOfCustomer(t), nil, callOf(t, "sum", column(0, types.Int8)))
	product := call(t, "*", subqueryOf(0, expr.SubqueryScalar, types.Numeric), outer(1, 0, types.Numeric))
	right := projectOf(valuesOf(t, intText[:1], "1", "2"), product)
	n := joinOf(plan.JoinInner, valuesOf(t, []types.Type{types.Numeric}, "1", "100"), right)
	n.Lateral = true
	sources := orders(t)
	got, err := run(t, queryOf(n, queryOf(total)), sources)
	if err != nil {
		t.Fatal(err)
	}
	compareRows(t, got, []string{"1 30", "1 5", "100 3000", "100 500"})
	if sources.scans["orders"] != 1 {
		t.Errorf("%d scans", sources.scans["orders"])
	}
}
