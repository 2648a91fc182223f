package session

import (
	"context"
	"errors"

	"millrace/exec"
	"millrace/exec/lock"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
)

// advisoryLocks are the advisory locks that a session holds beyond its transactions.
type advisoryLocks struct {
	// owner is nil before the first one.
	owner exec.LockOwner
	// held says how often each is held: it is released as often.
	held map[advisoryLock]int
}

type advisoryLock struct {
	key  lock.AdvisoryKey
	mode lock.Mode
}

func newAdvisoryLock(key expr.AdvisoryKey, shared bool) advisoryLock {
	l := advisoryLock{key: lock.AdvisoryKey(key), mode: lock.Exclusive}
	if shared {
		l.mode = lock.Share
	}
	return l
}

// AdvisoryLock implements expr.Session.
func (s *Session) AdvisoryLock(key expr.AdvisoryKey, shared bool, how expr.AdvisoryMode, done <-chan struct{}) (bool, error) {
	ctx, cancel := context.WithCancel(s.life)
	defer cancel()
	if done != nil {
		stop := make(chan struct{})
		defer close(stop)
		go func() {
			select {
			case <-done:
				cancel()
			case <-stop:
			}
		}()
	}
	l := newAdvisoryLock(key, shared)
	wait := s.waitFor(lock.Block, "advisory")
	if how.Try {
		wait.Policy = lock.NoWait
	}
	var err error
	if how.Transaction {
		err = s.lockOwner().LockAdvisory(ctx, l.key, l.mode, wait)
	} else {
		err = s.lockAdvisoryForSession(ctx, l, wait)
	}
	if how.Try && errors.Is(err, lock.ErrNotAvailable) {
		return false, nil
	}
	return err == nil, s.advisoryError(ctx, err)
}

func (s *Session) lockAdvisoryForSession(ctx context.Context, l advisoryLock, wait lock.Wait) error {
	held := &s.advisory
	if held.owner == nil {
		held.owner, held.held = s.lockSession().NewOwner(), map[advisoryLock]int{}
	}
	if held.held[l] == 0 {
		if err := held.owner.LockAdvisory(ctx, l.key, l.mode, wait); err != nil {
			held.owner.ReleaseAdvisory(l.key, l.mode)
			if errors.Is(err, lock.ErrEnded) {
				s.AdvisoryUnlockAll()
			}
			return err
		}
	}
	held.held[l]++
	return nil
}

// advisoryError returns what a client is told of an advisory lock that it did not get.
func (s *Session) advisoryError(ctx context.Context, err error) error {
	var deadlock *lock.DeadlockError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, lock.ErrTooMany):
		return sqlerr.New(sqlerr.ProgramLimitExceeded, -1, "a session cannot hold more than %d locks", s.heldLimit()/bytesPerLock)
	case errors.Is(err, lock.ErrTimeout):
		return sqlerr.New(sqlerr.LockNotAvailable, -1, "canceling statement due to lock timeout")
	case errors.As(err, &deadlock):
		return s.deadlockError(deadlock)
	case errors.Is(err, lock.ErrEnded):
		return errLocksLost()
	default:
		return interrupted(ctx, err)
	}
}

// AdvisoryUnlock implements expr.Session.
func (s *Session) AdvisoryUnlock(key expr.AdvisoryKey, shared bool) (bool, error) {
	l := newAdvisoryLock(key, shared)
	if s.advisory.held[l] > 0 && errors.Is(s.advisory.owner.Check(s.life), lock.ErrEnded) {
		s.AdvisoryUnlockAll()
	}
	switch s.advisory.held[l] {
	case 0:
		return false, s.notice("WARNING", sqlerr.New(sqlerr.Warning, -1, "you don't own a lock of type %s", l.mode))
	case 1:
		delete(s.advisory.held, l)
		s.advisory.owner.ReleaseAdvisory(l.key, l.mode)
	default:
		s.advisory.held[l]--
	}
	return true, nil
}

// AdvisoryUnlockAll implements expr.Session.
func (s *Session) AdvisoryUnlockAll() {
	if s.advisory.owner != nil {
		s.advisory.owner.Release(0)
		clear(s.advisory.held)
	}
}
