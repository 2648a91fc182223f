package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// Windows over event time have two spellings: the WINDOW clause, which takes the
// rowtime of what is in FROM, and the functions TUMBLE, HOP and CUMULATE in FROM,
// which name a column. Both become one plan.Window over the item of FROM.
//
// The clause's window columns are not part of `*`, and its aggregation groups by
// them in addition; the functions' are ordinary columns that the query groups by
// itself.

// The columns of a window, and KSQL's names for them.
const (
	windowStart     = "window_start"
	windowEnd       = "window_end"
	ksqlWindowStart = "windowstart"
	ksqlWindowEnd   = "windowend"
)

// maxWindowsPerRow bounds how many hopping or cumulating windows one row is in.
const maxWindowsPerRow = 10_000

// newWindow makes a window node as like is over another input.
func newWindow(input plan.Node, like *plan.Window) *plan.Window {
	w := &plan.Window{Input: input, Kind: like.Kind, Time: like.Time, Size: like.Size, Advance: like.Advance, Closing: like.Closing}
	width := len(input.Columns())
	w.Cols = append(slices.Clone(input.Columns()),
		plan.Column{Name: windowStart, Type: types.TimestampTZ}, plan.Column{Name: windowEnd, Type: types.TimestampTZ})
	w.Properties = *input.Props()
	if w.Properties.Key != nil {
		w.Properties.Key = append(slices.Clone(w.Properties.Key), width, width+1)
	}
	w.Properties.Window = &plan.WindowBounds{
		Start: width, End: width + 1, Fixed: w.Kind == plan.WindowTumbling || w.Kind == plan.WindowHopping, Closing: w.Closing,
	}
	if w.Kind == plan.WindowSession {
		w.Properties.Window.Gap = w.Size
	}
	return w
}

// movedBounds returns where a node has its input's window columns, given the
// input column that each of its first columns passes on; nil where it lacks one.
func movedBounds(bounds *plan.WindowBounds, passed []int) *plan.WindowBounds {
	if bounds == nil {
		return nil
	}
	at := positions([]int{bounds.Start, bounds.End}, passed)
	if at == nil {
		return nil
	}
	moved := *bounds
	moved.Start, moved.End = at[0], at[1]
	return &moved
}

// windowClause binds the WINDOW clause over what FROM gives.
func (b *binder) windowClause(clause *ast.StreamWindow, item *fromItem) (*fromItem, error) {
	shape, err := b.windowShape(clause)
	if err != nil {
		return nil, err
	}
	rowtime, err := item.scope.lookup("rowtime", clause.Pos())
	if err != nil {
		return nil, err
	}
	if rowtime == nil {
		return nil, sqlerr.New(sqlerr.WindowingError, clause.Pos(), "WINDOW needs the rowtime of a stream, which FROM does not have").
			WithHint("Of a table, name a column with a time: FROM TUMBLE(table, column, INTERVAL '1 hour').")
	}
	value := rowtime.at(0, clause.Pos())
	if shape.Time, err = b.eventTime(value); err != nil {
		return nil, err
	}
	return windowed(item, shape, false, clause.Pos())
}

// windowed puts a window node on an item of FROM. visible says that its columns
// are part of `*`; otherwise they are pseudocolumns.
func windowed(item *fromItem, shape *plan.Window, visible bool, pos int) (*fromItem, error) {
	node := newWindow(item.node, shape)
	inner := *item.scope
	inner.columns = slices.Clone(item.scope.columns)
	var table *scopeTable
	if len(inner.tables) == 1 {
		table = inner.tables[0]
	}
	names := []string{windowStart, windowEnd, ksqlWindowStart, ksqlWindowEnd}
	for _, c := range inner.columns {
		if c.inTable && slices.Contains(names, c.name) {
			return nil, sqlerr.New(sqlerr.DuplicateColumn, pos, "column %q of FROM has the name of a column of the window", c.name).
				WithHint("Give it another name in a subquery, or in the alias: FROM … AS t (…).")
		}
	}
	inner.columns = slices.DeleteFunc(inner.columns, func(c *scopeColumn) bool { return slices.Contains(names, c.name) })
	for i, name := range names {
		number := node.StartColumn() + i%2
		column := node.Cols[number]
		column.Name = name
		shown := visible && i < 2
		inner.columns = append(inner.columns, &scopeColumn{
			table: table, name: name, value: columnOf(column, number), bare: true, starred: shown, inTable: shown,
		})
	}
	return &fromItem{node: node, scope: &inner}, nil
}

