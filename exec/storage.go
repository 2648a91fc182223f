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
	// no rows yet.
	Partition(stream uint64) (*log.Partition, error)
	// Tables reads the shard's applied state.
	Tables() *tables.Shard
	// Term is the shard's current term.
	Term() uint64
}

// Storage is the node's storage as the engine needs it. The cluster implements
// it.
type Storage interface {
	// Shards are the shards led here, by number.
	Shards() []ShardLog
	// Store is the node's table store, for reads over all shards at one moment.
	Store() *tables.Store
	// CheckSpace returns an error when the disk is too full to take input.
	CheckSpace() error
	// ProposeCatalog orders a command of the catalog and returns when it is
	// applied here, with its result.
	ProposeCatalog(ctx context.Context, command []byte) (any, error)
}

// ErrStopped is the cause of errors from an engine that is shutting down.
var ErrStopped = errors.New("exec: the node is shutting down")
