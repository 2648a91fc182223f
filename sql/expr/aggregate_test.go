package expr

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"millrace/sql/types"
)

// aggregateOn is an aggregate resolved for one argument type.
type aggregateOn struct {
	name string
	arg  types.Type
	*Aggregate
	args []types.Type
}

func resolveAggregate(t testing.TB, name, arg string) aggregateOn {
	t.Helper()
	at := typeNamed(arg)
	a, args, err := ResolveAggregate(name, []types.Type{at}, -1)
	if err != nil {
		t.Fatal(err)
	}
	return aggregateOn{name, at, a, args}
}

// states returns empty columns for the aggregate's state.
func (a aggregateOn) states() []*types.Vector {
	var out []*types.Vector
	for _, s := range a.StateTypes(a.args) {
		out = append(out, &types.Vector{Type: s})
	}
	return out
}

// result returns the text of group 0's result, or the error.
func (a aggregateOn) result(acc Accumulator) string {
	rt, err := a.ResultType(a.args)
	if err != nil {
		return err.Error()
	}
	ctx := &Context{}
	out := types.Vector{Type: rt}
	acc.Result(ctx, []int32{0}, &out)
	if len(ctx.Errors) > 0 {
		return ctx.Errors[0].Err.Error()
	}
	d := out.Datum(0)
	if !d.Valid {
		return "NULL"
	}
	text, err := castToTextDatum(ctx, rt, d)
	if err != nil {
		return err.Error()
	}
	return text
}

func column(t testing.TB, typ types.Type, texts []string) *types.Vector {
	t.Helper()
	v := &types.Vector{Type: typ}
	for _, s := range texts {
		if s == "NULL" {
			v.Append(types.Null)
			continue
		}
		d, err := types.ParseText(typ, s, types.DefaultFormat())
		if err != nil {
			t.Fatal(err)
		}
		v.Append(d)
	}
	return v
}

// aggregateArguments are the types that each aggregate is tested with.
var aggregateArguments = map[string][]string{
	"count":       {"int4", "text"},
	"sum":         {"int2", "int4", "int8", "numeric", "float4", "float8", "interval"},
	"avg":         {"int2", "int4", "int8", "numeric", "float4", "float8", "interval"},
	"min":         {"int4", "int8", "float8", "numeric", "text", "bpchar", "date", "time", "timestamp", "timestamptz", "interval", "int4[]"},
	"max":         {"int4", "int8", "float8", "numeric", "text", "bpchar", "date", "time", "timestamp", "timestamptz", "interval", "int4[]"},
	"bool_and":    {"bool"},
	"bool_or":     {"bool"},
	"every":       {"bool"},
	"bit_and":     {"int2", "int4", "int8"},
	"bit_or":      {"int2", "int4", "int8"},
	"bit_xor":     {"int4", "int8"},
	"var_samp":    {"int2", "int4", "int8", "numeric"},
	"var_pop":     {"int4", "int8", "numeric"},
	"variance":    {"int4", "numeric"},
	"stddev":      {"int4", "int8", "numeric"},
	"stddev_pop":  {"int4", "numeric"},
	"stddev_samp": {"int8"},
	"array_agg":   {"int4", "text", "numeric"},
}

// finite leaves out the values that make a result depend on the
// order in PostgreSQL, or overflow on the way.
func finite(typ string) []string {
	var out []string
	for _, v := range interesting[typ] {
		switch v {
		case "-0", "1e308", "3.4e38", "9223372036854775807", "-9223372036854775808":
			continue
		}
		out = append(out, v)
	}
	return out
}

// aggregateCase is an aggregate over a few values.
type aggregateCase struct {
	name, typ string
	values    []string
}

// aggregateCases returns all cases, always in the same order.
func aggregateCases() []aggregateCase {
	random := rand.New(rand.NewPCG(7, 7))
	var cases []aggregateCase
	for _, name := range slices.Sorted(maps.Keys(aggregateArguments)) {
		for _, typ := range aggregateArguments[name] {
			for range 20 {
				cases = append(cases, aggregateCase{name, typ, sample(random, finite(typ), random.IntN(9))})
			}
		}
	}
	return cases
}

// sql returns the case as a scalar subquery.
func (c aggregateCase) sql() string {
	if strings.HasSuffix(c.typ, "[]") {
		return fmt.Sprintf("SELECT %s(x) FROM (VALUES %s) AS u(x)", c.name, valuesList(c.typ, c.values))
	}
	return fmt.Sprintf("SELECT %s(x) FROM unnest(%s) AS u(x)", c.name, arrayLiteral(c.typ, c.values))
}

