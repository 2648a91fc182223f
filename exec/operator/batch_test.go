package operator

import (
	"fmt"
	"slices"
	"testing"

	"millrace/sql/expr"
	"millrace/sql/types"
)

func column(index int, typ types.Type) expr.Expr {
	return &expr.Column{Node: expr.Node{ResultType: typ, Position: -1}, Index: index}
}

func constant(typ types.Type, d types.Datum) expr.Expr {
	return &expr.Const{Node: expr.Node{ResultType: typ, Position: -1}, Value: d}
}

// call applies an operator to bigints.
func call(t *testing.T, token string, args ...expr.Expr) expr.Expr {
	t.Helper()
	overload, argTypes, err := expr.ResolveOperator(token, args[0].Type(), args[1].Type(), -1)
	if err != nil {
		t.Fatal(err)
	}
	result, err := overload.ResultType(argTypes)
	if err != nil {
		t.Fatal(err)
	}
	return &expr.Call{Node: expr.Node{ResultType: result, Position: -1}, Func: overload, Args: args}
}

func compiled(t *testing.T, e expr.Expr) *expr.Program {
	t.Helper()
	prog, err := expr.Compile(e)
	if err != nil {
		t.Fatal(err)
	}
	return prog
}

// changes is a batch with everything that a batch can have: the numbers 4, 0,
// NULL and 2 beside their names.
func changes() *types.Batch {
	b := types.NewBatch([]types.Type{types.Int8, types.Text})
	b.AppendRow([]types.Datum{types.IntDatum(4), types.StringDatum("four")}, 1)
	b.AppendRow([]types.Datum{types.IntDatum(0), types.StringDatum("zero")}, -1)
	b.AppendRow([]types.Datum{types.Null, types.StringDatum("none")}, 1)
	b.AppendRow([]types.Datum{types.IntDatum(2), types.Null}, -1)
	b.Rowtimes = []int64{10, 20, 30, 40}
	b.Offsets = []int64{1, 2, 3, 4}
	b.Partition = 5
	return b
}

// describe prints rows and all that goes with them, a row a line.
func describe(b *types.Batch) string {
	text := fmt.Sprintf("partition %d, %d rows\n", b.Partition, b.Len)
	for i := range b.Len {
		text += fmt.Sprintln(b.Row(i, nil), b.Weights[i], b.Rowtimes[i], b.Offsets[i])
	}
	return text
}

func compareBatches(t *testing.T, got, want *types.Batch) {
	t.Helper()
	if describe(got) != describe(want) {
		t.Errorf("got %swant %s", describe(got), describe(want))
	}
}

func TestFilterBatch(t *testing.T) {
	eight := constant(types.Int8, types.IntDatum(8))
	tests := []struct {
		name      string
		predicate func(t *testing.T) expr.Expr
		want      []int32
		failed    []int32
	}{
		{"some", func(t *testing.T) expr.Expr {
			return call(t, ">", column(0, types.Int8), constant(types.Int8, types.IntDatum(1)))
		}, []int32{0, 3}, nil},
		{"none", func(t *testing.T) expr.Expr { return constant(types.Bool, types.BoolDatum(false)) }, []int32{}, nil},
		{"all", func(t *testing.T) expr.Expr { return constant(types.Bool, types.BoolDatum(true)) }, []int32{0, 1, 2, 3}, nil},
		{"failing row", func(t *testing.T) expr.Expr {
			return call(t, ">", call(t, "/", eight, column(0, types.Int8)), constant(types.Int8, types.IntDatum(3)))
		}, []int32{3}, []int32{1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			prog := compiled(t, test.predicate(t))
			for _, filter := range []func(ctx *expr.Context, in *types.Batch) *types.Batch{
				func(ctx *expr.Context, in *types.Batch) *types.Batch { return FilterBatch(prog, ctx, in) },
				NewFilter(prog).Batch,
			} {
				var ctx expr.Context
				compareBatches(t, filter(&ctx, changes()), changes().Select(test.want))
				compareFailures(t, &ctx, test.failed)
			}
		})
	}
}

func compareFailures(t *testing.T, ctx *expr.Context, want []int32) {
	t.Helper()
	var rows []int32
	for _, e := range ctx.Errors {
		rows = append(rows, e.Row)
	}
	if !slices.Equal(rows, want) {
		t.Errorf("failed rows %v, want %v", rows, want)
	}
}

func TestProjectBatch(t *testing.T) {
	eight := constant(types.Int8, types.IntDatum(8))
	tests := []struct {
		name   string
		exprs  func(t *testing.T) []expr.Expr
		want   func() *types.Batch
		failed []int32
	}{
		{"columns", func(t *testing.T) []expr.Expr {
			return []expr.Expr{column(1, types.Text), eight}
		}, func() *types.Batch {
			want := changes()
			want.Columns = []types.Vector{want.Columns[1], {Type: types.Int8, Ints: []int64{8, 8, 8, 8}}}
			return want
		}, nil},
		{"failing row", func(t *testing.T) []expr.Expr {
			return []expr.Expr{column(0, types.Int8), call(t, "/", eight, column(0, types.Int8))}
		}, func() *types.Batch {
			want := changes().Select([]int32{0, 2, 3})
			quotients := types.Vector{Type: types.Int8, Ints: []int64{2, 0, 4}}
			quotients.SetNull(1)
			want.Columns[1] = quotients
			return want
		}, []int32{1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var progs []*expr.Program
			for _, e := range test.exprs(t) {
				progs = append(progs, compiled(t, e))
			}
			for _, project := range []func(ctx *expr.Context, in *types.Batch) *types.Batch{
				func(ctx *expr.Context, in *types.Batch) *types.Batch { return ProjectBatch(progs, ctx, in) },
				NewProjection(progs).Batch,
			} {
				var ctx expr.Context
				compareBatches(t, project(&ctx, changes()), test.want())
				compareFailures(t, &ctx, test.failed)
			}
		})
	}
}

// TestProjectBatchOwnsColumns checks that ProjectBatch shares no column with its
// input.
func TestProjectBatchOwnsColumns(t *testing.T) {
	in := changes()
	var ctx expr.Context
	out := ProjectBatch([]*expr.Program{compiled(t, column(0, types.Int8))}, &ctx, in)
	in.Columns[0].Ints[0] = 99
	if out.Columns[0].Ints[0] != 4 {
		t.Errorf("a change of the input changed the result to %d", out.Columns[0].Ints[0])
	}
}
