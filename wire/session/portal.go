package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// portal is a statement with its parameters, ready to run or running.
type portal struct {
	name      string
	statement *statement
	params    []types.Datum
	// columns are the statement's with the formats that the client asked for.
	columns []Column
	// rows is the running result, nil before.
	rows *source
	// tag begins the command tag of a result with rows; counted tags have the
	// number of rows behind it.
	tag     string
	counted bool
	// finished says that the statement has run to its end.
	finished bool
	// simple says that the portal serves the simple protocol.
	simple bool
	// created is when Bind made it.
	created time.Time
}

// Bind is what a Bind message holds. The parameters are valid until the call
// returns.
type Bind struct {
	Portal, Statement string
	// ParameterFormats and ResultFormats have one format for all, one each, or
	// none for text: 0 is text, 1 binary.
	ParameterFormats []int16
	// Parameters are the values, nil for NULL.
	Parameters    [][]byte
	ResultFormats []int16
}

// Bind makes a portal of a prepared statement and its parameters.
func (s *Session) Bind(b *Bind) (err error) {
	st, err := s.findStatement(b.Statement)
	if err != nil {
		return s.failed(err)
	}
	defer func() { err = s.failed(inText(err, st.text)) }()
	if s.transaction.state == stateFailed && st.tree != nil && !allowedInFailed(st.tree) {
		return errBlockFailed()
	}
	if b.Portal != "" && (s.portals[b.Portal] != nil || s.cursors[b.Portal] != nil) {
		return sqlerr.New(sqlerr.DuplicateCursor, -1, "cursor %q already exists", b.Portal)
	}
	s.openTransaction()
	if err := s.catchUpCatalog(s.life, st.tree); err != nil {
		return err
	}
	if err := s.refresh(st); err != nil {
		return err
	}
	if len(b.Parameters) != len(st.params) {
		return sqlerr.New(sqlerr.ProtocolViolation, -1,
			"bind message supplies %d parameters, but prepared statement %q requires %d",
			len(b.Parameters), st.name, len(st.params))
	}
	if n := len(b.ParameterFormats); n > 1 && n != len(b.Parameters) {
		return sqlerr.New(sqlerr.ProtocolViolation, -1,
			"bind message has %d parameter formats but %d parameters", n, len(b.Parameters))
	}
	p := &portal{name: b.Portal, statement: st, created: s.now()}
	if p.params, err = s.parseParameters(st, b); err != nil {
		return err
	}
	if p.columns, err = formatColumns(st.columns, b.ResultFormats); err != nil {
		return err
	}
	s.ClosePortal(b.Portal)
	if s.portals == nil {
		s.portals = make(map[string]*portal)
	}
	s.portals[b.Portal] = p
	return nil
}

// parseParameters reads the values of the parameters.
func (s *Session) parseParameters(st *statement, b *Bind) ([]types.Datum, error) {
	if len(b.Parameters) == 0 {
		return nil, nil
	}
	evaluation := &expr.Context{Now: s.transactionTime(), Format: s.format(), Session: s}
	params := make([]types.Datum, len(b.Parameters))
	for i, data := range b.Parameters {
		if data == nil {
			continue
		}
		code, err := formatOf(b.ParameterFormats, i)
		if err != nil {
			return nil, err
		}
		t := st.params[i]
		if t.Kind == types.KindUnknown {
			t = types.Text
		}
		if code == formatBinary {
			params[i], err = types.ParseBinary(t, data)
		} else if err = checkText(data); err == nil {
			params[i], err = expr.ParseText(evaluation, t, string(data))
		}
		if err != nil {
			return nil, parameterError(err, i, b.Portal, code)
		}
	}
	return params, nil
}

// parameterError adds which parameter was wrong, in PostgreSQL's words, which
// leave out the value.
func parameterError(err error, i int, portal string, code int16) error {
	e := *sqlerr.From(err)
	e.Position = -1
	e.Where = fmt.Sprintf("unnamed portal parameter $%d", i+1)
	if portal != "" {
		e.Where = fmt.Sprintf("portal %q parameter $%d", portal, i+1)
	}
	if code == formatText {
		e.Where += " = '...'"
	}
	return &e
}

// The format codes of values.
const (
	formatText   = 0
	formatBinary = 1
)

// formatOf returns the format of value i.
func formatOf(formats []int16, i int) (int16, error) {
	code := int16(formatText)
	switch {
	case len(formats) == 1:
		code = formats[0]
	case i < len(formats):
		code = formats[i]
	}
	if code != formatText && code != formatBinary {
		return 0, sqlerr.New(sqlerr.InvalidParameterValue, -1, "unsupported format code: %d", code)
	}
	return code, nil
}

