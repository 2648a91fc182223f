package session

import (
	"context"
	"time"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/sqlerr"
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
	// position is the number of the row that the cursor stands on: 0 before the
	// first, one more than the last row's where behind is set.
	position int64
	behind   bool
	// kept has the rows read so far, nil for a cursor that reads forward only.
	kept *history
	// updatable is the table whose rows these are, nil where CURRENT OF is refused.
	updatable *updatable
}

// declare is DECLARE … CURSOR. The query starts at once, so that its errors
// are the DECLARE's, and a push query misses nothing from then on.
func (s *Session) declare(ctx context.Context, p *portal, n *ast.DeclareCursor, q *plan.Query) (string, error) {
	if !n.Hold && !s.inBlock() {
		return "", sqlerr.New(sqlerr.NoActiveSQLTransaction, -1, "DECLARE CURSOR can only be used in transaction blocks").
			WithHint("Begin with BEGIN, or declare the cursor WITH HOLD.")
	}
	if err := checkReadOnlyCursor(n, q); err != nil {
		return "", err
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
	if p.statement.updatable != nil {
		columns = columns[:p.statement.updatable.visible]
	}
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
		kept: s.newHistory(n, q), updatable: p.statement.updatable,
	}
	return "DECLARE CURSOR", nil
}

// checkReadOnlyCursor refuses the kinds of cursor that a query with a locking
// clause, or one without an end, cannot have.
func checkReadOnlyCursor(n *ast.DeclareCursor, q *plan.Query) error {
	if n.Scroll == ast.Scroll && q.Emit != plan.EmitNone {
		return sqlerr.New(sqlerr.FeatureNotSupported, n.Pos(), "a SCROLL cursor of a query with EMIT is not supported").
			WithHint("The rows of such a query are read forward only: declare the cursor without SCROLL.")
	}
	if len(q.Locks) == 0 {
		return nil
	}
	kind, adjective := "", ""
	switch {
	case n.Hold:
		kind, adjective = "DECLARE CURSOR WITH HOLD ...", "Holdable"
	case n.Scroll == ast.Scroll:
		kind, adjective = "DECLARE SCROLL CURSOR ...", "Scrollable"
	case n.Sensitivity == "insensitive":
		return sqlerr.New(sqlerr.InvalidCursorDefinition, -1, "DECLARE INSENSITIVE CURSOR ... %s is not valid", lockingClause(q)).
			WithDetail("Insensitive cursors must be READ ONLY.")
	default:
		return nil
	}
	return sqlerr.New(sqlerr.FeatureNotSupported, -1, "%s %s is not supported", kind, lockingClause(q)).
		WithDetail("%s cursors must be READ ONLY.", adjective)
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
	name := n.Name.Value
	if s.cursors[name] == nil && (name == "" || s.portals[name] == nil) {
		return "", unknownCursor(name)
	}
	s.ClosePortal(name)
	return "CLOSE CURSOR", nil
}

// findCursor returns the cursor with a name. A portal that a Bind message has
// named is a cursor, too, which reads forward only.
func (s *Session) findCursor(ctx context.Context, name string) (*cursor, error) {
	if c := s.cursors[name]; c != nil {
		return c, nil
	}
	p := s.portals[name]
	if p == nil || name == "" {
		return nil, unknownCursor(name)
	}
	query, ok := p.statement.plan.(*plan.Query)
	if _, declares := p.statement.tree.(*ast.DeclareCursor); !ok || declares {
		return nil, sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "portal %q cannot be run", name)
	}
	if p.rows == nil {
		if err := s.startQuery(ctx, p, query); err != nil {
			return nil, err
		}
	}
	return &cursor{name: name, rows: p.rows, columns: p.columns, statement: p.statement}, nil
}

func unknownCursor(name string) error {
	return sqlerr.New(sqlerr.InvalidCursorName, -1, "cursor %q does not exist", name)
}

// holdCursors takes the rows of the cursors WITH HOLD that the ending transaction
// declared, so that they need it no longer and their errors are the COMMIT's.
// Those of push queries stay open.
func (s *Session) holdCursors(ctx context.Context) error {
	for _, c := range s.cursors {
		if !c.hold || !c.inTransaction || c.rows.push {
			continue
		}
		if err := c.rows.store(ctx, s.heldLimit()); err != nil {
			return err
		}
	}
	return nil
}
