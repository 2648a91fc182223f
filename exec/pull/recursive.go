package pull

import (
	"context"
	"io"

	"millrace/exec/operator"
	"millrace/planner/plan"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// lastRows are the rows that a recursive UNION found last, which its step reads.
type lastRows struct {
	rows types.Batch
	// turn counts how often the rows have been replaced.
	turn int64
}

// recursive is a recursive UNION. It gives rows as it finds them, so that who reads
// only some of them ends a recursion that has no end. The step runs in a scope of its
// own that is repeated: what does not depend on the last rows is read once.
type recursive struct {
	scope, inner *scope
	first, step  node
	last         *lastRows
	stepping     bool
	// found are the rows of the turn in progress.
	found types.Batch
	// lastSize and foundSize are their approximate bytes.
	lastSize, foundSize int64
	account             account

	// seen holds all rows that were given, nil for UNION ALL.
	seen      *operator.Groups
	keys      []*types.Vector
	numbers   []int32
	selection []int32
	out       types.Batch
}

func (e *execution) buildRecursive(n *plan.Recursive, s *scope) (node, error) {
	first, err := e.build(n.First, s)
	if err != nil {
		return nil, err
	}
	r := &recursive{
		scope: s, inner: e.newScope(s.subqueries, true), first: first,
		last: &lastRows{rows: newBatch(n.Cols)}, found: newBatch(n.Cols),
		account: e.account(), numbers: make([]int32, batchRows), selection: noRows(),
	}
	if !n.All {
		r.seen = operator.NewGroups()
	}
	if e.recursions == nil {
		e.recursions = map[int]*lastRows{}
	}
	e.recursions[n.Number] = r.last
	r.step, err = e.build(n.Step, r.inner)
	return r, err
}

func (r *recursive) next(ctx context.Context) (*types.Batch, error) {
	for {
		if err := ended(ctx); err != nil {
			return nil, err
		}
		source := r.first
		if r.stepping {
			source = r.step
		}
		b, err := source.next(ctx)
		if err == io.EOF {
			if r.found.Len == 0 {
				return nil, io.EOF
			}
			r.turn()
			continue
		}
		if err != nil {
			return nil, err
		}
		if b, err = r.take(b); b != nil || err != nil {
			return b, err
		}
	}
}

// take keeps rows for the next turn and returns them, nil where all were found before.
func (r *recursive) take(b *types.Batch) (*types.Batch, error) {
	if r.seen != nil {
		r.keys = allColumns(r.keys, b)
		before := r.seen.Bytes()
		next := r.seen.Assign(r.keys, b.Len, nil, r.numbers)
		r.selection = newGroups(r.selection[:0], r.numbers[:b.Len], next)
		if err := r.account.grow(r.seen.Bytes() - before); err != nil {
			return nil, err
		}
		if len(r.selection) == 0 {
			return nil, nil
		}
		operator.SelectInto(&r.out, b, r.selection)
		b = &r.out
	}
	if err := checkRows(r.found.Len); err != nil {
		return nil, err
	}
	size := batchSize(b, nil)
	appendBatch(&r.found, b)
	r.foundSize += size
	return b, r.account.grow(size)
}

// turn makes the rows found the last ones and begins the step anew.
func (r *recursive) turn() {
	// The memory of many rows is given back, that of few is used again.
	const kept = 64 << 10
	free := r.last.rows
	if r.lastSize > kept {
		free = types.Batch{Columns: make([]types.Vector, len(free.Columns))}
		for i := range free.Columns {
			free.Columns[i].Type = r.last.rows.Columns[i].Type
		}
	}
	free.Reset()
	r.account.held -= r.lastSize
	r.account.budget.used -= r.lastSize
	r.last.rows, r.lastSize = r.found, r.foundSize
	r.found, r.foundSize = free, 0
	r.last.turn++
	r.stepping = true
	r.inner.env.OuterRows = r.scope.env.OuterRows
	r.step.rewind()
}

func (r *recursive) rewind() {
	r.forget()
	r.stepping = false
	r.first.rewind()
}

// forget drops all rows.
func (r *recursive) forget() {
	r.last.rows.Reset()
	r.last.turn++
	r.found.Reset()
	r.lastSize, r.foundSize = 0, 0
	if r.seen != nil {
		r.seen = emptied(r.seen)
	}
	r.account.release()
}

func (r *recursive) close() {
	r.forget()
	r.first.close()
	if r.step != nil {
		r.step.close()
	}
}

// lastRowsReader gives the rows that a recursion found last.
type lastRowsReader struct {
	last   *lastRows
	pieces pieces
	begun  bool
}

func (e *execution) newLastRows(n *plan.LastRows) (node, error) {
	last := e.recursions[n.Number]
	if last == nil {
		return nil, sqlerr.New(sqlerr.InternalError, -1, "the plan has no recursive union %d around this place", n.Number)
	}
	return &lastRowsReader{last: last}, nil
}

func (l *lastRowsReader) next(ctx context.Context) (*types.Batch, error) {
	if err := ended(ctx); err != nil {
		return nil, err
	}
	if !l.begun {
		l.pieces.start(&l.last.rows)
		l.begun = true
	}
	if b := l.pieces.next(); b != nil {
		return b, nil
	}
	return nil, io.EOF
}

func (l *lastRowsReader) rewind() { l.begun = false }

func (l *lastRowsReader) close() { l.pieces.batch, l.begun = nil, true }
