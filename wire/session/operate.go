package session

import (
	"context"

	"millrace/planner/plan"
	"millrace/sql/sqlerr"
)

// Operator changes the members of the cluster and where its shards are. Its methods
// return when the change is decided; carrying it out, which may move data, goes on
// behind them. Their errors have a SQLSTATE.
type Operator interface {
	// DrainNode has a node give up its votes and its leadership, ResumeNode take part
	// again, and RemoveNode leave the cluster for ever.
	DrainNode(ctx context.Context, node uint64) error
	ResumeNode(ctx context.Context, node uint64) error
	RemoveNode(ctx context.Context, node uint64) error
	// MoveShard gives the vote that one node has in a shard to another.
	MoveShard(ctx context.Context, shard int, from, to uint64) error
	// SetLeader has a node that votes in a shard lead it.
	SetLeader(ctx context.Context, shard int, node uint64) error
	// ResetShard has the cluster place a shard by itself again.
	ResetShard(ctx context.Context, shard int) error
	// SetReplication sets how many replicas of each shard vote.
	SetReplication(ctx context.Context, replicas int) error
}

// operate runs a statement that operators give. It takes effect at once for everybody,
// so that there is nothing that a transaction could take back.
func (s *Session) operate(ctx context.Context, o *plan.Operate) (tag string, err error) {
	operator := s.options.Operator
	switch {
	case s.transaction.state != stateNone:
		return "", sqlerr.New(sqlerr.ActiveSQLTransaction, -1, "%s cannot run inside a transaction block", o.Tag)
	case operator == nil:
		return "", sqlerr.New(sqlerr.FeatureNotSupported, -1, "%s is not supported by this node", o.Tag)
	}
	switch o.Action {
	case plan.DrainNode:
		err = operator.DrainNode(ctx, o.Node)
	case plan.ResumeNode:
		err = operator.ResumeNode(ctx, o.Node)
	case plan.RemoveNode:
		err = operator.RemoveNode(ctx, o.Node)
	case plan.MoveShard:
		err = operator.MoveShard(ctx, o.Shard, o.Node, o.To)
	case plan.SetLeader:
		err = operator.SetLeader(ctx, o.Shard, o.To)
	case plan.ResetShard:
		err = operator.ResetShard(ctx, o.Shard)
	case plan.SetReplication:
		err = operator.SetReplication(ctx, o.Replicas)
	}
	return o.Tag, err
}
