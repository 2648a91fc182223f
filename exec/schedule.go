package exec

import (
	"math/bits"

	"millrace/sql/catalog"
)

// indexSet is a set of small numbers, in order.
type indexSet []uint64

func (s *indexSet) add(i int) {
	for len(*s) <= i/64 {
		*s = append(*s, 0)
	}
	(*s)[i/64] |= 1 << (i % 64)
}

func (s indexSet) remove(i int) {
	if i/64 < len(s) {
		s[i/64] &^= 1 << (i % 64)
	}
}

func (s indexSet) has(i int) bool { return i/64 < len(s) && s[i/64]&(1<<(i%64)) != 0 }

// next returns the smallest number in the set that is at least from, or -1.
func (s indexSet) next(from int) int {
	for word := from / 64; word < len(s); word++ {
		left := s[word]
		if word == from/64 {
			left &^= 1<<(from%64) - 1
		}
		if left != 0 {
			return word*64 + bits.TrailingZeros64(left)
		}
	}
	return -1
}

// schedule says which of a core's queries a tick has to run, so that the others
// cost it nothing. Queries are named by their number in core.queries; a query
// comes after those that write what it reads.
type schedule struct {
	// readers are the queries that read a stream or table.
	readers map[uint64][]int
	// behind are the queries that have something to do without new input.
	behind indexSet
	// due are those to run in the current tick.
	due indexSet
	// mayLag are the queries that may work off what they lag behind in the
	// current tick, and hand is where the next tick's choice begins.
	mayLag indexSet
	hand   int
}

// laggingQueries bounds how many queries work off what they lag behind in one
// tick: each may take queryBudget, and new rows wait for them.
const laggingQueries = 4

// reset makes the schedule for queries that are new or of unknown progress.
func (s *schedule) reset(queries []*runningQuery) {
	*s = schedule{readers: map[uint64][]int{}}
	for i, q := range queries {
		q.index = i
		s.behind.add(i)
		for _, stage := range q.stages {
			for _, in := range stage.inputs {
				if in.kind != inputShuffle {
					s.readers[uint64(in.source)] = append(s.readers[uint64(in.source)], i)
				}
			}
		}
	}
}

// begin starts a tick.
func (s *schedule) begin() {
	s.due = append(s.due[:0], s.behind...)
	s.mayLag = s.mayLag[:0]
	chosen, i := 0, s.behind.next(s.hand)
	for wrapped := false; chosen < laggingQueries; i = s.behind.next(i + 1) {
		if i < 0 {
			if wrapped {
				return
			}
			wrapped, i = true, -1
			continue
		}
		if wrapped && i >= s.hand {
			return
		}
		s.mayLag.add(i)
		chosen++
	}
	if i >= 0 {
		s.hand = i
	} else {
		s.hand = 0
	}
}

// wake has the readers of a stream or table run in the current tick.
func (s *schedule) wake(object uint64) {
	for _, i := range s.readers[object] {
		s.due.add(i)
	}
}

// ran notes whether a query that has run still has something to do.
func (s *schedule) ran(query int, behind bool) {
	if behind {
		s.behind.add(query)
	} else {
		s.behind.remove(query)
	}
}

// inFlowOrder puts queries in an order in which those that write a stream or table
// come before those that read it; the order that they have is kept where it can be.
func inFlowOrder(queries []*runningQuery) []*runningQuery {
	writers := map[catalog.ObjectID][]*runningQuery{}
	for _, q := range queries {
		writers[q.descriptor.Sink] = append(writers[q.descriptor.Sink], q)
	}
	ordered := make([]*runningQuery, 0, len(queries))
	seen := make(map[*runningQuery]bool, len(queries))
	var visit func(q *runningQuery)
	visit = func(q *runningQuery) {
		if seen[q] {
			return
		}
		seen[q] = true
		for _, source := range q.descriptor.Sources {
			for _, writer := range writers[source] {
				visit(writer)
			}
		}
		ordered = append(ordered, q)
	}
	for _, q := range queries {
		visit(q)
	}
	return ordered
}
