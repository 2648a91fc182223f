package ast

// IsolationLevel is the ISOLATION LEVEL of a transaction.
type IsolationLevel uint8

// Isolation levels.
const (
	IsolationDefault IsolationLevel = iota
	Serializable
	RepeatableRead
	ReadCommitted
	ReadUncommitted
)

// AccessMode is READ ONLY or READ WRITE.
type AccessMode uint8

// Access modes.
const (
	AccessDefault AccessMode = iota
	ReadWrite
	ReadOnly
)

// DeferrableMode is DEFERRABLE or NOT DEFERRABLE.
type DeferrableMode uint8

// Deferrable modes.
const (
	DeferrableDefault DeferrableMode = iota
	Deferrable
	NotDeferrable
)

// TransactionModes are the modes of BEGIN and SET TRANSACTION.
type TransactionModes struct {
	Isolation  IsolationLevel
	Access     AccessMode
	Deferrable DeferrableMode
}

// Begin is BEGIN or START TRANSACTION.
type Begin struct {
	Span
	// Start says that START TRANSACTION was written; the command tag differs.
	Start bool
	Modes TransactionModes
}

// Commit is COMMIT or END; Chain is AND CHAIN.
type Commit struct {
	Span
	Chain bool
}

// Rollback is ROLLBACK or ABORT; Chain is AND CHAIN.
type Rollback struct {
	Span
	Chain bool
}

// Savepoint is SAVEPOINT name.
type Savepoint struct {
	Span
	Name Identifier
}

// ReleaseSavepoint is RELEASE [SAVEPOINT] name.
type ReleaseSavepoint struct {
	Span
	Name Identifier
}

// RollbackTo is ROLLBACK TO [SAVEPOINT] name.
type RollbackTo struct {
	Span
	Name Identifier
}

// PrepareTransaction is PREPARE TRANSACTION 'id'.
type PrepareTransaction struct {
	Span
	ID string
}

// FinishPrepared is COMMIT PREPARED 'id' or ROLLBACK PREPARED 'id'.
type FinishPrepared struct {
	Span
	Rollback bool
	ID       string
}

// SetTransaction is SET TRANSACTION modes or, with Session, SET SESSION
// CHARACTERISTICS AS TRANSACTION modes. Snapshot is the id of SET TRANSACTION
// SNAPSHOT, nil without.
type SetTransaction struct {
	Span
	Session  bool
	Modes    TransactionModes
	Snapshot *StringLiteral
}

// SetConstraints is SET CONSTRAINTS ALL | names DEFERRED | IMMEDIATE. Names
// is empty for ALL.
type SetConstraints struct {
	Span
	Names    []*Name
	Deferred bool
}

// Lock is LOCK [TABLE] tables [IN mode MODE] [NOWAIT]. Mode is in lower case,
// such as "access exclusive", "" where none was written.
type Lock struct {
	Span
	Tables []*TableName
	Mode   string
	NoWait bool
}

func (*Begin) statement()              {}
func (*Commit) statement()             {}
func (*Rollback) statement()           {}
func (*Savepoint) statement()          {}
func (*ReleaseSavepoint) statement()   {}
func (*RollbackTo) statement()         {}
func (*PrepareTransaction) statement() {}
func (*FinishPrepared) statement()     {}
func (*SetTransaction) statement()     {}
func (*SetConstraints) statement()     {}
func (*Lock) statement()               {}
