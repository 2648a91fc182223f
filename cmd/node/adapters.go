package node

import (
	"context"
	"errors"
	"fmt"

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
func (s storage) ProposeCatalog(ctx context.Context, command []byte) (uint64, any, error) {
	index, answer, err := s.node.ProposeCatalog(ctx, command)
	return index, answer, shardError(err)
}

// CatalogLeader implements exec.Storage.
func (s storage) CatalogLeader() (uint64, <-chan struct{}) { return s.node.CatalogLeader() }

// CatalogReadIndex implements exec.Storage.
func (s storage) CatalogReadIndex(ctx context.Context) (uint64, error) {
	index, err := s.node.CatalogReadIndex(ctx)
	return index, shardError(err)
}

// CatalogTerm implements exec.Storage.
func (s storage) CatalogTerm() uint64 { return s.node.CatalogTerm() }

// WaitCatalog implements exec.Storage.
func (s storage) WaitCatalog(ctx context.Context, index uint64) error {
	return s.node.WaitCatalog(ctx, index)
}

// Peers implements exec.Storage.
func (s storage) Peers() exec.Peers { return peers{s.node.Peers()} }

// peers shows the other nodes to the engine.
type peers struct{ *cluster.Peers }

// Handle implements exec.Peers.
func (p peers) Handle(method string, handler func(ctx context.Context, from uint64, request []byte) ([]byte, error)) {
	p.Peers.Handle(method, handler)
}

// Call implements exec.Peers.
func (p peers) Call(ctx context.Context, node uint64, method string, request []byte) ([]byte, error) {
	answer, err := p.Peers.Call(ctx, node, method, request)
	if errors.Is(err, cluster.ErrUnreachable) {
		return nil, fmt.Errorf("%w: %w", exec.ErrUnreachable, err)
	}
	return answer, err
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

// shardError gives a full disk its SQLSTATE, and says in the engine's terms that another
// node leads.
func shardError(err error) error {
	switch {
	case err == nil:
		return nil
	case cluster.IsDiskFull(err):
		return sqlerr.New(sqlerr.DiskFull, -1, "%w", err)
	case errors.Is(err, cluster.ErrNotLeader):
		return fmt.Errorf("%w: %w", exec.ErrNotLeader, err)
	}
	return err
}

// Partition implements exec.ShardLog.
func (s shardLog) Partition(stream uint64) (*log.Partition, error) {
	partition, err := s.shard.Partition(stream)
	return partition, notWhole(err)
}

// Whole implements exec.ShardLog.
func (s shardLog) Whole() error { return notWhole(s.shard.Whole()) }

// notWhole says in the engine's terms that a replica is being copied.
func notWhole(err error) error {
	if _, copying := errors.AsType[*cluster.SeedingError](err); !copying {
		return err
	}
	return sqlerr.New(sqlerr.CannotConnectNow, -1, "%w", fmt.Errorf("%w: %w", exec.ErrNotWhole, err)).
		WithHint("SHOW REPLICAS tells how far it is. Other nodes may be able to read.")
}

// Tables implements exec.ShardLog.
func (s shardLog) Tables() *tables.Shard { return s.shard.Tables() }

// Term implements exec.ShardLog.
func (s shardLog) Term() uint64 { return s.shard.Term() }

// Leader implements exec.ShardLog.
func (s shardLog) Leader() (uint64, <-chan struct{}) { return s.shard.Leader() }

// Resign implements exec.ShardLog.
func (s shardLog) Resign(ctx context.Context) { s.shard.Resign(ctx) }

// ReadIndex implements exec.ShardLog.
func (s shardLog) ReadIndex(ctx context.Context) (uint64, error) {
	index, err := s.shard.ReadIndex(ctx)
	return index, shardError(err)
}

// WaitApplied implements exec.ShardLog.
func (s shardLog) WaitApplied(ctx context.Context, index uint64) error {
	return s.shard.WaitApplied(ctx, index)
}

// Observe implements exec.ShardLog.
func (s shardLog) Observe(observer func(index uint64, entry *log.Entry)) {
	if observer == nil {
		s.shard.ObserveReplaced(nil)
	} else {
		s.shard.ObserveReplaced(func(index uint64) { observer(index, nil) })
	}
	s.shard.Observe(observer)
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
