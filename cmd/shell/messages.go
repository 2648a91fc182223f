package shell

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// eventKind is what a server's message means to the shell.
type eventKind uint8

const (
	rowsBegin eventKind = iota
	rowArrived
	statementDone
	statementFailed
	noticeArrived
	notificationArrived
	copyInBegins
	copyDataArrived
	ready
	connectionLost
)

// event is a message of the server that the shell owns.
type event struct {
	kind   eventKind
	fields []field
	// row holds a row's values as text, nil for NULL, or a piece of a copy.
	row [][]byte
	tag string
	// report is set for errors and notices.
	report       *pgconn.PgError
	notification *pgproto3.NotificationResponse
	err          error
}

// field is a column of a result.
type field struct {
	name     string
	typeOID  uint32
	modifier int32
}

// eventsAhead is how many events may wait to be printed.
const eventsAhead = 256

// send starts a text by the simple protocol. The channel gives what the server answers
// and is closed behind ready or connectionLost.
func (s *Shell) send(text string) <-chan event {
	events := make(chan event, eventsAhead)
	s.connection.Frontend().Send(&pgproto3.Query{String: text})
	if err := s.connection.Frontend().Flush(); err != nil {
		events <- event{kind: connectionLost, err: err}
		close(events)
		return events
	}
	go receive(s.connection, events)
	return events
}

// receive hands over messages until the server waits for the next query.
func receive(connection *pgconn.PgConn, events chan<- event) {
	defer close(events)
	for {
		message, err := connection.ReceiveMessage(context.Background())
		if err != nil {
			if failure, ok := errors.AsType[*pgconn.PgError](err); ok {
				events <- event{kind: statementFailed, report: failure}
			}
			events <- event{kind: connectionLost, err: err}
			return
		}
		if e, known := eventOf(message); known {
			events <- e
			if e.kind == ready {
				return
			}
		}
	}
}

// eventOf copies what a message says: the connection reuses its memory.
func eventOf(message pgproto3.BackendMessage) (e event, known bool) {
	switch message := message.(type) {
	case *pgproto3.RowDescription:
		fields := make([]field, len(message.Fields))
		for i, f := range message.Fields {
			fields[i] = field{name: string(f.Name), typeOID: f.DataTypeOID, modifier: f.TypeModifier}
		}
		return event{kind: rowsBegin, fields: fields}, true
	case *pgproto3.DataRow:
		row := make([][]byte, len(message.Values))
		for i, value := range message.Values {
			row[i] = slices.Clone(value)
		}
		return event{kind: rowArrived, row: row}, true
	case *pgproto3.CommandComplete:
		return event{kind: statementDone, tag: string(message.CommandTag)}, true
	case *pgproto3.ErrorResponse:
		return event{kind: statementFailed, report: pgconn.ErrorResponseToPgError(message)}, true
	case *pgproto3.NoticeResponse:
		return event{kind: noticeArrived, report: pgconn.ErrorResponseToPgError((*pgproto3.ErrorResponse)(message))}, true
	case *pgproto3.NotificationResponse:
		copied := *message
		return event{kind: notificationArrived, notification: &copied}, true
	case *pgproto3.CopyInResponse:
		return event{kind: copyInBegins}, true
	case *pgproto3.CopyData:
		return event{kind: copyDataArrived, row: [][]byte{slices.Clone(message.Data)}}, true
	case *pgproto3.ReadyForQuery:
		return event{kind: ready}, true
	}
	return event{}, false
}
