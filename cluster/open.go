package cluster

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/hashicorp/raft"

	"millrace/cluster/transport"
	"millrace/log"
	"millrace/tables"
)

const (
	lockFile   = "LOCK"
	walDir     = "wal"
	tablesDir  = "tables"
	catalogDir = "catalog"

	// catalogGroup is the catalog's number in the write-ahead log; the shards
	// follow.
	catalogGroup    = 1
	firstShardGroup = 2
)

// Open starts the node in options.Dir, making a cluster of one when the folder
// is new. It returns when the state is open and Raft runs; Ready tells when the
// log has been applied. ctx bounds the opening only.
func Open(ctx context.Context, options Options) (*Node, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	fs, dir := options.FS, options.Dir
	parents, err := makeDirs(fs, dir)
	if err != nil {
		return nil, err
	}
	lock, err := lockFolder(fs, dir)
	if err != nil {
		return nil, err
	}
	n := &Node{options: options, release: lock.Close}
	n.ctx, n.cancel = context.WithCancelCause(context.Background())
	n.space = newSpace(fs, dir, options.MinFreeBytes, n.ctx.Done(), options.Logger)
	n.space.free.Store(unknownFree) // until the first look
	n.memberNews = make(chan struct{}, 1)
	n.removed = make(chan struct{})
	n.opened = make(chan struct{})
	n.flushes = &flushes{do: func() error { return n.tables.Flush(n.ctx) }}
	n.checkpointer = newCheckpointer(n, options.SnapshotBytes, options.TrailingLogBytes, options.Logger)
	n.compactor = newCompactor(n, options.Logger)
	n.scrubber = newScrubber(n, options.ScrubPeriod, options.ScrubBytesPerSecond, options.Logger)
	n.placer = newPlacer(n, options.Logger)
	if err := n.open(ctx, parents); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// open opens what is in the folder and starts everything. parents have to be
// synced before a new folder counts.
func (n *Node) open(ctx context.Context, parents []string) error {
	if err := n.openTransport(); err != nil {
		return err
	}
	found, joins, err := n.identify(ctx)
	if err != nil {
		return err
	}
	if err := n.openStores(); err != nil {
		return err
	}
	n.fitness = newFitness(n, n.options.Logger)
	n.transport.SetIdentity(n.identity.cluster, n.identity.node)
	if !found {
		if err := n.begin(ctx, joins, parents); err != nil {
			return err
		}
	}
	if err := n.openGroups(ctx); err != nil {
		return err
	}
	close(n.opened)
	if err := n.register(); err != nil {
		return err
	}
	n.serve()
	n.seeder.serve()
	n.peers.Handle(methodFence, n.handleFence)
	n.peers.Handle(methodHash, n.handleHash)
	n.peers.Handle(methodDiverged, n.handleDiverged)
	n.spawn(n.checkpointer.run)
	n.spawn(n.compactor.run)
	n.spawn(n.seeder.run)
	n.spawn(n.scrubber.run)
	n.spawn(n.followMembers)
	n.spawn(n.stayKnown)
	n.spawn(n.placer.run)
	n.spawn(n.watchLeaders)
	n.spawn(n.fitness.run)
	return nil
}

// openTransport starts listening for other nodes.
func (n *Node) openTransport() (err error) {
	o := &n.options
	n.transport, err = transport.Open(transport.Options{
		Network: o.Network, Listen: o.Listen, TLS: o.TLS, Logger: o.Logger, Registerer: o.Registerer,
	})
	if err != nil {
		return err
	}
	if address := n.transport.Address(); address != nil && o.Advertise == "" {
		o.Advertise = address.String()
	}
	n.peers = &Peers{transport: n.transport, members: func() []uint64 { return n.catalogMachine.members.Load().ids() }}
	return nil
}

// openGroups opens the catalog and the shards as this node has them, and starts their
// groups.
func (n *Node) openGroups(ctx context.Context) error {
	if err := n.openCatalog(); err != nil {
		return err
	}
	for i := range n.identity.shards {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := n.openShard(i); err != nil {
			return err
		}
	}
	return nil
}

// identify reads who the node is. For a new folder it decides that, or, when there is a
// cluster to join, asks it; joins tells that.
func (n *Node) identify(ctx context.Context) (found, joins bool, err error) {
	n.identity, found, err = readIdentity(n.options.FS, n.options.Dir)
	if err != nil {
		return found, false, err
	}
	n.others = len(n.options.Join) > 0
	shards := n.options.Shards
	switch {
	case found:
		n.known, err = readKnownMembers(n.options.FS, n.options.Dir)
		if err != nil {
			// The others know this node, and --join helps.
			n.options.Logger.Error("where the other nodes are cannot be read", "error", err)
		}
		for node := range n.known {
			n.others = n.others || node != n.identity.node
		}
		if n.options.Listen == "" && len(n.known) > 1 {
			return true, false, fmt.Errorf("cluster: node %d is one of a cluster of several nodes and has to listen for the others",
				n.identity.node)
		}
		for node, address := range n.known {
			n.setPeer(node, address)
		}
	case len(n.options.Join) > 0:
		if n.identity, err = n.join(ctx); err != nil {
			return false, true, err
		}
	default:
		n.identity = identity{node: n.options.NodeID, shards: cmp.Or(shards, defaultShards), cluster: newClusterID()}
	}
	if shards != 0 && shards != n.identity.shards {
		return found, false, fmt.Errorf("cluster: %s has %d shards, not %d: the number is fixed when a cluster is made",
			n.options.Dir, n.identity.shards, shards)
	}
	return found, !found && len(n.options.Join) > 0, nil
}

// newClusterID draws a name for a new cluster.
func newClusterID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails (crypto/rand)
	return hex.EncodeToString(id[:])
}

