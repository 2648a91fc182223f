package cluster

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// How the requests of other nodes come to this node's Raft: some are adapted before
// (prefix.go), and two kinds do not reach it.
//
//   - One that Raft does not bear: it panics when it cannot read a configuration, and goes
//     on with half of a message in which it does not know an entry. Such a request is
//     refused, so that a node of a broken build takes no other with it.
//   - A snapshot of what is in the log. Raft would remove all entries, also those behind
//     the snapshot that it has acknowledged and that count as replicated, and apply again
//     what it has applied. Such a request comes late, or from a leader that has not heard
//     of what was stored. It is answered as if the snapshot had been installed.

// Consumer implements raft.Transport. It is called once.
func (f *followers) Consumer() <-chan raft.RPC {
	from, to := f.Transport.Consumer(), make(chan raft.RPC)
	go func() {
		for {
			select {
			case rpc := <-from:
				if f.handled(rpc) {
					continue
				}
				select {
				case to <- rpc:
				case <-f.closing:
					return
				}
			case <-f.closing:
				return
			}
		}
	}()
	return to
}

// handled answers a request that is not for Raft, or prepares it for Raft.
func (f *followers) handled(rpc raft.RPC) bool {
	if err := bearable(rpc.Command); err != nil {
		f.refusals.add(rpc, err)
		rpc.Respond(nil, err)
		return true
	}
	switch m := rpc.Command.(type) {
	case *raft.AppendEntriesRequest:
		f.prefix.adapt(m)
	case *raft.InstallSnapshotRequest:
		return f.installed(rpc, m)
	}
	return false
}

// installed answers a request to install what is there. One of a term that has passed is
// for Raft to turn away.
func (f *followers) installed(rpc raft.RPC, m *raft.InstallSnapshotRequest) bool {
	r := f.raft.Load()
	if r == nil || m.Term < r.CurrentTerm() || !f.prefix.has(m.LastLogIndex, m.LastLogTerm) {
		return false
	}
	_, err := io.Copy(io.Discard, rpc.Reader) // as Raft does
	rpc.Respond(&raft.InstallSnapshotResponse{Term: m.Term, Success: true}, err)
	return true
}

// bearable is why Raft does not bear a request; nil for one that it does.
func bearable(request any) error {
	switch m := request.(type) {
	case *raft.AppendEntriesRequest:
		for _, entry := range m.Entries {
			if err := bearableEntry(entry); err != nil {
				return fmt.Errorf("cluster: entry %d of term %d: %w", entry.Index, entry.Term, err)
			}
		}
	case *raft.InstallSnapshotRequest:
		if m.SnapshotVersion != raft.SnapshotVersionMax {
			return fmt.Errorf("cluster: the version %d of snapshots is not known", m.SnapshotVersion)
		}
		if _, err := decodeConfiguration(m.Configuration); err != nil {
			return fmt.Errorf("cluster: a snapshot up to entry %d of term %d: %w", m.LastLogIndex, m.LastLogTerm, err)
		}
	}
	return nil
}

// bearableEntry is bearable for an entry.
func bearableEntry(entry *raft.Log) error {
	switch entry.Type {
	case raft.LogCommand, raft.LogNoop, raft.LogBarrier:
		return nil
	case raft.LogConfiguration:
		_, err := decodeConfiguration(entry.Data)
		return err
	}
	return fmt.Errorf("an entry of a kind that is not known (%d)", entry.Type)
}

// decodeConfiguration is raft.DecodeConfiguration, which panics.
func decodeConfiguration(data []byte) (c raft.Configuration, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("a configuration that cannot be decoded: %v", reason)
		}
	}()
	return raft.DecodeConfiguration(data), nil
}

// complainEvery is how often a group at most says that it refuses requests: who sends one
// sends it again.
const complainEvery = time.Minute

// refusals tell of requests that are refused.
type refusals struct {
	// count counts those of all groups of the node.
	count *atomic.Int64
	// tell logs one; the last was at toldAt.
	tell   func(node uint64, err error)
	toldAt time.Time
}

// add tells of one more; it is not called by two at a time.
func (r *refusals) add(rpc raft.RPC, err error) {
	r.count.Add(1)
	if time.Since(r.toldAt) < complainEvery {
		return
	}
	r.toldAt = time.Now()
	var node uint64
	if m, ok := rpc.Command.(raft.WithRPCHeader); ok {
		node = nodeOf(raft.ServerID(m.GetRPCHeader().ID))
	}
	r.tell(node, err)
}
