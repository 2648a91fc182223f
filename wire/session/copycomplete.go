package session

import (
	"context"
	"slices"

	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// What the rows of a COPY … FROM have besides the fields of the data.

// complete fills the columns that the data does not give, and the event times.
func (l *copyLoader) complete(ctx context.Context) error {
	if err := l.session.options.Backend.SetRowIDs(ctx, l.plan.Target, l.batch); err != nil {
		return err
	}
	for i, given := range l.given {
		if given || i == l.plan.Target.RowID() {
			continue
		}
		if err := l.fillDefault(i); err != nil {
			return err
		}
	}
	if err := l.takeHeaders(); err != nil {
		return err
	}
	if err := l.generate(); err != nil {
		return err
	}
	if l.hasRowtime {
		l.batch.Rowtimes = rowtimes(&l.rowtime)
		l.rowtime.Reset(types.TimestampTZ)
	}
	return nil
}

// takeHeaders gives the rows their headers, where the data does.
func (l *copyLoader) takeHeaders() error {
	if !l.hasHeaders {
		return nil
	}
	headers, row, err := recordHeaders(&l.headers)
	if err != nil {
		return l.violated(err, row)
	}
	l.batch.Headers = headers
	l.headers.Reset(types.Headers)
	return nil
}

// generate computes the generated columns.
func (l *copyLoader) generate() error {
	rows := *l.batch
	if l.plan.Target.Kind == catalog.KindStream && l.plan.Generated != nil {
		headers := types.Vector{Type: types.Headers, Strs: rows.Headers}
		for len(headers.Strs) < rows.Len {
			headers.Strs = append(headers.Strs, types.NoHeaders)
		}
		rows.Columns = append(slices.Clone(rows.Columns), headers)
	}
	for i, e := range l.plan.Generated {
		if e == nil {
			continue
		}
		var values types.Vector
		if err := l.evaluate(e, &rows, &values); err != nil {
			return err
		}
		l.batch.Columns[i] = values
	}
	return nil
}

// fillDefault gives a column its default in every row of the batch.
func (l *copyLoader) fillDefault(column int) error {
	vector := &l.batch.Columns[column]
	target := &l.plan.Target.Columns[column]
	var e expr.Expr
	if column < len(l.plan.Defaults) {
		e = l.plan.Defaults[column]
	}
	if e == nil {
		e = &expr.Const{Node: expr.Node{ResultType: target.Type, Position: -1}}
	}
	if constant, ok := e.(*expr.Const); ok {
		vector.Resize(0)
		for range l.batch.Len {
			vector.Append(constant.Value)
		}
		return nil
	}
	return l.evaluate(e, &types.Batch{Len: l.batch.Len}, vector)
}

// evaluate computes an expression over rows; the first that fails is the error.
func (l *copyLoader) evaluate(e expr.Expr, rows *types.Batch, values *types.Vector) error {
	program, err := expr.Compile(e)
	if err != nil {
		return err
	}
	evaluation := &expr.Context{Now: l.session.transactionTime(), Format: l.format, Session: l.session}
	program.Eval(evaluation, rows, nil, values)
	if len(evaluation.Errors) > 0 {
		return evaluation.Errors[0].Err
	}
	return nil
}
