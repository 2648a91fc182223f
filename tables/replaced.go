package tables

import (
	"errors"
	"maps"
	"sync"
	"sync/atomic"
)

// ErrReplaced is returned by reads of a shard in a snapshot that is older than the
// shard's content: an Import has replaced it. A new snapshot can be read.
var ErrReplaced = errors.New("tables: the content of the shard was replaced")

// replacements tells which snapshots are too old to read a shard by: Pebble does not
// keep for them what an Import removes. Replacements are counted, a shard is noted
// with the count of its last one before anything of it is removed, and a snapshot
// with the count from before it was made; both are compared after each read. An
// iterator that has been opened sees what there was.
type replacements struct {
	mu    sync.Mutex
	count atomic.Uint64
	// last is the count of each shard that has ever been replaced; nil for none.
	last atomic.Pointer[map[uint32]uint64]
}

// note notes that a shard is about to be replaced.
func (r *replacements) note(shard uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := map[uint32]uint64{}
	if last := r.last.Load(); last != nil {
		next = maps.Clone(*last)
	}
	next[shard] = r.count.Load() + 1
	r.last.Store(&next)
	r.count.Add(1)
}

// since returns ErrReplaced if the shard has been replaced after a count.
func (r *replacements) since(shard uint32, count uint64) error {
	if last := r.last.Load(); last != nil && (*last)[shard] > count {
		return ErrReplaced
	}
	return nil
}
