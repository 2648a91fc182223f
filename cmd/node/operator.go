package node

import (
	"context"
	"errors"
	"slices"
	"time"

	"millrace/cluster"
	"millrace/sql/sqlerr"
	"millrace/wire/session"
)

// operator changes the cluster for who may.
type operator struct{ storage *cluster.Node }

var _ session.Operator = operator{}

// operateTimeout bounds the wait for a leader of the catalog that records a change.
const operateTimeout = 10 * time.Second

// change makes a change that speaks of some nodes.
func (o operator) change(ctx context.Context, change func(context.Context) error, nodes ...uint64) error {
	for _, node := range nodes {
		if !slices.ContainsFunc(o.storage.Members(), func(m cluster.Member) bool { return m.ID == node }) {
			return sqlerr.New(sqlerr.UndefinedObject, -1, "node %d does not exist", node).
				WithHint("SHOW NODES lists the nodes.")
		}
	}
	bounded, cancel := context.WithTimeout(ctx, operateTimeout)
	defer cancel()
	err := change(bounded)
	refused, isRefused := errors.AsType[*cluster.RefusedError](err)
	switch {
	case err == nil:
		return nil
	case isRefused:
		return sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "%s", refused.Reason)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case bounded.Err() != nil:
		return sqlerr.New(sqlerr.CannotConnectNow, -1, "the catalog has no leader that can be reached: %w", err).
			WithHint("Most of the catalog's replicas must be running; nothing may have been changed. SHOW NODES tells the nodes' states.")
	default:
		return err
	}
}

// DrainNode implements session.Operator.
func (o operator) DrainNode(ctx context.Context, node uint64) error {
	return o.change(ctx, func(ctx context.Context) error { return o.storage.DrainNode(ctx, node) }, node)
}

// ResumeNode implements session.Operator.
func (o operator) ResumeNode(ctx context.Context, node uint64) error {
	return o.change(ctx, func(ctx context.Context) error { return o.storage.UndrainNode(ctx, node) }, node)
}

// RemoveNode implements session.Operator.
func (o operator) RemoveNode(ctx context.Context, node uint64) error {
	return o.change(ctx, func(ctx context.Context) error { return o.storage.RemoveNode(ctx, node) }, node)
}

// MoveShard implements session.Operator.
func (o operator) MoveShard(ctx context.Context, shard int, from, to uint64) error {
	return o.change(ctx, func(ctx context.Context) error { return o.storage.MoveShard(ctx, shard, from, to) }, from, to)
}

// SetLeader implements session.Operator.
func (o operator) SetLeader(ctx context.Context, shard int, node uint64) error {
	return o.change(ctx, func(ctx context.Context) error { return o.storage.TransferLeader(ctx, shard, node) }, node)
}

// ResetShard implements session.Operator.
func (o operator) ResetShard(ctx context.Context, shard int) error {
	return o.change(ctx, func(ctx context.Context) error { return o.storage.ResetShard(ctx, shard) })
}

// SetReplication implements session.Operator.
func (o operator) SetReplication(ctx context.Context, replicas int) error {
	return o.change(ctx, func(ctx context.Context) error { return o.storage.SetReplication(ctx, replicas) })
}
