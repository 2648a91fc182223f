package cluster

import "sync"

// gate counts calls under way and can be shut. Raft may forget to answer a
// call that is still waiting when it is shut down, so a group first shuts the
// gate and waits for the calls, and then stops Raft.
type gate struct {
	mu     sync.Mutex
	shut   bool
	inside sync.WaitGroup
}

// enter admits a call, which must leave later; it returns false once the gate
// is shut.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return false
	}
	g.inside.Add(1)
	return true
}

// leave ends a call that was admitted.
func (g *gate) leave() { g.inside.Done() }

// close shuts the gate and waits until everyone has left.
func (g *gate) close() {
	g.mu.Lock()
	g.shut = true
	g.mu.Unlock()
	g.inside.Wait()
}
