package tables

import (
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Shard is one shard's part of a Store. It implements Reader; each call reads
// the newest state.
type Shard struct{ reader }

var _ Reader = (*Shard)(nil)

// newShard returns the handle of a shard.
func newShard(store *Store, id uint32) *Shard {
	return &Shard{makeReader(store.db, store, id)}
}

// NewBatch returns an empty batch. It must be committed or closed.
func (s *Shard) NewBatch() *Batch {
	return &Batch{shard: s, batch: s.store.db.NewBatch()}
}

// Batch collects changes to one shard. Later changes of a key win. It is for
// one goroutine.
type Batch struct {
	shard *Shard
	batch *pebble.Batch
	err   error
}

// Set gives key the value value. Both are copied.
func (b *Batch) Set(key, value []byte) {
	op := b.batch.SetDeferred(shardSize+len(key), len(value))
	copy(op.Key, b.shard.lower())
	copy(op.Key[shardSize:], key)
	copy(op.Value, value)
	b.note(op.Finish())
}

// Delete removes key, if it exists. It is copied.
func (b *Batch) Delete(key []byte) {
	op := b.batch.DeleteDeferred(shardSize + len(key))
	copy(op.Key, b.shard.lower())
	copy(op.Key[shardSize:], key)
	b.note(op.Finish())
}

// DeleteRange removes the keys of [from, to). Both are copied; an empty to is
// the end of the shard's rows, as for Scan. A range with from above to is empty.
func (b *Batch) DeleteRange(from, to []byte) {
	lower := b.shard.absolute(nil, from)
	upper := b.shard.upper()
	if len(to) > 0 || upper == nil {
		upper = b.shard.absolute(nil, to)
	}
	if string(lower) < string(upper) {
		b.note(b.batch.DeleteRange(lower, upper, nil))
	}
}

// Len is the number of changes.
func (b *Batch) Len() int { return int(b.batch.Count()) }

// Commit makes the changes and the applied index visible at once, and closes
// the batch. They are durable after the next Flush. An error leaves the store
// without any of them.
func (b *Batch) Commit(appliedIndex uint64) error {
	var index [8]byte
	binary.BigEndian.PutUint64(index[:], appliedIndex)
	b.Set([]byte{byte(KindApplied)}, index[:])
	if b.err == nil {
		b.err = b.shard.store.usable()
	}
	if b.err != nil {
		err := b.err
		b.Close()
		return fmt.Errorf("tables: commit: %w", err)
	}
	if err := b.batch.Commit(pebble.NoSync); err != nil {
		return fmt.Errorf("tables: commit: %w", err)
	}
	if err := b.batch.Close(); err != nil {
		return fmt.Errorf("tables: commit: %w", err)
	}
	return nil
}

// Close drops a batch that is not to be committed.
func (b *Batch) Close() {
	// Closing a batch that was not applied only returns its memory.
	_ = b.batch.Close()
}

// note keeps the first error until Commit.
func (b *Batch) note(err error) {
	if b.err == nil {
		b.err = err
	}
}

// NewSnapshot is Store.NewSnapshot.
func (s *Shard) NewSnapshot() *Snapshot { return s.store.NewSnapshot() }
