package cluster

import (
	"errors"
	"io"
	"sync"

	"github.com/hashicorp/raft"
)

// catalogMachine runs the caller's state machine on the catalog group's log. It
// lives in memory: its snapshot is the whole state, and after a start the log
// behind the snapshot is applied to it.
type catalogMachine struct {
	host machineHost

	// mu makes the state machine's calls one at a time.
	mu    sync.Mutex
	state StateMachine
	// applied is the index of the last entry applied.
	applied progress
}

var _ raft.FSM = (*catalogMachine)(nil)

// Apply implements raft.FSM.
func (c *catalogMachine) Apply(entry *raft.Log) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.host.logGrew(int64(len(entry.Data)))
	answer := c.state.Apply(entry.Index, entry.Data)
	c.applied.advance(entry.Index)
	return answer
}

// Snapshot implements raft.FSM.
func (c *catalogMachine) Snapshot() (raft.FSMSnapshot, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	content, err := c.state.Snapshot()
	if err != nil {
		return nil, err
	}
	return catalogSnapshot(content), nil
}

// Restore implements raft.FSM: a leader has sent the whole state.
func (c *catalogMachine) Restore(source io.ReadCloser) error {
	content, err := io.ReadAll(source)
	if err := errors.Join(err, source.Close()); err != nil {
		return err
	}
	return c.restore(content)
}

// restore replaces the state.
func (c *catalogMachine) restore(content []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.Restore(content)
}

// catalogSnapshot is an encoded state. It implements raft.FSMSnapshot.
type catalogSnapshot []byte

// Persist implements raft.FSMSnapshot.
func (s catalogSnapshot) Persist(sink raft.SnapshotSink) error {
	if _, err := sink.Write(s); err != nil {
		return err
	}
	return sink.Close()
}

// Release implements raft.FSMSnapshot.
func (s catalogSnapshot) Release() {}
