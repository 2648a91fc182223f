package exec

import (
	"context"
	"errors"
	"time"

	"millrace/exec/lock"
	"millrace/sql/catalog"
)

// nodeSession is a client of this node. It implements LockSession.
type nodeSession struct {
	locks   *nodeLocks
	process int32
	// number is the session's, owners that of its newest owner, and op the number of its
	// newest request to another node.
	number, owners, op uint64
	// local is the session in the manager of reign, nil while there is none.
	local *lock.Session
	reign *lockReign
}

// NewTransaction implements LockSession.
func (s *nodeSession) NewTransaction() LockOwner { return s.newOwner(true) }

// NewOwner implements LockSession.
func (s *nodeSession) NewOwner() LockOwner { return s.newOwner(false) }

func (s *nodeSession) newOwner(transaction bool) *nodeOwner {
	s.owners++
	return &nodeOwner{session: s, number: s.owners, transaction: transaction}
}

// nodeOwner is an owner of this node. It implements LockOwner.
//
// It is in one place at a time: with the manager of a reign of this node, or with another
// node's, where it is from its first request on until everything is released. Only then
// it may go elsewhere. So what it holds, it holds together.
type nodeOwner struct {
	session     *nodeSession
	number      uint64
	transaction bool

	// local is the owner in the manager of reign, nil where there was none yet.
	local *lock.Owner
	reign *lockReign

	// away says that it has asked another node since everything was released; under is
	// the reign and tenure in which it got something there, and lost that it got
	// something in two, or cannot tell.
	away  bool
	lost  bool
	under contact
	// tables are the modes of tables that it got there.
	tables map[uint64][]lock.Mode
}

// here returns the reign of this node that the owner is in, nil where it is to ask
// another node.
func (o *nodeOwner) here(ctx context.Context) (*lockReign, error) {
	if o.away {
		return nil, nil
	}
	current := o.session.locks.engine.coordinator.reign.Load()
	if o.local == nil || o.reign != current && o.local.Mark() == 0 {
		o.local, o.reign = nil, current
		if current == nil {
			return nil, nil
		}
		s := o.session
		if s.local == nil || s.reign != current {
			s.local, s.reign = current.manager.NewSession(s.process), current
		}
		if o.transaction {
			o.local = s.local.NewTransaction()
		} else {
			o.local = s.local.NewOwner()
		}
	}
	return o.reign, o.reign.mayGrant(ctx)
}

// LockTable implements LockOwner.
func (o *nodeOwner) LockTable(ctx context.Context, relation uint64, mode lock.Mode, wait lock.Wait) (bool, error) {
	r, err := o.here(ctx)
	switch {
	case err != nil:
		return false, err
	case r != nil:
		return r.manager.LockTable(ctx, o.local, relation, mode, wait)
	}
	for _, held := range o.tables[relation] {
		if !o.lost && lock.Covers(held, mode) {
			return false, nil
		}
	}
	answer, err := o.ask(ctx, &lockRequest{verb: lockTable, relation: relation, mode: mode, wait: wait})
	if err != nil {
		return false, err
	}
	if o.tables == nil {
		o.tables = map[uint64][]lock.Mode{}
	}
	o.tables[relation] = append(o.tables[relation], mode)
	return answer.waited || answer.repeated, nil
}

// LockRows implements LockOwner.
func (o *nodeOwner) LockRows(ctx context.Context, relation uint64, keys []string, mode lock.Mode, wait lock.Wait) (lock.Rows, error) {
	r, err := o.here(ctx)
	switch {
	case err != nil:
		return lock.Rows{}, err
	case r != nil:
		return r.manager.LockRows(ctx, o.local, relation, keys, mode, wait)
	case len(keys) == 0:
		return lock.Rows{}, nil
	}
	answer, err := o.ask(ctx, &lockRequest{verb: lockRows, relation: relation, keys: keys, mode: mode, wait: wait})
	if err != nil {
		return lock.Rows{}, err
	}
	rows := lock.Rows{Waited: answer.waited, Fresh: answer.fresh, Skipped: answer.skipped}
	if answer.repeated { // what was fresh the first time is so for who reads it now
		rows.Waited, rows.Fresh = true, withoutSorted(len(keys), rows.Skipped)
	}
	return rows, nil
}

// withoutSorted returns the numbers below n that are not in a list in ascending order.
func withoutSorted(n int, left []int) []int {
	var list []int
	for i := range n {
		if len(left) > 0 && left[0] == i {
			left = left[1:]
			continue
		}
		list = append(list, i)
	}
	return list
}

// LockAdvisory implements LockOwner.
func (o *nodeOwner) LockAdvisory(ctx context.Context, key lock.AdvisoryKey, mode lock.Mode, wait lock.Wait) error {
	r, err := o.here(ctx)
	switch {
	case err != nil:
		return err
	case r != nil:
		return r.manager.LockAdvisory(ctx, o.local, key, mode, wait)
	}
	_, err = o.ask(ctx, &lockRequest{verb: lockAdvisory, advisory: key, mode: mode, wait: wait})
	return err
}

// waitShown is after what time a request to another node counts as a wait.
const waitShown = 20 * time.Millisecond

