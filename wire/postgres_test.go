package wire_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

var update = flag.Bool("update", false, "write into the scripts what PostgreSQL answers, or the server where a script is its own")

const postgresBin = "/usr/lib/postgresql/15/bin"

// postgres is a PostgreSQL server of its own, for all tests of the process.
type postgres struct {
	socket string
	stop   func()
}

var postgresServer = sync.OnceValues(startPostgres)

// needPostgres returns the socket of a running PostgreSQL 15, or skips the test
// where there is none installed.
func needPostgres(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(postgresBin, "postgres")); err != nil {
		t.Skip("PostgreSQL 15 is not installed")
	}
	postgresStarted = true
	server, err := postgresServer()
	if err != nil {
		t.Fatal(err)
	}
	return server.socket
}

// startPostgres makes and starts a cluster, as the user postgres where the tests
// run as root, which PostgreSQL refuses.
func startPostgres() (*postgres, error) {
	dir, err := os.MkdirTemp("", "millrace-wire-pg")
	if err != nil {
		return nil, err
	}
	credential, err := postgresCredential(dir)
	if err != nil {
		return nil, err
	}
	run := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(postgresBin, name), args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
		return cmd
	}
	data := filepath.Join(dir, "data")
	if out, err := run("initdb", "-D", data, "-U", "millrace", "-A", "trust", "--locale=C", "-E", "UTF8", "-N").CombinedOutput(); err != nil {
		return nil, &commandError{err, out}
	}
	options := "-c listen_addresses='' -c fsync=off -c timezone=UTC -c log_timezone=UTC -k " + dir
	start := run("pg_ctl", "-D", data, "-w", "-l", filepath.Join(dir, "log"), "-o", options, "start")
	if out, err := start.CombinedOutput(); err != nil {
		return nil, &commandError{err, out}
	}
	stop := func() {
		_ = run("pg_ctl", "-D", data, "-m", "immediate", "stop").Run()
		_ = os.RemoveAll(dir)
	}
	if out, err := run("createdb", "-h", dir, "-U", "millrace", "millrace").CombinedOutput(); err != nil {
		stop()
		return nil, &commandError{err, out}
	}
	return &postgres{socket: filepath.Join(dir, ".s.PGSQL.5432"), stop: stop}, nil
}

type commandError struct {
	err    error
	output []byte
}

func (e *commandError) Error() string {
	return e.err.Error() + ": " + string(bytes.TrimSpace(e.output))
}

// postgresCredential returns whom to run PostgreSQL as, nil for the same user.
func postgresCredential(dir string) (*syscall.Credential, error) {
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
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if server, err := postgresServerIfStarted(); err == nil && server != nil {
		server.stop()
	}
	os.Exit(code)
}

var postgresStarted bool

// postgresServerIfStarted returns the server that a test has started, or nil.
func postgresServerIfStarted() (*postgres, error) {
	if !postgresStarted {
		return nil, nil
	}
	return postgresServer()
}

// TestScriptsOnPostgres holds the scripts against PostgreSQL. With -update it
// writes them.
func TestScriptsOnPostgres(t *testing.T) {
	socket := needPostgres(t)
	setup := startRaw(t, "unix", socket, nil)
	for _, statement := range postgresSetup {
		setup.exchange("Query " + strconv.Quote(statement))
	}
	if *update {
		updateScripts(t, "[^m]*.txt", "unix", socket)
		return
	}
	runScripts(t, "[a-l]*.txt", "unix", socket)
	runScripts(t, "[n-z]*.txt", "unix", socket)
}

// postgresSetup makes the tables that scripts use.
var postgresSetup = []string{
	"DROP TABLE IF EXISTS numbers, words",
	"CREATE TABLE numbers (n int, word text)",
	"INSERT INTO numbers VALUES (1, 'one'), (2, 'two'), (3, 'three')",
	"CREATE TABLE words (word text NOT NULL, at timestamp, amount numeric(8,2))",
}

// updateScripts writes what a server answers into the scripts.
func updateScripts(t *testing.T, pattern, network, address string) {
	paths, _ := filepath.Glob(filepath.Join("testdata", "protocol", pattern))
	for _, path := range paths {
		clients := &scriptClients{t: t, network: network, address: address, byName: map[string]*rawClient{}}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		var pending exchange
		flush := func() {
			if len(pending.send) > 0 {
				for _, line := range clients.run(&pending) {
					out = append(out, pending.connection+"< "+line)
				}
			}
			pending = exchange{}
		}
		asked := false
		for _, line := range strings.Split(strings.TrimRight(string(data), "\n"), "\n") {
			words := scriptLine.FindStringSubmatch(line)
			switch {
			case words == nil:
				flush()
				asked = false
				out = append(out, line)
			case words[2] == "<" && asked:
			case words[2] == "<":
				for _, received := range clients.run(&exchange{connection: words[1], expect: words[3:]}) {
					out = append(out, words[1]+"< "+received)
				}
			default:
				if words[1] != pending.connection {
					flush()
				}
				out, asked = append(out, line), true
				pending.connection, pending.send = words[1], append(pending.send, words[3])
				if message, _ := splitWords(words[3]); message[0] == "Query" || message[0] == "Sync" {
					if !strings.Contains(line, "FROM STDIN") {
						flush()
					}
				}
			}
		}
		flush()
		if err := os.WriteFile(path, []byte(strings.Join(out, "\n")+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}
