package pull

import (
	"time"

	"github.com/cockroachdb/apd/v3"

	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

func errZeroStep() error {
	return sqlerr.New(sqlerr.InvalidParameterValue, -1, "step size cannot equal zero")
}

// intSeries is generate_series over integers.
type intSeries struct {
	value, stop, step int64
	done              bool
}

func newIntSeries(args []types.Datum) (rowSource, error) {
	s := &intSeries{value: args[0].Int, stop: args[1].Int, step: 1}
	if len(args) == 3 {
		s.step = args[2].Int
	}
	if s.step == 0 {
		return nil, errZeroStep()
	}
	return s, nil
}

func (s *intSeries) appendRows(columns []types.Vector, n int) (int, error) {
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

func newNumericSeries(args []types.Datum) (rowSource, error) {
	s := &numericSeries{value: args[0].Str, stop: args[1].Str, step: types.NumericFromInt64(1)}
	if len(args) == 3 {
		s.step = args[2].Str
	}
	for _, bound := range []struct{ name, value string }{
		{"start value", s.value}, {"stop value", s.stop}, {"step size", s.step},
	} {
		if err := checkFinite(bound.name, bound.value); err != nil {
			return nil, err
		}
	}
	s.sign = types.NumericSign(s.step)
	if s.sign == 0 {
		return nil, errZeroStep()
	}
	return s, nil
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

func (s *numericSeries) appendRows(columns []types.Vector, n int) (int, error) {
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
	// zone is where timestamptz counts days and months; nil for timestamp.
	zone *time.Location
}

func newTimeSeries(env *expr.Context, kind types.Kind, args []types.Datum) (rowSource, error) {
	s := &timeSeries{value: args[0].Int, stop: args[1].Int, step: types.DecodeInterval(args[2].Str)}
	s.sign = s.step.Compare(types.IntervalValue{})
	if s.sign == 0 {
		return nil, errZeroStep()
	}
	if kind == types.KindTimestampTZ {
		s.zone = time.UTC
		if env.Format != nil && env.Format.TimeZone != nil {
			s.zone = env.Format.TimeZone
		}
	}
	return s, nil
}

func (s *timeSeries) appendRows(columns []types.Vector, n int) (int, error) {
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
	if s.zone == nil {
		return types.AddToTimestamp(s.value, s.step)
	}
	return types.AddToTimestampTZ(s.value, s.step, s.zone)
}
