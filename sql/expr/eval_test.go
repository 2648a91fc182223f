package expr

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// Expressions for tests are written with these helpers.

func col(index int, t types.Type) Expr {
	return &Column{Node: Node{ResultType: t, Position: -1}, Index: index}
}

func lit(typ, text string) Expr {
	e, err := Coerce(&Const{Node: Node{ResultType: types.Unknown, Position: -1}, Value: types.StringDatum(text)}, typeNamed(typ), Explicit)
	if err != nil {
		panic(err)
	}
	return e
}

func op(token string, left, right Expr) Expr {
	o, args, err := ResolveOperator(token, left.Type(), right.Type(), -1)
	if err != nil {
		panic(err)
	}
	e, err := buildCall(o, []Expr{left, right}, args)
	if err != nil {
		panic(err)
	}
	return e
}

func fn(name string, args ...Expr) Expr {
	ts := make([]types.Type, len(args))
	for i, a := range args {
		ts[i] = a.Type()
	}
	o, coerced, err := ResolveFunction(name, ts, -1)
	if err != nil {
		panic(err)
	}
	e, err := buildCall(o, args, coerced)
	if err != nil {
		panic(err)
	}
	return e
}

var boolNode = Node{ResultType: types.Bool, Position: -1}

func and(args ...Expr) Expr { return &And{Node: boolNode, Args: args} }
func or(args ...Expr) Expr  { return &Or{Node: boolNode, Args: args} }

// intBatch is a batch of integer columns; -1 stands for NULL.
func intBatch(columns ...[]int64) *types.Batch {
	b := &types.Batch{Len: len(columns[0])}
	for _, values := range columns {
		v := types.Vector{Type: types.Int4}
		for _, x := range values {
			if x == -1 {
				v.Append(types.Null)
			} else {
				v.Append(types.IntDatum(x))
			}
		}
		b.Columns = append(b.Columns, v)
	}
	return b
}

