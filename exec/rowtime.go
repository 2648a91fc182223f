package exec

import (
	"fmt"
	"math"
	"strings"
	"time"

	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// Event times of rows that come into a stream.

// The range of event times, in milliseconds since the Unix epoch: those that are
// a timestamp (in microseconds since 2000).
const (
	minRowtime = math.MinInt64/1000 + millisAtTimestampZero + 1
	maxRowtime = math.MaxInt64/1000 - 1
)

// setRowtimes gives a stream's rows their event times: those given in the
// statement, else those of the rowtime column, else the clock; a NULL means the
// clock.
func (w *engineWriter) setRowtimes(relation *catalog.Relation, rows *types.Batch) error {
	arrival := w.engine.now().UnixMilli()
	times := rows.Rowtimes
	if times == nil {
		times = make([]int64, rows.Len)
		for i := range times {
			times[i] = math.MinInt64
		}
		if relation.Rowtime >= 0 {
			read, err := rowtimeReader(relation)
			if err != nil {
				return err
			}
			for i := range times {
				if times[i], err = rowtimeOf(relation, &rows.Columns[relation.Rowtime], i, read); err != nil {
					return err
				}
			}
		}
		rows.Rowtimes = times
	}
	for i := range times {
		accepted, err := acceptRowtime(relation, times[i], arrival)
		if err != nil {
			refused := sqlerr.From(err)
			refused.Detail = fmt.Sprintf("Row %d of the statement", i+1) + strings.TrimPrefix(refused.Detail, "The row")
			return refused
		}
		times[i] = accepted
	}
	return nil
}

// acceptRowtime returns the event time of a row, the clock's for MinInt64, or refuses
// it.
func acceptRowtime(relation *catalog.Relation, rowtime, arrival int64) (int64, error) {
	switch {
	case rowtime == math.MinInt64:
		return arrival, nil
	case rowtime < minRowtime || rowtime > maxRowtime:
		return 0, sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "the event time of a row is out of range").
			WithDetail("The row is %d ms from 1970.", rowtime)
	case relation.MaxAheadMillis > 0 && rowtime-arrival > relation.MaxAheadMillis:
		return 0, sqlerr.New(sqlerr.DatetimeFieldOverflow, -1, "the event time of a row is too far ahead of the clock").
			WithDetail("The row is %d ms ahead; stream %q allows %d ms.", rowtime-arrival, relation.Name, relation.MaxAheadMillis).
			WithHint("One such row would make every later row late. Correct it, or create the stream WITH (max_ahead = '...').")
	}
	return rowtime, nil
}

// rowtimeOf reads the event time of row i, in milliseconds since the Unix epoch, from
// a column: timestamps and dates are read as UTC, text as timestamptz or by the
// stream's pattern, integers are milliseconds, and MinInt64 stands for NULL.
func rowtimeOf(relation *catalog.Relation, column *types.Vector, i int, read func(text string) (int64, error)) (int64, error) {
	if column.IsNull(i) {
		return math.MinInt64, nil
	}
	switch column.Type.Kind {
	case types.KindTimestamp, types.KindTimestampTZ:
		return rowtimeFromTimestamp(relation, column.Ints[i])
	case types.KindDate:
		if column.Ints[i] == math.MaxInt32 || column.Ints[i] == math.MinInt32 {
			return 0, badRowtime(relation, "infinity is not an event time")
		}
		return column.Ints[i]*86_400_000 + millisAtTimestampZero, nil
	case types.KindInt8, types.KindInt4:
		return column.Ints[i], nil
	}
	stamp, err := read(column.Strs[i])
	if err != nil {
		return 0, badRowtime(relation, err.Error())
	}
	return rowtimeFromTimestamp(relation, stamp)
}

func rowtimeFromTimestamp(relation *catalog.Relation, stamp int64) (int64, error) {
	if stamp == math.MaxInt64 || stamp == math.MinInt64 {
		return 0, badRowtime(relation, "infinity is not an event time")
	}
	return millisFromTimestamp(stamp), nil
}

// rowtimeReader returns how a stream's event times are read from text.
func rowtimeReader(relation *catalog.Relation) (func(text string) (int64, error), error) {
	if relation.RowtimeFormat == "" {
		format := types.DefaultFormat()
		return func(text string) (int64, error) {
			stamp, err := types.ParseText(types.TimestampTZ, text, format)
			return stamp.Int, err
		}, nil
	}
	pattern, err := expr.NewTimePattern(relation.RowtimeFormat)
	if err != nil {
		return nil, err
	}
	return func(text string) (int64, error) { return pattern.Read(text, time.UTC) }, nil
}

func badRowtime(relation *catalog.Relation, detail string) error {
	err := sqlerr.New(sqlerr.InvalidDatetimeFormat, -1, "column %q gives no event time", relation.Columns[relation.Rowtime].Name).WithDetail("%s", detail)
	err.Table, err.Column = relation.Name, relation.Columns[relation.Rowtime].Name
	return err
}
