package transport

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// maxWaiting bounds the bytes in an outbox; one message that is larger is taken when
// nothing else waits.
const maxWaiting = MaxMessage

// maxWrite is about how much is given to the connection in one write.
const maxWrite = 4 * maxPart

// outbox holds what is to be written to a connection. Messages of a lane leave in their
// order; everything else leaves in turns, a part at a time, so that a large message
// delays no small one. Urgent ones go first. Patient ones wait for others to leave with,
// since it is writes that cost, not bytes.
type outbox struct {
	mu sync.Mutex
	// urgent and turns are sent from their fronts; lanes have those behind the first
	// of a lane, which is in turns.
	urgent, turns []*outgoing
	lanes         map[string][]*outgoing
	// patient ones leave with the next that does, at the latest when timer fires, which
	// it will when there are any.
	patient []*outgoing
	timer   *time.Timer
	// epoch aligns the timers of all outboxes, so that they fire together.
	epoch time.Time
	// waiting is the number of bytes in turns and lanes.
	waiting int
	// room is closed, and replaced, when waiting has become less.
	room chan struct{}
	// closed is why nothing is sent any more.
	closed error

	// ready has a value when there may be something to write.
	ready chan struct{}
}

// outgoing is a message on its way to the connection.
type outgoing struct {
	kind frameKind
	id   uint64
	// head and body are one after the other the message's bytes.
	head, body []byte
	// lane orders the message among others, unless it is "".
	lane string
	// patient has a small message wait for company, up to patience, as long as what it
	// points to is 0; nil for none.
	patient *atomic.Int64

	// sent is the number of bytes that have been given to the connection, and begun
	// that any frame has. Both are the outbox's.
	sent  int
	begun bool
	// dropped has the message left where it is.
	dropped bool
}

func (o *outgoing) size() int { return len(o.head) + len(o.body) }

// patience is how long a patient message waits for company. Raft's heartbeats, sent every
// tenth to fifth of an election timeout of a second, come up to that much later, and are
// missed when that has passed.
const patience = 100 * time.Millisecond

func newOutbox(epoch time.Time) *outbox {
	return &outbox{epoch: epoch, lanes: map[string][]*outgoing{}, room: make(chan struct{}), ready: make(chan struct{}, 1)}
}

// put waits for room and takes a message, whose bytes must not change until it has been
// sent or dropped.
func (b *outbox) put(ctx context.Context, o *outgoing) error {
	for {
		room, err := b.offer(o)
		if room == nil {
			return err
		}
		select {
		case <-room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// offer takes a message, or returns a channel that is closed when there may be room.
func (b *outbox) offer(o *outgoing) (room <-chan struct{}, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed != nil {
		return nil, b.closed
	}
	if b.waiting > 0 && b.waiting+o.size() > maxWaiting {
		return b.room, nil
	}
	behind, busy := b.lanes[o.lane]
	if o.patient != nil && o.patient.Load() == 0 && !busy {
		b.wait(o)
		return nil, nil
	}
	b.waiting += o.size()
	if o.lane != "" && busy {
		b.lanes[o.lane] = append(behind, o)
	} else {
		if o.lane != "" {
			b.lanes[o.lane] = nil
		}
		b.turns = append(b.turns, o)
	}
	b.wake()
	return nil, nil
}

// wait has a message wait for company. The caller holds the lock.
func (b *outbox) wait(o *outgoing) {
	b.patient = append(b.patient, o)
	if len(b.patient) > 1 {
		return
	}
	left := patience - time.Since(b.epoch)%patience
	if b.timer == nil {
		b.timer = time.AfterFunc(left, b.wake)
	} else {
		b.timer.Reset(left)
	}
}

// rush sends what is patient.
func (b *outbox) rush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.patient) > 0 {
		b.wake()
	}
}

// hurry takes a small message that goes before all others.
func (b *outbox) hurry(o *outgoing) {
	b.hurryUntold(o)
	b.wake()
}

// hurryUntold is hurry for who calls wake later.
func (b *outbox) hurryUntold(o *outgoing) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed == nil {
		b.urgent = append(b.urgent, o)
	}
}

// drop takes a message back as far as that is possible, and tells whether any of it
// may have been sent.
func (b *outbox) drop(o *outgoing) (begun bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o.dropped = true
	return o.begun
}

// began tells whether any of a message may have been sent.
func (b *outbox) began(o *outgoing) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return o.begun
}

// wake has the writer look. It may be called without the lock.
func (b *outbox) wake() {
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

// close drops everything; nothing is taken any more.
func (b *outbox) close(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed != nil {
		return
	}
	b.closed = err
	b.urgent, b.patient, b.turns, b.lanes, b.waiting = nil, nil, nil, nil, 0
	if b.timer != nil {
		b.timer.Stop()
	}
	close(b.room)
	b.wake()
}

// next appends frames to buf: about maxWrite bytes, nothing when there is nothing. err
// is set once the outbox is closed.
func (b *outbox) next(buf []byte) (frames []byte, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed != nil {
		return buf, b.closed
	}
	buf = sendAll(sendAll(buf, b.urgent), b.patient)
	clear(b.urgent)
	clear(b.patient)
	b.urgent, b.patient = b.urgent[:0], b.patient[:0]
	if b.timer != nil {
		b.timer.Stop()
	}
	before := b.waiting
	for len(b.turns) > 0 && len(buf) < maxWrite {
		o := b.turns[0]
		b.turns[0] = nil
		b.turns = b.turns[1:]
		buf = b.sendPart(buf, o)
	}
	if b.waiting < before {
		close(b.room)
		b.room = make(chan struct{})
	}
	return buf, nil
}

// sendAll appends small messages.
func sendAll(buf []byte, messages []*outgoing) []byte {
	for _, o := range messages {
		if o.dropped {
			continue
		}
		o.sent, o.begun = o.size(), true
		start := len(buf)
		buf = appendFrameHead(buf, o.size(), o.size(), o.id, o.kind)
		buf = append(append(buf, o.head...), o.body...)
		sealFrame(buf[start:])
	}
	return buf
}

// sendPart appends a message's next frame, and puts into turns what comes next of it or
// behind it.
func (b *outbox) sendPart(buf []byte, o *outgoing) []byte {
	total := o.size()
	left := total - o.sent
	if o.dropped {
		b.waiting -= left
		b.follow(o)
		return buf
	}
	here := min(left, maxPart)
	start := len(buf)
	buf = appendFrameHead(buf, here, total, o.id, o.kind)
	end := o.sent + here
	if o.sent < len(o.head) {
		buf = append(buf, o.head[o.sent:min(end, len(o.head))]...)
	}
	if end > len(o.head) {
		buf = append(buf, o.body[max(0, o.sent-len(o.head)):end-len(o.head)]...)
	}
	sealFrame(buf[start:])
	o.sent, o.begun = end, true
	b.waiting -= here
	if end < total {
		b.turns = append(b.turns, o)
	} else {
		b.follow(o)
	}
	return buf
}

// follow puts the message behind one of its lane into turns.
func (b *outbox) follow(o *outgoing) {
	if o.lane == "" {
		return
	}
	behind := b.lanes[o.lane]
	if len(behind) == 0 {
		delete(b.lanes, o.lane)
		return
	}
	b.turns = append(b.turns, behind[0])
	b.lanes[o.lane] = behind[1:]
}
