package exec

import (
	"context"
	"sync"
	"time"

	"millrace/exec/lock"
	"millrace/sql/catalog"
)

// What the coordinator keeps of the sessions of other nodes. Each has here a session of
// the lock manager, and each of its owners an owner; requests of a session are carried
// out one at a time.
//
// Requests may come twice, since a node asks again when an answer is lost, and late. They
// are numbered within their session: one that was carried out before gives what it has
// given, and one from before a release is over.

// tenant is a node, from one of its starts on, that sessions lock from.
type tenant struct {
	// number is its tenure's, which no other has in the reign.
	number     uint64
	node, life uint64
	// gone is closed when the node is given up.
	gone chan struct{}

	mu       sync.Mutex
	heard    time.Time
	sessions map[uint64]*tenantSession
}

// tenantSession is a session of another node.
type tenantSession struct {
	session *lock.Session
	// busy holds a value while a request is carried out; it guards what follows.
	busy   chan struct{}
	owners map[uint64]*tenantOwner
	// last is the newest request that was carried out, and released the newest release.
	last, released uint64
	used           time.Time
}

// tenantOwner is an owner of another node.
type tenantOwner struct {
	*lock.Owner
	// marks are the requests that may have got something, with how many locks the owner
	// had before each.
	marks []tenantMark
}

type tenantMark struct {
	op     uint64
	before int
}

// sessionIdle is how long a session that holds nothing is remembered: longer than a
// request can be on its way.
const sessionIdle = time.Minute

// tenant returns the tenant of a node, made where it is new. One of an earlier start is
// given up.
func (r *lockReign) tenant(node, life uint64) *tenant {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.engine.now()
	t := r.tenants[node]
	if t != nil && t.life != life {
		r.giveUp(t)
		t = nil
	}
	if t == nil {
		r.last++
		t = &tenant{number: r.last, node: node, life: life, gone: make(chan struct{}), sessions: map[uint64]*tenantSession{}}
		r.tenants[node] = t
	}
	t.mu.Lock()
	t.heard = now
	t.mu.Unlock()
	return t
}

// giveUp forgets a tenant, whose locks are released when the catalog has learnt of it.
// r.mu is held.
func (r *lockReign) giveUp(t *tenant) {
	delete(r.tenants, t.node)
	close(t.gone)
	if !r.over {
		r.work.Go(func() { r.release(t) })
	}
}

// release lets go of all that a tenant holds.
func (r *lockReign) release(t *tenant) {
	t.mu.Lock()
	sessions := t.sessions
	t.sessions = nil
	t.mu.Unlock()
	holding := 0
	for _, s := range sessions {
		s.busy <- struct{}{} // requests end with the tenant
		if len(s.owners) > 0 {
			holding++
		}
	}
	if holding > 0 {
		r.engine.logger.Warn("a node has not been heard of, its locks are released", "node", t.node, "sessions", holding)
		for r.life.Err() == nil {
			_, err := r.engine.proposeOwn(r.life, &catalog.GiveUp{Reign: r.number, Holder: t.number})
			if err == nil {
				break
			}
			select {
			case <-r.life.Done():
			case <-r.engine.after(restartDelay):
			}
		}
	}
	for _, s := range sessions {
		for _, o := range s.owners {
			o.Release(0)
		}
		clear(s.owners)
		<-s.busy
	}
	r.manager.EndLeases(t.number)
}

// watch gives up nodes that have not been heard of, until the reign ends.
func (r *lockReign) watch() {
	for {
		select {
		case <-r.life.Done():
			return
		case <-r.engine.after(lapse / 8):
		}
		now := r.engine.now()
		r.mu.Lock()
		for _, t := range r.tenants {
			if t.forget(now); t.node != r.engine.storage.Peers().Self() && t.silent(now) {
				r.giveUp(t)
			}
		}
		r.mu.Unlock()
	}
}

// silent reports whether the node has not been heard of for too long.
func (t *tenant) silent(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return now.Sub(t.heard) > lapse
}

// forget forgets sessions that have long held nothing.
func (t *tenant) forget(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for number, s := range t.sessions {
		select {
		case s.busy <- struct{}{}:
			if len(s.owners) == 0 && now.Sub(s.used) > sessionIdle {
				delete(t.sessions, number)
			}
			<-s.busy
		default:
		}
	}
}

