package pull

import (
	"context"
	"io"

	"millrace/planner/plan"
	"millrace/sql/types"
)

// values gives a constant list of rows.
type values struct {
	scope *scope
	plan  *plan.Values
	at    int
	out   types.Batch
}

func newValues(s *scope, n *plan.Values) node {
	return &values{scope: s, plan: n, out: newBatch(n.Cols)}
}

func (v *values) next(ctx context.Context) (*types.Batch, error) {
	if err := ended(ctx); err != nil {
		return nil, err
	}
	v.out.Reset()
	for v.at < len(v.plan.Rows) && v.out.Len < batchRows {
		if err := v.appendRow(v.at); err != nil {
			if v.out.Len == 0 {
				return nil, err
			}
			break
		}
		v.at++
	}
	if v.out.Len == 0 {
		return nil, io.EOF
	}
	return &v.out, nil
}

// appendRow adds a row to out, or nothing where an expression of it fails.
func (v *values) appendRow(row int) error {
	for c, e := range v.plan.Rows[row] {
		d, err := v.scope.datum(e)
		if err != nil {
			for i := range c {
				v.out.Columns[i] = sliceVector(&v.out.Columns[i], 0, v.out.Len)
			}
			return err
		}
		v.out.Columns[c].Append(d)
	}
	v.out.Len++
	return nil
}

func (v *values) rewind() { v.at = 0 }

func (v *values) close() { v.at = len(v.plan.Rows) }
