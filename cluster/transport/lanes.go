package transport

import "sync"

const (
	// maxQueued and maxQueuedBytes bound what waits in a lane.
	maxQueued      = 4096
	maxQueuedBytes = MaxMessage
)

// laneKey names what is handled in order: messages of a method, or Raft's requests of a
// group, of one node.
type laneKey struct {
	from   uint64
	method string
	group  uint64
}

// lanes run functions in order and one at a time per key. A lane has a goroutine while
// there is something in it.
type lanes struct {
	transport *Transport
	mu        sync.Mutex
	lanes     map[laneKey]*lane
}

type lane struct {
	queue []queued
	bytes int
}

type queued struct {
	run  func()
	size int
}

func (l *lanes) init(t *Transport) { l.transport, l.lanes = t, map[laneKey]*lane{} }

// add has a function run behind those of its lane; it reports false when too many wait.
func (l *lanes) add(key laneKey, size int, run func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting := l.lanes[key]
	if waiting == nil {
		waiting = &lane{}
		if !l.transport.run(func() { l.drain(key, waiting) }) {
			return false
		}
		l.lanes[key] = waiting
	}
	if len(waiting.queue) > 0 && (len(waiting.queue) >= maxQueued || waiting.bytes+size > maxQueuedBytes) {
		return false
	}
	waiting.queue = append(waiting.queue, queued{run: run, size: size})
	waiting.bytes += size
	return true
}

// drain runs what is in a lane until it is empty, and takes the lane away.
func (l *lanes) drain(key laneKey, from *lane) {
	for {
		l.mu.Lock()
		if len(from.queue) == 0 {
			delete(l.lanes, key)
			l.mu.Unlock()
			return
		}
		next := from.queue[0]
		from.queue[0] = queued{}
		from.queue = from.queue[1:]
		from.bytes -= next.size
		l.mu.Unlock()
		next.run()
	}
}

// message has a message of a node handled.
func (l *lanes) message(p *peer, method string, body []byte) {
	t := l.transport
	h := t.handlers.get(method)
	if h == nil {
		p.stats.dropped.Add(1)
		return
	}
	taken := l.add(laneKey{from: p.node, method: method}, len(body), func() {
		if t.ctx.Err() == nil {
			_, _ = t.runHandler(t.ctx, h.handle, p.node, method, body) // nobody waits for it
		}
	})
	if !taken {
		p.stats.dropped.Add(1)
	}
}
