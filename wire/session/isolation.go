package session

import (
	"context"

	"millrace/exec"
	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// REPEATABLE READ is PostgreSQL's, snapshot isolation. The first statement of such a
// transaction that reads or writes takes a view, which all of them read, with what the
// transaction itself has done on it. What decides whether a row may be written is
// looked for in what is committed now: a key or unique value that another transaction
// has added is 23505 though the view does not have it. A row that is written, or locked,
// must be in the view as it is now, while it is locked: else another transaction has
// changed it, which came first, and this one fails with 40001. So no update is lost.
//
// SERIALIZABLE transactions only read, so that they may be REPEATABLE READ. A statement
// that commits by itself needs no view: it may run again instead of failing.

// isolation returns the isolation level of the transaction.
func (s *Session) isolation() string {
	return s.settings.byNumber[settingNumbers["transaction_isolation"]]
}

// takeView makes the transaction's view, where it is to have one, for a statement, the
// first that needs it. Alone says that no other statement is in its transaction.
func (s *Session) takeView(ctx context.Context, planned plan.Statement, alone bool) error {
	t := &s.transaction
	if alone || t.view != nil || s.isolation() != "repeatable read" && s.isolation() != "serializable" {
		return nil
	}
	switch n := planned.(type) {
	case *plan.Query:
		if n.Emit != plan.EmitNone {
			return nil
		}
	case *plan.Explain, *plan.Insert, *plan.Modify, *plan.With, *plan.Copy:
	default:
		return nil
	}
	var sources []*catalog.Relation
	for _, l := range tableLocks(planned) {
		sources = append(sources, l.relation)
	}
	freshness := s.settings.freshness
	freshness.Current = true // rows that the transaction writes have to be as it has read them
	view, err := s.options.Backend.NewTransactionView(ctx, sources, freshness)
	if err != nil {
		return interrupted(ctx, err)
	}
	t.view = view
	return nil
}

// closeView lets the transaction's view go.
func (s *Session) closeView() {
	if s.transaction.view != nil {
		s.transaction.view.Close()
		s.transaction.view = nil
	}
}

// checkLevelInTime refuses another isolation level, "" for none, where it comes too late.
func (s *Session) checkLevelInTime(level string) error {
	switch {
	case level == "" || level == s.isolation():
		return nil
	case s.transaction.queried:
		return sqlerr.New(sqlerr.ActiveSQLTransaction, -1, "SET TRANSACTION ISOLATION LEVEL must be called before any query")
	case len(s.transaction.savepoints) > 0:
		return sqlerr.New(sqlerr.ActiveSQLTransaction, -1, "SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction")
	default:
		return nil
	}
}

// checkInView fails with 40001 where some rows that a statement has found, and will act
// on, are not in the transaction's view as they are now.
func (s *Session) checkInView(ctx context.Context, relation *catalog.Relation, found *exec.Found) error {
	if s.transaction.view == nil || found.Rows.Len == 0 {
		return nil
	}
	seen, err := s.options.Backend.FindIn(ctx, s.transaction.view, relation, found.Rows, s.transaction.overlay)
	if err != nil {
		return err
	}
	for i, at := range seen.At {
		if at < 0 || !sameRow(relation, found.Rows, i, seen.Rows, int(at)) {
			return exec.ConcurrentChange(false)
		}
	}
	return nil
}

// sameRow reports whether two rows of a relation have the same values.
func sameRow(relation *catalog.Relation, a *types.Batch, i int, b *types.Batch, j int) bool {
	columns := make([]types.Type, len(relation.Columns))
	for c := range columns {
		columns[c] = relation.Columns[c].Type
	}
	codec := types.NewRowCodec(columns)
	return string(codec.AppendRow(nil, a, i)) == string(codec.AppendRow(nil, b, j))
}
