package plan

import (
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// Emit says whether and how a query's result is followed.
type Emit uint8

// The ways to follow a result.
const (
	EmitNone Emit = iota // a pull query: the result once
	EmitChanges
	EmitFinal
)

// Query is a planned SELECT as a session runs it, pull or push.
type Query struct {
	Root Node
	// Visible is how many of the root's columns the client sees; the rest are
	// hidden key columns.
	Visible int
	// Names of the visible columns are in Root.Columns().
	Emit Emit
	// EmitLimit ends a push after that many rows; nil for none.
	EmitLimit expr.Expr
	// RowOp says that a push result has the extra last column rowop.
	RowOp bool
	// RowOpColumn is where the query itself selects rowop: the number of the
	// visible column, or -1.
	RowOpColumn int
	// RowMarks are the visible columns of a push in which the query selects rowmark.
	RowMarks []int
	// Params are the types of $1, $2 ...
	Params []types.Type
	// Sources are the relations read, each once: what freshness waits for.
	Sources []*catalog.Relation
	// Locks are the tables whose rows the query locks (LockRows), here or in a
	// subquery.
	Locks []*catalog.Relation
	// Subqueries are the plans of expr.Subquery by Number, those inside other
	// subqueries too, whose own lists are empty. Those of a push are functions of a row
	// (expr.Subquery.OfRow).
	Subqueries []*Query
	// Snapshot and Start options of a push: see PushOptions.
	Options PushOptions
	// Tag is the command tag of a statement that is not a SELECT but is answered
	// by one (SHOW, DESCRIBE); "" for SELECT.
	Tag string
}

// PushOptions are the WITH (...) options behind EMIT CHANGES.
type PushOptions struct {
	// Snapshot, where set, overrides whether the current result comes first.
	Snapshot *bool
	// FromBeginning starts an append-only push at the beginning of its sources.
	FromBeginning bool
	// ProgressMillis, where not 0, is after how long without a row the result has one
	// that says that there was none (rowop is then progress).
	ProgressMillis int64
	// Resume, where not "", is the rowmark of the last row that the client has: the
	// push goes on behind it.
	Resume string
}

// Continuous is a planned continuous query: stages in order, each feeding only
// later ones.
type Continuous struct {
	Query  *catalog.Query
	Sink   *catalog.Relation
	Stages []Stage
	// Kind and Key describe the result that the sink holds.
	Kind ResultKind
	Key  []int
	// Into is set for a query that inserts into a stream, or whose result is a stream
	// with a column for the event time. The columns of its rows are those of the sink.
	Into *Into
}

// Into is what a stream demands of the rows of a query, besides NOT NULL and the
// column of the event time, which its descriptor says.
type Into struct {
	// Rowtime says that a column behind those of the stream, a timestamptz, is the event
	// time, and Headers that one behind that, of the type types.Headers, are the headers.
	Rowtime, Headers bool
	// Checks are the stream's CHECK constraints.
	Checks []Check
}

// Stage is a part of a continuous query that runs on one shard without moving
// rows.
type Stage struct {
	// Number is the stage's index in Continuous.Stages.
	Number int
	// Subqueries are those of the query by number, of which the stage's expressions use
	// some: functions of the row that they stand over.
	Subqueries []*Query
	// Root is the operator tree. Its leaves are Scans of streams or tables and
	// StageInputs; its root is a Shuffle (to stage To) or the rows for the sink.
	Root Node
	// To is the stage that the Shuffle at the root feeds, or -1 for the sink.
	To int
}
