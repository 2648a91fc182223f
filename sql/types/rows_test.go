package types

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// same reports whether two datums are the same, NaN included.
func same(a, b Datum) bool {
	return a.Valid == b.Valid && a.Int == b.Int && a.Str == b.Str && math.Float64bits(a.Float) == math.Float64bits(b.Float)
}

func randomBatch(r *rand.Rand, columns []Type, rows int) *Batch {
	b := NewBatch(columns)
	row := make([]Datum, len(columns))
	for range rows {
		for i, t := range columns {
			row[i] = randomNullable(r, t)
		}
		weight := int64(1)
		if r.IntN(3) == 0 {
			weight = int64(r.IntN(5)) - 2
		}
		b.AppendRow(row, weight)
	}
	return b
}

func TestRowRoundTrip(t *testing.T) {
	codec := NewRowCodec(allTypes)
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		b := randomBatch(r, allTypes, 3)
		decoded := NewBatch(allTypes)
		copied := NewBatch(allTypes)
		for i := range b.Len {
			row := b.Row(i, nil)
			data := codec.AppendRow(nil, b, i)
			if again := codec.AppendDatums(nil, row); string(again) != string(data) {
				t.Fatalf("as datums %x, as batch %x", again, data)
			}
			datums, err := codec.DecodeDatums(data, nil)
			if err != nil || !slices.EqualFunc(datums, row, same) {
				t.Fatalf("%v became %v, %v", row, datums, err)
			}
			if err := codec.DecodeInto(data, decoded); err != nil {
				t.Fatal(err)
			}
			reused := slices.Clone(data)
			if err := codec.DecodeIntoCopy(reused, copied); err != nil {
				t.Fatal(err)
			}
			clear(reused)
			for _, got := range []*Batch{decoded, copied} {
				if !slices.EqualFunc(got.Row(i, nil), row, same) {
					t.Fatalf("%v became %v", row, got.Row(i, nil))
				}
			}
			columns := []int{r.IntN(10), 10 + r.IntN(10), 20 + r.IntN(10)}
			subset := NewBatch([]Type{allTypes[columns[0]], allTypes[columns[1]], allTypes[columns[2]]})
			if err := codec.DecodeColumns(data, columns, subset); err != nil {
				t.Fatal(err)
			}
			for n, c := range columns {
				if !same(subset.Columns[n].Datum(0), row[c]) {
					t.Fatalf("column %d: %v became %v", c, row[c], subset.Columns[n].Datum(0))
				}
			}
		}
	})
}

func TestRowsOfOtherColumnCounts(t *testing.T) {
	narrow := NewRowCodec([]Type{Int4, Text})
	wide := NewRowCodec([]Type{Int4, Text, Float8, Text})
	row := []Datum{IntDatum(7), StringDatum("x"), FloatDatum(1.5), StringDatum("y")}
	got, err := wide.DecodeDatums(narrow.AppendDatums(nil, row[:2]), nil)
	if want := []Datum{row[0], row[1], Null, Null}; err != nil || !slices.Equal(got, want) {
		t.Errorf("a row without the new columns reads as %v, %v", got, err)
	}
	got, err = narrow.DecodeDatums(wide.AppendDatums(nil, row), nil)
	if err != nil || !slices.Equal(got, row[:2]) {
		t.Errorf("a row with later columns reads as %v, %v", got, err)
	}
}

func TestDecodeIntoLeavesTheBatchOnError(t *testing.T) {
	columns := []Type{Int4, Text, Float8}
	codec := NewRowCodec(columns)
	b := NewBatch(columns)
	data := codec.AppendDatums(nil, []Datum{IntDatum(300), StringDatum("hello"), FloatDatum(2)})
	for end := range len(data) {
		if err := codec.DecodeInto(data[:end], b); err == nil {
			t.Fatalf("%d of %d bytes are a row", end, len(data))
		}
		for i := range b.Columns {
			if b.Len != 0 || b.Columns[i].Len() != 0 {
				t.Fatalf("%d bytes leave column %d with %d values", end, i, b.Columns[i].Len())
			}
		}
	}
	if err := codec.DecodeInto(append(data, 0), b); err == nil {
		t.Error("a byte too many is accepted")
	}
}

func TestBatchRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		b := randomBatch(r, allTypes, r.IntN(150))
		b.Partition = int32(r.IntN(9)) - 1
		if r.IntN(2) == 0 {
			for range b.Len {
				b.Rowtimes = append(b.Rowtimes, randomInt(r))
				b.Offsets = append(b.Offsets, randomInt(r))
			}
		}
		got, err := DecodeBatch(AppendBatch(nil, b), allTypes)
		if err != nil {
			t.Fatal(err)
		}
		if got.Len != b.Len || got.Partition != b.Partition || !slices.Equal(got.Weights, b.Weights) ||
			!slices.Equal(got.Rowtimes, b.Rowtimes) || !slices.Equal(got.Offsets, b.Offsets) {
			t.Fatalf("%+v became %+v", b, got)
		}
		for i := range b.Len {
			for c := range allTypes {
				if before, after := b.Columns[c].Datum(i), got.Columns[c].Datum(i); !same(before, after) {
					t.Fatalf("row %d, %s: %+v became %+v", i, allTypes[c], before, after)
				}
			}
		}
	})
}

