package transport

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

const (
	// controlTimeout and entriesTimeout bound Raft's requests: heartbeats and votes,
	// which wait for nothing but the other node's attention, and entries, which wait
	// for its disk.
	controlTimeout = 3 * time.Second
	entriesTimeout = 10 * time.Second
)

// rafts are the groups' transports.
type rafts struct {
	mu     sync.RWMutex
	groups map[uint64]*raftTransport
	// ctx ends with CloseRaft.
	ctx    context.Context
	cancel context.CancelCauseFunc
}

// Raft returns the transport of a group, the same one until Raft closes it. Addresses
// are nodes' numbers as text, and so are the IDs of servers, by which it finds them.
func (t *Transport) Raft(group uint64) raft.Transport {
	t.rafts.mu.Lock()
	defer t.rafts.mu.Unlock()
	if r := t.rafts.groups[group]; r != nil {
		return r
	}
	r := &raftTransport{
		transport: t, group: group, lane: "raft " + strconv.FormatUint(group, 10),
		consumer: make(chan raft.RPC), closed: make(chan struct{}),
	}
	t.rafts.groups[group] = r
	return r
}

// CloseRaft ends the requests of all groups that wait for other nodes, so that Raft can
// be stopped at once. Later ones fail.
func (t *Transport) CloseRaft() { t.rafts.cancel(ErrClosed) }

// Hurry has a group's heartbeats leave at once until done is called, for who waits for
// their answers. Otherwise they wait a moment for those of other groups, so that a
// cluster with nothing to do costs little.
func (t *Transport) Hurry(group uint64) (done func()) {
	r := t.rafts.get(group)
	if r == nil {
		return func() {}
	}
	r.hurried.Add(1)
	for _, p := range t.peers() {
		p.rush(ClassControl)
	}
	return func() { r.hurried.Add(-1) }
}

func (r *rafts) init(ctx context.Context) {
	r.groups = map[uint64]*raftTransport{}
	r.ctx, r.cancel = context.WithCancelCause(ctx)
}

func (r *rafts) get(group uint64) *raftTransport {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.groups[group]
}

// raftTransport implements raft.Transport for a group. Heartbeats and votes go over the
// connection for control and are handled as they come; other requests of appending go over
// the one for entries and are handled in their order.
type raftTransport struct {
	transport *Transport
	group     uint64
	// lane orders the requests with entries.
	lane     string
	consumer chan raft.RPC
	// heartbeat handles heartbeats without waiting for Raft's main goroutine.
	heartbeat atomic.Pointer[func(raft.RPC)]

	// heard is the newest term of which Raft's main goroutine has answered a leader.
	heard atomic.Uint64
	// hurried counts those for whom heartbeats leave at once.
	hurried atomic.Int64

	closed  chan struct{}
	closing sync.Once
}

var (
	_ raft.Transport   = (*raftTransport)(nil)
	_ raft.WithPreVote = (*raftTransport)(nil)
	_ raft.WithClose   = (*raftTransport)(nil)
)

// Consumer implements raft.Transport.
func (r *raftTransport) Consumer() <-chan raft.RPC { return r.consumer }

// LocalAddr implements raft.Transport.
func (r *raftTransport) LocalAddr() raft.ServerAddress {
	return raft.ServerAddress(strconv.FormatUint(r.transport.Self(), 10))
}

// EncodePeer implements raft.Transport.
func (r *raftTransport) EncodePeer(id raft.ServerID, _ raft.ServerAddress) []byte { return []byte(id) }

// DecodePeer implements raft.Transport.
func (r *raftTransport) DecodePeer(address []byte) raft.ServerAddress {
	return raft.ServerAddress(address)
}

// SetHeartbeatHandler implements raft.Transport.
func (r *raftTransport) SetHeartbeatHandler(handle func(raft.RPC)) { r.heartbeat.Store(&handle) }

// Close implements raft.WithClose.
func (r *raftTransport) Close() error {
	r.closing.Do(func() {
		close(r.closed)
		rafts := &r.transport.rafts
		rafts.mu.Lock()
		defer rafts.mu.Unlock()
		if rafts.groups[r.group] == r {
			delete(rafts.groups, r.group)
		}
	})
	return nil
}

// AppendEntries implements raft.Transport.
func (r *raftTransport) AppendEntries(id raft.ServerID, _ raft.ServerAddress, args *raft.AppendEntriesRequest, answer *raft.AppendEntriesResponse) error {
	if isHeartbeat(args) {
		return r.call(id, ClassControl, raftAppend, args, answer, &r.hurried)
	}
	return r.call(id, ClassEntries, raftAppend, args, answer, nil)
}

// AppendEntriesPipeline implements raft.Transport. A pipeline would gain nothing: who
// appends to a shard waits for its entry before the next. And Raft has one ended by the
// first failure, of which it learns only from later answers.
func (r *raftTransport) AppendEntriesPipeline(raft.ServerID, raft.ServerAddress) (raft.AppendPipeline, error) {
	return nil, raft.ErrPipelineReplicationNotSupported
}

