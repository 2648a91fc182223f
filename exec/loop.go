package exec

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"millrace/sql/sqlerr"
)

// shardLoop is the goroutine around a core: while the node leads the shard, it gathers
// what arrives, lets the core make an entry, has it replicated, and then tells everyone.
//
// Order of a tick: gather, run the core, propose and wait until applied, which tells
// the shard's feed, publish the status, reply to sessions, send deliveries and
// acknowledgements. One entry is in flight; what arrives
// meanwhile is the next tick's.
//
// After any error of a proposal the fate of the entry is unknown: the loop loads
// the core again behind a Barrier and offers the tick's requests anew, which the
// producers' sequences and the transactions' records make safe; deliveries of
// the tick are asked for again.
//
// A loop whose node has ceased to lead says nothing about the state: it computes on one
// that may be old. What it answers is in an entry that was applied, or the lead was
// confirmed after the answer was made (confirm).
type shardLoop struct {
	engine *Engine
	number int
	log    ShardLog
	core   *core
	logger *slog.Logger

	queue  *queue
	status status
	// current tells since when the node's replica is known to have everything.
	current currentSince
	feed    feed

	base uint64
	// deferred requests wait for another transaction's keys, and held deliveries
	// for a catalog version.
	deferred []*request
	held     []*delivery
	retainAt time.Time
	// resendAt is when receivers are looked at that may not have what was sent to them;
	// zero when all have answered, or when nothing is lost on the way.
	resendAt time.Time
	// watchAt is when open transactions are looked at, zero while there are none, and
	// openSince since when the loop knows of those that were open the last time.
	watchAt   time.Time
	openSince map[transactionID]time.Time
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
		if err := l.waitLead(ctx); err != nil {
			break
		}
		err := l.lead(ctx)
		if ctx.Err() != nil {
			break
		}
		switch {
		case !l.leads():
			l.logger.Info("this node does not lead the shard any more", "shard", l.number)
			continue
		case !errors.Is(err, ErrNotLeader) || l.engine.alone():
			l.logger.Error("the shard's loop starts again", "shard", l.number, "error", err)
			l.failed(ctx, err)
		}
		select {
		case <-ctx.Done():
		case <-l.engine.after(restartDelay):
		}
	}
	l.giveUp(ErrStopped)
}

// resignTimeout bounds the wait for another node to take the lead.
const resignTimeout = 5 * time.Second

// failed notes an error that keeps the shard from working. When it does for long, another
// node had better lead the shard.
func (l *shardLoop) failed(ctx context.Context, err error) {
	if l.failingSince.IsZero() {
		// The first error is the cause; those that follow it (no leader, no barrier)
		// say less.
		l.failure, l.failingSince = err, l.engine.now()
	}
	l.status.setFailure(l.failure)
	if l.engine.now().Sub(l.failingSince) <= refuseAfter {
		return
	}
	l.refuse()
	if !l.engine.alone() {
		ctx, cancel := context.WithTimeout(ctx, resignTimeout)
		defer cancel()
		l.log.Resign(ctx)
	}
}

// refuse answers what waits for a shard that cannot work: with 40003 what may be
// in the log already, and with the cause what certainly is not. The resolver
// goes on with transactions. In a cluster of several nodes another one may lead the
// shard soon, so who asked tries again.
func (l *shardLoop) refuse() {
	cause := l.failure
	if cause == nil {
		cause = sqlerr.New(sqlerr.CannotConnectNow, -1, "shard %d is not ready", l.number)
	}
	if !l.engine.alone() {
		l.giveUp(fmt.Errorf("%w that works: %w", ErrNotLeader, cause))
		l.queue.accept()
		return
	}
	replies := make([]reply, 0, len(l.deferred))
	for _, r := range l.deferred {
		replies = append(replies, reply{request: r})
		r.done(false, unknownOutcome("statement", cause))
	}
	l.deferred = nil
	for _, r := range l.queue.takeAll() {
		replies = append(replies, reply{request: r})
		r.done(false, unavailable(cause))
	}
	l.queue.answered(replies)
}

