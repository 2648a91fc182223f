// Package catalog holds what the cluster knows of its streams, tables and
// queries: immutable, versioned snapshots, changed only by commands that the
// catalog's Raft group applies in one order. Nothing here touches a clock, a
// file or a plan; the text of a query is kept and planned anew where it runs,
// with the catalog version it was created in.
package catalog

import "millrace/sql/types"

// ObjectID names a stream, a table, a query, a view, a role ... for ever. IDs
// are never used again. The first one is FirstObjectID.
type ObjectID uint64

// FirstObjectID is the first ID given to a user's object, as PostgreSQL's
// first normal OID; system relations have smaller ones.
const FirstObjectID ObjectID = 16384

// Kind says what a relation is.
type Kind uint8

// The kinds of relation.
const (
	// KindStream is an append-only sequence of rows.
	KindStream Kind = iota + 1
	// KindTable is a table: a source table when its Query is 0, else derived.
	KindTable
	// KindView is a view, which commands name like a relation and which is none.
	KindView
)

// Relation describes a stream or a table. Descriptors are immutable.
type Relation struct {
	ID     ObjectID
	Kind   Kind
	Schema string
	Name   string
	// FormerNames are the names that it had before, oldest first.
	FormerNames []FormerName
	// Columns are in the order in which rows are stored. A column keeps its number
	// for ever: new ones are added at the end, and those that were dropped stay.
	Columns []Column
	// Key holds the numbers of the key's columns: PRIMARY KEY of a source table,
	// the key of a derived table, the KEY columns of a stream (which may be
	// empty).
	Key []int
	// Bag says that a derived table has no key: rows are kept with their
	// multiplicity under the encoding of the whole row.
	Bag bool
	// Distribution holds the columns whose hash places the rows, where these are
	// not the key's: the result of a GROUP BY on more columns than its input was
	// placed by stays where it is. nil stands for Key.
	Distribution []int
	// Window holds the numbers of the columns window_start and window_end of a
	// derived table whose key begins with its rows' windows; nil for others.
	Window []int
	// Partitions is how many shards hold rows: partition p is on shard p.
	Partitions int
	// Rowtime is the column that gives a stream's event time, or -1 for arrival
	// time; RowtimeFormat its format when it is text.
	Rowtime       int
	RowtimeFormat string
	// MaxAheadMillis refuses rows whose rowtime is further ahead of the clock.
	MaxAheadMillis int64
	// RetentionMillis and RetentionBytes bound a stream partition's history; 0
	// keeps it for ever.
	RetentionMillis int64
	RetentionBytes  int64
	// Compact says that of a stream's rows with one key the last is kept, and
	// DeleteRetentionMillis how long a row is that only says its key is gone.
	Compact               bool
	DeleteRetentionMillis int64
	// ChangesMillis is how long a table's changes are kept, so that push queries can
	// resume, and ChangesBytes how much of them on a shard; 0 keeps none.
	ChangesMillis, ChangesBytes int64
	// Query is the continuous query that writes the relation, or 0 for one that
	// clients write to.
	Query ObjectID
	// Frozen says that the query which wrote the relation was terminated: it stays
	// readable as it was then, and nobody writes to it.
	Frozen bool
	// Upsert says that INSERT with an existing key replaces the row instead of
	// failing (WITH (upsert = true)).
	Upsert bool
	// Index is the unique index whose entries the relation holds, nil for a stream
	// or a table (Snapshot.UniqueRelation).
	Index *Index
	// Constraints are what the rows must obey besides NOT NULL, in the order of
	// their declaration. Their names are unique in the relation.
	Constraints []Constraint
	// Storage is the ID under which a table's rows are stored, as PostgreSQL's
	// relfilenode; 0 stands for ID. A rewrite gives a table another one.
	Storage ObjectID
	// Shadow is set for the copy of a table that a rewrite is building: the ID of
	// that table. Apply sets it.
	Shadow ObjectID
	// Changed is the version of the catalog that made this descriptor, and Layout
	// the last one that changed what writers of rows rely on: columns and their
	// types, key, storage, constraints. Apply sets both.
	Changed, Layout uint64
	// Definition is the statement that created it, as the printer writes it.
	Definition string
	// Options are the WITH options as given, for DESCRIBE.
	Options []Option
	Comment string
}

