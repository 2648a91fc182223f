// Package memnet is a network in memory, for tests of what runs on several nodes: it
// delays, holds back and breaks connections as it is told. It uses nothing but the clock
// of package time, so that it runs in the virtual time of testing/synctest.
//
// It behaves as TCP does. Bytes arrive in order and each once. What is sent into a
// direction that is cut waits, as if it were sent again until it gets through; it arrives
// when the cut is healed, unless the connection has been closed. A connection has room
// for a certain number of bytes on their way, then writers wait.
package memnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// Network connects hosts by name. Its methods are safe for concurrent use.
type Network struct {
	mu        sync.Mutex
	listeners map[string]*listener
	paths     map[path]*pathState
	// conns are the open connections' ends, in the order in which they were made, so that
	// faults reach them in the same order each time.
	conns    []*conn
	nextPort int
}

// path is one direction between two hosts.
type path struct{ from, to string }

type pathState struct {
	cut   bool
	delay time.Duration
}

// New returns a network without hosts or faults.
func New() *Network {
	return &Network{listeners: map[string]*listener{}, paths: map[path]*pathState{}, nextPort: 40000}
}

// Host is the network as a host sees it: what it listens on and dials from. It
// implements transport.Network.
type Host struct {
	network *Network
	name    string
}

// Host returns the host of a name, which is the part of its addresses before the colon.
func (n *Network) Host(name string) *Host { return &Host{network: n, name: name} }

// Cut holds back what goes from one host to another, in this direction only.
func (n *Network) Cut(from, to string) { n.change(from, to, func(s *pathState) { s.cut = true }) }

// Heal lets through again what goes from one host to another.
func (n *Network) Heal(from, to string) { n.change(from, to, func(s *pathState) { s.cut = false }) }

// Delay has what one host sends to another arrive so much later.
func (n *Network) Delay(from, to string, delay time.Duration) {
	n.change(from, to, func(s *pathState) { s.delay = delay })
}

// Partition cuts both directions between each host of one group and each of the others.
func (n *Network) Partition(groups ...[]string) {
	for i, group := range groups {
		for j, others := range groups {
			if i != j {
				n.cutAll(group, others)
			}
		}
	}
}

func (n *Network) cutAll(from, to []string) {
	for _, a := range from {
		for _, b := range to {
			n.Cut(a, b)
		}
	}
}

// HealAll takes all cuts and delays away.
func (n *Network) HealAll() {
	n.mu.Lock()
	n.paths = map[path]*pathState{}
	conns := n.all()
	n.mu.Unlock()
	for _, c := range conns {
		c.in.wake()
	}
}

// Break ends all connections between two hosts, as a reset does: both sides get an error.
func (n *Network) Break(a, b string) {
	n.mu.Lock()
	conns := n.all()
	n.mu.Unlock()
	for _, c := range conns {
		if c.local.host == a && c.remote.host == b || c.local.host == b && c.remote.host == a {
			c.reset()
		}
	}
}

// Crash ends all connections of a host and its listeners, as the end of its process does.
func (n *Network) Crash(host string) {
	n.mu.Lock()
	conns := n.all()
	for address, l := range n.listeners {
		if l.address.host == host {
			delete(n.listeners, address)
			l.end()
		}
	}
	n.mu.Unlock()
	for _, c := range conns {
		if c.local.host == host || c.remote.host == host {
			c.reset()
		}
	}
}

// all are the open connections' ends. The caller holds the lock.
func (n *Network) all() []*conn { return slices.Clone(n.conns) }

func (n *Network) change(from, to string, change func(*pathState)) {
	n.mu.Lock()
	p := path{from, to}
	if n.paths[p] == nil {
		n.paths[p] = &pathState{}
	}
	change(n.paths[p])
	conns := n.all()
	n.mu.Unlock()
	for _, c := range conns {
		if c.remote.host == from && c.local.host == to {
			c.in.wake()
		}
	}
}

// state is how a direction is now.
func (n *Network) state(p path) pathState {
	n.mu.Lock()
	defer n.mu.Unlock()
	if s := n.paths[p]; s != nil {
		return *s
	}
	return pathState{}
}

// address implements net.Addr.
type address struct{ host, port string }

// Network implements net.Addr.
func (a address) Network() string { return "memory" }

// String implements net.Addr.
func (a address) String() string { return net.JoinHostPort(a.host, a.port) }

// listener implements net.Listener.
type listener struct {
	network  *Network
	address  address
	accepted chan net.Conn
	closed   chan struct{}
	once     sync.Once
}

// backlog is how many connections wait to be accepted.
const backlog = 128

// Listen implements transport.Network. The address's host must be this one's name or
// empty; port 0 takes a free one.
func (h *Host) Listen(text string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return nil, err
	}
	if host != "" && host != h.name {
		return nil, fmt.Errorf("memnet: host %s cannot listen on %s", h.name, text)
	}
	n := h.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if port == "0" {
		port = n.freePort()
	}
	l := &listener{network: n, address: address{h.name, port}, accepted: make(chan net.Conn, backlog), closed: make(chan struct{})}
	if n.listeners[l.address.String()] != nil {
		return nil, fmt.Errorf("memnet: %s: address already in use", l.address)
	}
	n.listeners[l.address.String()] = l
	return l, nil
}

// freePort is a port that nothing has. The caller holds the lock.
func (n *Network) freePort() string {
	n.nextPort++
	return fmt.Sprint(n.nextPort)
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.accepted:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *listener) Close() error {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	if l.network.listeners[l.address.String()] == l {
		delete(l.network.listeners, l.address.String())
	}
	l.end()
	return nil
}

func (l *listener) end() { l.once.Do(func() { close(l.closed) }) }

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return l.address }

// errConnRefused is what a dialer gets where nobody listens.
var errConnRefused = errors.New("memnet: connection refused")

// firstRetransmit and lastRetransmit are how long it takes a dialer to try again.
const firstRetransmit, lastRetransmit = 50 * time.Millisecond, 500 * time.Millisecond

// Dial implements transport.Network. While a direction is cut it tries again.
func (h *Host) Dial(ctx context.Context, to string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(to)
	if err != nil {
		return nil, err
	}
	n := h.network
	for pause := firstRetransmit; ; pause = min(2*pause, lastRetransmit) {
		there, back := n.state(path{h.name, host}), n.state(path{host, h.name})
		wait := there.delay + back.delay
		if there.cut || back.cut {
			wait = pause
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, fmt.Errorf("memnet: dial %s: %w", to, err)
		}
		if !there.cut && !back.cut {
			return h.connect(to)
		}
	}
}

// sleep waits, unless ctx ends.
func sleep(ctx context.Context, wait time.Duration) error {
	if wait <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// connect makes the two ends of a connection.
func (h *Host) connect(to string) (net.Conn, error) {
	n := h.network
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.listeners[to]
	if l == nil {
		return nil, fmt.Errorf("memnet: dial %s: %w", to, errConnRefused)
	}
	local := address{h.name, n.freePort()}
	there, back := newFlow(n, path{local.host, l.address.host}), newFlow(n, path{l.address.host, local.host})
	ours := &conn{network: n, local: local, remote: l.address, in: back, out: there}
	theirs := &conn{network: n, local: l.address, remote: local, in: there, out: back}
	select {
	case l.accepted <- theirs:
	default:
		return nil, fmt.Errorf("memnet: dial %s: %w", to, errConnRefused)
	}
	n.conns = append(n.conns, ours, theirs)
	return ours, nil
}
