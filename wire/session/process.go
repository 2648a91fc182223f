package session

import "slices"

// Process IDs are unique in the cluster: the node's number is in their high bits, so
// that every node knows whom to ask about a session. They are positive, as clients
// expect.
const (
	processBits = 21
	nodeBits    = 31 - processBits
)

// ProcessIDs are the first and the last process ID of a node's sessions; those of node 0
// are for a server that is no member of a cluster.
func ProcessIDs(node uint64) (first, last uint32) {
	base := uint32(node%(1<<nodeBits)) << processBits
	return base + 1, base + 1<<processBits - 1
}

// NodesOf returns the nodes of the cluster that may have a process: one, unless numbers
// of nodes are a thousand apart.
func NodesOf(process uint32, members []uint64) []uint64 {
	return slices.DeleteFunc(slices.Clone(members), func(node uint64) bool {
		first, last := ProcessIDs(node)
		return process < first || process > last
	})
}
