package cluster

import (
	"fmt"

	"github.com/hashicorp/raft"
)

// transports hands out the transport of each group. A node alone in its cluster
// talks to nobody: its groups get transports within the process.
type transports struct {
	node   uint64
	groups map[uint64]raft.Transport
}

// newTransports returns the transports of a node.
func newTransports(node uint64) *transports {
	return &transports{node: node, groups: make(map[uint64]raft.Transport)}
}

// get returns a group's transport, the same one each time. Raft closes it.
func (t *transports) get(group uint64) raft.Transport {
	if transport := t.groups[group]; transport != nil {
		return transport
	}
	_, transport := raft.NewInmemTransport(raft.ServerAddress(fmt.Sprintf("node-%d", t.node)))
	t.groups[group] = transport
	return transport
}
