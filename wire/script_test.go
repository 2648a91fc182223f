package wire_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// A script is a list of exchanges: lines with > are messages to send, lines
// with < the messages that answer them, up to as many ReadyForQuery as the
// messages ask for. A name before the sign is that of another connection; what it
// receives without having asked, such as a notification, is an exchange with < alone.
// Scripts hold on PostgreSQL 15 too, unless their name begins with "millrace".
type exchange struct {
	connection   string
	send, expect []string
	line         int
}

// scriptLine is a line of an exchange: the connection's name, the direction, and the
// message.
var scriptLine = regexp.MustCompile(`^(\w*)([<>]) (.*)$`)

func readScript(t *testing.T, path string) (exchanges []exchange) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var current exchange
	flush := func() {
		if len(current.send) > 0 || len(current.expect) > 0 {
			exchanges = append(exchanges, current)
		}
		current = exchange{}
	}
	for i, line := range strings.Split(string(data), "\n") {
		words := scriptLine.FindStringSubmatch(line)
		if words == nil {
			if strings.TrimSpace(line) == "" {
				flush()
			}
			continue
		}
		if words[1] != current.connection || words[2] == ">" && len(current.expect) > 0 {
			flush()
		}
		if current.line == 0 {
			current.line, current.connection = i+1, words[1]
		}
		if words[2] == ">" {
			current.send = append(current.send, words[3])
		} else {
			current.expect = append(current.expect, words[3])
		}
	}
	flush()
	return exchanges
}

// scriptClients are the connections of a script by name.
type scriptClients struct {
	t                testing.TB
	network, address string
	byName           map[string]*rawClient
}

// run has one of the connections send what an exchange says, and returns what comes:
// without anything to send, as many messages as are expected.
func (s *scriptClients) run(e *exchange) []string {
	s.t.Helper()
	c := s.byName[e.connection]
	if c == nil {
		c = startRaw(s.t, s.network, s.address, nil)
		c.nameOf = s.nameOf
		s.byName[e.connection] = c
	}
	if len(e.send) > 0 {
		return c.exchange(e.send...)
	}
	var got []string
	for range e.expect {
		got = append(got, c.receive())
	}
	return got
}

// nameOf is the name of the connection with a process ID.
func (s *scriptClients) nameOf(process uint32) string {
	for name, c := range s.byName {
		if c.key.ProcessID == process {
			return "connection " + strconv.Quote(name)
		}
	}
	return "nobody"
}

// rawClient is a client that sends and prints messages one by one.
type rawClient struct {
	t        testing.TB
	conn     net.Conn
	frontend *pgproto3.Frontend
	// key is what the server told for cancel requests.
	key *pgproto3.BackendKeyData
	// nameOf names the client with a process ID, nil where that is not printed.
	nameOf func(process uint32) string
}

// startRaw connects as far as the first ReadyForQuery.
func startRaw(t testing.TB, network, address string, parameters map[string]string) *rawClient {
	t.Helper()
	c := dialRaw(t, network, address)
	all := map[string]string{"user": "millrace", "database": "millrace"}
	for name, value := range parameters {
		all[name] = value
	}
	c.frontend.Send(&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersion30, Parameters: all})
	if err := c.frontend.Flush(); err != nil {
		t.Fatal(err)
	}
	c.receiveReady(1)
	return c
}

func dialRaw(t testing.TB, network, address string) *rawClient {
	t.Helper()
	conn, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &rawClient{t: t, conn: conn, frontend: pgproto3.NewFrontend(conn, conn)}
}

// receiveReady prints messages until n ReadyForQuery have come.
func (c *rawClient) receiveReady(n int) []string {
	c.t.Helper()
	var lines []string
	for n > 0 {
		message, err := c.frontend.Receive()
		if err != nil {
			c.t.Fatalf("after %q: %v", lines, err)
		}
		switch m := message.(type) {
		case *pgproto3.ReadyForQuery:
			n--
		case *pgproto3.BackendKeyData:
			c.key = &pgproto3.BackendKeyData{ProcessID: m.ProcessID, SecretKey: bytes.Clone(m.SecretKey)}
		}
		lines = append(lines, c.print(message))
	}
	return lines
}

// print prints a message as scripts have it.
func (c *rawClient) print(message pgproto3.BackendMessage) string {
	if n, ok := message.(*pgproto3.NotificationResponse); ok && c.nameOf != nil {
		return fmt.Sprintf("%s from %s", printMessage(n), c.nameOf(n.PID))
	}
	return printMessage(message)
}

// receive prints the next message.
func (c *rawClient) receive() string {
	c.t.Helper()
	message, err := c.frontend.Receive()
	if err != nil {
		return "error: " + err.Error()
	}
	return c.print(message)
}

// send sends messages written as in scripts, and returns how many ReadyForQuery
// will answer them.
func (c *rawClient) send(lines ...string) int {
	c.t.Helper()
	ready := 0
	for _, line := range lines {
		message, err := parseMessage(line)
		if err != nil {
			c.t.Fatalf("%s: %v", line, err)
		}
		switch message.(type) {
		case *pgproto3.Query, *pgproto3.Sync:
			ready++
		}
		c.frontend.Send(message)
	}
	if err := c.frontend.Flush(); err != nil {
		c.t.Fatal(err)
	}
	return ready
}

// exchange sends messages and returns the answer.
func (c *rawClient) exchange(lines ...string) []string {
	c.t.Helper()
	return c.receiveReady(c.send(lines...))
}

