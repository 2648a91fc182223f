package node

import (
	"context"
	"slices"

	"millrace/cluster"
	"millrace/sql/sqlerr"
	"millrace/wire/session"
)

// operator changes the cluster for who may.
type operator struct{ storage *cluster.Node }

var _ session.Operator = operator{}

// member refuses numbers that are no member's.
func (o operator) member(node uint64) error {
	if !slices.Contains(o.storage.Peers().Members(), node) {
		return sqlerr.New(sqlerr.UndefinedObject, -1, "node %d does not exist", node).
			WithHint("SHOW NODES lists the nodes.")
	}
	return nil
}

// alone refuses what takes a second node.
func (o operator) alone(nodes ...uint64) error {
	for _, node := range nodes {
		if err := o.member(node); err != nil {
			return err
		}
	}
	return sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "the cluster has no other node").
		WithHint("Start another node that joins it.")
}

// DrainNode implements session.Operator.
func (o operator) DrainNode(_ context.Context, node uint64) error { return o.alone(node) }

// ResumeNode implements session.Operator.
func (o operator) ResumeNode(_ context.Context, node uint64) error { return o.member(node) }

// RemoveNode implements session.Operator.
func (o operator) RemoveNode(_ context.Context, node uint64) error { return o.alone(node) }

// MoveShard implements session.Operator.
func (o operator) MoveShard(_ context.Context, _ int, from, to uint64) error {
	return o.alone(from, to)
}

// SetLeader implements session.Operator.
func (o operator) SetLeader(_ context.Context, _ int, node uint64) error { return o.member(node) }

// SetReplication implements session.Operator.
func (o operator) SetReplication(context.Context, int) error { return o.alone() }
