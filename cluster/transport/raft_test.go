package transport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// entries is a state machine that remembers what it was given.
type entries struct {
	mu   sync.Mutex
	list []string
}

func (e *entries) Apply(l *raft.Log) any {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, string(l.Data))
	return nil
}

func (e *entries) Snapshot() (raft.FSMSnapshot, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return &entriesSnapshot{slices.Clone(e.list)}, nil
}

func (e *entries) Restore(from io.ReadCloser) error {
	content, err := io.ReadAll(from)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = nil
	for line := range bytes.Lines(content) {
		e.list = append(e.list, string(bytes.TrimSuffix(line, []byte("\n"))))
	}
	return from.Close()
}

func (e *entries) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.list)
}

type entriesSnapshot struct{ list []string }

func (s *entriesSnapshot) Persist(sink raft.SnapshotSink) error {
	for _, entry := range s.list {
		if _, err := fmt.Fprintln(sink, entry); err != nil {
			return errors.Join(err, sink.Cancel())
		}
	}
	return sink.Close()
}

func (s *entriesSnapshot) Release() {}

// member is a node's member of a group.
type member struct {
	raft    *raft.Raft
	machine *entries
	store   *raft.InmemStore
}

// startRaft starts a node's member of a group of the voters.
func startRaft(t testing.TB, tr *Transport, group uint64, voters []uint64) *member {
	t.Helper()
	config := raft.DefaultConfig()
	config.LocalID = raft.ServerID(strconv.FormatUint(tr.Self(), 10))
	config.HeartbeatTimeout, config.ElectionTimeout = 600*time.Millisecond, 600*time.Millisecond
	config.LeaderLeaseTimeout = 300 * time.Millisecond
	config.Logger = hclog.NewNullLogger()
	config.TrailingLogs = 10
	m := &member{machine: &entries{}, store: raft.NewInmemStore()}
	snapshots := raft.NewInmemSnapshotStore()
	if len(voters) > 0 {
		var configuration raft.Configuration
		for _, node := range voters {
			id := strconv.FormatUint(node, 10)
			configuration.Servers = append(configuration.Servers, raft.Server{ID: raft.ServerID(id), Address: raft.ServerAddress(id)})
		}
		if err := raft.BootstrapCluster(config, m.store, m.store, snapshots, tr.Raft(group), configuration); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if m.raft, err = raft.NewRaft(config, m.machine, m.store, m.store, snapshots, tr.Raft(group)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		tr.CloseRaft()
		if err := m.raft.Shutdown().Error(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(30 * time.Second); !holds(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("not in 30 s: %s", what)
		}
	}
}

// leaderOf waits until one of the members leads.
func leaderOf(t testing.TB, members map[uint64]*member) (node uint64) {
	t.Helper()
	eventually(t, "a leader", func() bool {
		for id, m := range members {
			if m.raft.State() == raft.Leader && m.raft.VerifyLeader().Error() == nil {
				node = id
				return true
			}
		}
		return false
	})
	return node
}

func TestRaftReplicates(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newTestNodes(t, 3)
		members := map[uint64]*member{}
		for node, tr := range c.nodes {
			members[node] = startRaft(t, tr, 7, []uint64{1, 2, 3})
		}
		leader := leaderOf(t, members)
		const count = 300
		for i := range count {
			if err := members[leader].raft.Apply(fmt.Appendf(nil, "%d %s", i, bytes.Repeat([]byte("x"), i*100)), 0).Error(); err != nil {
				t.Fatal(err)
			}
		}
		for node, m := range members {
			eventually(t, fmt.Sprintf("node %d has everything", node), func() bool { return m.machine.count() == count })
			if !slices.Equal(m.machine.list, members[leader].machine.list) {
				t.Errorf("node %d has other entries", node)
			}
			if _, id := m.raft.LeaderWithID(); string(id) != fmt.Sprint(leader) {
				t.Errorf("node %d believes that %s leads, not %d", node, id, leader)
			}
		}
	})
}

func TestRaftElectsAnother(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newTestNodes(t, 3)
		members := map[uint64]*member{}
		for node, tr := range c.nodes {
			members[node] = startRaft(t, tr, 1, []uint64{1, 2, 3})
		}
		first := leaderOf(t, members)
		if err := members[first].raft.Apply([]byte("a"), 0).Error(); err != nil {
			t.Fatal(err)
		}
		alone := members[first]
		delete(members, first)
		var others []string
		for node := range members {
			others = append(others, hostName(node))
		}
		c.network.Partition([]string{hostName(first)}, others)
		start := time.Now()
		second := leaderOf(t, members)
		if err := members[second].raft.Apply([]byte("b"), 0).Error(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("it took %v to elect another leader", took)
		}
		time.Sleep(30 * time.Second)
		c.network.HealAll()
		eventually(t, "the first leader has what it missed", func() bool { return alone.machine.count() == 2 })
	})
}