// RequestVote implements raft.Transport.
func (r *raftTransport) RequestVote(id raft.ServerID, _ raft.ServerAddress, args *raft.RequestVoteRequest, answer *raft.RequestVoteResponse) error {
	return r.call(id, ClassControl, raftVote, args, answer, nil)
}

// RequestPreVote implements raft.WithPreVote.
func (r *raftTransport) RequestPreVote(id raft.ServerID, _ raft.ServerAddress, args *raft.RequestPreVoteRequest, answer *raft.RequestPreVoteResponse) error {
	return r.call(id, ClassControl, raftPreVote, args, answer, nil)
}

// TimeoutNow implements raft.Transport.
func (r *raftTransport) TimeoutNow(id raft.ServerID, _ raft.ServerAddress, args *raft.TimeoutNowRequest, answer *raft.TimeoutNowResponse) error {
	return r.call(id, ClassControl, raftTimeoutNow, args, answer, nil)
}

// entriesBytes is how many bytes of entries a request has at most, unless it has one entry.
const entriesBytes = 16 << 20

// sendSome leaves only so many entries in a request as are to be sent at once. Raft counts
// as sent what the request has when the transport has taken it, and goes on behind that.
func sendSome(args *raft.AppendEntriesRequest) {
	bytes := 0
	for i, entry := range args.Entries {
		if bytes += len(entry.Data); bytes > entriesBytes && i > 0 {
			args.Entries = args.Entries[:i:i]
			return
		}
	}
}

// isHeartbeat tells whether a request has no other purpose than to be heard, as Raft's
// own network transport does.
func isHeartbeat(m *raft.AppendEntriesRequest) bool {
	return m.Term != 0 && m.PrevLogEntry == 0 && m.PrevLogTerm == 0 && len(m.Entries) == 0 && m.LeaderCommitIndex == 0
}

func timeoutOf(class Class) time.Duration {
	if class == ClassEntries {
		return entriesTimeout
	}
	return controlTimeout
}

// call sends a request, which may be patient, and decodes its answer.
func (r *raftTransport) call(id raft.ServerID, class Class, kind raftType, args, answer any, patient *atomic.Int64) error {
	ctx, cancel := context.WithTimeout(r.transport.rafts.ctx, timeoutOf(class))
	defer cancel()
	node, err := strconv.ParseUint(string(id), 10, 64)
	if err != nil {
		return fmt.Errorf("transport: %q is not a node's number", id)
	}
	l, err := r.transport.peer(node).link(class)
	if err != nil {
		return err
	}
	if entries, ok := args.(*raft.AppendEntriesRequest); ok {
		sendSome(entries)
	}
	request := encoder{}
	if err := request.encode(args); err != nil {
		return err
	}
	if len(request.buf) > largestOf(class)-1<<10 {
		return unreachable(node, errTooLarge)
	}
	head := append(binary.AppendUvarint(make([]byte, 0, 12), r.group), byte(kind))
	o := &outgoing{kind: frameRaft, head: head, body: request.buf, patient: patient}
	if class == ClassEntries {
		o.lane = r.lane
	}
	sent, err := l.begin(ctx, o)
	if err != nil {
		return err
	}
	body, err := l.wait(ctx, sent)
	if err != nil {
		return err
	}
	f := fields{data: body}
	return f.decode(answer)
}

// raft has a request of Raft handled.
func (s *server) raft(m message) error {
	f := fields{data: m.payload}
	group, kind := f.uvarint(), raftType(f.u8())
	if f.err != nil || s.class == ClassJoin {
		return errProtocol
	}
	r := s.transport.rafts.get(group)
	if r == nil {
		s.refuse(m.id, fmt.Errorf("it has nothing of group %d", group))
		return nil
	}
	request := newRequest(kind)
	if request == nil || kind == raftSnapshot {
		s.refuse(m.id, errRaftType)
		return nil
	}
	if err := f.decode(request); err != nil {
		return err
	}
	if s.heartbeat(r, m.id, request) {
		return nil
	}
	// Raft bears a request that nobody waits for any more, so none is cancelled.
	carryOut := func() {
		s.answer(s.ctx, m.id, func(ctx context.Context) ([]byte, outcome) {
			answer, err := r.handle(ctx, raft.RPC{Command: request})
			if err != nil {
				return nil, outcome{statusFailed, err}
			}
			return answer, outcome{}
		})
	}
	s.peer.stats.handled.Add(1)
	if s.class != ClassEntries {
		s.transport.run(carryOut)
	} else if !s.transport.lanes.add(laneKey{from: s.peer.node, group: group}, len(m.payload), carryOut) {
		s.refuse(m.id, errBusy)
	}
	return nil
}

