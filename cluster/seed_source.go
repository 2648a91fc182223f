package cluster

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/snappy"

	"millrace/log"
	"millrace/tables"
)

// seedSource lets other nodes copy this node's replicas. First it sends the partitions as
// they are, until little is missing, which needs nothing to be held; then it notes a
// state between two entries, and sends what is missing of the partitions and all keys, as
// of that state.
type seedSource struct {
	store *tables.Store
	pace  *pace
	// frameBytes is about how large the frames are.
	frameBytes int

	// sending counts the copies under way, sent the bytes of all, and nanoseconds the time
	// that they took.
	sending, sent, nanoseconds atomic.Int64

	mu       sync.Mutex
	last     uint64
	sessions map[uint64]*seedSession
}

// seedSession is a state of a shard that is being sent, or was interrupted.
type seedSession struct {
	number     uint64
	shard      int
	state      shardState
	partitions partitionsCapture
	snapshot   *tables.Snapshot
	// busy tells that a stream uses it; it goes when it has not been used until expires.
	busy    bool
	expires time.Time
}

// sessionAge is how long a state is kept for a receiver whose connection was lost.
const sessionAge = time.Minute

// warmBytes is how much of the partitions may be missing when the state is noted, and
// warmRounds how often is tried to get there.
const (
	warmBytes  = 8 << 20
	warmRounds = 4
)

// newSeedSource returns a source that sends at a pace.
func newSeedSource(store *tables.Store, pace *pace) *seedSource {
	return &seedSource{store: store, pace: pace, frameBytes: seedFrameBytes, sessions: map[uint64]*seedSession{}}
}

// serve answers one request over a stream; find returns the machine of a shard, nil when
// there is none.
func (s *seedSource) serve(ctx context.Context, stream io.ReadWriter, find func(shard int) *machine) error {
	s.sending.Add(1)
	defer s.sending.Add(-1)
	began := time.Now()
	defer func() { s.nanoseconds.Add(int64(time.Since(began))) }()
	kind, body, err := readSeedFrame(stream, nil)
	if err != nil {
		return err
	}
	if kind != seedRequest {
		return errMalformed
	}
	ask, err := decodeSeedAsk(body)
	if err != nil {
		return err
	}
	m := find(ask.shard)
	if m == nil {
		return s.refuse(stream, fmt.Errorf("there is no shard %d", ask.shard))
	}
	out := &seedStream{ctx: ctx, out: stream, source: s, machine: m, have: map[uint64]partitionState{}}
	for _, p := range ask.have {
		out.have[p.object] = p
	}
	session := s.resume(ask)
	if err := out.announce(ask.lastKey); err != nil {
		s.rest(session)
		return err
	}
	if session == nil {
		if err := out.warm(); err != nil {
			return s.refuse(stream, err)
		}
		if session, err = s.begin(m, ask); err != nil {
			return s.refuse(stream, err)
		}
	}
	err = out.send(session, ask.lastKey)
	if err != nil && out.interrupted {
		s.rest(session)
		return err
	}
	s.end(session)
	if err != nil {
		return s.refuse(stream, err)
	}
	return nil
}

// refuse tells the receiver why it gets nothing, and returns that.
func (s *seedSource) refuse(stream io.Writer, why error) error {
	return errors.Join(why, writeSeedFrame(stream, seedRefusal, []byte(why.Error())))
}

