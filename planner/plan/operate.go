package plan

// OperateAction is what Operate asks for.
type OperateAction uint8

// Actions of Operate.
const (
	// DrainNode has a node give up its votes and its leadership, and ResumeNode take
	// them again.
	DrainNode OperateAction = iota
	ResumeNode
	// RemoveNode takes a node out of the cluster for ever.
	RemoveNode
	// MoveShard gives the vote that Node has in Shard to the node To.
	MoveShard
	// SetLeader has the node To lead Shard.
	SetLeader
	// ResetShard has the cluster place Shard by itself again.
	ResetShard
	// SetReplication sets how many replicas of each shard vote.
	SetReplication
)

// Operate asks for a change of the cluster's members or of the placement of its shards.
type Operate struct {
	Action OperateAction
	// Node and To are numbers of nodes, Shard is that of a shard; those that the action
	// speaks of.
	Node, To uint64
	Shard    int
	// Replicas is the value of SetReplication.
	Replicas int
	// Tag is the command tag, such as ALTER NODE.
	Tag string
}
