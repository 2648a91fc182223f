package exec

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// How requests get to the leader of their shard, which may be this node or another one.
//
//   - A request is offered to one leader after the other, until one decides it. That is
//     safe at any time: an append is known by its producer's sequence, and a step of a
//     transaction by the transaction's records. So a request whose answer is lost is
//     offered again, and its outcome is what the last answer says.
//   - A request that relies on something, such as locks, is offered again only while that
//     holds. Where a leader may have had it before, the next one is asked what became of it.
//   - While no leader can have it, its asker's ctx ends the wait. Behind that the outcome
//     is waited for, whatever becomes of the asker.
//   - A shard without a leader for leaderPatience is given up: with 57P03 where no leader
//     can have the request, and with 40003 where the fate of a write is unknown.

// submit gives a request to the leader of a shard. Its done is called with the outcome,
// unless submit returns an error: then nothing was submitted. An append waits for room, as
// long as ctx allows.
func (e *Engine) submit(ctx context.Context, shard int, r *request) error {
	l := e.loops[shard]
	if l.leads() {
		attempt := *r
		attempt.done = func(committed bool, err error) {
			if movedAway(err) {
				go e.carry(ctx, shard, r, err)
				return
			}
			r.done(committed, err)
		}
		if err := l.queue.submit(ctx, &attempt); !errors.Is(err, ErrNotLeader) {
			return err
		}
	}
	go e.carry(ctx, shard, r, nil)
	return nil
}

// movedAway reports whether a loop has given a request back for the next leader.
func movedAway(err error) bool { return errors.Is(err, ErrNotLeader) }

// errand is a request on its way to the leader of its shard.
type errand struct {
	engine  *Engine
	shard   int
	request *request
	// encoded is the request for other nodes, nil before it is needed.
	encoded []byte
	// waited says that the request has been on its way for a while, and offered that a leader
	// may have it.
	waited, offered bool
	// lapsed is why the request is not to take effect any more, nil while it is.
	lapsed error
}

// carry offers a request to leaders until one decides it, and answers it. Before is what a
// first attempt ended with, nil for none.
func (e *Engine) carry(ctx context.Context, shard int, r *request, before error) {
	d := &errand{engine: e, shard: shard, request: r, waited: before != nil, offered: errors.Is(before, errUndecided)}
	r.done(d.run(ctx))
}

// run offers the request until it is decided.
func (d *errand) run(ctx context.Context) (committed bool, err error) {
	e := d.engine
	var deadline <-chan time.Time
	for {
		node, changed := e.loops[d.shard].log.Leader()
		decided := false
		err = ErrNotLeader
		if node != 0 {
			if failure := d.stillHolds(ctx); failure != nil {
				return false, failure
			}
			committed, decided, err = d.offer(ctx, node)
		}
		if decided && err == nil && !committed && d.lapsed != nil && d.request.kind == requestAppend {
			err = d.lapsed
		}
		if decided {
			return committed, err
		}
		d.waited = true
		if deadline == nil {
			deadline = e.after(leaderPatience)
		}
		var cancelled <-chan struct{}
		if !d.offered {
			cancelled = ctx.Done()
		}
		select {
		case <-cancelled:
			return false, context.Cause(ctx)
		case <-e.stopped:
			return false, ErrStopped
		case <-deadline:
			return false, d.givenUp(err)
		case <-changed:
		case <-e.after(leaderPause):
		}
	}
}

// stillHolds looks whether what the request relies on holds, before it is offered again. Where
// it does not, that is an append's end, unless a leader may have it: then a request is
// offered that takes no effect, and so it is in the place of a decision.
func (d *errand) stillHolds(ctx context.Context) error {
	r := d.request
	if !d.waited || r.hold == nil || d.lapsed != nil {
		return nil
	}
	err := r.hold(ctx)
	if err == nil || !d.offered && r.kind == requestAppend {
		return err
	}
	lapsed := *r
	if lapsed.kind == requestAppend {
		lapsed.lapsed, lapsed.parts, lapsed.bytes = true, nil, 0
	}
	lapsed.commit = false
	d.lapsed, d.request, d.encoded = err, &lapsed, nil
	return nil
}

