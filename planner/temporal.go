package planner

import (
	"strings"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// Conditions of WHERE on the clock, in a result that is kept up to date. What can
// be kept true as time goes on compares something of the row with something that
// only grows with now(); everything else with now() in it is refused, since it
// would be true of the moment in which a row came.

// filterRows puts the condition of WHERE on a node.
func (b *binder) filterRows(node plan.Node, where expr.Expr) (plan.Node, error) {
	if !b.incremental() || !readsClock(where) {
		return newFilter(node, where), nil
	}
	var rest []expr.Expr
	var conditions []plan.TemporalCondition
	for _, c := range split(where) {
		if !readsClock(c) {
			rest = append(rest, c)
			continue
		}
		condition, err := b.temporal(c)
		if err != nil {
			return nil, err
		}
		conditions = append(conditions, condition)
	}
	return newTemporalFilter(filtered(node, rest), conditions), nil
}

// statementClock are the functions that tell the time of the statement, which
// goes on in a result that is kept up to date.
var statementClock = map[string]bool{
	"now": true, "current_timestamp": true, "transaction_timestamp": true, "statement_timestamp": true,
	"localtimestamp": true, "current_date": true,
}

func readsClock(e expr.Expr) bool {
	return contains(e, func(e expr.Expr) bool {
		c, ok := e.(*expr.Call)
		return ok && statementClock[c.Func.Name]
	})
}

func readsRow(e expr.Expr) bool {
	return contains(e, func(e expr.Expr) bool {
		switch e.(type) {
		case *expr.Column, *expr.Outer, *expr.Subquery:
			return true
		}
		return false
	})
}

// temporal takes a condition apart that has the clock in it.
func (b *binder) temporal(e expr.Expr) (plan.TemporalCondition, error) {
	condition := plan.TemporalCondition{Predicate: e}
	refused := notSupported(e.Pos(), "this condition on the clock is not supported in a result that is kept up to date").
		WithHint("Compare a column with now() and a fixed interval: WHERE at > now() - INTERVAL '1 hour'.")
	call, ok := e.(*expr.Call)
	if !ok || len(call.Args) != 2 {
		return condition, refused
	}
	row, clock, op := call.Args[0], call.Args[1], call.Func.Name
	if readsClock(row) && !readsRow(row) && !readsClock(clock) {
		row, clock, op = clock, row, mirrored[op]
	}
	var isComparison bool
	condition.Ends, isComparison = endsWithTime[op]
	if !isComparison {
		return condition, refused
	}
	if age, ok := b.ageCondition(row, clock, op); ok {
		return age, nil
	}
	if readsClock(row) || readsRow(clock) || !b.growsWithTime(clock) || isVolatile(row) {
		return condition, refused
	}
	if shift, ok := shiftOfNow(clock); ok && row.Type().Kind == types.KindTimestampTZ && clock.Type().Kind == types.KindTimestampTZ && b.isUTC() {
		condition.Row, condition.Shift, condition.Strict = row, shift, op == "<" || op == ">"
	}
	return condition, nil
}

// endsWithTime says of comparisons of a row with the clock whether they become
// false as time goes on.
var endsWithTime = map[string]bool{"<": false, "<=": false, ">": true, ">=": true}

// ageCondition is a condition now() - row < interval: row > now() - interval.
func (b *binder) ageCondition(age, limit expr.Expr, op string) (plan.TemporalCondition, bool) {
	none := plan.TemporalCondition{}
	if op = mirrored[op]; !readsClock(age) {
		return none, false
	}
	call, ok := age.(*expr.Call)
	if !ok || call.Func.Name != "-" || len(call.Args) != 2 || readsClock(call.Args[1]) || readsRow(call.Args[0]) || !b.isUTC() {
		return none, false
	}
	shift, isNow := shiftOfNow(call.Args[0])
	row := call.Args[1]
	micros, fixed := fixedInterval(limit)
	if !isNow || !fixed || row.Type().Kind != types.KindTimestampTZ {
		return none, false
	}
	return plan.TemporalCondition{
		Ends: endsWithTime[op], Row: row, Shift: shift - micros, Strict: op == "<" || op == ">",
	}, true
}

// isUTC reports whether the session's days have 24 hours each, so that intervals
// of days have a length.
func (b *binder) isUTC() bool {
	zone := b.format().TimeZone
	return zone == nil || zone.String() == "UTC"
}

// shiftOfNow takes now() + fixed intervals apart.
func shiftOfNow(e expr.Expr) (int64, bool) {
	call, ok := e.(*expr.Call)
	if !ok {
		return 0, false
	}
	switch name := call.Func.Name; {
	case len(call.Args) == 0 && statementClock[name] && call.ResultType.Kind == types.KindTimestampTZ:
		return 0, true
	case len(call.Args) == 2 && (name == "+" || name == "-"):
		at, interval := call.Args[0], call.Args[1]
		if name == "+" && at.Type().Kind == types.KindInterval {
			at, interval = interval, at
		}
		shift, isNow := shiftOfNow(at)
		micros, fixed := fixedInterval(interval)
		if name == "-" {
			micros = -micros
		}
		return shift + micros, isNow && fixed
	}
	return 0, false
}

// fixedInterval is the length of a constant interval without months.
func fixedInterval(e expr.Expr) (int64, bool) {
	if cast, ok := e.(*expr.Cast); ok {
		if folded, err := expr.Fold(&expr.Context{Format: types.DefaultFormat()}, cast); err == nil {
			e = folded
		}
	}
	c, ok := e.(*expr.Const)
	if !ok || !c.Value.Valid || c.ResultType.Kind != types.KindInterval {
		return 0, false
	}
	v := types.DecodeInterval(c.Value.Str)
	const day, most = 86_400_000_000, 1_000_000
	if v.Months != 0 || v.Days > most || v.Days < -most || v.Micros > most*day || v.Micros < -most*day {
		return 0, false
	}
	return int64(v.Days)*day + v.Micros, true
}

// growsWithTime reports whether an expression without columns never becomes less
// as time goes on.
func (b *binder) growsWithTime(e expr.Expr) bool {
	if !readsClock(e) {
		return !isVolatile(e)
	}
	switch e := e.(type) {
	case *expr.Cast:
		return b.isUTC() && isTime(e.Type()) && b.growsWithTime(e.Arg)
	case *expr.Call:
		switch name := e.Func.Name; {
		case len(e.Args) == 0:
			return name != "localtimestamp" && name != "current_date" || b.isUTC()
		case name == "timezone" && len(e.Args) == 2:
			// Local time goes back where summer ends.
			zone, ok := e.Args[0].(*expr.Const)
			return ok && strings.EqualFold(zone.Value.Str, "UTC") && b.growsWithTime(e.Args[1])
		case name == "date_trunc" && len(e.Args) == 2 && b.isUTC(), name == "date_bin":
			return !readsClock(e.Args[0]) && b.growsWithTime(e.Args[1]) && (len(e.Args) < 3 || !readsClock(e.Args[2]))
		case name == "+" && len(e.Args) == 2:
			// A sum with an interval; of two that grow there is none.
			return isTime(e.ResultType) && b.growsWithTime(e.Args[0]) && b.growsWithTime(e.Args[1])
		case name == "-" && len(e.Args) == 2:
			return isTime(e.ResultType) && b.growsWithTime(e.Args[0]) && !readsClock(e.Args[1])
		}
	}
	return false
}

func isTime(t types.Type) bool {
	return t.Kind == types.KindTimestampTZ || t.Kind == types.KindTimestamp || t.Kind == types.KindDate
}

// newTemporalFilter keeps the rows for which the conditions hold as time goes on.
func newTemporalFilter(input plan.Node, conditions []plan.TemporalCondition) *plan.TemporalFilter {
	f := &plan.TemporalFilter{Input: input, Conditions: conditions}
	f.Cols, f.Properties = input.Columns(), *input.Props()
	if f.Properties.Kind == plan.AppendOnly {
		f.Properties.Kind, f.Properties.Key = plan.Bag, nil
	}
	return f
}

// temporalExprs are the expressions of a temporal filter: of each condition what
// is evaluated.
func temporalExprs(f *plan.TemporalFilter) []expr.Expr {
	list := make([]expr.Expr, len(f.Conditions))
	for i := range f.Conditions {
		if list[i] = f.Conditions[i].Row; list[i] == nil {
			list[i] = f.Conditions[i].Predicate
		}
	}
	return list
}

func (f exprMap) conditions(conditions []plan.TemporalCondition) ([]plan.TemporalCondition, error) {
	out := append([]plan.TemporalCondition{}, conditions...)
	for i := range out {
		var err error
		if out[i].Row != nil {
			out[i].Row, err = f(out[i].Row)
		} else {
			out[i].Predicate, err = f(out[i].Predicate)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// checkTemporal refuses what has no stable answer in the conditions of a
// temporal filter: all but the clock itself.
func (b *binder) checkTemporal(f *plan.TemporalFilter) error {
	for _, e := range temporalExprs(f) {
		if b.mode == modeContinuous && contains(e, func(e expr.Expr) bool { _, ok := e.(*expr.Param); return ok }) {
			return sqlerr.New(sqlerr.InvalidTableDefinition, e.Pos(), "continuous queries cannot have parameters").
				WithHint("Write the value into the statement.")
		}
	}
	return nil
}
