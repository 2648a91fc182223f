// Package sqlerr is the one error type that reaches a client: a SQLSTATE, a
// message in PostgreSQL's words, the place in the statement and what helps.
//
// A code is attached where the error is known and flattened once, at the wire.
// Errors without a code are internal errors (XX000) there.
package sqlerr

import (
	"errors"
	"fmt"
)

// Code is a five-character SQLSTATE
// (https://www.postgresql.org/docs/15/errcodes-appendix.html).
type Code string

// Error is an error with the fields of PostgreSQL's ErrorResponse.
//
// Position is a byte offset into the statement's text, 0-based, or -1 when the
// error has no place; the wire turns it into PostgreSQL's 1-based character
// count.
type Error struct {
	Code       Code
	Message    string
	Detail     string
	Hint       string
	Where      string
	Position   int
	Schema     string
	Table      string
	Column     string
	Constraint string
	DataType   string

	cause error
}

// New returns an error with a code, a position (-1 for none) and a formatted
// message. A %w verb makes the wrapped error reachable through Unwrap.
func New(code Code, position int, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Position: position, Message: err.Error(), cause: errors.Unwrap(err)}
}

// Error returns the primary message alone, as PostgreSQL prints it.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the error that caused this one, if any.
func (e *Error) Unwrap() error { return e.cause }

// WithHint sets the hint and returns the same error.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// WithDetail sets the detail and returns the same error.
func (e *Error) WithDetail(format string, args ...any) *Error {
	e.Detail = fmt.Sprintf(format, args...)
	return e
}

// WithWhere sets the context line and returns the same error.
func (e *Error) WithWhere(format string, args ...any) *Error {
	e.Where = fmt.Sprintf(format, args...)
	return e
}

// At returns the error with a position if it had none. The error itself may be
// shared, so a changed one is a copy.
func (e *Error) At(position int) *Error {
	if e.Position >= 0 || position < 0 {
		return e
	}
	placed := *e
	placed.Position = position
	return &placed
}

// From returns err as an *Error: itself when it is or wraps one, else an
// internal error (XX000) around it. From(nil) is nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: InternalError, Position: -1, Message: err.Error(), cause: err}
}

// CodeOf returns the SQLSTATE of err, InternalError when it has none, and ""
// for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	return From(err).Code
}