func TestRaftHandsOverLeadership(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newTestNodes(t, 3)
		members := map[uint64]*member{}
		for node, tr := range c.nodes {
			members[node] = startRaft(t, tr, 1, []uint64{1, 2, 3})
		}
		first := leaderOf(t, members)
		if err := members[first].raft.LeadershipTransfer().Error(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "another leads", func() bool { return leaderOf(t, members) != first })
	})
}

// TestRaftInstallsSnapshot adds a node whose leader has cut its log.
func TestRaftInstallsSnapshot(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newTestNodes(t, 2)
		m := startRaft(t, c.nodes[1], 1, []uint64{1})
		leaderOf(t, map[uint64]*member{1: m})
		const count = 100
		for i := range count {
			if err := m.raft.Apply(fmt.Appendf(nil, "%d %s", i, bytes.Repeat([]byte("y"), 10_000)), 0).Error(); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.raft.Snapshot().Error(); err != nil {
			t.Fatal(err)
		}
		late := startRaft(t, c.nodes[2], 1, nil)
		if err := m.raft.AddNonvoter("2", "2", 0, 0).Error(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the new node has everything", func() bool { return late.machine.count() == count })
	})
}

// TestSendSome cuts requests that have too much.
func TestSendSome(t *testing.T) {
	entry := func(size int) *raft.Log { return &raft.Log{Data: make([]byte, size)} }
	for _, test := range []struct {
		sizes []int
		want  int
	}{
		{nil, 0},
		{[]int{1, 2, 3}, 3},
		{[]int{entriesBytes, 1}, 1},
		{[]int{entriesBytes + 1, 1}, 1},
		{[]int{entriesBytes - 1, 1, 1}, 2},
	} {
		args := &raft.AppendEntriesRequest{}
		for _, size := range test.sizes {
			args.Entries = append(args.Entries, entry(size))
		}
		if sendSome(args); len(args.Entries) != test.want {
			t.Errorf("of entries of %v bytes %d are sent, want %d", test.sizes, len(args.Entries), test.want)
		}
	}
}

// TestHeartbeatsOfNewTermsGoToRaft: only Raft's main goroutine may learn of a term, and only
// what it knows of is answered beside it.
func TestHeartbeatsOfNewTermsGoToRaft(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newTestNodes(t, 2)
		receiver := c.nodes[2].Raft(7)
		var beside atomic.Int64
		receiver.SetHeartbeatHandler(func(rpc raft.RPC) {
			beside.Add(1)
			m := rpc.Command.(*raft.AppendEntriesRequest)
			rpc.Respond(&raft.AppendEntriesResponse{Term: m.Term, Success: true}, nil)
		})
		beat := func(term uint64) error {
			args := raft.AppendEntriesRequest{RPCHeader: raft.RPCHeader{ProtocolVersion: 3}, Term: term}
			return c.nodes[1].Raft(7).AppendEntries("2", "2", &args, &raft.AppendEntriesResponse{})
		}
		for term := uint64(5); term < 8; term++ {
			// The main goroutine is busy: whatever comes of a new term waits for it.
			sent := make(chan error, 2)
			for range cap(sent) {
				go func() { sent <- beat(term) }()
			}
			<-time.After(time.Second)
			if n := beside.Load(); n > int64(term-5) {
				t.Fatalf("term %d was told beside Raft's main goroutine", term)
			}
			for range cap(sent) {
				rpc := <-receiver.Consumer()
				rpc.Respond(&raft.AppendEntriesResponse{Term: term, Success: true}, nil)
				if err := <-sent; err != nil {
					t.Fatal(err)
				}
			}
			if err := beat(term); err != nil {
				t.Fatal(err)
			}
			if n := beside.Load(); n != int64(term-4) {
				t.Fatalf("%d heartbeats of known terms were answered at once", n)
			}
		}
	})
}

// TestHalfASnapshotKeepsNobodyWaiting has a node stop in the middle of sending a snapshot:
// Raft must hear nothing of it before it is there.
func TestHalfASnapshotKeepsNobodyWaiting(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newTestNodes(t, 2)
		receiver := c.nodes[2].Raft(7)
		sending, stop := io.Pipe()
		ended := make(chan error, 1)
		go func() {
			args := raft.InstallSnapshotRequest{Term: 1, Size: 100}
			ended <- c.nodes[1].Raft(7).InstallSnapshot("2", "2", &args, &raft.InstallSnapshotResponse{}, sending)
		}()
		if _, err := stop.Write(make([]byte, 50)); err != nil {
			t.Fatal(err)
		}
		select {
		case <-receiver.Consumer():
			t.Error("Raft was given half a snapshot")
		case <-time.After(time.Minute):
		}
		c.network.Break(hostName(1), hostName(2))
		_ = stop.CloseWithError(io.ErrUnexpectedEOF)
		if err := <-ended; err == nil {
			t.Error("half a snapshot was installed")
		}
	})
}
