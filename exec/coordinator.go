package exec

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"millrace/exec/lock"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// The coordinator is the node that leads the catalog's group. It knows the locks of all
// sessions of the cluster, gives the values of sequences, and finishes indexes.
//
// Its time is a reign, which begins with an entry of the catalog's log (catalog.Coordinate)
// and ends when the node leads no more, or another reign has begun. Locks are of a reign
// and end with it.
//
//   - Nobody relies on a lock of an earlier reign when a new one gives the first. What a
//     transaction does under its locks it does within trusted from when the coordinator
//     had last answered its node (LockOwner.Check), and a definition carries the reign in
//     its command (catalog.Held). A new coordinator gives locks once all other nodes know
//     of it, or when grace has passed; grace is longer than trusted and leaseFor.
//   - Fast writers need no locks to be right, so leases for them are given at once.
//   - A node that has not been heard of for lapse is given up with its locks and leases,
//     which it has stopped relying on by itself by then. It comes back as a new tenant.
//   - A coordinator may not know yet that its reign is over, such as when its process stood
//     still. So what it tells of locks, and values of sequences, are of a reign that a
//     quorum has confirmed within trusted, which is less than it takes to elect another.
const (
	trusted   = 500 * time.Millisecond
	leaseFor  = time.Second
	grace     = 1500 * time.Millisecond
	lapse     = 4 * time.Second
	pingEvery = 300 * time.Millisecond
)

// coordinator is what a node needs to coordinate.
type coordinator struct {
	engine *Engine
	// reign is this node's, nil while another coordinates; past is the newest that it
	// has had.
	reign, past atomic.Pointer[lockReign]
}

// lockReign is a time in which this node coordinates.
type lockReign struct {
	engine  *Engine
	number  uint64
	manager *lock.Manager
	// granting is closed when locks of earlier reigns count no more.
	granting chan struct{}
	// life ends with the reign.
	life context.Context
	end  context.CancelFunc
	work sync.WaitGroup
	// confirmed is when this node was last known to lead.
	confirmed atomic.Pointer[time.Time]

	mu sync.Mutex
	// tenants are the nodes whose sessions lock, by node.
	tenants map[uint64]*tenant
	last    uint64 // the number of the newest tenure
	over    bool   // no more work begins
}

// run coordinates whenever this node leads the catalog's group, until ctx ends.
func (c *coordinator) run(ctx context.Context) {
	e := c.engine
	for ctx.Err() == nil {
		leader, changed := e.storage.CatalogLeader()
		if leader == e.storage.Peers().Self() {
			err := c.rule(ctx)
			if err == nil {
				continue
			}
			e.logger.Debug("the node leads the catalog and cannot coordinate yet", "error", err)
		}
		retry := e.after(restartDelay)
		if leader != e.storage.Peers().Self() {
			retry = nil
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-retry:
		}
	}
}

// rule begins a reign and returns when it is over, or the error of its beginning.
func (c *coordinator) rule(ctx context.Context) error {
	e := c.engine
	began := e.now()
	result, err := e.proposeOwn(ctx, &catalog.Coordinate{Node: e.storage.Peers().Self()})
	if err != nil {
		return err
	}
	r := &lockReign{
		engine: e, number: uint64(result.Count), manager: lock.NewManager(e.now, e.after),
		granting: make(chan struct{}), tenants: map[uint64]*tenant{},
	}
	r.life, r.end = context.WithCancel(ctx)
	r.manager.SetRecall(r.recall)
	r.confirmed.Store(&began)
	if len(e.storage.Peers().Members()) == 1 {
		close(r.granting)
	} else {
		r.work.Go(r.announce)
	}
	r.work.Go(r.watch)
	// Leases on the catalog of earlier terms end so long after now, not after the first
	// definition. Who asks for one tries again where this fails.
	r.work.Go(func() { _, _, _ = e.enterReign(r.life) })
	r.work.Go(func() { e.runIndexBuilder(r.life) })
	r.work.Go(func() {
		e.until(r.life, "forget transactions", func() error { return e.forgetCommitted(r.life) })
	})
	c.past.Store(r)
	c.reign.Store(r)
	e.catalogChanges.notify()
	for ctx.Err() == nil {
		leader, changed := e.storage.CatalogLeader()
		news := e.catalogChanges.next()
		if leader != e.storage.Peers().Self() || e.newestCatalog().Reign().Number != r.number {
			break
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-news:
		}
	}
	c.reign.Store(nil)
	r.manager.End()
	r.end()
	r.mu.Lock()
	r.over = true
	r.mu.Unlock()
	r.work.Wait()
	if ctx.Err() == nil {
		e.wait.Go(func() {
			leaving, end := context.WithTimeout(ctx, stateTimeout)
			defer end()
			if err := e.ReturnValues(leaving); err != nil {
				e.logger.Debug("values of sequences that were reserved are not given", "error", err)
			}
		})
	}
	return nil
}

