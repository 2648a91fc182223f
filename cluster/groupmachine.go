package cluster

import "github.com/hashicorp/raft"

// groupMachine is a group's state machine as Raft drives it: the machine below, with
// what the group itself has to know of committed entries.
type groupMachine struct {
	raft.FSM
	followers *followers
	handed    *handed
}

var _ raft.ConfigurationStore = (*groupMachine)(nil)

// Apply implements raft.FSM. The followers are told of the commit before the entry is
// applied here, so that all apply it at the same time.
func (m *groupMachine) Apply(entry *raft.Log) any {
	m.followers.commit(entry.Index)
	answer := m.FSM.Apply(entry)
	m.handed.applied.advance(entry.Index)
	return answer
}

// StoreConfiguration implements raft.ConfigurationStore. Raft counts an entry with a
// configuration as applied only where it is handed over: otherwise no snapshot could be
// taken until the next command.
func (m *groupMachine) StoreConfiguration(index uint64, configuration raft.Configuration) {
	m.followers.commit(index)
	m.followers.configured(configuration)
	m.handed.applied.advance(index)
}
