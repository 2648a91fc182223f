package plan

import (
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// Alter is ALTER TABLE or STREAM: what the relation is to be, what must be true of
// its rows for that, and how its rows become those of a copy where they must be
// stored anew.
type Alter struct {
	// Tag is the command tag.
	Tag string
	// Target is the relation as it is; nil where there is none and IF EXISTS was
	// said. Command makes it what it is to be; nil where nothing changes.
	Target  *catalog.Relation
	Command *catalog.AlterRelation
	// Missing gives one row, the values of the columns with the numbers
	// MissingColumns in the rows that there are; nil for none.
	Missing        *Query
	MissingColumns []int
	// Checks must hold for the rows that there are.
	Checks []RowCheck
	// Rewrite gives each row as it is to be stored in a copy of the table, all
	// columns of Command.Relation; nil where rows stay as they are.
	Rewrite *Query
	// DropIndexes and Indexes are those that a copy of the table does not have or has
	// besides the table's. Where there is no copy, an index in Indexes is the whole
	// statement.
	DropIndexes []catalog.ObjectID
	Indexes     []catalog.Index
	// Notices are for the client, before anything is done.
	Notices []catalog.Notice
}

// RowCheck is a condition on all rows of a relation.
type RowCheck struct {
	// Source gives rows that break the condition.
	Source *Query
	// Violation is the error where there is one.
	Violation *sqlerr.Error
}

func (*Alter) statement() {}
