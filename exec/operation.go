package exec

import (
	"errors"

	"millrace/sql/sqlerr"
)

// Operation says what Rows do to a source table. Streams know OperationInsert
// alone.
type Operation uint8

const (
	// OperationInsert adds rows. A key that is there is refused with 23505; in a
	// table whose rows replace others (catalog.Relation.Upsert) the new row takes
	// its place, and of several rows with one key the last one stays.
	OperationInsert Operation = iota
	// OperationAdd adds rows whose keys were looked for and not found. A key that
	// is there by now is ErrConflict.
	OperationAdd
	// OperationUpdate replaces the rows in Rows.Old by those in Rows.Batch, which
	// have the same keys. A row that is not the old one any more is ErrConflict.
	OperationUpdate
	// OperationDelete removes the rows in Rows.Batch. A row that is not as given
	// any more is ErrConflict.
	OperationDelete
)

// ErrConflict says that a row is not what the statement had read when it was
// written: a concurrent statement changed it. Nothing of the write took effect.
// Errors that wrap it have SQLSTATE 40001.
var ErrConflict = errors.New("concurrent update")

// Conflict is the error of a statement that met what a concurrent one is writing;
// it wraps ErrConflict.
func Conflict() error { return conflict() }

// ErrRowsChanged says that rows which a query locked are not as it had read them:
// the statement is to run again, with what it has locked.
var ErrRowsChanged = errors.New("rows changed before they were locked")

// conflict is the answer to a write whose condition does not hold.
func conflict() error {
	return sqlerr.New(sqlerr.SerializationFailure, -1, "could not serialize access due to %w", ErrConflict).
		WithHint("Run the transaction again.")
}