// formatColumns returns columns with the formats that a Bind asks for.
func formatColumns(columns []Column, formats []int16) ([]Column, error) {
	if columns == nil {
		return nil, nil
	}
	if n := len(formats); n > 1 && n != len(columns) {
		return nil, sqlerr.New(sqlerr.ProtocolViolation, -1,
			"bind message has %d result formats but query has %d columns", n, len(columns))
	}
	formatted := make([]Column, len(columns))
	copy(formatted, columns)
	for i := range formatted {
		code, err := formatOf(formats, i)
		if err != nil {
			return nil, err
		}
		formatted[i].Binary = code == formatBinary
	}
	return formatted, nil
}

// findPortal returns the portal with a name. Cursors of DECLARE are portals, too:
// clients describe and execute them by the protocol.
func (s *Session) findPortal(name string) (*portal, error) {
	p := s.portals[name]
	if c := s.cursors[name]; p == nil && c != nil {
		return &portal{
			name: name, statement: c.statement, columns: c.columns, rows: c.rows, tag: "SELECT", counted: true,
		}, nil
	}
	if p == nil {
		return nil, sqlerr.New(sqlerr.InvalidCursorName, -1, "portal %q does not exist", name)
	}
	return p, nil
}

// DescribePortal returns the columns of a portal's result, nil for none.
func (s *Session) DescribePortal(name string) ([]Column, error) {
	p, err := s.findPortal(name)
	if err != nil {
		return nil, s.failed(err)
	}
	if s.transaction.state == stateFailed && p.columns != nil {
		return nil, s.failed(errBlockFailed())
	}
	return p.columns, nil
}

// ClosePortal closes a portal or cursor, if there is one with that name.
func (s *Session) ClosePortal(name string) {
	s.closeCursor(name)
	if p := s.portals[name]; p != nil {
		p.rows.close()
		delete(s.portals, name)
	}
}

func (s *Session) closePortals() {
	for name := range s.portals {
		s.ClosePortal(name)
	}
}

// Execute runs a portal, for limit rows where it is not 0. Last says that
// nothing but a Sync follows, so that a single write need not be held.
func (s *Session) Execute(ctx context.Context, name string, limit int, last bool) (err error) {
	p, err := s.findPortal(name)
	if err != nil {
		return s.failed(err)
	}
	st := p.statement
	defer func() { err = s.failed(inText(err, st.text)) }()
	if st.tree == nil {
		return s.client.Empty()
	}
	if s.transaction.state == stateFailed && !allowedInFailed(st.tree) {
		return errBlockFailed()
	}
	s.openTransaction()
	s.beginActivity(st.text)
	defer s.endActivity()
	ctx, done := s.withStatementTimeout(ctx)
	defer done()
	// A transaction statement ends the transaction, and the portal with it.
	immediate := last && s.transaction.untouched()
	if p.finished && p.rows == nil {
		return sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "portal %q cannot be run", name)
	}
	tag, suspended, err := s.run(ctx, p, limit, immediate)
	switch {
	case err != nil:
		return err
	case suspended:
		return s.client.Suspended()
	default:
		return s.client.Complete(tag)
	}
}

// Sync ends a run of messages of the extended protocol: outside a block the
// transaction commits.
func (s *Session) Sync(ctx context.Context) error {
	if s.transaction.state != stateNone {
		return nil
	}
	if s.transaction.started.IsZero() {
		return nil
	}
	ctx, done := s.withStatementTimeout(ctx)
	defer done()
	return s.commit(ctx)
}

// run runs a portal: to its end, which gives the command tag, or until limit
// rows are sent. Immediate says that a write need not be held.
func (s *Session) run(ctx context.Context, p *portal, limit int, immediate bool) (tag string, suspended bool, err error) {
	if p.rows == nil {
		tag, err = s.start(ctx, p, immediate)
		if err != nil || p.rows == nil {
			p.finished = err == nil
			return tag, false, err
		}
		if p.simple {
			if err := s.describeRows(ctx, p); err != nil {
				return "", false, err
			}
		}
	}
	sent, more, err := s.sendRows(ctx, p.rows, p.columns, limit)
	if err != nil {
		return "", false, err
	}
	if more {
		return "", true, nil
	}
	p.finished = true
	if p.counted {
		return fmt.Sprintf("%s %d", p.tag, sent), false, nil
	}
	return p.tag, false, nil
}

// describeRows announces the columns of a portal's rows. The first row of a
// pull query is computed before, so that a query which fails at once sends
// nothing but its error.
func (s *Session) describeRows(ctx context.Context, p *portal) error {
	if !p.rows.push {
		if _, err := p.rows.fill(ctx); err != nil {
			return err
		}
	}
	return s.client.Describe(p.columns)
}