// openStores opens the write-ahead log and the key-value store.
func (n *Node) openStores() (err error) {
	o := &n.options
	n.files = log.NewFileCache(o.FS, o.MaxOpenFiles)
	n.wal, err = log.OpenWAL(log.WALOptions{
		FS:         o.FS,
		Dir:        o.FS.PathJoin(o.Dir, walDir),
		FileBytes:  o.LogFileBytes,
		Logger:     o.Logger,
		Registerer: o.Registerer,
	})
	if err != nil {
		return err
	}
	n.seeder = newSeeder(n, o.SeedBytesPerSecond, o.Logger)
	n.tables, err = n.openTables()
	n.seeder.source.store = n.tables
	return err
}

// openTables opens the key-value store. One that is damaged is set aside when there are
// other nodes to copy the shards from.
func (n *Node) openTables() (*tables.Store, error) {
	store, err := tables.Open(n.tableOptions())
	var damage *tables.CorruptionError
	if err == nil || !n.others || !errors.As(err, &damage) && !errors.Is(err, fs.ErrNotExist) {
		return store, err
	}
	n.options.Logger.Error("the key-value store is damaged and is made anew", "error", err)
	if err := n.setTablesAside(); err != nil {
		return nil, err
	}
	return tables.Open(n.tableOptions())
}

// tableOptions are those of the key-value store.
func (n *Node) tableOptions() tables.Options {
	o := &n.options
	return tables.Options{
		FS:            n.space.guard(),
		Dir:           o.FS.PathJoin(o.Dir, tablesDir),
		CacheBytes:    o.TableCacheBytes,
		MemTableBytes: o.MemTableBytes,
		Damaged: func(first, last uint32, damage *tables.CorruptionError) {
			for shard := first; shard <= last && int(shard) < n.identity.shards; shard++ {
				n.damaged(int(shard), damage)
			}
		},
		GiveUp:     n.giveUp,
		Logger:     o.Logger,
		Registerer: o.Registerer,
	}
}

