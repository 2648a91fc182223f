package testsql

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"millrace/testsql/harness"
)

// TestSignals ends statements and connections of others by function, as the roles that
// may do so and those that may not.
func TestSignals(t *testing.T) {
	s := startSecured(t, "all=scram-sha-256")
	root := s.connect(t)
	for _, statement := range []string{
		`CREATE STREAM events (n int)`,
		`CREATE USER ann PASSWORD 'x'`, `CREATE USER bob PASSWORD 'x'`,
		`CREATE USER watch PASSWORD 'x' IN ROLE pg_signal_backend`, `GRANT SELECT ON events TO ann`,
	} {
		harness.Exec(t, root, statement)
	}
	bob := harness.Connect(t, s.url("bob", "x", ""))
	watch := harness.Connect(t, s.url("watch", "x", ""))
	ann := harness.Connect(t, s.url("ann", "x", ""))
	for _, test := range []struct {
		by       *pgx.Conn
		of       *pgx.Conn
		function string
		message  string
	}{
		{bob, ann, "pg_cancel_backend", "must be a member of the role whose query is being canceled or member of pg_signal_backend"},
		{bob, ann, "pg_terminate_backend", "must be a member of the role whose process is being terminated or member of pg_signal_backend"},
		{watch, root, "pg_cancel_backend", "must be a superuser to cancel superuser query"},
		{watch, root, "pg_terminate_backend", "must be a superuser to terminate superuser process"},
	} {
		_, err := test.by.Exec(t.Context(), "SELECT "+test.function+"($1)", int32(test.of.PgConn().PID()))
		if failure, ok := errors.AsType[*pgconn.PgError](err); !ok || failure.Code != "42501" || failure.Message != test.message {
			t.Errorf("%s: %v, want %s", test.function, err, test.message)
		}
	}
	for _, statement := range []string{`SELECT pg_sleep(60)`, `SELECT * FROM events EMIT CHANGES`} {
		for _, by := range []*pgx.Conn{root, watch} {
			ended := runs(t, root, ann, statement)
			signal(t, by, ann, "pg_cancel_backend", true)
			if state := code(<-ended); state != "57014" {
				t.Errorf("%s, cancelled: SQLSTATE %q", statement, state)
			}
		}
	}
	harness.Exec(t, ann, `SELECT 1`)
	ended := runs(t, root, ann, `SELECT pg_sleep(60)`)
	signal(t, watch, ann, "pg_terminate_backend", true)
	if state := code(<-ended); state != "57P01" {
		t.Errorf("terminated: SQLSTATE %q", state)
	}
	signal(t, root, bob, "pg_terminate_backend", true)
	if _, err := bob.Exec(t.Context(), `SELECT 1`); err == nil {
		t.Error("an idle connection outlived pg_terminate_backend")
	}
	harness.Eventually(t, time.Minute, func() error {
		var left int
		if err := root.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE usename IN ('ann', 'bob')`).Scan(&left); err != nil {
			return err
		}
		if left > 0 {
			return errors.New("the sessions are still there")
		}
		return nil
	})
	signal(t, root, ann, "pg_cancel_backend", false)
	signal(t, root, ann, "pg_terminate_backend", false)
	if rows := harness.Rows(t, root, `SELECT pg_cancel_backend(NULL)`); rows[0] != `\N` {
		t.Errorf("of no process: %v", rows)
	}
}

// runs starts a statement and returns when others see it run.
func runs(t *testing.T, observer, c *pgx.Conn, statement string) <-chan error {
	t.Helper()
	ended := make(chan error, 1)
	go func() {
		_, err := c.PgConn().Exec(context.Background(), statement).ReadAll()
		ended <- err
	}()
	harness.Eventually(t, time.Minute, func() error {
		var query, state string
		if err := observer.QueryRow(t.Context(), `SELECT query, state FROM pg_stat_activity WHERE pid = $1`,
			int32(c.PgConn().PID())).Scan(&query, &state); err != nil {
			return err
		}
		if query != statement || state != "active" {
			return errors.New(state + ": " + query)
		}
		return nil
	})
	return ended
}

func signal(t *testing.T, by, of *pgx.Conn, function string, want bool) {
	t.Helper()
	var done bool
	if err := by.QueryRow(t.Context(), "SELECT "+function+"($1)", int32(of.PgConn().PID())).Scan(&done); err != nil || done != want {
		t.Errorf("%s: %v, %v", function, done, err)
	}
}
