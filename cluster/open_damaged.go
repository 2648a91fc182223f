package cluster

import (
	"errors"
	"fmt"
	"io/fs"

	"millrace/log"
)

// What is done on opening about files that are damaged or lost, when there are other nodes
// to copy from. Only what was built from the logs can be copied: a node without its
// write-ahead log may not vote as the node that it was (ErrLogLost).

// openSeedMark reads the mark of a replica that is not whole, nil for one that is. One
// whose part of the key-value store was lost is marked now. What copying has left of a whole one is removed.
func (n *Node) openSeedMark(shard int, files *groupFiles, state *shardState, base machineBase) (*seedMark, error) {
	fs := n.options.FS
	mark, err := readSeedMark(fs, files.dir)
	var damage *log.CorruptionError
	if errors.As(err, &damage) && n.others {
		mark = &seedMark{state: base.state, reason: "damaged: " + err.Error()}
		return mark, mark.write(fs, files.dir)
	}
	if err != nil {
		return nil, err
	}
	if mark != nil {
		// Writing it may have failed when it was in its place: the replica went on then.
		mark.state = max(mark.state, base.state)
		return mark, nil
	}
	stored, err := n.tables.Shard(uint32(shard)).AppliedIndex()
	if !n.others || err == nil && stored >= base.state {
		return nil, removeSeedRemains(fs, files.dir)
	}
	mark = &seedMark{state: base.state, reason: "the key-value store was lost", partitions: state.partitions}
	if err != nil {
		mark.reason = "damaged: " + err.Error()
	}
	n.options.Logger.Error("the replica is not whole and has to be copied from another node", "shard", shard, "reason", mark.reason)
	return mark, mark.write(fs, files.dir)
}

// damagedTables is where a key-value store is kept that cannot be opened, until all
// replicas are whole.
const damagedTables = damagedPrefix + tablesDir

// setTablesAside makes room for a new key-value store.
func (n *Node) setTablesAside() error {
	dir := n.options.FS.PathJoin(n.options.Dir, damagedTables)
	if err := n.options.FS.RemoveAll(dir); err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	if err := n.options.FS.Rename(n.options.FS.PathJoin(n.options.Dir, tablesDir), dir); err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	return syncDir(n.options.FS, n.options.Dir)
}

// removeDamagedTables removes the store that was set aside, once all replicas are whole.
func (n *Node) removeDamagedTables() error {
	for _, shard := range n.shards {
		if shard.Whole() != nil {
			return nil
		}
	}
	dir := n.options.FS.PathJoin(n.options.Dir, damagedTables)
	if _, err := n.options.FS.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return n.options.FS.RemoveAll(dir)
}