// unknownOutcome is the error for a statement or transaction of which nobody can say
// whether it took effect.
func unknownOutcome(what string, cause error) error {
	return sqlerr.New(sqlerr.StatementCompletionUnknown, -1, "the outcome of the %s is unknown: %w", what, cause).
		WithHint("It may take effect. Look for its rows before running it again.")
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

// lead waits for the barrier, loads the core and ticks until something fails, or
// another node leads.
func (l *shardLoop) lead(ctx context.Context) error {
	ctx, end := l.whileLeading(ctx)
	defer end()
	base, err := l.barrier(ctx)
	if err != nil {
		return err
	}
	l.base = base
	if err := l.waitCatalog(ctx); err != nil {
		return err
	}
	if err := l.core.load(l.engine.newestCatalog()); err != nil {
		return fmt.Errorf("load shard %d: %w", l.number, err)
	}
	outgoing, asks, err := l.core.unacknowledged()
	if err != nil {
		return err
	}
	l.engine.resolveLater(l.core)
	l.status.publish(l.core, l.base, nil, true)
	l.engine.exchange(outgoing, asks)
	l.retainAt = l.engine.now().Add(retainEvery)
	l.resendAt, l.watchAt, l.openSince = time.Time{}, time.Time{}, nil
	l.resendLater(len(outgoing) > 0)
	l.watchLater()
	return l.ticks(ctx)
}

func (l *shardLoop) ticks(ctx context.Context) error {
	more := true // the first tick finds out what lags
	for {
		in, err := l.gather(ctx, more)
		if err != nil {
			return err
		}
		if more, err = l.tick(ctx, in); err != nil {
			return err
		}
	}
}

// gather waits until there is something to do and takes it.
func (l *shardLoop) gather(ctx context.Context, more bool) (*tickInputs, error) {
	var timer <-chan time.Time
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx) // what is left to do stays for who leads next
		}
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
		arrived := len(in.requests)+len(in.deliveries)+len(in.acknowledgments) > 0 || len(in.producers) >= manyProducers
		if !l.watchAt.IsZero() && !in.now.Before(l.watchAt) {
			l.watchTransactions(in.now)
			l.watchLater()
		}
		wake := l.nextWake()
		in.resend = !l.resendAt.IsZero() && !in.now.Before(l.resendAt)
		due := !wake.IsZero() && !in.now.Before(wake)
		if more || arrived || due || in.snapshot != nil || in.retain && l.core.retains() {
			if len(l.deferred) > 0 {
				in.requests = append(l.deferred, in.requests...)
				l.deferred = nil
			}
			return in, nil
		}
		l.queue.keep(in.producers)
		if !l.core.retains() {
			timer = nil
		} else if timer == nil {
			timer = l.engine.after(retainEvery)
		}
		var woken <-chan time.Time
		if !wake.IsZero() {
			woken = l.engine.after(wake.Sub(in.now))
			if !l.engine.now().Before(wake) {
				continue // the clock was put forward meanwhile
			}
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-l.queue.wake:
		case <-woken:
		case <-timer:
			timer = nil
		}
	}
}

// tick runs the core on the inputs and carries out what it says.
func (l *shardLoop) tick(ctx context.Context, in *tickInputs) (more bool, err error) {
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
			for _, r := range in.requests {
				r.undecided = r.undecided || !errors.Is(err, ErrNotLeader)
			}
			l.takeBack(in)
			return false, err
		}
		l.base = index
		l.failure, l.failingSince = nil, time.Time{}
	} else if len(result.replies) > 0 {
		if err := l.confirm(ctx); err != nil {
			l.takeBack(in)
			return false, err
		}
	}
	l.engine.metrics.tick(l.engine.now().Sub(began), len(result.entry), in)
	// Who finds a result fresh may rely on its followers having been woken: the feed was
	// told when the entry was applied.
	l.status.publish(l.core, l.base, result.worked, result.all)
	l.queue.keep(result.producers)
	l.queue.answered(result.replies)
	for _, r := range result.replies {
		r.request.done(r.committed, r.err)
	}
	l.deferred = append(l.deferred, result.deferred...)
	l.held = append(l.held, result.held...)
	l.engine.exchange(result.outgoing, result.acks)
	if in.resend {
		l.resendAt = time.Time{}
	}
	l.resendLater(len(result.outgoing) > 0 || result.unanswered)
	l.watchLater()
	return result.more, nil
}

// nextWake is when there is something to do without new input; zero for never.
func (l *shardLoop) nextWake() time.Time {
	wake := l.core.nextWake()
	for _, at := range [...]time.Time{l.resendAt, l.watchAt} {
		if wake.IsZero() || !at.IsZero() && at.Before(wake) {
			wake = at
		}
	}
	return wake
}

// resendLater has receivers looked at later on, when something may be unanswered then.
func (l *shardLoop) resendLater(unanswered bool) {
	if unanswered && l.resendAt.IsZero() && !l.engine.alone() {
		l.resendAt = l.engine.now().Add(resendEvery)
	}
}

// takeBack keeps a failed tick's requests for the next try. Its deliveries are
// asked for again when the loop begins.
func (l *shardLoop) takeBack(in *tickInputs) {
	l.deferred = append(in.requests, l.deferred...)
	l.queue.keep(in.producers)
	l.held = nil
}
