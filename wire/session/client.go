package session

import (
	"context"
	"time"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// Column describes one column of a result as the client sees it.
type Column struct {
	Name string
	Type types.Type
	// Table and Attribute name the relation's column that this one is, unchanged;
	// zero otherwise.
	Table     uint32
	Attribute int16
	// Binary asks for the value's binary form instead of text.
	Binary bool
}

// Client is the other end of a session: what a statement sends and, for COPY
// FROM STDIN, receives. A protocol implements it; calls come from the
// goroutine that runs the statement. An error from any method means that the
// client is gone and ends the session.
//
// Messages may be buffered until Flush, except that an implementation bounds
// its buffer by sending early.
type Client interface {
	// Describe announces the columns of the rows that follow.
	Describe(columns []Column) error
	// Rows sends rows from up to, but not including, to of a batch, one value per
	// column of columns. Text is in the form that format says.
	Rows(columns []Column, format *types.Format, batch *types.Batch, from, to int) error
	// Complete ends a statement with its command tag.
	Complete(tag string) error
	// Empty ends a statement that has no text.
	Empty() error
	// Suspended ends an Execute whose row limit was reached.
	Suspended() error
	// Notice sends a message that is not an error, of severity NOTICE, WARNING
	// and so on.
	Notice(severity string, notice *sqlerr.Error) error
	// Parameter reports a setting's value.
	Parameter(name, value string) error
	// CopyIn asks for COPY data; CopyRead gives it.
	CopyIn(binary bool, columns int) error
	// CopyRead returns the next bytes of COPY data, valid until the next call. At
	// the end it returns io.EOF, at CopyFail an *sqlerr.Error (57014), and ErrPause
	// when patience is positive and nothing has come for so long. When ctx ends it
	// returns ctx's cause.
	CopyRead(ctx context.Context, patience time.Duration) ([]byte, error)
	// CopyOut announces COPY data; CopyWrite sends one row of it, CopyEnd ends it.
	CopyOut(binary bool, columns int) error
	CopyWrite(row []byte) error
	CopyEnd() error
	// Flush sends what is buffered.
	Flush() error
	// Cancel ends the statement that runs, if any, as a cancel request does; Terminate
	// ends the connection with an error, nil for an administrator's command (57P01). Any
	// goroutine may call them; they do not wait.
	Cancel()
	Terminate(why *sqlerr.Error)
	// Wake says that the session has Notifications, which are to be sent when no
	// transaction is open, also to a client that sends nothing. Any goroutine may call
	// it; it does not wait.
	Wake()
}
