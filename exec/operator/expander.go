package operator

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// Expander gives the rows that the functions of a plan.Expand return for the rows
// of a batch: those of several functions side by side, with NULLs where one has
// fewer, each beside the row that they are for.
//
// It goes on from any place, which the host may keep: the rows that come depend on
// the batch and the place alone.
//
// A function that fails behind some rows has ended there: those rows stay.
type Expander struct {
	// Step bounds the rows of the functions that are made at a time.
	Step int

	calls      []expandedCall
	ordinality bool
	outer      bool
	on         *expr.Program
	pass       []int
	types      []types.Type
}

// expandedCall is one function of an expander.
type expandedCall struct {
	args   []*expr.Program
	values []*types.Vector
	strict bool
	source expr.RowSource
	// first and end delimit its columns among those behind the input's.
	first, end int
	// ended says that it has no more rows for the row at work.
	ended bool
	row   []types.Datum
}

// Place is how far an expander is in a batch.
type Place struct {
	// Row is the row at work, of which Given rows have been looked at. Matched says
	// that the condition was true of some of them.
	Row     int
	Given   int64
	Matched bool
}

// NewExpander makes the expander of a plan's node.
func NewExpander(node *plan.Expand) (*Expander, error) {
	x := &Expander{Step: maxStep, ordinality: node.Ordinality, outer: node.Outer, pass: node.Pass}
	var err error
	if node.On != nil {
		if x.on, err = expr.Compile(node.On); err != nil {
			return nil, err
		}
	}
	for _, c := range node.Cols[len(x.pass):] {
		x.types = append(x.types, c.Type)
	}
	first := 0
	for _, call := range node.Calls {
		var args []types.Type
		e := expandedCall{strict: call.Func.Strict, first: first, end: first + len(call.Columns)}
		for _, arg := range call.Args {
			program, err := expr.Compile(arg)
			if err != nil {
				return nil, err
			}
			e.args, args = append(e.args, program), append(args, arg.Type())
		}
		e.source = call.Func.New(args)
		x.calls, first = append(x.calls, e), e.end
	}
	return x, nil
}

// Expansion is the work of an expander on one batch.
type Expansion struct {
	x   *Expander
	ctx *expr.Context
	// in is the batch, of which passed has the columns that are given.
	in, passed *types.Batch
	place      Place
	// open says that the sources are at the place.
	open bool
	// failures are the rows whose arguments could not be computed.
	failures map[int32]error
	runs     []expandedRun
	// sets are the rows of the functions in a step, rows the rows of the input that
	// they are for.
	sets            types.Batch
	rows            []int32
	selected, given []int32
}

// expandedRun is the rows of one row of the input that a step has made.
type expandedRun struct {
	row int32
	end int // of its rows, which begin where the run before ends
	// done says that the row has no more, also in later steps.
	done bool
	// failed says that it has ended with an error.
	failed bool
}

// Expand begins with a batch, at a place in it. It ends what the expander did
// before. The batch must stay as it is until the end.
func (x *Expander) Expand(ctx *expr.Context, in *types.Batch, at Place) *Expansion {
	e := &Expansion{x: x, ctx: ctx, in: in, passed: withColumns(in, len(x.pass)), place: at}
	for i, column := range x.pass {
		e.passed.Columns[i] = in.Columns[column]
	}
	ctx.ResetErrors()
	for i := range x.calls {
		call := &x.calls[i]
		call.values = call.values[:0]
		for _, program := range call.args {
			call.values = append(call.values, program.EvalRef(ctx, in, nil))
		}
	}
	for _, failed := range ctx.Errors {
		if e.failures == nil {
			e.failures = map[int32]error{}
		}
		e.failures[failed.Row] = failed.Err
	}
	ctx.ResetErrors()
	return e
}

// Place is where Next goes on.
func (e *Expansion) Place() Place { return e.place }

// Done reports whether there are no more rows.
func (e *Expansion) Done() bool { return e.place.Row >= e.in.Len }

