package transport

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/raft"
	"pgregory.net/rapid"
)

// raftMessages are one of each kind.
func raftMessages() []any {
	header := raft.RPCHeader{ProtocolVersion: 3, ID: []byte("12"), Addr: []byte("12")}
	return []any{
		&raft.AppendEntriesRequest{RPCHeader: header, Term: 3, PrevLogEntry: 7, PrevLogTerm: 2, LeaderCommitIndex: 6, Entries: []*raft.Log{
			{Index: 8, Term: 3, Type: raft.LogCommand, Data: []byte("data"), AppendedAt: time.Unix(17, 5)},
			{Index: 9, Term: 3, Type: raft.LogNoop, Extensions: []byte{0}},
		}},
		&raft.AppendEntriesRequest{RPCHeader: header, Term: 1},
		&raft.AppendEntriesResponse{RPCHeader: header, Term: 3, LastLog: 9, Success: true},
		&raft.AppendEntriesResponse{Term: 3, NoRetryBackoff: true},
		&raft.RequestVoteRequest{RPCHeader: header, Term: 3, LastLogIndex: 8, LastLogTerm: 2, LeadershipTransfer: true},
		&raft.RequestVoteResponse{RPCHeader: header, Term: 3, Peers: []byte("p"), Granted: true},
		&raft.RequestPreVoteRequest{RPCHeader: header, Term: 3, LastLogIndex: 8, LastLogTerm: 2},
		&raft.RequestPreVoteResponse{RPCHeader: header, Term: 3, Granted: true},
		&raft.TimeoutNowRequest{RPCHeader: header},
		&raft.TimeoutNowResponse{RPCHeader: header},
		&raft.InstallSnapshotRequest{RPCHeader: header, SnapshotVersion: 1, Term: 3, Leader: []byte("1"), LastLogIndex: 9, LastLogTerm: 2, Peers: []byte("x"), Configuration: []byte("c"), ConfigurationIndex: 4, Size: 1 << 40},
		&raft.InstallSnapshotResponse{RPCHeader: header, Term: 3, Success: true},
	}
}

func TestRaftMessagesRoundTrip(t *testing.T) {
	for _, message := range raftMessages() {
		e := encoder{}
		if err := e.encode(message); err != nil {
			t.Fatal(err)
		}
		back := reflect.New(reflect.TypeOf(message).Elem()).Interface()
		f := fields{data: e.buf}
		if err := f.decode(back); err != nil || len(f.data) > 0 {
			t.Errorf("%T: %v, %d bytes left", message, err, len(f.data))
		}
		if diff := cmp.Diff(message, back); diff != "" {
			t.Errorf("%T: %s", message, diff)
		}
		for cut := range e.buf {
			f := fields{data: e.buf[:cut]}
			if f.decode(reflect.New(reflect.TypeOf(message).Elem()).Interface()) == nil {
				t.Errorf("%T cut after %d of %d bytes is taken", message, cut, len(e.buf))
			}
		}
	}
	if err := (&encoder{}).encode("anything"); err == nil {
		t.Error("something else was encoded")
	}
}

func TestAppendEntriesRoundTrip(t *testing.T) {
	some := rapid.Custom(func(t *rapid.T) []byte { return present(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) })
	rapid.Check(t, func(t *rapid.T) {
		request := &raft.AppendEntriesRequest{
			RPCHeader: raft.RPCHeader{ID: some.Draw(t, "id"), Addr: some.Draw(t, "address")},
			Term:      rapid.Uint64().Draw(t, "term"), PrevLogEntry: rapid.Uint64().Draw(t, "index"),
			LeaderCommitIndex: rapid.Uint64().Draw(t, "commit"),
		}
		for range rapid.IntRange(0, 20).Draw(t, "entries") {
			request.Entries = append(request.Entries, &raft.Log{
				Index: rapid.Uint64().Draw(t, "index"), Term: rapid.Uint64().Draw(t, "term"),
				Type: raft.LogType(rapid.Byte().Draw(t, "type")), Data: some.Draw(t, "data"), Extensions: some.Draw(t, "extensions"),
			})
		}
		e := encoder{}
		if err := e.encode(request); err != nil {
			t.Fatal(err)
		}
		back := &raft.AppendEntriesRequest{}
		f := fields{data: e.buf}
		if err := f.decode(back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(request, back); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzRaftMessage(f *testing.F) {
	for _, message := range raftMessages() {
		e := encoder{}
		_ = e.encode(message) // all of them can be
		for kind := range byte(raftSnapshot) + 1 {
			f.Add(kind, e.buf)
		}
	}
	f.Fuzz(func(t *testing.T, kind byte, data []byte) {
		request := newRequest(raftType(kind))
		if request == nil {
			return
		}
		in := fields{data: data}
		if in.decode(request) != nil {
			return
		}
		e := encoder{}
		if err := e.encode(request); err != nil {
			t.Fatal(err)
		}
	})
}
