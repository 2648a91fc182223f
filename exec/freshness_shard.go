package exec

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// freshMethod has the leaders of shards let stages pass.
const freshMethod = "shard.fresh"

func (e *Engine) serveFreshness() {
	e.serveShards(freshMethod, func(ctx context.Context, shard int, request []byte) ([]byte, error) {
		r, err := decodeFreshRequest(request, len(e.loops))
		if err != nil {
			return nil, err
		}
		answer, err := e.loops[shard].passStages(ctx, r)
		if err != nil {
			return nil, err
		}
		return answer.append(nil), nil
	})
}

// freshAt is the first stage that has not passed: of a query, by its place in the
// request.
type freshAt struct{ query, stage int }

// behind reports whether a stage has passed.
func (a freshAt) behind(stage freshAt) bool {
	return a.query > stage.query || a.query == stage.query && a.stage > stage.stage
}

// passStages lets stages pass on a shard that this node leads, in their order, until one
// needs to know what has been sent to it.
func (l *shardLoop) passStages(ctx context.Context, r *freshRequest) (*freshAnswer, error) {
	if err := l.coverAll(ctx, r.index); err != nil {
		return nil, err
	}
	answer := &freshAnswer{at: r.at}
	wait := &stageWait{loop: l, request: r, answer: answer}
	for answer.at.query < len(r.queries) {
		outcome, err := wait.pass(ctx, stageID{r.queries[answer.at.query], answer.at.stage})
		switch {
		case err != nil:
			return nil, err
		case outcome == stagePassed:
			answer.at.stage++
		case outcome == stageUnknown:
			answer.at = freshAt{answer.at.query + 1, 0}
		default:
			answer.index = l.status.covers()
			return answer, nil
		}
	}
	answer.index = l.status.covers()
	return answer, nil
}

// coverAll waits until the published state has everything that was acknowledged before
// the reader began: up to the index of an earlier answer to it, or, for an index of 0, what
// was acknowledged before the call. A cluster of one publishes before it acknowledges.
func (l *shardLoop) coverAll(ctx context.Context, index uint64) error {
	if l.engine.alone() {
		return nil
	}
	if index == 0 {
		var err error
		if index, err = l.log.ReadIndex(ctx); err != nil {
			return err
		}
	}
	for {
		leader, moved := l.log.Leader()
		if leader != l.engine.storage.Peers().Self() {
			return fmt.Errorf("%w of shard %d", ErrNotLeader, l.number)
		}
		covered, changed := l.status.reaches(index)
		if covered {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-l.engine.stopped:
			return ErrStopped
		case <-changed:
		case <-moved:
		}
	}
}

// stageOutcome is what came of waiting for a stage.
type stageOutcome uint8

const (
	stagePassed stageOutcome = iota
	// stageUnknown stages are not there: the query has no more, or is not active here.
	stageUnknown
	// stageBlocked stages need to know what was sent to them.
	stageBlocked
	// stageStopped stages are too slow, or their query does not run; the answer says so.
	stageStopped
)

// stageWait waits for stages of one shard. The deadline begins with the first wait.
type stageWait struct {
	loop     *shardLoop
	request  *freshRequest
	answer   *freshAnswer
	deadline <-chan time.Time
}