// maxStep bounds the rows of the functions in one step, and maxStepBytes the bytes
// that columns of the input have in them, of more than one row.
const (
	maxStep      = 1024
	maxStepBytes = 1 << 20
)

// Next gives the rows that a step makes, with what goes with the rows of the input;
// nil where there are none. fail takes the errors of rows and says whether to go on
// behind them; where it does not, what Next returns stands before the row that
// failed last, and is the end.
func (e *Expansion) Next(fail func(row int32, err error) bool) *types.Batch {
	e.runs = e.runs[:0]
	e.sets = types.Batch{Columns: e.x.emptyColumns()}
	for bytes := maxStepBytes; !e.Done() && e.sets.Len < e.x.Step && len(e.runs) < e.x.Step && bytes > 0; {
		row, before, size := int32(e.place.Row), e.sets.Len, e.passedBytes()
		room := min(e.x.Step-before, max(bytes/size, 1))
		if err := e.advance(row, room); err != nil && !fail(row, err) {
			break
		}
		bytes -= size * (e.sets.Len - before)
	}
	return e.settle(fail)
}

// passedBytes is about what the columns that are given take of the row at work.
func (e *Expansion) passedBytes() int {
	size := 64
	for c := range e.passed.Columns {
		if strs := e.passed.Columns[c].Strs; e.place.Row < len(strs) {
			size += len(strs[e.place.Row])
		}
	}
	return size
}

// emptyColumns are the columns of the functions, and the ordinality's.
func (x *Expander) emptyColumns() []types.Vector {
	columns := make([]types.Vector, len(x.types))
	for c := range columns {
		columns[c].Type = x.types[c]
	}
	return columns
}

// advance adds up to n rows of the row at work.
func (e *Expansion) advance(row int32, n int) error {
	added, done, err := 0, true, e.failures[row]
	if err == nil && !e.open {
		err = e.start(row)
		e.open = err == nil
	}
	if err == nil {
		added, done, err = e.x.zip(e.sets.Columns, n, e.place.Given)
	}
	e.sets.Len += added
	e.place.Given += int64(added)
	e.runs = append(e.runs, expandedRun{row: row, end: e.sets.Len, done: done, failed: err != nil})
	if done || err != nil {
		e.open = false
		e.place.Row, e.place.Given = e.place.Row+1, 0
	}
	return err
}

// start begins the functions for a row, at the place in it.
func (e *Expansion) start(row int32) error {
	for i := range e.x.calls {
		call := &e.x.calls[i]
		call.row, call.ended = call.row[:0], false
		for _, v := range call.values {
			d := v.Datum(int(row))
			call.row, call.ended = append(call.row, d), call.ended || call.strict && !d.Valid
		}
		if call.ended {
			continue
		}
		if err := call.source.Start(e.ctx, call.row); err != nil {
			return err
		}
	}
	const piece = 1024
	for passed := int64(0); passed < e.place.Given; {
		n, done, err := e.x.zip(e.x.emptyColumns(), int(min(piece, e.place.Given-passed)), passed)
		if err != nil || done {
			return err
		}
		passed += int64(n)
	}
	return nil
}

// zip adds up to n rows of the functions side by side, behind the first given of the
// row, and says whether these were the last.
func (x *Expander) zip(columns []types.Vector, n int, given int64) (added int, done bool, err error) {
	done = true
	functions := columns
	if x.ordinality {
		functions = columns[:len(columns)-1]
	}
	for i := range x.calls {
		call := &x.calls[i]
		if call.ended {
			continue
		}
		rows, failed := call.source.Append(columns[call.first:call.end], n)
		added = max(added, rows)
		call.ended = failed != nil || rows < n
		done = done && call.ended
		if err == nil {
			err = failed
		}
	}
	if x.ordinality {
		for number := range int64(added) {
			columns[len(columns)-1].Append(types.IntDatum(given + number + 1))
		}
	}
	longest := 0
	for c := range functions {
		longest = max(longest, functions[c].Len())
	}
	for c := range functions {
		for functions[c].Len() < longest {
			functions[c].Append(types.Null)
		}
	}
	return added, done, err
}

