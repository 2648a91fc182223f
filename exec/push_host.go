package exec

import (
	"context"
	"slices"
	"sync"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// pushHost works on a push query for all clients that ask the same, its members, and
// gives each unit's rows to all of them.
//
// Invariants:
//   - What a host gives from a position in its sources on depends on the sources alone,
//     and on what the query has kept of them up to there: equal queries that began at
//     the same place and are at the same position give the same rows from there on.
//   - A client becomes a member at a position at which both the host and the client's
//     own query are: it has been given all up to there, and nothing behind it. Members
//     do not wait for each other, and a host never waits for a member.
//   - Rows are shared: nobody changes them.
//   - A host is in the registry while clients may come to it. It ends with its last
//     member, or with an error that is every member's.
//
// Locks are taken in this order: the registry's, a host's, a member's.
type pushHost struct {
	engine   *Engine
	identity *pushIdentity
	cancel   context.CancelFunc
	done     chan struct{}

	mu      sync.Mutex
	query   *pushQuery
	members map[*pushMember]struct{}
	// latest is the end of the last unit. Members that have taken everything are there.
	latest *unitEnd
	// partial says that a part of a unit has been given.
	partial bool
	// ended says that nobody can become a member any more.
	ended bool
	// visitors wake the queries of clients that could not become members yet,
	// behind the next step.
	visitors []*wakeup
}

// newPushHost makes a host of a query that is at the end of a unit, and its first
// member.
func newPushHost(identity *pushIdentity, query *pushQuery) (*pushHost, *pushMember) {
	h := &pushHost{engine: query.engine, identity: identity, query: query, members: map[*pushMember]struct{}{}, done: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	h.cancel = cancel
	query.turn.eval.Done, query.turn.results.Done = ctx.Done(), ctx.Done()
	query.out.keep = identity.coalesces()
	for _, source := range query.sources {
		source.subscription.raise(defaultPushBuffer) // the first client's bound is not that of all
	}
	first := h.admit(identity, query.buffer)
	go func() {
		defer close(h.done)
		h.run(ctx)
	}()
	return h, first
}

// admit makes a member at the position of the host, which is the end of a unit.
func (h *pushHost) admit(identity *pushIdentity, buffer int64) *pushMember {
	h.noteEnd()
	m := &pushMember{host: h, identity: identity, limit: buffer, wake: newWakeup(), at: h.latest}
	h.members[m] = struct{}{}
	h.engine.pushes.budget.holders.Add(1)
	h.engine.pushes.metrics.members.Inc()
	return m
}

// noteEnd notes that a unit ends where the query is.
func (h *pushHost) noteEnd() {
	end := &unitEnd{sources: make([]markedSource, len(h.query.sources))}
	if h.latest != nil {
		end.number = h.latest.number + 1
	}
	for i, source := range h.query.sources {
		end.sources[i] = markedSource{first: h.query.marks.mark.sources[i].first, after: slices.Clone(source.position(false))}
	}
	h.latest = end
}

// run works until ctx ends or the query fails.
func (h *pushHost) run(ctx context.Context) {
	for {
		signals := h.query.wake.begin()
		h.mu.Lock()
		rows, worked, err := h.query.next(ctx)
		if err == nil {
			h.give(rows)
		}
		h.wakeVisitors()
		h.mu.Unlock()
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			h.fail(err)
			return
		}
		if worked {
			continue
		}
		h.query.wake.end(signals)
		select {
		case <-ctx.Done():
			return
		case <-h.engine.stopped:
			return // the clients notice, too
		case <-h.query.wake.channel:
		}
	}
}

// catchUp works off what there is now, for a member that does not wait.
func (h *pushHost) catchUp(ctx context.Context) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		rows, worked, err := h.query.next(ctx)
		if err != nil {
			h.query.wake.raise() // the host itself tells the members
			return
		}
		h.give(rows)
		if !worked {
			return
		}
	}
}

func (h *pushHost) wakeVisitors() {
	for _, visitor := range h.visitors {
		visitor.raise()
	}
	h.visitors = nil
}

// give hands rows of a step, nil for none, to the members.
func (h *pushHost) give(rows *types.Batch) {
	complete, before, changes := h.query.marks.complete, h.latest, h.query.out.takeChanges()
	if complete {
		h.noteEnd()
	}
	if rows == nil && !(complete && h.partial) {
		return
	}
	var end *unitEnd
	if h.partial = !complete; complete {
		end = h.latest
	}
	unit := newPushUnit(&h.engine.pushes.budget, rows, changes, end)
	unit.hold()
	for m := range h.members {
		m.offer(unit, before)
	}
	unit.release()
}

// fail ends the host: with the error or, where the rows are too many for the memory of
// the host, by leaving each client to itself.
func (h *pushHost) fail(err error) {
	h.engine.pushes.mu.Lock()
	defer h.engine.pushes.mu.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.engine.pushes.removeLocked(h)
	h.wakeVisitors()
	for m := range h.members {
		m.end(err)
	}
}

// tooSlow is the error of a client that does not take the rows of a query fast enough;
// mark, where not nil, is that of the last ones that it was given.
func tooSlow(mark *rowmark) error {
	err := sqlerr.New(sqlerr.ConfigurationLimitExceeded, -1, "the client is too slow for the changes of the result")
	if mark == nil {
		return err.WithHint("Run the query again: it begins with the current result.")
	}
	return withResume(err, mark.text())
}
