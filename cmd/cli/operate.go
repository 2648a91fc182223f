package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"millrace/cmd/shell"
)

// Commands for operators speak SQL to any node of the cluster, as every client does.

// listCommand prints what a SHOW statement gives.
func listCommand(in *os.File, out, errOut io.Writer, what, statement string) *cobra.Command {
	var options shell.Options
	var extended, json bool
	command := &cobra.Command{
		Use:   "ls",
		Short: "List the " + what,
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if extended {
				statement += " EXTENDED"
			}
			options.In, options.Out, options.ErrOut = in, out, errOut
			options.Actions = []shell.Action{{Text: statement}}
			if json {
				options.Format = shell.JSON
			}
			if code := shell.Run(command.Context(), options); code != shell.ExitSuccess {
				return ExitError(code)
			}
			return nil
		},
	}
	declareConnection(command, &options.Connection)
	command.Flags().BoolVar(&extended, "extended", false, "print all that there is to tell")
	command.Flags().BoolVar(&json, "json", false, "print JSON, one object per line")
	return command
}

// target is the node that a command speaks to.
type target struct{ connection shell.Connection }

func (t *target) declare(command *cobra.Command) { declareConnection(command, &t.connection) }

// operation is a command at work.
type operation struct {
	ctx        context.Context
	target     *target
	in         *os.File
	connection *pgconn.PgConn
}

// operate runs a command over a connection.
func (t *target) operate(ctx context.Context, in *os.File, run func(*operation) error) error {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	o := &operation{ctx: ctx, target: t, in: in}
	if err := o.connect(); err != nil {
		return err
	}
	defer o.close()
	return run(o)
}

func (o *operation) connect() error {
	ask := shell.AskPassword
	if !isatty.IsTerminal(o.in.Fd()) {
		ask = nil
	}
	var err error
	o.connection, _, err = o.target.connection.Open(o.ctx, "millrace", ask)
	return err
}

func (o *operation) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = o.connection.Close(ctx) // what there was to do is done
}

// exec runs a statement without a result.
func (o *operation) exec(statement string) error {
	_, err := o.connection.Exec(o.ctx, statement).ReadAll()
	return told(err)
}

// told gives an error of the server in one line, with its hint.
func told(err error) error {
	failure, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case !ok:
		return err
	case failure.Hint != "":
		return fmt.Errorf("%s (%s)\nHINT:  %s", failure.Message, failure.Code, failure.Hint)
	default:
		return fmt.Errorf("%s (%s)", failure.Message, failure.Code)
	}
}
