package expr

import (
	"testing"

	"millrace/sql/types"
)

// perRowTimes are expressions of time that run for every row, over a column of
// timestamps.
func perRowTimes() map[string]Expr {
	at := col(0, types.Timestamp)
	zoned := fn("timezone", lit("text", "Europe/Berlin"), at)
	return map[string]Expr{
		"date_trunc":       fn("date_trunc", lit("text", "hour"), at),
		"date_trunc_zoned": fn("date_trunc", lit("text", "day"), zoned, lit("text", "America/New_York")),
		"extract":          fn("extract", lit("text", "hour"), at),
		"extract_epoch":    fn("extract", lit("text", "epoch"), at),
		"date_part":        fn("date_part", lit("text", "month"), at),
		"date_bin":         fn("date_bin", lit("interval", "15 minutes"), at, lit("timestamp", "2001-01-01")),
		"at_time_zone":     zoned,
		"add":              op("+", at, lit("interval", "1 day 02:00")),
		"add_months":       op("+", at, lit("interval", "1 mon")),
		"add_zoned":        op("+", zoned, lit("interval", "1 day")),
		"subtract":         op("-", at, lit("timestamp", "2001-01-01")),
		"age":              fn("age", at, lit("timestamp", "2001-01-01")),
		"less":             op("<", at, lit("timestamp", "2024-01-20")),
		"less_zoned":       op("<", zoned, lit("timestamptz", "2024-01-20")),
		"shorter":          op("<", op("-", at, lit("timestamp", "2001-01-01")), lit("interval", "1 day")),
		"to_char":          fn("to_char", at, lit("text", "YYYY-MM-DD HH24:MI:SS")),
	}
}

// timestampBatch is a column of timestamps, an hour apart at random.
func timestampBatch(tb testing.TB) *types.Batch {
	in := benchmarkBatch(1024)
	stamp := op("+", lit("timestamp", "2024-01-01 00:00:00"), op("*", col(0, types.Int4), lit("interval", "1 hour")))
	stamps := mustCompile(tb, folded(tb, stamp)).EvalRef(&Context{}, in, nil)
	return &types.Batch{Len: in.Len, Columns: []types.Vector{*stamps}}
}

func folded(tb testing.TB, e Expr) Expr {
	tb.Helper()
	e, err := Fold(&Context{Format: types.DefaultFormat()}, e)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// TestTimeAllocations holds the functions of time to memory that a program keeps:
// what they allocate are blocks for many results at once.
func TestTimeAllocations(t *testing.T) {
	in := timestampBatch(t)
	for name, e := range perRowTimes() {
		p := mustCompile(t, folded(t, e))
		ctx := &Context{Format: types.DefaultFormat()}
		var out types.Vector
		p.Eval(ctx, in, nil, &out)
		if perRow := testing.AllocsPerRun(10, func() { p.Eval(ctx, in, nil, &out) }) / float64(in.Len); perRow > 0.02 {
			t.Errorf("%s allocates %.2f times per row", name, perRow)
		}
		if len(ctx.Errors) > 0 {
			t.Errorf("%s: %v", name, ctx.Errors[0].Err)
		}
	}
}

func BenchmarkDates(b *testing.B) {
	in := timestampBatch(b)
	for name, e := range perRowTimes() {
		b.Run(name, func(b *testing.B) { benchmarkEval(b, folded(b, e), in) })
	}
}
