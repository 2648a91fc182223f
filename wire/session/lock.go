package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"millrace/exec"
	"millrace/exec/lock"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// How statements lock.
//
// The owner of locks is the session's transaction; it holds them until it ends,
// or goes back to a savepoint behind which it got them. endTransaction lets them
// go, after the entries of COMMIT are applied. A failed block holds only what it
// got before its last savepoint.
//
// Tables are locked before a statement runs (lockTables), in the modes of
// PostgreSQL. Where that had to wait, the catalog may have changed meanwhile, and
// the statement is planned again (errPlanOutdated). A statement that commits by
// itself locks no table unless somebody is in its way.
//
// Rows are locked when a statement knows which ones it writes, before it holds
// or writes them (settle). What it has read may be outdated by then: it is run
// again until it finds all rows that it concerns locked by its own transaction,
// or as it had read them when it locked them. So a transaction's conditions hold
// at COMMIT. Only a statement that commits by itself may do without, in a table
// in which nobody locks rows (exec.Locks.EnterFast): when the conditions of its
// write fail, it locks its rows as well, and so queues for them.

// bytesPerLock is by what a transaction's memory is divided for the number of locks
// that it may hold.
const bytesPerLock = 64

// errPlanOutdated says that the catalog has changed since a statement was planned,
// which has done nothing yet.
var errPlanOutdated = errors.New("the plan is outdated")

// lockOwner returns the owner of the transaction's locks.
func (s *Session) lockOwner() exec.LockOwner {
	if s.transaction.locks == nil {
		s.transaction.locks = s.lockSession().NewTransaction()
	}
	return s.transaction.locks
}

// lockSession returns what the owners of the session's locks are of.
func (s *Session) lockSession() exec.LockSession {
	if s.lockedBy == nil {
		s.lockedBy = s.locks().NewSession(s.identity.ProcessID)
	}
	return s.lockedBy
}

func (s *Session) locks() exec.Locks { return s.options.Backend.Locks() }

// lockMark returns a point that releaseLocks can go back to.
func (s *Session) lockMark() int {
	if s.transaction.locks == nil {
		return 0
	}
	return s.transaction.locks.Mark()
}

// releaseLocks lets go of the locks that the transaction got since a mark, 0 for
// all of them.
func (s *Session) releaseLocks(mark int) {
	if s.transaction.locks != nil {
		s.transaction.locks.Release(mark)
	}
}

// waitFor returns how the session's locks of a kind, in the words of pg_locks, are
// waited for.
func (s *Session) waitFor(policy lock.Policy, kind string) lock.Wait {
	return lock.Wait{
		Policy: policy, Most: s.heldLimit() / bytesPerLock, Deadlock: s.settings.deadlockTimeout, Timeout: s.settings.lockTimeout,
		Begin: func() { s.showWaiting(kind) }, End: func() { s.showWaiting("") },
	}
}

// lockTable locks a table for the transaction, and reports whether it waited: the
// caller's plan, or what it has looked up in the catalog, may be outdated then.
// Errors have SQLSTATE 55P03, 40P01 or 57014.
func (s *Session) lockTable(ctx context.Context, relation *catalog.Relation, mode lock.Mode, policy lock.Policy) (waited bool, err error) {
	waited, err = s.lockOwner().LockTable(ctx, uint64(relation.ID), mode, s.waitFor(policy, "relation"))
	return waited, s.lockError(ctx, err, relation, false)
}

// lockRows locks rows of a table, or keys that shall have rows, for the
// transaction, in the order of their keys; of the given rows only the key columns
// are read. What was read of the rows that are Fresh in the result may be outdated.
// The relation may be any that has a key, also one that clients do not see. The
// table itself is to be locked before. Errors have SQLSTATE 55P03, 40P01 or 57014.
func (s *Session) lockRows(ctx context.Context, relation *catalog.Relation, rows *types.Batch, mode lock.Mode, policy lock.Policy) (lock.Rows, error) {
	keys := make([]string, rows.Len)
	order := make([]int, rows.Len)
	var key []byte
	for i := range rows.Len {
		key = rowKey(key[:0], relation, rows, i)
		keys[i], order[i] = string(key), i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(keys[a], keys[b]) })
	sorted := make([]string, len(keys))
	for i, row := range order {
		sorted[i] = keys[row]
	}
	got, err := s.lockOwner().LockRows(ctx, uint64(relation.ID), sorted, mode, s.waitFor(policy, "transactionid"))
	for _, list := range [][]int{got.Fresh, got.Skipped} {
		for i, n := range list {
			list[i] = order[n]
		}
		slices.Sort(list)
	}
	return got, s.lockError(ctx, err, relation, true)
}

