package cluster

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// spaceAge is for how long a look at the disk is good.
	spaceAge = 500 * time.Millisecond
	// probeBytes is what must be writable before a full disk counts as having
	// room again.
	probeBytes = 1 << 20
	// probePause is the time between two probes of a full disk.
	probePause = 200 * time.Millisecond

	probeFile = "probe.tmp"
)

// space watches the room on disk.
type space struct {
	fs       vfs.FS
	dir      string
	reserve  uint64
	stopping <-chan struct{}
	logger   *slog.Logger

	// full is set while the key-value store waits for room.
	full atomic.Bool
	// free is what the last look found, unknownFree when it found nothing.
	free atomic.Uint64

	mu struct {
		sync.Mutex
		looked time.Time
	}
}

// newSpace returns a watch that has not looked yet.
func newSpace(fs vfs.FS, dir string, reserve uint64, stopping <-chan struct{}, logger *slog.Logger) *space {
	s := &space{fs: fs, dir: dir, reserve: reserve, stopping: stopping, logger: logger}
	s.free.Store(unknownFree)
	return s
}

// unknownFree is the free room of a file system that cannot tell it.
const unknownFree = ^uint64(0)

// check returns a *DiskFullError when input is to be refused.
func (s *space) check() error {
	if err := s.exhausted(); err != nil {
		return err
	}
	if free := s.look(); free < s.reserve {
		return &DiskFullError{Free: free, Reserve: s.reserve}
	}
	return nil
}

// exhausted returns a *DiskFullError while the disk is really full, when not
// even the node's own work can go on.
func (s *space) exhausted() error {
	if s.full.Load() {
		return &DiskFullError{Free: 0, Reserve: s.reserve}
	}
	return nil
}

// look returns the free room, asking the file system when the last answer is old.
// While one caller asks, the others take the old answer.
func (s *space) look() uint64 {
	if !s.mu.TryLock() {
		return s.free.Load()
	}
	defer s.mu.Unlock()
	now := time.Now()
	if now.Sub(s.mu.looked) < spaceAge {
		return s.free.Load()
	}
	s.mu.looked = now
	usage, err := s.fs.GetDiskUsage(s.dir)
	switch {
	case err == nil:
		s.free.Store(usage.AvailBytes)
	case errors.Is(err, vfs.ErrUnsupported):
		s.free.Store(unknownFree)
	default:
		// Not knowing is no reason to refuse: writes tell when the disk is full.
		s.free.Store(unknownFree)
		s.logger.Warn("the free room on disk is not known", "error", err)
	}
	return s.free.Load()
}

// guard returns a file system for the key-value store, whose writes wait on a
// full disk instead of failing: the store cannot go on after some of them fail.
func (s *space) guard() vfs.FS { return vfs.OnDiskFull(s.fs, s.waitForRoom) }

// waitForRoom returns when there is room again, or the node stops. The store's
// writes wait for it.
func (s *space) waitForRoom() {
	s.full.Store(true)
	defer s.full.Store(false)
	s.logger.Error("the disk is full")
	for {
		select {
		case <-s.stopping:
			return
		case <-time.After(probePause):
		}
		if s.probe() {
			s.logger.Info("the disk has room again")
			return
		}
	}
}

// probe tells whether a file of some size can be written.
func (s *space) probe() bool {
	path := s.fs.PathJoin(s.dir, probeFile)
	written := writeFile(s.fs, path, make([]byte, probeBytes))
	removed := s.fs.Remove(path)
	return written == nil && removed == nil
}