func mustCompile(t testing.TB, e Expr) *Program {
	t.Helper()
	p, err := Compile(e)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestBranchesNotTaken divides by a column that is zero in rows which the
// condition before keeps away.
func TestBranchesNotTaken(t *testing.T) {
	x := col(0, types.Int4)
	zero := lit("int4", "0")
	quotient := op("/", lit("int4", "12"), x)
	big := op(">", quotient, lit("int4", "3"))
	isZero := op("=", x, zero)
	in := intBatch([]int64{0, 1, 2, 0, 6, -1})
	for name, e := range map[string]Expr{
		"and":      and(op("<>", x, zero), big),
		"or":       or(isZero, big),
		"case":     &Case{Node: boolNode, When: []Expr{isZero}, Then: []Expr{lit("bool", "f")}, Else: big},
		"coalesce": &Coalesce{Node: boolNode, Args: []Expr{&Case{Node: boolNode, When: []Expr{isZero}, Then: []Expr{lit("bool", "t")}}, big}},
		"not in":   and(&In{Node: boolNode, Arg: x, List: []Expr{zero}, Negated: true}, big),
	} {
		ctx := &Context{}
		p := mustCompile(t, e)
		var out types.Vector
		p.Eval(ctx, in, nil, &out)
		if len(ctx.Errors) > 0 {
			t.Errorf("%s: row %d failed: %v", name, ctx.Errors[0].Row, ctx.Errors[0].Err)
		}
		p.EvalPredicate(ctx, in, nil, nil)
		if len(ctx.Errors) > 0 {
			t.Errorf("%s as a predicate: row %d failed: %v", name, ctx.Errors[0].Row, ctx.Errors[0].Err)
		}
	}
}

func TestFailingRows(t *testing.T) {
	in := intBatch([]int64{0, 1, 2, 0})
	quotient := op("/", lit("int4", "12"), col(0, types.Int4))
	p := mustCompile(t, op(">", quotient, lit("int4", "3")))
	ctx := &Context{}
	kept := p.EvalPredicate(ctx, in, nil, nil)
	if !slices.Equal(kept, []int32{1, 2}) {
		t.Errorf("kept %v", kept)
	}
	if len(ctx.Errors) != 2 || sqlerr.CodeOf(ctx.Errors[0].Err) != sqlerr.DivisionByZero {
		t.Errorf("errors %v", ctx.Errors)
	}
	ctx.ResetErrors()
	isNull := mustCompile(t, &IsNull{Node: boolNode, Arg: quotient})
	if kept := isNull.EvalPredicate(ctx, in, []int32{0, 1}, nil); len(kept) != 0 {
		t.Errorf("a failed row passed: %v", kept)
	}
}

// anyBoolean draws a boolean expression over two integer columns.
func anyBoolean(t *rapid.T, depth int) Expr {
	operand := func() Expr {
		switch rapid.IntRange(0, 3).Draw(t, "operand") {
		case 0:
			return lit("int4", fmt.Sprint(rapid.IntRange(0, 3).Draw(t, "constant")))
		case 1:
			return op("/", col(0, types.Int4), col(1, types.Int4))
		default:
			return col(rapid.IntRange(0, 1).Draw(t, "column"), types.Int4)
		}
	}
	if depth == 0 {
		return op(rapid.SampledFrom([]string{"=", "<>", "<", "<=", ">", ">="}).Draw(t, "token"), operand(), operand())
	}
	switch rapid.IntRange(0, 6).Draw(t, "shape") {
	case 0:
		return and(anyBoolean(t, depth-1), anyBoolean(t, depth-1), anyBoolean(t, depth-1))
	case 1:
		return or(anyBoolean(t, depth-1), anyBoolean(t, depth-1))
	case 2:
		return &Not{Node: boolNode, Arg: anyBoolean(t, depth-1)}
	case 3:
		return &IsNull{Node: boolNode, Arg: operand(), Negated: rapid.Bool().Draw(t, "negated")}
	case 4:
		return &Case{Node: boolNode, When: []Expr{anyBoolean(t, depth-1)}, Then: []Expr{anyBoolean(t, depth-1)}, Else: anyBoolean(t, depth-1)}
	case 5:
		return &In{Node: boolNode, Arg: operand(), List: []Expr{operand(), lit("int4", "1")}, Negated: rapid.Bool().Draw(t, "negated")}
	default:
		return &IsDistinct{Node: boolNode, Left: operand(), Right: operand()}
	}
}

// TestRowsAreIndependent evaluates expressions over batches and row by row: the
// values and the failures must be the same, for any selection, and when the
// same program runs again.
func TestRowsAreIndependent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyBoolean(t, rapid.IntRange(0, 3).Draw(t, "depth"))
		value := rapid.Int64Range(-1, 3)
		n := rapid.IntRange(1, 9).Draw(t, "rows")
		in := intBatch(rapid.SliceOfN(value, n, n).Draw(t, "a"), rapid.SliceOfN(value, n, n).Draw(t, "b"))
		var selection []int32
		for i := range n {
			if rapid.Bool().Draw(t, "selected") {
				selection = append(selection, int32(i))
			}
		}
		p, err := Compile(e)
		if err != nil {
			t.Fatal(err)
		}
		folded, err := Fold(&Context{}, e)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			checkSelection(t, p, e, folded, in, selection)
		}
	})
}

func checkSelection(t *rapid.T, p *Program, e, folded Expr, in *types.Batch, selection []int32) {
	if len(selection) == 0 {
		return
	}
	ctx, single := &Context{}, &Context{}
	var out types.Vector
	p.Eval(ctx, in, selection, &out)
	failed := len(ctx.Errors)
	kept := p.EvalPredicate(ctx, in, selection, nil)
	var want []int32
	for _, i := range selection {
		row := in.Row(int(i), nil)
		d, err := EvalDatum(single, e, row)
		if err != nil {
			if !ctx.Failed(i) {
				t.Fatalf("row %d: alone it fails: %v", i, err)
			}
			failed--
			continue
		}
		if ctx.Failed(i) || out.Datum(int(i)) != d {
			t.Fatalf("row %d: %v, alone %v", i, out.Datum(int(i)), d)
		}
		if f, err := EvalDatum(single, folded, row); err != nil || f != d {
			t.Fatalf("row %d: %v, folded %v (%v)", i, d, f, err)
		}
		if d.Int == 1 {
			want = append(want, i)
		}
	}
	if failed != 0 {
		t.Fatalf("%d rows failed that are not selected", failed)
	}
	if !slices.Equal(kept, want) {
		t.Fatalf("the predicate keeps %v, want %v", kept, want)
	}
}

