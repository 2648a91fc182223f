package node

import (
	"context"
	"encoding/json"
	"net"
	"slices"
	"sync"
	"time"

	"millrace/cluster"
	"millrace/sql/catalog/systables"
)

// nodeReport is what a node tells the others of itself. It travels as JSON, so that
// nodes of different versions read each other's.
type nodeReport struct {
	// Address is where clients connect.
	Address string    `json:"address"`
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	// At is when the report was made.
	At       time.Time       `json:"at"`
	Replicas []replicaReport `json:"replicas"`
	// Contacts are when the node, as a leader, has last heard of others.
	Contacts map[uint64]time.Time `json:"contacts,omitempty"`
}

// replicaReport is what a node tells of one of its replicas.
type replicaReport struct {
	Shard   int      `json:"shard"`
	Leader  bool     `json:"leader"`
	Term    uint64   `json:"term"`
	Applied uint64   `json:"applied"`
	Voters  []uint64 `json:"voters"`
	Readers []uint64 `json:"readers"`
	// Bytes are about how many the replica takes on disk.
	Bytes   int64  `json:"bytes"`
	Failure string `json:"failure,omitempty"`
	// Seeding is why the replica is being copied from another one, "" when it is whole.
	// So many bytes have come, of about so many in all.
	Seeding  string `json:"seeding,omitempty"`
	Seeded   int64  `json:"seeded,omitempty"`
	Expected int64  `json:"expected,omitempty"`
}

// memberReport is what is known of a member; report is nil where it did not answer.
type memberReport struct {
	node   uint64
	report *nodeReport
}

// replica is a member's replica of a shard for the system tables.
func (m memberReport) replica(shard int) systables.ReplicaStatus {
	status := systables.ReplicaStatus{
		Shard: shard, Node: m.node, Role: roleReader, State: stateUnreachable,
		Index: -1, Lag: -1, Bytes: -1, SeededBytes: -1, SeedBytes: -1,
	}
	if m.report == nil {
		return status
	}
	i := slices.IndexFunc(m.report.Replicas, func(r replicaReport) bool { return r.Shard == shard })
	if i < 0 {
		return status
	}
	r := m.report.Replicas[i]
	status.State, status.Index, status.Bytes = stateRunning, int64(r.Applied), r.Bytes
	switch {
	case r.Failure != "":
		status.State, status.Error = stateFailed, r.Failure
	case r.Seeding != "":
		status.State, status.Error = stateSeeding, r.Seeding
		status.SeededBytes, status.SeedBytes = r.Seeded, r.Expected
	}
	return status
}

const (
	reportMethod = "node.report"
	// reportTimeout bounds how long a member is waited for that does not answer: who
	// looks at the cluster has a reason to, and half of it may be away.
	reportTimeout = time.Second
)

// serveReport answers the other nodes.
func (s status) serveReport() {
	s.storage.Peers().Handle(reportMethod, func(context.Context, uint64, []byte) ([]byte, error) {
		return json.Marshal(s.own())
	})
}

// reports asks members, all at once, and returns the answers in their order.
func (s status) reports(ctx context.Context, members []cluster.Member) []memberReport {
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	list := make([]memberReport, len(members))
	var asking sync.WaitGroup
	for i, m := range members {
		list[i].node = m.ID
		asking.Go(func() {
			if answer, err := s.storage.Peers().Call(ctx, m.ID, reportMethod, nil); err == nil {
				var report nodeReport
				if json.Unmarshal(answer, &report) == nil {
					list[i].report = &report
				}
			}
		})
	}
	asking.Wait()
	return list
}

// report is what this node tells of itself.
func (n *Node) report(started time.Time) nodeReport {
	r := nodeReport{
		Address: n.clientAddress(), Version: Version(), Started: started, At: n.options.Now(), Contacts: n.storage.LastContacts(),
	}
	for i := range n.storage.Shards() {
		stats := n.storage.Shard(i).Stats()
		replica := replicaReport{
			Shard: i, Leader: stats.Leader, Term: stats.Term, Applied: stats.Applied, Voters: stats.Voters, Readers: stats.Readers,
			Bytes: n.storage.Shard(i).Bytes(),
		}
		if stats.Halted != nil {
			replica.Failure = stats.Halted.Error()
		}
		if err := n.storage.Shard(i).Whole(); err != nil {
			replica.Seeding = err.Error()
		}
		if seeding := stats.Seeding; seeding != nil {
			replica.Seeding, replica.Seeded, replica.Expected = seeding.Reason, seeding.Received, seeding.Expected
		}
		r.Replicas = append(r.Replicas, replica)
	}
	return r
}

// clientAddress is where clients connect: the host that other nodes know the node by where
// it listens on all of its machine's addresses.
func (n *Node) clientAddress() string {
	address := n.Addr().String()
	if !unspecified(address) || n.options.Cluster.Advertise == "" {
		return address
	}
	host, _, err := net.SplitHostPort(n.options.Cluster.Advertise)
	if err != nil {
		return address
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return net.JoinHostPort(host, port)
}
