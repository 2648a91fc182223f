package exec

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"millrace/exec/lock"
)

// nodeLocks are the locks of the cluster as a node's sessions have them: those of its own
// reign while it coordinates, otherwise by asking the coordinator. It implements Locks.
type nodeLocks struct {
	engine *Engine
	// life tells this start of the node apart from others.
	life     uint64
	sessions atomic.Uint64
	leases   nodeLeases
	// holding counts the owners that may hold something at another node. While there are
	// any, or leases, the coordinator is told that the node is there.
	holding atomic.Int64
	wake    chan struct{}

	mu     sync.Mutex
	newest contact
}

// contact is what a node knows of the coordinator: the reign and tenure in which it is
// there, and when it had asked what was answered last.
type contact struct {
	reign, tenure uint64
	asked         time.Time
}

func (c contact) same(other contact) bool { return c.reign == other.reign && c.tenure == other.tenure }

func (c contact) before(other contact) bool {
	return c.reign < other.reign || c.reign == other.reign && c.tenure < other.tenure
}

func newNodeLocks(engine *Engine) *nodeLocks {
	l := &nodeLocks{engine: engine, wake: make(chan struct{}, 1)}
	var life [8]byte
	_, _ = rand.Read(life[:]) // never fails (crypto/rand)
	l.life = binary.BigEndian.Uint64(life[:])
	l.leases = nodeLeases{locks: l, tables: map[uint64]*leasedTable{}}
	return l
}

// contact returns what is known of the coordinator.
func (l *nodeLocks) contact() contact {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.newest
}

// heard notes an answer of a coordinator.
func (l *nodeLocks) heard(from contact) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.newest.before(from):
		l.newest = from
	case l.newest.same(from) && l.newest.asked.Before(from.asked):
		l.newest.asked = from.asked
	}
}

// forsake relies on nothing any more that was given in reigns before one, and returns when
// those are done who were let into tables then.
func (l *nodeLocks) forsake(ctx context.Context, reign uint64) error {
	l.heard(contact{reign: reign})
	if own := l.engine.coordinator.past.Load(); own != nil && own.number < reign {
		own.manager.End()
		if err := own.manager.AwaitFast(ctx); err != nil {
			return err
		}
	}
	return l.leases.forsake(ctx, reign)
}

// needContact has the coordinator told that the node is there.
func (l *nodeLocks) needContact() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run tells the coordinator that the node is there, while that matters, until ctx ends.
func (l *nodeLocks) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		}
		for ctx.Err() == nil && (l.holding.Load() > 0 || !l.leases.idle(l.engine.now())) {
			l.pingOnce(ctx)
			select {
			case <-ctx.Done():
			case <-l.engine.after(pingEvery):
			}
		}
	}
}

// pingOnce asks whoever coordinates, once.
func (l *nodeLocks) pingOnce(ctx context.Context) {
	node, _ := l.engine.storage.CatalogLeader()
	if node == 0 {
		return
	}
	ctx, end := context.WithTimeout(ctx, leaseFor)
	defer end()
	asked := l.engine.now()
	answer, err := l.engine.askNode(ctx, node, "lock.ping", appendUvarints(nil, l.life))
	if err == nil {
		l.pinged(answer, asked)
	}
}

func (l *nodeLocks) pinged(answer []byte, asked time.Time) {
	in := uvarintReader{data: answer}
	if from := (contact{reign: in.next(), tenure: in.next(), asked: asked}); !in.bad {
		l.heard(from)
	}
}

// check returns lock.ErrEnded where the tenure in which something was locked is over.
func (l *nodeLocks) check(ctx context.Context, under contact) error {
	now, newest := l.engine.now(), l.contact()
	if newest.same(under) && now.Sub(newest.asked) >= trusted {
		answer, err := l.engine.askCatalogLeader(ctx, "lock.ping", appendUvarints(nil, l.life))
		if err != nil {
			return err
		}
		l.pinged(answer, now)
		newest = l.contact()
	}
	if !newest.same(under) {
		return lock.ErrEnded
	}
	return nil
}

// NewSession implements Locks.
func (l *nodeLocks) NewSession(process int32) LockSession {
	return &nodeSession{locks: l, process: process, number: l.sessions.Add(1)}
}

// EnterFast implements Locks.
func (l *nodeLocks) EnterFast(ctx context.Context, relations []uint64) (FastEntry, bool) {
	if r := l.engine.coordinator.reign.Load(); r != nil {
		return FastEntry{r.manager, relations}, r.manager.EnterFast(relations...)
	}
	entry := FastEntry{&l.leases, relations}
	if l.leases.enter(relations) {
		return entry, true
	}
	given, err := l.leases.ask(ctx, relations, lock.Writers)
	return entry, err == nil && given && l.leases.enter(relations)
}

// Locked implements Locks.
func (l *nodeLocks) Locked(ctx context.Context, relation uint64, mode lock.Mode) bool {
	if r := l.engine.coordinator.reign.Load(); r != nil {
		return r.manager.Locked(nil, relation, mode)
	}
	kind := lock.Writers
	if mode == lock.AccessShare {
		kind = lock.Readers
	}
	if l.leases.passes(relation, kind) {
		return false
	}
	given, err := l.leases.ask(ctx, []uint64{relation}, kind)
	return err != nil || !given
}

// List implements Locks.
func (l *nodeLocks) List(ctx context.Context) (list []lock.Status, err error) {
	if r := l.engine.coordinator.reign.Load(); r != nil {
		return r.manager.List(), nil
	}
	answer, err := l.engine.askCatalogLeader(ctx, "lock.list", nil)
	if err != nil {
		return nil, err
	}
	return list, json.Unmarshal(answer, &list)
}

// Blocking implements Locks.
func (l *nodeLocks) Blocking(ctx context.Context, process int32) (list []int32, err error) {
	if r := l.engine.coordinator.reign.Load(); r != nil {
		return r.manager.Blocking(process), nil
	}
	answer, err := l.engine.askCatalogLeader(ctx, "lock.blocking", binary.AppendVarint(nil, int64(process)))
	if err != nil {
		return nil, err
	}
	return list, json.Unmarshal(answer, &list)
}