func (c aggregateCase) evaluate(t *testing.T) string {
	a := resolveAggregate(t, c.name, c.typ)
	acc := a.New(a.args)
	acc.Resize(1)
	acc.Add(&Context{}, make([]int32, len(c.values)), []*types.Vector{column(t, a.args[0], c.values)}, nil)
	return a.result(acc)
}

const aggregateGoldenFile = "testdata/aggregates.txt"

// TestAggregatesMatchPostgres compares with PostgreSQL's answers: from a server
// when -oracle is given, which also rewrites the golden file, and else from that
// file.
func TestAggregatesMatchPostgres(t *testing.T) {
	cases := aggregateCases()
	questions := make([]string, len(cases))
	for i, c := range cases {
		questions[i] = c.sql()
	}
	var answers []string
	if *oracle != "" {
		answers = askPostgresSQL(t, questions)
		if err := os.WriteFile(aggregateGoldenFile, []byte(strings.Join(answers, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	} else {
		data, err := os.ReadFile(aggregateGoldenFile)
		if err != nil {
			t.Fatal(err)
		}
		answers = strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	}
	if len(answers) != len(cases) {
		t.Fatalf("%d answers for %d cases", len(answers), len(cases))
	}
	for i, c := range cases {
		if got := c.evaluate(t); !sameAnswer(got, answers[i]) {
			t.Errorf("%s = %q, PostgreSQL says %q", questions[i], got, answers[i])
		}
	}
}

func sample(random *rand.Rand, from []string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = from[random.IntN(len(from))]
	}
	return out
}

func arrayLiteral(typ string, values []string) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = literal{typ, v}.sql()
	}
	return "ARRAY[" + strings.Join(parts, ",") + "]::" + typ + "[]"
}

func valuesList(typ string, values []string) string {
	parts := []string{}
	for _, v := range append([]string{"NULL"}, values...) {
		parts = append(parts, "("+literal{typ, v}.sql()+")")
	}
	return strings.Join(parts, ",")
}

// TestAggregatesDoNotDependOnOrder splits rows into partial states at random,
// saves and loads them, adds rows that are undone again, and merges: the result
// and the saved state must be those of one pass.
func TestAggregatesDoNotDependOnOrder(t *testing.T) {
	for name, arguments := range aggregateArguments {
		for _, typ := range arguments {
			a := resolveAggregate(t, name, typ)
			if !a.Combines {
				continue
			}
			t.Run(name+"_"+typ, func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { checkOrder(t, a, typ) }) })
		}
	}
}

func checkOrder(t *rapid.T, a aggregateOn, typ string) {
	values := rapid.SliceOfN(rapid.SampledFrom(interesting[typ]), 0, 12).Draw(t, "values")
	whole := a.New(a.args)
	whole.Resize(1)
	addRows(a, whole, values, 1)

	merged := a.New(a.args)
	merged.Resize(2)
	order := rapid.Permutation(values).Draw(t, "order")
	for len(order) > 0 {
		n := rapid.IntRange(1, len(order)).Draw(t, "n")
		partial := a.New(a.args)
		partial.Resize(1)
		if a.Retraction == RetractInvertible {
			undone := rapid.SliceOfN(rapid.SampledFrom(interesting[typ]), 0, 4).Draw(t, "undone")
			addRows(a, partial, undone, -1)
			addRows(a, partial, order[:n], 1)
			addRows(a, partial, undone, 1)
		} else {
			addRows(a, partial, order[:n], 1)
		}
		saved := a.states()
		partial.Save([]int32{0}, saved)
		reloaded := a.New(a.args)
		reloaded.Resize(1)
		reloaded.Load([]int32{0}, saved)
		saved = a.states()
		reloaded.Save([]int32{0}, saved)
		merged.Merge(&Context{}, []int32{0}, saved)
		order = order[n:]
	}
	if got, want := a.result(merged), a.result(whole); got != want {
		t.Fatalf("%s: merged %q, in one pass %q", a.name, got, want)
	}
	if got, want := stateOf(a, merged), stateOf(a, whole); got != want {
		t.Fatalf("%s: merged state %q, in one pass %q", a.name, got, want)
	}
	merged.Clear([]int32{0})
	if got, want := a.result(merged), a.result(emptyOf(a)); got != want {
		t.Fatalf("%s: cleared %q, want %q", a.name, got, want)
	}
}

func emptyOf(a aggregateOn) Accumulator {
	acc := a.New(a.args)
	acc.Resize(1)
	return acc
}

