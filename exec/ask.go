package exec

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// How the engines of a cluster's nodes ask each other. Each has the same services, by
// name; what a service answers, an error among it, comes back to the asker as it would
// in one process.
//
// Some services are those of whoever leads a shard, or the catalog's group. They are
// asked for wherever the leader is, again as long as leadership moves: so such a service
// may be carried out twice, or by a leader whose successor does it again, and must be
// safe against that (writes are by their producers' sequences and by the transactions'
// records). A service that finds its node not leading answers ErrNotLeader.

// service does something for another node, or for this one. ctx ends when the asker no
// longer waits.
type service func(ctx context.Context, from uint64, request []byte) ([]byte, error)

// serve has a service answer under a name.
func (e *Engine) serve(method string, s service) {
	e.services[method] = s
	e.storage.Peers().Handle(method, func(ctx context.Context, from uint64, request []byte) ([]byte, error) {
		answer, err := s(ctx, from, request)
		if err != nil {
			return appendFailure([]byte{answerFailed}, err), nil
		}
		return append([]byte{answerGiven}, answer...), nil
	})
}

// The first byte of an answer.
const (
	answerGiven = iota
	answerFailed
)

// askNode asks a node, this one without leaving it.
func (e *Engine) askNode(ctx context.Context, node uint64, method string, request []byte) ([]byte, error) {
	peers := e.storage.Peers()
	if node == peers.Self() {
		answer, err := e.services[method](ctx, node, request)
		if err != nil && !isAnswer(err) {
			err = &answeredError{error: err, kinds: []error{errAnswered}}
		}
		return answer, err
	}
	answer, err := peers.Call(ctx, node, method, request)
	switch {
	case err != nil:
		return nil, err
	case len(answer) == 0 || answer[0] > answerFailed:
		return nil, fmt.Errorf("exec: node %d gave no answer to %s that this version knows", node, method)
	case answer[0] == answerFailed:
		return nil, decodeFailure(answer[1:])
	}
	return answer[1:], nil
}

// leaderPatience is how long a statement waits for a shard to have a leader.
const leaderPatience = 30 * time.Second

// leaderPause is how long the asker of a node that should lead and does not, or cannot
// be reached, waits for news before it asks again.
const leaderPause = 50 * time.Millisecond

// askCatalogLeader asks the leader of the catalog's group.
func (e *Engine) askCatalogLeader(ctx context.Context, method string, request []byte) ([]byte, error) {
	return e.askLeader(ctx, "the catalog", e.storage.CatalogLeader, method, request)
}

// askLeader asks whoever leads until that one answers.
func (e *Engine) askLeader(ctx context.Context, what string, leader func() (uint64, <-chan struct{}), method string, request []byte) ([]byte, error) {
	var deadline <-chan time.Time
	for {
		node, changed := leader()
		err := ErrNotLeader
		if node != 0 {
			var answer []byte
			answer, err = e.askWhileLeading(ctx, node, method, request, func() bool {
				now, _ := leader()
				return now == 0 || now == node
			})
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			if err == nil || !movesLeader(err) {
				return answer, err
			}
		}
		if deadline == nil {
			deadline = e.after(leaderPatience)
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-e.stopped:
			return nil, ErrStopped
		case <-deadline:
			return nil, noLeader(what, err)
		case <-changed:
		case <-e.after(leaderPause):
		}
	}
}

// leaderWatch is how long a node may take to answer before it is looked at whether it
// still leads.
const leaderWatch = 250 * time.Millisecond

// errLeaderMoved says that a question is given up because another node leads.
var errLeaderMoved = fmt.Errorf("%w any more", ErrNotLeader)

// askWhileLeading asks a node and gives up when this node learns that another one leads:
// who was asked may be cut off, and would never answer.
func (e *Engine) askWhileLeading(ctx context.Context, node uint64, method string, request []byte, leads func() bool) ([]byte, error) {
	if node == e.storage.Peers().Self() {
		return e.askNode(ctx, node, method, request)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	answered := make(chan struct{})
	defer close(answered)
	go func() {
		for {
			select {
			case <-answered:
				return
			case <-e.after(leaderWatch):
			}
			if !leads() {
				cancel(errLeaderMoved)
				return
			}
		}
	}()
	answer, err := e.askNode(ctx, node, method, request)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return answer, err
}

// movesLeader reports whether an error says that another node may lead, or that nobody
// knows what became of the request: the service is to be asked again.
func movesLeader(err error) bool {
	return errors.Is(err, ErrNotLeader) || errors.Is(err, ErrStopped) || !isAnswer(err)
}
