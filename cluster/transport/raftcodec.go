package transport

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/hashicorp/raft"
)

// Raft's messages, in the order of their fields. Fields that Raft only has for its own
// earlier versions are left out: the header says who asks. Integers are uvarints and
// bytes stand behind their length:
//
//	header          := protocol version · id · address
//	append entries  := header · term · previous index · previous term · commit index · count · entry*
//	entry           := index · term · type u8 · appended at (Unix ns, 0 for none) · data · extensions
//	append answer   := header · term · last index · flags u8 (1 success, 2 no back-off)
//	vote            := header · term · last index · last term · flags u8 (1 leadership transfer)
//	vote answer     := header · term · peers · flags u8 (1 granted)
//	pre-vote        := header · term · last index · last term
//	pre-vote answer := header · term · flags u8 (1 granted)
//	timeout now     := header, and so is its answer
//	snapshot        := header · version · term · leader · last index · last term · peers ·
//	                   configuration · its index · size
//	snapshot answer := header · term · flags u8 (1 success)

// raftType says which message it is.
type raftType uint8

const (
	raftAppend raftType = iota
	raftVote
	raftPreVote
	raftTimeoutNow
	raftSnapshot
)

var errRaftType = errors.New("transport: a message of Raft that this version does not know")

// encoder appends fields.
type encoder struct{ buf []byte }

func (e *encoder) uints(values ...uint64) {
	for _, v := range values {
		e.buf = binary.AppendUvarint(e.buf, v)
	}
}

func (e *encoder) bytes(b []byte) {
	e.buf = append(binary.AppendUvarint(e.buf, uint64(len(b))), b...)
}

func (e *encoder) flags(flags ...bool) {
	var bits byte
	for i, set := range flags {
		if set {
			bits |= 1 << i
		}
	}
	e.buf = append(e.buf, bits)
}

func (e *encoder) header(h *raft.RPCHeader) {
	e.uints(uint64(h.ProtocolVersion))
	e.bytes(h.ID)
	e.bytes(h.Addr)
}

func (e *encoder) log(l *raft.Log) {
	e.uints(l.Index, l.Term)
	var at uint64
	if !l.AppendedAt.IsZero() {
		at = uint64(l.AppendedAt.UnixNano())
	}
	e.buf = append(e.buf, byte(l.Type))
	e.uints(at)
	e.bytes(l.Data)
	e.bytes(l.Extensions)
}

// encode appends a request or an answer.
func (e *encoder) encode(message any) error {
	switch m := message.(type) {
	case *raft.AppendEntriesRequest:
		e.header(&m.RPCHeader)
		e.uints(m.Term)
		e.uints(m.PrevLogEntry, m.PrevLogTerm, m.LeaderCommitIndex, uint64(len(m.Entries)))
		for _, entry := range m.Entries {
			e.log(entry)
		}
	case *raft.AppendEntriesResponse:
		e.header(&m.RPCHeader)
		e.uints(m.Term, m.LastLog)
		e.flags(m.Success, m.NoRetryBackoff)
	case *raft.RequestVoteRequest:
		e.header(&m.RPCHeader)
		e.uints(m.Term, m.LastLogIndex, m.LastLogTerm)
		e.flags(m.LeadershipTransfer)
	case *raft.RequestVoteResponse:
		e.header(&m.RPCHeader)
		e.uints(m.Term)
		e.bytes(m.Peers)
		e.flags(m.Granted)
	case *raft.RequestPreVoteRequest:
		e.header(&m.RPCHeader)
		e.uints(m.Term, m.LastLogIndex, m.LastLogTerm)
	case *raft.RequestPreVoteResponse:
		e.header(&m.RPCHeader)
		e.uints(m.Term)
		e.flags(m.Granted)
	case *raft.TimeoutNowRequest:
		e.header(&m.RPCHeader)
	case *raft.TimeoutNowResponse:
		e.header(&m.RPCHeader)
	case *raft.InstallSnapshotRequest:
		e.snapshot(m)
	case *raft.InstallSnapshotResponse:
		e.header(&m.RPCHeader)
		e.uints(m.Term)
		e.flags(m.Success)
	default:
		return errRaftType
	}
	return nil
}

func (e *encoder) snapshot(m *raft.InstallSnapshotRequest) {
	e.header(&m.RPCHeader)
	e.uints(uint64(m.SnapshotVersion), m.Term)
	e.bytes(m.Leader)
	e.uints(m.LastLogIndex, m.LastLogTerm)
	e.bytes(m.Peers)
	e.bytes(m.Configuration)
	e.uints(m.ConfigurationIndex, uint64(m.Size))
}

