package exec

import (
	"math"

	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// into passes the rows of a query into a stream as the stream wants them:
// those that obey NOT NULL and CHECK and whose event time can be, with that event
// time. The others are errors of the query, and the stream is as if they had never
// been. Constraints are looked at in PostgreSQL's order, as for an INSERT: NOT NULL by
// the columns' numbers, then CHECK by name, then the event time.
//
// The event time of a row is the one that the query gives, where it gives one; else
// that of the stream's own column for it; else that of the row it comes from.
type into struct {
	next   consumer
	target *catalog.Relation
	// given says that a column of the input behind the stream's is the event time, and
	// headers that the one behind that are the headers.
	given    bool
	headers  bool
	checks   []plan.Check
	programs []*expr.Program
	// read reads event times from the text of the stream's own column.
	read   func(text string) (int64, error)
	values types.Vector
}

func newInto(plan *plan.Into, target *catalog.Relation, next consumer) (*into, error) {
	o := &into{next: next, target: target, given: plan.Rowtime, headers: plan.Headers, checks: plan.Checks}
	for i := range plan.Checks {
		program, err := expr.Compile(plan.Checks[i].Condition)
		if err != nil {
			return nil, err
		}
		o.programs = append(o.programs, program)
	}
	var err error
	if target.Rowtime >= 0 {
		o.read, err = rowtimeReader(target)
	}
	return o, err
}

func (o *into) process(t *turn, in *types.Batch) {
	rows := *in
	rows.Columns = in.Columns[:len(o.target.Columns)]
	refused := map[int32]struct{}{}
	refuse := func(row int32, err error) {
		if _, twice := refused[row]; !twice {
			refused[row] = struct{}{}
			t.rowError(in, row, err)
		}
	}
	o.checkNulls(&rows, refuse)
	o.checkConditions(t, &rows, refuse)
	rows.Rowtimes = o.rowtimes(t, in, refuse)
	rows.Headers = o.rowHeaders(in, refuse)
	if len(refused) == 0 {
		o.next.process(t, &rows)
		return
	}
	selection := make([]int32, 0, rows.Len)
	for i := range int32(rows.Len) {
		if _, bad := refused[i]; !bad {
			selection = append(selection, i)
		}
	}
	if len(selection) > 0 {
		o.next.process(t, rows.Select(selection))
	}
}

func (o *into) finish(t *turn) { o.next.finish(t) }

func (o *into) checkNulls(rows *types.Batch, refuse func(row int32, err error)) {
	for c := range o.target.Columns {
		column := &o.target.Columns[c]
		if !column.NotNull || !rows.Columns[c].HasNulls() {
			continue
		}
		for i := range rows.Len {
			if rows.Columns[c].IsNull(i) {
				refuse(int32(i), NotNullViolation(o.target, column.Name))
			}
		}
	}
}

func (o *into) checkConditions(t *turn, rows *types.Batch, refuse func(row int32, err error)) {
	for n, program := range o.programs {
		t.eval.ResetErrors()
		program.Eval(t.eval, rows, nil, &o.values)
		for i := range t.eval.Errors {
			refuse(t.eval.Errors[i].Row, t.eval.Errors[i].Err)
		}
		for i := range rows.Len {
			if !o.values.IsNull(i) && o.values.Ints[i] == 0 && !t.eval.Failed(int32(i)) {
				refuse(int32(i), CheckViolation(o.target, o.checks[n].Constraint.Name))
			}
		}
	}
	t.eval.ResetErrors()
}

// rowtimes returns the event times of rows. A NULL stands for the clock.
func (o *into) rowtimes(t *turn, in *types.Batch, refuse func(row int32, err error)) []int64 {
	arrival := t.now.UnixMilli()
	times := make([]int64, in.Len)
	for i := range times {
		var err error
		switch {
		case o.given:
			times[i] = math.MinInt64
			if column := &in.Columns[len(o.target.Columns)]; !column.IsNull(i) {
				times[i] = millisFromTimestamp(column.Ints[i])
			}
		case o.target.Rowtime >= 0:
			times[i], err = rowtimeOf(o.target, &in.Columns[o.target.Rowtime], i, o.read)
		case in.Rowtimes != nil:
			times[i] = in.Rowtimes[i]
		default:
			times[i] = math.MinInt64
		}
		if err == nil {
			times[i], err = acceptRowtime(o.target, times[i], arrival)
		}
		if err != nil {
			refuse(int32(i), err)
		}
	}
	return times
}

// rowHeaders returns the headers of rows, nil where the query gives none.
func (o *into) rowHeaders(in *types.Batch, refuse func(row int32, err error)) []string {
	if !o.headers {
		return nil
	}
	headers, column := make([]string, in.Len), &in.Columns[len(in.Columns)-1]
	for i := range headers {
		var err error
		if headers[i], err = types.HeadersAt(column, i); err != nil {
			refuse(int32(i), err)
		}
	}
	return headers
}