func TestFold(t *testing.T) {
	one := lit("int4", "1")
	failing := op("/", one, lit("int4", "0"))
	for name, c := range map[string]struct {
		e    Expr
		want string // "" for an expression that stays
	}{
		"sum":               {op("+", one, one), "2"},
		"failing":           {failing, ""},
		"stable":            {fn("now"), ""},
		"volatile":          {fn("random"), ""},
		"column":            {op("+", one, col(0, types.Int4)), ""},
		"strict null":       {op("+", col(0, types.Int4), &Const{Node: Node{ResultType: types.Int4}}), "NULL"},
		"false and failing": {and(lit("bool", "f"), op("=", failing, one)), "0"},
		"case":              {&Case{Node: Node{ResultType: types.Int4}, When: []Expr{lit("bool", "t")}, Then: []Expr{one}, Else: failing}, "1"},
		"coalesce":          {&Coalesce{Node: Node{ResultType: types.Int4}, Args: []Expr{one, failing}}, "1"},
		"literal":           {lit("date", "2000-01-02"), "1"},
	} {
		got, err := Fold(&Context{}, c.e)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		k, isConstant := got.(*Const)
		switch {
		case isConstant != (c.want != ""):
			t.Errorf("%s became %T", name, got)
		case isConstant && c.want == "NULL":
			if k.Value.Valid {
				t.Errorf("%s = %v", name, k.Value)
			}
		case isConstant && fmt.Sprint(k.Value.Int) != c.want:
			t.Errorf("%s = %v, want %s", name, k.Value, c.want)
		}
	}
	bad := lit("timestamp", "not a time")
	if _, err := Fold(&Context{}, bad); sqlerr.CodeOf(err) != sqlerr.InvalidDatetimeFormat {
		t.Errorf("a malformed literal: %v", err)
	}
}

func TestPseudoColumnsParametersAndOuterRows(t *testing.T) {
	in := intBatch([]int64{1, 2})
	in.Rowtimes, in.Offsets, in.Partition = []int64{946684800000, 946684801000}, []int64{7, 8}, 3
	ctx := &Context{
		Params:    []types.Datum{types.IntDatum(41)},
		OuterRows: [][]types.Datum{{types.StringDatum("near")}, {types.Null, types.StringDatum("far")}},
	}
	eval := func(e Expr) types.Datum {
		var out types.Vector
		mustCompile(t, e).Eval(ctx, in, nil, &out)
		if len(ctx.Errors) > 0 {
			t.Fatal(ctx.Errors[0].Err)
		}
		return out.Datum(1)
	}
	for _, c := range []struct {
		e    Expr
		want types.Datum
	}{
		{&Rowtime{Node{ResultType: types.TimestampTZ}}, types.IntDatum(1000000)},
		{&RowOffset{Node{ResultType: types.Int8}}, types.IntDatum(8)},
		{&RowPartition{Node{ResultType: types.Int4}}, types.IntDatum(3)},
		{&Param{Node: Node{ResultType: types.Int4}}, types.IntDatum(41)},
		{&Outer{Node: Node{ResultType: types.Text}, Level: 1}, types.StringDatum("near")},
		{&Outer{Node: Node{ResultType: types.Text}, Level: 2, Index: 1}, types.StringDatum("far")},
	} {
		if got := eval(c.e); got != c.want {
			t.Errorf("%T = %v, want %v", c.e, got, c.want)
		}
	}
}