// heartbeat answers a heartbeat of a term that the group knows of without leaving the
// goroutine that reads: Raft then only notes that it has heard of its leader. One of
// another term has Raft write its term to disk, and is for its main goroutine, which may be
// doing the same: with both at it, the lower of two terms could be the one that remains.
func (s *server) heartbeat(r *raftTransport, id uint64, request any) (done bool) {
	m, ok := request.(*raft.AppendEntriesRequest)
	beat := r.heartbeat.Load()
	if !ok || s.class != ClassControl || beat == nil || !isHeartbeat(m) || r.heard.Load() != m.Term {
		return false
	}
	answered := make(chan raft.RPCResponse, 1)
	(*beat)(raft.RPC{Command: m, RespChan: answered})
	select {
	case answer := <-answered:
		e := encoder{buf: []byte{byte(statusGiven)}}
		if answer.Error != nil || e.encode(answer.Response) != nil {
			return false
		}
		s.peer.stats.handled.Add(1)
		s.out.hurryUntold(&outgoing{kind: frameAnswer, id: id, body: e.buf})
		s.owing = true
		return true
	default:
		return false // Raft is being stopped
	}
}

// errRaftClosed says that a group is being stopped.
var errRaftClosed = errors.New("transport: the group has been stopped")

// handle gives a request to Raft and returns its answer, encoded.
func (r *raftTransport) handle(ctx context.Context, rpc raft.RPC) ([]byte, error) {
	answered := make(chan raft.RPCResponse, 1)
	rpc.RespChan = answered
	select {
	case r.consumer <- rpc:
	case <-r.closed:
		return nil, errRaftClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	select {
	case answer := <-answered:
		if answer.Error != nil {
			return nil, answer.Error
		}
		if m, ok := answer.Response.(*raft.AppendEntriesResponse); ok {
			r.answeredLeader(rpc.Command, m)
		}
		e := encoder{}
		err := e.encode(answer.Response)
		return e.buf, err
	case <-r.closed:
		return nil, errRaftClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// answeredLeader notes that Raft has the term of a leader that it has answered.
func (r *raftTransport) answeredLeader(request any, answer *raft.AppendEntriesResponse) {
	m, ok := request.(*raft.AppendEntriesRequest)
	if !ok || m.Term != answer.Term {
		return
	}
	for heard := r.heard.Load(); heard < m.Term && !r.heard.CompareAndSwap(heard, m.Term); heard = r.heard.Load() {
	}
}

// raftSnapshots is the method of the streams that carry Raft's snapshots.
const raftSnapshots = "raft/snapshot"

// InstallSnapshot implements raft.Transport. The request and then the snapshot go over a
// stream of their own:
//
//	stream := length u32 · group uvarint · request · snapshot
//	answer := status u8 · body, or the error's text
func (r *raftTransport) InstallSnapshot(id raft.ServerID, _ raft.ServerAddress, args *raft.InstallSnapshotRequest, answer *raft.InstallSnapshotResponse, data io.Reader) error {
	node, err := strconv.ParseUint(string(id), 10, 64)
	if err != nil {
		return fmt.Errorf("transport: %q is not a node's number", id)
	}
	stream, err := r.transport.Open(r.transport.rafts.ctx, node, raftSnapshots)
	if err != nil {
		return err
	}
	defer func() { _ = stream.Close() }() // everything has been said, or an error is told
	stop := context.AfterFunc(r.transport.rafts.ctx, func() { _ = stream.Close() })
	defer stop()
	e := encoder{buf: make([]byte, 4)}
	e.uints(r.group)
	if err := e.encode(args); err != nil {
		return err
	}
	binary.BigEndian.PutUint32(e.buf, uint32(len(e.buf)-4))
	if _, err := stream.Write(e.buf); err != nil {
		return err
	}
	if _, err := io.Copy(stream, data); err != nil {
		return err
	}
	body, err := io.ReadAll(io.LimitReader(stream, maxTotal))
	switch {
	case err != nil:
		return err
	case len(body) == 0:
		return io.ErrUnexpectedEOF
	case status(body[0]) != statusGiven:
		return &RemoteError{Node: node, Text: string(body[1:])}
	}
	f := fields{data: body[1:]}
	return f.decode(answer)
}

// serveSnapshot takes a snapshot that another node installs here.
func (t *Transport) serveSnapshot(ctx context.Context, _ uint64, stream io.ReadWriteCloser) {
	body, err := t.takeSnapshot(ctx, stream)
	answer := append([]byte{byte(statusGiven)}, body...)
	if err != nil {
		answer = append([]byte{byte(statusFailed)}, err.Error()...)
	}
	_, _ = stream.Write(answer) // who asked is gone when this fails
}

func (t *Transport) takeSnapshot(ctx context.Context, stream io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(stream, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxTotal {
		return nil, errProtocol
	}
	head := make([]byte, n)
	if _, err := io.ReadFull(stream, head); err != nil {
		return nil, err
	}
	f := fields{data: head}
	r := t.rafts.get(f.uvarint())
	request := &raft.InstallSnapshotRequest{}
	if err := f.decode(request); err != nil {
		return nil, err
	}
	if r == nil {
		return nil, errors.New("transport: it has nothing of the group")
	}
	// Raft's main goroutine reads it, and must not wait for a node that has gone silent.
	snapshot, err := io.ReadAll(io.LimitReader(stream, request.Size))
	if err != nil {
		return nil, err
	}
	return r.handle(ctx, raft.RPC{Command: request, Reader: bytes.NewReader(snapshot)})
}
