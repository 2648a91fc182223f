package wire

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
	"millrace/wire/session"
)

// client is a connection as its session sees it.
type client struct{ c *conn }

var _ session.Client = client{}

// Describe implements session.Client.
func (k client) Describe(columns []session.Column) error {
	return k.c.writer.send(rowDescription(columns))
}

func rowDescription(columns []session.Column) *pgproto3.RowDescription {
	fields := make([]pgproto3.FieldDescription, len(columns))
	for i := range columns {
		column := &columns[i]
		fields[i] = pgproto3.FieldDescription{
			Name:                 []byte(column.Name),
			TableOID:             column.Table,
			TableAttributeNumber: uint16(column.Attribute),
			DataTypeOID:          column.Type.OID(),
			DataTypeSize:         column.Type.Size(),
			TypeModifier:         column.Type.Mod,
		}
		if column.Binary {
			fields[i].Format = pgproto3.BinaryFormat
		}
	}
	return &pgproto3.RowDescription{Fields: fields}
}

// Rows implements session.Client.
func (k client) Rows(columns []session.Column, format *types.Format, batch *types.Batch, from, to int) error {
	return k.c.writer.rows(columns, format, batch, from, to)
}

// Complete implements session.Client.
func (k client) Complete(tag string) error {
	k.c.server.metrics.completed(tag)
	return k.c.writer.send(&pgproto3.CommandComplete{CommandTag: []byte(tag)})
}

// Empty implements session.Client.
func (k client) Empty() error { return k.c.writer.send(&pgproto3.EmptyQueryResponse{}) }

// Suspended implements session.Client.
func (k client) Suspended() error { return k.c.writer.send(&pgproto3.PortalSuspended{}) }

// Notice implements session.Client.
func (k client) Notice(severity string, notice *sqlerr.Error) error {
	return k.c.writer.send((*pgproto3.NoticeResponse)(errorResponse(severity, notice)))
}

// Parameter implements session.Client.
func (k client) Parameter(name, value string) error {
	return k.c.writer.send(&pgproto3.ParameterStatus{Name: name, Value: value})
}

// CopyIn implements session.Client.
func (k client) CopyIn(binary bool, columns int) error {
	format, codes := copyFormats(binary, columns)
	if err := k.c.writer.send(&pgproto3.CopyInResponse{OverallFormat: format, ColumnFormatCodes: codes}); err != nil {
		return err
	}
	// From here on the statement itself reads.
	k.c.stopWatching()
	k.c.beginCopy()
	return k.c.writer.flush()
}

// CopyOut implements session.Client.
func (k client) CopyOut(binary bool, columns int) error {
	format, codes := copyFormats(binary, columns)
	return k.c.writer.send(&pgproto3.CopyOutResponse{OverallFormat: format, ColumnFormatCodes: codes})
}

func copyFormats(binary bool, columns int) (byte, []uint16) {
	codes := make([]uint16, columns)
	if !binary {
		return pgproto3.TextFormat, codes
	}
	for i := range codes {
		codes[i] = pgproto3.BinaryFormat
	}
	return pgproto3.BinaryFormat, codes
}

// CopyRead implements session.Client.
func (k client) CopyRead(ctx context.Context, patience time.Duration) ([]byte, error) {
	for {
		if err := k.c.setCopyDeadline(ctx, patience); err != nil {
			return nil, err
		}
		kind, body, err := k.c.reader.next(k.c.options.MaxMessageBytes)
		if err != nil {
			return nil, k.copyReadError(ctx, err)
		}
		switch kind {
		case 'd':
			return body, nil
		case 'c':
			return nil, io.EOF
		case 'f':
			var message pgproto3.CopyFail
			if err := message.Decode(body); err != nil {
				return nil, sqlerr.New(sqlerr.ProtocolViolation, -1, "invalid CopyFail message")
			}
			return nil, sqlerr.New(sqlerr.QueryCanceled, -1, "COPY from stdin failed: %s", message.Message)
		case 'H', 'S':
			// Clients may send Flush and Sync while they copy; PostgreSQL passes them over.
		default:
			return nil, sqlerr.New(sqlerr.ProtocolViolation, -1,
				"unexpected message type 0x%02X during COPY from stdin", kind)
		}
	}
}

// copyReadError tells a pause and a cancel from a client that is gone.
func (k client) copyReadError(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return session.ErrPause
	case sqlerr.CodeOf(err) == sqlerr.ProtocolViolation:
		k.c.terminate(sqlerr.From(err))
		return err
	default:
		return errClientGone
	}
}

// CopyWrite implements session.Client.
func (k client) CopyWrite(row []byte) error {
	return k.c.writer.copyData(row)
}

// CopyEnd implements session.Client.
func (k client) CopyEnd() error { return k.c.writer.send(&pgproto3.CopyDone{}) }

// Flush implements session.Client.
func (k client) Flush() error {
	err := k.c.writer.flush()
	k.c.writer.release() // what flushes waits, perhaps for long
	return err
}

// Cancel implements session.Client.
func (k client) Cancel() { k.c.cancelStatement() }

// Terminate implements session.Client.
func (k client) Terminate(why *sqlerr.Error) {
	if why == nil {
		why = errAdminShutdown
	}
	k.c.terminate(why)
}

// Wake implements session.Client.
func (k client) Wake() { k.c.wake() }
