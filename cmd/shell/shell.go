// Package shell is an interactive SQL shell in the manner of psql, for machines that
// have none: statements, psql's commands for what is used most, and queries that do not
// end printed as their rows come.
//
// Invariants:
//   - One goroutine reads input, sends statements and prints. While a statement runs, a
//     second one receives its messages, and hands them over in order.
//   - The terminal raises SIGINT only while no line is edited. Then it asks the server
//     to cancel the statement; the shell goes on with the server's answer.
//   - What goes to Out is written before anything that belongs behind it goes to ErrOut.
package shell

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"millrace/sql"
)

// Exit codes, which are psql's.
const (
	ExitSuccess = 0
	// ExitFailure: the shell could not go on, or a statement given by -c failed.
	ExitFailure = 1
	// ExitConnection: the connection broke, or there was none.
	ExitConnection = 2
	// ExitScript: a statement of a script failed, and ON_ERROR_STOP was set.
	ExitScript = 3
)

// Action is a text to run, or the name of a file with statements ("-" is the input).
type Action struct {
	Text string
	File bool
}

// Options says what the shell connects to, runs and prints.
type Options struct {
	Connection Connection
	// Actions are run in order, and then the shell ends. Without any, it reads In.
	Actions []Action
	// Variables are set before (\set).
	Variables map[string]string
	Format    Format
	// TuplesOnly leaves out headers and footers, Expanded prints a column per line, and
	// Quiet no tags of commands and no greeting.
	TuplesOnly, Expanded, Quiet bool
	// History is the file of typed lines, or "" for none.
	History string
	In      *os.File
	Out     io.Writer
	ErrOut  io.Writer
}

// Shell is a connection with what its user has set.
type Shell struct {
	ctx        context.Context
	connection *pgconn.PgConn
	config     *pgconn.Config
	// out buffers what goes to shown.
	out        *bufio.Writer
	shown      io.Writer
	errOut     io.Writer
	in         *os.File
	interrupts chan os.Signal
	// interrupted says that a SIGINT came since a command that goes on until one began.
	interrupted bool

	look      look
	variables map[string]string
	timing    bool
	// pager is on, off or always.
	pager string
	quiet bool
	// styled says that Out is a terminal that shows colours.
	styled bool
	// editor reads the terminal; nil if the input is none.
	editor *editor
	// source is what statements are read from, innermost file last.
	source []*source
	// buffer is the statement so far, which grows line by line without being copied;
	// last is the one that was run last.
	buffer  *strings.Builder
	scanner sql.StatementScanner
	last    string
	// conditionals are the open ones of the innermost file, innermost last.
	conditionals []conditional
	// redirected is where results go in place of out; nil for there.
	redirected *output
	// ended says that \q was given.
	ended bool
}

// Run connects, runs what the options say, and returns the exit code.
func Run(ctx context.Context, options Options) int {
	s := &Shell{
		ctx: ctx, out: bufio.NewWriterSize(options.Out, 64<<10), shown: options.Out, errOut: options.ErrOut, in: options.In,
		look:       look{format: options.Format, tuplesOnly: options.TuplesOnly, expanded: options.Expanded, separator: "|"},
		variables:  map[string]string{},
		quiet:      options.Quiet,
		pager:      "on",
		interrupts: make(chan os.Signal, 1),
		buffer:     &strings.Builder{},
	}
	for name, value := range options.Variables {
		s.variables[name] = value
	}
	interactive := len(options.Actions) == 0 && isTerminal(options.In)
	s.styled = interactive && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if err := s.open(options.Connection, isTerminal(options.In)); err != nil {
		fmt.Fprintln(s.errOut, "millrace: error:", connectionError(err))
		return ExitConnection
	}
	defer s.close()
	signal.Notify(s.interrupts, os.Interrupt)
	defer signal.Stop(s.interrupts)
	defer func() {
		s.redirect("")
		_ = s.out.Flush()
	}()

	switch {
	case interactive:
		return s.interact(options.History)
	case len(options.Actions) == 0:
		return s.runSource(&source{reader: bufio.NewReader(s.in)})
	}
	for _, action := range options.Actions {
		if code := s.act(action); code != ExitSuccess && (code == ExitConnection || s.stopsOnError() || len(options.Actions) == 1) {
			return code
		} else if s.ended {
			break
		}
	}
	return ExitSuccess
}

// act runs what -c or -f gave.
func (s *Shell) act(action Action) int {
	switch {
	case action.File && action.Text == "-":
		return s.runSource(&source{name: "<stdin>", reader: bufio.NewReader(s.in)})
	case action.File:
		return s.include(action.Text)
	case strings.HasPrefix(action.Text, `\`):
		if !s.runCommandLine(action.Text[1:]) {
			return ExitFailure
		}
		return ExitSuccess
	}
	return s.exitOf(s.run(s.interpolate(action.Text)), ExitFailure)
}

// include runs a file.
func (s *Shell) include(name string) int {
	file, err := os.Open(name)
	if err != nil {
		s.complain("millrace: error: %s: %s", name, cause(err))
		return ExitFailure
	}
	defer func() { _ = file.Close() }()
	return s.runSource(&source{name: name, reader: bufio.NewReader(file)})
}

func (s *Shell) exitOf(ok bool, failure int) int {
	switch {
	case s.connection == nil || s.connection.IsClosed():
		return ExitConnection
	case !ok:
		return failure
	}
	return ExitSuccess
}

func (s *Shell) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.connection != nil {
		_ = s.connection.Close(ctx)
	}
}

// stopsOnError says whether a script ends at its first error.
func (s *Shell) stopsOnError() bool { return s.isOn("ON_ERROR_STOP") }

// isOn reads a variable as a boolean.
func (s *Shell) isOn(variable string) bool {
	switch strings.ToLower(s.variables[variable]) {
	case "", "off", "0", "false", "no":
		return false
	}
	return true
}

// complain prints a message of the shell itself, with the place in the script.
func (s *Shell) complain(format string, arguments ...any) {
	_ = s.out.Flush()
	prefix := s.place()
	if prefix != "" {
		prefix += "error: "
	}
	fmt.Fprintf(s.errOut, "%s%s\n", prefix, fmt.Sprintf(format, arguments...))
}

// place is the file and line that a message of a script begins with.
func (s *Shell) place() string {
	if len(s.source) == 0 || s.source[len(s.source)-1].name == "" {
		return ""
	}
	from := s.source[len(s.source)-1]
	return fmt.Sprintf("millrace:%s:%d: ", from.name, from.line)
}