// addWindow adds the names of a windowed table's window columns that its visible
// columns do not have.
func (s *scope) addWindow(table *scopeTable, relation *catalog.Relation, columns []plan.Column, fetch []int) {
	if relation.Window == nil {
		return
	}
	for i, name := range []string{windowStart, windowEnd, ksqlWindowStart, ksqlWindowEnd} {
		if slices.ContainsFunc(s.columns, func(c *scopeColumn) bool { return c.name == name }) {
			continue
		}
		number := slices.Index(fetch, relation.Window[i%2])
		column := columns[number]
		column.Name = name
		s.addPseudocolumn(table, column, number)
	}
}

// eventTime makes a timestamp with time zone of a time; those without a zone are
// read as UTC.
func (b *binder) eventTime(value expr.Expr) (expr.Expr, error) {
	value, err := b.settle(value)
	if err != nil {
		return nil, err
	}
	switch value.Type().Kind {
	case types.KindTimestampTZ:
		return value, nil
	case types.KindDate:
		if value, err = b.coerce(value, types.Timestamp, expr.Implicit); err != nil {
			return nil, err
		}
	case types.KindTimestamp:
	default:
		return nil, sqlerr.New(sqlerr.DatatypeMismatch, value.Pos(), "a window needs a time of type timestamp with time zone, timestamp or date, not %s", value.Type().BaseName())
	}
	zone := &expr.Const{Node: expr.Node{ResultType: types.Text, Position: value.Pos()}, Value: types.StringDatum("UTC")}
	eb := &exprBinder{binder: b, clause: "FROM"}
	return eb.call("timezone", []expr.Expr{zone, value}, value.Pos())
}

// windowShape reads the WINDOW clause: all but the time.
func (b *binder) windowShape(clause *ast.StreamWindow) (*plan.Window, error) {
	w := &plan.Window{}
	switch clause.Kind {
	case ast.TumblingWindow:
		w.Kind = plan.WindowTumbling
	case ast.HoppingWindow:
		w.Kind = plan.WindowHopping
	case ast.CumulateWindow:
		w.Kind = plan.WindowCumulate
	default:
		w.Kind = plan.WindowSession
	}
	var err error
	if w.Size, err = b.duration(clause.Size, "the size of a window"); err != nil {
		return nil, err
	}
	if clause.Advance != nil {
		if w.Advance, err = b.duration(clause.Advance, "the advance of a window"); err != nil {
			return nil, err
		}
	}
	if err := checkShape(w, clause.Pos()); err != nil {
		return nil, err
	}
	return w, b.close(w, clause)
}

// checkShape refuses windows that overlap too much or not at all.
func checkShape(w *plan.Window, pos int) error {
	if w.Advance == 0 {
		return nil
	}
	switch {
	case w.Advance > w.Size:
		return sqlerr.New(sqlerr.WindowingError, pos, "windows of %s advance by more than their size", w.Kind).
			WithHint("Rows between two windows would be in none.")
	case w.Kind == plan.WindowCumulate && w.Size%w.Advance != 0:
		return sqlerr.New(sqlerr.WindowingError, pos, "the size of windows that cumulate must be a multiple of their advance")
	case w.Size/w.Advance > maxWindowsPerRow:
		return sqlerr.New(sqlerr.ProgramLimitExceeded, pos, "a row would be in more than %d windows", maxWindowsPerRow)
	}
	return nil
}

// microsOf are the lengths of the units of time that have a fixed one.
var microsOf = map[ast.TimeUnit]int64{
	ast.Milliseconds: 1000, ast.Seconds: 1_000_000, ast.Minutes: 60_000_000, ast.Hours: 3_600_000_000,
	ast.Days: 86_400_000_000, ast.Weeks: 7 * 86_400_000_000,
}

// maxDuration bounds lengths of time: about 1000 years, so that sums of a few
// with a timestamp do not overflow.
const maxDuration = 1000 * 366 * 86_400_000_000

// duration returns a positive length of time in microseconds.
func (b *binder) duration(d *ast.Duration, what string) (int64, error) {
	micros, err := b.lengthOf(d, what)
	if err == nil && micros <= 0 {
		return 0, sqlerr.New(sqlerr.WindowingError, d.Pos(), "%s must be greater than zero", what)
	}
	return micros, err
}