// begin gives a new folder the beginning of every group: of a new cluster of one, or of
// one that the node joins. It can be repeated after a crash in between, until the identity
// is written.
func (n *Node) begin(ctx context.Context, joins bool, parents []string) error {
	if err := n.checkNew(joins); err != nil {
		return err
	}
	for id := uint64(catalogGroup); id < firstShardGroup+uint64(n.identity.shards); id++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		group, err := n.wal.Group(id), error(nil)
		switch {
		case joins:
			// An empty log, which is not a lost one: it has a term.
			err = group.SetUint64(keyCurrentTerm, bootstrapTerm)
		case id == catalogGroup:
			err = bootstrap(group, n.identity.node, n.foundCommand())
		default:
			err = bootstrap(group, n.identity.node, nil)
		}
		if err != nil {
			return fmt.Errorf("cluster: beginning group %d: %w", id, err)
		}
	}
	for _, dir := range append([]string{n.options.Dir}, parents...) {
		if err := syncDir(n.options.FS, dir); err != nil {
			return err
		}
	}
	return n.identity.write(n.options.FS, n.options.Dir)
}

// checkNew makes sure that the folder is new, or has no more than what an earlier begin has
// left of it: a node that has voted, or has rows, must not begin as another one.
func (n *Node) checkNew(joins bool) error {
	for id := uint64(catalogGroup); id < firstShardGroup+uint64(n.identity.shards); id++ {
		group := n.wal.Group(id)
		last, err := group.LastIndex()
		if err != nil {
			return err
		}
		term, err := currentTerm(group)
		if err != nil {
			return err
		}
		own := uint64(bootstrapIndex + 1) // the configuration and a command
		if joins {
			own = 0
		}
		if term > bootstrapTerm || last > own {
			return fmt.Errorf("%w: %s", ErrNodeUnknown, n.options.Dir)
		}
	}
	return nil
}

// currentTerm is a group's term, 0 for a group that has none.
func currentTerm(group *log.Group) (uint64, error) {
	term, err := group.GetUint64(keyCurrentTerm)
	if err != nil && err.Error() == "not found" { // as hashicorp/raft expects it of a store
		return 0, nil
	}
	return term, err
}

// foundCommand is the first entry of a new cluster's catalog: it makes this node a member.
func (n *Node) foundCommand() []byte {
	now := time.Now()
	return clusterCommand(foundCommand{
		clusterID: n.identity.cluster, replication: n.options.Replication,
		first: Member{
			ID: n.identity.node, Address: n.options.Advertise, Locality: n.options.Locality, Version: n.options.Version,
			Since: now, Joined: now,
		},
	})
}

// groupFiles are a group's log and its newest snapshot.
type groupFiles struct {
	name     string
	dir      string
	log      *log.Group
	store    *snapshotStore
	snapshot *snapshot
	// end is the index of the last entry in log or snapshot.
	end uint64
}

// openGroupFiles opens what a group has on disk, and verifies that it has
// anything: every group of a node has a term before it starts.
func (n *Node) openGroupFiles(id uint64, name string) (*groupFiles, error) {
	dir, err := makeDir(n.options.FS, n.options.Dir, name)
	if err != nil {
		return nil, err
	}
	f := &groupFiles{name: name, dir: dir, log: n.wal.Group(id), store: newSnapshotStore(n.options.FS, dir)}
	if f.end, err = f.log.LastIndex(); err != nil {
		return nil, err
	}
	if f.snapshot, err = f.store.newest(); err != nil {
		return nil, err
	}
	if f.store.repaired != nil {
		n.options.Logger.Error("a snapshot was damaged and written again from its copy", "group", name, "error", f.store.repaired)
	}
	term, err := currentTerm(f.log)
	if err != nil {
		return nil, err
	}
	if f.snapshot != nil {
		if err := dropSuperseded(f); err != nil {
			return nil, err
		}
		f.end = max(f.end, f.snapshot.meta.Index)
	}
	if term == 0 {
		return nil, fmt.Errorf("%w: it has nothing of the %s", ErrLogLost, name)
	}
	return f, nil
}

