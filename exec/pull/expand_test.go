package pull

import (
	"testing"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// literals are constants of the given types: values between blanks, - for NULL.
func literals(t *testing.T, columns []types.Type, row string) []expr.Expr {
	t.Helper()
	var list []expr.Expr
	for c, d := range datumsOf(t, columns, row)[0] {
		list = append(list, constant(columns[c], d))
	}
	return list
}

func TestGenerateSeries(t *testing.T) {
	tests := []struct {
		types []types.Type
		args  string
		want  []string
	}{
		{intInt, "1 3", []string{"1", "2", "3"}},
		{intInt, "3 1", nil},
		{intInt, "1 -", nil},
		{[]types.Type{types.Int4, types.Int4, types.Int4}, "5 1 -2", []string{"5", "3", "1"}},
		{[]types.Type{types.Int8, types.Int8, types.Int8}, "9223372036854775806 9223372036854775807 5", []string{"9223372036854775806"}},
		{[]types.Type{types.Int8, types.Int8, types.Int8}, "-9223372036854775807 -9223372036854775808 -1",
			[]string{"-9223372036854775807", "-9223372036854775808"}},
		{[]types.Type{types.Numeric, types.Numeric}, "1.5 4", []string{"1.5", "2.5", "3.5"}},
		{[]types.Type{types.Numeric, types.Numeric, types.Numeric}, "1 0 -0.50", []string{"1", "0.50", "0.00"}},
	}
	for _, test := range tests {
		t.Run(test.args, func(t *testing.T) {
			f := setTable("generate_series", literals(t, test.types, test.args)...)
			check(t, f, nil, test.want...)
		})
	}
}

func TestGenerateSeriesErrors(t *testing.T) {
	numerics := []types.Type{types.Numeric, types.Numeric, types.Numeric}
	tests := []struct {
		types []types.Type
		args  string
	}{
		{[]types.Type{types.Int8, types.Int8, types.Int8}, "1 2 0"},
		{numerics, "1 2 0.0"},
		{numerics, "NaN 2 1"},
		{numerics, "1 Infinity 1"},
	}
	for _, test := range tests {
		t.Run(test.args, func(t *testing.T) {
			f := setTable("generate_series", literals(t, test.types, test.args)...)
			checkFails(t, f, nil, sqlerr.InvalidParameterValue)
		})
	}
}

func TestGenerateSeriesOfTimes(t *testing.T) {
	const hour = int64(3600e6)
	tests := []struct {
		name        string
		typ         types.Type
		start, stop string
		step        types.IntervalValue
		want        []string
	}{
		{"months", types.Timestamp, "2020-01-31T00:00:00", "2020-03-31T00:00:00", types.IntervalValue{Months: 1},
			[]string{"2020-01-31 00:00:00", "2020-02-29 00:00:00", "2020-03-29 00:00:00"}},
		{"backwards", types.Timestamp, "2020-01-01T12:00:00", "2020-01-01T00:00:00", types.IntervalValue{Micros: -6 * hour},
			[]string{"2020-01-01 12:00:00", "2020-01-01 06:00:00", "2020-01-01 00:00:00"}},
		{"with zone", types.TimestampTZ, "2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z", types.IntervalValue{Micros: 12 * hour},
			[]string{"2020-01-01 00:00:00+00", "2020-01-01 12:00:00+00", "2020-01-02 00:00:00+00"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			args := literals(t, []types.Type{test.typ, test.typ}, test.start+" "+test.stop)
			step := constant(types.Interval, types.StringDatum(types.EncodeInterval(test.step)))
			check(t, setTable("generate_series", append(args, step)...), nil, test.want...)

			zero := constant(types.Interval, types.StringDatum(types.EncodeInterval(types.IntervalValue{Days: 30, Months: -1})))
			checkFails(t, setTable("generate_series", append(args, zero)...), nil,
				sqlerr.InvalidParameterValue)
		})
	}
}

func TestUnnest(t *testing.T) {
	numbers, texts := types.ArrayOf(types.Int8), types.ArrayOf(types.Text)
	tests := []struct {
		name string
		args []expr.Expr
		out  []types.Type
		want []string
	}{
		{"one", literals(t, []types.Type{numbers}, "{3,NULL,1}"), []types.Type{types.Int8}, []string{"3", "-", "1"}},
		{"two dimensions", literals(t, []types.Type{numbers}, "{{1,2},{3,4}}"), []types.Type{types.Int8}, []string{"1", "2", "3", "4"}},
		{"empty", literals(t, []types.Type{numbers}, "{}"), []types.Type{types.Int8}, nil},
		{"NULL", literals(t, []types.Type{numbers}, "-"), []types.Type{types.Int8}, nil},
		{"several", literals(t, []types.Type{numbers, texts}, "{1} {a,b}"), intText, []string{"1 a", "- b"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			check(t, setTable("unnest", test.args...), nil, test.want...)
		})
	}
	numbered := setTable("unnest", literals(t, []types.Type{texts}, "{a,b}")...)
	numbered.Ordinality, numbered.Cols = true, append(numbered.Cols, plan.Column{Type: types.Int8})
	check(t, numbered, nil, "a 1", "b 2")
}

// TestExpandRows expands rows, with a condition and with rows that have nothing to
// give, in steps of every size.
func TestExpandRows(t *testing.T) {
	x := setTable("generate_series", integer(1), column(0, types.Int8))
	x.Input = valuesOf(t, intText, "2 a", "0 b", "- c", "3 d")
	x.Pass, x.Cols = []int{1}, append([]plan.Column{{Type: types.Text}}, x.Cols...)
	check(t, x, nil, "a 1", "a 2", "d 1", "d 2", "d 3")
	x.Outer = true
	check(t, x, nil, "a 1", "a 2", "b -", "c -", "d 1", "d 2", "d 3")
	x.On = call(t, ">", column(1, types.Int8), integer(2))
	check(t, x, nil, "a -", "b -", "c -", "d 3")
	x.On = call(t, ">", call(t, "/", integer(6), call(t, "-", column(1, types.Int8), integer(2))), integer(7))
	checkFails(t, x, nil, sqlerr.DivisionByZero)
}