func FuzzDecodeRow(f *testing.F) {
	codec := NewRowCodec(allTypes)
	b := randomBatch(rand.New(rand.NewPCG(3, 3)), allTypes, 5)
	for i := range b.Len {
		f.Add(codec.AppendRow(nil, b, i))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		out := NewBatch(allTypes)
		err := codec.DecodeInto(data, out)
		datums, errDatums := codec.DecodeDatums(data, nil)
		if (err == nil) != (errDatums == nil) {
			t.Fatalf("DecodeInto says %v, DecodeDatums %v", err, errDatums)
		}
		if err != nil {
			return
		}
		for i, typ := range allTypes {
			// Bytes inside a value may be wrong; using it must not panic.
			AppendText(nil, typ, datums[i], DefaultFormat())
			AppendKey(nil, typ, datums[i])
			AppendBinary(nil, typ, datums[i])
		}
	})
}

func FuzzDecodeBatch(f *testing.F) {
	f.Add(AppendBatch(nil, randomBatch(rand.New(rand.NewPCG(4, 4)), allTypes, 5)))
	f.Add(AppendBatch(nil, NewBatch(allTypes)))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := DecodeBatch(data, allTypes)
		if err != nil {
			if b, err = DecodeFirstColumns(data, allTypes); err != nil {
				return
			}
		}
		if rows, columns := BatchSize(data); rows != b.Len || columns < len(b.Columns) {
			t.Fatalf("%d rows and %d columns are said to be %d and %d", b.Len, len(b.Columns), rows, columns)
		}
		for i := range b.Columns {
			if n := b.Columns[i].Len(); n != b.Len {
				t.Fatalf("column %d has %d of %d rows", i, n, b.Len)
			}
		}
	})
}

var benchmarkColumns = []Type{Timestamp, Text, Text, Int4, Int4}

func benchmarkBatch(rows int) *Batch {
	b := NewBatch(benchmarkColumns)
	for i := range rows {
		b.AppendRow([]Datum{IntDatum(int64(i) * 60_000_000), StringDatum("ORD"), StringDatum("SFO"), IntDatum(int64(i % 200)), IntDatum(1846)}, 1)
	}
	return b
}

func BenchmarkRowAppend(b *testing.B) {
	codec, batch := NewRowCodec(benchmarkColumns), benchmarkBatch(1024)
	var buf []byte
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		buf = codec.AppendRow(buf[:0], batch, i&1023)
		i++
	}
}

func BenchmarkRowDecodeInto(b *testing.B) {
	codec, batch := NewRowCodec(benchmarkColumns), benchmarkBatch(1)
	data := codec.AppendRow(nil, batch, 0)
	out := NewBatch(benchmarkColumns)
	b.ReportAllocs()
	for b.Loop() {
		if out.Len == 1024 {
			out.Reset()
		}
		if err := codec.DecodeInto(data, out); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBatchCodec(b *testing.B) {
	batch := benchmarkBatch(1024)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendBatch(buf[:0], batch)
		if _, err := DecodeBatch(buf, benchmarkColumns); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1024, "ns/row")
}

func BenchmarkKeyFrom(b *testing.B) {
	batch := benchmarkBatch(1024)
	var buf []byte
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendKeyFrom(buf[:0], &batch.Columns[1], i&1023)
		buf = AppendKeyFrom(buf, &batch.Columns[3], i&1023)
		i++
	}
}

// A row that was written before columns were added reads as their missing values
// there, and as NULL where they have none, however it is decoded.
func TestMissingColumns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		stored := rapid.IntRange(0, len(allTypes)).Draw(t, "stored columns")
		b := randomBatch(r, allTypes[:stored], 1)
		data := NewRowCodec(allTypes[:stored]).AppendRow(nil, b, 0)
		missing := make([]Datum, len(allTypes))
		for i := range missing {
			missing[i] = randomNullable(r, allTypes[i])
		}
		codec := NewRowCodec(allTypes).WithMissing(missing)
		if codec.Short(data) != (stored < len(allTypes)) {
			t.Fatalf("a row of %d columns: short is %v", stored, codec.Short(data))
		}
		want := append(b.Row(0, nil), missing[stored:]...)
		if got, err := codec.DecodeDatums(data, nil); err != nil || !slices.EqualFunc(got, want, same) {
			t.Fatalf("%v became %v, %v", want, got, err)
		}
		whole := NewBatch(allTypes)
		if err := codec.DecodeInto(data, whole); err != nil || !slices.EqualFunc(whole.Row(0, nil), want, same) {
			t.Fatalf("%v became %v, %v", want, whole.Row(0, nil), err)
		}
		var columns []int
		var kinds []Type
		var wanted []Datum
		for i := range allTypes {
			if r.IntN(2) == 0 {
				columns, kinds, wanted = append(columns, i), append(kinds, allTypes[i]), append(wanted, want[i])
			}
		}
		some := NewBatch(kinds)
		if err := codec.DecodeColumns(data, columns, some); err != nil || !slices.EqualFunc(some.Row(0, nil), wanted, same) {
			t.Fatalf("columns %v: %v became %v, %v", columns, wanted, some.Row(0, nil), err)
		}
	})
}