// lockError returns what a client is told of a lock that it did not get.
func (s *Session) lockError(ctx context.Context, err error, relation *catalog.Relation, row bool) error {
	if err == nil {
		return nil
	}
	what := "relation"
	if row {
		what = "row in relation"
	}
	var failure *sqlerr.Error
	var deadlock *lock.DeadlockError
	switch {
	case errors.Is(err, lock.ErrNotAvailable):
		failure = sqlerr.New(sqlerr.LockNotAvailable, -1, "could not obtain lock on %s %q", what, relation.Name)
	case errors.Is(err, lock.ErrTooMany):
		return sqlerr.New(sqlerr.ProgramLimitExceeded, -1, "a transaction cannot hold more than %d locks", s.heldLimit()/bytesPerLock).
			WithHint("Lock the whole table before: LOCK TABLE … IN EXCLUSIVE MODE.")
	case errors.Is(err, lock.ErrTimeout):
		failure = sqlerr.New(sqlerr.LockNotAvailable, -1, "canceling statement due to lock timeout")
	case errors.As(err, &deadlock):
		failure = s.deadlockError(deadlock)
	case errors.Is(err, lock.ErrEnded):
		return errLocksLost()
	default:
		failure = sqlerr.From(interrupted(ctx, err))
		if failure.Code != sqlerr.QueryCanceled {
			return failure
		}
		clone := *failure
		failure = &clone
	}
	if !errors.Is(err, lock.ErrNotAvailable) {
		failure.Where = fmt.Sprintf("while locking %s %q", strings.Replace(what, "row", "a row", 1), relation.Name)
	}
	return failure
}

// deadlockError is the error of a transaction that gave way, in PostgreSQL's
// words: who waits for a row waits for the transaction that holds it.
func (s *Session) deadlockError(deadlock *lock.DeadlockError) *sqlerr.Error {
	var lines []string
	for _, e := range deadlock.Edges {
		waits := fmt.Sprintf("%s on relation %d", e.Mode, e.Relation)
		switch {
		case e.Mode.Row():
			waits = fmt.Sprintf("ShareLock on transaction %d", e.Transaction)
		case e.Advisory != nil:
			waits = fmt.Sprintf("%s on advisory lock [%d,%d,%d]", e.Mode, e.Advisory.Class, e.Advisory.Object, e.Advisory.Sub)
		}
		lines = append(lines, fmt.Sprintf("Process %d waits for %s; blocked by process %d.", e.Process, waits, e.BlockedBy))
	}
	s.logger.Info("deadlock detected", "waits", lines)
	return sqlerr.New(sqlerr.DeadlockDetected, -1, "deadlock detected").
		WithDetail("%s", strings.Join(lines, "\n")).
		WithHint("Run the transaction again. Transactions that lock rows in the same order do not deadlock.")
}

// enter locks the tables of changes that are written at once, as lockTables does for
// those that are held, and reports whether it waited.
func (s *Session) enter(ctx context.Context, c *changes) (waited bool, err error) {
	for _, relation := range c.tablesOf() {
		behind, err := s.lockTable(ctx, relation, lock.RowExclusive, lock.Block)
		if err != nil {
			return false, err
		}
		waited = waited || behind
	}
	return waited, nil
}

// rowLocks are rows that a statement locks in one mode.
type rowLocks struct {
	relation *catalog.Relation
	mode     lock.Mode
	rows     *types.Batch
	// old are the rows as they were read, nil where there were none.
	old *types.Batch
}

// locksOf returns what writing rows locks. The keys of new rows that have a row id
// are nobody else's. An update that changes a column of a unique index changes a key.
func (s *Session) locksOf(rows *exec.Rows) []rowLocks {
	added := rows.Operation == exec.OperationInsert || rows.Operation == exec.OperationAdd
	if rows.Relation.Kind != catalog.KindTable || added && rows.Relation.RowID() >= 0 {
		return nil
	}
	l := rowLocks{relation: rows.Relation, rows: rows.Batch, mode: lock.ChangeKey}
	switch rows.Operation {
	case exec.OperationUpdate:
		return s.locksOfUpdate(rows)
	case exec.OperationDelete:
		l.old = rows.Batch
	}
	return []rowLocks{l}
}

// locksOfUpdate tells the rows whose unique columns change from the others.
func (s *Session) locksOfUpdate(rows *exec.Rows) []rowLocks {
	all := rowLocks{relation: rows.Relation, rows: rows.Batch, old: rows.Old, mode: lock.ChangeRow}
	unique := s.catalog().UniqueOf(rows.Relation.ID)
	if len(unique) == 0 {
		return []rowLocks{all}
	}
	var same, changed []int32
	for i := range rows.Batch.Len {
		if changesUnique(unique, rows, i) {
			changed = append(changed, int32(i))
		} else {
			same = append(same, int32(i))
		}
	}
	if len(changed) == 0 {
		return []rowLocks{all}
	}
	part := func(selection []int32, mode lock.Mode) rowLocks {
		return rowLocks{relation: rows.Relation, rows: rows.Batch.Select(selection), old: rows.Old.Select(selection), mode: mode}
	}
	if len(same) == 0 {
		all.mode = lock.ChangeKey
		return []rowLocks{all}
	}
	return []rowLocks{part(same, lock.ChangeRow), part(changed, lock.ChangeKey)}
}

