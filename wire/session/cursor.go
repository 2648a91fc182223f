package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// cursor is a query that DECLARE opened and FETCH reads.
type cursor struct {
	name    string
	rows    *source
	columns []Column
	// statement is the DECLARE, text its own part of the statement's text.
	statement *statement
	text      string
	hold      bool
	// binary says that DECLARE had BINARY: rows go out in binary.
	binary bool
	// inTransaction says that the transaction which declared it is still open.
	inTransaction bool
	// number counts the session's cursors up.
	number  int
	created time.Time
	// started says that a row has been read.
	started bool
}

// declare is DECLARE … CURSOR. The query starts at once, so that its errors
// are the DECLARE's, and a push query misses nothing from then on.
func (s *Session) declare(ctx context.Context, p *portal, n *ast.DeclareCursor, q *plan.Query) (string, error) {
	if !n.Hold && s.transaction.state == stateNone {
		return "", sqlerr.New(sqlerr.NoActiveSQLTransaction, -1, "DECLARE CURSOR can only be used in transaction blocks").
			WithHint("Begin with BEGIN, or declare the cursor WITH HOLD.")
	}
	if n.Scroll == ast.Scroll {
		return "", sqlerr.New(sqlerr.FeatureNotSupported, n.Pos(), "SCROLL cursors are not supported").
			WithHint("Cursors read forward only.")
	}
	if n.Hold && len(q.Locks) > 0 {
		return "", sqlerr.New(sqlerr.FeatureNotSupported, n.Pos(), "DECLARE CURSOR WITH HOLD ... %s is not supported", lockingClause(q)).
			WithDetail("Holdable cursors must be READ ONLY.")
	}
	name := n.Name.Value
	if s.cursors[name] != nil || s.portals[name] != nil {
		return "", sqlerr.New(sqlerr.DuplicateCursor, -1, "cursor %q already exists", name)
	}
	rows, err := s.result(ctx, q, p.params)
	if err != nil {
		return "", err
	}
	columns := queryColumns(q)
	for i := range columns {
		columns[i].Binary = n.Binary
	}
	s.cursorCount++
	if s.cursors == nil {
		s.cursors = make(map[string]*cursor)
	}
	s.cursors[name] = &cursor{
		name: name, rows: rows, columns: columns, statement: p.statement, text: statementText(p.statement),
		hold: n.Hold, binary: n.Binary, inTransaction: true, number: s.cursorCount, created: s.now(),
	}
	return "DECLARE CURSOR", nil
}

// statementText cuts a statement out of the text that it was parsed from.
func statementText(st *statement) string {
	extent := st.tree.Extent()
	if extent.Start < 0 || int(extent.End) > len(st.text) || extent.Start > extent.End {
		return st.text
	}
	return st.text[extent.Start:extent.End]
}

func (s *Session) closeCursor(name string) {
	if c := s.cursors[name]; c != nil {
		c.rows.close()
		delete(s.cursors, name)
	}
}

// closeCursorStatement is CLOSE.
func (s *Session) closeCursorStatement(n *ast.CloseCursor) (string, error) {
	if n.Name == nil {
		for name := range s.cursors {
			s.closeCursor(name)
		}
		return "CLOSE CURSOR ALL", nil
	}
	if _, err := s.findCursor(*n.Name); err != nil {
		return "", err
	}
	s.closeCursor(n.Name.Value)
	return "CLOSE CURSOR", nil
}

func (s *Session) findCursor(name ast.Identifier) (*cursor, error) {
	c := s.cursors[name.Value]
	if c == nil {
		return nil, sqlerr.New(sqlerr.InvalidCursorName, -1, "cursor %q does not exist", name.Value)
	}
	return c, nil
}

// fetch is FETCH and MOVE. Of a push query it waits for one row, or for the
// time that WITH (timeout = …) gives, and then takes what is there.
func (s *Session) fetch(ctx context.Context, p *portal, n *ast.Fetch) (string, error) {
	c, err := s.findCursor(n.Cursor)
	if err != nil {
		return "", err
	}
	count, err := fetchCount(c, n)
	if err != nil {
		return "", err
	}
	timeout, err := fetchTimeout(n)
	if err != nil {
		return "", err
	}
	rows := &fetchRows{cursor: c, left: count, all: n.All, timeout: timeout}
	if n.Move {
		moved, err := s.skip(ctx, rows)
		return fmt.Sprintf("MOVE %d", moved), err
	}
	p.rows = &source{cursor: rows}
	p.tag, p.counted = "FETCH", true
	if p.simple || len(p.columns) != len(c.columns) {
		p.columns = c.columns
	}
	return "", nil
}

// fetchCount returns how many rows FETCH asks for. Cursors read forward only.
func fetchCount(c *cursor, n *ast.Fetch) (int64, error) {
	backward := sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "cursor can only scan forward").
		WithHint("Cursors read forward only; declare the cursor again to read from the beginning.")
	switch n.Direction {
	case ast.FetchForward:
		if n.Count < 0 && !n.All {
			return 0, backward
		}
		return n.Count, nil
	case ast.FetchRelative:
		if n.Count == 1 {
			return 1, nil
		}
	case ast.FetchAbsolute:
		if n.Count == 1 && !c.started {
			return 1, nil
		}
	}
	return 0, backward
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

// skip passes over the rows of a MOVE and returns how many there were.
func (s *Session) skip(ctx context.Context, rows *fetchRows) (int, error) {
	r := &source{cursor: rows}
	moved := 0
	for {
		ok, err := r.fill(ctx)
		if err != nil || !ok {
			return moved, err
		}
		moved += r.batch.Len
		r.at = r.batch.Len
	}
}

// fetchRows gives the rows of one FETCH. It is a cursor over a part of a cursor,
// which stays open behind it.
type fetchRows struct {
	cursor *cursor
	// left is how many rows are still asked for, unless all are.
	left int64
	all  bool
	// timeout bounds the wait for the first row, unless negative.
	timeout time.Duration
	// given says that a push query's rows have been given: it is asked once.
	given bool
}

// Next implements exec.Cursor.
func (f *fetchRows) Next(ctx context.Context) (*types.Batch, error) {
	rows := f.cursor.rows
	if !f.all && f.left <= 0 || rows.push && f.given && !f.atHand() {
		return nil, io.EOF
	}
	if err := f.wait(ctx); err != nil {
		return nil, err
	}
	f.cursor.started, f.given = true, true
	limit := 0
	if !f.all {
		limit = int(min(f.left, 1<<30))
	}
	batch, from, to := rows.take(limit)
	f.left -= int64(to - from)
	if from == 0 && to == batch.Len {
		return batch, nil
	}
	return f.slice(batch, from, to), nil
}

// atHand reports whether the cursor has rows without waiting.
func (f *fetchRows) atHand() bool {
	rows := f.cursor.rows
	return rows.batch != nil && rows.at < rows.batch.Len
}

// wait makes sure that the cursor has a row at hand, or returns io.EOF.
func (f *fetchRows) wait(ctx context.Context) error {
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

// slice copies some rows of a batch.
func (f *fetchRows) slice(batch *types.Batch, from, to int) *types.Batch {
	selection := make([]int32, 0, to-from)
	for i := from; i < to; i++ {
		selection = append(selection, int32(i))
	}
	return batch.Select(selection)
}

// Close implements exec.Cursor. The cursor itself stays open.
func (f *fetchRows) Close() {}

// errFetchTimeout is the cause of a wait that FETCH's timeout ended.
var errFetchTimeout = errors.New("the timeout of FETCH has passed")
