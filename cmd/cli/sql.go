package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"millrace/cmd/shell"
)

// ExitError ends the program with a code; what there is to say has been said.
type ExitError int

// Error returns the code as a text.
func (e ExitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// sqlFlags are the flags of millrace sql.
type sqlFlags struct {
	options              shell.Options
	actions              []shell.Action
	variables            []string
	unaligned, csv, json bool
}

// actionFlag gathers -c and -f in the order in which they are given.
type actionFlag struct {
	to   *[]shell.Action
	file bool
}

func (f actionFlag) String() string { return "" }

func (f actionFlag) Type() string {
	if f.file {
		return "file"
	}
	return "statement"
}

func (f actionFlag) Set(text string) error {
	*f.to = append(*f.to, shell.Action{Text: text, File: f.file})
	return nil
}

func sqlCommand(in *os.File, out, errOut io.Writer) *cobra.Command {
	var flags sqlFlags
	command := &cobra.Command{
		Use:   "sql [URL | database]",
		Short: "Open an SQL shell, or run statements",
		Long: `Open an SQL shell in the manner of psql. Statements end with a semicolon and may
have several lines; \? lists the shell's own commands, Tab completes, Ctrl-C ends
the running statement. The rows of a query that does not end (EMIT CHANGES) are
printed as they come.

With -c or -f, or when the input is no terminal, it runs statements and ends:
with 0; 1 when a statement of -c failed, 2 when there was no connection, 3 when a
script failed with ON_ERROR_STOP set.

What the flags and the URL leave out is taken from PGHOST, PGPORT, PGUSER,
PGDATABASE, PGPASSWORD, PGSSLMODE and so on, and from ~/.pgpass.`,
		Example: `  millrace sql
  millrace sql postgres://ann@db.example.com:7432/millrace?sslmode=verify-full
  millrace sql -c "SELECT * FROM delays EMIT CHANGES" --json
  millrace sql -v ON_ERROR_STOP=1 -f schema.sql`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, arguments []string) error {
			flags.options.In, flags.options.Out, flags.options.ErrOut = in, out, errOut
			if len(arguments) == 1 {
				flags.options.Connection.Target = arguments[0]
			}
			if err := flags.finish(); err != nil {
				return err
			}
			if code := shell.Run(command.Context(), flags.options); code != shell.ExitSuccess {
				return ExitError(code)
			}
			return nil
		},
	}
	flags.declare(command)
	return command
}

// declareConnection declares the flags that say where to connect, with psql's names.
func declareConnection(command *cobra.Command, c *shell.Connection) {
	f := command.Flags()
	f.Bool("help", false, "help for "+command.Name()) // -h is the host, as in psql
	f.StringVarP(&c.Host, "host", "h", "", "host of the server, or folder of its socket (default PGHOST, or 127.0.0.1)")
	f.StringVarP(&c.Port, "port", "p", "", "port of the server (default PGPORT, or 7432)")
	f.StringVarP(&c.User, "username", "U", "", "role to connect as (default PGUSER, or millrace)")
	f.StringVarP(&c.Database, "dbname", "d", "", "database, or URL (default PGDATABASE, or millrace)")
	f.BoolVarP(&c.AskPassword, "password", "W", false, "ask for the password before connecting")
	f.BoolVarP(&c.NeverAsk, "no-password", "w", false, "never ask for a password")
}

func (flags *sqlFlags) declare(command *cobra.Command) {
	f := command.Flags()
	declareConnection(command, &flags.options.Connection)
	f.VarP(actionFlag{to: &flags.actions}, "command", "c", "run statements, or one command of the shell, and end (several in order, also with -f)")
	f.VarP(actionFlag{to: &flags.actions, file: true}, "file", "f", "run a file and end; - is the standard input")
	f.StringArrayVarP(&flags.variables, "set", "v", nil, "set a variable of the shell, as NAME=VALUE")
	f.BoolVarP(&flags.unaligned, "no-align", "A", false, "print rows without alignment")
	f.BoolVar(&flags.csv, "csv", false, "print rows as CSV")
	f.BoolVar(&flags.json, "json", false, "print rows as JSON, one object per line")
	f.BoolVarP(&flags.options.TuplesOnly, "tuples-only", "t", false, "print rows alone, without headers and counts")
	f.BoolVarP(&flags.options.Expanded, "expanded", "x", false, "print a line per column")
	f.BoolVarP(&flags.options.Quiet, "quiet", "q", false, "print neither a greeting nor the tags of commands")
	f.BoolP("no-psqlrc", "X", false, "accepted for psql's sake: no start-up file is read")
}

// finish turns flags into options.
func (flags *sqlFlags) finish() error {
	flags.options.Actions = flags.actions
	flags.options.Variables = map[string]string{}
	for _, text := range flags.variables {
		name, value, found := strings.Cut(text, "=")
		if name == "" {
			return fmt.Errorf("--set %q: use NAME=VALUE", text)
		}
		if !found {
			value = "on"
		}
		flags.options.Variables[name] = value
	}
	switch {
	case flags.csv && flags.json, flags.csv && flags.unaligned, flags.json && flags.unaligned:
		return fmt.Errorf("only one of --no-align, --csv and --json can be given")
	case flags.csv:
		flags.options.Format = shell.CSV
	case flags.json:
		flags.options.Format = shell.JSON
	case flags.unaligned:
		flags.options.Format = shell.Unaligned
	}
	flags.options.History = historyFile()
	return nil
}

// historyFile is where typed lines are kept: MILLRACE_HISTORY, or a file in the home
// folder.
func historyFile() string {
	if name, set := os.LookupEnv("MILLRACE_HISTORY"); set {
		return name
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".millrace_history")
}