// start starts the group's Raft.
func (n *Node) start(id uint64, f *groupFiles, machine raft.FSM) (*group, error) {
	logger := n.options.Logger.With(slog.String("group", f.name))
	return startGroup(groupOptions{
		name:      f.name,
		nodeID:    n.identity.node,
		log:       &groupLog{Group: f.log, snapshots: f.store, stopping: n.ctx.Done(), logger: logger},
		snapshots: f.store,
		machine:   machine,
		transport: n.transport.Raft(id),
		silenced:  n.fitness.silent,
		refused:   &n.refused,
		hurry:     func() func() { return n.transport.Hurry(id) },
		election:  n.options.ElectionTimeout,
		alone:     n.options.Listen == "",
		logger:    logger,
	})
}

// openCatalog restores the catalog and starts its group.
func (n *Node) openCatalog() error {
	files, err := n.openGroupFiles(catalogGroup, catalogDir)
	if err != nil {
		return err
	}
	n.catalogMachine = newCatalogMachine(n, n.options.Catalog, func() {
		select {
		case n.memberNews <- struct{}{}:
		default:
		}
	})
	if files.snapshot != nil {
		if err := n.catalogMachine.restore(files.snapshot.content); err != nil {
			return err
		}
	}
	n.catalog, err = n.start(catalogGroup, files, n.catalogMachine)
	return err
}

// shardDir is the folder of a shard, and the name of its group.
func shardDir(shard int) string { return fmt.Sprintf("shard-%04d", shard) }

// openShard opens a shard as its newest snapshot has it and starts its group.
func (n *Node) openShard(i int) error {
	id := firstShardGroup + uint64(i)
	files, err := n.openGroupFiles(id, shardDir(i))
	if err != nil {
		return err
	}
	logger := n.options.Logger.With(slog.Int("shard", i))
	state := &shardState{}
	var base machineBase
	if files.snapshot != nil {
		if state, err = decodeShardState(files.snapshot.content); err != nil {
			return err
		}
		base = machineBase{index: files.snapshot.meta.Index, state: state.stateIndex}
	}
	mark, err := n.openSeedMark(i, files, state, base)
	if err != nil {
		return err
	}
	if mark != nil {
		state.partitions = mark.partitions
	}
	shard := &Shard{id: i, tables: n.tables.Shard(uint32(i)), seeding: func() *SeedStats { return n.seeder.stats(i) }}
	shard.partitions, err = openPartitions(log.PartitionOptions{
		FS:           n.options.FS,
		Dir:          files.dir,
		Files:        n.files,
		SegmentBytes: n.options.SegmentBytes,
		Damaged:      func(damage *log.CorruptionError) { n.damaged(i, damage) },
		Logger:       logger,
	}, state.partitions)
	if err != nil {
		return err
	}
	shard.machine, err = newMachine(&machine{
		shard:      i,
		tables:     shard.tables,
		partitions: shard.partitions,
		log:        files.log,
		snapshots:  files.store,
		host:       n,
		logger:     logger,
	}, base, files.end, mark)
	if err != nil {
		return err
	}
	files.store.received = shard.machine.received
	if shard.group, err = n.start(id, files, shard.machine); err != nil {
		return errors.Join(err, shard.partitions.close())
	}
	n.shards = append(n.shards, shard)
	return nil
}

// dropSuperseded empties a log that ends before the newest snapshot, or has another entry
// where that was made: a leader had sent it, and a crash came before Raft emptied the log.
// What follows would leave a gap, or what is behind is not the leader's.
func dropSuperseded(f *groupFiles) error {
	if f.end == 0 {
		return nil
	}
	if f.end >= f.snapshot.meta.Index {
		var there raft.Log
		err := f.log.GetLog(f.snapshot.meta.Index, &there)
		if errors.Is(err, raft.ErrLogNotFound) || err == nil && there.Term == f.snapshot.meta.Term {
			return nil
		}
		if err != nil {
			return err
		}
	}
	first, err := f.log.FirstIndex()
	if err != nil {
		return err
	}
	if err := f.log.DeleteRange(first, f.end); err != nil {
		return err
	}
	f.end = 0
	return nil
}
