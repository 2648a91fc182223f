package exec

import (
	"encoding/binary"
	"errors"

	"millrace/sql/sqlerr"
)

// Errors between nodes: the fields of an sqlerr.Error, and which of the errors that the
// engine tells apart it wraps.
//
//	failure := kinds u8 (bits of failureKinds) · coded u8 · position varint · field*
//	field   := length uvarint · bytes
//
// The fields are code, message, detail, hint, where, schema, table, column, constraint
// and data type; of an error without a code only the message is set.

// failureKinds are the errors that keep their identity, by bit.
var failureKinds = [...]error{ErrNotLeader, ErrConflict, ErrChanged, ErrStopped, errAnswered, errUndecided, errCarriedOut}

// errAnswered is wrapped by every error that another node answered with.
var errAnswered = errors.New("exec: another node answered with an error")

// isAnswer reports whether an error is one that a node answered with, and so not one of
// the way to it.
func isAnswer(err error) bool { return errors.Is(err, errAnswered) }

func failureFields(e *sqlerr.Error) []*string {
	return []*string{
		(*string)(&e.Code), &e.Message, &e.Detail, &e.Hint, &e.Where,
		&e.Schema, &e.Table, &e.Column, &e.Constraint, &e.DataType,
	}
}

// appendFailure encodes an error.
func appendFailure(buf []byte, err error) []byte {
	kinds := byte(0)
	for bit, kind := range failureKinds {
		if errors.Is(err, kind) {
			kinds |= 1 << bit
		}
	}
	coded, ok := errors.AsType[*sqlerr.Error](err)
	if !ok {
		coded = &sqlerr.Error{Message: err.Error(), Position: -1}
	}
	buf = append(buf, kinds, 0)
	if ok {
		buf[len(buf)-1] = 1
	}
	buf = binary.AppendVarint(buf, int64(coded.Position))
	for _, field := range failureFields(coded) {
		buf = binary.AppendUvarint(buf, uint64(len(*field)))
		buf = append(buf, *field...)
	}
	return buf
}

// answeredError is an error that another node answered with.
type answeredError struct {
	error
	kinds []error
}

// Unwrap gives the error itself and those that it is known to wrap.
func (e *answeredError) Unwrap() []error { return append([]error{e.error}, e.kinds...) }

// decodeFailure is the inverse of appendFailure.
func decodeFailure(data []byte) error {
	if len(data) < 2 {
		return errBadAnswer
	}
	failure := &answeredError{kinds: []error{errAnswered}}
	for bit, kind := range failureKinds {
		if data[0]&(1<<bit) != 0 {
			failure.kinds = append(failure.kinds, kind)
		}
	}
	coded := &sqlerr.Error{}
	in := uvarintReader{data: data[2:]}
	coded.Position = int(in.varint())
	for _, field := range failureFields(coded) {
		size := in.next()
		if in.bad || size > uint64(len(in.data)) {
			return errBadAnswer
		}
		*field, in.data = string(in.data[:size]), in.data[size:]
	}
	if data[1] == 1 {
		failure.error = coded
	} else {
		failure.error = errors.New(coded.Message)
	}
	return failure
}

var errBadAnswer = errors.New("exec: another node's answer is malformed")
