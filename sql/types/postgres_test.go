package types

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// postgresBin is where Debian puts the programs of PostgreSQL 15, the oracle of
// these tests.
const postgresBin = "/usr/lib/postgresql/15/bin"

// oracle is a throw-away PostgreSQL server, started by the first test that asks.
var oracle struct {
	once    sync.Once
	dir     string
	command *exec.Cmd
	conn    *pgconn.PgConn
	err     error
}

func TestMain(m *testing.M) {
	code := m.Run()
	stopOracle()
	os.Exit(code)
}

// postgres returns a connection to the oracle and skips the test when its
// programs are not installed.
func postgres(t *testing.T) *pgconn.PgConn {
	t.Helper()
	if _, err := os.Stat(filepath.Join(postgresBin, "initdb")); err != nil {
		t.Skip("PostgreSQL 15 is not installed")
	}
	oracle.once.Do(func() { oracle.err = startOracle() })
	if oracle.err != nil {
		t.Fatal(oracle.err)
	}
	return oracle.conn
}

func startOracle() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "types-oracle-")
	if err != nil {
		return err
	}
	oracle.dir = dir
	attributes, err := serverUser(dir)
	if err != nil {
		return err
	}
	data := filepath.Join(dir, "data")
	initdb := exec.CommandContext(ctx, filepath.Join(postgresBin, "initdb"),
		"-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = attributes, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	oracle.command = exec.Command(filepath.Join(postgresBin, "postgres"),
		"-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "timezone=UTC")
	oracle.command.SysProcAttr, oracle.command.Dir = attributes, dir
	if err := oracle.command.Start(); err != nil {
		return err
	}
	for ctx.Err() == nil {
		conn, err := pgconn.Connect(ctx, "host="+dir+" user=postgres dbname=postgres")
		if err == nil {
			oracle.conn = conn
			_, err = conn.Exec(ctx, oracleFunctions).ReadAll()
			return err
		}
		// A refused connection returns at once; the socket's file shows when the
		// server listens.
		waitForFile(ctx, filepath.Join(dir, ".s.PGSQL.5432"))
	}
	return ctx.Err()
}

// waitForFile returns when a file exists or the context ends.
func waitForFile(ctx context.Context, path string) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if _, err := os.Stat(path); err == nil {
				return
			}
		}
	}
}

// serverUser gives the directory to the user postgres when the tests run as
// root, under which the server refuses to start.
func serverUser(dir string) (*syscall.SysProcAttr, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.Atoi(account.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(account.Gid)
	if err != nil {
		return nil, err
	}
	if err := os.Chown(dir, uid, gid); err != nil {
		return nil, err
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

func stopOracle() {
	if oracle.command != nil && oracle.command.Process != nil {
		oracle.command.Process.Signal(syscall.SIGQUIT)
		oracle.command.Wait()
	}
	if oracle.dir != "" {
		os.RemoveAll(oracle.dir)
	}
}

// oracleFunctions defines try, which evaluates an expression and returns its
// text behind "=", or "!" with SQLSTATE, message, detail and hint.
const oracleFunctions = `
CREATE FUNCTION try(expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text; state text; message text; detail text; hint text;
BEGIN
  EXECUTE 'SELECT format(''=%s'', ' || expression || ')' INTO result;
  RETURN result;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
    detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN '!' || state || ' ' || message || '|' || detail || '|' || hint;
END $$;`

// tryAll evaluates expressions in the oracle, under settings such as
// "DateStyle = 'ISO, DMY'".
func tryAll(t *testing.T, settings []string, expressions []string) []string {
	t.Helper()
	conn := postgres(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	script := "RESET ALL;"
	for _, setting := range settings {
		script += "SET " + setting + ";"
	}
	if _, err := conn.Exec(ctx, script).ReadAll(); err != nil {
		t.Fatal(err)
	}
	array := EncodeArray(Text, NewArray(stringDatums(expressions)))
	argument := AppendText(nil, ArrayOf(Text), StringDatum(array), DefaultFormat())
	result := conn.ExecParams(ctx,
		"SELECT try(e) FROM unnest($1::text[]) WITH ORDINALITY AS u (e, n) ORDER BY n",
		[][]byte{argument}, nil, nil, nil).Read()
	if result.Err != nil {
		t.Fatal(result.Err)
	}
	answers := make([]string, len(result.Rows))
	for i, row := range result.Rows {
		answers[i] = string(row[0])
	}
	if len(answers) != len(expressions) {
		t.Fatalf("%d answers for %d expressions", len(answers), len(expressions))
	}
	return answers
}

func stringDatums(values []string) []Datum {
	datums := make([]Datum, len(values))
	for i, v := range values {
		datums[i] = StringDatum(v)
	}
	return datums
}

// literal returns s as a SQL string constant.
func literal(s string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(s) + "'"
}
