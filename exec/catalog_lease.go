package exec

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// How a definition that was acknowledged on one node is seen by every statement that
// begins afterwards on any node, without asking anyone for each statement.
//
// A node plans statements by the catalog that it sees while it has a lease on it. The
// node that leads the catalog's group grants leases; a statement that finds the node's
// half over renews it beside its work, one that finds none waits for one. An idle node
// has none.
//
// Invariants:
//   - A lease is granted with a version at or behind all that are acknowledged, or are
//     being spread. It counts from when it was asked for, and not before the node sees
//     that version.
//   - A version is acknowledged when each member of the cluster has said that it sees
//     it, or had no lease that was granted before the version was spread, or that lease
//     is over. Then a quorum has confirmed that the node which looked is still the
//     leader, in the term in which it has granted since.
//   - A leader of a new term does not know what its predecessor has granted: it takes
//     every member for one with a lease from when it began. The version that it has
//     then is at or behind all that its predecessors have acknowledged.

const (
	// catalogLease is for how long a node may plan statements without asking.
	catalogLease = 3 * time.Second
	// catalogRenewal is the age of a lease at which statements renew it.
	catalogRenewal = time.Second
	// leaseMargin is for how much longer the leader takes a lease to last: clocks do not
	// go equally fast.
	leaseMargin = catalogLease / 10

	leaseMethod  = "catalog.lease"
	spreadMethod = "catalog.spread"
	seenMethod   = "catalog.seen"
)

func (e *Engine) serveCatalog() {
	e.serve(leaseMethod, func(ctx context.Context, from uint64, _ []byte) ([]byte, error) {
		granted, err := e.grantCatalog(ctx, from)
		return granted.append(nil), err
	})
	e.serve(spreadMethod, func(ctx context.Context, _ uint64, request []byte) ([]byte, error) {
		in := uvarintReader{data: request}
		version := in.next()
		if in.bad {
			return nil, errBadQuestion
		}
		return nil, e.spreadToAll(ctx, version)
	})
	e.serve(seenMethod, func(ctx context.Context, _ uint64, request []byte) ([]byte, error) {
		seen, err := decodeSeenVersion(request)
		if err != nil {
			return nil, err
		}
		return nil, e.seeVersion(ctx, seen)
	})
}

// catalogView is what a node knows of its own lease.
type catalogView struct {
	// asked is when the lease was asked for, nil for none.
	asked atomic.Pointer[time.Time]

	mu sync.Mutex
	// renewal is the one under way, nil for none.
	renewal *renewal
}

// renewal is an attempt to get a lease that several statements may wait for.
type renewal struct {
	done chan struct{}
	err  error
}

// CatchUpCatalog implements Backend.
func (e *Engine) CatchUpCatalog(ctx context.Context) error {
	if e.alone() {
		return nil
	}
	for {
		age := catalogLease
		if asked := e.view.asked.Load(); asked != nil {
			age = e.now().Sub(*asked)
		}
		if age >= 0 && age < catalogRenewal {
			return nil
		}
		// A renewal that is under way will do, though it may have been asked for before
		// the statement began: no version is acknowledged beside the lease that it gives.
		r := e.renew()
		if age >= 0 && age < catalogLease {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-e.stopped:
			return ErrStopped
		case <-r.done:
		}
		if r.err != nil {
			return r.err
		}
	}
}

// renew asks for a lease, unless that is under way.
func (e *Engine) renew() *renewal {
	e.view.mu.Lock()
	defer e.view.mu.Unlock()
	if e.view.renewal != nil {
		return e.view.renewal
	}
	r := &renewal{done: make(chan struct{})}
	e.view.renewal = r
	go func() {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		go func() {
			select {
			case <-e.stopped:
				cancel()
			case <-ctx.Done():
			}
		}()
		asked := e.now()
		if r.err = e.askLease(ctx); r.err == nil {
			e.view.asked.Store(&asked)
		}
		e.view.mu.Lock()
		e.view.renewal = nil
		e.view.mu.Unlock()
		close(r.done)
	}()
	return r
}

// askLease asks for a lease, and waits until the node sees the version that comes with
// it.
func (e *Engine) askLease(ctx context.Context) error {
	answer, err := e.askCatalogLeader(ctx, leaseMethod, nil)
	if err != nil {
		return err
	}
	granted, err := decodeSeenVersion(answer)
	if err != nil {
		return err
	}
	return e.seeVersion(ctx, granted)
}

// reign is what the catalog's leader knows of its term.
type reign struct {
	mu    sync.Mutex
	term  uint64
	began time.Time
	// initial is the version that the leader began with, and spread the newest one that
	// it has spread, spreadIndex an index behind that; settled says that initial is in use.
	initial, spread uint64
	spreadIndex     uint64
	settled         bool
	leases          map[uint64]grantedLease
}

