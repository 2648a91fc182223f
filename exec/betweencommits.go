package exec

import (
	"context"
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"millrace/sql/sqlerr"
	"millrace/tables"
)

// A transaction's view is made while no transaction over several shards is carried out on
// some of them and not yet on the others, whichever node carries it out.
//
//   - The view's node has the gates of all nodes (commitGate) held, one after the other in
//     the order of their numbers: so two views do not wait for each other. A node holds
//     its gate for holdFor at most, since a view's node may be gone; a view that took
//     longer is made again.
//   - A transaction that was left half done, since a shard could not be reached or its
//     writer is gone, waits for a resolver with the gate open. So the view is searched for
//     them, and made again until it has none: one is half done if and only if its
//     coordinator has decided for commit and another shard still has its part prepared.
//     Nobody goes on with those of a node that is gone but resolvers, which gates hold off.
//     One that works and is taken for gone, since the view's node cannot reach it or it
//     has long been silent, may have its transactions seen apart.
const (
	holdFor = 2 * time.Second
	// askHold bounds the wait for what is under way on a node when its gate is held.
	askHold = time.Second
	// holdTries is how often a node is asked that cannot be reached.
	holdTries = 3
	// silentTries is after how many tries a node that does not answer counts as gone, and
	// askSilent how long it is asked from then on.
	silentTries = 2
	askSilent   = askHold / 4
	// viewPause is how long a view waits before it is made again.
	viewPause = 20 * time.Millisecond
)

// commitHolds are the gates that are held for views of other nodes.
type commitHolds struct {
	mu sync.Mutex
	// held has by the view's node and number the end of the hold.
	held map[[2]uint64]func()
	// views numbers those of this node.
	views uint64
}

// serveCommits has this node's gate held for views.
//
//	commits.hold  view →
//	commits.pass  view →
func (e *Engine) serveCommits() {
	e.serve("commits.hold", func(ctx context.Context, from uint64, request []byte) ([]byte, error) {
		in := uvarintReader{data: request}
		return nil, e.holdCommits(ctx, [2]uint64{from, in.next()})
	})
	e.serve("commits.pass", func(_ context.Context, from uint64, request []byte) ([]byte, error) {
		in := uvarintReader{data: request}
		e.passCommits([2]uint64{from, in.next()})
		return nil, nil
	})
}

// holdCommits holds the gate until the view has passed, or holdFor is over.
func (e *Engine) holdCommits(ctx context.Context, view [2]uint64) error {
	if err := e.commits.hold(ctx, e.after(askHold)); err != nil {
		return err
	}
	end := sync.OnceFunc(e.commits.letGo)
	h := &e.commitHolds
	h.mu.Lock()
	again := h.held[view]
	h.held[view] = end
	h.mu.Unlock()
	if again != nil {
		again() // the answer was lost
	}
	go func() {
		select {
		case <-e.after(holdFor):
		case <-e.stopped:
		}
		e.passCommits(view)
	}()
	return nil
}

// passCommits ends a hold.
func (e *Engine) passCommits(view [2]uint64) {
	h := &e.commitHolds
	h.mu.Lock()
	end := h.held[view]
	delete(h.held, view)
	h.mu.Unlock()
	if end != nil {
		end()
	}
}

// betweenCommits calls take while no transaction over several shards is half carried out.
// It may do so several times; the snapshot that the last one took has no half of any. It
// fails with 55000 when that takes longer than timeout.
func (e *Engine) betweenCommits(ctx context.Context, timeout time.Duration, take func(ctx context.Context) (*tables.Snapshot, error)) error {
	deadline := e.after(timeout)
	silent := map[uint64]int{}
	for {
		whole, err := e.tryBetweenCommits(ctx, deadline, silent, take)
		if whole || err != nil {
			return err
		}
		select {
		case <-deadline:
			return halfDone()
		default:
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-e.stopped:
			return ErrStopped
		case <-e.after(viewPause):
		}
	}
}

// halfDone is the error of a view that cannot be made.
func halfDone() error {
	return sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "transactions over several shards do not come to their end").
		WithHint("A shard may be unable to write. Run the transaction again.")
}

