package exec

import (
	"slices"
	"sync"

	"millrace/sql/catalog"
)

// status is what a shard's loop tells other goroutines of its committed state:
// how far every stage has come. The loop replaces it after each tick; readers
// wait for it to change.
type status struct {
	mu      sync.Mutex
	version uint64 // of the catalog in use
	// base is the index of the last entry whose effects are published.
	base    uint64
	stages  map[stageID]*stageStatus
	queries map[catalog.ObjectID]queryStatus
	// indexes says, of each index that is not ready, whether the shard has done its
	// part.
	indexes map[catalog.ObjectID]bool
	failure error
	changed chan struct{}
}

// queryStatus is a query's state on one shard.
type queryStatus struct {
	state   queryState
	failure string
	errors  uint64
	late    uint64
}

// stageStatus is a stage's positions on one shard.
type stageStatus struct {
	inputs []inputStatus
	sent   []uint64
	// work is, per join, the work that is left.
	work []workStatus
	// unfinished says that the stage has more to give of what it has consumed.
	unfinished bool
}

// workStatus numbers the work that a join has left: first .. next-1.
type workStatus struct{ first, next uint64 }

// inputStatus is the position of one input.
type inputStatus struct {
	kind                      inputKind
	source                    catalog.ObjectID
	from                      stageID
	offset                    int64
	scanned                   bool
	waitingFirst, waitingNext uint64
	wanted                    []uint64
}

// publish takes the core's state between two ticks, behind the entry of an index: that of
// the queries that have worked, or of all.
func (s *status) publish(c *core, base uint64, worked []*runningQuery, all bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if all || s.stages == nil {
		worked = c.queries
		s.stages = make(map[stageID]*stageStatus, len(c.stages))
		s.queries = make(map[catalog.ObjectID]queryStatus, len(c.queries))
	}
	s.version, s.base, s.failure = c.record.version, base, nil
	s.indexes = c.indexesDone()
	for _, q := range worked {
		s.queries[q.descriptor.ID] = queryStatus{state: q.state, failure: q.failure, errors: q.errors, late: q.late}
		for _, stage := range q.stages {
			s.publishStage(stage)
		}
	}
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

func (s *status) publishStage(stage *stage) {
	published := s.stages[stage.id]
	if published == nil {
		published = &stageStatus{inputs: make([]inputStatus, len(stage.inputs)), sent: slices.Clone(stage.sent)}
		s.stages[stage.id] = published
	}
	copy(published.sent, stage.sent)
	published.work = published.work[:0]
	for _, o := range stage.workers {
		published.work = append(published.work, workStatus{o.work.first, o.work.first + uint64(len(o.work.items))})
	}
	published.unfinished = stage.unfinished
	for i, in := range stage.inputs {
		to := &published.inputs[i]
		to.kind, to.source, to.from = in.kind, in.source, in.from
		to.offset, to.scanned = in.offset, in.scanned
		to.waitingFirst, to.waitingNext = in.waitingFirst, in.waitingNext
		to.wanted = append(to.wanted[:0], in.wanted...)
	}
}

func (s *status) setFailure(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = err
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// clear forgets everything: another node leads the shard, and knows how far it is.
func (s *status) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version, s.failure = 0, nil
	s.stages, s.queries, s.indexes = nil, nil, nil
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// notice returns a channel that is closed at the next change. The lock is held.
func (s *status) notice() <-chan struct{} {
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

// activated reports whether the shard uses a catalog version, and else what to
// wait for.
func (s *status) activated(version uint64) (bool, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.version >= version {
		return true, nil, nil
	}
	return false, s.notice(), s.failure
}

// indexDone reports whether the shard has done its part of an index that is not
// ready, and else what to wait for.
func (s *status) indexDone(id catalog.ObjectID) (bool, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.indexes[id] {
		return true, nil
	}
	return false, s.notice()
}

// covers is the index of the last entry whose effects are published.
func (s *status) covers() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.base
}

// reaches reports whether the effects of the entry of an index are published, and else
// what to wait for.
func (s *status) reaches(index uint64) (bool, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stages != nil && s.base >= index {
		return true, nil
	}
	return false, s.notice()
}
