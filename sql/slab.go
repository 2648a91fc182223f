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
func (s *slab[T]) allocate() *T { return &s.slice(1)[0] }

// slice returns a slice of so many zero values. Appending to it copies it.
func (s *slab[T]) slice(length int) []T {
	if len(s.chunk) < length {
		s.size = min(max(firstChunk, s.size*2), lastChunk)
		s.chunk = make([]T, max(s.size, length))
	}
	taken := s.chunk[:length:length]
	s.chunk = s.chunk[length:]
	return taken
}
