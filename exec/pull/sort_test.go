package pull

import (
	"cmp"
	"context"
	"io"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

func TestSort(t *testing.T) {
	a, b := column(0, types.Int8), column(1, types.Text)
	input := valuesOf(t, intText, "2 b", "1 B", "- a", "2 a", "1 -", "2 b")
	tests := []struct {
		name string
		keys []plan.SortKey
		want []string
	}{
		{"ascending", []plan.SortKey{{Expr: a}}, []string{"1 B", "1 -", "2 b", "2 a", "2 b", "- a"}},
		{"descending", []plan.SortKey{{Expr: a, Descending: true}}, []string{"2 b", "2 a", "2 b", "1 B", "1 -", "- a"}},
		{"nulls first", []plan.SortKey{{Expr: a, NullsFirst: true}}, []string{"- a", "1 B", "1 -", "2 b", "2 a", "2 b"}},
		{"descending nulls first", []plan.SortKey{{Expr: a, Descending: true, NullsFirst: true}},
			[]string{"- a", "2 b", "2 a", "2 b", "1 B", "1 -"}},
		{"two keys", []plan.SortKey{{Expr: a, Descending: true}, {Expr: b}}, []string{"2 a", "2 b", "2 b", "1 B", "1 -", "- a"}},
		{"collation C", []plan.SortKey{{Expr: b}}, []string{"1 B", "- a", "2 a", "2 b", "2 b", "1 -"}},
		{"expression", []plan.SortKey{{Expr: call(t, "-", integer(0), a)}}, []string{"2 b", "2 a", "2 b", "1 B", "1 -", "- a"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			check(t, sortOf(input, test.keys...), nil, test.want...)
			for n := range test.want {
				check(t, limitOf(sortOf(input, test.keys...), integer(int64(n)), nil), nil, test.want[:n]...)
			}
		})
	}
}

func TestSortTypes(t *testing.T) {
	tests := []struct {
		typ  types.Type
		want []string
	}{
		{types.Float8, []string{"-Infinity", "-1.5", "0", "1e-300", "2", "Infinity", "NaN"}},
		{types.Numeric, []string{"-100", "-2.5", "0", "0.001", "9", "10", "NaN"}},
		{types.Timestamp, []string{"1999-12-31T00:00:00", "2000-01-01T00:00:00", "2020-01-01T00:00:00"}},
		{types.Text, []string{"''", "B", "a", "aa", "ab", "b"}},
		{types.Bool, []string{"f", "t"}},
	}
	for _, test := range tests {
		t.Run(test.typ.String(), func(t *testing.T) {
			columns := []types.Type{test.typ}
			datums := datumsOf(t, columns, test.want...)
			reversed := slices.Clone(datums)
			slices.Reverse(reversed)
			tables := map[string]*memoryTable{"t": {rows: reversed}}
			key := column(0, test.typ)
			check(t, sortOf(scanOf("t", test.typ), plan.SortKey{Expr: key}), tables, textOf(columns, datums)...)
			check(t, sortOf(scanOf("t", test.typ), plan.SortKey{Expr: key, Descending: true}), tables, textOf(columns, reversed)...)
		})
	}
}

// TestOrderedFloat checks the order of floats against PostgreSQL's: -0 = 0, and
// NaN is greater than all.
func TestOrderedFloat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		special := rapid.SampledFrom([]float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1)})
		values := rapid.OneOf(special, rapid.Float64())
		a, b := values.Draw(t, "a"), values.Draw(t, "b")
		want := -cmp.Compare(b, a) // cmp has NaN first
		if a != a || b != b {
			want = boolToInt(a != a) - boolToInt(b != b)
		}
		if got := cmp.Compare(orderedFloat(a), orderedFloat(b)); got != want {
			t.Fatalf("%v against %v is %d, want %d", a, b, got, want)
		}
	})
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestTopNEqualsSort checks that a bounded sort gives the first rows of a whole
// one, ties included, whatever the input.
func TestTopNEqualsSort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 6000).Draw(t, "rows")
		distinct := rapid.Int64Range(1, 5000).Draw(t, "distinct keys")
		bound := rapid.Int64Range(0, 1500).Draw(t, "bound")
		factor := rapid.Int64Range(-7919, 7919).Draw(t, "factor")
		in := types.NewBatch(intInt)
		for i := range n {
			in.AppendRow([]types.Datum{types.IntDatum(int64(i) * factor % distinct), types.IntDatum(int64(i))}, 1)
		}
		whole, bounded := sortedRows(t, in, noBound), sortedRows(t, in, bound)
		if !slices.Equal(bounded, whole[:min(int(bound), len(whole))]) {
			t.Fatalf("the first %d rows differ", bound)
		}
	})
}

func sortedRows(t *rapid.T, in *types.Batch, bound int64) []int64 {
	s := newSorter(intInt, []sortOrder{{}}, bound, account{budget: &budget{limit: 1 << 30}})
	var p pieces
	p.start(in)
	for b := p.next(); b != nil; b = p.next() {
		if err := s.add(b, nil, []*types.Vector{&b.Columns[0]}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.sort(context.Background()); err != nil {
		t.Fatal(err)
	}
	var out types.Batch
	var rows []int64
	for s.next(&out) {
		rows = append(rows, out.Columns[1].Ints...)
	}
	return rows
}

func BenchmarkSort(b *testing.B) {
	const rows = 100_000
	table := &memoryTable{batch: 4096}
	for i := range rows {
		table.rows = append(table.rows, []types.Datum{types.IntDatum(int64(i) * 7919 % rows), types.IntDatum(int64(i))})
	}
	scan := scanOf("t", intInt...)
	key := plan.SortKey{Expr: column(0, types.Int8), Descending: true}
	b.Run("all", func(b *testing.B) { benchmark(b, queryOf(sortOf(scan, key)), table, rows) })
	b.Run("top 10", func(b *testing.B) { benchmark(b, queryOf(limitOf(sortOf(scan, key), integer(10), nil)), table, rows) })
}

// fixedSources serves one table from batches made once.
type fixedSources struct {
	memorySources
	batches []*types.Batch
}

type fixedIterator struct{ batches []*types.Batch }

func (it *fixedIterator) Next(context.Context) (*types.Batch, error) {
	if len(it.batches) == 0 {
		return nil, io.EOF
	}
	b := it.batches[0]
	it.batches = it.batches[1:]
	return b, nil
}

func (it *fixedIterator) Close() {}

// Scan implements Sources.
func (f *fixedSources) Scan(context.Context, *plan.Scan, []types.Datum, *Bounds) (Iterator, error) {
	return &fixedIterator{f.batches}, nil
}

// benchmark runs a query whose scans all read a table of so many rows.
func benchmark(b *testing.B, q *plan.Query, table *memoryTable, rows int) {
	b.Helper()
	sources := newSources(map[string]*memoryTable{"t": table})
	columns := make([]types.Type, len(table.rows[0]))
	for c := range columns {
		columns[c] = types.Int8
	}
	it, _ := sources.Scan(context.Background(), scanOf("t", columns...), nil, nil)
	fixed := &fixedSources{batches: it.(*memoryIterator).batches}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		it, err := Run(context.Background(), q, &expr.Context{Format: types.DefaultFormat()}, fixed, Options{})
		if err != nil {
			b.Fatal(err)
		}
		for err == nil {
			_, err = it.Next(context.Background())
		}
		if err != io.EOF {
			b.Fatal(err)
		}
		it.Close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/row")
}
