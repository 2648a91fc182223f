package cluster

import "time"

// LastContacts are when this node, as the leader of a group, has last had an answer of
// other nodes, by their numbers. Nodes in no group that it leads are left out.
func (n *Node) LastContacts() map[uint64]time.Time {
	contacts := map[uint64]time.Time{}
	for _, g := range n.groups() {
		if g.isLeader() {
			g.followers.lastContacts(contacts)
		}
	}
	return contacts
}

// lastContacts adds when each follower has answered last, where that is later.
func (f *followers) lastContacts(contacts map[uint64]time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, to := range f.byID {
		if node := nodeOf(id); to.contact.After(contacts[node]) {
			contacts[node] = to.contact
		}
	}
}
