package expr

import (
	"math/rand/v2"
	"testing"

	"millrace/sql/types"
)

func benchmarkBatch(n int) *types.Batch {
	random := rand.New(rand.NewPCG(1, 1))
	in := types.NewBatch([]types.Type{types.Int4, types.Int4, types.Text, types.Numeric})
	for range n {
		text := "origin " + string(rune('a'+random.IntN(26)))
		in.AppendRow([]types.Datum{
			types.IntDatum(random.Int64N(1000)), types.IntDatum(random.Int64N(1000)), types.StringDatum(text),
			types.StringDatum(types.NumericFromSmall(random.Int64N(100000), 2)),
		}, 1)
	}
	return in
}

func BenchmarkFilter(b *testing.B) {
	in := benchmarkBatch(1024)
	number, text := col(0, types.Int4), col(2, types.Text)
	for name, e := range map[string]Expr{
		"int_greater_constant": op(">", number, lit("int4", "500")),
		"text_equal_constant":  op("=", text, lit("text", "origin c")),
		"int_less_int":         op("<", number, col(1, types.Int4)),
		"and":                  and(op(">", number, lit("int4", "500")), op("=", text, lit("text", "origin c"))),
		"numeric":              op("<", col(3, types.Numeric), lit("numeric", "500.00")),
		"like":                 op("~~", text, lit("text", "%c")),
	} {
		b.Run(name, func(b *testing.B) {
			p := mustCompile(b, e)
			ctx := &Context{}
			out := p.EvalPredicate(ctx, in, nil, nil)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				out = p.EvalPredicate(ctx, in, nil, out[:0])
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(in.Len), "ns/row")
		})
	}
}

func BenchmarkJSONMember(b *testing.B) {
	in := types.NewBatch([]types.Type{types.JSONB})
	for range 1024 {
		in.AppendRow([]types.Datum{types.StringDatum(`{"id": 17, "name": "somebody", "tags": ["a", "b"], "value": 12.5}`)}, 1)
	}
	benchmarkEval(b, op("->>", col(0, types.JSONB), lit("text", "name")), in)
}

func benchmarkEval(b *testing.B, e Expr, in *types.Batch) {
	p := mustCompile(b, e)
	ctx := &Context{}
	var out types.Vector
	p.Eval(ctx, in, nil, &out)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		p.Eval(ctx, in, nil, &out)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(in.Len), "ns/row")
}

func BenchmarkArithmetic(b *testing.B) {
	in := benchmarkBatch(1024)
	for name, e := range map[string]Expr{
		"int_plus_int":         op("+", col(0, types.Int4), col(1, types.Int4)),
		"numeric_plus_numeric": op("+", col(3, types.Numeric), col(3, types.Numeric)),
		"int_to_float":         &Cast{Node: Node{ResultType: types.Float8}, Arg: col(0, types.Int4)},
	} {
		b.Run(name, func(b *testing.B) { benchmarkEval(b, e, in) })
	}
}
