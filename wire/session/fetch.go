package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"millrace/exec"
	"millrace/sql/ast"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// fetch is FETCH and MOVE (https://www.postgresql.org/docs/15/sql-fetch.html).
// Of a push query it waits for one row, or for the time that WITH (timeout = …)
// gives, and then takes what is there.
func (s *Session) fetch(ctx context.Context, p *portal, n *ast.Fetch) (string, error) {
	c, err := s.findCursor(ctx, n.Cursor.Value)
	if err != nil {
		return "", err
	}
	timeout, err := fetchTimeout(n)
	if err != nil {
		return "", err
	}
	m := &movement{cursor: c, timeout: timeout}
	if n.Move && n.Count == 0 && !n.All && n.Direction != ast.FetchAbsolute {
		return fmt.Sprintf("MOVE %d", onRow(c)), nil
	}
	rows, err := m.approach(ctx, n)
	if err != nil {
		return "", err
	}
	if n.Move {
		moved, err := drain(ctx, rows)
		return fmt.Sprintf("MOVE %d", moved), err
	}
	p.rows = &source{cursor: rows}
	p.tag, p.counted = "FETCH", true
	if p.simple || len(p.columns) != len(c.columns) {
		p.columns = c.columns
	}
	return "", nil
}

// onRow returns 1 where the cursor stands on a row, else 0.
func onRow(c *cursor) int {
	if c.position > 0 && !c.behind {
		return 1
	}
	return 0
}

// movement brings a cursor to where a FETCH begins to take rows.
type movement struct {
	cursor  *cursor
	timeout time.Duration
}

// approach moves the cursor next to the rows that FETCH asks for, and returns
// these. As in PostgreSQL, ABSOLUTE and RELATIVE pass over rows by themselves
// and take one at most.
func (m *movement) approach(ctx context.Context, n *ast.Fetch) (*fetchRows, error) {
	c := m.cursor
	if err := m.checkPush(n); err != nil {
		return nil, err
	}
	switch {
	case n.Direction == ast.FetchAbsolute && n.Count > 0:
		return m.absolute(ctx, n.Count)
	case n.Direction == ast.FetchAbsolute && n.Count < 0:
		if err := m.pass(ctx, m.forward(0, true)); err != nil {
			return nil, err
		}
		return m.relative(ctx, n.Count)
	case n.Direction == ast.FetchAbsolute:
		return m.forward(0, false), c.jump(0)
	case n.Direction == ast.FetchRelative && n.Count != 0:
		return m.relative(ctx, n.Count)
	}
	count, backward := n.Count, n.Direction == ast.FetchBackward
	if count < 0 {
		count, backward = -count, !backward
	}
	switch {
	case count == 0 && !n.All:
		// The row that the cursor stands on, again.
		count = int64(onRow(c))
		if count == 0 {
			return m.forward(0, false), nil
		}
		return m.forward(1, false), c.jump(c.position - 1)
	case backward:
		return m.backward(count, n.All)
	default:
		return m.forward(count, n.All), nil
	}
}

// checkPush refuses what a query without an end cannot answer.
func (m *movement) checkPush(n *ast.Fetch) error {
	c := m.cursor
	if !c.rows.push || n.Direction == ast.FetchForward && n.Count >= 0 ||
		n.Direction == ast.FetchRelative && n.Count == 1 ||
		n.Direction == ast.FetchAbsolute && n.Count == c.position+1 {
		return nil
	}
	return errForwardOnly(c)
}

// absolute takes row number n.
func (m *movement) absolute(ctx context.Context, n int64) (*fetchRows, error) {
	c := m.cursor
	if n <= c.position {
		return m.forward(1, false), c.jump(n - 1)
	}
	err := m.pass(ctx, m.forward(n-c.position-1, false))
	return m.forward(1, false), err
}

// relative takes the row n rows on, or back where n is negative.
func (m *movement) relative(ctx context.Context, n int64) (*fetchRows, error) {
	if n > 0 {
		err := m.pass(ctx, m.forward(n-1, false))
		return m.forward(1, false), err
	}
	over, err := m.backward(-(n + 1), false)
	if err == nil {
		err = m.pass(ctx, over)
	}
	if err != nil {
		return nil, err
	}
	return m.backward(1, false)
}

func (m *movement) forward(count int64, all bool) *fetchRows {
	return &fetchRows{cursor: m.cursor, left: count, all: all, timeout: m.timeout}
}

func (m *movement) backward(count int64, all bool) (*fetchRows, error) {
	if m.cursor.kept == nil {
		return nil, errForwardOnly(m.cursor)
	}
	return &fetchRows{cursor: m.cursor, left: count, all: all, backward: true}, nil
}

// pass moves over rows that are not asked for.
func (m *movement) pass(ctx context.Context, rows *fetchRows) error {
	_, err := drain(ctx, rows)
	return err
}

