package harness

import (
	"net"
	"sync"
	"testing"
	"time"
)

// Network is the network between the nodes of a cluster, as a set of proxies, one before
// each node, that can be cut: bytes of one node for another are then held back, as by a
// network that loses packets, and pass once it is mended. Its methods are safe for
// concurrent use.
type Network struct {
	// owner tells which node has made a connection, by the connection's own address.
	owner func(address net.Addr) int

	mu sync.Mutex
	// cut has the pairs of sender and receiver whose bytes are held back.
	cut     map[[2]int]bool
	delay   time.Duration
	closed  bool
	changed chan struct{}
}

// newNetwork returns a network without proxies.
func newNetwork(tb testing.TB, owner func(address net.Addr) int) *Network {
	n := &Network{owner: owner, cut: map[[2]int]bool{}, changed: make(chan struct{})}
	tb.Cleanup(func() { n.change(func() { n.closed = true }) })
	return n
}

// Cut holds back what one node sends to another; what comes the other way passes.
func (n *Network) Cut(from, to int) { n.change(func() { n.cut[[2]int{from, to}] = true }) }

// Split cuts, both ways, each node of one list from each node of the other.
func (n *Network) Split(some, others []int) {
	n.change(func() {
		for _, a := range some {
			for _, b := range others {
				n.cut[[2]int{a, b}], n.cut[[2]int{b, a}] = true, true
			}
		}
	})
}

// Delay holds back each piece of data by a time.
func (n *Network) Delay(delay time.Duration) { n.change(func() { n.delay = delay }) }

// Mend ends all cuts and delays.
func (n *Network) Mend() {
	n.change(func() {
		clear(n.cut)
		n.delay = 0
	})
}

func (n *Network) change(change func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change()
	close(n.changed)
	n.changed = make(chan struct{})
}

// wait returns when bytes from one node may pass to another; false at the end of the test.
func (n *Network) wait(from, to int) bool {
	n.mu.Lock()
	delay := n.delay
	n.mu.Unlock()
	var delayed <-chan time.Time
	if delay > 0 {
		delayed = time.After(delay)
	}
	for {
		n.mu.Lock()
		held, closed, changed := n.cut[[2]int{from, to}], n.closed, n.changed
		n.mu.Unlock()
		switch {
		case closed:
			return false
		case !held && delayed == nil:
			return true
		}
		select {
		case <-delayed:
			delayed = nil
		case <-changed:
		}
	}
}

// proxy passes connections on to a node.
type proxy struct {
	network  *Network
	listener net.Listener
	node     int
	target   string
	running  sync.WaitGroup

	mu          sync.Mutex
	connections map[net.Conn]bool
	closed      bool
}

// startProxy starts a proxy before a node, which listens at target. It ends with the test.
func (n *Network) startProxy(tb testing.TB, node int, target string) *proxy {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &proxy{network: n, listener: listener, node: node, target: target, connections: map[net.Conn]bool{}}
	p.running.Go(p.accept)
	tb.Cleanup(p.close)
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) close() {
	_ = p.listener.Close() // nothing else ends it
	p.network.change(func() { p.network.closed = true })
	p.mu.Lock()
	p.closed = true
	for connection := range p.connections {
		_ = connection.Close() // the other side may have closed it
	}
	p.mu.Unlock()
	p.running.Wait()
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.pass(client) })
	}
}

// pass joins a connection with a new one to the node, and ends with either.
func (p *proxy) pass(client net.Conn) {
	defer p.forget(client)
	if !p.remember(client) {
		return
	}
	from := p.network.owner(client.RemoteAddr())
	node, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer p.forget(node)
	if !p.remember(node) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { p.copy(node, client, from, p.node) })
	both.Go(func() { p.copy(client, node, p.node, from) })
	both.Wait()
}

func (p *proxy) remember(connection net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.connections[connection] = true
	return !p.closed
}

func (p *proxy) forget(connection net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.connections, connection)
	_ = connection.Close() // it may have been closed before
}

// copy passes bytes of one node on to another until a connection ends. The end of one is
// news as well, which a cut holds back.
func (p *proxy) copy(to, from net.Conn, sender, receiver int) {
	defer func() { _, _ = to.Close(), from.Close() }() // the other direction ends with this one
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if !p.network.wait(sender, receiver) {
			return
		}
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