func TestSubqueries(t *testing.T) {
	rows := [][]types.Datum{{types.IntDatum(1)}, {types.IntDatum(2)}}
	ctx := &Context{Subqueries: func(number int, outer [][]types.Datum) ([][]types.Datum, error) {
		return rows[:outer[0][0].Int], nil
	}}
	in := intBatch([]int64{0, 1, 2})
	equalInt, _, _ := ResolveOperator("=", types.Int4, types.Int4, -1)
	x := col(0, types.Int4)
	for _, c := range []struct {
		e    *Subquery
		want []string
	}{
		{&Subquery{Node: boolNode, Kind: SubqueryExists}, []string{"0", "1", "1"}},
		{&Subquery{Node: Node{ResultType: types.Int4}, Kind: SubqueryScalar}, []string{"NULL", "1", "21000"}},
		{&Subquery{Node: boolNode, Kind: SubqueryAny, Left: x, Func: equalInt}, []string{"0", "1", "1"}},
		{&Subquery{Node: boolNode, Kind: SubqueryAll, Left: x, Func: equalInt}, []string{"1", "1", "0"}},
	} {
		ctx.ResetErrors()
		out := mustCompile(t, c.e).EvalRef(ctx, in, nil)
		for i, want := range c.want {
			got := fmt.Sprint(out.Datum(i).Int)
			switch {
			case ctx.Failed(int32(i)):
				got = string(sqlerr.CodeOf(ctx.Errors[0].Err))
			case out.IsNull(i):
				got = "NULL"
			}
			if got != want {
				t.Errorf("kind %d, row %d: %s, want %s", c.e.Kind, i, got, want)
			}
		}
	}
}

func TestArraysStructsAndMaps(t *testing.T) {
	intArray := types.ArrayOf(types.Int4)
	pair := types.StructOf([]types.Field{{Name: "a", Type: types.Int4}, {Name: "b", Type: types.Text}})
	counts := types.MapOf(types.Text, types.Int4)
	array := &ArrayConstructor{Node: Node{ResultType: intArray}, Elems: []Expr{lit("int4", "5"), col(0, types.Int4)}}
	matrix := &ArrayConstructor{Node: Node{ResultType: intArray}, Elems: []Expr{array, array}}
	row := &StructConstructor{Node: Node{ResultType: pair}, Fields: []Expr{col(0, types.Int4), lit("text", "x")}}
	m := &MapConstructor{Node: Node{ResultType: counts}, Keys: []Expr{lit("text", "k")}, Values: []Expr{col(0, types.Int4)}}
	equalInt, _, _ := ResolveOperator("=", types.Int4, types.Int4, -1)
	int4 := Node{ResultType: types.Int4}
	for name, c := range map[string]struct {
		e    Expr
		want int64
	}{
		"element":      {&Subscript{Node: int4, Arg: array, Index: lit("int4", "2")}, 9},
		"two indexes":  {&Subscript{Node: int4, Arg: &Subscript{Node: Node{ResultType: intArray}, Arg: matrix, Index: lit("int4", "2")}, Index: lit("int4", "1")}, 5},
		"slice":        {fn("cardinality", &Slice{Node: Node{ResultType: intArray}, Arg: array, Low: lit("int4", "2")}), 1},
		"any":          {&AnyAll{Node: boolNode, Left: lit("int4", "9"), Array: array, Func: equalInt}, 1},
		"all":          {&AnyAll{Node: boolNode, Left: lit("int4", "9"), Array: array, Func: equalInt, All: true}, 0},
		"constant any": {&AnyAll{Node: boolNode, Left: col(0, types.Int4), Array: lit("int4[]", "{1,9}"), Func: equalInt}, 1},
		"field":        {&FieldAccess{Node: int4, Arg: row, Field: 0}, 9},
		"struct":       {op("=", row, row), 1},
		"maps":         {op("<>", m, m), 0},
		"map":          {&Subscript{Node: int4, Arg: m, Index: lit("text", "k")}, 9},
	} {
		d, err := EvalDatum(&Context{}, c.e, []types.Datum{types.IntDatum(9)})
		if err != nil || d.Int != c.want {
			t.Errorf("%s = %v (%v), want %d", name, d, err, c.want)
		}
	}
}

func TestSleepIsCancelled(t *testing.T) {
	done := make(chan struct{})
	close(done)
	_, err := EvalDatum(&Context{Done: done}, fn("pg_sleep", lit("float8", "3600")), nil)
	if sqlerr.CodeOf(err) != sqlerr.QueryCanceled {
		t.Errorf("got %v", err)
	}
}

func TestNowIsTheContexts(t *testing.T) {
	now := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	d, err := EvalDatum(&Context{Now: now}, fn("now"), nil)
	if err != nil || !types.TimestampToTime(d.Int).Equal(now) {
		t.Errorf("got %v, %v", d, err)
	}
}