// settle evaluates the condition on the rows of a step, and adds the rows that no
// row of the functions matched where those stay.
func (e *Expansion) settle(fail func(row int32, err error) bool) *types.Batch {
	x := e.x
	e.rows = e.rows[:0]
	for _, run := range e.runs {
		for len(e.rows) < run.end {
			e.rows = append(e.rows, run.row)
		}
	}
	candidates := e.passed.Select(e.rows)
	candidates.Columns = append(candidates.Columns, e.sets.Columns...)
	selected, runs := e.choose(candidates, fail)
	if !x.outer && len(selected) == candidates.Len {
		return notEmpty(candidates)
	}
	e.given = e.given[:0] // candidates, and -1 - row for a row of the input alone
	alone := false
	for _, run := range runs {
		for len(selected) > 0 && int(selected[0]) < run.end {
			e.given, selected = append(e.given, selected[0]), selected[1:]
			e.place.Matched = true
		}
		if run.done && !run.failed && x.outer && !e.place.Matched {
			e.given, alone = append(e.given, -1-run.row), true
		}
		if run.done || run.failed {
			e.place.Matched = false
		}
	}
	if !alone {
		return notEmpty(candidates.Select(e.given))
	}
	return e.withAlone(candidates)
}

func notEmpty(b *types.Batch) *types.Batch {
	if b.Len == 0 {
		return nil
	}
	return b
}

// choose finds the candidates for which the condition is true. Where a row fails that
// ends the work, what stands before it is left.
func (e *Expansion) choose(candidates *types.Batch, fail func(row int32, err error) bool) ([]int32, []expandedRun) {
	if e.x.on == nil {
		e.selected = rowNumbers(e.selected, candidates.Len)
		return e.selected, e.runs
	}
	e.ctx.ResetErrors()
	e.selected = e.x.on.EvalPredicate(e.ctx, candidates, nil, e.selected[:0])
	slices.SortFunc(e.ctx.Errors, func(a, b expr.RowError) int { return int(a.Row) - int(b.Row) })
	for _, failed := range e.ctx.Errors {
		if fail(e.rows[failed.Row], failed.Err) {
			continue
		}
		before, _ := slices.BinarySearch(e.selected, failed.Row)
		for i := range e.runs {
			if e.runs[i].end > int(failed.Row) {
				e.runs[i].done = false
				e.runs = e.runs[:i+1]
				break
			}
		}
		e.selected = e.selected[:before]
		break
	}
	e.ctx.ResetErrors()
	return e.selected, e.runs
}

// withAlone makes the chosen candidates and rows of the input alone one batch.
func (e *Expansion) withAlone(candidates *types.Batch) *types.Batch {
	e.rows = e.rows[:0]
	for _, g := range e.given {
		if g < 0 {
			e.rows = append(e.rows, -1-g)
		} else {
			e.rows = append(e.rows, e.rowOf(g))
		}
	}
	out := e.passed.Select(e.rows)
	for c, column := range candidates.Columns[len(out.Columns):] {
		v := types.Vector{Type: e.x.types[c]}
		for _, g := range e.given {
			if g < 0 {
				v.Append(types.Null)
			} else {
				v.AppendFrom(&column, int(g))
			}
		}
		out.Columns = append(out.Columns, v)
	}
	return out
}

// rowOf is the row of the input that a candidate is of.
func (e *Expansion) rowOf(candidate int32) int32 {
	run, _ := slices.BinarySearchFunc(e.runs, int(candidate), func(r expandedRun, at int) int {
		if r.end <= at {
			return -1
		}
		return 1
	})
	return e.runs[run].row
}

// rowNumbers writes the numbers below n over buf.
func rowNumbers(buf []int32, n int) []int32 {
	buf = buf[:0]
	for i := range int32(n) {
		buf = append(buf, i)
	}
	return buf
}
