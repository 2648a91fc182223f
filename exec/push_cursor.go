package exec

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"millrace/planner"
	"millrace/planner/plan"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// pushCursor is a push query as its client sees it: the rows that come, rows that tell
// of progress, and the end by LIMIT. What gives the rows is at first a query at work
// for this client alone, which reads the history; once that is done, and where equal
// queries give equal rows, a host that works for all clients that ask the same.
type pushCursor struct {
	engine *Engine
	plan   *plan.Query
	env    *QueryEnv
	done   <-chan struct{}
	// own is the query that works for this client, nil while a host does; member is the
	// client's place there.
	own    *pushQuery
	member *pushMember
	// identity is set where the query can be shared.
	identity *pushIdentity
	// ready are rows that were made when the cursor went over to a host.
	ready    []*types.Batch
	progress progress
	left     int64 // rows until LIMIT ends the push; -1 for none
	ended    error
	// waits is what the cursor waits for, for others to look at.
	waits  atomic.Pointer[pushWait]
	closed bool
}

// pushWait is what a client's cursor waits for: its own query's wakeup, or its own as a
// member and the host's.
type pushWait struct{ own, host *wakeup }

// push starts a push query.
func (e *Engine) push(ctx context.Context, q *plan.Query, env *QueryEnv) (Cursor, error) {
	if err := e.freshen(ctx, q.Sources, env.Freshness); err != nil {
		return nil, err
	}
	c := &pushCursor{engine: e, plan: q, env: env, done: ctx.Done(), left: -1, progress: newProgress(q, e.now())}
	if q.EmitLimit != nil {
		limit, err := expr.EvalDatum(&expr.Context{Now: env.Now, Format: env.Format, Params: env.Params, Session: env.Session, Done: c.done}, q.EmitLimit, nil)
		if err != nil {
			return nil, err
		}
		if limit.Valid {
			c.left = limit.Int
		}
	}
	var err error
	if q.Options.Resume != "" {
		c.own, err = e.newResumedQuery(ctx, q, env)
	} else {
		c.own, err = e.newPushQuery(q, env, c.done, nil)
	}
	if err != nil {
		return nil, err
	}
	e.pushes.metrics.clients.Inc()
	if c.own.marks != nil && len(c.own.sources) > 0 && planner.Shareable(q) {
		c.identity = newPushIdentity(c.own, env)
	}
	return c, nil
}

// Close implements Cursor.
func (c *pushCursor) Close() {
	if c.own != nil {
		c.own.close()
		c.own = nil
	}
	if c.member != nil {
		c.member.leave()
		c.member = nil
	}
	c.ready = nil
	if !c.closed {
		c.closed = true
		c.engine.pushes.metrics.clients.Dec()
	}
	if c.ended == nil {
		c.ended = io.EOF
	}
}

// Next implements Cursor.
func (c *pushCursor) Next(ctx context.Context) (*types.Batch, error) { return c.next(ctx, true) }

// Poll implements PushCursor.
func (c *pushCursor) Poll(ctx context.Context) (*types.Batch, error) {
	if freshness := c.env.Freshness; !freshness.Stale || freshness.Current {
		if err := c.engine.catchUp(ctx, c.engine.shardsOf(c.plan.Sources)); err != nil {
			return nil, err
		}
	}
	return c.next(ctx, false)
}

// next returns the next rows; without waiting, nil where there are none now.
func (c *pushCursor) next(ctx context.Context, wait bool) (*types.Batch, error) {
	for {
		if c.ended != nil {
			return nil, c.ended
		}
		if c.left == 0 {
			c.Close()
			return nil, io.EOF
		}
		if c.member != nil && !wait {
			c.member.host.catchUp(ctx)
		}
		news := c.news()
		signals := news.begin()
		rows, worked, err := c.advance(ctx)
		if err != nil {
			if ctx.Err() == nil {
				c.ended = err
			}
			return nil, err
		}
		if rows != nil {
			c.progress.rows(c.engine.now())
			return c.limit(rows), nil
		}
		if c.progress.due(c.engine.now(), c.idle()) {
			return c.progress.row(c.lastMark()), nil
		}
		if worked {
			continue
		}
		if !wait {
			return nil, nil
		}
		var woken <-chan time.Time
		if wake := c.alarm(); !wake.IsZero() {
			woken = c.engine.after(wake.Sub(c.engine.now()))
			if !c.engine.now().Before(wake) {
				continue // the clock was put forward meanwhile
			}
		}
		news.end(signals)
		c.showWait(news)
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-woken:
		case <-c.progress.wait(c.engine):
		case <-c.engine.stopped:
			c.ended = sqlerr.New(sqlerr.AdminShutdown, -1, "terminating connection due to administrator command")
		case <-news.channel:
		}
	}
}

// limit cuts rows to what LIMIT leaves.
func (c *pushCursor) limit(rows *types.Batch) *types.Batch {
	if c.left < 0 {
		return rows
	}
	if int64(rows.Len) > c.left {
		rows = rows.Select(rowRange(0, int(c.left)))
	}
	c.left -= int64(rows.Len)
	return rows
}

// advance returns the next rows, nil for none now; worked says that there may be more
// to do at once.
func (c *pushCursor) advance(ctx context.Context) (rows *types.Batch, worked bool, err error) {
	if len(c.ready) > 0 {
		rows, c.ready = c.ready[0], c.ready[1:]
		return rows, true, nil
	}
	if c.member == nil && c.identity != nil && c.own.upToDate() {
		if err := c.share(); err != nil || c.member != nil {
			return nil, true, err
		}
	}
	if c.member == nil {
		return c.own.next(ctx)
	}
	rows, err = c.member.take()
	if err == errMemberBehind {
		return nil, true, c.goOnAlone()
	}
	return rows, false, err
}

// goOnAlone has the client's own query read from the log what came behind the rows that
// it was given: more than is kept in memory for one client.
func (c *pushCursor) goOnAlone() error {
	mark := c.member.mark()
	c.member.leave()
	c.member = nil
	own, err := c.engine.newPushQuery(c.plan, c.env, c.done, mark)
	if sqlerr.CodeOf(err) == sqlerr.SnapshotTooOld {
		err = tooSlow(nil)
	}
	c.own, c.ended = own, err
	return err
}

// WaitsForChanges implements PushCursor. A host gives its members what it has before it
// waits itself.
func (c *pushCursor) WaitsForChanges() bool {
	w := c.waits.Load()
	return w != nil && (w.host == nil || w.host.idle()) && w.own.idle()
}

// showWait has others see what the cursor waits for.
func (c *pushCursor) showWait(news *wakeup) {
	if w := c.waits.Load(); w != nil && w.own == news {
		return
	}
	w := &pushWait{own: news}
	if c.member != nil {
		w.host = c.member.host.query.wake
	}
	c.waits.Store(w)
}

// news is raised when there may be something to do.
func (c *pushCursor) news() *wakeup {
	if c.member != nil {
		return c.member.wake
	}
	return c.own.wake
}

// alarm is the time at which there is something to do; zero for never.
func (c *pushCursor) alarm() time.Time {
	if c.member != nil {
		return time.Time{}
	}
	return c.own.stage.wake
}

// idle reports whether all that there was has been given.
func (c *pushCursor) idle() bool {
	return c.member != nil || c.own.opened && !c.own.stage.busy()
}

// lastMark is the mark of all that was given, where the query selects rowmark.
func (c *pushCursor) lastMark() string {
	switch {
	case len(c.plan.RowMarks) == 0:
		return ""
	case c.member != nil:
		return c.member.mark().text()
	default:
		return c.own.marks.last()
	}
}