// ask asks the coordinator for locks.
func (o *nodeOwner) ask(ctx context.Context, q *lockRequest) (*lockAnswer, error) {
	if o.lost {
		return nil, lock.ErrEnded
	}
	l := o.session.locks
	if !o.away {
		o.away = true
		l.holding.Add(1)
		l.needContact()
	}
	answered := make(chan struct{})
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		select {
		case <-answered:
			return
		case <-l.engine.after(waitShown):
		}
		if q.wait.Begin != nil {
			q.wait.Begin()
		}
		<-answered
		if q.wait.End != nil {
			q.wait.End()
		}
	}()
	answer, err := o.send(ctx, q)
	close(answered)
	<-shown
	if err != nil {
		return nil, err
	}
	under := contact{reign: answer.reign, tenure: answer.tenure}
	switch {
	case answer.outcome == lockEnded || o.under != contact{} && !o.under.same(under):
		o.lost = true
		return nil, lock.ErrEnded
	default:
		o.under = under
		return answer, answer.err()
	}
}

// send sends a request to whoever coordinates.
func (o *nodeOwner) send(ctx context.Context, q *lockRequest) (*lockAnswer, error) {
	l := o.session.locks
	o.session.op++
	q.life, q.session, q.owner, q.op = l.life, o.session.number, o.number, o.session.op
	q.process, q.transaction, q.reign, q.tenure = o.session.process, o.transaction, o.under.reign, o.under.tenure
	asked := l.engine.now()
	encoded, err := l.engine.askCatalogLeader(ctx, "lock", q.append(nil))
	if err != nil {
		return nil, err
	}
	answer, err := decodeLockAnswer(encoded)
	if err == nil && answer.outcome != lockEnded {
		// A wait may have been long: that the node was there then is for pings to say.
		if took := l.engine.now().Sub(asked); took < leaseFor {
			l.heard(contact{reign: answer.reign, tenure: answer.tenure, asked: asked})
		}
	}
	return answer, err
}

// Mark implements LockOwner.
func (o *nodeOwner) Mark() int {
	switch {
	case o.away:
		return int(o.session.op)
	case o.local != nil:
		return o.local.Mark()
	default:
		return 0
	}
}

// releasePatience bounds the wait for the coordinator to release locks. After it, that
// goes on without the session.
const releasePatience = time.Second

// Release implements LockOwner.
func (o *nodeOwner) Release(mark int) {
	if !o.away {
		if o.local != nil {
			o.local.Release(mark)
		}
		return
	}
	o.let(&lockRequest{verb: lockRelease, mark: uint64(mark)})
	clear(o.tables)
	if mark == 0 {
		o.away, o.lost, o.under = false, false, contact{}
		o.session.locks.holding.Add(-1)
	}
}

// ReleaseRows implements LockOwner.
func (o *nodeOwner) ReleaseRows(mark int, relation uint64, keys []string) {
	if !o.away {
		if o.local != nil {
			o.local.ReleaseRows(mark, relation, keys)
		}
		return
	}
	o.let(&lockRequest{verb: lockReleaseRows, mark: uint64(mark), relation: relation, keys: keys})
}

// ReleaseAdvisory implements LockOwner.
func (o *nodeOwner) ReleaseAdvisory(key lock.AdvisoryKey, mode lock.Mode) {
	if !o.away {
		if o.local != nil {
			o.local.ReleaseAdvisory(key, mode)
		}
		return
	}
	o.let(&lockRequest{verb: lockReleaseAdvisory, advisory: key, mode: mode})
}

// let has the coordinator let go of something. When that takes long and is not all that
// the owner has, nobody can say what it holds: it is lost.
func (o *nodeOwner) let(q *lockRequest) {
	l := o.session.locks
	if o.under != (contact{}) && o.under.reign < l.contact().reign {
		return // it is gone with its reign
	}
	ctx, end := context.WithTimeout(context.Background(), releasePatience)
	defer end()
	if _, err := o.send(ctx, q); err == nil {
		return
	}
	o.lost = true
	all := *q
	all.verb, all.mark, all.keys = lockRelease, 0, nil
	o.session.op++
	all.op = o.session.op
	// What the owner gets from now on is another one's to the coordinator.
	o.session.owners++
	o.number = o.session.owners
	go func() {
		for {
			_, err := l.engine.askCatalogLeader(context.Background(), "lock", all.append(nil))
			if err == nil || errors.Is(err, ErrStopped) {
				return
			}
			<-l.engine.after(leaderPause)
		}
	}()
}

// Check implements LockOwner.
func (o *nodeOwner) Check(ctx context.Context) error {
	switch {
	case o.lost:
		return lock.ErrEnded
	case o.away && o.under != contact{}:
		return o.session.locks.check(ctx, o.under)
	case o.local != nil && o.local.Mark() > 0:
		return o.reign.confirm(ctx)
	default:
		return nil
	}
}

// Held implements LockOwner.
func (o *nodeOwner) Held(command catalog.Command) catalog.Command {
	switch {
	case o.lost:
		return &catalog.Held{Command: command} // no reign has the number 0
	case o.away && o.under != contact{}:
		return &catalog.Held{Reign: o.under.reign, Holder: o.under.tenure, Command: command}
	case o.local != nil && o.local.Mark() > 0:
		return &catalog.Held{Reign: o.reign.number, Command: command}
	default:
		return command
	}
}
