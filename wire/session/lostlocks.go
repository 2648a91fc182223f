package session

import (
	"context"
	"errors"

	"millrace/exec/lock"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// Locks are lost with the node that knows them, or when the session's own node could not
// reach that one for long. Nothing is done any more that relied on them: a transaction
// looks before it commits, and a definition is refused by the catalog's log. A statement
// that commits by itself begins anew.

// errLocksLost is the error of a transaction whose locks are not held any more.
func errLocksLost() error {
	return sqlerr.New(sqlerr.SerializationFailure, -1, "could not serialize access because %w", lock.ErrEnded).
		WithDetail("The node that keeps the locks of the cluster has stopped, or could not be reached.").
		WithHint("Run the transaction again.")
}

// held returns a command as one that relies on what the transaction has locked.
func (s *Session) held(command catalog.Command) catalog.Command {
	if s.transaction.locks == nil {
		return command
	}
	return s.transaction.locks.Held(command)
}

// againUnlocked reports whether a statement that commits by itself, and has done nothing
// yet, is to begin anew since its locks were lost. It holds none then.
func (s *Session) againUnlocked(err error, alone bool, attempt int) bool {
	if !alone || attempt == maxAttempts || !errors.Is(err, lock.ErrEnded) {
		return false
	}
	s.releaseLocks(0)
	return true
}

// checkLocks returns an error with SQLSTATE 40001 where the transaction, or the session,
// does not hold any more what it had locked. The session is told once.
func (s *Session) checkLocks(ctx context.Context) error {
	err := s.checkTransactionLocks(ctx)
	if err != nil || len(s.advisory.held) == 0 {
		return err
	}
	if err = s.advisory.owner.Check(ctx); errors.Is(err, lock.ErrEnded) {
		s.AdvisoryUnlockAll()
		return errLocksLost()
	}
	return interrupted(ctx, err)
}

// checkTransactionLocks is checkLocks for the transaction's locks alone.
func (s *Session) checkTransactionLocks(ctx context.Context) error {
	if s.transaction.locks == nil {
		return nil
	}
	err := s.transaction.locks.Check(ctx)
	if errors.Is(err, lock.ErrEnded) {
		return errLocksLost()
	}
	return interrupted(ctx, err)
}
