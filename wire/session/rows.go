package session

import (
	"context"
	"errors"
	"io"
	"sync"

	"millrace/exec"
	"millrace/planner/plan"
	"millrace/sql/types"
)

// source gives the rows of a result to one or more statements: a portal may
// stop in the middle of a batch and go on later.
type source struct {
	cursor exec.Cursor
	// push says that the rows never end by themselves, so that what is there is
	// sent before the wait for more.
	push bool
	// show lets others see that a push query is waited for.
	show  func(exec.PushCursor)
	batch *types.Batch
	at    int
	ended bool
	// release ends the context that the cursor lives in.
	release context.CancelFunc
}

// query starts a query. The source lives until it is closed, also when the
// statement that started it has ended; ctx bounds the start alone.
func (s *Session) query(ctx context.Context, q *plan.Query, params []types.Datum) (*source, error) {
	if err := s.refuseUnbegun(q); err != nil {
		return nil, err
	}
	return s.queryIn(ctx, q, s.queryEnv(params))
}

// queryToWrite is query for a statement that locks or writes by what it reads, which is to
// be as it is now.
func (s *Session) queryToWrite(ctx context.Context, q *plan.Query, params []types.Datum) (*source, error) {
	if err := s.refuseUnbegun(q); err != nil {
		return nil, err
	}
	env := s.queryEnv(params)
	env.Freshness.Current = true
	return s.queryIn(ctx, q, env)
}

// queryNow is query for what a definition needs: it reads what is committed now,
// whatever the transaction's view has.
func (s *Session) queryNow(ctx context.Context, q *plan.Query) (*source, error) {
	env := s.queryEnv(nil)
	env.View, env.Freshness.Current = nil, true
	return s.queryIn(ctx, q, env)
}

// queryIn is query in an environment of the caller's making.
func (s *Session) queryIn(ctx context.Context, q *plan.Query, env *exec.QueryEnv) (*source, error) {
	life, cancel := context.WithCancel(s.life)
	end := s.readOverlay(cancel)
	stop := context.AfterFunc(ctx, cancel)
	cursor, err := s.options.Backend.Query(life, q, env)
	if err != nil {
		stop()
		end()
		if errors.Is(err, exec.ErrChanged) {
			return nil, errPlanOutdated
		}
		return nil, interrupted(ctx, err)
	}
	if !stop() {
		cursor.Close()
		end()
		return nil, interrupted(ctx, context.Cause(ctx))
	}
	return &source{cursor: cursor, push: q.Emit != plan.EmitNone, release: end, show: s.showPush}, nil
}

// queryEnv returns what a query depends on besides its plan.
func (s *Session) queryEnv(params []types.Datum) *exec.QueryEnv {
	env := &exec.QueryEnv{
		Params:     params,
		Format:     s.format(),
		Now:        s.transactionTime(),
		Session:    s,
		System:     s.systemTable,
		Freshness:  s.settings.freshness,
		PushBuffer: s.settings.pushBuffer,
		Lock:       s.lockRead,
		Overlay:    s.transaction.overlay,
	}
	if s.transaction.view != nil {
		env.View = s.transaction.view
	}
	if c := s.command; c != nil {
		env.Overlay, env.View, env.Given = c.base, c.view, c.given
	}
	return env
}

// readOverlay notes that a query reads through the transaction's overlay until
// the returned function, which calls end as well, is called first.
func (s *Session) readOverlay(end context.CancelFunc) context.CancelFunc {
	readers := s.transaction.readers
	if s.transaction.overlay == nil {
		return end
	}
	*readers++
	var once sync.Once
	return func() {
		once.Do(func() { *readers-- })
		end()
	}
}

// fill makes sure that there is a row at hand, and returns false at the end.
func (r *source) fill(ctx context.Context) (bool, error) {
	for !r.ended && (r.batch == nil || r.at >= r.batch.Len) {
		r.batch, r.at = nil, 0 // it is not needed while the query waits
		batch, err := r.next(ctx)
		if errors.Is(err, io.EOF) {
			r.ended, r.batch = true, nil
			break
		}
		if err != nil {
			return false, interrupted(ctx, err)
		}
		r.batch, r.at = batch, 0
	}
	return !r.ended, nil
}

// poll is fill for what is there now: without it there is none.
func (r *source) poll(ctx context.Context, poller exec.PushCursor) (bool, error) {
	for !r.ended && (r.batch == nil || r.at >= r.batch.Len) {
		batch, err := poller.Poll(ctx)
		switch {
		case errors.Is(err, io.EOF):
			r.ended, r.batch = true, nil
		case err != nil:
			return false, interrupted(ctx, err)
		case batch == nil:
			return false, nil
		default:
			r.batch, r.at = batch, 0
		}
	}
	return !r.ended, nil
}

// next returns the cursor's next rows. A query that is computing when its
// statement is interrupted ends for good; a push query that is waiting does not,
// since FETCH may give up waiting for it.
func (r *source) next(ctx context.Context) (*types.Batch, error) {
	if !r.push && r.release != nil {
		defer context.AfterFunc(ctx, r.release)()
	}
	if push, ok := r.cursor.(exec.PushCursor); ok {
		r.show(push)
		defer r.show(nil)
	}
	return r.cursor.Next(ctx)
}

// take returns up to n rows at hand, all of them unless n is positive, as a
// range of the batch, and passes over them.
func (r *source) take(n int) (batch *types.Batch, from, to int) {
	from, to = r.at, r.batch.Len
	if n > 0 && to-from > n {
		to = from + n
	}
	r.at = to
	return r.batch, from, to
}

// close lets the query go.
func (r *source) close() {
	if r == nil {
		return
	}
	r.cursor.Close()
	if r.release != nil {
		r.release()
	}
	r.batch, r.ended = nil, true
}

// sendRows sends the rows of a source, limit of them where it is not 0, and
// returns how many. More says that the limit was reached first.
func (s *Session) sendRows(ctx context.Context, r *source, columns []Column, limit int) (sent int, more bool, err error) {
	for {
		if limit > 0 && sent == limit {
			return sent, true, nil
		}
		waiting := r.batch == nil || r.at >= r.batch.Len
		if r.push && waiting && !r.ended {
			if err := s.client.Flush(); err != nil {
				return sent, false, err
			}
		}
		ok, err := r.fill(ctx)
		if err != nil || !ok {
			return sent, false, err
		}
		batch, from, to := r.take(limit - sent)
		if err := s.client.Rows(columns, s.format(), batch, from, to); err != nil {
			return sent, false, err
		}
		sent += to - from
		// The client may be slow to take the rows: a cancel that came meanwhile
		// counts.
		if ctx.Err() != nil {
			return sent, false, interrupted(ctx, context.Cause(ctx))
		}
	}
}

// fixedRows is a cursor over rows that are at hand.
type fixedRows struct {
	batch *types.Batch
	given bool
}

// newFixedRows returns a source of rows of the given types.
func newFixedRows(columns []types.Type, rows [][]types.Datum) *source {
	batch := types.NewBatch(columns)
	for _, row := range rows {
		batch.AppendRow(row, 1)
	}
	return &source{cursor: &fixedRows{batch: batch}}
}

// Next implements exec.Cursor.
func (f *fixedRows) Next(context.Context) (*types.Batch, error) {
	if f.given || f.batch.Len == 0 {
		return nil, io.EOF
	}
	f.given = true
	return f.batch, nil
}

// Close implements exec.Cursor.
func (f *fixedRows) Close() {}
