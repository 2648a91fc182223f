package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/hashicorp/raft"
)

// How a replica ceases to be whole, and becomes whole again.
//
// Invariants:
//
//   - The mark is on disk before the replica gives anything up, and before a snapshot
//     counts that another node has sent. It goes only when segments and key-value store
//     are durable as of one state A, and the newest snapshot says so. So after a crash
//     at any point the replica has a mark, or it is whole.
//   - While the mark is there, entries that Raft hands over have no effect; the log keeps
//     them, since no snapshot of the group is begun. A is not before what the log begins
//     with (seedMark.state), nor before the state of a snapshot that had been begun and may
//     be written yet, so the entries behind A are in the log, or come.
//   - Of the partitions, what the mark names is right: it was applied, or copied and
//     verified, and synced. Rows are all copied anew, since they cannot be told apart.
//   - Readers are let in again when all that Raft has handed over is applied, at least
//     up to where the source was when it ended: retention and compaction may have taken
//     from what it sent what was there at A.

// errOutdated says that a copy is older than what the replica waits for by now.
var errOutdated = errors.New("cluster: the copy is older than what the log begins with by now")

// lack notes that the replica is not whole and needs a copy of at least a state. It
// returns once that is durable. The partition of a damaged file, if one is named, is set
// aside; all are for everyFile.
func (m *machine) lack(state uint64, reason, damaged string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	aside := m.partitions.matching(func(p *partition) bool { return damaged == everyFile || m.partitions.holds(p, damaged) })
	if want := m.want.Load(); want != nil && m.marked && want.state >= state && len(aside) == 0 {
		return nil
	}
	mark := &seedMark{state: max(state, m.base.state, m.captured), reason: reason, partitions: m.partitions.trusted(aside)}
	if err := mark.write(m.partitions.options.FS, m.partitions.options.Dir); err != nil {
		return err
	}
	m.marked = true
	level := slog.LevelError
	if reason == reasonBehind {
		level = slog.LevelInfo // as of every node that joins
	}
	m.logger.Log(context.Background(), level, "the replica is not whole and has to be copied from another node", "reason", reason, "state", mark.state)
	m.setWant(mark)
	m.partitions.forget(aside)
	m.partitions.revert()
	m.hashes.fail(m.err())
	m.waiting = nil
	m.halted.Store(nil)
	m.changeHalted()
	m.host.seedSoon()
	for _, p := range aside {
		if err := m.partitions.setAside(p); err != nil {
			return err
		}
	}
	return nil
}

// everyFile stands for all files of a shard's partitions.
const everyFile = "*"

// reasonBehind is why a replica is not whole that is new, or was away for long.
const reasonBehind = "its log ends before the log of the leader begins"

// received notes that another node has sent a snapshot, which says how far its log has
// been cut.
func (m *machine) received(content []byte) error {
	state, err := decodeShardState(content)
	if err != nil {
		return err
	}
	return m.lack(state.stateIndex, reasonBehind, "")
}

// setWant sets what the replica lacks, nil when it is whole; mu is held.
func (m *machine) setWant(mark *seedMark) {
	m.readableMu.Lock()
	defer m.readableMu.Unlock()
	was := m.want.Swap(mark)
	switch {
	case was == nil && mark != nil:
		m.readable = make(chan struct{})
	case was != nil && mark == nil:
		close(m.readable)
	}
}

// waitApplied returns when the replica is whole and has applied an index.
func (m *machine) waitApplied(ctx context.Context, index uint64) error {
	for {
		m.readableMu.Lock()
		readable := m.readable
		m.readableMu.Unlock()
		select {
		case <-readable:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := m.applied.wait(ctx, index); err != nil {
			return err
		}
		if m.want.Load() == nil {
			return nil
		}
	}
}

// remark notes durably how far the partitions have been copied, but for some that are given up.
func (m *machine) remark(mark *seedMark, except []*partition) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.want.Load() != mark {
		return errOutdated
	}
	m.partitions.revert()
	mark.partitions = m.partitions.trusted(except)
	if err := mark.write(m.partitions.options.FS, m.partitions.options.Dir); err != nil {
		return err
	}
	m.marked = true
	return nil
}

// seeded makes a state count that the store and the segments have durably, with the
// ends given. The replica is not whole yet: it lacks what its log has behind.
func (m *machine) seeded(mark *seedMark, state uint64, ends []partitionState) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.want.Load() != mark {
		return errOutdated
	}
	content := shardState{stateIndex: state, partitions: ends}
	index, err := m.snapshots.rewrite(content.encode(nil))
	if err != nil {
		return err
	}
	if err := removeSeedMark(m.partitions.options.FS, m.partitions.options.Dir); err != nil {
		return err
	}
	m.marked = false
	m.base = machineBase{index: index, state: state}
	m.state, m.last, m.stored, m.met = state, max(index, state), state, true
	m.offered.advance(max(m.last, m.offered.reached()))
	m.partitions.recordSeeded(ends)
	if m.replaced != nil {
		m.replaced(state)
	}
	return nil
}

// catchUpEntries is how many entries are applied before Raft may hand over another.
const catchUpEntries = 64

// catchUp applies what the log has behind the state that a copy has led to, waits for
// what is still to come up to an index, and lets readers in.
func (m *machine) catchUp(ctx context.Context, mark *seedMark, until uint64) error {
	for {
		done, err := m.catchUpSome(mark, until)
		if err != nil || done {
			return err
		}
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if m.offered.reached() < until {
			if err := m.offered.wait(ctx, min(until, m.offered.reached()+1)); err != nil {
				return err
			}
		}
	}
}

// catchUpSome applies some entries of the log, and tells whether there are no more.
func (m *machine) catchUpSome(mark *seedMark, until uint64) (done bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.want.Load() != mark {
		return false, errOutdated
	}
	end := m.offered.reached()
	for range catchUpEntries {
		if m.last >= end {
			break
		}
		var entry raft.Log
		if err := m.log.GetLog(m.last+1, &entry); err != nil {
			return false, fmt.Errorf("cluster: entry %d, to be applied behind a copy: %w", m.last+1, err)
		}
		if entry.Type != raft.LogCommand {
			m.last++
			continue
		}
		if _, err := m.apply(&entry); err != nil {
			return false, err
		}
	}
	if m.last < end || end < until {
		return false, nil
	}
	m.applied.advance(m.state)
	m.setWant(nil)
	m.changeHalted()
	return true, nil
}
