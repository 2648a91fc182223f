// Package exec runs plans: continuous queries in the shard loops, push and pull
// queries in sessions, and the writes that feed them.
//
// The files fall in four parts: the engine that sessions talk to (api, engine,
// writer, freshness), the loop around each shard (loop, shard), the pure core
// that turns a tick's inputs into one entry (core, stage, overlay), and the
// operators. One-shot execution of pull queries is the package exec/pull.
package exec

import (
	"context"
	"time"

	"millrace/exec/lock"
	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// Backend is what a client's session needs from the node. *Engine implements
// it; the interface stands here so that sessions can be tested without one.
type Backend interface {
	// Catalog returns the newest snapshot that every shard has activated.
	Catalog() *catalog.Snapshot
	// CatchUpCatalog returns when Catalog has every definition that was acknowledged on
	// any node before the call. It is to be called when a statement begins.
	CatchUpCatalog(ctx context.Context) error
	// Define applies a command to the catalog and returns when every shard has
	// activated it, or an error that says which have not. An index that it creates
	// is ready then; those of a transaction (catalog.Define) are built afterwards.
	Define(ctx context.Context, command catalog.Command) (catalog.Result, error)
	// CheckStart returns an error with SQLSTATE 72000 when rows of a stream from the
	// offsets of a start on are not there any more.
	CheckStart(ctx context.Context, start *plan.Start, stream *catalog.Relation) error
	// NewWriter returns a writer for one session.
	NewWriter() Writer
	// Query starts a pull query (q.Emit is plan.EmitNone) or a push query.
	Query(ctx context.Context, q *plan.Query, env *QueryEnv) (Cursor, error)
	// NewView returns what is committed now, for queries that are to see the same: as
	// fresh in the sources as is asked for. The caller closes it.
	NewView(ctx context.Context, sources []*catalog.Relation, freshness Freshness) (*View, error)
	// NewTransactionView returns what is committed now, in all streams and tables, for
	// all queries of a transaction: of no transaction over several shards it has a part
	// only. The sources are those of the first statement, for which it is as NewView.
	// The caller closes it.
	NewTransactionView(ctx context.Context, sources []*catalog.Relation, freshness Freshness) (*View, error)
	// Find returns the committed rows of a source table that have the keys of the
	// given rows, as a transaction sees them whose writes the overlay holds, which
	// may be nil. Of the given rows only the key columns are read.
	Find(ctx context.Context, relation *catalog.Relation, keys *types.Batch, overlay *Overlay) (*Found, error)
	// FindIn is Find for the rows of a transaction's view.
	FindIn(ctx context.Context, view *View, relation *catalog.Relation, keys *types.Batch, overlay *Overlay) (*Found, error)
	// SetRowIDs gives rows that are to be inserted into a table without PRIMARY KEY
	// their row ids (catalog.Relation.RowID), whatever that column of the batch
	// holds. For other relations it does nothing.
	SetRowIDs(ctx context.Context, relation *catalog.Relation, rows *types.Batch) error
	// Locks returns where writers and those who lock rows meet.
	Locks() Locks
	// NextValues takes the next values of a sequence. On error it has taken as many as
	// it says: an end that was reached (2200H) is that of the value behind them.
	NextValues(ctx context.Context, sequence catalog.ObjectID, values []int64) (given int, err error)
	// SetSequence sets where a sequence goes on.
	SetSequence(ctx context.Context, command *catalog.SetSequence) error
	// SequenceState returns the last value of a sequence, whether it was given (it is
	// the next one otherwise), and how many values are reserved behind it.
	SequenceState(sequence catalog.ObjectID) (last int64, called bool, ahead int64)
	// Alive returns an error with SQLSTATE 53100 or 57P03 when the node takes no
	// input now.
	Alive() error
}

// QueryEnv is what a query depends on besides its plan.
type QueryEnv struct {
	Params  []types.Datum
	Format  *types.Format
	Now     time.Time
	Session expr.Session
	// System returns the rows of a system table, all columns, as datums.
	System func(ctx context.Context, schema, name string) ([][]types.Datum, error)
	// Freshness is how much of what was acknowledged before the query reads.
	Freshness Freshness
	// PushBuffer bounds the bytes of changes that wait in memory for the client of a push
	// query; 0 means 16 MiB.
	PushBuffer int64
	// Lock locks rows of a table for the session's transaction, given by their keys;
	// nil where the query locks none. It says which rows others could have changed
	// since they were read.
	Lock func(ctx context.Context, table *plan.LockedTable, rows *types.Batch) (lock.Rows, error)
	// Overlay holds what the session's open transaction has written to source
	// tables; nil for nothing. Pull queries read through it.
	Overlay *Overlay
	// View is what a pull query reads, nil for what is committed when it starts. Unless
	// it is a transaction's, it has the query's sources.
	View *View
	// Given are the rows of each plan.Given by its number; they are not changed.
	Given []*types.Batch
}

// Freshness is how much of what was acknowledged before it began a query reads: all of
// it, through any number of derived results, unless it says otherwise.
type Freshness struct {
	// Stale reads what is there, on this node, without waiting for what is on its way.
	Stale bool
	// Timeout bounds the wait for continuous queries that are behind; 0 means 30 s.
	Timeout time.Duration
	// MaxStaleness lets a query read what this node has, when it had all that was
	// acknowledged so long ago; 0 for never.
	MaxStaleness time.Duration
	// Current reads streams and source tables as they are now in any case: who writes
	// by what it reads would otherwise meet that others have changed it.
	Current bool
}

// Cursor gives a query's result. It belongs to one goroutine at a time.
type Cursor interface {
	// Next returns the next rows: exactly the columns that the client sees
	// (plan.Query's visible columns and, where RowOp is set, rowop as text last).
	// The batch is the caller's until the following Next. At the end it returns
	// io.EOF. For a push query it blocks until there is at least one row; all rows
	// that are ready come in one batch, so the caller may flush after each. When
	// ctx ends it returns ctx's error and the cursor stays usable.
	Next(ctx context.Context) (*types.Batch, error)
	// Close releases what the query holds. It is safe to call twice.
	Close()
}

// PushCursor is the cursor of a push query.
type PushCursor interface {
	Cursor
	// Poll is Next without waiting: it returns nil when there is no row now. What was
	// committed before the call is taken into account.
	Poll(ctx context.Context) (*types.Batch, error)
	// WaitsForChanges reports whether the query has given all the rows that follow
	// from what is committed, and Next waits for more. It is safe for concurrent use.
	WaitsForChanges() bool
}

// Writer writes a session's rows. It owns a producer id and its sequences, by
// which a write whose outcome was unknown is recognised and never done twice.
// It belongs to one goroutine.
type Writer interface {
	// Write appends rows to streams and carries out the operations on the rows of
	// source tables, those of one table in their order.
	// It returns when all are applied on their shards. With atomic set, or where a
	// source table is written, all rows of all writes take effect, or none, whatever
	// crashes; otherwise the rows that fall on one shard do so together. Rows are checked against the catalog
	// version that they were planned with; when a relation has changed since, the
	// error says so (SQLSTATE 0A000 is never used for it; 40001 asks to retry).
	Write(ctx context.Context, writes []Rows, atomic bool) error
	// WriteDefining applies the definitions of a transaction together with its writes:
	// all of it takes effect or nothing, whatever crashes. After is the catalog with the
	// definitions, as the writes were made for it. Nobody else may read or write the
	// relations that the transaction has made or changed until the call returns.
	WriteDefining(ctx context.Context, command *catalog.Define, after *catalog.Snapshot, writes []Rows) error
	// Rely has what Write is given from now on take effect only while hold returns nil, such
	// as while locks are held: it is asked before the rows are offered to a shard, again
	// whenever they had to wait for a leader, and before a transaction over several shards
	// is decided. Its error is then that of Write. Nil asks nobody. Calls of hold come one
	// at a time, while Write is at work.
	Rely(hold func(ctx context.Context) error)
	// Close lets the writer's producer go.
	Close()
}

// Rows are rows of one relation, with a value for every column, in column order,
// and what is done to them. They obey NOT NULL and the CHECK constraints: whoever
// makes them has seen to that.
type Rows struct {
	Relation  *catalog.Relation
	Operation Operation
	// Batch holds the columns. Its Rowtimes, where set, are the rows' event times
	// given by INSERT INTO s (rowtime, ...), in milliseconds since the Unix epoch,
	// math.MinInt64 for a NULL; else the writer takes them from the relation's
	// rowtime column or from the clock. Its Headers, where set, are those of the rows of
	// a stream. The batch may be kept until Write returns.
	Batch *types.Batch
	// Unique are the unique indexes of a source table whose entries are written with
	// the rows (UniqueEntries). A write that does not name those that the table has
	// is ErrConflict.
	Unique []catalog.ObjectID
	// Old holds, for OperationUpdate, the row that each row of Batch replaces. It
	// may be kept like Batch.
	Old *types.Batch
}