// Column describes a column of a relation.
type Column struct {
	Name    string
	Type    types.Type
	NotNull bool
	// Default is the text of the DEFAULT expression, or "", and Sequences are those
	// that it takes values from.
	Default   string
	Sequences []ObjectID
	// Identity says that the column's values come from the sequence that it owns
	// (Snapshot.OwnedSequence).
	Identity Identity
	// Generated is the text of the expression of GENERATED ALWAYS AS (…) STORED, over
	// the relation's other columns, or "".
	Generated string
	// Hidden columns are stored but not part of `*`: the key columns of a derived
	// table that its SELECT does not list, the row id of a source table without
	// PRIMARY KEY (see Relation.RowID), and columns that were dropped.
	Hidden bool
	// Dropped columns keep their place in stored rows and nothing else. They are
	// hidden, and their name is no user's.
	Dropped bool
	// Unseen is set for a dropped column that users never saw: the row id of a table
	// that was given a PRIMARY KEY.
	Unseen bool
	// FormerNames are the names that it had before, oldest first; of a dropped
	// column the last one is what it was called.
	FormerNames []FormerName
	// Since is the version of the catalog in which the column was added, 0 for one
	// that the relation was created with. Apply sets it.
	Since uint64
	// Missing is the value of the column in rows that were stored before it was
	// added; NULL where it is not valid.
	Missing types.Datum
	Comment string
}

// Identity says whether a column is an identity column.
type Identity uint8

// The kinds of identity column: GENERATED ALWAYS refuses values of users.
const (
	NotIdentity Identity = iota
	IdentityAlways
	IdentityByDefault
)

// FormerName is a name that a relation or column had before it was renamed.
type FormerName struct {
	// Schema is the schema that a relation or view was in, "" for a column.
	Schema string
	Name   string
	// Until is the first version of the catalog in which it had another name.
	Until uint64
}

// ConstraintKind says what a constraint demands.
type ConstraintKind uint8

// The kinds of constraint. NOT NULL is a property of its column, and UNIQUE one of
// an index (Index.Constraint).
const (
	ConstraintPrimaryKey ConstraintKind = iota + 1
	ConstraintCheck
)

// Constraint is a constraint of a relation.
type Constraint struct {
	// ID is the constraint's OID in the system tables. Apply gives it out where it
	// is 0; a PRIMARY KEY has its index's, Relation.IndexID.
	ID   ObjectID
	Name string
	Kind ConstraintKind
	// Columns are the numbers of the key's columns, in its order, for a PRIMARY KEY
	// (they are Relation.Key); of a CHECK those of the columns that its expression
	// reads, ascending.
	Columns []int
	// Expression is the text of a CHECK's condition, as the printer writes it,
	// without parentheses around it.
	Expression string
	Comment    string
}

// Option is one name = value of a WITH clause.
type Option struct{ Name, Value string }

// What stands in Query.Into for the event time and the headers of the rows.
const (
	IntoRowtime = -1
	IntoHeaders = -6
)

// Query describes a continuous query.
type Query struct {
	ID ObjectID
	// Name is how users name it in TERMINATE, PAUSE and SHOW QUERIES.
	Name string
	// Text is the SELECT, as the printer writes it, planned where it runs.
	Text string
	// Sink is the relation that it writes.
	Sink ObjectID
	// Into is nil for the query of CREATE … AS, whose result is the sink. INSERT INTO
	// a stream has in it the numbers of the sink's columns that its SELECT gives, in
	// the SELECT's order; IntoRowtime and IntoHeaders may be among them.
	Into []int
	// Sources are the relations that it reads, and Columns the numbers of the
	// columns that it reads of each, ascending.
	Sources []ObjectID
	Columns [][]int
	// Views are the views that it reads, also through others, and Indirect those of
	// Sources and Views that only views among them name.
	Views, Indirect []ObjectID
	// Types are the types of CREATE TYPE that Text mentions, or columns of what it reads
	// have.
	Types []ObjectID
	// Shared are the queries whose results it reads, in the place of computing them
	// again; Sources has what these read, too. Ascending.
	Shared []ObjectID
	// Version is the catalog version in which it was created: planning Text
	// against its sources and views as they were then (Snapshot.AsOf) gives the same plan on
	// every node and in every later version.
	Version uint64
	// Paused queries keep their positions and do not run.
	Paused bool
	// StopOnError pauses the query at the first failing row.
	StopOnError bool
	// Settings are the session settings fixed at creation (TimeZone, DateStyle,
	// IntervalStyle, search_path).
	Settings []Option
	// CreatedMillis is the wall clock of the leader that accepted it, in
	// milliseconds since the Unix epoch.
	CreatedMillis int64
}
