package exec

import (
	"context"
	"errors"

	"millrace/log"
	"millrace/tables"
)

// ShardLog is one shard's replicated log and the state folded from it, as its
// loop needs them. The cluster implements it.
type ShardLog interface {
	// Barrier returns when everything that the shard's log holds from before is
	// applied on this node and this node leads the shard in the current term. The
	// result is the index that the next entry is computed on.
	Barrier(ctx context.Context) (index uint64, err error)
	// Propose replicates an entry and returns when it is applied on this node. It
	// is not accepted when its base index was not the state it met; it then had
	// no effect. After an error the entry's fate is unknown until a Barrier has
	// passed.
	Propose(entry []byte) (index uint64, accepted bool, err error)
	// Partition returns the shard's partition of a stream, or nil when it holds
	// no rows yet; ErrNotWhole (errors.Is) as Whole does.
	Partition(stream uint64) (*log.Partition, error)
	// Tables reads the shard's applied state.
	Tables() *tables.Shard
	// Term is the shard's current term.
	Term() uint64
	// Leader is the node that leads the shard as far as this one knows, 0 when it knows
	// of none. changed is closed when that may have changed.
	Leader() (node uint64, changed <-chan struct{})
	// Resign has another node lead the shard, if this one does and there is one that can.
	Resign(ctx context.Context)
	// ReadIndex returns the index of an entry at or behind which stands everything that
	// was acknowledged before the call, once a quorum has confirmed that this node leads
	// the shard; an error where it does not.
	ReadIndex(ctx context.Context) (uint64, error)
	// WaitApplied returns when this node has applied the entry at an index that took
	// effect.
	WaitApplied(ctx context.Context, index uint64) error
	// Observe has a function called with each entry that takes effect on this node from
	// now on, in order, before WaitApplied and Propose return for it. The entry is valid
	// during the call, which must be short. A nil entry says that the node's replica has
	// been copied from another one up to the index, which may be before entries that were
	// observed. There is one observer; nil for none.
	Observe(observer func(index uint64, entry *log.Entry))
	// Whole returns an error that is ErrNotWhole (errors.Is) while this node's replica is
	// being copied from another one. WaitApplied waits for that; who has then taken a
	// snapshot of the tables asks whether the replica is whole now.
	Whole() error
}

// Storage is the node's storage as the engine needs it. The cluster implements
// it.
type Storage interface {
	// Shards are the cluster's shards by number, as this node has them: it holds a replica
	// of each.
	Shards() []ShardLog
	// Store is the node's table store, for reads over all shards at one moment.
	Store() *tables.Store
	// CheckSpace returns an error when the disk is too full to take input.
	CheckSpace() error
	// ProposeCatalog orders a command of the catalog, whose group this node must lead, and
	// returns when it is applied here, with its index and its result.
	ProposeCatalog(ctx context.Context, command []byte) (index uint64, answer any, err error)
	// CatalogLeader is ShardLog.Leader for the catalog's group.
	CatalogLeader() (node uint64, changed <-chan struct{})
	// CatalogReadIndex is ShardLog.ReadIndex for the catalog's group.
	CatalogReadIndex(ctx context.Context) (uint64, error)
	// CatalogTerm is the current term of the catalog's group.
	CatalogTerm() uint64
	// WaitCatalog returns when the catalog's commands up to an index are applied here.
	WaitCatalog(ctx context.Context, index uint64) error
	// Peers is how this node talks to the others.
	Peers() Peers
}

// Peers are the nodes of the cluster, which ask each other by methods that each of them
// handles. The cluster implements it.
type Peers interface {
	// Self is this node's number.
	Self() uint64
	// Members are the numbers of the cluster's nodes, this one among them, in order.
	Members() []uint64
	// Handle has a method handled; it has one handler. The handler's ctx ends when the
	// asker no longer waits.
	Handle(method string, handler func(ctx context.Context, from uint64, request []byte) ([]byte, error))
	// Call asks a node and returns its answer. The error is ErrUnreachable (errors.Is)
	// when the request was certainly not handled; after another one it may have been.
	Call(ctx context.Context, node uint64, method string, request []byte) ([]byte, error)
	// Send gives a message to a node and does not wait. Messages of one method to one
	// node are handled in their order, one at a time, each once or, when the connection
	// is lost or too many wait, not at all.
	Send(node uint64, method string, message []byte)
}

// ErrUnreachable says that what was asked of another node has not left this one.
var ErrUnreachable = errors.New("exec: the node cannot be reached")

// ErrNotLeader says that this node does not lead a shard, or the catalog's group.
var ErrNotLeader = errors.New("exec: not the leader")

// ErrNotWhole says that a replica is not to be read.
var ErrNotWhole = errors.New("this node's replica of a shard is being copied from another node")

// ErrReplaced says that what a query reads is not there any more, since the node's replica
// was copied from another node meanwhile. Errors that wrap it have SQLSTATE 40001.
var ErrReplaced = errors.New("this node's replica of a shard was copied from another node while it was read")

// ErrStopped is the cause of errors from an engine that is shutting down.
var ErrStopped = errors.New("exec: the node is shutting down")
