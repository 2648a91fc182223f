package node

import (
	"context"
	"time"

	"millrace/cluster"
	"millrace/exec"
	"millrace/log"
	"millrace/sql/catalog/systables"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/tables"
)

// storage shows the cluster to the engine in the engine's terms.
type storage struct{ node *cluster.Node }

// Shards implements exec.Storage.
func (s storage) Shards() []exec.ShardLog {
	out := make([]exec.ShardLog, s.node.Shards())
	for i := range out {
		out[i] = shardLog{s.node.Shard(i)}
	}
	return out
}

// Store implements exec.Storage.
func (s storage) Store() *tables.Store { return s.node.Tables() }

// CheckSpace implements exec.Storage.
func (s storage) CheckSpace() error { return s.node.CheckSpace() }

// ProposeCatalog implements exec.Storage.
func (s storage) ProposeCatalog(ctx context.Context, command []byte) (any, error) {
	return s.node.ProposeCatalog(ctx, command)
}

// shardLog shows a shard to its loop.
type shardLog struct{ shard *cluster.Shard }

// Barrier implements exec.ShardLog.
func (s shardLog) Barrier(ctx context.Context) (uint64, error) {
	index, err := s.shard.Barrier(ctx)
	return index, shardError(err)
}

// Propose implements exec.ShardLog.
func (s shardLog) Propose(entry []byte) (index uint64, accepted bool, err error) {
	applied, err := s.shard.Propose(entry)
	return applied.Index, applied.Accepted, shardError(err)
}

// shardError gives a full disk its SQLSTATE.
func shardError(err error) error {
	if err != nil && cluster.IsDiskFull(err) {
		return sqlerr.New(sqlerr.DiskFull, -1, "%w", err)
	}
	return err
}

// Partition implements exec.ShardLog.
func (s shardLog) Partition(stream uint64) (*log.Partition, error) { return s.shard.Partition(stream) }

// Tables implements exec.ShardLog.
func (s shardLog) Tables() *tables.Shard { return s.shard.Tables() }

// Term implements exec.ShardLog.
func (s shardLog) Term() uint64 { return s.shard.Term() }

// status tells the system tables of the node.
type status struct {
	*exec.Engine
	node    *Node
	started time.Time
}

// Nodes returns this node, the only one.
func (s status) Nodes(context.Context) ([]systables.NodeStatus, error) {
	return []systables.NodeStatus{{
		ID: "1", Address: s.node.Addr().String(), Version: Version(), State: "running", Started: s.started,
	}}, nil
}

// systemFunctions lists the functions for pg_proc.
func systemFunctions() []systables.Function {
	var out []systables.Function
	letters := map[expr.Volatility]byte{expr.Immutable: 'i', expr.Stable: 's', expr.Volatile: 'v'}
	for _, f := range expr.AllFunctions() {
		out = append(out, systables.Function{
			Name: f.Name, Args: f.Args, Variadic: f.Variadic, Result: f.Result, Volatility: letters[f.Volatility], Strict: f.Strict,
		})
	}
	for _, a := range expr.AllAggregates() {
		out = append(out, systables.Function{Name: a.Name, Args: a.Args, Variadic: a.Variadic, Result: a.Result, Aggregate: true, Volatility: 'i'})
	}
	return out
}