// changesUnique reports whether an update gives a row another value in a column of a
// unique index.
func changesUnique(unique []*catalog.Index, rows *exec.Rows, i int) bool {
	for _, index := range unique {
		for _, indexed := range index.Columns {
			if rows.Batch.Columns[indexed.Column].Datum(i) != rows.Old.Columns[indexed.Column].Datum(i) {
				return true
			}
		}
	}
	return false
}

// settle locks the rows of gathered changes, and reports whether they are still as
// they were read, so that they can be held; else they must be gathered again. With
// verify unset the caller finds that out, as far as nobody had to be waited for.
// Rows that are only probed stay free for others.
func (s *Session) settle(ctx context.Context, c *changes, verify bool) (settled bool, err error) {
	settled = true
	var list []rowLocks
	for i := range c.rows {
		list = append(list, s.locksOf(&c.rows[i])...)
	}
	for _, l := range append(list, c.kept...) {
		mark := s.lockMark()
		got, err := s.lockRows(ctx, l.relation, l.rows, l.mode, lock.Block)
		if err != nil {
			return false, err
		}
		// A view stays as it is, so that waiting alone makes nothing of it outdated.
		viewed := s.transaction.view != nil && l.old != nil
		same, gone := viewed || !got.Waited, false
		if same && verify && len(got.Fresh) > 0 {
			if same, gone, err = s.unchanged(ctx, &l, got.Fresh); err != nil {
				return false, err
			}
		}
		if viewed && !same {
			return false, exec.ConcurrentChange(gone)
		}
		if !same {
			if err := s.releaseVain(ctx, l.relation, l.rows, l.old != nil, got.Fresh, mark); err != nil {
				return false, err
			}
		}
		settled = settled && same
	}
	for _, probe := range c.probes {
		mark := s.lockMark()
		got, err := s.lockRows(ctx, probe.relation, probe.rows, lock.Probe, lock.Block)
		s.releaseLocks(mark)
		if err != nil {
			return false, err
		}
		settled = settled && !got.Waited
	}
	return settled, nil
}

// releaseVain lets go of the keys of some rows that were locked in vain since a mark:
// those of rows that existed and are gone, or that were to be new and are there.
func (s *Session) releaseVain(ctx context.Context, relation *catalog.Relation, rows *types.Batch, existed bool, some []int, mark int) error {
	lost := &types.Batch{Len: len(some), Columns: make([]types.Vector, len(rows.Columns))}
	for _, column := range relation.Key {
		lost.Columns[column].Type = rows.Columns[column].Type
		for _, row := range some {
			lost.Columns[column].AppendFrom(&rows.Columns[column], row)
		}
	}
	found, err := s.find(ctx, relation, lost)
	if err != nil {
		return err
	}
	var keys []string
	for i, at := range found.At {
		if existed == (at < 0) {
			keys = append(keys, string(rowKey(nil, relation, lost, i)))
		}
	}
	s.lockOwner().ReleaseRows(mark, uint64(relation.ID), keys)
	return nil
}

// unchanged reports whether some of the rows are as they were read, or whether one that
// was read is gone.
func (s *Session) unchanged(ctx context.Context, l *rowLocks, some []int) (same, gone bool, err error) {
	selection := make([]int32, len(some))
	for i, row := range some {
		selection[i] = int32(row)
	}
	found, err := s.find(ctx, l.relation, l.rows.Select(selection))
	if err != nil {
		return false, false, err
	}
	if l.old == nil {
		return found.Rows.Len == 0, false, nil
	}
	columns := make([]types.Type, len(l.relation.Columns))
	for i := range columns {
		columns[i] = l.relation.Columns[i].Type
	}
	codec := types.NewRowCodec(columns)
	var was, is []byte
	for i, row := range selection {
		if found.At[i] < 0 {
			return false, true, nil
		}
		was = codec.AppendRow(was[:0], l.old, int(row))
		if is = codec.AppendRow(is[:0], found.Rows, int(found.At[i])); !bytes.Equal(was, is) {
			return false, false, nil
		}
	}
	return true, false, nil
}

// current reports whether the relations that changes concern are still as they
// were when the statement was planned.
func (s *Session) current(c *changes) bool {
	if c.fixed {
		return true
	}
	snapshot := s.catalog()
	for i := range c.rows {
		planned := c.rows[i].Relation
		if planned.Index != nil {
			continue // it goes with its table's rows
		}
		if now := snapshot.Relation(planned.ID); now == nil || now.Layout != planned.Layout {
			return false
		}
		if planned.Kind == catalog.KindTable && !slices.Equal(c.rows[i].Unique, indexIDs(snapshot.UniqueOf(planned.ID))) {
			return false
		}
	}
	return true
}

// tablesOf returns the tables that changes concern, each once.
func (c *changes) tablesOf() []*catalog.Relation {
	var list []*catalog.Relation
	add := func(r *catalog.Relation) {
		known := slices.ContainsFunc(list, func(other *catalog.Relation) bool { return other.ID == r.ID })
		if r.Kind == catalog.KindTable && !known {
			list = append(list, r)
		}
	}
	for i := range c.rows {
		add(c.rows[i].Relation)
	}
	for _, l := range c.kept {
		add(l.relation)
	}
	for _, p := range c.probes {
		add(p.relation)
	}
	return list
}
