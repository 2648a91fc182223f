package script

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Server is what a script runs against.
type Server interface {
	// URL is the server's connection string now.
	URL() string
	// Restart stops the server and starts it again.
	Restart() error
	// Advance puts the server's clock forward.
	Advance(time.Duration)
	// Settle waits until all continuous queries have processed what was written, and
	// all push queries have sent what they had to send.
	Settle(context.Context) error
}

// Options say how a script runs.
type Options struct {
	// Before is called before each record; a run with restarts at random places
	// restarts the server there and returns true.
	Before func(*Record) (restarted bool, err error)
	// Rewrite puts what the server answers in the place of what is expected.
	Rewrite bool
	// Patience bounds the wait for a push's rows; 0 means two minutes.
	Patience time.Duration
}

// runner is one run of a script.
type runner struct {
	server  Server
	options Options
	// connections are the open ones by name; connection is the one in use.
	connections map[string]*pgx.Conn
	connection  *pgx.Conn
	pushes      map[string]*push
	// moving says that a statement ran whose consequences may be on their way.
	moving bool
}

// push is a push query at work in a connection of its own.
type push struct {
	cancel context.CancelFunc
	// started is closed when the server has described the rows, which it does when
	// the query is at work; ended when nothing more comes.
	started, ended chan struct{}
	rows           chan string
	err            error // valid once ended is closed
}

// Run runs records one after the other and returns the first difference.
func Run(ctx context.Context, server Server, records []*Record, options Options) error {
	if options.Patience == 0 {
		options.Patience = 10 * time.Second
	}
	r := &runner{server: server, options: options, connections: map[string]*pgx.Conn{}, pushes: map[string]*push{}}
	defer r.close()
	for _, record := range records {
		restarted := false
		if options.Before != nil {
			var err error
			if restarted, err = options.Before(record); err != nil {
				return err
			}
		}
		if restarted {
			r.disconnect(ctx)
		}
		if r.connection == nil {
			if err := r.connect(ctx, ""); err != nil {
				return err
			}
		}
		if err := r.run(ctx, record); err != nil {
			return fmt.Errorf("line %d: %w\n%s", record.Line, err, record.SQL)
		}
	}
	return nil
}

// connect takes a connection into use, and makes it where there is none of the
// name.
func (r *runner) connect(ctx context.Context, name string) (err error) {
	if r.connections[name] == nil {
		if r.connections[name], err = pgx.Connect(ctx, r.server.URL()); err != nil {
			return err
		}
	}
	r.connection = r.connections[name]
	return nil
}

// disconnect closes all connections.
func (r *runner) disconnect(ctx context.Context) {
	for _, connection := range r.connections {
		_ = connection.Close(ctx) // the server may have gone away
	}
	clear(r.connections)
	r.connection = nil
}

func (r *runner) close() {
	for _, p := range r.pushes {
		p.stop()
	}
	r.disconnect(context.Background())
}

// eventually runs a query again until it gives the expected rows, or patience
// ends.
func (r *runner) eventually(ctx context.Context, record *Record) error {
	deadline := time.Now().Add(r.options.Patience)
	for {
		rows, err := rowsOf(ctx, r.connection, record.SQL)
		if err == nil {
			err = r.compare(record, rows)
		}
		if err == nil || time.Now().After(deadline) {
			return describe(err)
		}
	}
}

// settle waits until the consequences of the statements before are there. What a
// push query gives for two changes, or a join for two rows, depends on whether they
// are processed together; a script says what comes when they are not. A query does
// not wait here: that it sees what was written before it is the server's promise.
func (r *runner) settle(ctx context.Context, record *Record) error {
	switch record.Kind {
	case StatementOK, StatementError, CopyOK, CopyError, Clock, Quiet, Push:
	default:
		return nil
	}
	if r.moving {
		r.moving = false
		if err := r.server.Settle(ctx); err != nil {
			return err
		}
	}
	r.moving = record.Kind != Quiet && record.Kind != Push
	return nil
}

func (r *runner) run(ctx context.Context, record *Record) error {
	if err := r.settle(ctx, record); err != nil {
		return err
	}
	switch record.Kind {
	case StatementOK:
		_, err := rowsOf(ctx, r.connection, record.SQL)
		return describe(err)
	case StatementError:
		_, err := rowsOf(ctx, r.connection, record.SQL)
		return record.checkError(err)
	case Clock:
		r.server.Advance(record.Ahead)
		return nil
	case Query:
		if record.Eventually && !r.options.Rewrite {
			return r.eventually(ctx, record)
		}
		rows, err := rowsOf(ctx, r.connection, record.SQL)
		if err != nil {
			return describe(err)
		}
		return r.compare(record, rows)
	case CopyOK:
		return describe(copyIn(ctx, r.connection, record))
	case CopyError:
		return record.checkError(copyIn(ctx, r.connection, record))
	case Connection:
		return r.connect(ctx, record.Name)
	case Push:
		return r.startPush(ctx, record)
	case Expect:
		return r.expect(record)
	case Quiet:
		return r.quiet(record)
	default:
		for name, p := range r.pushes {
			p.stop()
			delete(r.pushes, name)
		}
		if err := r.server.Restart(); err != nil {
			return err
		}
		r.disconnect(ctx)
		return nil
	}
}

