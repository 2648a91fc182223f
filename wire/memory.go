package wire

import "sync/atomic"

// memoryBudget bounds the memory that many take parts of. It is safe for
// concurrent use.
type memoryBudget struct {
	limit int64
	used  atomic.Int64
}

// reserve takes n bytes, unless there are not so many left.
func (b *memoryBudget) reserve(n int) bool {
	if b.used.Add(int64(n)) > b.limit {
		b.used.Add(-int64(n))
		return false
	}
	return true
}

// release gives n bytes back.
func (b *memoryBudget) release(n int) { b.used.Add(-int64(n)) }