// begin notes a shard's state.
func (s *seedSource) begin(m *machine, ask *seedAsk) (*seedSession, error) {
	session := &seedSession{shard: m.shard, busy: true}
	if err := m.capture(session); err != nil {
		return nil, err
	}
	if session.state.stateIndex < ask.state {
		session.release()
		return nil, fmt.Errorf("this replica is at index %d, %d is needed", session.state.stateIndex, ask.state)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(time.Now())
	// Numbers of different nodes, or of different lives of one, are hardly ever equal.
	s.last = max(s.last+1, uint64(time.Now().UnixNano()))
	session.number = s.last
	s.sessions[session.number] = session
	return session, nil
}

// resume returns the session that a request continues; nil when there is none.
func (s *seedSource) resume(ask *seedAsk) *seedSession {
	s.mu.Lock()
	defer s.mu.Unlock()
	session := s.sessions[ask.session]
	if session == nil || session.busy || session.shard != ask.shard || session.state.stateIndex < ask.state {
		return nil
	}
	session.busy = true
	return session
}

// rest keeps an interrupted session for a while.
func (s *seedSource) rest(session *seedSession) {
	if session == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	session.busy, session.expires = false, time.Now().Add(sessionAge)
}

// end drops a session that has been sent.
func (s *seedSource) end(session *seedSession) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, session.number)
	session.release()
}

// expire drops the sessions that nobody has come back for; mu is held.
func (s *seedSource) expire(now time.Time) {
	for number, session := range s.sessions {
		if !session.busy && !now.Before(session.expires) {
			delete(s.sessions, number)
			session.release()
		}
	}
}

// tidy drops the sessions that nobody has come back for.
func (s *seedSource) tidy() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(time.Now())
}

// close drops all sessions. No stream may be served any more.
func (s *seedSource) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for number, session := range s.sessions {
		delete(s.sessions, number)
		session.release()
	}
}

// release lets go what a session holds.
func (s *seedSession) release() {
	s.partitions.unpin()
	_ = s.snapshot.Close() // it only lets go
}

// capture notes the shard's state between two entries.
func (m *machine) capture(session *seedSession) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.captureNow(session)
}

// captureNow is capture with mu held.
func (m *machine) captureNow(session *seedSession) error {
	if err := m.err(); err != nil {
		return err
	}
	if m.state < m.stored {
		return errors.New("this replica is still applying its log")
	}
	session.partitions = m.partitions.capture()
	session.state.stateIndex = m.state
	for _, p := range session.partitions.live {
		start, next := p.extent()
		state := partitionState{object: p.object, created: p.created, end: emptyAt(next)}
		state.end.StartOffset = start
		session.state.partitions = append(session.state.partitions, state)
	}
	session.partitions.pin()
	session.snapshot = m.tables.NewSnapshot()
	return nil
}

// seedStream is one stream of a source.
type seedStream struct {
	ctx     context.Context
	out     io.Writer
	source  *seedSource
	machine *machine
	// have is what the receiver has of each object's partition.
	have map[uint64]partitionState
	// interrupted tells that the stream has ended early. Another one can go on with the
	// session then, which it cannot when something of the session could not be read: the
	// replica was replaced, say.
	interrupted bool
	// body is the frame being made, batches what was read for it, and packed what of it is
	// compressed.
	body, batches, packed []byte
}

// frame sends a frame at the source's pace.
func (s *seedStream) frame(kind byte, body []byte) error {
	err := s.source.pace.take(s.ctx, len(body))
	if err == nil {
		s.source.sent.Add(int64(len(body)))
		err = writeSeedFrame(s.out, kind, body)
	}
	s.interrupted = s.interrupted || err != nil
	return err
}

// packedFrame sends a frame with a compressed body.
func (s *seedStream) packedFrame(kind byte, body []byte) error {
	s.packed = snappy.Encode(s.packed[:cap(s.packed)], body)
	return s.frame(kind, s.packed)
}

// announce tells about how many bytes follow. Keys take about as many as on disk, where they
// are compressed in the same way.
func (s *seedStream) announce(lastKey []byte) error {
	bytes := int64(0)
	for _, p := range s.machine.partitions.capture().live {
		opened, err := s.machine.partitions.open(p)
		if err != nil {
			continue // it is met again when it is to be sent
		}
		_, next := p.extent()
		bytes += opened.SizeFrom(s.from(p, next))
	}
	if keys, err := s.source.store.Shard(uint32(s.machine.shard)).DiskBytes(lastKey); err == nil { // as above
		bytes += int64(keys)
	}
	return s.frame(seedSize, binary.AppendUvarint(nil, uint64(bytes)))
}

