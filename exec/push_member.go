package exec

import (
	"errors"
	"slices"
	"sync"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// pushMember is a client's place at a host: what it has not taken yet.
//
// Invariants:
//   - What waits is a part of what the host gives, without gaps from at on. Of a result
//     that changes, complete units may have become one, which is what they amount to:
//     the last value and every delete are in it.
//   - Where more waits than is kept in memory, all of it is let go, and with it what
//     follows: the client reads it from the log, where that does not need what the query
//     has kept, or its query ends with an error that says behind which rows.
type pushMember struct {
	host     *pushHost
	identity *pushIdentity
	// limit bounds the bytes that wait.
	limit int64
	// wake is raised when there is something to take.
	wake *wakeup

	mu sync.Mutex
	// queue are the units that the client has not taken, held are their bytes, and
	// settled is what those had when units were last made one.
	queue         []*pushUnit
	held, settled int64
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

// manyUnits is how many units wait for a client before they are made one.
const manyUnits = 8

// offer adds rows of a unit that begins behind another's end.
func (m *pushMember) offer(unit *pushUnit, before *unitEnd) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended != nil || m.behind {
		return
	}
	if len(m.queue) == 0 && !m.inside {
		m.at = before
	}
	unit.hold()
	m.queue, m.held = append(m.queue, unit), m.held+unit.bytes
	budget := &m.host.engine.pushes.budget
	if budget.exceeds(m.held, m.limit/2) && m.held > 2*m.settled {
		m.coalesce()
		m.settled = m.held
	}
	// A unit that all members share is there in any case.
	if budget.exceeds(m.held, m.limit) && (len(m.queue) > 1 || m.queue[0].own) {
		m.overflow()
	}
	m.wake.raise()
}

// coalesce makes the complete units that wait one, where the result allows it.
func (m *pushMember) coalesce() {
	first, last := 0, len(m.queue)
	if m.inside {
		first = 1 + slices.IndexFunc(m.queue, func(u *pushUnit) bool { return u.end != nil })
		if first == 0 {
			return
		}
	}
	for last > first && m.queue[last-1].end == nil {
		last--
	}
	if last-first < 2 || !m.identity.coalesces() {
		return
	}
	before := m.at
	if first > 0 {
		before = m.queue[first-1].end
	}
	one := m.identity.coalesce(before, m.queue[first:last])
	one.hold()
	m.held += one.bytes
	for _, u := range m.queue[first:last] {
		m.drop(u)
	}
	m.queue = slices.Replace(m.queue, first, last, one)
	m.host.engine.pushes.metrics.coalesced.Add(float64(last - first))
}

// drop gives a unit back.
func (m *pushMember) drop(u *pushUnit) {
	m.held -= u.bytes
	u.release()
}

// clear lets go of all that waits.
func (m *pushMember) clear() {
	for _, u := range m.queue {
		m.drop(u)
	}
	m.queue, m.settled = nil, 0
}

// overflow lets go of what waits: the client reads it from the log later, or its query
// ends.
func (m *pushMember) overflow() {
	m.clear()
	if m.identity.direct {
		m.behind = true
		m.host.engine.pushes.metrics.late.Inc()
		return
	}
	m.host.engine.pushes.metrics.ended.Inc()
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
	if len(m.queue) >= manyUnits {
		m.coalesce()
	}
	for len(m.queue) > 0 {
		unit := m.queue[0]
		m.queue[0] = nil
		m.queue = m.queue[1:]
		m.drop(unit)
		if m.inside = unit.end == nil; !m.inside {
			m.at = unit.end
		}
		if unit.rows != nil {
			return unit.rows, nil
		}
	}
	m.queue, m.settled = nil, 0
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
	last := h.engine.pushes.leave(h, m)
	m.mu.Lock()
	m.clear()
	m.mu.Unlock()
	h.engine.pushes.budget.holders.Add(-1)
	h.engine.pushes.metrics.members.Dec()
	if !last {
		return
	}
	h.cancel()
	<-h.done
	h.query.close()
}
