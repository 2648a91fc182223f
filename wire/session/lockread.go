package session

import (
	"context"
	"errors"
	"strings"

	"millrace/exec"
	"millrace/exec/lock"
	"millrace/planner/plan"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// SELECT … FOR UPDATE and its relatives give rows as they are while they are
// locked: the whole result is gathered before the first row is sent, and where a
// row had changed since it was read, it is gathered again, with what is locked by
// then. A cursor's rows are locked by DECLARE.

var rowModes = map[plan.LockStrength]lock.Mode{
	plan.LockKeyShare: lock.KeyShare, plan.LockShare: lock.RowShared,
	plan.LockNoKeyUpdate: lock.NoKeyUpdate, plan.LockUpdate: lock.Update,
}

var rowPolicies = map[plan.LockWait]lock.Policy{
	plan.LockBlock: lock.Block, plan.LockSkipLocked: lock.SkipLocked, plan.LockNoWait: lock.NoWait,
}

// lockRead locks rows that a query reads.
func (s *Session) lockRead(ctx context.Context, table *plan.LockedTable, rows *types.Batch) (lock.Rows, error) {
	mark := s.lockMark()
	got, err := s.lockRows(ctx, table.Relation, rows, rowModes[table.Strength], rowPolicies[table.Wait])
	if err != nil || !got.Waited {
		return got, err
	}
	return got, s.releaseVain(ctx, table.Relation, rows, true, got.Fresh, mark)
}

// result starts a query whose rows are for the client. Where it locks rows, they
// are all there when it returns.
func (s *Session) result(ctx context.Context, q *plan.Query, params []types.Datum) (*source, error) {
	if len(q.Locks) == 0 {
		return s.query(ctx, q, params)
	}
	if err := s.requireWritable("SELECT " + lockingClause(q)); err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		rows, err := s.readAll(ctx, q, params)
		switch {
		case err == nil:
			return &source{cursor: &fixedRows{batch: rows}}, nil
		case !s.readsAnew(err):
			return nil, err
		case attempt == maxAttempts:
			return nil, errKeepsChanging()
		}
	}
}

// readsAnew reports whether a statement that locks or writes what it reads, and has done
// neither, is to read again.
func (s *Session) readsAnew(err error) bool {
	return errors.Is(err, exec.ErrRowsChanged) || errors.Is(err, exec.ErrReplaced) && s.transaction.view == nil
}

// errKeepsChanging is the error of a statement whose rows others change each time
// before it gets their locks.
func errKeepsChanging() error {
	return sqlerr.New(sqlerr.SerializationFailure, -1, "could not serialize access due to %w", exec.ErrConflict).
		WithHint("Run the transaction again.")
}

// lockingClause returns the words of a query's strongest locking clause.
func lockingClause(q *plan.Query) string {
	strongest := plan.LockKeyShare
	var visit func(n plan.Node)
	visit = func(n plan.Node) {
		if l, ok := n.(*plan.LockRows); ok {
			for i := range l.Tables {
				strongest = max(strongest, l.Tables[i].Strength)
			}
		}
		for _, input := range n.Inputs() {
			visit(input)
		}
	}
	visit(q.Root)
	for _, sub := range q.Subqueries {
		visit(sub.Root)
	}
	return "FOR " + strings.ToUpper(strongest.String())
}

// readAll returns all rows of a query, as many as a transaction may hold.
func (s *Session) readAll(ctx context.Context, q *plan.Query, params []types.Datum) (*types.Batch, error) {
	rows, err := s.queryToWrite(ctx, q, params)
	if err != nil {
		return nil, err
	}
	defer rows.close()
	all, size, limit := newPlannedBatch(q.Root.Columns()[:q.Visible]), 0, s.heldLimit()
	for {
		ok, err := rows.fill(ctx)
		if err != nil || !ok {
			return all, err
		}
		batch, _, _ := rows.take(0)
		appendBatch(all, batch)
		if size += batchBytes(batch); size > limit {
			return nil, sqlerr.New(sqlerr.ProgramLimitExceeded, -1, "the result of a SELECT that locks rows or changes data has more than %d bytes", limit).
				WithHint("It is kept until all is locked or changed. Do that in statements of their own, and read the rows in a SELECT without it.")
		}
	}
}

var tableModes = map[string]lock.Mode{
	"access share": lock.AccessShare, "row share": lock.RowShare, "row exclusive": lock.RowExclusive,
	"share update exclusive": lock.ShareUpdateExclusive, "share": lock.Share,
	"share row exclusive": lock.ShareRowExclusive, "exclusive": lock.Exclusive, "access exclusive": lock.AccessExclusive,
}

// lockStatement is LOCK TABLE.
func (s *Session) lockStatement(ctx context.Context, n *plan.Lock) (string, error) {
	if err := s.requireTogether("LOCK TABLE"); err != nil {
		return "", err
	}
	policy := lock.Block
	if n.NoWait {
		policy = lock.NoWait
	}
	for _, relation := range n.Relations {
		waited, err := s.lockTable(ctx, relation, tableModes[n.Mode], policy)
		if err != nil {
			return "", err
		}
		now := s.catalog().Relation(relation.ID)
		if waited && (now == nil || now.Name != relation.Name) {
			return "", errPlanOutdated
		}
	}
	return "LOCK TABLE", nil
}
