package exec

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"

	"millrace/log"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// engineWriter is a session's Writer. Its producer has one sequence over all
// shards: a shard sees an ascending part of it.
type engineWriter struct {
	engine   *Engine
	producer uint64
	sequence uint64
	codecs   map[catalog.ObjectID]*relationCodec
	// used are the shards that know the producer.
	used map[int]struct{}
	// unsure says that a leader may have a request whose outcome the writer does not know,
	// or waits for no more. The producer is then forgotten by its age, so that the request
	// is recognised whenever it comes.
	unsure bool
	// copied says so, too, of a request that another leader has decided.
	copied atomic.Bool
	// hold is what writes rely on, nil for nothing.
	hold func(ctx context.Context) error
}

// NewWriter implements Backend.
func (e *Engine) NewWriter() Writer { return e.newWriter() }

func (e *Engine) newWriter() *engineWriter {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails (crypto/rand)
	return &engineWriter{engine: e, producer: binary.BigEndian.Uint64(id[:]), codecs: map[catalog.ObjectID]*relationCodec{}}
}

// Close implements Writer.
func (w *engineWriter) Close() {
	if w.unsure || w.copied.Load() {
		w.used = nil
	}
	for shard := range w.used {
		w.engine.forgetProducer(shard, w.producer)
	}
	w.used = nil
}

// Rely implements Writer.
func (w *engineWriter) Rely(hold func(ctx context.Context) error) { w.hold = hold }

// holds asks what writes rely on.
func (w *engineWriter) holds(ctx context.Context) error {
	if w.hold == nil {
		return nil
	}
	return w.hold(ctx)
}

// maxWriteBytes bounds what one statement may write to one shard at once.
const maxWriteBytes = 48 << 20

// Write implements Writer.
func (w *engineWriter) Write(ctx context.Context, writes []Rows, atomic bool) error {
	if err := w.engine.Alive(); err != nil {
		return err
	}
	byShard := map[int][]part{}
	turn := w.engine.turn.Add(1)
	for i := range writes {
		if writes[i].Batch.Len == 0 {
			continue
		}
		if err := w.split(&writes[i], turn, byShard); err != nil {
			return err
		}
	}
	if err := checkSize(byShard); err != nil {
		return err
	}
	switch {
	case len(byShard) == 0:
		return nil
	case len(byShard) > 1 && (atomic || w.needsTransaction(writes)):
		return w.transaction(ctx, byShard)
	default:
		return w.appendAll(ctx, byShard)
	}
}

// needsTransaction reports whether a statement's rows may be refused on one
// shard after another took them: those of source tables, but not of a copy that
// nobody sees before it is whole.
func (w *engineWriter) needsTransaction(writes []Rows) bool {
	for i := range writes {
		if writes[i].Relation.Kind == catalog.KindTable && writes[i].Relation.Shadow == 0 {
			return true
		}
	}
	return false
}

// split checks rows, gives them their rowtimes, and puts them among the parts
// of their shards, encoded.
func (w *engineWriter) split(rows *Rows, turn uint64, byShard map[int][]part) error {
	relation := rows.Relation
	codec := w.codecs[relation.ID]
	if codec == nil || codec.relation != relation {
		codec = newRelationCodec(relation)
		w.codecs[relation.ID] = codec
	}
	if relation.Kind == catalog.KindStream {
		if err := w.setRowtimes(relation, rows.Batch); err != nil {
			return err
		}
	}
	if len(relation.Key) == 0 {
		return w.addPart(codec, part{rows: rows.Batch}, int(turn%uint64(relation.Partitions)), byShard)
	}
	selections := make([][]int32, relation.Partitions)
	var key []byte
	for i := range rows.Batch.Len {
		key = appendColumnsKey(key[:0], rows.Batch, relation.Key, i)
		p := types.PartitionOf(key, relation.Partitions)
		selections[p] = append(selections[p], int32(i))
	}
	for shard, selection := range selections {
		if len(selection) == 0 {
			continue
		}
		p := part{operation: rows.Operation, rows: rows.Batch, old: rows.Old, unique: rows.Unique, entry: relation.Index != nil}
		if len(selection) < rows.Batch.Len {
			p.rows = p.rows.Select(selection)
			if p.old != nil {
				p.old = p.old.Select(selection)
			}
		}
		if err := w.addPart(codec, p, shard, byShard); err != nil {
			return err
		}
	}
	return nil
}

