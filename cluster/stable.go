package cluster

import (
	"log/slog"
	"time"

	"github.com/hashicorp/raft"
)

// stableStore keeps a group's term and vote. Raft panics when its term cannot
// be written, so a write that fails is tried again until it succeeds or the
// node stops; meanwhile the group has no leader.
type stableStore struct {
	raft.StableStore
	stopping <-chan struct{}
	logger   *slog.Logger
}

const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// Set implements raft.StableStore.
func (s *stableStore) Set(key, value []byte) error {
	return s.persist(func() error { return s.StableStore.Set(key, value) })
}

// SetUint64 implements raft.StableStore.
func (s *stableStore) SetUint64(key []byte, value uint64) error {
	return s.persist(func() error { return s.StableStore.SetUint64(key, value) })
}

// persist repeats write. When the node stops, the write is given up and
// reported as done: Raft is about to end, its log takes nothing any more, and
// nobody hears of the term or the vote that was not written.
func (s *stableStore) persist(write func() error) error {
	logged := false
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		err := write()
		if err == nil {
			return nil
		}
		if !logged {
			s.logger.Error("term or vote cannot be written; trying again", "error", err)
			logged = true
		}
		select {
		case <-time.After(pause):
		case <-s.stopping:
			return nil
		}
	}
}
