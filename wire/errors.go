package wire

import (
	"errors"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgproto3"

	"millrace/sql/sqlerr"
	"millrace/wire/session"
)

// The severities of ErrorResponse.
const (
	severityError = "ERROR"
	severityFatal = "FATAL"
)

// errorResponse returns the message for an error. Its position is counted in
// characters from 1, in the text that the error's *session.TextError carries.
func errorResponse(severity string, err error) *pgproto3.ErrorResponse {
	e := sqlerr.From(err)
	response := &pgproto3.ErrorResponse{
		Severity:            severity,
		SeverityUnlocalized: severity,
		Code:                string(e.Code),
		Message:             e.Message,
		Detail:              e.Detail,
		Hint:                e.Hint,
		Where:               e.Where,
		SchemaName:          e.Schema,
		TableName:           e.Table,
		ColumnName:          e.Column,
		DataTypeName:        e.DataType,
		ConstraintName:      e.Constraint,
	}
	if placed, ok := errors.AsType[*session.TextError](err); ok {
		response.Position = characterPosition(placed.Text, e.Position)
	}
	return response
}

// characterPosition turns a byte offset into PostgreSQL's position, 0 for none.
func characterPosition(text string, offset int) int32 {
	if offset < 0 || offset > len(text) {
		return 0
	}
	return int32(utf8.RuneCountInString(text[:offset]) + 1)
}
