package wire

import (
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"millrace/sql/sqlerr"
	"millrace/wire/session"
)

// The codes that begin packets which are not a StartupMessage
// (https://www.postgresql.org/docs/15/protocol-message-formats.html).
const (
	codeCancelRequest = 80877102
	codeSSLRequest    = 80877103
	codeGSSENCRequest = 80877104
)

// handshake lets the client say who it is and makes its session. It returns nil
// and no error when the connection was for something else: a cancel request, or
// nothing.
func (c *conn) handshake(full bool) (*session.Identity, error) {
	if err := c.setReadDeadline(time.Now().Add(c.options.StartupTimeout)); err != nil {
		return nil, err
	}
	packet, err := c.startupPacket()
	if err != nil || packet == nil {
		return nil, err
	}
	parameters, unknown, err := parseStartup(packet)
	if err != nil {
		return nil, err
	}
	minor := binary.BigEndian.Uint32(packet) & 0xffff
	if minor > 0 || len(unknown) > 0 {
		// As PostgreSQL sends it, the number has the major version in front: clients
		// take a smaller one for a version before 3.0.
		err := c.writer.send(&pgproto3.NegotiateProtocolVersion{
			NewestMinorProtocol: pgproto3.ProtocolVersion30, UnrecognizedOptions: unknown,
		})
		if err != nil {
			return nil, err
		}
	}
	if c.options.Refuse != nil {
		return nil, c.options.Refuse()
	}
	if full {
		return nil, sqlerr.New(sqlerr.TooManyConnections, -1, "sorry, too many clients already")
	}
	identity, err := c.identify(parameters)
	if err != nil {
		return nil, err
	}
	role, err := c.authenticate(identity)
	if err != nil {
		return nil, err
	}
	if role != nil {
		identity.Role = role.ID
	}
	return identity, c.welcome(identity)
}

// startupPacket returns the packet of a StartupMessage, after the negotiation
// of encryption. It returns nil for a cancel request, which
// it carries out.
func (c *conn) startupPacket() ([]byte, error) {
	for {
		packet, err := c.reader.startupPacket()
		if err != nil {
			return nil, err
		}
		switch code := binary.BigEndian.Uint32(packet); code {
		case codeSSLRequest:
			if err := c.encrypt(); err != nil {
				return nil, err
			}
		case codeGSSENCRequest:
			c.writer.buffer = append(c.writer.buffer, 'N')
			if err := c.writer.flush(); err != nil {
				return nil, err
			}
		case codeCancelRequest:
			c.cancelOther(packet[4:])
			return nil, nil
		default:
			if major := code >> 16; major != 3 {
				return nil, sqlerr.New(sqlerr.FeatureNotSupported, -1,
					"unsupported frontend protocol %d.%d: server supports 3.0 to 3.0", major, code&0xffff)
			}
			return packet, nil
		}
	}
}

// parseStartup returns the parameters of a StartupMessage, and the names of the
// protocol extensions asked for, none of which exist here.
func parseStartup(packet []byte) (parameters map[string]string, unknown []string, err error) {
	parameters = make(map[string]string)
	fields := strings.Split(string(packet[4:]), "\x00")
	// The list of names and values ends with an empty name, and each of them with
	// a zero byte: two empty fields remain.
	if len(fields) < 2 || fields[len(fields)-1] != "" || fields[len(fields)-2] != "" || len(fields)%2 != 0 {
		return nil, nil, sqlerr.New(sqlerr.ProtocolViolation, -1,
			"invalid startup packet layout: expected terminator as last byte")
	}
	for i := 0; i+1 < len(fields)-2; i += 2 {
		name, value := fields[i], fields[i+1]
		if strings.HasPrefix(name, "_pq_.") {
			unknown = append(unknown, name)
			continue
		}
		parameters[name] = value
	}
	return parameters, unknown, nil
}