// pass waits until a stage has consumed what its inputs hold now.
func (w *stageWait) pass(ctx context.Context, id stageID) (stageOutcome, error) {
	l, status := w.loop, &w.loop.status
	var targets []inputTarget
	var work []workStatus
	for {
		status.mu.Lock()
		published := status.stages[id]
		state, known := status.queries[id.query]
		if published == nil {
			status.mu.Unlock()
			if id.stage == 0 && known && state.state != queryRunning {
				return w.stop(freshNotRunning, state), nil // it could not be planned here
			}
			return stageUnknown, nil
		}
		inputs := published.inputs
		if targets == nil {
			sources := slices.Clone(inputs)
			status.mu.Unlock()
			var blocked bool
			var err error
			if targets, blocked, err = w.targets(sources); err != nil || blocked {
				return stageBlocked, err
			}
			continue
		}
		if state.state == queryFailed {
			// What it has consumed may be missing from its result.
			status.mu.Unlock()
			return w.stop(freshNotRunning, state), nil
		}
		if reached(inputs, targets) && !published.unfinished {
			// What has been taken may be left with the stage's operators.
			if work == nil {
				work = slices.Clone(published.work)
			}
			if worked(published.work, work) {
				if len(published.sent) > 0 {
					w.answer.sent = append(w.answer.sent, stageNumbers{id, slices.Clone(published.sent)})
				}
				status.mu.Unlock()
				return stagePassed, nil
			}
		}
		changed := status.notice()
		status.mu.Unlock()
		if state.state != queryRunning {
			return w.stop(freshNotRunning, state), nil
		}
		if stopped, err := w.wait(ctx, changed); stopped || err != nil {
			return w.stop(freshSlow, state), err
		}
		if l.engine.alone() {
			continue
		}
		if leader, _ := l.log.Leader(); leader != l.engine.storage.Peers().Self() {
			return stageStopped, fmt.Errorf("%w of shard %d", ErrNotLeader, l.number)
		}
	}
}

// stop notes in the answer why a stage does not pass.
func (w *stageWait) stop(why freshStop, state queryStatus) stageOutcome {
	w.answer.stopped, w.answer.status = why, state
	return stageStopped
}

// wait waits for a change of the shard's state or of its leader, or for the deadline,
// which it reports.
func (w *stageWait) wait(ctx context.Context, changed <-chan struct{}) (timeout bool, err error) {
	e := w.loop.engine
	if w.deadline == nil {
		w.deadline = e.after(w.request.timeout)
	}
	_, moved := w.loop.log.Leader()
	select {
	case <-ctx.Done():
		return false, context.Cause(ctx)
	case <-e.stopped:
		return false, ErrStopped
	case <-w.deadline:
		return true, nil
	case <-changed:
	case <-moved:
	}
	return false, nil
}

// inputTarget is what one input of a stage must reach.
type inputTarget struct {
	offset  int64
	waiting uint64
	wanted  []uint64
	// arrived says that all wanted deliveries have come, and waiting is then the
	// end of those that wait.
	arrived bool
}

// targets takes what the inputs of a stage hold now. The stage is blocked where a shuffle
// leads to it of which nobody has said yet what was sent.
func (w *stageWait) targets(inputs []inputStatus) (targets []inputTarget, blocked bool, err error) {
	out := make([]inputTarget, len(inputs))
	for i := range inputs {
		switch inputs[i].kind {
		case inputStream:
			partition, err := w.loop.log.Partition(uint64(inputs[i].source))
			if err != nil {
				return nil, false, err
			}
			if partition != nil {
				out[i].offset = partition.NextOffset()
			}
		case inputTable:
			out[i].waiting = inputs[i].waitingNext
		case inputShuffle:
			wanted := w.request.numbers(inputs[i].from)
			if wanted == nil {
				return nil, true, nil
			}
			out[i].wanted = slices.Clone(wanted)
			out[i].wanted[w.loop.number] = 0 // it takes its own deliveries at once
		}
	}
	return out, false, nil
}

// worked reports whether operators have done the work that they had left.
func worked(now, then []workStatus) bool {
	for i := range then {
		if now[i].first < then[i].next {
			return false
		}
	}
	return true
}

func reached(inputs []inputStatus, targets []inputTarget) bool {
	for i := range inputs {
		in, target := &inputs[i], &targets[i]
		switch in.kind {
		case inputStream:
			if in.offset < target.offset {
				return false
			}
		case inputTable:
			if !in.scanned || in.waitingFirst < target.waiting {
				return false
			}
		case inputShuffle:
			for n, wanted := range target.wanted {
				if in.wanted[n] < wanted {
					return false
				}
			}
			if !target.arrived {
				target.arrived, target.waiting = true, in.waitingNext
			}
			if in.waitingFirst < target.waiting {
				return false
			}
		}
	}
	return true
}
