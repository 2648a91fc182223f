package cluster

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"millrace/log"
)

// groupLog is a group's part of the write-ahead log as Raft uses it: its log,
// its term and its vote. It is where Raft's ideas of a failing disk are mended.
//
// After entries could not be written Raft gives up leadership and soon holds an
// election, which writes a term and a vote. On a full disk that would go on for
// ever and use up the room the log keeps for such records. So no new term is
// written for some time after a failure, the longer the more often entries have failed.
// That time is over at some point even if no entries come that could be written: a
// candidate waits for a vote only for so long, and a group that pauses before each of them
// would never give one.
//
// Raft panics when its term cannot be written. So that is tried again until it
// succeeds; meanwhile the group has no leader. When the node stops before, Raft
// goes on with a term that is not on disk, until it is shut down: nothing is
// written any more from then on, so that it neither votes nor stores entries.
//
// Raft does not recover from entries that cannot be written behind the end of the log which
// it has just removed, since that was not the leader's: it would look for what is not there
// any more. So that is tried again until it succeeds, too.
//
// Raft empties the log when it has installed a leader's snapshot, and goes on believing that
// the log ends where it did. If that is behind the snapshot, it compares the entries that
// follow the snapshot with those that it believes to have, and takes none of them when they
// are not there. So until entries are stored it is told of such an entry that it is there,
// of a term that no leader has: then it removes it and takes the leader's.
type groupLog struct {
	*log.Group
	stopping <-chan struct{}
	logger   *slog.Logger

	// keeps tells that followers may need what snapshots cover, up to limit, which is
	// the index up to which the log may be cut.
	keeps bool
	limit atomic.Uint64
	// snapshots has the index up to which all entries are in a snapshot.
	snapshots *snapshotStore

	// failures counts the failures to write entries since the last success, and failed is
	// when the last one was. Raft writes entries and terms from one goroutine.
	failures int
	failed   time.Time
	// lost is set when a term was given up.
	lost atomic.Bool
	// removed tells that the end of the log has been removed and nothing stored since.
	removed atomic.Bool
	// gone are entries behind an installed snapshot that Raft believes to be there; nil for
	// none.
	gone atomic.Pointer[entryRange]
}

// entryRange are the entries from first to last.
type entryRange struct{ first, last uint64 }

var (
	_ raft.LogStore          = (*groupLog)(nil)
	_ raft.StableStore       = (*groupLog)(nil)
	_ raft.MonotonicLogStore = (*groupLog)(nil)
)

const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// GetLog implements raft.LogStore.
func (g *groupLog) GetLog(index uint64, entry *raft.Log) error {
	err := g.Group.GetLog(index, entry)
	gone := g.gone.Load()
	if gone == nil || !errors.Is(err, raft.ErrLogNotFound) || index < gone.first || index > gone.last {
		return err
	}
	*entry = raft.Log{Index: index, Type: raft.LogNoop}
	return nil
}

// StoreLog implements raft.LogStore.
func (g *groupLog) StoreLog(entry *raft.Log) error { return g.StoreLogs([]*raft.Log{entry}) }

// StoreLogs implements raft.LogStore.
func (g *groupLog) StoreLogs(entries []*raft.Log) error {
	if g.lost.Load() {
		return ErrStopped
	}
	store := func() error {
		if err := g.Group.StoreLogs(entries); err != nil {
			return err
		}
		g.gone.Store(nil) // Raft believes in what it has stored last
		return nil
	}
	if g.removed.Swap(false) {
		return g.persist(store)
	}
	err := store()
	if err == nil {
		g.failures = 0
	} else {
		g.failures++
		g.failed = time.Now()
	}
	return err
}

// DeleteRange implements raft.LogStore. Raft calls it to cut the log, which it does not do
// up to the last entry where followers may need the log (Config.TrailingLogs), to remove
// the end of the log, or all of it, where that is not the leader's, and to remove all of it
// when a snapshot has been installed.
func (g *groupLog) DeleteRange(first, last uint64) error {
	if !g.keeps {
		return g.Group.DeleteRange(first, last)
	}
	end, err := g.Group.LastIndex()
	if err != nil {
		return err
	}
	if last < end {
		last = min(last, g.limit.Load())
	}
	if last < first {
		return nil
	}
	if err := g.Group.DeleteRange(first, last); err != nil {
		return err
	}
	if last == end {
		g.removed.Store(true)
		// No leader has others of the entries that are in a snapshot.
		if snapshot := g.snapshots.latest.Load(); first <= snapshot && snapshot < last {
			g.gone.Store(&entryRange{snapshot + 1, last})
		}
	}
	return nil
}

// Set implements raft.StableStore.
func (g *groupLog) Set(key, value []byte) error {
	return g.persist(func() error { return g.Group.Set(key, value) })
}

// SetUint64 implements raft.StableStore.
func (g *groupLog) SetUint64(key []byte, value uint64) error {
	// The first failure may have been a single one: no pause for that.
	if g.failures > 1 && string(key) == string(keyCurrentTerm) {
		g.pause(time.Until(g.failed.Add(min(firstRetry<<min(g.failures, 10), lastRetry))))
	}
	err := g.persist(func() error { return g.Group.SetUint64(key, value) })
	if err != nil && string(key) == string(keyCurrentTerm) {
		g.lost.Store(true)
		return nil
	}
	return err
}

// persist repeats write until it succeeds or the node stops.
func (g *groupLog) persist(write func() error) error {
	logged := false
	if g.lost.Load() {
		return ErrStopped
	}
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		err := write()
		if err == nil {
			return nil
		}
		if !logged {
			g.logger.Error("term, vote or entries cannot be written; trying again", "error", err)
			logged = true
		}
		if !g.pause(pause) {
			return fmt.Errorf("%w: %w", ErrStopped, err)
		}
	}
}

// pause waits; it returns false when the node stops meanwhile.
func (g *groupLog) pause(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-g.stopping:
		return false
	}
}
