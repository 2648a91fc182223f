package exec

import (
	"context"
	"errors"
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

// unitEnd is a position at which all that the sources give before it has been given.
type unitEnd struct {
	// number counts up.
	number  uint64
	sources []markedSource
}

// unitRows are rows of a unit, and where it ends: nil where more of it follow.
type unitRows struct {
	rows *types.Batch
	end  *unitEnd
}

// newPushHost makes a host of a query that is at the end of a unit, and its first
// member.
func newPushHost(identity *pushIdentity, query *pushQuery) (*pushHost, *pushMember) {
	h := &pushHost{engine: query.engine, identity: identity, query: query, members: map[*pushMember]struct{}{}, done: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	h.cancel = cancel
	query.turn.eval.Done, query.turn.results.Done = ctx.Done(), ctx.Done()
	first := h.admit(identity)
	go func() {
		defer close(h.done)
		h.run(ctx)
	}()
	return h, first
}

// admit makes a member at the position of the host, which is the end of a unit.
func (h *pushHost) admit(identity *pushIdentity) *pushMember {
	h.noteEnd()
	m := &pushMember{host: h, identity: identity, wake: newWakeup(), at: h.latest}
	h.members[m] = struct{}{}
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
	complete, before := h.query.marks.complete, h.latest
	if complete {
		h.noteEnd()
	}
	if rows == nil && !(complete && h.partial) {
		return
	}
	unit := unitRows{rows: rows}
	if h.partial = !complete; complete {
		unit.end = h.latest
	}
	for m := range h.members {
		m.offer(unit, before)
	}
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

// pushMember is a client's place at a host.
type pushMember struct {
	host     *pushHost
	identity *pushIdentity
	// wake is raised when there is something to take.
	wake *wakeup

	mu sync.Mutex
	// queue are the rows that the client has not taken, waiting counts them.
	queue   []unitRows
	waiting int
	// at is the end of a unit up to which the client has taken everything; inside says
	// that it has taken rows of the next one, too.
	at     *unitEnd
	inside bool
	// behind says that rows have been left out, from the queue's end on.
	behind bool
	ended  error
}

// errMemberBehind says that the rows which follow are not kept in memory.
var errMemberBehind = errors.New("exec: the client is behind what is kept in memory for it")

// pushMemberRows bounds the rows that wait for one client.
const pushMemberRows = 1 << 16

// offer adds rows of a unit that begins behind another's end.
func (m *pushMember) offer(unit unitRows, before *unitEnd) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended != nil || m.behind {
		return
	}
	if len(m.queue) == 0 && !m.inside {
		m.at = before
	}
	if unit.rows != nil {
		m.waiting += unit.rows.Len
	}
	m.queue = append(m.queue, unit)
	if m.waiting > m.host.engine.pushMemberRows && len(m.queue) > 1 {
		m.overflow()
	}
	m.wake.raise()
}

// overflow lets go of the rows that wait: the client reads them from the log later,
// where that can be done, or else its query ends.
func (m *pushMember) overflow() {
	m.queue, m.waiting = nil, 0
	if m.identity.direct {
		m.behind = true
		return
	}
	var mark *rowmark
	if !m.inside {
		mark = m.identity.mark(m.at)
	}
	m.ended = tooSlow(mark)
}

// end has the client told why there are no more rows.
func (m *pushMember) end(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.ended != nil || m.behind:
	case sqlerr.CodeOf(err) == sqlerr.ConfigurationLimitExceeded && m.identity.direct:
		m.behind = true
	default:
		m.ended = err
	}
	m.wake.raise()
}

// take returns the next rows, nil when there are none now.
func (m *pushMember) take() (*types.Batch, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.queue) > 0 {
		unit := m.queue[0]
		m.queue[0] = unitRows{}
		m.queue = m.queue[1:]
		if m.inside = unit.end == nil; !m.inside {
			m.at = unit.end
		}
		if unit.rows != nil {
			m.waiting -= unit.rows.Len
			return unit.rows, nil
		}
	}
	m.queue = nil
	if m.behind {
		return nil, errMemberBehind
	}
	return nil, m.ended
}

// mark is the rowmark of all that the client has taken, as far as units go.
func (m *pushMember) mark() *rowmark {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.identity.mark(m.at)
}

// leave gives the place up. The last member ends the host, and waits for it.
func (m *pushMember) leave() {
	h := m.host
	if !h.engine.pushes.leave(h, m) {
		return
	}
	h.cancel()
	<-h.done
	h.query.close()
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
