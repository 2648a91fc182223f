package exec

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// shardLoop is the goroutine around a core: it gathers what arrives, lets the
// core make an entry, has it replicated, and then tells everyone.
//
// Order of a tick: gather, run the core, propose and wait until applied, publish
// (status, changes to subscribers, notice of new rows), reply to sessions, send
// deliveries and acknowledgements. One entry is in flight; what arrives
// meanwhile is the next tick's.
//
// After any error of a proposal the fate of the entry is unknown: the loop loads
// the core again behind a Barrier and offers the tick's requests anew, which the
// producers' sequences and the transactions' records make safe; deliveries of
// the tick are asked for again.
type shardLoop struct {
	engine *Engine
	number int
	log    ShardLog
	core   *core
	logger *slog.Logger

	queue  queue
	status status
	feed   feed

	base uint64
	// deferred requests wait for another transaction's keys, and held deliveries
	// for a catalog version.
	deferred []*request
	held     []*delivery
	retainAt time.Time
	// failure is what keeps the shard from working, failingSince since when; zero
	// while it works.
	failure      error
	failingSince time.Time
}

// retainEvery is how often retention is applied.
const retainEvery = 10 * time.Second

// restartDelay is how long a loop waits before it tries again after an error.
const restartDelay = 100 * time.Millisecond

// refuseAfter is how long a shard may be unable to work before what waits for it
// is answered with an error.
const refuseAfter = time.Second

// run is the loop's goroutine. It ends with ctx.
func (l *shardLoop) run(ctx context.Context) {
	for ctx.Err() == nil {
		err := l.lead(ctx)
		if ctx.Err() != nil {
			break
		}
		l.logger.Error("the shard's loop starts again", "shard", l.number, "error", err)
		l.failed(err)
		select {
		case <-ctx.Done():
		case <-l.engine.after(restartDelay):
		}
	}
	l.queue.close()
	for _, r := range l.deferred {
		r.done(false, ErrStopped)
	}
}

// failed notes an error that keeps the shard from working.
func (l *shardLoop) failed(err error) {
	if l.failingSince.IsZero() {
		// The first error is the cause; those that follow it (no leader, no barrier)
		// say less.
		l.failure, l.failingSince = err, l.engine.now()
	}
	l.status.setFailure(l.failure)
	if l.engine.now().Sub(l.failingSince) > refuseAfter {
		l.refuse()
	}
}

// refuse answers what waits for a shard that cannot work: with 40003 what may be
// in the log already, and with the cause what certainly is not. The resolver
// goes on with transactions.
func (l *shardLoop) refuse() {
	cause := l.failure
	if cause == nil {
		cause = sqlerr.New(sqlerr.CannotConnectNow, -1, "shard %d is not ready", l.number)
	}
	replies := make([]reply, 0, len(l.deferred))
	for _, r := range l.deferred {
		replies = append(replies, reply{request: r})
		r.done(false, sqlerr.New(sqlerr.StatementCompletionUnknown, -1, "the outcome of the statement is unknown: %w", cause).
			WithHint("It may take effect. Look for its rows before running it again."))
	}
	l.deferred = nil
	for _, r := range l.queue.takeAll() {
		replies = append(replies, reply{request: r})
		r.done(false, unavailable(cause))
	}
	l.queue.answered(replies)
}

// unavailable is the error for a statement that was not carried out because its
// shard cannot work.
func unavailable(cause error) error {
	switch sqlerr.CodeOf(cause) {
	case sqlerr.DiskFull:
		return sqlerr.New(sqlerr.DiskFull, -1, "the disk is too full to take input: %w", cause).
			WithHint("Free disk space; writing goes on by itself.")
	case sqlerr.CannotConnectNow:
		return cause
	}
	return sqlerr.New(sqlerr.IOError, -1, "the shard cannot write: %w", cause).
		WithHint("Writing goes on by itself when the disk works again.")
}

// barrier waits for the shard's log to be applied and led from here, and refuses
// what waits meanwhile when that takes long.
func (l *shardLoop) barrier(ctx context.Context) (index uint64, err error) {
	passed := make(chan struct{})
	go func() {
		defer close(passed)
		index, err = l.log.Barrier(ctx)
	}()
	for {
		select {
		case <-passed:
			return index, err
		case <-l.engine.after(refuseAfter):
			l.refuse()
		}
	}
}

