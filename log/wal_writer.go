package log

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"time"
)

// walEffect is what a record of a round does to the state in memory once the
// round is on disk.
type walEffect struct {
	kind  recordType
	group *Group
	// index is that of the entry, or the bound of the truncation.
	index uint64
	key   string
	value []byte
	// start and size are the record's place in the round.
	start, size int
}

// write is the writer's goroutine.
func (w *WAL) write() {
	defer close(w.done)
	for {
		// Those who have just been answered often have more to store: let them
		// submit it, so that the next round gathers it.
		runtime.Gosched()
		pending, confirm, closing := w.wait()
		for len(pending) > 0 {
			pending = pending[w.writeRound(pending):]
		}
		w.reclaimIdle()
		if confirm {
			// A failure has been logged; what it is about is on disk all the same.
			_ = w.confirm()
			// An idle log holds no memory for rounds.
			w.builder, w.effects, w.zeros = roundBuilder{}, nil, nil
		}
		if closing {
			w.finish()
			return
		}
	}
}

// wait returns what has been submitted, or that nothing was for a while, or that
// nothing more will be.
func (w *WAL) wait() (pending []*walRequest, confirm, closing bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.confirmDue = false
	if len(w.queue) == 0 && w.unconfirmed && w.writable != nil {
		w.idle.Reset(walConfirmAfter)
		defer w.idle.Stop()
	}
	for len(w.queue) == 0 && !w.closing && !w.confirmDue {
		w.arrived.Wait()
	}
	pending, w.queue = w.queue, nil
	return pending, w.confirmDue && len(pending) == 0, w.closing
}

// confirmLater asks the writer to confirm the last round.
func (w *WAL) confirmLater() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.confirmDue = true
	w.arrived.Signal()
}

// confirm writes an empty round behind a last one that has records. It tries
// once.
func (w *WAL) confirm() error {
	if !w.unconfirmed || w.writable == nil {
		return nil
	}
	w.unconfirmed = false
	w.pace.begin()
	defer w.pace.end()
	return w.writeEmptyRound()
}

// writeRound writes one round with as many of the pending requests as fit,
// answers them and returns their number.
func (w *WAL) writeRound(pending []*walRequest) (taken int) {
	size := roundHeaderSize
	for taken < len(pending) && (taken == 0 || size+pending[taken].size <= w.options.RoundBytes) {
		size += pending[taken].size
		taken++
	}
	requests := pending[:taken]
	w.pace.begin()
	defer w.pace.end()
	moves := w.planMoves()
	err := w.ensureWritable(int64(size + moves.size))
	if err == nil {
		requests, err = w.commit(requests, moves)
	}
	if err != nil && w.writable != nil {
		// There is no room, but the file has some left for small requests.
		w.metrics.failures.Inc()
		requests = w.refuseEntries(requests, err)
		if w.fitsReserve(requests) {
			requests, err = w.commit(requests, movePlan{})
		}
	}
	if err != nil {
		w.metrics.failures.Inc()
	}
	w.pace.failing.Store(err != nil)
	w.answer(requests, err)
	return taken
}

// refuseEntries answers the requests that store entries with err and returns
// the others.
func (w *WAL) refuseEntries(requests []*walRequest, err error) (others []*walRequest) {
	for _, r := range requests {
		if r.kind == requestStore {
			r.result <- err
		} else {
			others = append(others, r)
		}
	}
	return others
}

// fitsReserve tells whether requests fit in the bytes the file has.
func (w *WAL) fitsReserve(requests []*walRequest) bool {
	size := int64(roundHeaderSize)
	for _, r := range requests {
		size += int64(r.size)
	}
	return w.writable.end+size <= w.writable.allocated
}

// commit encodes a round of moves and requests, writes and syncs it and applies
// it to the state in memory. Requests that the state does not allow are answered
// here; the others are returned with their common outcome.
func (w *WAL) commit(requests []*walRequest, moves movePlan) (accepted []*walRequest, err error) {
	f := w.writable
	w.attempt++
	w.builder.reset(f.seed, 2*w.options.RoundBytes+rewriteRoundBytes)
	w.effects = w.effects[:0]
	w.encodeMoves(moves)
	for _, r := range requests {
		if err := w.encode(r); err != nil {
			r.result <- err
			continue
		}
		accepted = append(accepted, r)
	}
	if len(w.effects) == 0 {
		return accepted, nil // nothing changes
	}
	return accepted, w.writeAndSync(f)
}

