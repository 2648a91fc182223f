// Package harness starts what the tests talk to: nodes in this process, nodes
// as processes of their own that can be killed, and a PostgreSQL 15 as oracle.
package harness

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgresBin is where Debian keeps PostgreSQL 15's programs.
const postgresBin = "/usr/lib/postgresql/15/bin"

// Postgres is a throw-away PostgreSQL 15 server in locale C and time zone UTC.
type Postgres struct {
	// Dir holds the data and the socket.
	Dir  string
	Port int
}

// StartPostgres starts a server that lives as long as the test. The server
// listens on a socket in its folder only, or on a loopback port where tcp is
// set. settings are added to postgresql.conf.
func StartPostgres(tb testing.TB, tcp bool, settings ...string) *Postgres {
	tb.Helper()
	dir, err := os.MkdirTemp("", "millrace-pg-") //nolint:usetesting // a socket's path must be short
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	p := &Postgres{Dir: dir, Port: 5432}
	credential := postgresUser(tb)
	if credential != nil {
		if err := os.Chown(dir, int(credential.Uid), int(credential.Gid)); err != nil {
			tb.Fatal(err)
		}
	}
	data := filepath.Join(dir, "data")
	run(tb, credential, filepath.Join(postgresBin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "--locale=C", "-E", "UTF8", "--no-sync")
	args := []string{"-D", data, "-k", dir, "-c", "timezone=UTC"}
	if tcp {
		p.Port = ReservePort(tb)
		args = append(args, "-p", strconv.Itoa(p.Port), "-c", "listen_addresses=127.0.0.1")
	} else {
		args = append(args, "-c", "listen_addresses=")
	}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	server := exec.Command(filepath.Join(postgresBin, "postgres"), args...)
	server.SysProcAttr = &syscall.SysProcAttr{Credential: credential, Pdeathsig: syscall.SIGKILL}
	output := &tail{}
	server.Stderr = output
	if err := server.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGINT) // fast shutdown
		_ = server.Wait()
	})
	Eventually(tb, 60*time.Second, func() error {
		connection, err := pgx.Connect(context.Background(), p.URL())
		if err != nil {
			return fmt.Errorf("%w\n%s", err, output)
		}
		return connection.Close(context.Background())
	})
	return p
}

// URL is the connection string of the server's database postgres.
func (p *Postgres) URL() string {
	return fmt.Sprintf("host=%s port=%d user=postgres dbname=postgres sslmode=disable", p.Dir, p.Port)
}

// Connect returns a connection that is closed with the test.
func (p *Postgres) Connect(tb testing.TB) *pgx.Conn {
	tb.Helper()
	return Connect(tb, p.URL())
}

// postgresUser returns who runs the server: PostgreSQL refuses to run as root.
func postgresUser(tb testing.TB) *syscall.Credential {
	tb.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		tb.Fatal(err)
	}
	uid, _ := strconv.ParseUint(account.Uid, 10, 32)
	gid, _ := strconv.ParseUint(account.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func run(tb testing.TB, credential *syscall.Credential, name string, args ...string) {
	tb.Helper()
	command := exec.Command(name, args...)
	command.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	command.Dir = "/"
	if output, err := command.CombinedOutput(); err != nil {
		tb.Fatalf("%s: %v\n%s", name, err, output)
	}
}