// tenure returns the tenant of a number, nil when it is gone.
func (r *lockReign) tenure(number uint64) *tenant {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.tenants {
		if t.number == number {
			return t
		}
	}
	return nil
}

// session returns a session of the tenant with no other request in it, nil when the
// tenant is gone. leave lets others in.
func (t *tenant) session(ctx context.Context, m *lock.Manager, q *lockRequest) (s *tenantSession, leave func(), err error) {
	t.mu.Lock()
	if t.sessions == nil {
		t.mu.Unlock()
		return nil, nil, nil
	}
	s = t.sessions[q.session]
	if s == nil {
		s = &tenantSession{session: m.NewSession(q.process), busy: make(chan struct{}, 1), owners: map[uint64]*tenantOwner{}, used: t.heard}
		t.sessions[q.session] = s
	}
	heard := t.heard
	t.mu.Unlock()
	select {
	case s.busy <- struct{}{}:
		s.used = heard
		return s, func() { <-s.busy }, nil
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
}

// carryOut does what a node's session asks for. The error is not the lock manager's, which
// the answer has.
func (r *lockReign) carryOut(ctx context.Context, node uint64, q *lockRequest) (*lockAnswer, error) {
	t := r.tenant(node, q.life)
	a := &lockAnswer{reign: r.number, tenure: t.number}
	if q.reign != 0 && (q.reign != r.number || q.tenure != t.number) {
		a.outcome = lockEnded
		return a, nil
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	go func() {
		select {
		case <-t.gone:
			end(lock.ErrEnded)
		case <-ctx.Done():
		}
	}()
	s, leave, err := t.session(ctx, r.manager, q)
	if s != nil {
		defer leave()
		if err = ctx.Err(); err == nil {
			err = r.inSession(ctx, s, q, a)
		}
	} else if err == nil {
		err = lock.ErrEnded
	}
	if err != nil && r.manager.Err() != nil {
		err = lock.ErrEnded
	}
	if !a.setError(err) {
		return nil, err
	}
	return a, nil
}

// inSession carries a request out as the session's only one.
func (r *lockReign) inSession(ctx context.Context, s *tenantSession, q *lockRequest, a *lockAnswer) error {
	if q.op <= s.released {
		return lock.ErrEnded // nobody waits for it any more
	}
	o := s.owners[q.owner]
	if q.verb >= lockRelease {
		s.released, s.last = q.op, max(s.last, q.op)
		if o != nil {
			s.let(o, q)
		}
		return nil
	}
	if err := r.mayGrant(ctx); err != nil {
		return err
	}
	if o == nil {
		o = &tenantOwner{Owner: s.session.NewOwner()}
		if q.transaction {
			o.Owner = s.session.NewTransaction()
		}
		s.owners[q.owner] = o
	}
	a.repeated = q.op <= s.last
	if !a.repeated {
		s.last = q.op
		o.marks = append(o.marks, tenantMark{q.op, o.Mark()})
	}
	var err error
	switch q.verb {
	case lockTable:
		a.waited, err = r.manager.LockTable(ctx, o.Owner, q.relation, q.mode, q.wait)
	case lockRows:
		var rows lock.Rows
		rows, err = r.manager.LockRows(ctx, o.Owner, q.relation, q.keys, q.mode, q.wait)
		a.waited, a.fresh, a.skipped = rows.Waited, rows.Fresh, rows.Skipped
	default:
		err = r.manager.LockAdvisory(ctx, o.Owner, q.advisory, q.mode, q.wait)
	}
	return err
}

// let lets go of what an owner got.
func (s *tenantSession) let(o *tenantOwner, q *lockRequest) {
	at := 0
	if q.mark > 0 {
		at = o.Mark()
		for i, m := range o.marks {
			if m.op > q.mark {
				at = min(at, m.before)
				if q.verb == lockRelease {
					o.marks = o.marks[:i]
				}
				break
			}
		}
	}
	switch q.verb {
	case lockRelease:
		o.Release(at)
		if q.mark == 0 {
			delete(s.owners, q.owner)
		}
	case lockReleaseRows:
		o.ReleaseRows(at, q.relation, q.keys)
	default:
		o.ReleaseAdvisory(q.advisory, q.mode)
	}
}
