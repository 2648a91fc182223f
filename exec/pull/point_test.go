package pull

import (
	"context"
	"testing"

	"millrace/sql/expr"
	"millrace/sql/types"
)

// BenchmarkPointRead is a query for one row by key, from plan to result.
func BenchmarkPointRead(b *testing.B) {
	one := types.NewBatch(intInt)
	one.AppendRow([]types.Datum{types.IntDatum(1), types.IntDatum(2)}, 1)
	sources := &fixedSources{batches: []*types.Batch{one}}
	scan := scanOf("t", intInt...)
	scan.KeyEquals = []expr.Expr{integer(1)}
	q := queryOf(projectOf(scan, column(1, types.Int8), call(b, "+", column(0, types.Int8), integer(1))))
	env := testContext()
	b.ReportAllocs()
	for range b.N {
		it, err := Run(context.Background(), q, env, sources, Options{})
		if err != nil {
			b.Fatal(err)
		}
		rows, err := collect(context.Background(), it)
		if err != nil || len(rows) != 1 {
			b.Fatal(rows, err)
		}
		it.Close()
	}
}
