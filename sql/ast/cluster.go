package ast

// AlterNode is ALTER NODE number DRAIN | RESUME.
type AlterNode struct {
	Span
	Node *IntegerLiteral
	// Drain tells DRAIN from RESUME.
	Drain bool
}

// DropNode is DROP NODE number.
type DropNode struct {
	Span
	Node *IntegerLiteral
}

// AlterShard is ALTER SHARD number MOVE FROM node TO node; where From is nil, ALTER SHARD
// number SET LEADER node; and where To is nil, too, ALTER SHARD number RESET.
type AlterShard struct {
	Span
	Shard, From, To *IntegerLiteral
}

// AlterCluster is ALTER CLUSTER SET name = number.
type AlterCluster struct {
	Span
	Name  Identifier
	Value *IntegerLiteral
}

func (*AlterNode) statement()    {}
func (*DropNode) statement()     {}
func (*AlterShard) statement()   {}
func (*AlterCluster) statement() {}