// announce tells the other nodes of the reign, and begins to give locks.
func (r *lockReign) announce() {
	e := r.engine
	ctx, end := context.WithCancel(r.life)
	defer end()
	go func() {
		select {
		case <-e.after(grace):
			end()
		case <-ctx.Done():
		}
	}()
	message := binary.AppendUvarint(nil, r.number)
	var told sync.WaitGroup
	for _, node := range e.storage.Peers().Members() {
		if node == e.storage.Peers().Self() {
			continue
		}
		told.Go(func() {
			for ctx.Err() == nil {
				if _, err := e.askNode(ctx, node, "lock.reign", message); err == nil {
					return
				}
				select {
				case <-ctx.Done():
				case <-e.after(leaderPause):
				}
			}
		})
	}
	told.Wait()
	close(r.granting)
}

// mayGrant waits until the reign gives locks.
func (r *lockReign) mayGrant(ctx context.Context) error {
	select {
	case <-r.granting:
		return r.manager.Err()
	default:
	}
	select {
	case <-r.granting:
		return r.manager.Err()
	case <-r.life.Done():
		return lock.ErrEnded
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// confirm makes sure that no other reign has begun, as of a moment within trusted.
func (r *lockReign) confirm(ctx context.Context) error {
	if err := r.manager.Err(); err != nil {
		return err
	}
	e := r.engine
	now := e.now()
	if age := now.Sub(*r.confirmed.Load()); age >= 0 && age < trusted {
		return nil
	}
	if _, err := e.storage.CatalogReadIndex(ctx); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return lock.ErrEnded
	}
	if e.newestCatalog().Reign().Number != r.number {
		return lock.ErrEnded // another one has coordinated since, and this node is to learn of it
	}
	r.confirmed.Store(&now)
	return r.manager.Err()
}

// ruling returns this node's reign, as of a moment within trusted, or ErrNotLeader.
func (e *Engine) ruling(ctx context.Context) (*lockReign, error) {
	r, err := e.coordinating()
	if err != nil {
		return nil, err
	}
	if err := r.confirm(ctx); err != nil {
		return nil, fmt.Errorf("%w: the node does not coordinate any more: %w", ErrNotLeader, err)
	}
	return r, nil
}

// coordinating returns this node's reign, as far as it knows, or ErrNotLeader.
func (e *Engine) coordinating() (*lockReign, error) {
	if r := e.coordinator.reign.Load(); r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("%w: the node does not coordinate", ErrNotLeader)
}

// Coordinator is the node that coordinates as far as this one knows, 0 for none.
func (e *Engine) Coordinator() uint64 { return e.newestCatalog().Reign().Node }

// awaitReign returns when the catalog of this node has the reign of the present
// coordinator, and with it nothing of what was being built under earlier locks.
func (e *Engine) awaitReign(ctx context.Context) error {
	answer, err := e.askCatalogLeader(ctx, "lock.number", nil)
	for sqlerr.CodeOf(err) == sqlerr.CannotConnectNow && ctx.Err() == nil {
		answer, err = e.askCatalogLeader(ctx, "lock.number", nil)
	}
	if err != nil {
		return err
	}
	number, _ := binary.Uvarint(answer)
	for {
		changed := e.catalogChanges.next()
		if e.newestCatalog().Reign().Number >= number {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-e.stopped:
			return ErrStopped
		case <-changed:
		}
	}
}

// proposeOwn applies a command to the catalog, whose group this node must lead.
func (e *Engine) proposeOwn(ctx context.Context, command catalog.Command) (catalog.Result, error) {
	encoded, err := catalog.EncodeCommand(command)
	if err != nil {
		return catalog.Result{}, err
	}
	p, err := e.proposeHere(ctx, encoded)
	if err != nil {
		return catalog.Result{}, err
	}
	return p.result, p.refused
}
