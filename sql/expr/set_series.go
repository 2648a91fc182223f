package expr

import (
	"time"

	"github.com/cockroachdb/apd/v3"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// defineSeries defines generate_series
// (https://www.postgresql.org/docs/15/functions-srf.html).
func (b *builder) defineSeries() {
	for _, s := range []struct {
		name, step string
		isOptional bool
		newSource  func(args []types.Type) RowSource
	}{
		{"int4", "int4", true, func([]types.Type) RowSource { return &intSeries{} }},
		{"int8", "int8", true, func([]types.Type) RowSource { return &intSeries{} }},
		{"numeric", "numeric", true, func([]types.Type) RowSource { return &numericSeries{} }},
		{"timestamp", "interval", false, func([]types.Type) RowSource { return &timeSeries{} }},
		{"timestamptz", "interval", false, func([]types.Type) RowSource { return &timeSeries{zoned: true} }},
	} {
		const description = "values from the first argument to the second, by steps of the third or 1"
		if s.isOptional {
			b.set("generate_series", s.name+","+s.name, unnamed(s.name), s.newSource, description)
		}
		b.set("generate_series", s.name+","+s.name+","+s.step, unnamed(s.name), s.newSource, description)
	}
}

func errZeroStep() error {
	return sqlerr.New(sqlerr.InvalidParameterValue, -1, "step size cannot equal zero")
}

// intSeries is generate_series over integers.
type intSeries struct {
	value, stop, step int64
	done              bool
}

// Start implements RowSource.
func (s *intSeries) Start(_ *Context, args []types.Datum) error {
	*s = intSeries{value: args[0].Int, stop: args[1].Int, step: 1}
	if len(args) == 3 {
		s.step = args[2].Int
	}
	if s.step == 0 {
		return errZeroStep()
	}
	return nil
}

// Append implements RowSource.
func (s *intSeries) Append(columns []types.Vector, n int) (int, error) {
	out := &columns[0]
	for rows := range n {
		if s.done || s.step > 0 && s.value > s.stop || s.step < 0 && s.value < s.stop {
			return rows, nil
		}
		out.Ints = append(out.Ints, s.value)
		following := s.value + s.step
		s.done = (following > s.value) != (s.step > 0) // past the largest bigint
		s.value = following
	}
	return n, nil
}

// numericSeries is generate_series over numeric.
type numericSeries struct {
	value, stop, step string
	sign              int
}

// Start implements RowSource.
func (s *numericSeries) Start(_ *Context, args []types.Datum) error {
	*s = numericSeries{value: args[0].Str, stop: args[1].Str, step: types.NumericFromInt64(1)}
	if len(args) == 3 {
		s.step = args[2].Str
	}
	for _, bound := range []struct{ name, value string }{
		{"start value", s.value}, {"stop value", s.stop}, {"step size", s.step},
	} {
		if err := checkFinite(bound.name, bound.value); err != nil {
			return err
		}
	}
	s.sign = types.NumericSign(s.step)
	if s.sign == 0 {
		return errZeroStep()
	}
	return nil
}

func checkFinite(name, value string) error {
	if types.NumericIsNaN(value) {
		return sqlerr.New(sqlerr.InvalidParameterValue, -1, "%s cannot be NaN", name)
	}
	var decimal apd.Decimal
	types.NumericToDecimal(value, &decimal)
	if decimal.Form == apd.Infinite {
		return sqlerr.New(sqlerr.InvalidParameterValue, -1, "%s cannot be infinity", name)
	}
	return nil
}

// Append implements RowSource.
func (s *numericSeries) Append(columns []types.Vector, n int) (int, error) {
	for rows := range n {
		if types.NumericCompare(s.value, s.stop)*s.sign > 0 {
			return rows, nil
		}
		columns[0].Strs = append(columns[0].Strs, s.value)
		value, err := types.NumericAdd(s.value, s.step)
		if err != nil {
			return rows + 1, err
		}
		s.value = value
	}
	return n, nil
}

// timeSeries is generate_series over timestamp or timestamptz, with an interval
// as its step.
type timeSeries struct {
	value, stop int64
	step        types.IntervalValue
	sign        int
	// zoned says that the series is of timestamptz, and zone where it counts days and
	// months.
	zoned bool
	zone  *time.Location
}

// Start implements RowSource.
func (s *timeSeries) Start(ctx *Context, args []types.Datum) error {
	s.value, s.stop, s.step = args[0].Int, args[1].Int, types.DecodeInterval(args[2].Str)
	s.sign = s.step.Compare(types.IntervalValue{})
	if s.sign == 0 {
		return errZeroStep()
	}
	s.zone = time.UTC
	if ctx.Format != nil && ctx.Format.TimeZone != nil {
		s.zone = ctx.Format.TimeZone
	}
	return nil
}

// Append implements RowSource.
func (s *timeSeries) Append(columns []types.Vector, n int) (int, error) {
	out := &columns[0]
	for rows := range n {
		if s.sign > 0 && s.value > s.stop || s.sign < 0 && s.value < s.stop {
			return rows, nil
		}
		out.Ints = append(out.Ints, s.value)
		value, err := s.following()
		if err != nil {
			return rows + 1, err
		}
		s.value = value
	}
	return n, nil
}

func (s *timeSeries) following() (int64, error) {
	if !s.zoned {
		return types.AddToTimestamp(s.value, s.step)
	}
	return types.AddToTimestampTZ(s.value, s.step, s.zone)
}
