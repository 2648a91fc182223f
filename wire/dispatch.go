package wire

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgproto3"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
	"millrace/wire/session"
)

// handle answers one message. The errors that it returns end the connection;
// those of statements are sent to the client.
func (c *conn) handle(kind byte, body []byte) error {
	switch kind {
	case 'Q':
		return c.simpleQuery(body)
	case 'S':
		return c.sync()
	case 'H':
		if c.skipping {
			return nil
		}
		return c.writer.flush()
	case 'd', 'c', 'f':
		// What a client goes on to send after a COPY has failed is passed over.
		return nil
	case 'P', 'B', 'D', 'E', 'C':
		if c.skipping {
			return nil
		}
		return c.extendedResult(c.guarded(func() error { return c.extended(kind, body) }))
	case 'F':
		if c.skipping {
			return nil
		}
		c.skipping = true
		err := sqlerr.New(sqlerr.FeatureNotSupported, -1, "the function call protocol is not supported").
			WithHint("Call the function in a SELECT.")
		c.session.Abort()
		if err := c.sendError(err); err != nil {
			return err
		}
		return c.sync()
	default:
		return sqlerr.New(sqlerr.ProtocolViolation, -1, "invalid frontend message type %d", kind)
	}
}

// sendError tells the client of a statement's failure. Where the connection
// cannot go on behind it, the error is returned instead.
func (c *conn) sendError(err error) error {
	if c.writer.failure != nil {
		return c.writer.failure
	}
	if errors.Is(err, errClientGone) {
		return err
	}
	if why := c.termination(); why != nil {
		return why
	}
	response := errorResponse(severityError, err)
	c.server.metrics.failed(response.Code)
	c.logger.Debug("statement failed", "code", response.Code, "message", response.Message)
	return c.writer.send(response)
}

// ready ends an answer: the client may send the next query. Notifications that came
// while the statement ran are sent before.
func (c *conn) ready() error {
	if err := c.sendNotifications(); err != nil {
		return err
	}
	c.setKeepAlive(c.session.KeepAlive())
	for _, parameter := range c.session.Changed() {
		if err := c.writer.send(&pgproto3.ParameterStatus{Name: parameter.Name, Value: parameter.Value}); err != nil {
			return err
		}
	}
	if err := c.writer.send(&pgproto3.ReadyForQuery{TxStatus: c.session.TransactionStatus()}); err != nil {
		return err
	}
	return c.writer.flush()
}

// simpleQuery answers a Query message.
func (c *conn) simpleQuery(body []byte) error {
	text, err := cString(body)
	if err != nil {
		return err
	}
	c.skipping = false
	err = c.statement(func(ctx context.Context) error { return c.session.Simple(ctx, text) })
	if err != nil {
		if err := c.sendError(err); err != nil {
			return err
		}
	}
	return c.ready()
}

// cString returns the text of a body that is one string with a zero byte
// behind it.
func cString(body []byte) (string, error) {
	if len(body) == 0 || body[len(body)-1] != 0 {
		return "", sqlerr.New(sqlerr.ProtocolViolation, -1, "invalid string in message")
	}
	for i, ch := range body[:len(body)-1] {
		if ch == 0 {
			return "", sqlerr.New(sqlerr.ProtocolViolation, -1, "invalid message format").
				WithDetail("The text ends at byte %d of %d.", i, len(body))
		}
	}
	return string(body[:len(body)-1]), nil
}

// sync ends a run of extended messages: the transaction, if it is not in a
// block, commits.
func (c *conn) sync() error {
	skipped := c.skipping
	c.skipping = false
	if !skipped {
		if err := c.statement(c.session.Sync); err != nil {
			if err := c.sendError(err); err != nil {
				return err
			}
		}
	}
	return c.ready()
}

// extendedResult sends the error of an extended message, after which messages
// are skipped until Sync.
func (c *conn) extendedResult(err error) error {
	if err == nil {
		return nil
	}
	c.skipping = true
	return c.sendError(err)
}

// extended answers a message of the extended protocol.
func (c *conn) extended(kind byte, body []byte) error {
	switch kind {
	case 'P':
		return c.parse(body)
	case 'B':
		return c.bind(body)
	case 'D':
		return c.describe(body)
	case 'E':
		return c.execute(body)
	default:
		return c.closeObject(body)
	}
}

// malformed is the error of a message whose fields do not fit its body.
func (c *conn) malformed(name string, err error) error {
	c.session.Abort()
	return sqlerr.New(sqlerr.ProtocolViolation, -1, "invalid %s message: %w", name, err)
}

func (c *conn) parse(body []byte) error {
	var message pgproto3.Parse
	if err := message.Decode(body); err != nil {
		return c.malformed("Parse", err)
	}
	if err := c.session.Parse(message.Name, message.Query, message.ParameterOIDs); err != nil {
		return err
	}
	return c.writer.send(&pgproto3.ParseComplete{})
}

func (c *conn) bind(body []byte) error {
	var message pgproto3.Bind
	if err := message.Decode(body); err != nil {
		return c.malformed("Bind", err)
	}
	err := c.session.Bind(&session.Bind{
		Portal:           message.DestinationPortal,
		Statement:        message.PreparedStatement,
		ParameterFormats: message.ParameterFormatCodes,
		Parameters:       message.Parameters,
		ResultFormats:    message.ResultFormatCodes,
	})
	if err != nil {
		return err
	}
	return c.writer.send(&pgproto3.BindComplete{})
}

func (c *conn) describe(body []byte) error {
	var message pgproto3.Describe
	if err := message.Decode(body); err != nil {
		return c.malformed("Describe", err)
	}
	var columns []session.Column
	var err error
	switch message.ObjectType {
	case 'S':
		var parameters []types.Type
		parameters, columns, err = c.session.DescribeStatement(message.Name)
		if err != nil {
			return err
		}
		description := &pgproto3.ParameterDescription{ParameterOIDs: make([]uint32, len(parameters))}
		for i, t := range parameters {
			description.ParameterOIDs[i] = t.OID()
		}
		if err := c.writer.send(description); err != nil {
			return err
		}
	case 'P':
		if columns, err = c.session.DescribePortal(message.Name); err != nil {
			return err
		}
	default:
		return c.malformed("Describe", fmt.Errorf("subtype %d", message.ObjectType))
	}
	if columns == nil {
		return c.writer.send(&pgproto3.NoData{})
	}
	return c.writer.send(rowDescription(columns))
}

func (c *conn) execute(body []byte) error {
	var message pgproto3.Execute
	if err := message.Decode(body); err != nil {
		return c.malformed("Execute", err)
	}
	// A row limit that is negative as an int32 means none, as zero does.
	limit := max(0, int(int32(message.MaxRows)))
	last := c.reader.syncFollows()
	return c.statement(func(ctx context.Context) error {
		return c.session.Execute(ctx, message.Portal, limit, last)
	})
}

func (c *conn) closeObject(body []byte) error {
	var message pgproto3.Close
	if err := message.Decode(body); err != nil {
		return c.malformed("Close", err)
	}
	switch message.ObjectType {
	case 'S':
		c.session.CloseStatement(message.Name)
	case 'P':
		c.session.ClosePortal(message.Name)
	default:
		return c.malformed("Close", fmt.Errorf("subtype %d", message.ObjectType))
	}
	return c.writer.send(&pgproto3.CloseComplete{})
}
