package transport

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// pipeline implements raft.AppendPipeline: requests are sent without waiting for the
// answers to those before, two at a time. More do not help (Raft's own transport has the
// same bound), since a request takes all entries that are there.
//
// Raft reads no answer behind the first that is not a success, but may still send: so the
// pipeline is shut down by that answer, and nobody waits for room in it.
type pipeline struct {
	raft   *raftTransport
	id     raft.ServerID
	ctx    context.Context
	cancel context.CancelCauseFunc
	// committed is the commit index that was sent last.
	committed uint64
	// sent are the requests without an answer, in order, and done those with one.
	sent chan *appendFuture
	done chan raft.AppendFuture
}

// appendFuture implements raft.AppendFuture.
type appendFuture struct {
	start    time.Time
	args     *raft.AppendEntriesRequest
	answer   *raft.AppendEntriesResponse
	call     raftCall
	err      error
	answered chan struct{}
}

// AppendEntriesPipeline implements raft.Transport.
func (r *raftTransport) AppendEntriesPipeline(id raft.ServerID, _ raft.ServerAddress) (raft.AppendPipeline, error) {
	p := &pipeline{raft: r, id: id, sent: make(chan *appendFuture), done: make(chan raft.AppendFuture)}
	p.ctx, p.cancel = context.WithCancelCause(r.transport.rafts.ctx)
	if !r.transport.spawn(p.receive) {
		p.cancel(ErrClosed)
		return nil, ErrClosed
	}
	return p, nil
}

// AppendEntries implements raft.AppendPipeline.
func (p *pipeline) AppendEntries(args *raft.AppendEntriesRequest, answer *raft.AppendEntriesResponse) (raft.AppendFuture, error) {
	f := &appendFuture{start: time.Now(), args: args, answer: answer, answered: make(chan struct{})}
	if p.ctx.Err() != nil {
		return nil, raft.ErrPipelineShutdown
	}
	// What tells nothing new is only to be heard at all.
	var patient *atomic.Int64
	if len(args.Entries) == 0 && args.LeaderCommitIndex == p.committed {
		patient = &p.raft.hurried
	}
	p.committed = args.LeaderCommitIndex
	var err error
	if f.call, err = p.raft.send(p.ctx, p.id, ClassEntries, raftAppend, args, patient); err != nil {
		return nil, err
	}
	select {
	case p.sent <- f:
		return f, nil
	case <-p.ctx.Done():
		f.call.link.abandon(f.call.call)
		return nil, raft.ErrPipelineShutdown
	}
}

// receive takes the answers in their order.
func (p *pipeline) receive() {
	for {
		var f *appendFuture
		select {
		case f = <-p.sent:
		case <-p.ctx.Done():
			return
		}
		ctx, cancel := context.WithTimeout(p.ctx, entriesTimeout)
		f.err = f.call.receive(ctx, f.answer)
		cancel()
		close(f.answered)
		select {
		case p.done <- f:
		case <-p.ctx.Done():
			return
		}
		if f.err != nil || !f.answer.Success {
			p.cancel(raft.ErrPipelineShutdown)
			return
		}
	}
}

// Consumer implements raft.AppendPipeline.
func (p *pipeline) Consumer() <-chan raft.AppendFuture { return p.done }

// Close implements raft.AppendPipeline.
func (p *pipeline) Close() error {
	p.cancel(raft.ErrPipelineShutdown)
	return nil
}

// Error implements raft.Future.
func (f *appendFuture) Error() error {
	<-f.answered
	return f.err
}

// Start implements raft.AppendFuture.
func (f *appendFuture) Start() time.Time { return f.start }

// Request implements raft.AppendFuture.
func (f *appendFuture) Request() *raft.AppendEntriesRequest { return f.args }

// Response implements raft.AppendFuture.
func (f *appendFuture) Response() *raft.AppendEntriesResponse { return f.answer }
