package cluster

import (
	"context"

	"millrace/tables"
)

// Node is one member of a cluster with its replicas of the catalog and of the
// shards. Its methods are safe for concurrent use.
type Node struct {
	shards []*Shard
	tables *tables.Store
}

// Open starts the node in options.Dir, making a cluster of one when the folder
// is new. It returns when the state is open and Raft runs; Ready tells when the
// log has been applied. ctx bounds the opening only.
func Open(ctx context.Context, options Options) (*Node, error) { return nil, ErrStopped }

// Ready waits until this node leads every group it is a voter of and all
// committed entries are applied.
func (n *Node) Ready(ctx context.Context) error { return ErrStopped }

// Shard returns shard i, with 0 ≤ i < Shards().
func (n *Node) Shard(i int) *Shard { return n.shards[i] }

// Shards is the number of shards.
func (n *Node) Shards() int { return len(n.shards) }

// Tables is the node's key-value store.
func (n *Node) Tables() *tables.Store { return n.tables }

// ProposeCatalog replicates a command of the catalog and returns what the state
// machine answered on this node. Errors are those of Shard.Propose. command
// must not be changed afterwards.
func (n *Node) ProposeCatalog(ctx context.Context, command []byte) (any, error) {
	return nil, ErrStopped
}

// CatalogBarrier returns when every command committed before the call has been
// applied on this node, the catalog's leader.
func (n *Node) CatalogBarrier(ctx context.Context) error { return ErrStopped }

// CheckSpace returns a *DiskFullError when the free room on disk is below the
// reserve. It is cheap enough to be asked for every statement.
func (n *Node) CheckSpace() error { return nil }

// Checkpoint makes durable what has been applied and cuts the log. The node
// does so by itself when the log has grown by Options.SnapshotBytes.
func (n *Node) Checkpoint(ctx context.Context) error { return ErrStopped }

// Close stops the node and returns when everything of it has ended, in the
// order that the package comment gives. Proposals under way fail.
func (n *Node) Close() error { return nil }
