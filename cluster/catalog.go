package cluster

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"
)

// catalogMachine is the state machine of the catalog's group: the caller's state machine,
// which has the SQL catalog, and beside it the cluster's membership. It lives in memory:
// its snapshot is the whole state, and after a start the log behind the snapshot is
// applied to it.
//
// The first byte of an entry says whose command follows. A snapshot is
//
//	version u8 (2) · applied index uvarint · length uvarint · membership
//	· the caller's snapshot
type catalogMachine struct {
	host machineHost

	// mu makes the state machine's calls one at a time.
	mu    sync.Mutex
	state StateMachine
	// members is the membership, which readers take without waiting.
	members atomic.Pointer[membership]
	// changed is called when the membership has changed, under mu.
	changed func()
	// applied is the index of the last entry applied.
	applied progress
}

// What an entry of the catalog's group is: the first byte of its data.
const (
	commandOfCatalog = iota + 1
	commandOfCluster
)

const catalogSnapshotVersion = 2

var _ raft.FSM = (*catalogMachine)(nil)

// newCatalogMachine returns the machine of a cluster without members.
func newCatalogMachine(host machineHost, state StateMachine, changed func()) *catalogMachine {
	c := &catalogMachine{host: host, state: state, changed: changed}
	c.members.Store(&membership{next: 1, pins: map[int]pin{}})
	return c
}

// memberAnswer is what a command of the cluster's own is answered.
type memberAnswer struct {
	// member is the member that the command concerns, 0 for none.
	member uint64
	err    error
}

// catalogCommand returns the data of an entry with a command of the SQL catalog.
func catalogCommand(command []byte) []byte {
	return append([]byte{commandOfCatalog}, command...)
}

// clusterCommand returns the data of an entry with a command of the cluster's own.
func clusterCommand(command memberCommand) []byte {
	return command.appendTo([]byte{commandOfCluster})
}

// Apply implements raft.FSM.
func (c *catalogMachine) Apply(entry *raft.Log) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.host.logGrew(int64(len(entry.Data)))
	answer := c.apply(entry.Index, entry.Data)
	c.applied.advance(entry.Index)
	return answer
}

// apply applies a command; mu is held.
func (c *catalogMachine) apply(index uint64, data []byte) any {
	if len(data) == 0 {
		return memberAnswer{err: errors.New("cluster: an entry without a command")}
	}
	if data[0] == commandOfCatalog {
		return c.state.Apply(index, data[1:])
	}
	command, err := decodeMemberCommand(data[1:])
	if err != nil {
		return memberAnswer{err: err}
	}
	after, member, err := command.apply(c.members.Load())
	if err != nil {
		return memberAnswer{err: err}
	}
	c.members.Store(after)
	c.changed()
	return memberAnswer{member: member}
}

// Snapshot implements raft.FSM.
func (c *catalogMachine) Snapshot() (raft.FSMSnapshot, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	content, err := c.state.Snapshot()
	if err != nil {
		return nil, err
	}
	members := c.members.Load().encode(nil)
	data := binary.AppendUvarint([]byte{catalogSnapshotVersion}, c.applied.reached())
	data = binary.AppendUvarint(data, uint64(len(members)))
	data = append(append(data, members...), content...)
	return catalogSnapshot(data), nil
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
	if len(content) == 0 || content[0] != catalogSnapshotVersion {
		return errors.New("cluster: a snapshot of the catalog of an unknown version")
	}
	r := uvarintReader{data: content[1:]}
	applied, members := r.next(), r.text()
	if r.bad {
		return errors.New("cluster: a snapshot of the catalog is malformed")
	}
	decoded, err := decodeMembership([]byte(members))
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.state.Restore(bytes.Clone(r.data)); err != nil {
		return fmt.Errorf("cluster: restoring the catalog: %w", err)
	}
	c.members.Store(decoded)
	c.changed()
	c.applied.advance(applied)
	return nil
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
