package pull

import (
	"context"
	"io"
	"slices"

	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// rowSource makes the rows of a set-returning function's call.
type rowSource interface {
	// appendRows adds up to n rows to the function's columns and returns how many;
	// 0 means that there are no more. The rows that it adds before an error count.
	appendRows(columns []types.Vector, n int) (int, error)
}

// tableFunction gives the rows of a set-returning function.
type tableFunction struct {
	scope *scope
	plan  *plan.TableFunction
	progs []*expr.Program
	args  []types.Type

	source rowSource // nil until started
	count  int64
	out    types.Batch
	failed error
}

func newTableFunction(s *scope, n *plan.TableFunction) (node, error) {
	switch n.Name {
	case "generate_series", "unnest":
	default:
		return nil, sqlerr.New(sqlerr.FeatureNotSupported, -1, "function %s is not supported in FROM", n.Name)
	}
	progs, err := programs(n.Args)
	if err != nil {
		return nil, err
	}
	f := &tableFunction{scope: s, plan: n, progs: progs, out: newBatch(n.Cols)}
	for _, arg := range n.Args {
		f.args = append(f.args, arg.Type())
	}
	return f, nil
}

func (f *tableFunction) next(ctx context.Context) (*types.Batch, error) {
	if err := ended(ctx); err != nil {
		return nil, err
	}
	if f.failed != nil {
		return nil, f.failed
	}
	if f.source == nil {
		if err := f.start(); err != nil {
			return nil, err
		}
	}
	f.out.Reset()
	columns := f.out.Columns
	if f.plan.Ordinality {
		columns = columns[:len(columns)-1]
	}
	n, err := f.source.appendRows(columns, batchRows)
	f.failed = err
	if n == 0 {
		if err == nil {
			err = io.EOF
		}
		return nil, err
	}
	f.out.Len = n
	f.number()
	return &f.out, nil
}

// number fills the column of WITH ORDINALITY.
func (f *tableFunction) number() {
	if !f.plan.Ordinality {
		return
	}
	column := &f.out.Columns[len(f.out.Columns)-1]
	for range f.out.Len {
		f.count++
		column.Ints = append(column.Ints, f.count)
	}
}

// start evaluates the arguments.
func (f *tableFunction) start() error {
	env := &f.scope.env
	env.ResetErrors()
	args := make([]types.Datum, len(f.progs))
	for i, p := range f.progs {
		args[i] = p.EvalRef(env, &types.Batch{Len: 1}, nil).Datum(0)
	}
	if _, err := firstFailure(env); err != nil {
		return err
	}
	var err error
	if f.plan.Name == "unnest" {
		f.source, err = newUnnest(f.args, args)
	} else {
		f.source, err = newSeries(env, f.args, args)
	}
	return err
}

func (f *tableFunction) rewind() { f.source, f.count, f.failed = nil, 0, nil }

func (f *tableFunction) close() { f.source = &emptySource{} }

// emptySource is a function's result without rows.
type emptySource struct{}

func (emptySource) appendRows([]types.Vector, int) (int, error) { return 0, nil }

// unnest gives the elements of arrays side by side, shorter ones followed by
// NULLs.
type unnest struct {
	arrays [][]types.Datum
	at     int
	rows   int
}

func newUnnest(argTypes []types.Type, args []types.Datum) (rowSource, error) {
	u := &unnest{arrays: make([][]types.Datum, len(args))}
	for i, d := range args {
		if argTypes[i].Kind != types.KindArray {
			return nil, sqlerr.New(sqlerr.FeatureNotSupported, -1, "unnest of %s is not supported", argTypes[i])
		}
		if !d.Valid {
			continue
		}
		array, err := types.DecodeArray(*argTypes[i].Elem, d.Str)
		if err != nil {
			return nil, err
		}
		u.arrays[i] = array.Elems
		u.rows = max(u.rows, len(array.Elems))
	}
	return u, nil
}

func (u *unnest) appendRows(columns []types.Vector, n int) (int, error) {
	n = min(n, u.rows-u.at)
	for c, elements := range u.arrays {
		for row := u.at; row < u.at+n; row++ {
			if row < len(elements) {
				columns[c].Append(elements[row])
			} else {
				columns[c].Append(types.Null)
			}
		}
	}
	u.at += n
	return n, nil
}

// newSeries starts generate_series, for arguments of the types that PostgreSQL
// has it for (https://www.postgresql.org/docs/15/functions-srf.html).
func newSeries(env *expr.Context, argTypes []types.Type, args []types.Datum) (rowSource, error) {
	if slices.ContainsFunc(args, func(d types.Datum) bool { return !d.Valid }) {
		return &emptySource{}, nil
	}
	if len(args) < 2 || len(args) > 3 {
		return nil, sqlerr.New(sqlerr.InternalError, -1, "generate_series with %d arguments", len(args))
	}
	switch kind := argTypes[0].Kind; kind {
	case types.KindInt2, types.KindInt4, types.KindInt8:
		return newIntSeries(args)
	case types.KindNumeric:
		return newNumericSeries(args)
	case types.KindTimestamp, types.KindTimestampTZ:
		if len(args) == 3 {
			return newTimeSeries(env, kind, args)
		}
	}
	return nil, sqlerr.New(sqlerr.FeatureNotSupported, -1, "generate_series over %s is not supported", argTypes[0])
}
