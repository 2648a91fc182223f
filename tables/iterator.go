package tables

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Iterator walks the keys of a range in ascending order:
//
//	for it.Next() {
//		use(it.Key(), it.Value())
//	}
//	err := it.Err()
//
// It begins before the first key. It must be closed, and is for one goroutine.
type Iterator struct {
	it      *pebble.Iterator
	reader  *reader
	started bool
	seek    []byte
}

// Next steps to the next key and tells whether there is one. It returns false
// at the end and on an error.
func (i *Iterator) Next() bool {
	if !i.started {
		i.started = true
		return i.it.First()
	}
	return i.it.Next()
}

// Prev steps to the key before and tells whether there is one; as the first
// step it goes to the last key of the range. It returns false at the beginning
// and on an error.
func (i *Iterator) Prev() bool {
	if !i.started {
		i.started = true
		return i.it.Last()
	}
	return i.it.Prev()
}

// SeekGE steps to the first key of the range that is at least key (relative to
// the shard) and tells whether there is one. Seeks to ascending keys are cheap.
func (i *Iterator) SeekGE(key []byte) bool {
	i.started = true
	i.seek = i.reader.absolute(i.seek[:0], key)
	return i.it.SeekGE(i.seek)
}

// Key is the key, relative to the shard; valid until the next step.
func (i *Iterator) Key() []byte { return i.it.Key()[shardSize:] }

// Value is the value; valid until the next step.
func (i *Iterator) Value() []byte { return i.it.Value() }

// Err is the error that ended the walk, or nil.
func (i *Iterator) Err() error {
	if err := i.it.Error(); err != nil {
		return fmt.Errorf("tables: scan: %w", i.reader.store.failure.name(err))
	}
	return nil
}

// Close releases the iterator and returns the error that ended the walk, if any.
func (i *Iterator) Close() error {
	if err := i.it.Close(); err != nil {
		return fmt.Errorf("tables: scan: %w", i.reader.store.failure.name(err))
	}
	return nil
}