// lead waits for the barrier, loads the core and ticks until something fails.
func (l *shardLoop) lead(ctx context.Context) error {
	base, err := l.barrier(ctx)
	if err != nil {
		return err
	}
	l.base = base
	if err := l.core.load(l.engine.newestCatalog()); err != nil {
		return fmt.Errorf("load shard %d: %w", l.number, err)
	}
	outgoing, asks, err := l.core.unacknowledged()
	if err != nil {
		return err
	}
	l.feed.restart(base)
	l.engine.resolveLater(l.core)
	l.status.publish(l.core)
	l.engine.deliver(outgoing)
	l.engine.acknowledge(asks)
	l.retainAt = l.engine.now().Add(retainEvery)
	return l.ticks(ctx)
}

func (l *shardLoop) ticks(ctx context.Context) error {
	more := true // the first tick finds out what lags
	for {
		in, err := l.gather(ctx, more)
		if err != nil {
			return err
		}
		if more, err = l.tick(in); err != nil {
			return err
		}
	}
}

// gather waits until there is something to do and takes it.
func (l *shardLoop) gather(ctx context.Context, more bool) (*tickInputs, error) {
	for {
		in := l.queue.take()
		in.now = l.engine.now()
		in.base = l.base
		if snapshot := l.engine.newestCatalog(); snapshot.Version() > l.core.record.version {
			in.snapshot = snapshot
			in.deliveries = append(l.held, in.deliveries...)
			l.held = nil
		}
		if in.now.After(l.retainAt) {
			in.retain = true
			l.retainAt = in.now.Add(retainEvery)
		}
		if more || in.snapshot != nil || len(in.requests)+len(in.deliveries)+len(in.acknowledgments) > 0 || in.retain && l.core.retains() {
			if len(l.deferred) > 0 {
				in.requests = append(l.deferred, in.requests...)
				l.deferred = nil
			}
			return in, nil
		}
		timer := l.engine.after(retainEvery)
		if !l.core.retains() {
			timer = nil
		}
		select {
		case <-ctx.Done():
			return nil, ErrStopped
		case <-l.queue.wake:
		case <-timer:
		}
	}
}

// tick runs the core on the inputs and carries out what it says.
func (l *shardLoop) tick(in *tickInputs) (more bool, err error) {
	began := l.engine.now()
	result, err := l.core.run(in)
	if err != nil {
		l.takeBack(in)
		return false, err
	}
	if result.entry != nil {
		index, accepted, err := l.log.Propose(result.entry)
		if err == nil && !accepted {
			err = errors.New("exec: an entry met another state than it was computed on")
		}
		if err != nil {
			l.takeBack(in)
			return false, err
		}
		l.base = index
		l.failure, l.failingSince = nil, time.Time{}
	}
	l.engine.metrics.tick(l.engine.now().Sub(began), len(result.entry), in)
	l.status.publish(l.core)
	l.feed.publish(l.number, l.base, result)
	l.queue.answered(result.replies)
	for _, r := range result.replies {
		r.request.done(r.committed, r.err)
	}
	l.deferred = append(l.deferred, result.deferred...)
	l.held = append(l.held, result.held...)
	l.engine.deliver(result.outgoing)
	l.engine.acknowledge(result.acks)
	return result.more, nil
}

// takeBack keeps a failed tick's requests for the next try. Its deliveries are
// asked for again when the loop begins.
func (l *shardLoop) takeBack(in *tickInputs) {
	l.deferred = append(in.requests, l.deferred...)
	l.held = nil
}

// retains reports whether a stream here has retention.
func (c *core) retains() bool {
	for _, relation := range c.snapshot.Relations() {
		if relation.Kind == catalog.KindStream && (relation.RetentionMillis != 0 || relation.RetentionBytes != 0) {
			return true
		}
	}
	return false
}

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
	bytes           int // of appends, waiting and in the current tick
	closed          bool
	wake            chan struct{}
}

func newQueue() queue { return queue{wake: make(chan struct{}, 1)} }

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// submit queues a request and returns; its done is called with the outcome. An
// append waits for room, as long as ctx allows.
func (q *queue) submit(ctx context.Context, r *request) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if r.kind == requestAppend {
		if err := q.waitForRoom(ctx); err != nil {
			return err
		}
		q.bytes += r.bytes
		q.appends = append(q.appends, r)
	} else {
		q.steps = append(q.steps, r)
	}
	if q.closed {
		return ErrStopped
	}
	q.signal()
	return nil
}

// waitForRoom waits until an append may be queued. The lock is held on entry and
// exit.
func (q *queue) waitForRoom(ctx context.Context) error {
	if q.bytes < queuedBytes || q.closed {
		return nil
	}
	stop := context.AfterFunc(ctx, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.room.Broadcast()
	})
	defer stop()
	for q.bytes >= queuedBytes && !q.closed {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		q.room.Wait()
	}
	return nil
}

func (q *queue) deliver(d *delivery) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.deliveries = append(q.deliveries, d)
	q.signal()
}