// grantedLease is the lease of a node: of the newest version with which it was granted,
// until when, and until when one with an earlier version may last.
type grantedLease struct {
	version         uint64
	until, outdated time.Time
}

// enterReign confirms that this node leads the catalog's group, and returns the term, and
// an index of the log at or behind all that was acknowledged before.
func (e *Engine) enterReign(ctx context.Context) (term, index uint64, err error) {
	term = e.storage.CatalogTerm()
	if index, err = e.storage.CatalogReadIndex(ctx); err != nil {
		return 0, 0, err
	}
	if err := e.storage.WaitCatalog(ctx, index); err != nil {
		return 0, 0, err
	}
	version := e.newestCatalog().Version()
	if e.storage.CatalogTerm() != term {
		return 0, 0, fmt.Errorf("%w of the catalog", ErrNotLeader)
	}
	r := &e.reign
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.term > term:
		return 0, 0, fmt.Errorf("%w of the catalog", ErrNotLeader)
	case r.term < term:
		r.term, r.began, r.initial, r.spread, r.spreadIndex, r.settled = term, e.now(), version, 0, 0, false
		r.leases = map[uint64]grantedLease{}
	}
	return term, index, nil
}

// grantCatalog gives a node a lease and returns the version that it must see.
func (e *Engine) grantCatalog(ctx context.Context, node uint64) (seenVersion, error) {
	term, index, err := e.enterReign(ctx)
	if err != nil {
		return seenVersion{}, err
	}
	r := &e.reign
	r.mu.Lock()
	initial, settled := r.initial, r.settled
	r.mu.Unlock()
	if !settled {
		if err := e.waitInUse(ctx, initial); err != nil {
			return seenVersion{}, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.term != term {
		return seenVersion{}, fmt.Errorf("%w of the catalog", ErrNotLeader)
	}
	r.settled = true
	version := max(r.initial, r.spread)
	lease := r.leases[node]
	if lease.until.IsZero() {
		lease.until = r.began.Add(catalogLease + leaseMargin) // of a predecessor
	}
	if lease.version < version {
		lease.version, lease.outdated = version, lease.until
	}
	// It counts from when it was asked for, so this is late enough.
	lease.until = e.now().Add(catalogLease + leaseMargin)
	r.leases[node] = lease
	// A version that is spread meanwhile may be behind the index.
	return seenVersion{version, max(index, r.spreadIndex)}, nil
}

// spreadCatalog has every node see a version that is in use.
func (e *Engine) spreadCatalog(ctx context.Context, version uint64) error {
	if e.alone() {
		return nil
	}
	_, err := e.askCatalogLeader(ctx, spreadMethod, binary.AppendUvarint(nil, version))
	return err
}

// spreadToAll is spreadCatalog on the node that leads the catalog's group.
func (e *Engine) spreadToAll(ctx context.Context, version uint64) error {
	term, index, err := e.enterReign(ctx)
	if err != nil {
		return err
	}
	r := &e.reign
	r.mu.Lock()
	r.spread, r.spreadIndex = max(r.spread, version), max(r.spreadIndex, index)
	r.mu.Unlock()
	seen := seenVersion{version, index}
	members := e.storage.Peers().Members()
	errs := make([]error, len(members))
	each(len(members), func(i int) { errs[i] = e.spreadTo(ctx, members[i], seen) })
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	confirmed, _, err := e.enterReign(ctx)
	if err == nil && confirmed != term {
		err = fmt.Errorf("%w of the catalog", ErrNotLeader)
	}
	return err
}

// spreadTo has one node see a version, or waits until it has no lease that it may have
// been granted before.
func (e *Engine) spreadTo(ctx context.Context, node uint64, what seenVersion) error {
	if node == e.storage.Peers().Self() {
		return e.seeVersion(ctx, what)
	}
	request := what.append(nil)
	left := e.leaseLeft(node, what.version)
	if left <= 0 {
		e.storage.Peers().Send(node, seenMethod, request)
		return nil
	}
	asking, cancel := context.WithCancel(ctx)
	defer cancel()
	seen := make(chan struct{})
	go func() {
		for {
			if _, err := e.askNode(asking, node, seenMethod, request); err == nil {
				close(seen)
				return
			}
			select {
			case <-asking.Done():
				return
			case <-e.after(leaderPause):
			}
		}
	}()
	for left > 0 {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-e.stopped:
			return ErrStopped
		case <-seen:
			return nil
		case <-e.after(left):
		}
		left = e.leaseLeft(node, what.version)
	}
	return nil
}

// leaseLeft is for how long a node may have a lease that does not ask it to see a version.
func (e *Engine) leaseLeft(node, version uint64) time.Duration {
	r := &e.reign
	r.mu.Lock()
	defer r.mu.Unlock()
	lease, known := r.leases[node]
	until := lease.until
	switch {
	case !known:
		until = r.began.Add(catalogLease + leaseMargin)
	case lease.version >= version:
		until = lease.outdated
	}
	return until.Sub(e.now())
}
