package cluster

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"millrace/log"
)

// partitions are a shard's partitions. Appending, dropping and reopening are
// for the goroutine that applies; everything else may run beside it.
type partitions struct {
	// options are those of every partition, with the shard's folder as Dir.
	options log.PartitionOptions

	mu sync.RWMutex
	// live are the partitions by object.
	live map[uint64]*partition
	// dropped are partitions that an entry has dropped. Their folders stay until
	// a snapshot counts that knows nothing of them, since applying from an older
	// one needs them again.
	dropped []*partition
}

// partition is one partition and what the newest snapshot says of it.
type partition struct {
	object uint64
	// created is the index of the entry that made it. It is part of the folder's
	// name: an object that is dropped and made again is another partition.
	created uint64

	// mu guards what follows. Partitions are opened when they are first used.
	mu     sync.Mutex
	opened *log.Partition
	// synced is the end that the last good sync has left: the one in the snapshot
	// the partition was opened from, or a later one. A snapshot may have it, so
	// nothing before it is ever written again.
	synced log.SyncedEnd
	// broken is set when a sync has failed: the partition takes no appends until
	// it has been opened again from its synced end and written again from there.
	// Meanwhile it can be read as long as it is open.
	broken bool
	// recorded is where the active segment begins in the newest snapshot, which
	// opening goes back to: compaction changes nothing behind it.
	recorded int64
	// compact is the compaction that entries have asked for and that is not done.
	compact log.Compact
	// pins is how many are reading the partition who need it after it was dropped.
	pins int
	// fileBytes is the size of its files before it was opened, 0 when not known.
	fileBytes int64
}

// errBroken says that a partition could not be written again yet.
var errBroken = errors.New("cluster: the partition has to be written again after a failed sync")

// partitionState is what a snapshot says of a partition.
type partitionState struct {
	object, created uint64
	end             log.SyncedEnd
}

// folder is the name of the partition's directory.
func (p *partitionState) folder() string { return fmt.Sprintf("%x-%x", p.object, p.created) }

// isPartitionFolder tells partition directories from the shard's other files.
func isPartitionFolder(name string) bool {
	object, created, found := strings.Cut(name, "-")
	if !found {
		return false
	}
	_, err := strconv.ParseUint(object, 16, 64)
	if err == nil {
		_, err = strconv.ParseUint(created, 16, 64)
	}
	return err == nil
}

// openPartitions returns the partitions that a snapshot names and removes the
// folders of all others: they were made by entries behind the snapshot, which
// will make them again, or were dropped before it.
func openPartitions(options log.PartitionOptions, states []partitionState) (*partitions, error) {
	fs, dir := options.FS, options.Dir
	ps := &partitions{options: options, live: make(map[uint64]*partition, len(states))}
	named := make(map[string]bool, len(states))
	for i := range states {
		state := &states[i]
		named[state.folder()] = true
		ps.live[state.object] = &partition{object: state.object, created: state.created, synced: state.end, recorded: state.end.SegmentBase}
	}
	names, err := fs.List(dir)
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	for _, name := range names {
		if !isPartitionFolder(name) || named[name] {
			continue
		}
		if err := fs.RemoveAll(fs.PathJoin(dir, name)); err != nil {
			return nil, fmt.Errorf("cluster: removing a partition that no snapshot names: %w", err)
		}
	}
	return ps, nil
}

// find returns the live partition of an object; nil when there is none.
func (ps *partitions) find(object uint64) *partition {
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	return ps.live[object]
}

// get opens the partition of an object; nil when there is none.
func (ps *partitions) get(object uint64) (*log.Partition, error) {
	p := ps.find(object)
	if p == nil {
		return nil, nil
	}
	return ps.open(p)
}

// open returns the opened partition.
func (ps *partitions) open(p *partition) (*log.Partition, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.opened != nil {
		return p.opened, nil
	}
	if p.broken {
		return nil, errBroken
	}
	options := ps.options
	options.Dir = ps.folder(p)
	opened, err := log.OpenPartition(options, p.synced)
	if err != nil {
		var damage *log.CorruptionError
		if options.Damaged != nil && errors.As(err, &damage) {
			options.Damaged(damage)
		}
		return nil, err
	}
	p.opened, p.fileBytes = opened, 0
	return opened, nil
}

// append writes the record batches of the entry at index, making the partition
// when it is the object's first.
func (ps *partitions) append(object, index uint64, batches []byte) error {
	p := ps.find(object)
	if p == nil {
		p = &partition{object: object, created: index}
		ps.mu.Lock()
		ps.live[object] = p
		ps.mu.Unlock()
	}
	opened, err := ps.open(p)
	if err != nil {
		return err
	}
	return opened.Append(batches)
}

// truncate moves the start of an object's partition; one that does not exist
// has nothing to truncate.
func (ps *partitions) truncate(object uint64, start int64) error {
	opened, err := ps.get(object)
	if err != nil || opened == nil {
		return err
	}
	return opened.TruncateBefore(start)
}

// compact notes that an entry asks for a compaction, of a partition that may not
// exist.
func (ps *partitions) compact(c log.Compact) {
	if p := ps.find(c.Object); p != nil {
		p.mu.Lock()
		p.compact = c
		p.mu.Unlock()
	}
}

// record notes what a snapshot that counts says of the captured partitions.
func (ps *partitions) record(c partitionsCapture, states []partitionState) (compactions bool) {
	for i, p := range c.live {
		p.mu.Lock()
		p.recorded = states[i].end.SegmentBase
		compactions = compactions || p.compact.Before > 0
		p.mu.Unlock()
	}
	return compactions
}

