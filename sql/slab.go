package sql

// slab hands out nodes from chunks, so that the literals of a long VALUES
// list cost a fraction of an allocation each. Chunks grow up to a limit: a
// short statement wastes little, and a node that outlives the others pins
// only its chunk.
type slab[T any] struct {
	chunk []T
	size  int
}

const (
	firstChunk = 4
	lastChunk  = 512
)

// allocate returns a new zero node.
func (s *slab[T]) allocate() *T {
	if len(s.chunk) == 0 {
		s.size = min(max(firstChunk, s.size*2), lastChunk)
		s.chunk = make([]T, s.size)
	}
	node := &s.chunk[0]
	s.chunk = s.chunk[1:]
	return node
}
