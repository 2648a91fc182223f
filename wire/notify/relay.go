package notify

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A relay brings what transactions notify on one node of a cluster to the hubs of the
// others.
//
// Invariants:
//   - What is queued for another node is numbered, and sent again until that node has
//     taken it; what it has taken before it passes over. So each notification gets
//     there once, those of one node in the order of its commits.
//   - What is queued for other nodes counts as in the queue: whoever notifies fails
//     while too much of it waits. A hub whose own queue is full takes nothing.
//   - What waits for a node that takes nothing for too long is let go. When that node
//     is reached again, it is told, and ends the connections of those who listen: they
//     see that they may have missed something. A node that starts says so (hello), and
//     gets what is notified from then on.
//
// Locks are taken in this order: the relay's, the hub's.
type relay struct {
	hub     *Hub
	peers   Peers
	options RelayOptions
	// life tells this hub from those that its node had before.
	life   uint64
	ctx    context.Context
	cancel context.CancelFunc
	// bytes are those of all outboxes.
	bytes   atomic.Int64
	running sync.WaitGroup

	mu       sync.Mutex
	outboxes map[uint64]*outbox
	senders  map[uint64]*sender
	closing  bool
}

// Peers are the nodes of the cluster, which ask each other by methods that each of them
// handles. Call's error says that the answer did not come; the request may have been
// handled all the same.
type Peers interface {
	Self() uint64
	Members() []uint64
	Handle(method string, handler func(ctx context.Context, from uint64, request []byte) ([]byte, error))
	Call(ctx context.Context, node uint64, method string, request []byte) ([]byte, error)
}

// RelayOptions are what a hub needs to reach those of other nodes.
type RelayOptions struct {
	Logger *slog.Logger
	// Now is the clock and After its timer; nil means the time package's.
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
}

const (
	relayMethod = "notify.relay"
	helloMethod = "notify.hello"

	// relayPiece is about how many bytes are sent at once.
	relayPiece = 64 << 10
	// relayTimeout bounds a call, and relayPause is the time between attempts, the long
	// one where these have failed for relayPatience.
	relayTimeout   = 2 * time.Second
	relayPause     = 100 * time.Millisecond
	longRelayPause = time.Second
	// relayPatience is how long a node may take nothing before what waits for it goes.
	relayPatience = 10 * time.Second
)

// Join has the hub exchange notifications with those of the other nodes, and returns
// when these know of it, as far as they can be reached before ctx ends. It is called
// once, before anybody listens.
func (h *Hub) Join(ctx context.Context, peers Peers, options RelayOptions) {
	var life [8]byte
	_, _ = rand.Read(life[:]) // never fails (crypto/rand)
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.After == nil {
		options.After = time.After
	}
	r := &relay{
		hub: h, peers: peers, options: options, life: binary.BigEndian.Uint64(life[:]) | 1,
		outboxes: map[uint64]*outbox{}, senders: map[uint64]*sender{},
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	h.relay = r
	peers.Handle(relayMethod, r.take)
	peers.Handle(helloMethod, r.welcome)
	r.hello(ctx)
}

// Leave waits until the other nodes have what was queued for them, or ctx ends. Nothing
// is queued for them afterwards.
func (h *Hub) Leave(ctx context.Context) {
	r := h.relay
	if r == nil {
		return
	}
	r.mu.Lock()
	r.closing = true
	r.mu.Unlock()
	stop := context.AfterFunc(ctx, r.cancel)
	defer stop()
	r.running.Wait()
	r.cancel()
}

// hello tells the other nodes that this hub is new.
func (r *relay) hello(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, relayTimeout)
	defer cancel()
	var asked sync.WaitGroup
	for _, node := range r.peers.Members() {
		if node == r.peers.Self() {
			continue
		}
		asked.Go(func() {
			if _, err := r.peers.Call(ctx, node, helloMethod, binary.BigEndian.AppendUint64(nil, r.life)); err != nil {
				r.options.Logger.Info("a node does not know yet that this one takes notifications", "node", node, "error", err)
			}
		})
	}
	asked.Wait()
}

// welcome answers hello: nothing of what waits for the node's former hub is for the new
// one.
func (r *relay) welcome(_ context.Context, from uint64, request []byte) ([]byte, error) {
	if len(request) != 8 {
		return nil, errBadMessage
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if o := r.outboxes[from]; o != nil {
		o.drop()
		o.lost, o.receiver = false, binary.BigEndian.Uint64(request)
	}
	return nil, nil
}

// outbox is what waits for another node.
type outbox struct {
	relay *relay
	node  uint64
	// queue are the notifications, first is the number of the first of them, and bytes
	// what they take.
	queue []Notification
	first uint64
	bytes int
	// lost says that some before the first were let go, which the node is to be told.
	lost bool
	// receiver is the life of the node's hub, 0 where it is not known.
	receiver uint64
	// failing is since when the node has taken nothing; zero while it does.
	failing time.Time
	// sending says that a goroutine sees to the queue.
	sending bool
}

// drop lets go of what waits.
func (o *outbox) drop() {
	o.first += uint64(len(o.queue))
	o.relay.bytes.Add(-int64(o.bytes))
	o.queue, o.bytes = nil, 0
}

// room is how many bytes would wait for other nodes if notifications were queued for
// them; 0 without a relay.
func (r *relay) room(notifications []Notification) int {
	if r == nil {
		return 0
	}
	return int(r.bytes.Load()) + bytesOf(notifications)*(len(r.peers.Members())-1)
}

// bytesOf is what notifications take while they wait for a node.
func bytesOf(notifications []Notification) int {
	bytes := 0
	for i := range notifications {
		bytes += (&queued{Notification: notifications[i]}).bytes()
	}
	return bytes
}

// send queues notifications for all other nodes; without a relay there are none.
func (r *relay) send(notifications []Notification) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return
	}
	for _, node := range r.peers.Members() {
		if node == r.peers.Self() {
			continue
		}
		o := r.outboxes[node]
		if o == nil {
			o = &outbox{relay: r, node: node, first: 1}
			r.outboxes[node] = o
		}
		bytes := bytesOf(notifications)
		o.queue, o.bytes = append(o.queue, notifications...), o.bytes+bytes
		r.bytes.Add(int64(bytes))
		if !o.sending {
			o.sending = true
			r.running.Go(func() { r.carry(o) })
		}
	}
}

