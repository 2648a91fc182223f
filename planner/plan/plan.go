// Package plan holds query plans as plain data: trees of nodes that print, with
// no access to a catalog, a clock or I/O. The planner writes them, rules rewrite
// them, the executor runs them.
package plan

import (
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// Column is one output column of a node. Columns after a root's Visible count
// are hidden: the executor carries them (keys), clients do not see them.
type Column struct {
	Name string
	Type types.Type
	// Table is the OID of the relation the column comes from unchanged, and
	// Attribute its 1-based number there; zero otherwise (RowDescription has
	// both).
	Table     uint32
	Attribute int16
}

// ResultKind says how a result changes over time.
type ResultKind uint8

const (
	// AppendOnly results only gain rows.
	AppendOnly ResultKind = iota
	// Keyed results hold at most one row per key; changes replace rows.
	Keyed
	// Bag results change and have no key.
	Bag
)

// Properties are what the planner knows of a node's result.
type Properties struct {
	Kind ResultKind
	// Key holds the column numbers of the key of a Keyed result (possibly none:
	// a result of one row), and of an AppendOnly one that has each key once; nil
	// where that is not known.
	Key []int
	// Partitioning holds the column numbers whose hash places rows on shards, nil
	// when rows lie anywhere; Partitions is the number of shards they are spread
	// over.
	Partitioning []int
	Partitions   int
	// Window says which columns hold the rows' windows, nil where none do.
	Window *WindowBounds
	// Clock is set where stream time comes with the rows: no row that follows is
	// older. It says at which instants that is of interest; nil where rows come in no
	// order that is known.
	Clock *Closing
}

// Node is one operator of a plan.
type Node interface {
	// Columns are the node's output columns. The slice is shared.
	Columns() []Column
	// Props are the properties of the node's result.
	Props() *Properties
	// Inputs are the nodes it reads, left to right.
	Inputs() []Node
}

// Base carries what every node has; nodes embed it.
type Base struct {
	Cols       []Column
	Properties Properties
}

// Columns implements Node.
func (b *Base) Columns() []Column { return b.Cols }

// Props implements Node.
func (b *Base) Props() *Properties { return &b.Properties }

// Scan reads a stream or a table: the columns named in Fetch, in that order
// (negative numbers are pseudocolumns; see the constants).
type Scan struct {
	Base
	Relation *catalog.Relation
	Fetch    []int
	// Changes reads a table's changelog instead of its rows: each change is a row,
	// with FetchRowOp saying what it did.
	Changes bool
	// KeyEquals, where not nil, restricts a table scan to one key: a value per
	// key column, constant or parameter, of the key column's type (pull queries).
	KeyEquals []expr.Expr
	// Access, where not nil, restricts a table scan to ranges of the key or of an
	// index (pull queries). The rows in them may be more than those wanted: the
	// condition stands above the scan all the same.
	Access *Access
	// Start, where not nil, is where a push or a continuous query begins to read a
	// stream.
	Start *Start
}

// The pseudocolumns that Scan.Fetch may name.
const (
	FetchRowtime      = -1
	FetchRowOffset    = -2
	FetchRowPartition = -3
	// FetchRowOp is insert, update or delete, of a scan of changes.
	FetchRowOp = -4
	// FetchTableOID is the OID of the system table that the row is from.
	FetchTableOID = -5
	// FetchHeaders are the headers of a stream's record, of the type types.Headers.
	FetchHeaders = -6
)

// SystemScan reads a system table; the executor asks its host for the rows.
type SystemScan struct {
	Base
	Schema, Name string
	OID          uint32
	// Fetch are the numbers of the system table's columns that are read, and
	// FetchTableOID.
	Fetch []int
}

// Given reads rows that the host of the query has at hand when it starts; pull
// queries only.
type Given struct {
	Base
	// Number says which: GivenRows, or the number of a statement in WITH, from 1,
	// for what it returned.
	Number int
}

// GivenRows are the rows that a clause of a statement is about, such as those
// that an INSERT has stored for its RETURNING.
const GivenRows = 0

// Values is a constant list of rows; with no columns and one row it is the
// input of a SELECT without FROM.
type Values struct {
	Base
	Rows [][]expr.Expr
}

// Filter keeps the rows for which Predicate is true.
type Filter struct {
	Base
	Input     Node
	Predicate expr.Expr
}

// Project computes one column per expression.
type Project struct {
	Base
	Input Node
	Exprs []expr.Expr
}

// AggregateMode says which half of an aggregation a node does.
type AggregateMode uint8

// The modes of Aggregate.
const (
	// AggregateComplete reads rows and gives results.
	AggregateComplete AggregateMode = iota
	// AggregatePartial reads rows and gives, per tick, the group columns and the
	// states' columns.
	AggregatePartial
	// AggregateFinal reads what AggregatePartial gives and gives results. Its Calls
	// are the partial aggregation's: their Args and Filter say what the states are
	// of and are not evaluated again.
	AggregateFinal
)

// Aggregate groups its input by the values of GroupBy and computes aggregates.
// Its output is the group columns, then one column per call. Without GroupBy
// there is exactly one group, which exists on empty input too: in a continuous
// query on the shard that owns the empty key among all of the cluster's.
type Aggregate struct {
	Base
	Input   Node
	Mode    AggregateMode
	GroupBy []expr.Expr
	Calls   []AggregateCall
	// InputRetracts says that the input may delete rows, so that aggregates that
	// need their values to undo a row keep them.
	InputRetracts bool
	// Closing is set where groups are of windows that close: the first two of
	// GroupBy are then window_end and window_start.
	Closing *Closing
}

// AggregateCall is one aggregate function in an Aggregate.
type AggregateCall struct {
	Func *expr.Aggregate
	// Args have exactly the overload's types.
	Args     []expr.Expr
	Distinct bool
	// Filter is the FILTER (WHERE ...) condition, or nil.
	Filter expr.Expr
	// OrderBy is the ORDER BY inside the call. Where the result is kept up to date it
	// is by the only argument, ascending.
	OrderBy []SortKey
	// Star says count(*), for printing.
	Star bool
	Type types.Type
	Pos  int
}

// SortKey is one item of an ORDER BY.
type SortKey struct {
	Expr       expr.Expr
	Descending bool
	NullsFirst bool
}

// Sort orders its input; pull queries only.
type Sort struct {
	Base
	Input Node
	Keys  []SortKey
}

// Limit passes Count rows after skipping Offset; either may be nil. Expressions
// are constants or parameters of type bigint.
type Limit struct {
	Base
	Input         Node
	Count, Offset expr.Expr
}

// Distinct removes duplicate rows, or duplicates in On, keeping the first of
// its ordered input; pull queries only (a continuous DISTINCT is an Aggregate).
type Distinct struct {
	Base
	Input Node
	On    []expr.Expr
}

// JoinKind says which rows a join keeps.
type JoinKind uint8

// The kinds of join.
const (
	JoinInner JoinKind = iota
	JoinLeft
	JoinRight
	JoinFull
	JoinSemi
	JoinAnti
	// JoinMark keeps all rows of Left and tells of each whether it has a match. Only
	// where the result is kept up to date.
	JoinMark
)

// Wide reports whether a join of the kind gives the columns of both inputs.
func (k JoinKind) Wide() bool { return k < JoinSemi }

// Join joins two inputs. The columns of Left come first, semi and anti joins have
// those alone, mark joins a boolean behind them; On (which may be nil) sees both. LeftKeys = RightKeys are the
// equalities found in the condition, for hashing; where the result is kept up to
// date, rows that may match meet on the shard of their hash.
type Join struct {
	Base
	Kind                JoinKind
	Left, Right         Node
	LeftKeys, RightKeys []expr.Expr
	On                  expr.Expr
	// Lateral says that Right refers to Left's row as Outer level 1; pull queries
	// only.
	Lateral bool
	// Lookup says that each row of Left, which only gains rows, is joined with Right
	// as it is when the row is processed, and stays as it is: a stream joined with a
	// table in a continuous or push query.
	Lookup bool
	// AsOf, where not nil, has each row of Left meet one row of Right alone, the
	// closest one: an ASOF JOIN, of kind JoinInner or JoinLeft and without On.
	AsOf *AsOf
	// Within is set for streams joined WITHIN a time and with a GRACE PERIOD, where the
	// result is kept up to date: rows go when their window is over, and those without
	// a match are given then. On has the condition on the times, too.
	Within *Within
}

// SetOperation is UNION, INTERSECT or EXCEPT, with or without ALL; where the result
// is kept up to date, UNION ALL alone.
type SetOperation struct {
	Base
	Op          SetOp
	All         bool
	Left, Right Node
}

// TopN passes the first rows of its input in an order: Count rows behind Offset
// others, of each part whose rows have equal PartitionBy columns. Only where the
// result is kept up to date.
type TopN struct {
	Base
	Input       Node
	PartitionBy []int
	// Order is the order; its expressions are columns.
	Order         []SortKey
	Count, Offset int64
	// Ties says what becomes of rows that the order does not tell apart. Where it is not
	// TiesBroken, Offset is 0.
	Ties Ties
	// Local says that each shard passes the first of its own rows, and another TopN
	// behind a shuffle the first of those.
	Local bool
}

// Ties says which rows are the first Count ones where an order does not tell some apart.
type Ties uint8

// The ways with ties: TiesBroken has exactly Count rows, TiesRank those with rank() <=
// Count, and TiesDense those with dense_rank() <= Count.
const (
	TiesBroken Ties = iota
	TiesRank
	TiesDense
)

// Repeat gives each row of its input as often as Times, a bigint, says: never where
// that is less than 1. Only where the result is kept up to date.
type Repeat struct {
	Base
	Input Node
	Times expr.Expr
}

// SetOp is a set operation.
type SetOp uint8

// The set operations.
const (
	Union SetOp = iota
	Intersect
	Except
)

// Shuffle moves rows to the shard that the hash of Keys names. It ends a stage;
// where a plan runs in a session it passes rows through.
type Shuffle struct {
	Base
	Input Node
	Keys  []int
	// Partitions is the number of shards to spread over.
	Partitions int
}

// StageInput is the leaf by which a stage reads what another stage shuffled to
// it.
type StageInput struct {
	Base
	// Stage is the number of the sending stage in its query.
	Stage int
}

// Inputs implements Node.
func (*Scan) Inputs() []Node { return nil }

// Inputs implements Node.
func (*SystemScan) Inputs() []Node { return nil }

// Inputs implements Node.
func (*Given) Inputs() []Node { return nil }

// Inputs implements Node.
func (*Values) Inputs() []Node { return nil }

// Inputs implements Node.
func (n *Filter) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Project) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Aggregate) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Sort) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Limit) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Distinct) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Join) Inputs() []Node { return []Node{n.Left, n.Right} }

// Inputs implements Node.
func (n *SetOperation) Inputs() []Node { return []Node{n.Left, n.Right} }

// Inputs implements Node.
func (n *TopN) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Repeat) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Shuffle) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (*StageInput) Inputs() []Node { return nil }
