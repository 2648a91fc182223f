package log

import (
	"cmp"
	"slices"
)

const (
	// rewriteAfterFiles is the number of files in use beyond which the oldest
	// is emptied by moving what it holds to the end of the log.
	rewriteAfterFiles = 4
	// rewriteFraction bounds what is moved: at most this part of a file, so
	// that moving adds at most that part to what is written.
	rewriteFraction = 4
	// rewriteRoundBytes bounds what one round moves.
	rewriteRoundBytes = 1 << 20
)

// PinnedGroup tells how much a group needs in a file.
type PinnedGroup struct {
	Group uint64
	Bytes int64
}

// Pinned tells what a WAL holds and what keeps its oldest file.
type Pinned struct {
	// Files and Bytes are the number and the size of the files in use.
	Files int
	Bytes int64
	// Oldest lists the groups that need something in the oldest file, the one
	// with most bytes first. A snapshot of such a group, with the truncation of
	// its log that follows, frees the file. Small remains are moved to the end
	// of the log without that.
	Oldest []PinnedGroup
}

// Pinned returns what keeps the oldest file from being reused.
func (w *WAL) Pinned() Pinned {
	w.filesMu.Lock()
	defer w.filesMu.Unlock()
	pinned := Pinned{Files: len(w.files)}
	for _, f := range w.files {
		pinned.Bytes += f.allocated
	}
	if len(w.files) == 0 {
		return pinned
	}
	oldest := w.files[0]
	for _, g := range w.allGroups() {
		g.mu.RLock()
		bytes := g.live[oldest]
		g.mu.RUnlock()
		if bytes > 0 {
			pinned.Oldest = append(pinned.Oldest, PinnedGroup{Group: g.id, Bytes: bytes})
		}
	}
	slices.SortFunc(pinned.Oldest, func(a, b PinnedGroup) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return pinned
}

// allGroups returns all groups, by id.
func (w *WAL) allGroups() []*Group {
	w.groupsMu.RLock()
	defer w.groupsMu.RUnlock()
	groups := make([]*Group, 0, len(w.groups))
	for _, g := range w.groups {
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b *Group) int { return cmp.Compare(a.id, b.id) })
	return groups
}

// movePlan is what the next round repeats from the oldest file.
type movePlan struct {
	file    *walFile
	entries []movedEntry
	stable  []movedStable
	size    int
}

// movedEntry is the body of an entry to be repeated.
type movedEntry struct {
	group *Group
	index uint64
	body  []byte
}

// movedStable is a stable value to be repeated.
type movedStable struct {
	group *Group
	key   string
	value []byte
}

// planMoves gathers what the next round moves out of the oldest file: an idle
// group must not keep it.
func (w *WAL) planMoves() (plan movePlan) {
	if len(w.files) <= rewriteAfterFiles {
		return plan
	}
	f := w.files[0]
	if live := f.live.Load(); live == 0 || live > w.options.FileBytes/rewriteFraction || f.stuck {
		return plan
	}
	plan.file = f
	for _, g := range w.allGroups() {
		if g.live[f] == 0 {
			continue
		}
		for key, v := range g.stable {
			if v.file == f {
				plan.stable = append(plan.stable, movedStable{group: g, key: key, value: v.value})
				plan.size += int(v.size)
			}
		}
		for i := range g.entries {
			if g.entries[i].file != f {
				continue
			}
			if plan.size > rewriteRoundBytes {
				return plan
			}
			record, err := f.readRecord(g.entries[i])
			if err != nil {
				// The entry is needed and damaged: leave it for its reader
				// to find, and do not try again.
				f.stuck = true
				w.options.Logger.Error("cannot move an entry of the write-ahead log", "group", g.id, "index", g.first+uint64(i), "error", err)
				return movePlan{}
			}
			plan.entries = append(plan.entries, movedEntry{group: g, index: g.first + uint64(i), body: record.body})
			plan.size += record.size
		}
	}
	return plan
}

// encodeMoves appends the planned records to the round. They stand before the
// round's requests, so they repeat what holds when the round begins.
func (w *WAL) encodeMoves(plan movePlan) {
	for _, m := range plan.stable {
		start, size := w.builder.stable(m.group.id, m.key, m.value)
		w.effects = append(w.effects, walEffect{kind: recordStable, group: m.group, key: m.key, value: m.value, start: start, size: size})
	}
	for _, m := range plan.entries {
		start, size := w.builder.moved(m.group.id, m.body)
		w.effects = append(w.effects, walEffect{kind: recordMoved, group: m.group, index: m.index, start: start, size: size})
	}
}
