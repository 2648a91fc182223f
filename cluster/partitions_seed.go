package cluster

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/log"
)

// What the partitions of a shard do while the replica is copied from another one. All of
// it is for the one goroutine that copies; nothing is applied meanwhile.

// damagedPrefix begins the names of folders that were set aside because something in
// them is damaged. They are kept until the replica is whole.
const damagedPrefix = "damaged-"

// trusted returns what is known to be right and durable of each partition but some.
func (ps *partitions) trusted(except []*partition) []partitionState {
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	var states []partitionState
	for _, p := range ps.live {
		if slices.Contains(except, p) {
			continue
		}
		p.mu.Lock()
		if p.synced != (log.SyncedEnd{}) {
			states = append(states, partitionState{object: p.object, created: p.created, end: p.synced})
		}
		p.mu.Unlock()
	}
	return states
}

// revert has partitions whose sync has failed go back to what is trusted.
func (ps *partitions) revert() {
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	for _, p := range ps.live {
		p.mu.Lock()
		if p.broken {
			if p.opened != nil {
				_ = p.opened.Close() // what it has is given up
			}
			p.opened, p.broken = nil, false
		}
		p.compact = log.Compact{}
		p.mu.Unlock()
	}
}

// begin makes a partition, without rows, whose first offset is base. The object must not
// have one.
func (ps *partitions) begin(object, created uint64, base int64) (*log.Partition, error) {
	p := &partition{object: object, created: created, synced: emptyAt(base), recorded: base}
	if err := ps.options.FS.RemoveAll(ps.folder(p)); err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	ps.mu.Lock()
	ps.live[object] = p
	ps.mu.Unlock()
	return ps.open(p)
}

// emptyAt is the end of a partition without rows that begins at an offset.
func emptyAt(base int64) log.SyncedEnd {
	return log.SyncedEnd{StartOffset: base, NextOffset: base, SegmentBase: base}
}

// matching returns the live partitions that match.
func (ps *partitions) matching(match func(*partition) bool) (matching []*partition) {
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	for _, p := range ps.live {
		if match(p) {
			matching = append(matching, p)
		}
	}
	return matching
}

// forget takes away live partitions, which no mark names any more. Their folders are the
// caller's to delete.
func (ps *partitions) forget(gone []*partition) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, p := range gone {
		delete(ps.live, p.object)
	}
}

// takeDropped takes away the partitions that entries have dropped.
func (ps *partitions) takeDropped() []*partition {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	dropped := ps.dropped
	ps.dropped = nil
	return dropped
}

// deleteAll deletes the folders of partitions that were taken away.
func (ps *partitions) deleteAll(forgotten []*partition) error {
	var errs []error
	for _, p := range forgotten {
		errs = append(errs, ps.delete(p))
	}
	return errors.Join(errs...)
}

// holds tells whether a file is one of a partition.
func (ps *partitions) holds(p *partition, path string) bool {
	return ps.options.FS.PathDir(path) == ps.folder(p)
}

// setAside closes a partition that was taken away and keeps its folder under another
// name.
func (ps *partitions) setAside(p *partition) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.opened != nil {
		_ = p.opened.Close() // it is given up
		p.opened = nil
	}
	fs, folder := ps.options.FS, ps.folder(p)
	aside := fs.PathJoin(ps.options.Dir, damagedPrefix+fs.PathBase(folder))
	if err := fs.RemoveAll(aside); err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	if err := fs.Rename(folder, aside); err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	return syncDir(fs, ps.options.Dir)
}

// removeSeedRemains removes what was set aside in a shard's folder, and what a copy that
// has ended has left.
func removeSeedRemains(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	var errs []error
	for _, name := range names {
		if strings.HasPrefix(name, damagedPrefix) || name == importDir {
			errs = append(errs, fs.RemoveAll(fs.PathJoin(dir, name)))
		}
	}
	return errors.Join(errs...)
}

// syncAll makes durable what the partitions hold, and returns their ends.
func (ps *partitions) syncAll() ([]partitionState, error) { return ps.sync(ps.capture()) }

// recordSeeded notes what the snapshot says of the partitions after a copy.
func (ps *partitions) recordSeeded(ends []partitionState) {
	for i := range ends {
		if p := ps.find(ends[i].object); p != nil {
			p.mu.Lock()
			p.recorded = ends[i].end.SegmentBase
			p.mu.Unlock()
		}
	}
}

// pin keeps captured partitions on disk until unpin is called, also when they are dropped.
func (c partitionsCapture) pin() {
	for _, p := range c.live {
		p.mu.Lock()
		p.pins++
		p.mu.Unlock()
	}
}

// unpin ends pin.
func (c partitionsCapture) unpin() {
	for _, p := range c.live {
		p.mu.Lock()
		p.pins--
		p.mu.Unlock()
	}
}

// pinned tells whether somebody reads the partition.
func (p *partition) pinned() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pins > 0
}

// extent returns the partition's offsets: those of its opened form, or of its last sync.
func (p *partition) extent() (start, next int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.opened != nil {
		end := p.opened.End()
		return end.StartOffset, end.NextOffset
	}
	return p.synced.StartOffset, p.synced.NextOffset
}
