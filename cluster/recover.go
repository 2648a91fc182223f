package cluster

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"millrace/log"
)

// The way out when most voters are lost for good: the folder of one node becomes a cluster
// of one.
//
// Invariants:
//
//   - Nothing of the old cluster can meet the new one: it has another id, which every
//     connection between nodes begins with. The id is on disk before any group is changed.
//   - Each group gets a configuration with this node as its only voter, behind all that its
//     log has, in a term that no leader of the old cluster had as far as this node knows. So
//     all that this node had is kept, what only others had is lost.
//   - The membership is changed by an entry of the catalog's log, as always. Numbers of the
//     nodes that are gone are not given again.
//   - After a crash in between, the same has to be done again, and can be: until then groups
//     are left without a leader, and nothing speaks to the old cluster.

// RecoveryOptions say what is recovered.
type RecoveryOptions struct {
	// FS is the file system; required.
	FS vfs.FS
	// Dir is the folder of a node that does not run.
	Dir string
	// Logger is required.
	Logger *slog.Logger
}

// Recovery is what a folder has, for who has to choose among several.
type Recovery struct {
	// Node is the folder's node in the cluster Cluster; Others are where it has last known
	// other nodes to be, by number.
	Node    uint64
	Cluster string
	Others  map[uint64]string
	// Groups are the catalog and the shards.
	Groups []RecoveryGroup
	// Recovered is the new cluster's id, "" where nothing has been changed.
	Recovered string
}

// RecoveryGroup is what a folder has of a group.
type RecoveryGroup struct {
	// Name is "catalog", or "shard-" with a number of four digits.
	Name string
	// Index and Term are those of the last entry of its log.
	Index, Term uint64
	// Lacks is why the replica is not whole, "" when it is. A folder with one that is not
	// cannot be recovered.
	Lacks string
}

// recovering is a recovery at work.
type recovering struct {
	node   *Node
	groups []*groupFiles
	found  Recovery
}

// Recover makes a cluster of one of a node's folder, whose cluster has lost most of its
// voters. What this node had not been told is lost, whether it was acknowledged or not, and
// the other nodes of the old cluster never meet the new one. Unless change is set it only
// says what the folder has.
func Recover(options RecoveryOptions, change bool) (found Recovery, err error) {
	fs, dir := options.FS, options.Dir
	id, there, err := readIdentity(fs, dir)
	if err != nil {
		return Recovery{}, err
	}
	if !there {
		return Recovery{}, fmt.Errorf("cluster: %s is not the folder of a node", dir)
	}
	lock, err := lockFolder(fs, dir)
	if err != nil {
		return Recovery{}, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	n := &Node{options: Options{FS: fs, Dir: dir, Logger: options.Logger}, identity: id}
	n.wal, err = log.OpenWAL(log.WALOptions{FS: fs, Dir: fs.PathJoin(dir, walDir), Logger: options.Logger})
	if err != nil {
		return Recovery{}, err
	}
	defer func() { err = errors.Join(err, n.wal.Close()) }()
	r := &recovering{node: n}
	if err := r.look(); err != nil || !change {
		return r.found, err
	}
	return r.found, r.change()
}

// lockFolder takes a node's folder for this process alone.
func lockFolder(fs vfs.FS, dir string) (io.Closer, error) {
	lock, err := fs.Lock(fs.PathJoin(dir, lockFile))
	if err != nil {
		return nil, fmt.Errorf("cluster: another process uses the folder %s (%w)", dir, err)
	}
	return lock, nil
}

// look finds out what the folder has.
func (r *recovering) look() error {
	n := r.node
	known, err := readKnownMembers(n.options.FS, n.options.Dir)
	if err != nil {
		n.options.Logger.Warn("where the other nodes were cannot be read", "error", err)
	}
	delete(known, n.identity.node)
	r.found = Recovery{Node: n.identity.node, Cluster: n.identity.cluster, Others: known}
	for i := range 1 + n.identity.shards {
		name := catalogDir
		if i > 0 {
			name = shardDir(i - 1)
		}
		files, err := n.openGroupFiles(catalogGroup+uint64(i), name)
		if err != nil {
			return err
		}
		group, err := lookAt(n.options.FS, files)
		if err != nil {
			return err
		}
		r.groups = append(r.groups, files)
		r.found.Groups = append(r.found.Groups, group)
	}
	return nil
}

// lookAt tells what the folder has of a group.
func lookAt(fs vfs.FS, files *groupFiles) (RecoveryGroup, error) {
	group := RecoveryGroup{Name: files.name, Index: files.end}
	var last raft.Log
	switch err := files.log.GetLog(files.end, &last); {
	case err == nil:
		group.Term = last.Term
	case !errors.Is(err, raft.ErrLogNotFound):
		return group, err
	case files.snapshot != nil:
		group.Term = files.snapshot.meta.Term
	}
	mark, err := readSeedMark(fs, files.dir)
	switch {
	case err != nil:
		group.Lacks = err.Error()
	case mark != nil:
		group.Lacks = mark.reason
	case files.end == 0:
		group.Lacks = "it has just joined the cluster and has nothing yet"
	}
	return group, nil
}

// change makes the folder a cluster of one.
func (r *recovering) change() error {
	n := r.node
	for _, group := range r.found.Groups {
		if group.Lacks != "" {
			return fmt.Errorf("cluster: the replica of %s in this folder is not whole: %s", group.Name, group.Lacks)
		}
	}
	id := n.identity
	id.cluster = newClusterID()
	if err := id.write(n.options.FS, n.options.Dir); err != nil {
		return err
	}
	for i, files := range r.groups {
		var command []byte
		if i == 0 {
			command = clusterCommand(recoverCommand{clusterID: id.cluster, node: id.node, since: time.Now()})
		}
		if err := takeOver(files, r.found.Groups[i].Term, id.node, command); err != nil {
			return fmt.Errorf("cluster: recovering %s: %w", files.name, err)
		}
	}
	if err := n.keepKnownMembers(nil); err != nil {
		return err
	}
	r.found.Recovered = id.cluster
	return nil
}

// takeOver makes a node the only voter of a group.
func takeOver(files *groupFiles, lastTerm, node uint64, command []byte) error {
	term, err := files.log.GetUint64(keyCurrentTerm)
	if err != nil {
		return err
	}
	term = max(term, lastTerm) + 1
	if err := files.log.SetUint64(keyCurrentTerm, term); err != nil {
		return err
	}
	return files.log.StoreLogs(soleVoter(node, files.end+1, term, command))
}