// lengthOf returns a length of time in microseconds.
func (b *binder) lengthOf(d *ast.Duration, what string) (int64, error) {
	if d.Interval != nil {
		eb := &exprBinder{binder: b, scope: newScope(nil), clause: "WINDOW"}
		value, err := eb.bind(d.Interval)
		if err != nil {
			return 0, err
		}
		return b.constantInterval(value, what)
	}
	unit, fixed := microsOf[d.Unit]
	if !fixed {
		return 0, variableLength(d.Pos(), what)
	}
	if d.Count > maxDuration/unit {
		return 0, sqlerr.New(sqlerr.DatetimeFieldOverflow, d.Pos(), "%s is out of range", what)
	}
	return d.Count * unit, nil
}

// constantInterval evaluates an expression that must be a constant interval.
func (b *binder) constantInterval(value expr.Expr, what string) (int64, error) {
	pos := value.Pos()
	value, err := b.coerce(value, types.Interval, expr.Implicit)
	if err != nil {
		return 0, err
	}
	folded, err := expr.Fold(b.evalContext(), value)
	if err != nil {
		return 0, err
	}
	constant, ok := folded.(*expr.Const)
	if !ok || !constant.Value.Valid {
		return 0, sqlerr.New(sqlerr.WindowingError, pos, "%s must be a constant interval", what)
	}
	interval := types.DecodeInterval(constant.Value.Str)
	if interval.Months != 0 {
		return 0, variableLength(pos, what)
	}
	days := int64(interval.Days)
	if days > maxDuration/microsOf[ast.Days] || days < -maxDuration/microsOf[ast.Days] || interval.Micros > maxDuration || interval.Micros < -maxDuration {
		return 0, sqlerr.New(sqlerr.DatetimeFieldOverflow, pos, "%s is out of range", what)
	}
	return days*microsOf[ast.Days] + interval.Micros, nil
}

func variableLength(pos int, what string) error {
	return notSupported(pos, "%s in months or years is not supported, since these differ in length", what).
		WithHint("Group by date_trunc('month', …) instead of a window.")
}

// pruneWindow keeps both columns of the window behind what is needed.
func (r *ruleContext) pruneWindow(w *plan.Window, needed columnSet) (plan.Node, []int, error) {
	below := append(columnSet{}, needed[:len(w.Input.Columns())]...)
	r.need(below, nodeExprs(w))
	input, at, err := r.prune(w.Input, below)
	if err != nil {
		return nil, nil, err
	}
	shape := *w
	if shape.Time, err = r.moved(at)(w.Time); err != nil {
		return nil, nil, err
	}
	pruned := newWindow(input, &shape)
	return pruned, append(slices.Clone(at), pruned.StartColumn(), pruned.StartColumn()+1), nil
}

// newSession merges the windows of its input.
func newSession(input plan.Node, partition []int) *plan.Session {
	s := &plan.Session{Input: input, Partition: partition}
	s.Cols, s.Properties = input.Columns(), *input.Props()
	if s.Properties.Kind == plan.AppendOnly {
		// A row gets another window when its session grows.
		s.Properties.Kind, s.Properties.Key = plan.Bag, nil
	}
	return s
}

// pruneSession keeps what decides about sessions.
func (r *ruleContext) pruneSession(s *plan.Session, needed columnSet) (plan.Node, []int, error) {
	below := append(columnSet{}, needed...)
	for _, column := range s.Partition {
		below[column] = true
	}
	bounds := s.Properties.Window
	below[bounds.Start], below[bounds.End] = true, true
	input, at, err := r.prune(s.Input, below)
	if err != nil {
		return nil, nil, err
	}
	partition := make([]int, len(s.Partition))
	for i, column := range s.Partition {
		partition[i] = at[column]
	}
	return newSession(input, partition), at, nil
}

// shuffleSessions makes the rows of each session meet on one shard.
func (r *ruleContext) shuffleSessions(s *plan.Session) plan.Node {
	placed := s.Input.Props()
	within := func(column int) bool { return slices.Contains(s.Partition, column) }
	if placed.Partitions == 1 || placed.Partitioning != nil && !slices.ContainsFunc(placed.Partitioning, func(column int) bool { return !within(column) }) {
		return s
	}
	partitions := r.partitions
	if len(s.Partition) == 0 {
		partitions = 1
	}
	return newSession(newShuffle(s.Input, s.Partition, partitions), s.Partition)
}