// writeAndSync puts the encoded round on disk and applies it.
func (w *WAL) writeAndSync(f *walFile) error {
	oldest := w.oldestNeeded()
	round := w.builder.finish(f.sequence, w.nextRound, oldest)
	end := f.end + int64(len(round))
	begin := time.Now()
	_, err := f.file.WriteAt(round, f.end)
	if err == nil && end > f.allocated {
		w.setAllocated(f, end)
		err = w.grow(f, end+w.reserve, 0)
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		// Nothing was lost that had been there, so the file is still good; the
		// next round is written over this one.
		return fmt.Errorf("log: write %s: %w", f.path, err)
	}
	if err == nil {
		err = f.file.SyncData()
	}
	if err != nil {
		w.abandon(f)
		w.options.Logger.Error("cannot write the write-ahead log", "path", f.path, "error", err)
		return fmt.Errorf("log: write %s: %w", f.path, err)
	}
	w.metrics.round(len(round), time.Since(begin))
	start := f.end
	w.filesMu.Lock()
	f.end = end
	w.filesMu.Unlock()
	w.unconfirmed = len(w.effects) > 0
	w.nextRound++
	w.apply(f, start)
	w.durableOldest = oldest
	w.reclaim()
	return nil
}

// answer sends the outcome to requests.
func (w *WAL) answer(requests []*walRequest, err error) {
	for _, r := range requests {
		r.result <- err
	}
}

// encode checks a request against the group's state, with what the round holds
// before it, and appends its records.
func (w *WAL) encode(r *walRequest) error {
	g := r.group
	staged := g.stage(w.attempt)
	switch r.kind {
	case requestStore:
		last := staged.last
		for i, log := range r.logs {
			if log.Index == 0 || last != 0 && log.Index != last+1 {
				return fmt.Errorf("log: group %d: entry %d (%d of %d) does not follow entry %d", g.id, log.Index, i+1, len(r.logs), last)
			}
			last = log.Index
		}
		for _, log := range r.logs {
			start, size := w.builder.entry(g.id, log)
			w.effects = append(w.effects, walEffect{kind: recordEntry, group: g, index: log.Index, start: start, size: size})
		}
		if staged.first == 0 {
			staged.first = r.logs[0].Index
		}
		staged.last = last
	case requestDelete:
		return w.encodeDelete(r, staged)
	case requestSet:
		start, size := w.builder.stable(g.id, r.key, r.value)
		w.effects = append(w.effects, walEffect{kind: recordStable, group: g, key: r.key, value: r.value, start: start, size: size})
	case requestDrop:
		w.builder.dropGroup(g.id)
		w.effects = append(w.effects, walEffect{kind: recordDropGroup, group: g})
		*staged = stagedRange{attempt: staged.attempt}
	}
	return nil
}

// encodeDelete encodes the removal of the entries [min, max]: a prefix, a suffix
// or all of the log.
func (w *WAL) encodeDelete(r *walRequest, staged *stagedRange) error {
	g := r.group
	if staged.last == 0 || r.min > staged.last || r.max < staged.first || r.min > r.max {
		return nil
	}
	switch {
	case r.min <= staged.first:
		w.builder.truncate(recordTruncatePrefix, g.id, r.max)
		w.effects = append(w.effects, walEffect{kind: recordTruncatePrefix, group: g, index: r.max})
		staged.first = r.max + 1
	case r.max >= staged.last:
		w.builder.truncate(recordTruncateSuffix, g.id, r.min)
		w.effects = append(w.effects, walEffect{kind: recordTruncateSuffix, group: g, index: r.min})
		staged.last = r.min - 1
	default:
		return fmt.Errorf("log: group %d: cannot remove entries %d to %d from the middle of %d to %d", g.id, r.min, r.max, staged.first, staged.last)
	}
	if staged.first > staged.last {
		staged.first, staged.last = 0, 0
	}
	return nil
}

// apply gives the round, which begins at byte start of f and is on disk, its
// effect on the state in memory.
func (w *WAL) apply(f *walFile, start int64) {
	for i := range w.effects {
		e := &w.effects[i]
		place := location{file: f, position: uint32(start) + uint32(e.start), length: uint32(e.size)}
		switch e.kind {
		case recordEntry:
			e.group.append(e.index, place, w.cache.add(w.builder.buf[e.start:], e.group, e.index))
		case recordMoved:
			e.group.move(e.index, place)
		case recordTruncatePrefix:
			e.group.truncatePrefix(e.index)
		case recordTruncateSuffix:
			e.group.truncateSuffix(e.index)
		case recordStable:
			e.group.setStable(e.key, e.value, place)
		case recordDropGroup:
			e.group.drop()
		}
		*e = walEffect{}
	}
}

// reclaimIdle writes an empty round when files could be reused but the log does
// not say so yet.
func (w *WAL) reclaimIdle() {
	if w.writable == nil || w.oldestNeeded() == w.durableOldest || w.durableOldest == 0 {
		return
	}
	// A failure has been logged and met; the next round says the same.
	_ = w.writeEmptyRound()
}

// writeEmptyRound writes a round without records, unless only the reserve is
// left.
func (w *WAL) writeEmptyRound() error {
	if w.writable.end+roundHeaderSize+w.reserve > w.writable.allocated {
		return nil
	}
	w.builder.reset(w.writable.seed, 2*w.options.RoundBytes+rewriteRoundBytes)
	w.effects = w.effects[:0]
	return w.writeAndSync(w.writable)
}

// finish ends the log.
func (w *WAL) finish() {
	w.closeError = w.confirm()
	w.closed.Store(true)
	w.metrics.unregister(w.options.Registerer)
	w.closeFiles()
}
