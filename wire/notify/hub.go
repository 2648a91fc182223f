// Package notify carries notifications between the sessions of a node, and of the
// cluster's other nodes, for LISTEN and NOTIFY (https://www.postgresql.org/docs/15/sql-notify.html).
//
// Invariants:
//   - A transaction's notifications are queued together, and those of several
//     transactions in the order in which these commit: Commit lets one transaction
//     with notifications commit at a time.
//   - A notification is queued for who listens to its channel at that moment, and
//     given to who still does when it is taken.
//   - What is queued is in memory once, however many listeners it waits for, and all
//     of it together is bounded: when the queue is full, whoever notifies fails, as in
//     PostgreSQL. Changes of relations are bounded for each listener: see Source. A
//     listener that has nothing to take costs no memory beyond its channels, and no
//     goroutine.
package notify

import (
	"context"
	"maps"
	"slices"
	"sync"

	"millrace/sql/sqlerr"
)

// Notification is a message to the listeners of a channel.
type Notification struct {
	Channel, Payload string
	// ProcessID is that of the client whose transaction sent it.
	ProcessID int32
}

// Hub knows who listens to what on a node. It is safe for concurrent use.
type Hub struct {
	// limit bounds the bytes that are queued.
	limit int
	// committing holds one value while a transaction with notifications commits.
	committing chan struct{}
	// relay reaches the other nodes' hubs; nil where there are none.
	relay *relay

	mu       sync.Mutex
	channels map[string]map[*Listener]struct{}
	// bytes are what NOTIFY has queued, changeBytes what sources have.
	bytes, changeBytes int
}

// defaultLimit bounds what is queued on a node, in bytes.
const defaultLimit = 64 << 20

// NewHub returns a hub whose queue holds limit bytes; 0 means 64 MiB.
func NewHub(limit int) *Hub {
	if limit == 0 {
		limit = defaultLimit
	}
	return &Hub{limit: limit, committing: make(chan struct{}, 1), channels: make(map[string]map[*Listener]struct{})}
}

// Listener is a session that listens. Wake is called when something is there to be
// taken and nothing was before, and end when notifications were missed, which the
// client is to see by the end of its connection. They do not wait and call nothing of
// the hub.
type Listener struct {
	hub       *Hub
	wake, end func()
	// channels are those listened to, in the order in which that began, and queue what
	// was not taken yet; under hub.mu.
	channels []string
	queue    []*queued
	// sources are those that are followed, by channel; skipping are the channels whose
	// changes are left out until the queue is empty, and changeBytes is what the changes
	// in the queue take; under hub.mu.
	sources     map[string]*Source
	skipping    map[string]struct{}
	changeBytes int
}

// queued is a notification on its way to one or more listeners.
type queued struct {
	Notification
	// waiting is how many listeners have it in their queues.
	waiting int
	// change says that a source sent it.
	change bool
}

// What a queued notification takes besides its text, and in each queue.
const (
	queuedBytes = 64
	slotBytes   = 8
)

func (q *queued) bytes() int { return queuedBytes + len(q.Channel) + len(q.Payload) }

// NewListener returns a listener to nothing.
func (h *Hub) NewListener(wake, end func()) *Listener {
	return &Listener{hub: h, wake: wake, end: end}
}

// Commit has write make a transaction's writes, and then queues what it notifies,
// each for the listeners of its channel. When the queue is full, or the writes fail,
// nothing is queued. Until then other transactions with notifications wait to commit,
// no longer than ctx.
func (h *Hub) Commit(ctx context.Context, notifications []Notification, write func() error) error {
	if len(notifications) == 0 {
		return write()
	}
	select {
	case h.committing <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-h.committing }()
	if err := h.room(notifications, h.relay.room(notifications)); err != nil {
		return err
	}
	if err := write(); err != nil {
		return err
	}
	h.queue(notifications)
	h.relay.send(notifications)
	return nil
}

// room refuses notifications that would not fit into the queue besides some bytes that
// wait for other nodes.
func (h *Hub) room(notifications []Notification, waiting int) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	bytes := h.bytes + waiting
	for i := range notifications {
		if listeners := len(h.channels[notifications[i].Channel]); listeners > 0 {
			q := queued{Notification: notifications[i]}
			bytes += q.bytes() + slotBytes*listeners
		}
	}
	if bytes > h.limit {
		return sqlerr.New(sqlerr.ProgramLimitExceeded, -1, "too many notifications in the NOTIFY queue").
			WithDetail("The notifications that listeners have not taken would have %d bytes; at most %d are kept.", bytes, h.limit).
			WithHint("A client takes none while it is in a transaction.")
	}
	return nil
}