// identify checks who connects to what.
func (c *conn) identify(parameters map[string]string) (*session.Identity, error) {
	identity := &session.Identity{
		User:     parameters["user"],
		Database: parameters["database"],
		Started:  c.options.Now(),
	}
	if identity.User == "" {
		return nil, sqlerr.New(sqlerr.InvalidAuthorizationSpecification, -1,
			"no PostgreSQL user name specified in startup packet")
	}
	if identity.Database == "" {
		identity.Database = c.options.Databases[0]
	}
	if !slices.Contains(c.options.Databases, identity.Database) {
		return nil, sqlerr.New(sqlerr.InvalidCatalogName, -1, "database %q does not exist", identity.Database).
			WithHint("Connect to the database %q.", c.options.Databases[0])
	}
	switch parameters["replication"] {
	case "", "false", "off", "no", "0":
	default:
		return nil, sqlerr.New(sqlerr.FeatureNotSupported, -1, "replication connections are not supported")
	}
	if address := c.socket.RemoteAddr(); address != nil && address.Network() != "unix" {
		identity.ClientAddress = address.String()
		if host, _, err := net.SplitHostPort(identity.ClientAddress); err == nil {
			identity.ClientAddress = host
		}
	}
	var err error
	identity.Settings, err = startupSettings(parameters)
	return identity, err
}

// startupSettings returns the settings that the startup packet asks for, those
// on the command line of "options" first.
func startupSettings(parameters map[string]string) ([]session.Assignment, error) {
	settings, err := parseOptions(parameters["options"])
	if err != nil {
		return nil, err
	}
	var named []session.Assignment
	for name, value := range parameters {
		switch name {
		case "user", "database", "options", "replication":
		default:
			named = append(named, session.Assignment{Name: name, Value: value})
		}
	}
	slices.SortFunc(named, func(a, b session.Assignment) int { return strings.Compare(a.Name, b.Name) })
	return append(settings, named...), nil
}

// parseOptions reads the parameter "options", a command line in which -c
// name=value and --name=value set settings.
func parseOptions(line string) ([]session.Assignment, error) {
	var settings []session.Assignment
	words := splitOptions(line)
	for i := 0; i < len(words); i++ {
		word := words[i]
		var assignment string
		switch {
		case word == "-c" && i+1 < len(words):
			i++
			assignment = words[i]
		case strings.HasPrefix(word, "-c"):
			assignment = word[2:]
		case strings.HasPrefix(word, "--"):
			assignment = word[2:]
		}
		name, value, ok := strings.Cut(assignment, "=")
		if !ok {
			return nil, sqlerr.New(sqlerr.SyntaxError, -1, "invalid command-line argument for server process: %s", word)
		}
		settings = append(settings, session.Assignment{Name: strings.ReplaceAll(name, "-", "_"), Value: value})
	}
	return settings, nil
}

// splitOptions splits at white space; a backslash takes the next character as
// it is.
func splitOptions(line string) []string {
	var words []string
	var word []byte
	inWord := false
	for i := 0; i < len(line); i++ {
		switch ch := line[i]; {
		case ch == '\\' && i+1 < len(line):
			i++
			word, inWord = append(word, line[i]), true
		case ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r' || ch == '\v' || ch == '\f':
			if inWord {
				words = append(words, string(word))
			}
			word, inWord = word[:0], false
		default:
			word, inWord = append(word, ch), true
		}
	}
	if inWord {
		words = append(words, string(word))
	}
	return words
}

// welcome makes the session and tells the client that it may begin.
func (c *conn) welcome(identity *session.Identity) error {
	c.processID, c.secret = c.server.keys.add(c)
	identity.ProcessID = int32(c.processID)
	var err error
	c.session, err = c.options.NewSession(*identity, client{c})
	if err != nil {
		c.server.keys.remove(c.processID)
		return err
	}
	c.logger = c.logger.With("pid", c.processID)
	messages := []pgproto3.BackendMessage{&pgproto3.AuthenticationOk{}}
	for _, parameter := range c.session.Reported() {
		messages = append(messages, &pgproto3.ParameterStatus{Name: parameter.Name, Value: parameter.Value})
	}
	messages = append(messages, &pgproto3.BackendKeyData{ProcessID: c.processID, SecretKey: c.secret[:]})
	for _, message := range messages {
		if err := c.writer.send(message); err != nil {
			return c.abandon(err)
		}
	}
	if err := c.ready(); err != nil {
		return c.abandon(err)
	}
	return nil
}

// abandon closes a session whose client was not reached.
func (c *conn) abandon(err error) error {
	c.session.Close()
	c.server.keys.remove(c.processID)
	return fmt.Errorf("greeting the client: %w", err)
}
