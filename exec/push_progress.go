package exec

import (
	"time"

	"millrace/planner/plan"
	"millrace/sql/types"
)

// opProgress is the rowop of a row that says that there was nothing to say.
const opProgress = "progress"

// progress gives a push query's client, who asked for it, a row when the current
// result is complete and whenever there was none for a time, so that silence and a
// stall look different. All its columns are NULL but rowop and rowmark.
type progress struct {
	plan  *plan.Query
	every time.Duration // 0 for never
	at    time.Time
	// current says that the current result has been given.
	current bool
}

func newProgress(q *plan.Query, now time.Time) progress {
	every := time.Duration(q.Options.ProgressMillis) * time.Millisecond
	return progress{plan: q, every: every, at: now.Add(every)}
}

// rows notes that rows are given.
func (p *progress) rows(now time.Time) { p.at = now.Add(p.every) }

// due reports whether a row is to be given now, when nothing else is; idle says that
// the query has given all that there was.
func (p *progress) due(now time.Time, idle bool) bool {
	if p.every == 0 || now.Before(p.at) && (p.current || !idle) {
		return false
	}
	p.current = p.current || idle
	p.at = now.Add(p.every)
	return true
}

// wait returns a channel that is sent to when a row is due; nil for never.
func (p *progress) wait(e *Engine) <-chan time.Time {
	if p.every == 0 {
		return nil
	}
	return e.after(p.at.Sub(e.now()))
}

// row is the row. Its mark is that of the row before, or of a later place with nothing
// between; "" for none.
func (p *progress) row(mark string) *types.Batch {
	row := &types.Batch{Len: 1}
	for _, c := range p.plan.Root.Columns()[:p.plan.Visible] {
		v := types.NewVector(c.Type, 1)
		v.SetNull(0)
		row.Columns = append(row.Columns, v)
	}
	op := types.Vector{Type: types.Text, Strs: []string{opProgress}}
	if p.plan.RowOpColumn >= 0 {
		row.Columns[p.plan.RowOpColumn] = op
	}
	if p.plan.RowOp {
		row.Columns = append(row.Columns, op)
	}
	if mark != "" {
		for _, column := range p.plan.RowMarks {
			row.Columns[column] = types.Vector{Type: types.Text, Strs: []string{mark}}
		}
	}
	return row
}