func (q *queue) acknowledge(a acknowledgement) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.acknowledgments = append(q.acknowledgments, a)
	q.signal()
}

// take returns a tick's worth of what waits.
func (q *queue) take() *tickInputs {
	q.mu.Lock()
	defer q.mu.Unlock()
	in := &tickInputs{acknowledgments: q.acknowledgments}
	q.acknowledgments = nil
	in.requests, q.steps = q.steps, nil
	n, bytes := 0, 0
	for n < len(q.appends) && n < tickRequests && (n == 0 || bytes+q.appends[n].bytes <= tickBytes) {
		bytes += q.appends[n].bytes
		n++
	}
	in.requests = append(in.requests, q.appends[:n]...)
	q.appends = append(q.appends[:0:0], q.appends[n:]...)
	n, bytes = 0, 0
	for n < len(q.deliveries) && bytes < deliveryBytes {
		bytes += deliverySize(q.deliveries[n])
		n++
	}
	in.deliveries = append([]*delivery(nil), q.deliveries[:n]...)
	q.deliveries = append(q.deliveries[:0:0], q.deliveries[n:]...)
	if len(q.appends)+len(q.deliveries) > 0 {
		q.signal()
	}
	return in
}

// deliverySize estimates a delivery's size in bytes.
func deliverySize(d *delivery) int {
	if d.rows == nil {
		return len(d.payload)
	}
	return d.rows.Len * len(d.rows.Columns) * 16
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

// close answers everything that waits and refuses what comes.
func (q *queue) close() {
	q.mu.Lock()
	waiting := append(q.appends, q.steps...)
	q.appends, q.steps, q.closed = nil, nil, true
	q.room.Broadcast()
	q.mu.Unlock()
	for _, r := range waiting {
		r.done(false, ErrStopped)
	}
}

// feed tells the node's sessions what a shard has committed: that streams have
// new rows, and how tables changed.
type feed struct {
	mu sync.Mutex
	// index is the last index that was published.
	index       uint64
	subscribers map[catalog.ObjectID]map[*subscription]struct{}
}

// subscription is a session's wish to hear of one relation on all shards.
type subscription struct {
	relation catalog.ObjectID
	// wake is signalled when there is something new.
	wake chan struct{}

	mu sync.Mutex
	// changes are a table's committed changes that the session has not taken, per
	// shard in order; rows counts them.
	changes []tableChanges
	rows    int
	// lost is set when the session was too slow and changes were let go.
	lost bool
}

// maxSubscriptionRows bounds the changes that wait for one session.
const maxSubscriptionRows = 1 << 18

func (f *feed) subscribe(s *subscription) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.subscribers == nil {
		f.subscribers = map[catalog.ObjectID]map[*subscription]struct{}{}
	}
	if f.subscribers[s.relation] == nil {
		f.subscribers[s.relation] = map[*subscription]struct{}{}
	}
	f.subscribers[s.relation][s] = struct{}{}
}

func (f *feed) unsubscribe(s *subscription) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.subscribers[s.relation], s)
	if len(f.subscribers[s.relation]) == 0 {
		delete(f.subscribers, s.relation)
	}
}

// publish tells subscribers what a committed tick did.
func (f *feed) publish(shard int, index uint64, result *tickResult) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.index = index
	for table, changes := range result.changes {
		for s := range f.subscribers[table] {
			s.offer(tableChanges{table: table, shard: shard, index: index, changes: changes})
		}
	}
	for _, stream := range result.appended {
		for s := range f.subscribers[stream] {
			s.signal()
		}
	}
}

// restart tells subscribers of tables that changes may have been missed: a loop
// begins, and what the entry in flight changed was not published.
func (f *feed) restart(index uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.index == 0 || f.index == index {
		f.index = index
		return
	}
	f.index = index
	for _, subscribers := range f.subscribers {
		for s := range subscribers {
			s.mu.Lock()
			s.lost = true
			s.mu.Unlock()
			s.signal()
		}
	}
}

func (s *subscription) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *subscription) offer(c tableChanges) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := 0
	for _, b := range c.changes {
		rows += b.Len
	}
	if s.lost || s.rows+rows > maxSubscriptionRows {
		s.lost, s.changes, s.rows = true, nil, 0
	} else {
		s.changes = append(s.changes, c)
		s.rows += rows
	}
	s.signal()
}

// take returns the changes that have come since the last take.
func (s *subscription) take() (changes []tableChanges, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost {
		return nil, sqlerr.New(sqlerr.ConfigurationLimitExceeded, -1, "the client is too slow for the changes of the result").
			WithHint("Run the query again: it begins with the current result.")
	}
	changes, s.changes, s.rows = s.changes, nil, 0
	return changes, nil
}
