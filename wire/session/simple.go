package session

import (
	"context"

	"millrace/sql"
	"millrace/sql/ast"
)

// Simple runs the statements of a text one after the other, as the simple
// protocol has it. Outside a block they share a transaction, which commits
// before the last one's command tag is sent. The error of a statement ends the
// text.
func (s *Session) Simple(ctx context.Context, text string) (err error) {
	defer func() { err = s.failed(inText(err, text)) }()
	delete(s.statements, "")
	s.ClosePortal("")
	s.beginActivity(text)
	defer s.endActivity()
	trees, err := sql.Parse(text)
	if err != nil {
		return err
	}
	if len(trees) == 0 {
		if err := s.client.Empty(); err != nil {
			return err
		}
		return s.Sync(ctx)
	}
	for i, tree := range trees {
		if err := s.simpleStatement(ctx, tree, text, len(trees) == 1, i == len(trees)-1); err != nil {
			return err
		}
	}
	return nil
}

// simpleStatement runs one statement of a text. Only says that it is the only
// one, last that none follows.
func (s *Session) simpleStatement(ctx context.Context, tree ast.Statement, text string, only, last bool) error {
	if s.transaction.state == stateFailed && !allowedInFailed(tree) {
		return errBlockFailed()
	}
	s.openTransaction()
	s.transaction.several = !only
	ctx, done := s.withStatementTimeout(ctx)
	defer done()
	if err := s.catchUpCatalog(ctx, tree); err != nil {
		return err
	}
	st, err := s.newStatement(tree, text, nil)
	if err != nil {
		return err
	}
	if len(st.params) > 0 {
		return noParameters(st)
	}
	immediate := only && s.transaction.untouched()
	p := &portal{statement: st, columns: st.columns, simple: true}
	defer func() { p.rows.close() }()
	tag, _, err := s.run(ctx, p, 0, immediate)
	if err != nil {
		return err
	}
	if last {
		if err := s.Sync(ctx); err != nil {
			return err
		}
	}
	return s.client.Complete(tag)
}
