package exec

import (
	"context"
	"errors"
	"sync"
)

// The bounds of what one tick takes and what waits for it.
const (
	tickBytes     = 1 << 20
	tickRequests  = 4096
	deliveryBytes = 4 << 20
	queuedBytes   = 16 << 20
)

// queue is what waits for the next tick. Appends beyond its bound block their
// sessions; deliveries, acknowledgements and the steps of transactions are
// always taken.
type queue struct {
	mu              sync.Mutex
	room            sync.Cond
	appends         []*request
	steps           []*request
	deliveries      []*delivery
	acknowledgments []acknowledgement
	producers       []uint64 // of writers that are closed
	bytes           int      // of appends, waiting and in the current tick
	// refused is why nothing is taken: another node leads the shard (ErrNotLeader), or
	// this one is shutting down (ErrStopped, for good).
	refused error
	wake    chan struct{}
}

func newQueue() *queue {
	q := &queue{wake: make(chan struct{}, 1)}
	q.room.L = &q.mu
	return q
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// submit queues a request and returns; its done is called with the outcome. An
// append waits for room, as long as ctx allows. After an error done is not
// called.
func (q *queue) submit(ctx context.Context, r *request) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if r.kind == requestAppend {
		if err := q.waitForRoom(ctx); err != nil {
			return err
		}
	}
	if q.refused != nil {
		return q.refused
	}
	if r.kind == requestAppend {
		q.bytes += r.bytes
		q.appends = append(q.appends, r)
	} else {
		q.steps = append(q.steps, r)
	}
	q.signal()
	return nil
}

// forget has a closed writer's producer forgotten with the next entry. It wakes
// the loop only when many have gathered.
func (q *queue) forget(producer uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.refused != nil {
		return
	}
	q.producers = append(q.producers, producer)
	if len(q.producers) >= manyProducers {
		q.signal()
	}
}

// keep takes producers back that a tick did not forget.
func (q *queue) keep(producers []uint64) {
	if len(producers) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.producers = append(producers, q.producers...)
}

// waitForRoom waits until an append may be queued. The lock is held on entry and
// exit.
func (q *queue) waitForRoom(ctx context.Context) error {
	if q.bytes < queuedBytes || q.refused != nil {
		return nil
	}
	stop := context.AfterFunc(ctx, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.room.Broadcast()
	})
	defer stop()
	for q.bytes >= queuedBytes && q.refused == nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		q.room.Wait()
	}
	return nil
}

// deliver queues a delivery, where the shard is led here; its sender sends it again
// where it is not.
func (q *queue) deliver(d *delivery) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.refused != nil {
		return
	}
	q.deliveries = append(q.deliveries, d)
	q.signal()
}

// acknowledge is deliver for an acknowledgement.
func (q *queue) acknowledge(a acknowledgement) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.refused != nil {
		return
	}
	q.acknowledgments = append(q.acknowledgments, a)
	q.signal()
}

// take returns a tick's worth of what waits.
func (q *queue) take() *tickInputs {
	q.mu.Lock()
	defer q.mu.Unlock()
	in := &tickInputs{acknowledgments: q.acknowledgments, producers: q.producers}
	q.acknowledgments, q.producers = nil, nil
	var steps, appends []*request
	steps, q.steps = takeRequests(q.steps)
	appends, q.appends = takeRequests(q.appends)
	in.requests = append(steps, appends...)
	n, bytes := 0, 0
	for n < len(q.deliveries) && bytes < deliveryBytes {
		bytes += deliverySize(q.deliveries[n])
		n++
	}
	in.deliveries, q.deliveries = q.deliveries[:n:n], q.deliveries[n:]
	if len(q.appends)+len(q.steps)+len(q.deliveries) > 0 {
		q.signal()
	}
	return in
}

// takeRequests parts requests into those of one tick, at least one, and the
// rest.
func takeRequests(waiting []*request) (taken, rest []*request) {
	n, bytes := 0, 0
	for n < len(waiting) && n < tickRequests && (n == 0 || bytes+waiting[n].bytes <= tickBytes) {
		bytes += waiting[n].bytes
		n++
	}
	return waiting[:n:n], waiting[n:]
}

// deliverySize estimates a delivery's size in bytes.
func deliverySize(d *delivery) int {
	switch {
	case d.sent == nil:
		return len(d.payload)
	case d.sent.rows == nil:
		return 16
	default:
		return batchBytes(d.sent.rows)
	}
}

// answered makes room for the sessions that wait for it.
func (q *queue) answered(replies []reply) {
	if len(replies) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range replies {
		if r := replies[i].request; r.kind == requestAppend {
			q.bytes -= r.bytes
		}
	}
	q.room.Broadcast()
}

// takeAll takes every request that waits.
func (q *queue) takeAll() []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := append(q.appends, q.steps...)
	q.appends, q.steps = nil, nil
	return taken
}

// accept has the queue take what comes again, once its loop leads the shard.
func (q *queue) accept() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !errors.Is(q.refused, ErrStopped) {
		q.refused = nil
	}
}

// giveUp takes everything that waits, and has the queue refuse what comes. The requests
// are to be answered by the caller; room that they and the current tick's took is free.
func (q *queue) giveUp(why error) (waiting []*request, producers []uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	waiting, producers = append(q.appends, q.steps...), q.producers
	q.appends, q.steps, q.deliveries, q.acknowledgments, q.producers = nil, nil, nil, nil, nil
	q.bytes = 0
	if !errors.Is(q.refused, ErrStopped) {
		q.refused = why
	}
	q.room.Broadcast()
	return waiting, producers
}
