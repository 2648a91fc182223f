package transport

import (
	"fmt"
	"net"
	"sync/atomic"
	"time"
)

// presence is the process that connects with a node's number. There must be only one: two,
// such as of a copied data folder, would vote twice. So while one is heard of, no other is
// let in with its number.
type presence struct {
	process uint64
	remote  net.Addr
	// connections is the number of its connections, guarded by inbound.mu.
	connections int
	// heard is when something was last received from it, in nanoseconds.
	heard atomic.Int64
}

// presenceTime is how long after it was last heard of a process keeps others out. One
// that runs is heard of more often, by its pings; the connections of one that has ended
// do, and those of one that has ended without a word keep its successor waiting for this
// long.
const presenceTime = (idleTicks + 2) * tick

// arrive notes a connection of a process. The reason is why it is refused, "" when it is
// not: then depart is to follow.
func (in *inbound) arrive(node, process uint64, remote net.Addr) (p *presence, reason string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	p = in.presence[node]
	now := time.Now()
	if p != nil && p.process != process && p.connections > 0 && now.Sub(time.Unix(0, p.heard.Load())) < presenceTime {
		return nil, fmt.Sprintf("another process is connected as node %d, from %s: no two may run with the same data", node, p.remote)
	}
	if p == nil || p.process != process {
		p = &presence{process: process, remote: remote}
		p.heard.Store(now.UnixNano())
		in.presence[node] = p
	}
	p.connections++
	return p, ""
}

// depart notes the end of a connection of a process; nil for a connection by address.
func (in *inbound) depart(p *presence) {
	if p == nil {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	p.connections--
}