// parseMessage reads a message as scripts have it.
func parseMessage(line string) (pgproto3.FrontendMessage, error) {
	words, err := splitWords(line)
	if err != nil {
		return nil, err
	}
	arg := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	switch words[0] {
	case "Query":
		return &pgproto3.Query{String: arg(1)}, nil
	case "Parse":
		m := &pgproto3.Parse{Name: arg(1), Query: arg(2)}
		for _, word := range words[3:] {
			oid, err := strconv.Atoi(word)
			if err != nil {
				return nil, err
			}
			m.ParameterOIDs = append(m.ParameterOIDs, uint32(oid))
		}
		return m, nil
	case "Bind", "BindBinary":
		m := &pgproto3.Bind{DestinationPortal: arg(1), PreparedStatement: arg(2)}
		if words[0] == "BindBinary" {
			m.ResultFormatCodes = []int16{1}
		}
		for _, word := range words[3:] {
			if word == "NULL" {
				m.Parameters = append(m.Parameters, nil)
				continue
			}
			m.Parameters = append(m.Parameters, []byte(word))
		}
		return m, nil
	case "Describe":
		return &pgproto3.Describe{ObjectType: arg(1)[0], Name: arg(2)}, nil
	case "Execute":
		n, _ := strconv.Atoi(arg(2))
		return &pgproto3.Execute{Portal: arg(1), MaxRows: uint32(n)}, nil
	case "Close":
		return &pgproto3.Close{ObjectType: arg(1)[0], Name: arg(2)}, nil
	case "Sync":
		return &pgproto3.Sync{}, nil
	case "Flush":
		return &pgproto3.Flush{}, nil
	case "CopyData":
		return &pgproto3.CopyData{Data: []byte(arg(1))}, nil
	case "CopyDone":
		return &pgproto3.CopyDone{}, nil
	case "CopyFail":
		return &pgproto3.CopyFail{Message: arg(1)}, nil
	case "Terminate":
		return &pgproto3.Terminate{}, nil
	default:
		return nil, fmt.Errorf("unknown message %q", words[0])
	}
}

// splitWords splits at spaces; words in Go's quotes are unquoted.
func splitWords(line string) ([]string, error) {
	var words []string
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		if line[0] != '"' {
			word, rest, _ := strings.Cut(line, " ")
			words, line = append(words, word), rest
			continue
		}
		quoted, err := strconv.QuotedPrefix(line)
		if err != nil {
			return nil, err
		}
		word, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, err
		}
		words, line = append(words, word), line[len(quoted):]
	}
	return words, nil
}

// printMessage prints a message as scripts have it.
func printMessage(message pgproto3.BackendMessage) string {
	switch m := message.(type) {
	case *pgproto3.RowDescription:
		var b strings.Builder
		b.WriteString("RowDescription")
		for _, f := range m.Fields {
			fmt.Fprintf(&b, " %s:%d", f.Name, f.DataTypeOID)
			if f.TypeModifier != -1 {
				fmt.Fprintf(&b, ":mod=%d", f.TypeModifier)
			}
			if f.TableOID != 0 {
				fmt.Fprintf(&b, ":column=%d", f.TableAttributeNumber)
			}
			if f.Format != 0 {
				b.WriteString(":binary")
			}
		}
		return b.String()
	case *pgproto3.DataRow:
		var b strings.Builder
		b.WriteString("DataRow")
		for _, v := range m.Values {
			if v == nil {
				b.WriteString(" NULL")
				continue
			}
			b.WriteString(" " + strconv.Quote(string(v)))
		}
		return b.String()
	case *pgproto3.CommandComplete:
		return "CommandComplete " + strconv.Quote(string(m.CommandTag))
	case *pgproto3.ReadyForQuery:
		return "ReadyForQuery " + string(m.TxStatus)
	case *pgproto3.ErrorResponse:
		return "ErrorResponse" + printFields(m)
	case *pgproto3.NoticeResponse:
		return "NoticeResponse" + printFields((*pgproto3.ErrorResponse)(m))
	case *pgproto3.ParameterStatus:
		return fmt.Sprintf("ParameterStatus %s=%q", m.Name, m.Value)
	case *pgproto3.ParameterDescription:
		return fmt.Sprintf("ParameterDescription %v", m.ParameterOIDs)
	case *pgproto3.NotificationResponse:
		return fmt.Sprintf("NotificationResponse %q %q", m.Channel, m.Payload)
	case *pgproto3.CopyInResponse:
		return fmt.Sprintf("CopyInResponse %d %v", m.OverallFormat, m.ColumnFormatCodes)
	case *pgproto3.CopyOutResponse:
		return fmt.Sprintf("CopyOutResponse %d %v", m.OverallFormat, m.ColumnFormatCodes)
	case *pgproto3.CopyData:
		return "CopyData " + strconv.Quote(string(m.Data))
	default:
		return strings.TrimPrefix(fmt.Sprintf("%T", m), "*pgproto3.")
	}
}

func printFields(m *pgproto3.ErrorResponse) string {
	s := fmt.Sprintf(" %s %s %q", m.Severity, m.Code, m.Message)
	if m.Position != 0 {
		s += fmt.Sprintf(" position=%d", m.Position)
	}
	if m.Where != "" {
		s += fmt.Sprintf(" where=%q", m.Where)
	}
	return s
}

// runScripts runs the scripts that match a pattern on one server, each over
// connections of its own, and compares the answers.
func runScripts(t *testing.T, pattern, network, address string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "protocol", pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts match %s: %v", pattern, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			clients := &scriptClients{t: t, network: network, address: address, byName: map[string]*rawClient{}}
			for _, e := range readScript(t, path) {
				got := clients.run(&e)
				if !slices.Equal(e.expect, got) {
					t.Errorf("%s:%d:\n got  %s\n want %s", path, e.line,
						strings.Join(got, "\n      "), strings.Join(e.expect, "\n      "))
				}
			}
		})
	}
}