// carry sends what is in an outbox until it is empty.
func (r *relay) carry(o *outbox) {
	for {
		m, more := r.next(o)
		if !more {
			return
		}
		ctx, cancel := context.WithTimeout(r.ctx, relayTimeout)
		answer, err := r.peers.Call(ctx, o.node, relayMethod, m.encode())
		cancel()
		if err == nil && r.taken(o, m, answer) {
			continue
		}
		pause := relayPause
		if r.failed(o, err) {
			pause = longRelayPause
		}
		select {
		case <-r.options.After(pause):
		case <-r.ctx.Done():
		}
	}
}

// next returns what is to be sent next; more is false when there is nothing, and nobody
// sees to the outbox any more.
func (r *relay) next(o *outbox) (m *message, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.peers.Members(), o.node) {
		o.drop()
		delete(r.outboxes, o.node)
		o.lost = false
	}
	if len(o.queue) == 0 && (!o.lost || r.closing) || r.ctx.Err() != nil {
		o.sending = false
		return nil, false
	}
	m = &message{from: r.life, to: o.receiver, first: o.first, lost: o.lost}
	for bytes := 0; len(m.notifications) < len(o.queue) && bytes < relayPiece; {
		n := o.queue[len(m.notifications)]
		bytes += len(n.Channel) + len(n.Payload)
		m.notifications = append(m.notifications, n)
	}
	return m, true
}

// The answers of a hub to a message.
const (
	answerTaken    = iota // what was sent is queued here
	answerFull            // the queue is full: to be sent again
	answerStranger        // the message is for a former hub of the node
)

// taken notes a node's answer, and reports whether what was sent is there.
func (r *relay) taken(o *outbox, m *message, answer []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(answer) != 9 {
		return false
	}
	if answer[0] == answerTaken && o.first == m.first { // else what was sent has been let go meanwhile
		taken := len(m.notifications)
		bytes := bytesOf(o.queue[:taken])
		o.bytes -= bytes
		r.bytes.Add(-int64(bytes))
		clear(o.queue[:taken])
		o.queue, o.first, o.lost = o.queue[taken:], o.first+uint64(taken), false
	}
	o.receiver = binary.BigEndian.Uint64(answer[1:])
	if answer[0] != answerFull {
		o.failing = time.Time{}
		return true
	}
	return false
}

// failed notes that a node has taken nothing, and reports whether that is so for a long
// time. What waits for a node that cannot be reached so long goes; err is nil for one
// whose queue is full.
func (r *relay) failed(o *outbox, err error) (long bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.options.Now()
	if o.failing.IsZero() {
		o.failing = now
	}
	if long = now.Sub(o.failing) >= relayPatience; !long || err == nil || len(o.queue) == 0 {
		return long
	}
	if !o.lost {
		r.options.Logger.Warn("a node cannot be reached and misses notifications", "node", o.node, "error", err)
	}
	o.drop()
	o.lost = true
	return true
}

// sender is what this hub has taken of another one's.
type sender struct {
	// life is that of the other hub, and next the number that it sends next.
	life, next uint64
}

// take queues what another node sends.
func (r *relay) take(_ context.Context, from uint64, request []byte) ([]byte, error) {
	m, err := decodeMessage(request)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	answer := binary.BigEndian.AppendUint64([]byte{answerTaken}, r.life)
	if m.to != 0 && m.to != r.life {
		answer[0] = answerStranger
		return answer, nil
	}
	s := r.senders[from]
	if s == nil || s.life != m.from {
		s = &sender{life: m.from, next: m.first}
		r.senders[from] = s
	}
	missed := m.first > s.next || m.lost && m.first == s.next
	if m.first < s.next {
		m.notifications = m.notifications[min(s.next-m.first, uint64(len(m.notifications))):]
	}
	if len(m.notifications) > 0 && r.hub.room(m.notifications, 0) != nil {
		answer[0] = answerFull
		return answer, nil
	}
	if missed {
		r.options.Logger.Warn("notifications of another node were missed; connections that listen are ended", "node", from)
		r.hub.endListeners()
	}
	s.next = max(s.next, m.first) + uint64(len(m.notifications))
	r.hub.queue(m.notifications)
	return answer, nil
}
