package catalog

// Command is a change of the catalog as the catalog's Raft group orders it.
// What a command depends on besides the catalog (a clock, a random ID) is a
// field of it, so that Apply is the same on every replica.
type Command interface {
	command()
}

// Bootstrap makes the cluster: it is the first command and comes once.
type Bootstrap struct {
	ClusterID string
	// Shards is the number of shards, fixed for ever.
	Shards int
	// CreatedMillis is the wall clock, in milliseconds since the Unix epoch.
	CreatedMillis int64
	// Superuser is the name of the first superuser, "" for DefaultSuperuser, and
	// Verifier what its password is held against, "" for none.
	Superuser, Verifier string
}

// CreateRelation makes a stream or table and, for CREATE … AS, the query that
// writes it. Apply gives out the IDs and sets Relation.Query, Query.Sink and
// Query.Version, which says before in which version the query was planned (0 for
// any): a source that has changed since makes it fail.
type CreateRelation struct {
	Relation Relation
	// Query is nil for a source relation. Its Sources have IDs already.
	Query       *Query
	IfNotExists bool
	// Sequences are made with the relation and belong to its columns: each has its
	// OwnerColumn. The defaults of these columns that are not identity columns take
	// values from them.
	Sequences []Sequence
	// Indexes are those of UNIQUE constraints, ready since there are no rows. Their
	// Table is the relation; a Name "" is chosen by Apply.
	Indexes []Index
}

// CreateQuery makes a continuous query that inserts into a stream. Apply gives out
// its ID, and its Name where that is "", and sets its Version as CreateRelation does.
type CreateQuery struct{ Query Query }

// DropRelations is DROP STREAM, TABLE, MATERIALIZED VIEW or VIEW: all of Names or
// none. A derived relation's query goes with it.
type DropRelations struct {
	// Kind is what the statement called the relations.
	Kind     Kind
	Names    []Name
	IfExists bool
	// Cascade drops the views and what the queries that read the relations write as well.
	Cascade bool
}

// TerminateQuery ends a continuous query, or all of them where Name is "". The
// result of a CREATE … AS stays, frozen; a stream that a query inserted into is as
// before.
type TerminateQuery struct{ Name string }

// PauseQuery stops a query, or all, which keep their positions.
type PauseQuery struct{ Name string }

// ResumeQuery lets a query, or all, go on.
type ResumeQuery struct{ Name string }

// CommentOn sets the comment of a relation or view or, where Column is not "", of one
// of its columns; "" removes it.
type CommentOn struct {
	// Kind is what the statement called the relation.
	Kind   Kind
	Name   Name
	Column string
	Text   string
}

// CreateIndex makes a secondary index. Apply gives out its ID, and its Name where
// that is "". It is not ready: its rows are added afterwards.
type CreateIndex struct {
	Index       Index
	IfNotExists bool
}

// IndexReady says that an index has all rows of its table.
type IndexReady struct{ ID ObjectID }

// DropIndexes is DROP INDEX: all of Names or none.
type DropIndexes struct {
	Names    []Name
	IfExists bool
}

// AbandonIndex removes an index whose rows could not be added, if it is there and
// not ready.
type AbandonIndex struct{ ID ObjectID }

// CommentOnIndex sets the comment of an index; "" removes it.
type CommentOnIndex struct {
	Name Name
	Text string
}

// ReserveRowIDs gives Count row ids, from Result.First on, that nobody else is
// given. It does not change the catalog's version.
type ReserveRowIDs struct{ Count int64 }

// AlterRelation puts another descriptor in the place of a relation's: all of an
// ALTER TABLE at once. Whoever makes it has checked what concerns the relation
// alone; Apply checks that names are free and what depends on the relation, and
// keeps the history of names and columns.
type AlterRelation struct {
	// Relation is the relation as it is to be. Its columns have the numbers that
	// they had; new ones stand behind.
	Relation Relation
	// Base is Changed of the descriptor that Relation was made from. When the
	// relation has changed since, the command fails with 40001.
	Base uint64
	// Shadow is the copy that becomes the table's storage, or 0.
	Shadow ObjectID
	// Cascade drops what reads the columns that are dropped.
	Cascade bool
	// DropIndexes are the indexes of constraints that are dropped; those on columns
	// that are dropped go without being named. RenameIndexes get other names.
	DropIndexes   []ObjectID
	RenameIndexes []IndexName
	// Sequences are made for columns that become identity columns. Those of columns
	// that are none any more go without being named.
	Sequences []Sequence
}