// drop takes an object's partition away.
func (ps *partitions) drop(object uint64) (dropped bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p := ps.live[object]
	if p == nil {
		return false
	}
	delete(ps.live, object)
	ps.dropped = append(ps.dropped, p)
	return true
}

// partitionsCapture is which partitions a shard has at one index.
type partitionsCapture struct {
	live, dropped []*partition
}

// capture notes the partitions as they are.
func (ps *partitions) capture() partitionsCapture {
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	c := partitionsCapture{dropped: append([]*partition(nil), ps.dropped...)}
	for _, p := range ps.live {
		c.live = append(c.live, p)
	}
	return c
}

// sync makes durable what the captured partitions hold and returns what a
// snapshot has to say of them. Their ends may be behind the capture.
func (ps *partitions) sync(c partitionsCapture) ([]partitionState, error) {
	states := make([]partitionState, len(c.live))
	for i, p := range c.live {
		end, err := p.sync()
		if err != nil {
			return nil, err
		}
		states[i] = partitionState{object: p.object, created: p.created, end: end}
	}
	return states, nil
}

// sync makes one partition durable.
func (p *partition) sync() (log.SyncedEnd, error) {
	p.mu.Lock()
	opened, synced, broken := p.opened, p.synced, p.broken
	p.mu.Unlock()
	if broken {
		return log.SyncedEnd{}, errBroken
	}
	if opened == nil {
		return synced, nil
	}
	end, err := opened.Sync()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.broken = true
		return log.SyncedEnd{}, err
	}
	p.synced = end
	return end, nil
}

// deleteDropped deletes the partitions that had been dropped before a capture
// whose snapshot counts.
func (ps *partitions) deleteDropped(c partitionsCapture) {
	if len(c.dropped) == 0 {
		return
	}
	var free []*partition
	ps.mu.Lock()
	ps.dropped = slices.DeleteFunc(slices.Clone(ps.dropped), func(p *partition) bool {
		gone := slices.Contains(c.dropped, p) && !p.pinned()
		if gone {
			free = append(free, p)
		}
		return gone
	})
	ps.mu.Unlock()
	for _, p := range free {
		if err := ps.delete(p); err != nil {
			ps.options.Logger.Warn("a dropped partition is deleted at the next start", "error", err)
		}
	}
}

// delete removes a partition's folder.
func (ps *partitions) delete(p *partition) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var closing error
	if p.opened != nil {
		closing = p.opened.Close()
	}
	return errors.Join(closing, ps.options.FS.RemoveAll(ps.folder(p)))
}

// folder is a partition's directory.
func (ps *partitions) folder(p *partition) string {
	state := partitionState{object: p.object, created: p.created}
	return ps.options.FS.PathJoin(ps.options.Dir, state.folder())
}

// healing are partitions whose sync has failed, opened again as the last good
// sync left them, by object. Until the healing ends, nobody else gets at them.
type healing map[uint64]*healingPartition

// healingPartition is a partition being written again.
type healingPartition struct {
	partition *partition
	again     *log.Partition
}

// heal begins to heal the broken partitions; end must follow. It must not run
// beside anything that applies.
func (ps *partitions) heal() (healing, error) {
	var broken []*partition
	ps.mu.RLock()
	for _, p := range ps.live {
		p.mu.Lock()
		if p.broken {
			broken = append(broken, p)
		}
		p.mu.Unlock()
	}
	ps.mu.RUnlock()

	h := make(healing, len(broken))
	for _, p := range broken {
		p.mu.Lock()
		h[p.object] = &healingPartition{partition: p}
	}
	for _, p := range broken {
		again, err := ps.reopen(p)
		if err != nil {
			return nil, errors.Join(err, h.end(false))
		}
		h[p.object].again = again
	}
	return h, nil
}

// reopen opens a broken partition again; its mu is held.
func (ps *partitions) reopen(p *partition) (*log.Partition, error) {
	if p.opened != nil {
		if err := p.opened.Close(); err != nil {
			return nil, err
		}
		p.opened = nil
	}
	options := ps.options
	options.Dir = ps.folder(p)
	return log.OpenPartition(options, p.synced)
}

// find returns the partition being healed that an entry at index appended to;
// nil when that one is not broken.
func (h healing) find(object, index uint64) *log.Partition {
	if hp := h[object]; hp != nil && index >= hp.partition.created {
		return hp.again
	}
	return nil
}

// end ends a healing. If it was completed, the partitions are whole again.
// Otherwise they stay broken and closed.
func (h healing) end(completed bool) error {
	var errs []error
	for _, hp := range h {
		switch {
		case completed:
			hp.partition.opened, hp.partition.broken = hp.again, false
		case hp.again != nil:
			errs = append(errs, hp.again.Close())
		}
		hp.partition.mu.Unlock()
	}
	return errors.Join(errs...)
}

// count is the number of live partitions.
func (ps *partitions) count() int {
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	return len(ps.live)
}

// close releases the partitions without syncing them.
func (ps *partitions) close() error {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	var errs []error
	for _, p := range ps.live {
		errs = append(errs, p.close())
	}
	for _, p := range ps.dropped {
		errs = append(errs, p.close())
	}
	return errors.Join(errs...)
}

// close releases one partition.
func (p *partition) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.opened == nil {
		return nil
	}
	err := p.opened.Close()
	p.opened = nil
	return err
}