// start begins a portal's statement. Statements without rows run to their end
// and return their tag; the others set the portal's rows. A statement whose tables
// change before it has done anything is planned again.
func (s *Session) start(ctx context.Context, p *portal, immediate bool) (tag string, err error) {
	for attempt := 1; ; attempt++ {
		tag, err = s.startPlan(ctx, p, immediate)
		if !errors.Is(err, errPlanOutdated) {
			return tag, err
		}
		// The change may not be in use on all shards yet.
		for wait := 1; wait <= maxAttempts && s.planned(p.statement); wait++ {
			if err := pause(ctx, wait); err != nil {
				return "", err
			}
		}
		if s.planned(p.statement) || attempt == maxAttempts {
			return "", sqlerr.New(sqlerr.SerializationFailure, -1, "the relation was changed while the statement ran").
				WithHint("Run the statement again.")
		}
		if p.simple && !p.statement.fromSQL {
			// Nobody was told what columns the result has.
			if err := s.plan(p.statement); err != nil {
				return "", err
			}
			p.columns = p.statement.columns
		} else if err := s.refresh(p.statement); err != nil {
			return "", err
		}
	}
}

// startPlan is start with the plan that the statement has.
func (s *Session) startPlan(ctx context.Context, p *portal, immediate bool) (tag string, err error) {
	if current := p.statement.current; current != nil {
		if p.params, err = s.currentKey(current, p.params); err != nil {
			return "", err
		}
	}
	if err := s.lockTables(ctx, p, immediate); err != nil {
		return "", err
	}
	if err := s.takeView(ctx, p.statement.plan, immediate); err != nil {
		return "", err
	}
	if _, locks := p.statement.plan.(*plan.Lock); p.statement.plan != nil && !locks {
		s.transaction.queried = true
	}
	switch planned := p.statement.plan.(type) {
	case nil:
		return s.runOwn(ctx, p)
	case *plan.Query:
		if declaration, ok := p.statement.tree.(*ast.DeclareCursor); ok {
			return s.declare(ctx, p, declaration, planned)
		}
		return "", s.startQuery(ctx, p, planned)
	case *plan.Explain:
		p.tag = "EXPLAIN"
		p.rows, err = s.query(ctx, planned.Query, p.params)
		return "", err
	case *plan.Insert:
		return s.insert(ctx, p, planned, immediate)
	case *plan.Modify:
		return s.modify(ctx, p, planned, immediate)
	case *plan.With:
		return s.with(ctx, p, planned, immediate)
	case *plan.Copy:
		if planned.From {
			return s.copyFrom(ctx, planned, p.statement.binary, immediate)
		}
		return s.copyTo(ctx, planned, p, immediate)
	case *plan.Maintain:
		if planned.Alone && s.transaction.state != stateNone {
			return "", sqlerr.New(sqlerr.ActiveSQLTransaction, -1, "%s cannot run inside a transaction block", planned.Tag)
		}
		return planned.Tag, nil
	case *plan.Operate:
		return s.operate(ctx, planned)
	case *plan.Lock:
		return s.lockStatement(ctx, planned)
	case *plan.DDL:
		return s.define(ctx, planned, immediate)
	case *plan.Alter:
		return s.alter(ctx, p, planned, immediate)
	default:
		return "", sqlerr.New(sqlerr.FeatureNotSupported, p.statement.tree.Pos(), "this statement is not supported")
	}
}

// startQuery begins a SELECT. Psql, which shows nothing of a result before its
// end, is told how to see a push query's rows.
func (s *Session) startQuery(ctx context.Context, p *portal, q *plan.Query) error {
	p.tag, p.counted = "SELECT", true
	var err error
	if p.rows, err = s.result(ctx, q, p.params); err != nil {
		return err
	}
	if p.simple && p.rows.push && s.application() == "psql" {
		return s.adviseTerminal()
	}
	return nil
}

// adviseTerminal tells the user of psql how to see rows as they come.
func (s *Session) adviseTerminal() error {
	err := s.notice("NOTICE", sqlerr.New(sqlerr.SuccessfulCompletion, -1,
		"psql shows the rows of this query only when it ends").
		WithHint(`To see rows as they come, cancel with Ctrl-C, enter \set FETCH_COUNT 1 and \pset pager off, `+
			`and repeat the query; or use COPY (SELECT ... EMIT CHANGES) TO STDOUT.`))
	if err != nil {
		return err
	}
	return s.client.Flush()
}
