package cluster

import (
	"slices"

	"github.com/hashicorp/raft"
)

// prefix knows how much of a group's log is in this node's newest snapshot, so that it is
// known to be the leader's whatever the log still has of it.
//
// A leader sends entries behind one that it believes the follower to have, with that one's
// term. Raft looks for it in the log, and refuses the message when the log does not have
// it: also when it has been cut, since it is in the snapshot. The leader then tries ever
// earlier ones, which are not there either, up to the first of its own log, and again, for
// ever; or it sends a snapshot to a follower that lacks nothing. That happens when the
// answers to entries were lost that the follower has stored, and it has cut its log since.
type prefix struct {
	log       *groupLog
	snapshots *snapshotStore
}

// adapt changes a message that refers to entries which are only in the snapshot into one
// that Raft can verify. What a snapshot has was committed, so that whoever leads in this
// term or a later one has the same entries:
//
//   - The entries that are in the snapshot are left out.
//   - The entry before the first is not looked for: it is in the snapshot.
//   - What is committed according to the message is told only as far as what the message
//     is about: behind it the log may have entries that are not the leader's.
//
// A message that Raft can verify is about the log up to its last entry, too: Raft would
// take all that its log has behind it, up to what is committed, for the leader's. It is
// not where the end of the log, which is another leader's, could not be removed.
func (p *prefix) adapt(m *raft.AppendEntriesRequest) {
	about, _ := matches(m)
	m.LeaderCommitIndex = min(m.LeaderCommitIndex, about)
	looked := m.PrevLogEntry
	if looked == 0 && len(m.Entries) > 0 {
		looked = m.Entries[0].Index
	}
	snapshot := p.snapshots.latest.Load()
	if looked == 0 || looked > snapshot {
		return
	}
	first, err := p.log.FirstIndex()
	if err != nil || first > 0 && first <= looked {
		return
	}
	m.Entries = slices.DeleteFunc(slices.Clone(m.Entries), func(e *raft.Log) bool { return e.Index <= snapshot })
	m.PrevLogEntry, m.PrevLogTerm = 0, 0
	last := snapshot
	if n := len(m.Entries); n > 0 {
		last = m.Entries[n-1].Index
	}
	m.LeaderCommitIndex = min(m.LeaderCommitIndex, last)
}

// has tells whether the log or the newest snapshot has an entry that a leader has in a
// snapshot, so that there is nothing to install.
func (p *prefix) has(index, term uint64) bool {
	if index <= p.snapshots.latest.Load() {
		return true
	}
	var entry raft.Log
	return p.log.Group.GetLog(index, &entry) == nil && entry.Term == term
}