// IndexName gives an index a name.
type IndexName struct {
	ID   ObjectID
	Name string
}

// CreateShadow begins a rewrite: it makes a copy without rows of the table with
// Relation's ID, which is to be as Relation says, under an ID that Apply gives out.
// The copy has copies of the table's indexes, but for those in DropIndexes and on
// dropped columns, and the new ones of UNIQUE constraints in Indexes.
type CreateShadow struct {
	Relation Relation
	// Base is as in AlterRelation.
	Base        uint64
	DropIndexes []ObjectID
	Indexes     []Index
}

// DropShadow gives a rewrite up and drops its copy, or all for ID 0.
type DropShadow struct{ ID ObjectID }

// CreateSequence makes a sequence. Apply gives out its ID.
type CreateSequence struct {
	Sequence    Sequence
	IfNotExists bool
}

// AlterSequence puts another descriptor in the place of the one with its ID. The
// sequence goes on where it was unless Restart is set: then RestartWith is the next
// value.
type AlterSequence struct {
	Sequence    Sequence
	Restart     bool
	RestartWith int64
	// IfExists makes it a notice that there is no sequence with the ID.
	IfExists bool
}

// DropSequences is DROP SEQUENCE: all of Names or none.
type DropSequences struct {
	Names    []Name
	IfExists bool
	// Cascade drops the defaults that take values from them as well.
	Cascade bool
}

// NextValues reserves up to Count values of a sequence: Result.Count of them, from
// Result.First on in steps of its increment. Like the two commands behind it, it does
// not change the catalog's version.
type NextValues struct {
	ID    ObjectID
	Count int64
}

// SetSequence sets a sequence: its next value is Value where Called is not set, and
// the one behind it otherwise; with Restart it is the sequence's start.
type SetSequence struct {
	ID      ObjectID
	Value   int64
	Called  bool
	Restart bool
}

// CommentOnSequence sets the comment of a sequence; "" removes it.
type CommentOnSequence struct {
	Name Name
	Text string
}

// CommentOnConstraint sets the comment of a constraint of a relation; "" removes it.
type CommentOnConstraint struct {
	Relation   Name
	Constraint string
	Text       string
}

// ReturnValues takes values back that were reserved in an epoch, up to Reserved, and
// never given: Given is the last one that was. Where others have been reserved since,
// it does nothing.
type ReturnValues struct {
	ID              ObjectID
	Epoch           uint64
	Reserved, Given int64
}

func (*CreateSequence) command() {}

func (*CommentOnSequence) command()   {}
func (*CommentOnConstraint) command() {}

func (*AlterSequence) command()  {}
func (*DropSequences) command()  {}
func (*NextValues) command()     {}
func (*SetSequence) command()    {}
func (*ReturnValues) command()   {}
func (*AlterRelation) command()  {}
func (*CreateShadow) command()   {}
func (*DropShadow) command()     {}
func (*Bootstrap) command()      {}
func (*CreateRelation) command() {}
func (*CreateQuery) command()    {}
func (*DropRelations) command()  {}
func (*TerminateQuery) command() {}
func (*PauseQuery) command()     {}
func (*ResumeQuery) command()    {}
func (*CommentOn) command()      {}
func (*CreateIndex) command()    {}
func (*IndexReady) command()     {}
func (*DropIndexes) command()    {}
func (*AbandonIndex) command()   {}
func (*CommentOnIndex) command() {}
func (*ReserveRowIDs) command()  {}

// Result tells the client's session what a command did.
type Result struct {
	// Version is the catalog's version behind the command; it has grown only if
	// the command changed something.
	Version uint64
	// Created and Dropped are the IDs of relations, queries and indexes.
	Created, Dropped []ObjectID
	// First is the first of the values that ReserveRowIDs or NextValues gives, Count
	// how many NextValues gives, in steps of Increment, and Epoch the sequence's then.
	First, Count, Increment int64
	Epoch                   uint64
	// Notices are for the client.
	Notices []Notice
}

// Notice is a message for the client that is not an error, with the fields of
// PostgreSQL's NoticeResponse of severity NOTICE.
type Notice struct {
	// Code is the SQLSTATE; "" stands for 00000.
	Code    string
	Message string
	Detail  string
	Hint    string
}