// present is nil for no bytes, as Raft has them.
func present(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

func (f *fields) header(h *raft.RPCHeader) {
	h.ProtocolVersion = raft.ProtocolVersion(f.uvarint())
	h.ID, h.Addr = present(f.prefixed()), present(f.prefixed())
}

func (f *fields) flag(flags ...*bool) {
	bits := f.u8()
	for i, flag := range flags {
		*flag = bits&(1<<i) != 0
	}
}

func (f *fields) log() *raft.Log {
	l := &raft.Log{Index: f.uvarint(), Term: f.uvarint(), Type: raft.LogType(f.u8())}
	if at := f.uvarint(); at != 0 {
		l.AppendedAt = time.Unix(0, int64(at))
	}
	l.Data, l.Extensions = present(f.prefixed()), present(f.prefixed())
	return l
}

// smallestLog is the least number of bytes of an encoded entry.
const smallestLog = 6

// decode reads a request or an answer into message, which then has parts of the bytes
// that were read.
func (f *fields) decode(message any) error {
	switch m := message.(type) {
	case *raft.AppendEntriesRequest:
		f.appendEntries(m)
	case *raft.AppendEntriesResponse:
		f.header(&m.RPCHeader)
		m.Term, m.LastLog = f.uvarint(), f.uvarint()
		f.flag(&m.Success, &m.NoRetryBackoff)
	case *raft.RequestVoteRequest:
		f.header(&m.RPCHeader)
		m.Term, m.LastLogIndex, m.LastLogTerm = f.uvarint(), f.uvarint(), f.uvarint()
		f.flag(&m.LeadershipTransfer)
	case *raft.RequestVoteResponse:
		f.header(&m.RPCHeader)
		m.Term = f.uvarint()
		m.Peers = present(f.prefixed())
		f.flag(&m.Granted)
	case *raft.RequestPreVoteRequest:
		f.header(&m.RPCHeader)
		m.Term, m.LastLogIndex, m.LastLogTerm = f.uvarint(), f.uvarint(), f.uvarint()
	case *raft.RequestPreVoteResponse:
		f.header(&m.RPCHeader)
		m.Term = f.uvarint()
		f.flag(&m.Granted)
	case *raft.TimeoutNowRequest:
		f.header(&m.RPCHeader)
	case *raft.TimeoutNowResponse:
		f.header(&m.RPCHeader)
	case *raft.InstallSnapshotRequest:
		f.snapshot(m)
	case *raft.InstallSnapshotResponse:
		f.header(&m.RPCHeader)
		m.Term = f.uvarint()
		f.flag(&m.Success)
	default:
		return errRaftType
	}
	return f.err
}

func (f *fields) appendEntries(m *raft.AppendEntriesRequest) {
	f.header(&m.RPCHeader)
	m.Term = f.uvarint()
	m.PrevLogEntry, m.PrevLogTerm, m.LeaderCommitIndex = f.uvarint(), f.uvarint(), f.uvarint()
	count := f.uvarint()
	if count > uint64(len(f.data)/smallestLog) {
		f.err = errProtocol
		return
	}
	if count > 0 {
		m.Entries = make([]*raft.Log, count)
	}
	for i := range m.Entries {
		m.Entries[i] = f.log()
	}
}

func (f *fields) snapshot(m *raft.InstallSnapshotRequest) {
	f.header(&m.RPCHeader)
	m.SnapshotVersion, m.Term = raft.SnapshotVersion(f.uvarint()), f.uvarint()
	m.Leader = present(f.prefixed())
	m.LastLogIndex, m.LastLogTerm = f.uvarint(), f.uvarint()
	m.Peers, m.Configuration = present(f.prefixed()), present(f.prefixed())
	m.ConfigurationIndex, m.Size = f.uvarint(), int64(f.uvarint())
}

// newRequest is an empty request of a type, nil of an unknown one.
func newRequest(kind raftType) any {
	switch kind {
	case raftAppend:
		return &raft.AppendEntriesRequest{}
	case raftVote:
		return &raft.RequestVoteRequest{}
	case raftPreVote:
		return &raft.RequestPreVoteRequest{}
	case raftTimeoutNow:
		return &raft.TimeoutNowRequest{}
	case raftSnapshot:
		return &raft.InstallSnapshotRequest{}
	}
	return nil
}