func (w *engineWriter) addPart(codec *relationCodec, p part, shard int, byShard map[int][]part) error {
	p.relation, p.layout = codec.relation.ID, codec.relation.Layout
	if codec.relation.Kind == catalog.KindStream {
		var builder log.BatchBuilder
		builder.Reset()
		codec.appendRecords(&builder, p.rows, nil)
		p.records = builder.Finish(-1, -1, -1, log.CompressionNone)
	}
	if requestBytes([]part{p}) > maxWriteBytes {
		return tooLarge()
	}
	byShard[shard] = append(byShard[shard], p)
	return nil
}

// checkSize refuses what is too large for the entry of a shard.
func checkSize(byShard map[int][]part) error {
	for _, parts := range byShard {
		if requestBytes(parts) > maxWriteBytes {
			return tooLarge()
		}
	}
	return nil
}

func tooLarge() error {
	return sqlerr.New(sqlerr.ProgramLimitExceeded, -1, "a statement or transaction cannot write more than %d MB to one shard", maxWriteBytes>>20).
		WithHint("Use COPY outside a transaction, or several statements.")
}

// outcomes collects the answers of several shards.
type outcomes struct {
	wait sync.WaitGroup
	mu   sync.Mutex
	err  error
}

func (o *outcomes) note(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = err
	}
}

// appendAll writes each shard's parts at once and waits for all.
func (w *engineWriter) appendAll(ctx context.Context, byShard map[int][]part) error {
	if err := w.holds(ctx); err != nil {
		return err
	}
	hold := w.hold
	if len(byShard) > 1 {
		hold = nil // the shards would ask side by side; such rows are not of a transaction
	}
	w.sequence++
	var all outcomes
	for shard, parts := range byShard {
		w.uses(shard)
		all.wait.Add(1)
		r := &request{
			kind: requestAppend, producer: w.producer, sequence: w.sequence, parts: parts, bytes: requestBytes(parts),
			hold: hold, copied: &w.copied,
			done: func(_ bool, err error) {
				if err != nil {
					all.note(err)
				}
				all.wait.Done()
			},
		}
		if err := w.engine.submit(ctx, shard, r); err != nil {
			all.note(err)
			all.wait.Done()
		}
	}
	all.wait.Wait()
	switch sqlerr.CodeOf(all.err) {
	case sqlerr.StatementCompletionUnknown, sqlerr.CannotConnectNow:
		w.unsure = true
	}
	return writeError(all.err)
}

// uses notes that a shard knows the producer.
func (w *engineWriter) uses(shard int) {
	if w.used == nil {
		w.used = map[int]struct{}{}
	}
	w.used[shard] = struct{}{}
}

// nextTransaction names the writer's next transaction.
func (w *engineWriter) nextTransaction() transactionID {
	w.sequence++
	return newTransactionID(w.producer, w.sequence)
}

// requestBytes estimates what parts add to an entry.
func requestBytes(parts []part) int {
	n := 0
	for i := range parts {
		if parts[i].records != nil {
			n += len(parts[i].records)
		} else {
			n += batchBytes(parts[i].rows)
			if parts[i].old != nil {
				n += batchBytes(parts[i].old)
			}
		}
	}
	return n
}

// batchBytes estimates the size of rows in an entry.
func batchBytes(rows *types.Batch) int {
	n := 0
	for c := range rows.Columns {
		column := &rows.Columns[c]
		n += 9 * rows.Len
		for _, s := range column.Strs {
			n += len(s)
		}
	}
	return n
}

// writeError turns an error of a write into what the client is told.
func writeError(err error) error {
	if errors.Is(err, ErrStopped) && sqlerr.CodeOf(err) != sqlerr.StatementCompletionUnknown {
		return sqlerr.New(sqlerr.StatementCompletionUnknown, -1, "the server is shutting down; the outcome of the statement is unknown")
	}
	return err
}
