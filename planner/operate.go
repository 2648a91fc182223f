package planner

import (
	"math"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/sqlerr"
)

// planOperate plans what operators ask of the cluster, which superusers may. Whether the
// nodes and shards exist is the cluster's to say.
func planOperate(env *Environment, statement ast.Statement) (*plan.Operate, error) {
	if !env.Catalog.IsSuperuser(env.actingRole()) {
		return nil, sqlerr.New(sqlerr.InsufficientPrivilege, -1, "must be superuser to change the cluster")
	}
	var o plan.Operate
	var err error
	switch s := statement.(type) {
	case *ast.AlterNode:
		o = plan.Operate{Action: plan.ResumeNode, Tag: "ALTER NODE"}
		if s.Drain {
			o.Action = plan.DrainNode
		}
		o.Node, err = nodeNumber(s.Node)
	case *ast.DropNode:
		o = plan.Operate{Action: plan.RemoveNode, Tag: "DROP NODE"}
		o.Node, err = nodeNumber(s.Node)
	case *ast.AlterShard:
		o, err = env.operateShard(s)
	case *ast.AlterCluster:
		o, err = operateCluster(s)
	}
	return &o, err
}

// nodeNumber is the number of a node, from 1 on.
func nodeNumber(n *ast.IntegerLiteral) (uint64, error) {
	if n.Value < 1 || n.Value > math.MaxInt32 {
		return 0, sqlerr.New(sqlerr.UndefinedObject, int(n.Pos()), "node %d does not exist", n.Value).
			WithHint("SHOW NODES lists the nodes.")
	}
	return uint64(n.Value), nil
}

// operateShard plans ALTER SHARD.
func (env *Environment) operateShard(s *ast.AlterShard) (plan.Operate, error) {
	o := plan.Operate{Action: plan.SetLeader, Shard: int(s.Shard.Value), Tag: "ALTER SHARD"}
	if s.Shard.Value >= int64(env.Catalog.Shards()) {
		return o, sqlerr.New(sqlerr.UndefinedObject, int(s.Shard.Pos()), "shard %d does not exist", s.Shard.Value).
			WithHint("The cluster has the shards 0 to %d.", env.Catalog.Shards()-1)
	}
	if s.To == nil {
		o.Action = plan.ResetShard
		return o, nil
	}
	var err error
	if o.To, err = nodeNumber(s.To); err != nil || s.From == nil {
		return o, err
	}
	o.Action = plan.MoveShard
	if o.Node, err = nodeNumber(s.From); err == nil && o.Node == o.To {
		err = sqlerr.New(sqlerr.InvalidParameterValue, int(s.To.Pos()), "a shard cannot move from node %d to the same node", o.To)
	}
	return o, err
}

// maxReplicas bounds how many replicas of a shard vote: more make writes slower and
// nothing safer.
const maxReplicas = 9

// operateCluster plans ALTER CLUSTER.
func operateCluster(s *ast.AlterCluster) (plan.Operate, error) {
	o := plan.Operate{Action: plan.SetReplication, Replicas: int(s.Value.Value), Tag: "ALTER CLUSTER"}
	switch {
	case s.Name.Value != "replication":
		return o, sqlerr.New(sqlerr.UndefinedObject, int(s.Name.Pos()), "unrecognized setting %q of the cluster", s.Name.Value).
			WithHint("A cluster has the setting replication: how many replicas of each shard vote.")
	case s.Value.Value < 1 || s.Value.Value > maxReplicas || s.Value.Value%2 == 0:
		return o, sqlerr.New(sqlerr.InvalidParameterValue, int(s.Value.Pos()), "the replication of a cluster must be 1, 3, 5, 7 or 9").
			WithHint("An even number survives the loss of no more nodes than the odd one below it.")
	}
	return o, nil
}
