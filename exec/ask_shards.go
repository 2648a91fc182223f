package exec

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"millrace/sql/sqlerr"
)

// Asking the leaders of several shards the same thing: one call for each node that leads
// some of them, and none for those that this node leads.
//
//	request := count uvarint · (shard uvarint · length uvarint · bytes)*
//	answer  := (failed u8 · length uvarint · bytes)*, in the order of the request
//
// A shard whose leader cannot be asked, or does not lead any more, is asked again where
// leadership has moved to; the others' answers stay. An error with an SQLSTATE is the
// answer to the whole question.

// shardQuestion is something that leaders of shards are asked. Its functions are called
// from several goroutines, each shard's from one at a time.
type shardQuestion struct {
	method string
	// local answers for a shard that this node leads.
	local func(ctx context.Context, shard int) error
	// request appends what the leader of a shard is asked, and answer takes what it
	// answered, which it may keep.
	request func(buf []byte, shard int) []byte
	answer  func(shard int, answer []byte) error
	// patience is how long a shard may have no leader that answers; 0 means
	// leaderPatience.
	patience time.Duration
}

// serveShards has a service answer for the shards that this node leads. handle answers
// for one; it is ErrNotLeader where another node leads it.
func (e *Engine) serveShards(method string, handle func(ctx context.Context, shard int, request []byte) ([]byte, error)) {
	e.serve(method, func(ctx context.Context, _ uint64, request []byte) ([]byte, error) {
		asked, err := e.decodeShards(request)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		answers, failures := make([][]byte, len(asked)), make([]error, len(asked))
		each(len(asked), func(i int) {
			answers[i], failures[i] = handle(ctx, asked[i].shard, asked[i].request)
			if final(failures[i]) {
				cancel(failures[i])
			}
		})
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		var out []byte
		for i := range asked {
			failed, body := byte(answerGiven), answers[i]
			if failures[i] != nil {
				failed, body = answerFailed, appendFailure(nil, failures[i])
			}
			out = binary.AppendUvarint(append(out, failed), uint64(len(body)))
			out = append(out, body...)
		}
		return out, nil
	})
}

// askedShard is what one shard's leader is asked.
type askedShard struct {
	shard   int
	request []byte
}

var errBadQuestion = errors.New("exec: another node's question is malformed")

func (e *Engine) decodeShards(request []byte) ([]askedShard, error) {
	in := uvarintReader{data: request}
	count := in.next()
	if count > uint64(len(e.loops)) {
		return nil, errBadQuestion
	}
	asked := make([]askedShard, count)
	for i := range asked {
		shard := in.next()
		if shard >= uint64(len(e.loops)) {
			return nil, errBadQuestion
		}
		asked[i] = askedShard{int(shard), in.bytes()}
	}
	if in.bad {
		return nil, errBadQuestion
	}
	return asked, nil
}

// each calls a function with the numbers below n, side by side.
func each(n int, do func(i int)) {
	var wait sync.WaitGroup
	for i := 1; i < n; i++ {
		wait.Go(func() { do(i) })
	}
	if n > 0 {
		do(0)
	}
	wait.Wait()
}

// final reports whether an error is the answer, wherever the question is asked.
func final(err error) bool {
	_, coded := errors.AsType[*sqlerr.Error](err)
	return coded && !errors.Is(err, ErrNotLeader) && !errors.Is(err, ErrStopped)
}

// askShards asks until the leaders of all given shards have answered.
func (e *Engine) askShards(ctx context.Context, shards []int, q *shardQuestion) error {
	var deadline <-chan time.Time
	patience := q.patience
	if patience <= 0 {
		patience = leaderPatience
	}
	for {
		unanswered, changed, err := e.askShardsOnce(ctx, shards, q)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case final(err), len(unanswered) == 0:
			return err
		case deadline == nil || len(unanswered) < len(shards):
			deadline = e.after(patience)
		}
		shards = unanswered
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-e.stopped:
			return ErrStopped
		case <-deadline:
			return noLeader(fmt.Sprintf("shard %d", shards[0]), err)
		case <-changed:
		case <-e.after(leaderPause):
		}
	}
}

// noLeader is the error of a statement that has asked for a leader for too long.
func noLeader(what string, err error) error {
	message := what + " has no leader that can be reached"
	failure := sqlerr.New(sqlerr.CannotConnectNow, -1, "%s: %w", message, err).
		WithHint("Most of the nodes that vote must be running: SHOW NODES tells which do. SET freshness = 'stale' allows reads of what this node has.")
	// That it is not the leader who has been asked says nothing more.
	if failure.Message = message; !errors.Is(err, ErrNotLeader) {
		failure = failure.WithDetail("%v", err)
	}
	return failure
}

// askShardsOnce asks whoever leads the shards now. It returns the shards that have not
// answered, why not, and what tells that leadership of the first of them has moved.
func (e *Engine) askShardsOnce(ctx context.Context, shards []int, q *shardQuestion) (unanswered []int, changed <-chan struct{}, err error) {
	self := e.storage.Peers().Self()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	byNode, changes := map[uint64][]int{}, map[int]<-chan struct{}{}
	for _, shard := range shards {
		var node uint64
		node, changes[shard] = e.loops[shard].log.Leader()
		byNode[node] = append(byNode[node], shard)
	}
	var mu sync.Mutex
	fail := func(failure error, of ...int) {
		mu.Lock()
		defer mu.Unlock()
		unanswered = append(unanswered, of...)
		if err == nil || final(failure) && !final(err) {
			err = failure
		}
		if final(failure) {
			cancel(failure)
		}
	}
	var wait sync.WaitGroup
	for node, shards := range byNode {
		switch node {
		case 0:
			fail(ErrNotLeader, shards...)
		case self:
			for _, shard := range shards {
				wait.Go(func() {
					if failure := q.local(ctx, shard); failure != nil {
						fail(failure, shard)
					}
				})
			}
		default:
			wait.Go(func() { e.askShardsOf(ctx, node, shards, q, fail) })
		}
	}
	wait.Wait()
	if len(unanswered) > 0 {
		changed = changes[unanswered[0]]
	}
	return unanswered, changed, err
}

// askShardsOf asks one node about the shards that it should lead.
func (e *Engine) askShardsOf(ctx context.Context, node uint64, shards []int, q *shardQuestion, fail func(failure error, shards ...int)) {
	request := binary.AppendUvarint(nil, uint64(len(shards)))
	for _, shard := range shards {
		request = binary.AppendUvarint(request, uint64(shard))
		asked := q.request(nil, shard)
		request = binary.AppendUvarint(request, uint64(len(asked)))
		request = append(request, asked...)
	}
	answer, err := e.askWhileLeading(ctx, node, q.method, request, func() bool {
		return !slices.ContainsFunc(shards, func(shard int) bool {
			leader, _ := e.loops[shard].log.Leader()
			return leader != 0 && leader != node
		})
	})
	if err != nil {
		fail(err, shards...)
		return
	}
	in := uvarintReader{data: answer}
	for _, shard := range shards {
		if len(in.data) == 0 {
			fail(errBadAnswer, shard)
			continue
		}
		failed := in.data[0]
		in.data = in.data[1:]
		body := in.bytes()
		switch {
		case in.bad:
			err = errBadAnswer
		case failed == answerFailed:
			err = decodeFailure(body)
		default:
			err = q.answer(shard, body)
		}
		if err != nil {
			fail(err, shard)
		}
	}
}