func stateOf(a aggregateOn, acc Accumulator) string {
	saved := a.states()
	acc.Save([]int32{0}, saved)
	return fmt.Sprint(saved[0].Datum(0), len(saved), saved[len(saved)-1].Datum(0))
}

func addRows(a aggregateOn, acc Accumulator, values []string, weight int64) {
	v := &types.Vector{Type: a.args[0]}
	weights := make([]int64, len(values))
	for i, s := range values {
		weights[i] = weight
		if s == "NULL" {
			v.Append(types.Null)
			continue
		}
		d, err := types.ParseText(a.args[0], s, types.DefaultFormat())
		if err != nil {
			panic(err)
		}
		v.Append(d)
	}
	acc.Add(&Context{}, make([]int32, len(values)), []*types.Vector{v}, weights)
}

func TestAggregateResultTypes(t *testing.T) {
	for _, c := range []struct{ name, arg, want string }{
		{"sum", "int2", "bigint"}, {"sum", "int4", "bigint"}, {"sum", "int8", "numeric"}, {"sum", "numeric", "numeric"},
		{"sum", "float4", "real"}, {"sum", "float8", "double precision"}, {"avg", "int4", "numeric"}, {"avg", "float4", "double precision"},
		{"avg", "numeric", "numeric"}, {"min", "varchar", "text"}, {"max", "int4[]", "integer[]"}, {"count", "jsonb", "bigint"}, {"array_agg", "text", "text[]"},
	} {
		a := resolveAggregate(t, c.name, c.arg)
		got, err := a.ResultType(a.args)
		if err != nil || got.String() != c.want {
			t.Errorf("%s(%s) is %s (%v), want %s", c.name, c.arg, got, err, c.want)
		}
	}
}

func BenchmarkSumCountInto1000Groups(b *testing.B) {
	for _, typ := range []string{"int4", "int8", "numeric", "float8"} {
		b.Run(typ, func(b *testing.B) {
			const rows = 1024
			random := rand.New(rand.NewPCG(1, 1))
			sum, count := resolveAggregate(b, "sum", typ), resolveAggregate(b, "count", typ)
			texts := make([]string, rows)
			groups := make([]int32, rows)
			for i := range texts {
				texts[i] = fmt.Sprint(random.IntN(1000))
				if typ == "numeric" || typ == "float8" {
					texts[i] += ".25"
				}
				groups[i] = random.Int32N(1000)
			}
			args := []*types.Vector{column(b, typeNamed(typ), texts)}
			s, c := sum.New(sum.args), count.New(count.args)
			s.Resize(1000)
			c.Resize(1000)
			ctx := &Context{}
			s.Add(ctx, groups, args, nil)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				s.Add(ctx, groups, args, nil)
				c.Add(ctx, groups, args, nil)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
		})
	}
}

func TestOrderSensitiveAggregates(t *testing.T) {
	text := &types.Vector{Type: types.Text}
	separator := &types.Vector{Type: types.Text}
	for _, s := range []string{"", "a", "b", "c"} {
		if s == "" {
			text.Append(types.Null)
		} else {
			text.Append(types.StringDatum(s))
		}
		separator.Append(types.StringDatum("-" + s))
	}
	for _, c := range []struct {
		name string
		args []*types.Vector
		want string
	}{
		{"earliest_by_offset", []*types.Vector{text}, "a"},
		{"latest_by_offset", []*types.Vector{text}, "c"},
		{"array_agg", []*types.Vector{text}, "{NULL,a,b,c}"},
		{"string_agg", []*types.Vector{text, separator}, "a-bb-cc"},
		{"jsonb_agg", []*types.Vector{text}, `[null, "a", "b", "c"]`},
	} {
		ts := make([]types.Type, len(c.args))
		for i, v := range c.args {
			ts[i] = v.Type
		}
		resolved, args, err := ResolveAggregate(c.name, ts, -1)
		if err != nil {
			t.Fatal(err)
		}
		a := aggregateOn{c.name, ts[0], resolved, args}
		if !a.OrderSensitive || a.Combines {
			t.Errorf("%s is not marked", c.name)
		}
		acc := emptyOf(a)
		acc.Add(&Context{}, make([]int32, 4), c.args, nil)
		saved := a.states()
		acc.Save([]int32{0}, saved)
		again := emptyOf(a)
		again.Load([]int32{0}, saved)
		if got := a.result(again); got != c.want {
			t.Errorf("%s = %q, want %q", c.name, got, c.want)
		}
	}
}
