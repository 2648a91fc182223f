package session

import (
	"context"

	"millrace/sql/catalog"
	"millrace/sql/types"
)

// piecesInFlight is how many pieces of a COPY wait to be written while the next
// one is read.
const piecesInFlight = 4

// pieceWriter writes the pieces of a COPY in order, on a goroutine of its own
// once there is more than one, so that reading goes on meanwhile.
type pieceWriter struct {
	session *Session
	ctx     context.Context
	target  *catalog.Relation
	// pieces go to the goroutine, and their batches come back through free.
	pieces chan *types.Batch
	free   chan *types.Batch
	// done is closed when the goroutine has ended; it is nil before it runs. stored
	// and err belong to the goroutine until then.
	done   chan struct{}
	stored int64
	err    error
	// failed is closed when a write has failed.
	failed chan struct{}
}

func startPieceWriter(ctx context.Context, s *Session, target *catalog.Relation) *pieceWriter {
	return &pieceWriter{session: s, ctx: ctx, target: target}
}

// emptyBatch returns a batch to fill: one that was written, where there is one.
func (w *pieceWriter) emptyBatch() *types.Batch {
	select {
	case batch := <-w.free:
		batch.Reset()
		return batch
	default:
		return newTargetBatch(w.target)
	}
}

// submit gives a piece to be written. It waits while too many are on their way,
// and returns the error of an earlier piece.
func (w *pieceWriter) submit(ctx context.Context, batch *types.Batch) error {
	if w.done == nil {
		w.pieces = make(chan *types.Batch, piecesInFlight)
		w.free = make(chan *types.Batch, piecesInFlight+1)
		w.done = make(chan struct{})
		w.failed = make(chan struct{})
		go w.run()
	}
	select {
	case w.pieces <- batch:
		return nil
	case <-w.failed:
		return w.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// run writes pieces until there are no more or one fails.
func (w *pieceWriter) run() {
	defer close(w.done)
	for batch := range w.pieces {
		if w.err != nil {
			continue
		}
		err := w.session.writePiece(w.ctx, w.target, batch)
		if err != nil {
			w.err = err
			close(w.failed)
			continue
		}
		w.stored += int64(batch.Len)
		select {
		case w.free <- batch:
		default:
		}
	}
}

// finish waits until every piece is written, and returns the first error.
func (w *pieceWriter) finish() error {
	if w.done == nil {
		return nil
	}
	close(w.pieces)
	<-w.done
	return w.err
}