// drain takes rows and returns how many there were.
func drain(ctx context.Context, rows *fetchRows) (count int64, err error) {
	r := &source{cursor: rows}
	for {
		ok, err := r.fill(ctx)
		if err != nil || !ok {
			return count, err
		}
		count += int64(r.batch.Len)
		r.at = r.batch.Len
	}
}

func errForwardOnly(c *cursor) error {
	err := sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "cursor can only scan forward")
	if c.rows.push {
		return err.WithHint("The rows of a query with EMIT are read forward only.")
	}
	return err.WithHint("Declare it with SCROLL option to enable backward scan.")
}

// fetchTimeout returns the timeout option of FETCH, negative without.
func fetchTimeout(n *ast.Fetch) (time.Duration, error) {
	timeout := time.Duration(-1)
	for _, option := range n.Options {
		if option.Name != "timeout" {
			return 0, sqlerr.New(sqlerr.SyntaxError, option.Pos(), "unrecognized FETCH option %q", option.Name).
				WithHint("The option is timeout, as in WITH (timeout = '1s').")
		}
		if option.Value == nil {
			return 0, sqlerr.New(sqlerr.SyntaxError, option.Pos(), "timeout requires a value")
		}
		text, err := settingText(option.Value)
		if err != nil {
			return 0, err
		}
		if timeout, err = parseDurationOption(text, option.Value.Pos()); err != nil {
			return 0, err
		}
	}
	return timeout, nil
}

// fetchRows gives the rows of one FETCH. It is a cursor over a part of a cursor,
// which stays open behind it.
type fetchRows struct {
	cursor *cursor
	// left is how many rows are still asked for, unless all are.
	left     int64
	all      bool
	backward bool
	// timeout bounds the wait for the first row, unless negative.
	timeout time.Duration
	// given says that a push query's rows have been given: it is asked once.
	given bool
}

// Next implements exec.Cursor.
func (f *fetchRows) Next(ctx context.Context) (*types.Batch, error) {
	c := f.cursor
	if !f.all && f.left <= 0 || c.rows.push && f.given && !f.atHand() {
		return nil, io.EOF
	}
	var batch *types.Batch
	var err error
	limit := 1 << 30
	if !f.all {
		limit = int(min(f.left, 1<<30))
	}
	if f.backward {
		batch, err = c.previous(limit)
	} else {
		batch, err = f.next(ctx, limit)
	}
	if err != nil {
		return nil, err
	}
	f.given = true
	f.left -= int64(batch.Len)
	return batch, nil
}

// next reads forward: from the rows that the cursor keeps, or from its query.
func (f *fetchRows) next(ctx context.Context, limit int) (*types.Batch, error) {
	c := f.cursor
	if c.kept != nil && c.position < c.kept.rows() {
		return c.again(limit), nil
	}
	if err := f.wait(ctx); err != nil {
		if errors.Is(err, io.EOF) && c.rows.ended && !c.behind {
			c.position, c.behind = c.position+1, true
		}
		return nil, err
	}
	if err := c.keep(); err != nil {
		return nil, err
	}
	if c.kept != nil {
		return c.again(limit), nil
	}
	batch, from, to := c.rows.take(limit)
	c.position += int64(to - from)
	if from == 0 && to == batch.Len {
		return batch, nil
	}
	return batch.Select(consecutive(from, to)), nil
}

// consecutive returns the numbers from … to-1.
func consecutive(from, to int) []int32 {
	selection := make([]int32, 0, to-from)
	for i := from; i < to; i++ {
		selection = append(selection, int32(i))
	}
	return selection
}

// atHand reports whether the cursor has rows without waiting.
func (f *fetchRows) atHand() bool {
	rows := f.cursor.rows
	return rows.batch != nil && rows.at < rows.batch.Len
}

// wait makes sure that the cursor's query has a row at hand, or returns io.EOF.
func (f *fetchRows) wait(ctx context.Context) error {
	rows := f.cursor.rows
	if poller, polls := rows.cursor.(exec.PushCursor); polls && f.timeout == 0 {
		ok, err := rows.poll(ctx, poller)
		if err == nil && !ok {
			err = io.EOF
		}
		return err
	}
	waiting := ctx
	if f.timeout >= 0 && !f.atHand() {
		var done context.CancelFunc
		waiting, done = context.WithTimeoutCause(ctx, f.timeout, errFetchTimeout)
		defer done()
	}
	ok, err := f.cursor.rows.fill(waiting)
	switch {
	case err != nil && ctx.Err() == nil && waiting.Err() != nil:
		// The time is up: what there is, is nothing.
		return io.EOF
	case err != nil:
		return err
	case !ok:
		return io.EOF
	default:
		return nil
	}
}

// Close implements exec.Cursor. The cursor itself stays open.
func (f *fetchRows) Close() {}

// errFetchTimeout is the cause of a wait that FETCH's timeout ended.
var errFetchTimeout = errors.New("the timeout of FETCH has passed")