// offer offers the request to the node that leads.
func (d *errand) offer(ctx context.Context, node uint64) (committed, decided bool, err error) {
	if d.offered && d.request.copied != nil {
		d.request.copied.Store(true)
	}
	if node == d.engine.self {
		return d.offerHere(ctx)
	}
	return d.offerTo(node)
}

// offerHere offers the request to this node's loop and waits for its answer.
func (d *errand) offerHere(ctx context.Context) (committed, decided bool, err error) {
	answered := make(chan struct{})
	attempt := *d.request
	attempt.done = func(c bool, failure error) {
		committed, err = c, failure
		close(answered)
	}
	if d.offered {
		ctx = context.WithoutCancel(ctx)
	}
	if err := d.engine.loops[d.shard].queue.submit(ctx, &attempt); err != nil {
		return false, !errors.Is(err, ErrNotLeader), err
	}
	<-answered
	d.offered = d.offered || errors.Is(err, errUndecided)
	return committed, !movedAway(err), err
}

// offerTo offers the request to another node and waits for its answer, as long as that
// one leads.
func (d *errand) offerTo(node uint64) (committed, decided bool, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	e := d.engine
	if d.encoded == nil {
		d.encoded = appendRequest(nil, d.shard, e.newestCatalog().Version(), d.request)
	}
	if len(d.encoded) > maxRequestBytes {
		return false, true, tooLarge()
	}
	go e.watchLeader(ctx, e.loops[d.shard].log.Leader, node, cancel)
	answer, err := e.askNode(ctx, node, serviceSubmit, d.encoded)
	switch {
	case err == nil:
		return len(answer) > 0 && answer[0] == 1, true, nil
	case errors.Is(err, ErrUnreachable):
	case movesLeader(err):
		d.offered = d.offered || !isAnswer(err) || errors.Is(err, errUndecided)
	default:
		return false, true, err
	}
	return false, false, err
}

// watchLeader ends the wait for a node's answer when it does not lead any more, or when
// this node shuts down.
func (e *Engine) watchLeader(ctx context.Context, leader func() (uint64, <-chan struct{}), node uint64, end context.CancelFunc) {
	for {
		now, changed := leader()
		if now != node {
			end()
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-e.stopped:
			end()
			return
		case <-changed:
		}
	}
}

// givenUp is the error for a request that no leader has decided. A part that is prepared
// takes no effect without a decision, and a decision is carried out by the resolver.
func (d *errand) givenUp(cause error) error {
	failure := noLeader(fmt.Sprintf("shard %d", d.shard), cause)
	if d.offered && (d.request.kind == requestAppend || d.request.kind == requestDecide) {
		return unknownOutcome("statement", failure)
	}
	return failure
}

// maxRequestBytes is the size of the largest request to another node, which is less than
// what nodes can send each other at once.
const maxRequestBytes = 60 << 20

// serviceSubmit is the service that takes a request for a shard which the node leads. Its
// answer is one byte: whether the request is committed.
const serviceSubmit = "shard.submit"

// serveWrites has the services answer by which other nodes write here.
func (e *Engine) serveWrites() {
	e.serve(serviceSubmit, e.submitService)
	e.serve(serviceExchange, e.exchangeService)
	e.serve(servicePropose, e.proposeService)
	e.serveOpen()
	e.serveWriting()
}

// submitService implements serviceSubmit.
func (e *Engine) submitService(ctx context.Context, _ uint64, encoded []byte) ([]byte, error) {
	shard, version, in, err := readRequest(encoded, len(e.loops))
	if err != nil {
		return nil, err
	}
	l := e.loops[shard]
	if !l.leads() {
		return nil, ErrNotLeader
	}
	// What the rows were made for may be on its way here.
	if err := e.waitVersion(ctx, version); err != nil {
		return nil, err
	}
	r, err := in.decode(e.newestCatalog())
	if err != nil {
		return nil, err
	}
	if r.kind == requestAppend || r.kind == requestPrepare {
		if err := e.checkSpace(); err != nil {
			return nil, err
		}
	}
	type outcome struct {
		committed bool
		err       error
	}
	answered := make(chan outcome, 1)
	r.done = func(committed bool, err error) { answered <- outcome{committed, err} }
	if err := l.queue.submit(ctx, r); err != nil {
		return nil, err
	}
	select {
	case o := <-answered:
		if o.err != nil {
			return nil, o.err
		}
		if o.committed {
			return []byte{1}, nil
		}
		return []byte{0}, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
