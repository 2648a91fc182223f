package exec

import (
	"context"
	"sync"
	"time"
)

// Which transactions over several shards have a writer that is at work: each node knows
// those of its own sessions. A resolver asks all nodes before it takes a transaction that
// has been open for long for one whose writer is gone; a large one may take its time. A
// node that does not answer is believed to be gone after writerPatience.

// serviceWriting is the service that tells whether a transaction has its writer on the
// node. The request is the transaction's ID, the answer one byte.
const serviceWriting = "transaction.writing"

const (
	// writingTimeout bounds the wait for a node's answer.
	writingTimeout = time.Second
	// writerPatience is how long a transaction may be open while a node does not answer
	// that may have its writer.
	writerPatience = 3 * time.Second
)

// writers are the transactions that are written on this node. It is safe for concurrent
// use.
type writers struct {
	mu   sync.Mutex
	open map[transactionID]struct{}
}

// begin notes a transaction until the returned function is called.
func (w *writers) begin(id transactionID) (end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open == nil {
		w.open = map[transactionID]struct{}{}
	}
	w.open[id] = struct{}{}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.open, id)
	}
}

func (w *writers) has(id transactionID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, known := w.open[id]
	return known
}

// serveWriting has serviceWriting answer.
func (e *Engine) serveWriting() {
	e.serve(serviceWriting, func(_ context.Context, _ uint64, request []byte) ([]byte, error) {
		ids, err := decodeTransactionIDs(request)
		if err != nil || len(ids) != 1 {
			return nil, errBadRequest
		}
		return appendFlag(nil, e.writers.has(ids[0])), nil
	})
}

// isWriting reports whether the writer of a transaction may be at work on some node.
func (e *Engine) isWriting(ctx context.Context, t openTransaction) bool {
	ctx, cancel := context.WithTimeout(ctx, writingTimeout)
	defer cancel()
	members := e.storage.Peers().Members()
	writing, silent := make([]bool, len(members)), make([]bool, len(members))
	each(len(members), func(i int) {
		answer, err := e.askNode(ctx, members[i], serviceWriting, appendTransactionIDs(nil, []transactionID{t.id}))
		silent[i] = err != nil
		writing[i] = err == nil && len(answer) == 1 && answer[0] == 1
	})
	waits := e.now().Sub(t.since) < writerPatience
	for i := range members {
		if writing[i] || silent[i] && waits {
			return true
		}
	}
	return false
}
