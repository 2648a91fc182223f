// Package systables holds the system tables: pg_catalog and information_schema
// as PostgreSQL's clients expect them, and millrace's own. They are virtual:
// their rows are computed from a catalog snapshot and what the host knows of
// the running server, and planned and queried as any other table.
package systables

import (
	"context"
	"time"

	"millrace/sql/catalog"
	"millrace/sql/types"
)

// Table is a system table.
type Table struct {
	// OID is PostgreSQL's where it has the table.
	OID     uint32
	Schema  string
	Name    string
	Columns []Column
	rows    func(ctx context.Context, env *Environment) ([][]types.Datum, error)
}

// Column is a column of a system table.
type Column struct {
	Name string
	Type types.Type
}

// View reports whether the table is shown as a view, as PostgreSQL shows what its
// system views and those of information_schema compute.
func (t *Table) View() bool { return t.Schema != SchemaPgCatalog || t.OID >= 12000 }

// Rows returns the table's rows: one datum per column, of its type. They belong
// to the caller.
func (t *Table) Rows(ctx context.Context, env *Environment) ([][]types.Datum, error) {
	return t.rows(ctx, env)
}

// Environment is what rows are computed from.
type Environment struct {
	Catalog *catalog.Snapshot
	// Runtime tells of the running server; nil where there is none, which makes
	// the tables about it empty.
	Runtime Runtime
	// Database, User and ServerVersion name the session's database and user and
	// the version that clients see.
	Database string
	User     string
	// Role is the role that asks: what others may not see is left out for it.
	Role          catalog.ObjectID
	ServerVersion string
	// Functions are what pg_proc and millrace.functions list.
	Functions []Function
	// ViewText returns the query of a view as the client is to read it, and Visible
	// whether names of a schema's objects need no schema; nil for the text as it is
	// kept, and for yes.
	ViewText func(v *catalog.View) string
	Visible  func(schema string) bool
}

// Function describes one function or aggregate.
type Function struct {
	Name      string
	Args      []types.Type
	Variadic  bool
	Result    types.Type
	Aggregate bool
	// Volatility is PostgreSQL's letter: i, s or v.
	Volatility byte
	Strict     bool
}

// Runtime tells of the running server. The host implements it; its methods may
// be called by several goroutines.
type Runtime interface {
	// Queries returns the state of each continuous query on each shard.
	Queries(ctx context.Context) ([]QueryStatus, error)
	// Partitions returns the extent of each partition.
	Partitions(ctx context.Context) ([]PartitionStatus, error)
	// Shards, Replicas and Nodes tell of the cluster.
	Shards(ctx context.Context) ([]ShardStatus, error)
	Replicas(ctx context.Context) ([]ReplicaStatus, error)
	Nodes(ctx context.Context) ([]NodeStatus, error)
	// Errors returns the rows that failed in continuous queries, newest last.
	Errors(ctx context.Context) ([]RowError, error)
	// LateRows returns the newest rows that came too late for a window.
	LateRows(ctx context.Context) ([]LateRow, error)
	// Sessions returns the connected clients.
	Sessions(ctx context.Context) ([]SessionStatus, error)
	// Locks returns the locks that are held and awaited.
	Locks(ctx context.Context) ([]LockStatus, error)
	// SequenceState returns the last value of a sequence, whether it was given (it is
	// the next one otherwise), and how many values are reserved behind it.
	SequenceState(id catalog.ObjectID) (last int64, called bool, ahead int64)
	// Settings returns the run-time parameters as the asking session sees them.
	Settings(ctx context.Context) ([]Setting, error)
	// Cursors and PreparedStatements are those of the asking session.
	Cursors(ctx context.Context) ([]Cursor, error)
	PreparedStatements(ctx context.Context) ([]PreparedStatement, error)
}

// QueryStatus is the state of a continuous query on one shard.
type QueryStatus struct {
	Query catalog.ObjectID
	Shard int
	// State is running, backfilling, paused, failed, lagging, or unreachable.
	State string
	// Rows counts the input rows consumed, Lag those that wait.
	Rows, Lag int64
	// Late counts the rows that came too late for a window.
	Late int64
	// Error is what stopped a failed query.
	Error string
}

// PartitionStatus is the extent of one partition of a stream or table.
type PartitionStatus struct {
	Relation  catalog.ObjectID
	Partition int
	// StartOffset is the first offset kept, EndOffset the next one to be given
	// (streams).
	StartOffset, EndOffset int64
	// Rows is the number of rows kept, Bytes their size on disk; -1 when unknown.
	Rows, Bytes int64
	// Rowtime is the largest event time; zero for none.
	Rowtime time.Time
}

// RowError is one row that failed in a continuous query.
type RowError struct {
	Time      time.Time
	Query     catalog.ObjectID
	Shard     int
	Relation  catalog.ObjectID
	Partition int
	Offset    int64
	// Code is the SQLSTATE.
	Code    string
	Message string
}

// LateRow is a row that came too late for a window of a continuous query.
type LateRow struct {
	// Time is when it came.
	Time      time.Time
	Query     catalog.ObjectID
	Shard     int
	Partition int
	// Offset is the row's in its partition, -1 where it has none.
	Offset int64
	// Rowtime is zero where it is not known.
	Rowtime                time.Time
	WindowStart, WindowEnd time.Time
	// Rows is how many rows it stands for, where they were aggregated before.
	Rows int64
}

// SessionStatus describes one connected client.
type SessionStatus struct {
	PID             int32
	User            string
	Database        string
	ApplicationName string
	ClientAddress   string
	Started         time.Time
	QueryStarted    time.Time
	// State is active, idle, idle in transaction, or idle in transaction
	// (aborted).
	State string
	Query string
	// WaitsForChanges says that a push query has given all that there is.
	WaitsForChanges bool
	// WaitsForLock says what kind of lock the session waits for, as pg_locks names
	// it, "" for none.
	WaitsForLock string
}

// AdvisoryKey is the key of an advisory lock as pg_locks shows it.
type AdvisoryKey struct {
	ClassID, ObjectID uint32
	SubID             uint8
}

// LockStatus is a lock that is held or awaited.
type LockStatus struct {
	PID int32
	// Transaction is the number of the transaction that holds or awaits it.
	Transaction uint64
	// Relation is the table that is locked, 0 where the lock is on a transaction;
	// then Target is that one's number.
	Relation catalog.ObjectID
	Target   uint64
	// Advisory is the key of an advisory lock, nil where it is none.
	Advisory *AdvisoryKey
	// Mode is PostgreSQL's name of the mode.
	Mode    string
	Granted bool
	// WaitStart is when the wait began.
	WaitStart time.Time
}

// Setting is a run-time parameter.
type Setting struct {
	Name, Value, Default, Description string
	// Shown and ShownDefault are Value and Default as SHOW prints them, with their unit.
	Shown, ShownDefault string
	// Context is PostgreSQL's: internal, postmaster, user ...
	Context string
	// Type is bool, enum, integer or string. Values of integers count Unit, "" for
	// none, and lie between Lowest and Highest; those of an enum are Choices.
	Type, Unit, Lowest, Highest string
	Choices                     []string
	// Reset is the value that RESET goes back to.
	Reset string
}

// Cursor is an open cursor.
type Cursor struct {
	Name, Statement    string
	Hold, Binary       bool
	Created            time.Time
	NotScrollable, SQL bool
}

// PreparedStatement is a prepared statement of a session.
type PreparedStatement struct {
	Name, Statement string
	Prepared        time.Time
	Parameters      []types.Type
	FromSQL         bool
}