// from is where what the receiver lacks of a partition that ends at an offset begins.
func (s *seedStream) from(p *partition, end int64) int64 {
	have, ok := s.have[p.object]
	if !ok || have.created != p.created || have.end.NextOffset > end {
		return 0
	}
	return have.end.NextOffset
}

// warm sends the partitions as they are, until little is missing.
func (s *seedStream) warm() error {
	for range warmRounds {
		sent := 0
		for _, p := range s.machine.partitions.capture().live {
			_, next := p.extent()
			n, err := s.partition(p, next)
			if err != nil && !gone(err) {
				return err
			}
			sent += n
		}
		if sent < warmBytes {
			return nil
		}
	}
	return nil
}

// gone tells whether a read has failed because the partition was dropped, or opened anew,
// meanwhile.
func gone(err error) bool { return errors.Is(err, log.ErrClosed) }

// partition sends what the receiver lacks of a partition before an offset, and returns how
// many bytes that were.
func (s *seedStream) partition(p *partition, end int64) (sent int, err error) {
	opened, err := s.machine.partitions.open(p)
	if err != nil {
		return 0, err
	}
	offset := s.from(p, end)
	for {
		offset = max(offset, opened.StartOffset())
		if offset >= end {
			return sent, nil
		}
		batches, err := opened.Read(offset, s.source.frameBytes, s.batches)
		var removed *log.OffsetOutOfRangeError
		if errors.As(err, &removed) && removed.Start > offset {
			continue // retention has gone on
		}
		if err != nil {
			return sent, err
		}
		s.batches = batches
		batches, offset = batchesBefore(batches, end)
		s.body = append(appendSeedRows(s.body[:0], p), batches...)
		if err := s.frame(seedRows, s.body); err != nil {
			return sent, err
		}
		sent += len(batches)
		s.have[p.object] = partitionState{object: p.object, created: p.created, end: emptyAt(offset)}
	}
}

// batchesBefore cuts the batches that begin at or behind an offset, and returns the
// offset behind the last one left. A state's end is always one of a batch, and rows that
// have been verified can be parsed.
func batchesBefore(batches []byte, end int64) (before []byte, next int64) {
	rest := batches
	for len(rest) > 0 {
		batch, behind, err := log.ParseBatch(rest)
		if err != nil || batch.BaseOffset >= end {
			break
		}
		next, rest = batch.NextOffset(), behind
	}
	return batches[:len(batches)-len(rest)], next
}

// send sends a session: its state, what is missing of the partitions, and the keys behind
// the last one that the receiver has.
func (s *seedStream) send(session *seedSession, lastKey []byte) error {
	point := seedState{session: session.number, shardState: session.state}
	if err := s.frame(seedPoint, point.encode()); err != nil {
		return err
	}
	ends := map[uint64]int64{}
	for i := range session.state.partitions {
		ends[session.state.partitions[i].object] = session.state.partitions[i].end.NextOffset
	}
	for _, p := range session.partitions.live {
		if _, err := s.partition(p, ends[p.object]); err != nil {
			return err
		}
	}
	if err := s.keys(session, lastKey); err != nil {
		return err
	}
	return s.frame(seedEnd, binary.AppendUvarint(nil, s.machine.applied.reached()))
}

// keys sends the keys behind a key.
func (s *seedStream) keys(session *seedSession, lastKey []byte) (err error) {
	from := lastKey
	if len(from) > 0 {
		from = append(bytes.Clone(from), 0)
	}
	it, err := session.snapshot.Shard(uint32(session.shard)).Scan(from, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	body := s.body[:0]
	for it.Next() {
		if kind, err := tables.KeyKind(it.Key()); err != nil || kind == tables.KindApplied {
			continue
		}
		body = appendSeedKey(body, it.Key(), it.Value())
		if len(body) < s.source.frameBytes {
			continue
		}
		if err := s.packedFrame(seedKeys, body); err != nil {
			return err
		}
		body = body[:0]
	}
	s.body = body
	if len(body) == 0 {
		return nil
	}
	return s.packedFrame(seedKeys, body)
}