// tryBetweenCommits holds all gates once, and reports whether what was taken has no half
// of a transaction. silent counts how often nodes did not answer.
func (e *Engine) tryBetweenCommits(ctx context.Context, deadline <-chan time.Time, silent map[uint64]int, take func(ctx context.Context) (*tables.Snapshot, error)) (whole bool, err error) {
	began := e.now()
	if e.alone() {
		if err := e.commits.hold(ctx, deadline); err != nil {
			return false, err
		}
		defer e.commits.letGo()
	} else {
		release, held := e.holdAll(ctx, silent)
		defer release()
		switch {
		case ctx.Err() != nil:
			return false, context.Cause(ctx)
		case !held:
			return false, nil
		}
	}
	taking, end := context.WithTimeout(ctx, holdFor)
	defer end()
	snapshot, err := take(taking)
	switch {
	case err != nil && taking.Err() != nil && ctx.Err() == nil:
		return false, nil
	case err != nil:
		return false, err
	case !e.alone() && e.now().Sub(began) >= holdFor:
		return false, nil
	}
	half, err := e.hasHalf(snapshot)
	return err == nil && !half, err
}

// holdAll has the gates of all nodes held that can be asked. Held is false where one was
// not.
func (e *Engine) holdAll(ctx context.Context, silent map[uint64]int) (release func(), held bool) {
	h := &e.commitHolds
	h.mu.Lock()
	h.views++
	view := binary.AppendUvarint(nil, h.views)
	h.mu.Unlock()
	peers := e.storage.Peers()
	members := slices.Sorted(slices.Values(peers.Members()))
	held = true
	for _, node := range members {
		patience := 2 * askHold
		if silent[node] >= silentTries {
			patience = askSilent
		}
		gone, err := e.askToHold(ctx, node, view, patience)
		if err != nil && !isAnswer(err) {
			silent[node]++
		}
		if err != nil && !gone && (isAnswer(err) || patience > askSilent) {
			held = false
			break
		}
	}
	return func() {
		for _, node := range members {
			if node == peers.Self() {
				_, _ = e.askNode(context.Background(), node, "commits.pass", view) // it has no error
				continue
			}
			peers.Send(node, "commits.pass", view)
		}
	}, held
}

// askToHold asks a node to hold its gate. Gone says that it cannot be reached.
func (e *Engine) askToHold(ctx context.Context, node uint64, view []byte, patience time.Duration) (gone bool, err error) {
	ctx, end := context.WithTimeout(ctx, patience)
	defer end()
	for try := 1; ; try++ {
		_, err = e.askNode(ctx, node, "commits.hold", view)
		if err == nil || isAnswer(err) || ctx.Err() != nil {
			return false, err // one that is slow is not gone
		}
		if try == holdTries {
			return true, err
		}
		select {
		case <-ctx.Done():
			return false, err
		case <-e.after(leaderPause):
		}
	}
}

// hasHalf reports whether a snapshot has a part of a transaction without the others.
func (e *Engine) hasHalf(snapshot *tables.Snapshot) (bool, error) {
	committed, err := e.committedIn(snapshot)
	if err != nil {
		return false, damaged(err)
	}
	catalog := e.newestCatalog()
	half := false
	for shard := range e.loops {
		err := eachTransaction(snapshot.Shard(uint32(shard)), transactionPrepared, func(id transactionID, record []byte, _ int) error {
			if len(record) == 0 || record[0] != recordVersion {
				return errBadRecord
			}
			in := uvarintReader{data: record[1:]}
			byCatalog := int(in.next()) == catalogCoordinator
			if in.bad {
				return errBadRecord
			}
			half = half || committed[id] || byCatalog && catalog.IsCommitted(id)
			return nil
		})
		if err != nil {
			return false, damaged(err)
		}
	}
	return half, nil
}

// committedIn are the transactions that their coordinators have decided to commit, and not
// forgotten.
func (e *Engine) committedIn(snapshot *tables.Snapshot) (map[transactionID]bool, error) {
	committed := map[transactionID]bool{}
	for shard := range e.loops {
		err := eachTransaction(snapshot.Shard(uint32(shard)), transactionDecided, func(id transactionID, record []byte, _ int) error {
			commit, _, err := decodeDecision(record)
			committed[id] = commit
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return committed, nil
}
