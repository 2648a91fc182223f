package shell

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/peterh/liner"
)

// Connection says where to connect to. What is left empty is taken from libpq's
// environment variables (PGHOST, PGPORT, PGUSER, PGDATABASE, PGPASSWORD, PGSSLMODE and
// so on) and its password file, and else is a node's default on this machine.
type Connection struct {
	// Target is a URL, a string of keywords and values, or the name of a database.
	Target                     string
	Host, Port, User, Database string
	// AskPassword asks before the first try, NeverAsk never does.
	AskPassword, NeverAsk bool
}

// settings are keywords of a connection string with the variable that sets each, and
// the value if nothing does.
var settings = [...]struct{ keyword, variable, value string }{
	{"host", "PGHOST", "127.0.0.1"},
	{"port", "PGPORT", "7432"},
	{"user", "PGUSER", "millrace"},
	{"dbname", "PGDATABASE", "millrace"},
}

const connectTimeout = 10 * time.Second

// parse returns the configuration of the connection.
func (c Connection) parse() (*pgconn.Config, error) {
	if c.Target == "" && strings.ContainsAny(c.Database, "=:") {
		c.Target, c.Database = c.Database, "" // -d takes a connection string, too
	}
	given := map[string]string{"host": c.Host, "port": c.Port, "user": c.User, "dbname": c.Database}
	if strings.HasPrefix(c.Target, "postgres://") || strings.HasPrefix(c.Target, "postgresql://") {
		return parseURL(c.Target, given)
	}
	target := c.Target
	if target != "" && !strings.Contains(target, "=") {
		target = "dbname=" + quoteSetting(target)
	}
	text := ""
	for _, setting := range settings {
		if os.Getenv(setting.variable) == "" && os.Getenv("PGSERVICE") == "" {
			text += setting.keyword + "=" + setting.value + " "
		}
	}
	text += target
	for _, setting := range settings {
		if given[setting.keyword] != "" {
			text += " " + setting.keyword + "=" + quoteSetting(given[setting.keyword])
		}
	}
	return pgconn.ParseConfig(text)
}

// parseURL puts defaults below and what is given above the settings of a URL.
func parseURL(target string, given map[string]string) (*pgconn.Config, error) {
	u, err := url.Parse(target)
	if err != nil {
		return pgconn.ParseConfig(target) // whose error hides passwords
	}
	query := u.Query()
	has := map[string]bool{"host": u.Host != "", "port": u.Port() != "", "user": u.User != nil, "dbname": strings.Trim(u.Path, "/") != ""}
	for _, setting := range settings {
		switch keyword := setting.keyword; {
		case given[keyword] != "":
			query.Set(keyword, given[keyword])
		case !has[keyword] && !query.Has(keyword) && os.Getenv(setting.variable) == "" && !query.Has("service"):
			query.Set(keyword, setting.value)
		}
	}
	u.RawQuery = query.Encode()
	return pgconn.ParseConfig(u.String())
}

// quoteSetting writes a value of a connection string.
func quoteSetting(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
}

// Open connects under the name of an application. ask returns a user's password where the
// server wants one that is not known; nil where nobody can be asked.
func (c Connection) Open(ctx context.Context, application string, ask func(user string) (string, error)) (*pgconn.PgConn, *pgconn.Config, error) {
	config, err := c.parse()
	if err != nil {
		return nil, nil, err
	}
	if _, set := config.RuntimeParams["application_name"]; !set {
		config.RuntimeParams["application_name"] = application
	}
	mayAsk := ask != nil && !c.NeverAsk
	if c.AskPassword && mayAsk {
		if config.Password, err = ask(config.User); err != nil {
			return nil, nil, err
		}
	}
	connection, err := dial(ctx, config)
	if wantsPassword(err) && config.Password == "" && mayAsk {
		if config.Password, err = ask(config.User); err != nil {
			return nil, nil, err
		}
		connection, err = dial(ctx, config)
	}
	return connection, config, err
}

func dial(ctx context.Context, config *pgconn.Config) (*pgconn.PgConn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	return pgconn.ConnectConfig(ctx, config)
}

// open connects the shell.
func (s *Shell) open(c Connection, mayAsk bool) error {
	ask := s.askPassword
	if !mayAsk {
		ask = nil
	}
	connection, config, err := c.Open(s.ctx, "millrace sql", ask)
	if err == nil {
		s.connection, s.config = connection, config
	}
	return err
}

func wantsPassword(err error) bool {
	failure, ok := errors.AsType[*pgconn.PgError](err)
	return ok && failure.Code == "28P01"
}

// askPassword reads a password from the terminal without showing it.
func (s *Shell) askPassword(user string) (string, error) {
	if s.editor != nil {
		return s.editor.state.PasswordPrompt(passwordQuestion(user))
	}
	return AskPassword(user)
}

// AskPassword reads a user's password from the terminal without showing it.
func AskPassword(user string) (string, error) {
	state := liner.NewLiner()
	defer func() { _ = state.Close() }()
	state.SetCtrlCAborts(true)
	return state.PasswordPrompt(passwordQuestion(user))
}

func passwordQuestion(user string) string { return fmt.Sprintf("Password for user %s: ", user) }

// connectionError is what to tell about a connection that could not be made.
func connectionError(err error) string {
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok {
		return fmt.Sprintf("connection failed: %s:  %s", failure.Severity, failure.Message)
	}
	return err.Error()
}

// cause is the innermost error's text, without the operation and path that the caller
// names, as the C library writes it.
func cause(err error) string {
	if path, ok := errors.AsType[*os.PathError](err); ok {
		text := path.Err.Error()
		return strings.ToUpper(text[:1]) + text[1:]
	}
	return err.Error()
}

// connect is \c [database [user [host [port]]]]; "-" keeps what there is.
func (s *Shell) connect(arguments []string) bool {
	c := Connection{Host: s.config.Host, Port: fmt.Sprint(s.config.Port), User: s.config.User, Database: s.config.Database}
	if len(arguments) > 0 && strings.ContainsAny(arguments[0], "=:") {
		c = Connection{Target: arguments[0]}
		arguments = arguments[1:]
	}
	for i, field := range []*string{&c.Database, &c.User, &c.Host, &c.Port} {
		if i < len(arguments) && arguments[i] != "-" {
			*field = arguments[i]
		}
	}
	before, config := s.connection, s.config
	if err := s.reopen(c, config); err != nil {
		s.complain(`\connect: %s`, connectionError(err))
		if s.editor != nil {
			s.complain("Previous connection kept")
		}
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = before.Close(ctx)
	if !s.quiet {
		fmt.Fprintf(s.out, "You are now connected to database \"%s\" as user \"%s\".\n", s.config.Database, s.config.User)
	}
	return true
}

// reopen connects with the password and TLS settings of the connection before where
// the server and the user are the same.
func (s *Shell) reopen(c Connection, before *pgconn.Config) error {
	if c.Target == "" && c.Host == before.Host && c.User == before.User && c.Port == fmt.Sprint(before.Port) {
		config := before.Copy()
		config.Database = c.Database
		connection, err := dial(s.ctx, config)
		if err == nil {
			s.connection, s.config = connection, config
		}
		return err
	}
	return s.open(c, s.editor != nil)
}
