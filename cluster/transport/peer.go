package transport

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// dialTimeout bounds making a connection, its handshakes among it.
	dialTimeout = 3 * time.Second
	// firstPause and lastPause are how long no connection is tried after a failed one;
	// the pause doubles in between.
	firstPause, lastPause = 50 * time.Millisecond, time.Second
	// complainEvery is how often the same trouble with a peer is logged.
	complainEvery = time.Minute
)

// errUnknown says that nobody has told where a node is.
var errUnknown = errors.New("its address is not known")

// errRemoved says that a node is no member any more.
var errRemoved = errors.New("it has been removed from the cluster")

// peer is another node.
type peer struct {
	transport *Transport
	node      uint64
	stats     peerStats

	mu sync.Mutex
	// address is where the node is, "" when that is not known.
	address string
	removed bool
	links   [classes]*link
	// retry is when the next connection may be made, after a pause.
	retry [classes]time.Time
	pause [classes]time.Duration
	// trouble is why the last connection could not be made or was lost, complained
	// what of it was logged last, at the time complainedAt.
	trouble      error
	complained   string
	complainedAt time.Time
}

// peerStats count what goes to and comes from a peer.
type peerStats struct {
	sent, received   atomic.Int64
	calls            [classes]atomic.Int64
	handled          atomic.Int64
	messages         atomic.Int64
	dropped          atomic.Int64
	connections      atomic.Int64
	roundTrip, heard atomic.Int64
}

// link returns the connection of a class, or one that is being made; an error while the
// pause after a failure lasts.
func (p *peer) link(class Class) (*link, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.links[class]; l != nil {
		return l, nil
	}
	switch {
	case p.removed:
		return nil, unreachable(p.node, errRemoved)
	case p.address == "":
		return nil, unreachable(p.node, errUnknown)
	case time.Now().Before(p.retry[class]):
		return nil, unreachable(p.node, p.trouble)
	}
	l := newLink(p.transport, p, class)
	address := p.address
	if !p.transport.spawn(func() { l.run(address) }) {
		return nil, unreachable(p.node, ErrClosed)
	}
	p.links[class] = l
	return l, nil
}

// Connected tells whether there is a connection to a node; without one, err is why the last
// one was lost or could not be made, nil when none has been tried.
func (t *Transport) Connected(node uint64) (connected bool, err error) {
	p := t.peer(node)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stats.connections.Load() > 0 {
		return true, nil
	}
	return false, p.trouble
}

// rush sends what is patient on a connection.
func (p *peer) rush(class Class) {
	p.mu.Lock()
	l := p.links[class]
	p.mu.Unlock()
	if l != nil {
		l.out.rush()
	}
}

// connected notes that a link has its connection.
func (p *peer) connected(l *link) {
	p.stats.connections.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pause[l.class] = 0
	if p.complained != "" && l.class == ClassControl {
		p.complained = ""
		p.transport.logger.Info("connected to a node", "node", p.node, "address", p.address)
	}
}

// lost notes that a link has failed.
func (p *peer) lost(l *link, err error) {
	if l.connected.Load() {
		p.stats.connections.Add(-1)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.links[l.class] != l {
		return // the node has moved or has been removed
	}
	p.links[l.class], p.trouble = nil, err
	if l.connected.Load() {
		p.pause[l.class] = firstPause
	} else {
		p.pause[l.class] = min(max(2*p.pause[l.class], firstPause), lastPause)
	}
	p.retry[l.class] = time.Now().Add(p.pause[l.class])
	p.complain(err)
}

// complain logs what is wrong with the peer, once for a while.
func (p *peer) complain(err error) {
	if p.transport.ctx.Err() != nil {
		return
	}
	text := err.Error()
	level := slog.LevelWarn
	if text == p.complained && time.Since(p.complainedAt) < complainEvery {
		level = slog.LevelDebug
	} else {
		p.complained, p.complainedAt = text, time.Now()
	}
	p.transport.logger.Log(p.transport.ctx, level, "no connection to a node", "node", p.node, "address", p.address, "error", err)
}

// errMoved ends the connections to where a node was before.
var errMoved = errors.New("transport: the node has another address")

// move sets where the node is, "" for a node that has been removed.
func (p *peer) move(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	removed := address == ""
	if p.address == address && p.removed == removed {
		return
	}
	why := errMoved
	p.address, p.removed = address, removed
	if p.removed {
		why = errRemoved
	}
	for class, l := range p.links {
		if l != nil {
			l.fail(why)
			p.links[class] = nil
		}
		p.retry[class] = time.Time{}
	}
}

// countedConn counts the bytes of a connection.
type countedConn struct {
	net.Conn
	stats *peerStats
	// reads counts what has arrived, so that silence is noticed.
	reads atomic.Int64
	// presence is that of the node that has made the connection, nil for one of this node.
	presence *presence
}

// Read implements net.Conn.
func (c *countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.reads.Add(1)
	c.stats.received.Add(int64(n))
	now := time.Now().UnixNano()
	c.stats.heard.Store(now)
	if c.presence != nil && err == nil {
		c.presence.heard.Store(now)
	}
	return n, err
}

// Write implements net.Conn.
func (c *countedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.stats.sent.Add(int64(n))
	return n, err
}
