package plan

import (
	"millrace/sql/catalog"
	"millrace/sql/expr"
)

// LockRows locks, in a pull query, the rows of tables that the rows of its input
// were made of, and passes these rows on as they are once their tables' rows are
// locked. A row is locked when it is asked for, so a Limit above bounds the locks.
// Rows that had changed since they were read make the whole statement run again.
type LockRows struct {
	Base
	Input  Node
	Tables []LockedTable
}

// LockedTable is a table whose rows are locked.
type LockedTable struct {
	Relation *catalog.Relation
	// Key are the input's columns that hold the key of the table's row.
	Key      []expr.Expr
	Strength LockStrength
	Wait     LockWait
}

// LockStrength is how rows are locked.
type LockStrength uint8

// The strengths, from the weakest on.
const (
	LockKeyShare LockStrength = iota
	LockShare
	LockNoKeyUpdate
	LockUpdate
)

// String returns the words behind FOR.
func (s LockStrength) String() string {
	return []string{"key share", "share", "no key update", "update"}[s]
}

// LockWait is what becomes of rows that others have locked.
type LockWait uint8

// The ways of waiting; of several clauses for one table the last one counts.
const (
	// LockBlock waits for them.
	LockBlock LockWait = iota
	// LockSkipLocked leaves them out.
	LockSkipLocked
	// LockNoWait fails.
	LockNoWait
)

// Inputs implements Node.
func (n *LockRows) Inputs() []Node { return []Node{n.Input} }
