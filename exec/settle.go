package exec

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Waiting for the transactions that are open on shards to be concluded: those that are
// prepared there, or decided and not carried out everywhere, when somebody asks. Their
// writers conclude them, or, when these are gone, the resolvers do.

// serviceOpen is the service that tells which transactions are open on shards that the
// node leads. The request has 16 bytes for each of those that are asked for, none for
// all; so has the answer for each that is open.
const serviceOpen = "shard.open"

// settlePause is how long it takes until open transactions are asked for again.
const settlePause = 20 * time.Millisecond

func (e *Engine) serveOpen() {
	e.serveShards(serviceOpen, func(ctx context.Context, shard int, request []byte) ([]byte, error) {
		ids, err := decodeTransactionIDs(request)
		if err != nil {
			return nil, err
		}
		open, err := e.openHere(ctx, shard, ids)
		return appendTransactionIDs(nil, open), err
	})
}

// settleTransactions returns when no transaction is open any more that was open on one of
// the shards when it was called.
func (e *Engine) settleTransactions(ctx context.Context, shards []int) error {
	open := make([][]transactionID, len(e.loops))
	for first := true; len(shards) > 0; first = false {
		if !first {
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-e.stopped:
				return ErrStopped
			case <-e.after(settlePause):
			}
		}
		var mu sync.Mutex
		set := func(shard int, ids []transactionID) {
			mu.Lock()
			defer mu.Unlock()
			open[shard] = ids
		}
		err := e.askShards(ctx, shards, &shardQuestion{
			method: serviceOpen,
			local: func(ctx context.Context, shard int) error {
				ids, err := e.openHere(ctx, shard, open[shard])
				if err == nil {
					set(shard, ids)
				}
				return err
			},
			request: func(buf []byte, shard int) []byte { return appendTransactionIDs(buf, open[shard]) },
			answer: func(shard int, answer []byte) error {
				ids, err := decodeTransactionIDs(answer)
				if err == nil {
					set(shard, ids)
				}
				return err
			},
		})
		if err != nil {
			return err
		}
		shards = slices.DeleteFunc(shards, func(shard int) bool { return len(open[shard]) == 0 })
	}
	return nil
}

// openHere asks this node's loop which transactions are open: of the given ones, or of all
// where none are given.
func (e *Engine) openHere(ctx context.Context, shard int, ids []transactionID) ([]transactionID, error) {
	answered := make(chan error, 1)
	r := &request{kind: requestOpen, asked: ids}
	r.done = func(_ bool, err error) { answered <- err }
	if err := e.loops[shard].queue.submit(ctx, r); err != nil {
		return nil, err
	}
	select {
	case err := <-answered:
		if err != nil {
			return nil, err
		}
		return r.open, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// stillOpen returns those of some transactions that are open here, or all that are where
// none are given.
func (c *core) stillOpen(ids []transactionID) []transactionID {
	open := []transactionID{}
	for _, t := range c.open() {
		if len(ids) == 0 || slices.Contains(ids, t.id) {
			open = append(open, t.id)
		}
	}
	return open
}

func appendTransactionIDs(buf []byte, ids []transactionID) []byte {
	for _, id := range ids {
		buf = append(buf, id[:]...)
	}
	return buf
}

func decodeTransactionIDs(data []byte) ([]transactionID, error) {
	var ids []transactionID
	in := uvarintReader{data: data}
	for len(in.data) > 0 {
		id := in.take(len(transactionID{}))
		if id == nil {
			return nil, errBadRequest
		}
		ids = append(ids, transactionID(id))
	}
	return ids, nil
}
