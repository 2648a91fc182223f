package sql

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

	"github.com/jackc/pgx/v5/pgconn"
)

// postgresqlBinaries is where Debian puts PostgreSQL 15.
const postgresqlBinaries = "/usr/lib/postgresql/15/bin"

// connectPostgreSQL starts a server of PostgreSQL 15 in a temporary folder and
// connects to it. The test is skipped where PostgreSQL is not installed.
func connectPostgreSQL(t *testing.T) *pgconn.PgConn {
	t.Helper()
	if _, err := os.Stat(filepath.Join(postgresqlBinaries, "initdb")); err != nil {
		t.Skip("PostgreSQL 15 is not installed")
	}
	// Not t.TempDir: a socket's path must be short, and the server's user
	// must be able to enter the folder.
	folder, err := os.MkdirTemp("", "pg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	run := serverCommand(t, folder)
	data := filepath.Join(folder, "data")
	run("initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-N")
	options := fmt.Sprintf("-c listen_addresses='' -c fsync=off -k %s", folder)
	run("pg_ctl", "-D", data, "-o", options, "-l", filepath.Join(folder, "log"), "-w", "start")
	t.Cleanup(func() { run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop") })

	ctx := context.Background()
	conn, err := pgconn.Connect(ctx, fmt.Sprintf("host=%s user=postgres dbname=postgres", folder))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(ctx) })
	return conn
}

// serverCommand returns a function that runs one of PostgreSQL's programs as
// a user that it accepts: it refuses to run as root.
func serverCommand(t *testing.T, folder string) func(program string, args ...string) {
	t.Helper()
	var credential *syscall.Credential
	if os.Getuid() == 0 {
		postgres, err := user.Lookup("postgres")
		if err != nil {
			t.Skip("there is no user postgres to run the server as")
		}
		uid, _ := strconv.ParseUint(postgres.Uid, 10, 32)
		gid, _ := strconv.ParseUint(postgres.Gid, 10, 32)
		credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(folder, int(uid), int(gid)); err != nil {
			t.Fatal(err)
		}
	}
	return func(program string, args ...string) {
		t.Helper()
		command := exec.Command(filepath.Join(postgresqlBinaries, program), args...)
		command.Dir = folder
		command.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
		// A pipe would be held open by the server that pg_ctl starts.
		output, err := os.Create(filepath.Join(folder, program+".out"))
		if err != nil {
			t.Fatal(err)
		}
		defer output.Close()
		command.Stdout, command.Stderr = output, output
		if err := command.Run(); err != nil {
			text, _ := os.ReadFile(output.Name())
			t.Fatalf("%s: %v\n%s", program, err, text)
		}
	}
}
