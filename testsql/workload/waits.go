package workload

import "time"

// waits are how long clients have tried until they were acknowledged.
type waits struct {
	// trying are those that try, by name.
	trying map[string]*wait
	// longest is the longest wait that has ended, by the nodes at which the client tried.
	longest map[nodeSet]time.Duration
}

// wait is a client's that tries.
type wait struct {
	began time.Time
	nodes nodeSet
}

// nodeSet has the bit n for node n, modulo its bits.
type nodeSet uint64

func setOf(node int) nodeSet { return 1 << (node % 64) }

func newWaits() waits {
	return waits{trying: map[string]*wait{}, longest: map[nodeSet]time.Duration{}}
}

// begin notes that a client tries from now on, unless it has before.
func (w *waits) begin(client string, now time.Time) {
	if w.trying[client] == nil {
		w.trying[client] = &wait{began: now}
	}
}

// at notes at which node a client tries.
func (w *waits) at(client string, node int) {
	if trying := w.trying[client]; trying != nil {
		trying.nodes |= setOf(node)
	}
}

// end notes that a client tries no more.
func (w *waits) end(client string, now time.Time) {
	if trying := w.trying[client]; trying != nil {
		w.longest[trying.nodes] = max(w.longest[trying.nodes], now.Sub(trying.began))
		delete(w.trying, client)
	}
}

// take returns the longest wait of those that did not try at a node, and of those that did,
// and forgets those that have ended. Those that try still count up to now.
func (w *waits) take(node int, now time.Time) (elsewhere, there time.Duration) {
	count := func(nodes nodeSet, took time.Duration) {
		if node >= 0 && nodes&setOf(node) != 0 {
			there = max(there, took)
		} else {
			elsewhere = max(elsewhere, took)
		}
	}
	for nodes, took := range w.longest {
		count(nodes, took)
	}
	for _, trying := range w.trying {
		count(trying.nodes, now.Sub(trying.began))
	}
	clear(w.longest)
	return elsewhere, there
}