// queue gives notifications to their listeners.
func (h *Hub) queue(notifications []Notification) {
	woken := make(map[*Listener]struct{})
	h.mu.Lock()
	for i := range notifications {
		listeners := h.channels[notifications[i].Channel]
		if len(listeners) == 0 {
			continue
		}
		q := &queued{Notification: notifications[i]}
		for l := range listeners {
			if len(l.queue) == 0 {
				woken[l] = struct{}{}
			}
			l.append(q)
		}
	}
	h.mu.Unlock()
	for l := range woken {
		l.wake()
	}
}

// append adds to the queue. The caller holds hub.mu.
func (l *Listener) append(q *queued) {
	used := l.hub.used(q)
	if q.waiting == 0 {
		*used += q.bytes()
	}
	*used += slotBytes
	q.waiting++
	if q.change {
		l.changeBytes += q.bytes()
	}
	l.queue = append(l.queue, q)
}

// taken notes that a notification is in the listener's queue no more. The caller holds
// hub.mu.
func (l *Listener) taken(q *queued) {
	used := l.hub.used(q)
	*used -= slotBytes
	if q.waiting--; q.waiting == 0 {
		*used -= q.bytes()
	}
	if q.change {
		l.changeBytes -= q.bytes()
	}
}

// used is the count of bytes to which a notification belongs.
func (h *Hub) used(q *queued) *int {
	if q.change {
		return &h.changeBytes
	}
	return &h.bytes
}

// endListeners ends those who listen to something.
func (h *Hub) endListeners() {
	ended := make(map[*Listener]struct{})
	h.mu.Lock()
	for _, listeners := range h.channels {
		maps.Copy(ended, listeners)
	}
	h.mu.Unlock()
	for l := range ended {
		l.end()
	}
}

// Usage is the part of the queue that is in use, from 0 to 1: what listeners have not
// taken, and what other nodes have not.
func (h *Hub) Usage() float64 {
	waiting := h.relay.room(nil)
	h.mu.Lock()
	defer h.mu.Unlock()
	return float64(h.bytes+waiting) / float64(h.limit)
}

// Listen begins to listen to a channel, and reports whether that is new.
func (l *Listener) Listen(channel string) bool {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	if l.hub.listens(l, channel) {
		return false
	}
	l.channels = append(l.channels, channel)
	if l.hub.channels[channel] == nil {
		l.hub.channels[channel] = make(map[*Listener]struct{})
	}
	l.hub.channels[channel][l] = struct{}{}
	return true
}

// listens reports whether a listener listens to a channel.
func (h *Hub) listens(l *Listener, channel string) bool {
	_, listens := h.channels[channel][l]
	return listens
}

// Unlisten stops to listen to a channel. What is queued for it will not be taken.
func (l *Listener) Unlisten(channel string) {
	l.hub.mu.Lock()
	var left leaving
	if i := slices.Index(l.channels, channel); i >= 0 {
		l.channels = slices.Delete(l.channels, i, i+1)
		l.leave(channel)
		left = l.unfollow(channel)
		if len(l.channels) == 0 {
			l.channels = nil
			l.drop()
		}
	}
	l.hub.mu.Unlock()
	left.call()
}

// leave takes the listener from those of a channel.
func (l *Listener) leave(channel string) {
	listeners := l.hub.channels[channel]
	delete(listeners, l)
	if len(listeners) == 0 {
		delete(l.hub.channels, channel)
	}
}

// drop empties the queue.
func (l *Listener) drop() {
	for _, q := range l.queue {
		l.taken(q)
	}
	l.queue, l.skipping = nil, nil
}

// Channels returns the channels listened to, in the order in which that began.
func (l *Listener) Channels() []string {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	return slices.Clone(l.channels)
}

// takenAtOnce is how many notifications one Take returns at most.
const takenAtOnce = 64

// Take takes the first notifications of the queue; nil when it is empty.
func (l *Listener) Take() []Notification {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	var list []Notification
	taken := 0
	for taken < len(l.queue) && len(list) < takenAtOnce {
		q := l.queue[taken]
		if l.hub.listens(l, q.Channel) {
			list = append(list, q.Notification)
		}
		l.taken(q)
		taken++
	}
	clear(l.queue[:taken])
	if l.queue = l.queue[taken:]; len(l.queue) == 0 {
		l.queue, l.skipping = nil, nil
	}
	return list
}

// Close stops listening to anything and lets go of what is queued.
func (l *Listener) Close() {
	l.hub.mu.Lock()
	var left leaving
	for _, channel := range l.channels {
		l.leave(channel)
		left = append(left, l.unfollow(channel)...)
	}
	l.channels = nil
	l.drop()
	l.hub.mu.Unlock()
	left.call()
}