// copyIn sends the lines of a COPY … FROM STDIN.
func copyIn(ctx context.Context, connection *pgx.Conn, record *Record) error {
	lines := strings.Join(append(slices.Clone(record.Rows), ""), "\n")
	_, err := connection.PgConn().CopyFrom(ctx, strings.NewReader(lines), record.SQL)
	return err
}

// checkError compares an error with the expected one.
func (record *Record) checkError(err error) error {
	var failure *pgconn.PgError
	switch {
	case err == nil:
		return fmt.Errorf("no error, but %s is expected", record.Code)
	case !errors.As(err, &failure):
		return err
	case record.Code != "" && failure.Code != record.Code:
		return fmt.Errorf("error %s (%s), but %s is expected", failure.Code, failure.Message, record.Code)
	case !strings.Contains(failure.Message, record.Message):
		return fmt.Errorf("error %q, but %q is expected", failure.Message, record.Message)
	}
	return nil
}

// describe adds an error's fields to its text.
func describe(err error) error {
	var failure *pgconn.PgError
	if errors.As(err, &failure) && (failure.Detail != "" || failure.Hint != "") {
		return fmt.Errorf("%w; detail: %s; hint: %s", err, failure.Detail, failure.Hint)
	}
	return err
}

func (r *runner) compare(record *Record, rows []string) error {
	if record.Sorted {
		slices.Sort(rows)
	}
	if r.options.Rewrite {
		record.Rows = rows
		return nil
	}
	want := slices.Clone(record.Rows)
	if record.Sorted {
		slices.Sort(want)
	}
	if !slices.Equal(rows, want) {
		return fmt.Errorf("rows:\n%s\nexpected:\n%s", strings.Join(rows, "\n"), strings.Join(want, "\n"))
	}
	return nil
}

// rowsOf runs statements in the simple protocol and returns their rows.
func rowsOf(ctx context.Context, connection *pgx.Conn, sql string) ([]string, error) {
	results, err := connection.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, err
	}
	var rows []string
	for _, result := range results {
		for _, row := range result.Rows {
			rows = append(rows, rowText(row))
		}
	}
	return rows, nil
}

func rowText(row [][]byte) string {
	values := make([]string, len(row))
	for i, value := range row {
		values[i] = `\N`
		if value != nil {
			values[i] = strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(string(value))
		}
	}
	return strings.Join(values, "\t")
}

// startPush starts a push query and waits until the server works on it.
func (r *runner) startPush(ctx context.Context, record *Record) error {
	connection, err := pgx.Connect(ctx, r.server.URL())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &push{cancel: cancel, started: make(chan struct{}), ended: make(chan struct{}), rows: make(chan string, 1024)}
	r.pushes[record.Name] = p
	go func() {
		defer close(p.ended)
		defer close(p.rows)
		defer connection.Close(context.WithoutCancel(ctx))
		results := connection.PgConn().Exec(ctx, record.SQL)
		for results.NextResult() {
			close(p.started)
			rows := results.ResultReader()
			for rows.NextRow() {
				p.rows <- rowText(rows.Values())
			}
		}
		p.err = results.Close()
	}()
	select {
	case <-p.started:
		return nil
	case <-p.ended:
		return fmt.Errorf("the push ended: %w", p.err)
	case <-time.After(r.options.Patience):
		return errors.New("the push query does not begin")
	}
}

func (p *push) stop() {
	p.cancel()
	for range p.rows { // until the goroutine has ended
	}
}

// expect takes as many rows of a push as are expected.
func (r *runner) expect(record *Record) error {
	p := r.pushes[record.Name]
	if p == nil {
		return fmt.Errorf("there is no push %s", record.Name)
	}
	var rows []string
	deadline := time.After(r.options.Patience)
	for len(rows) < len(record.Rows) {
		select {
		case row, more := <-p.rows:
			if !more {
				return fmt.Errorf("the push ended after %q: %w", rows, p.err)
			}
			rows = append(rows, row)
		case <-deadline:
			return fmt.Errorf("the push gave %q, expected %q", rows, record.Rows)
		}
	}
	return r.compare(record, rows)
}

// quiet checks that a push has given nothing more than what was expected.
func (r *runner) quiet(record *Record) error {
	p := r.pushes[record.Name]
	if p == nil {
		return fmt.Errorf("there is no push %s", record.Name)
	}
	select {
	case row, more := <-p.rows:
		if more {
			return fmt.Errorf("the push gave %q", row)
		}
		return fmt.Errorf("the push ended: %w", p.err)
	default:
		return nil
	}
}
