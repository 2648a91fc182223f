package cluster

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/cluster/transport"
	"millrace/log"
	"millrace/tables"
)

// Node is one member of a cluster with its replicas of the catalog and of the
// shards. Its methods are safe for concurrent use.
type Node struct {
	options  Options
	identity identity

	wal    *log.WAL
	files  *log.FileCache
	tables *tables.Store

	catalog *group
	shards  []*Shard
	// catalogMachine is the state machine of the catalog's group.
	catalogMachine *catalogMachine
	transport      *transport.Transport
	peers          *Peers
	placer         *placer
	// known are the addresses of other nodes when this one was last stopped.
	known map[uint64]string
	// memberNews has room for one value: the membership has changed.
	memberNews chan struct{}
	// removed is closed when the cluster has removed this node.
	removed chan struct{}
	leaving sync.Once
	// refused counts requests of other nodes that Raft would not bear.
	refused atomic.Int64
	// handedOver is set when the node is about to stop.
	handedOver atomic.Bool

	space        *space
	fitness      *fitness
	flushes      *flushes
	checkpointer *checkpointer
	compactor    *compactor
	seeder       *seeder
	scrubber     *scrubber
	collector    prometheus.Collector

	// others tells that there were other nodes when this one last ran, or that it joins
	// some; opened is closed when all groups run.
	others bool
	opened chan struct{}

	// running admits the node's own goroutines, which end with ctx.
	running gate
	ctx     context.Context
	cancel  context.CancelCauseFunc
	closing sync.Once
	// release frees the folder's lock.
	release func() error
}

var _ machineHost = (*Node)(nil)

// Shard returns shard i, with 0 ≤ i < Shards().
func (n *Node) Shard(i int) *Shard { return n.shards[i] }

// Shards is the number of shards.
func (n *Node) Shards() int { return len(n.shards) }

// ID is the node's name in its cluster.
func (n *Node) ID() uint64 { return n.identity.node }

// Tables is the node's key-value store.
func (n *Node) Tables() *tables.Store { return n.tables }

// Peers is how this node talks to the others.
func (n *Node) Peers() *Peers { return n.peers }

// ProposeCatalog replicates a command of the catalog and returns the index of its entry
// and what Options.Catalog answered on this node. Errors are those of Shard.Propose;
// ctx is looked at before the command is proposed, whose fate is then waited for.
// command must not be changed afterwards.
func (n *Node) ProposeCatalog(ctx context.Context, command []byte) (index uint64, answer any, err error) {
	if err := ctx.Err(); err != nil {
		return 0, nil, err
	}
	return n.catalog.propose(catalogCommand(command))
}

// CatalogLeader is the node that leads the catalog's group as far as this one knows, 0
// when it knows of none. changed is closed when that may have changed.
func (n *Node) CatalogLeader() (node uint64, changed <-chan struct{}) { return n.catalog.leader() }

// CatalogReadIndex returns an index at or behind all commands that were answered before
// the call, once a quorum has confirmed that this node leads the catalog's group.
func (n *Node) CatalogReadIndex(ctx context.Context) (uint64, error) {
	return n.catalog.readIndex(ctx, func() (uint64, error) { return n.catalogMachine.applied.reached(), nil })
}

// CatalogTerm is the current term of the catalog's group.
func (n *Node) CatalogTerm() uint64 { return n.catalog.raft.CurrentTerm() }

// WaitCatalog returns when this node has applied the catalog's commands up to an index.
func (n *Node) WaitCatalog(ctx context.Context, index uint64) error {
	return n.catalogMachine.applied.wait(ctx, index)
}

// CatalogBarrier returns when every command committed before the call has been
// applied on this node, the catalog's leader.
func (n *Node) CatalogBarrier(ctx context.Context) error {
	return n.catalog.barrier(ctx, nil, nil)
}

// CheckSpace returns a *DiskFullError when the free room on disk is below the
// reserve. It is cheap enough to be asked for every statement.
func (n *Node) CheckSpace() error { return n.space.check() }

// Health is why the node cannot do all of its work, or nil: the key-value store
// has failed and the node must be started again, a shard has stopped applying,
// or there is no room on disk. What it returns is for operators; each part says
// the same to its callers.
func (n *Node) Health() error {
	errs := []error{n.tables.Failure(), n.CheckSpace()}
	for _, shard := range n.shards {
		errs = append(errs, shard.machine.err())
	}
	return errors.Join(errs...)
}

// Checkpoint makes durable what has been applied and cuts the log. The node
// does so by itself when the log has grown by Options.SnapshotBytes.
func (n *Node) Checkpoint(ctx context.Context) error { return n.checkpointer.request(ctx) }

// Close stops the node and returns when everything of it has ended, in the
// order that the package comment gives. Proposals that are not in the log yet
// fail. A second call does nothing.
func (n *Node) Close() error {
	var err error
	n.closing.Do(func() { err = n.close() })
	return err
}

// close stops whatever of the node has been started; Open uses it too.
func (n *Node) close() error {
	n.HandOver()
	n.cancel(ErrStopped)
	n.running.close()
	if n.collector != nil {
		n.options.Registerer.Unregister(n.collector)
	}
	var errs []error
	note := func(err error) { errs = append(errs, err) }
	// Calls under way end while the other nodes can still answer.
	for _, g := range n.groups() {
		g.calls.close()
	}
	if n.transport != nil {
		n.transport.CloseRaft()
	}
	for _, g := range n.groups() {
		note(g.stop())
	}
	if n.transport != nil {
		note(n.transport.Close())
	}
	if n.seeder != nil {
		n.seeder.source.close()
	}
	for _, shard := range n.shards {
		note(shard.partitions.close())
	}
	if n.files != nil {
		note(n.files.Close())
	}
	if n.wal != nil {
		note(n.wal.Close())
	}
	if n.tables != nil {
		note(n.tables.Close())
	}
	note(n.release())
	return errors.Join(errs...)
}

// groups are the node's groups: the catalog's, then those of the shards by number.
func (n *Node) groups() []*group {
	if n.catalog == nil {
		return nil
	}
	groups := []*group{n.catalog}
	for _, shard := range n.shards {
		groups = append(groups, shard.group)
	}
	return groups
}

// logGrew implements machineHost.
func (n *Node) logGrew(bytes int64) { n.checkpointer.logGrew(bytes) }

// checkpointSoon implements machineHost.
func (n *Node) checkpointSoon() { n.checkpointer.soon() }

// compactSoon implements machineHost.
func (n *Node) compactSoon() { n.compactor.soon() }

// flushTables implements machineHost.
func (n *Node) flushTables(shard int) error { return n.flushes.flush(shard) }

// diskFull implements machineHost.
func (n *Node) diskFull() error { return n.space.exhausted() }

// stopping implements machineHost.
func (n *Node) stopping() <-chan struct{} { return n.ctx.Done() }

// retry implements machineHost.
func (n *Node) retry(try func() bool) {
	n.spawn(func() {
		for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
			select {
			case <-time.After(pause):
			case <-n.ctx.Done():
				return
			}
			if try() {
				return
			}
		}
	})
}

// spawn runs a goroutine that ends with n.ctx, and returns false, without having run it,
// when the node is stopping.
func (n *Node) spawn(run func()) bool {
	if !n.running.enter() {
		return false
	}
	go func() {
		defer n.running.leave()
		run()
	}()
	return true
}
