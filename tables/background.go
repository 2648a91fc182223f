package tables

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Pebble repeats a flush or a compaction that fails at once and for ever. A pause keeps it
// from taking a core. Pebble tells of the failure under the lock that every commit and
// read needs, so the pause comes later: before the next file of a flush is made, and when
// a compaction gives back its permission.
type backgroundPause struct{ due atomic.Bool }

const backgroundPauseTime = 5 * time.Millisecond

// ask has the next flush or compaction pause.
func (p *backgroundPause) ask() { p.due.Store(true) }

// take pauses if that is due. No lock may be held.
func (p *backgroundPause) take() {
	if p.due.Swap(false) {
		time.Sleep(backgroundPauseTime)
	}
}

// pausingFS pauses before sstables are made.
type pausingFS struct {
	vfs.FS
	pause *backgroundPause
}

// Create implements vfs.FS.
func (p pausingFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasSuffix(name, ".sst") {
		p.pause.take()
	}
	return p.FS.Create(name, category)
}

// Unwrap implements vfs.FS.
func (p pausingFS) Unwrap() vfs.FS { return p.FS }

// scheduler permits as many compactions at a time as Pebble says, as Pebble's own scheduler
// does, and pauses after one that has failed. It is for one database.
type scheduler struct {
	pause *backgroundPause
	db    pebble.DBForCompaction

	mu      sync.Mutex
	granted sync.Cond // with mu: granting is false
	running int
	// allowed is how many Pebble would have had, when it was last asked.
	allowed int
	// granting tells that somebody offers permissions, ended that no more are given.
	granting, ended bool
}

// newScheduler returns a scheduler for a database that is about to be opened.
func newScheduler(pause *backgroundPause) *scheduler {
	s := &scheduler{pause: pause}
	s.granted.L = &s.mu
	return s
}

// Register implements pebble.CompactionScheduler.
func (s *scheduler) Register(_ int, db pebble.DBForCompaction) { s.db = db }

// Unregister implements pebble.CompactionScheduler. It returns when no permission is being
// offered.
func (s *scheduler) Unregister() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	for s.granting {
		s.granted.Wait()
	}
}

// TrySchedule implements pebble.CompactionScheduler.
func (s *scheduler) TrySchedule() (bool, pebble.CompactionGrantHandle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.room() <= 0 {
		return false, nil
	}
	s.running++
	return true, s
}

// room is how many more compactions may run; mu is held.
func (s *scheduler) room() int {
	s.allowed = s.db.GetAllowedWithoutPermission()
	return s.allowed - s.running
}

// UpdateGetAllowedWithoutPermission implements pebble.CompactionScheduler. Pebble holds a
// lock that offering a permission needs.
func (s *scheduler) UpdateGetAllowedWithoutPermission() {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.allowed
	if s.room() > 0 && s.allowed > before {
		go s.grant()
	}
}

// grant offers permissions to compactions that wait for one.
func (s *scheduler) grant() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.granting {
		s.granted.Wait()
	}
	for !s.ended && s.room() > 0 {
		s.granting = true
		s.mu.Unlock()
		waiting, _ := s.db.GetWaitingCompaction()
		accepted := waiting && s.db.Schedule(s)
		s.mu.Lock()
		if !accepted {
			break
		}
		s.running++
	}
	s.granting = false
	s.granted.Broadcast()
}

// Started implements pebble.CompactionGrantHandle.
func (s *scheduler) Started() {}

// MeasureCPU implements pebble.CompactionGrantHandle.
func (s *scheduler) MeasureCPU(pebble.CompactionGoroutineKind) {}

// CumulativeStats implements pebble.CompactionGrantHandle.
func (s *scheduler) CumulativeStats(pebble.CompactionGrantHandleStats) {}

// Done implements pebble.CompactionGrantHandle. It is called without locks.
func (s *scheduler) Done() {
	s.pause.take()
	s.mu.Lock()
	s.running--
	s.mu.Unlock()
	s.grant()
}

var (
	_ pebble.CompactionScheduler   = (*scheduler)(nil)
	_ pebble.CompactionGrantHandle = (*scheduler)(nil)
)
