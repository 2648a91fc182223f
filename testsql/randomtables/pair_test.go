package randomtables

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// sessions is the number of connections that a script has to each server.
const sessions = 2

// patience is how long a statement may take.
const patience = 20 * time.Second

// server is a Millrace that scripts restart and kill.
type server interface {
	URL() string
	Restart(ctx context.Context)
	Kill(ctx context.Context)
}

// inProcess is a node in this process. It cannot be killed.
type inProcess struct {
	t       *testing.T
	options node.Options
	node    *node.Node
}

func newInProcess(t *testing.T, shards int) *inProcess {
	s := &inProcess{t: t, options: node.Options{Dir: t.TempDir(), Shards: shards, Listen: "127.0.0.1:0"}}
	s.start()
	t.Cleanup(s.stop)
	return s
}

// start does not leave a cleanup behind, which would hold every node there was.
func (s *inProcess) start() {
	var err error
	if s.node, err = node.Start(s.t.Context(), s.options); err != nil {
		s.t.Fatal(err)
	}
}

func (s *inProcess) stop() {
	if err := s.node.Close(); err != nil {
		s.t.Error(err)
	}
}

func (s *inProcess) URL() string { return harness.NodeURL(s.node.Addr()) }

func (s *inProcess) Restart(context.Context) {
	s.stop()
	s.start()
}

func (s *inProcess) Kill(ctx context.Context) { s.Restart(ctx) }

// ownProcess is a node in a process of its own.
type ownProcess struct {
	t       *testing.T
	process *harness.Process
}

func newOwnProcess(t *testing.T, shards int) *ownProcess {
	return &ownProcess{t: t, process: harness.StartProcess(t, t.TempDir(), "--shards", fmt.Sprint(shards))}
}

func (s *ownProcess) URL() string { return s.process.URL() }

func (s *ownProcess) Restart(context.Context) {
	if exit := s.process.Stop(); exit != 0 {
		s.t.Fatalf("exit code %d:\n%s", exit, s.process.Logs())
	}
	s.process = harness.StartProcess(s.t, s.process.Dir)
}

func (s *ownProcess) Kill(context.Context) {
	s.process.Kill()
	s.process = harness.StartProcess(s.t, s.process.Dir)
}

// pair is a Millrace and a PostgreSQL that must agree, with sessions on each.
type pair struct {
	t           *testing.T
	server      server
	postgresURL string
	here, there [sessions]*pgx.Conn
	// catalog is a connection to PostgreSQL that sees what is committed, and admin
	// one to Millrace.
	catalog, admin *pgx.Conn
	// defining is the session whose block has defined something, or -1, and misaligned
	// says that sequences are to be aligned when it can.
	defining   int
	misaligned bool
	// aligned is where sequences were moved to last.
	aligned int
	// answers counts the statements by their SQLSTATE.
	answers map[string]int
}

// newPair takes a database of its own in the oracle.
func newPair(t *testing.T, oracle *harness.Postgres, database string, s server) *pair {
	harness.Exec(t, oracle.Connect(t), "CREATE DATABASE "+database)
	p := &pair{t: t, server: s, postgresURL: strings.Replace(oracle.URL(), "dbname=postgres", "dbname="+database, 1)}
	p.answers = map[string]int{}
	p.catalog = harness.Connect(t, p.postgresURL)
	p.connect()
	t.Cleanup(p.disconnect)
	return p
}

// connect opens the sessions anew, which ends what the old ones had not
// committed.
func (p *pair) connect() {
	p.admin = reconnect(p.t, p.admin, p.server.URL())
	for i := range sessions {
		p.here[i] = reconnect(p.t, p.here[i], p.server.URL())
		p.there[i] = reconnect(p.t, p.there[i], p.postgresURL)
	}
}

// disconnect closes the sessions.
func (p *pair) disconnect() {
	for i := range sessions {
		_ = p.here[i].Close(context.Background()) // the server may have gone away
		_ = p.there[i].Close(context.Background())
	}
	_ = p.admin.Close(context.Background())
}

func reconnect(t *testing.T, old *pgx.Conn, url string) *pgx.Conn {
	if old != nil {
		_ = old.Close(t.Context()) // the server may have gone away
	}
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	// Who meets a row that the other session has locked does not wait: the script
	// has one thread.
	harness.Exec(t, c, "SET lock_timeout = '50ms'")
	return c
}

// reset drops everything on both servers.
func (p *pair) reset() {
	p.aligned, p.defining, p.misaligned = 0, -1, false
	for i := range sessions {
		harness.Exec(p.t, p.there[i], "ROLLBACK")
		harness.Exec(p.t, p.here[i], "ROLLBACK")
	}
	harness.Exec(p.t, p.catalog, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
	for _, name := range harness.Rows(p.t, p.here[0], "SELECT name FROM millrace.tables") {
		harness.Exec(p.t, p.here[0], "DROP TABLE IF EXISTS "+name+" CASCADE")
	}
}

// refused are the messages of what Millrace refuses and PostgreSQL does: scripts go
// on without.
var refused = regexp.MustCompile(`^cannot rewrite table \w+ because a continuous query reads it|^changing the type of an identity or generated column|is not supported in a result that is kept up to date$`)

// run does a step on both servers and returns PostgreSQL's outcome and how
// Millrace's differs, nil where it does not.
func (p *pair) run(s step) (outcome, *difference) {
	switch s.kind {
	case restart, kill:
		if s.kind == restart {
			p.server.Restart(p.t.Context())
		} else {
			p.server.Kill(p.t.Context())
		}
		p.connect()
		p.defining = -1
		p.align()
		return outcome{}, nil
	}
	p.alignInBlock(s.session)
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	got := outcomeOf(ctx, p.here[s.session], s, s.sql)
	if got.code == "0A000" && refused.MatchString(got.message) {
		p.answers[got.code]++
		if p.status(s.session) == 'T' {
			_, _ = p.there[s.session].Exec(ctx, "SELECT 1 / 0") // the block has failed here, too
		}
		p.follow(s)
		return outcome{refused: true, code: got.code}, nil
	}
	want := outcomeOf(ctx, p.there[s.session], s, s.inPostgres())
	p.answers[want.code]++
	p.follow(s)
	if want.code != "" || got.code != "" {
		p.misaligned = true
	}
	if p.misaligned && p.defining < 0 {
		p.align()
	}
	return want, compare(s, want, got)
}

// status is that of a session's transaction in PostgreSQL: I, T or E.
func (p *pair) status(session int) byte { return p.there[session].PgConn().TxStatus() }

// follow notes which session has defined something in its block.
func (p *pair) follow(s step) {
	switch {
	case p.defining >= 0 && p.status(p.defining) == 'I':
		p.defining = -1
	case s.kind == definition && p.status(s.session) != 'I':
		p.defining = s.session
	}
}

// schemaReader is the connection that sees the schema as the script does: while a
// block defines, its own; nil where that has failed.
func (p *pair) schemaReader() *pgx.Conn {
	switch {
	case p.defining < 0:
		return p.catalog
	case p.status(p.defining) == 'T':
		return p.there[p.defining]
	default:
		return nil
	}
}

// alignInBlock aligns the sequences that the block of a session has locked, or made.
func (p *pair) alignInBlock(session int) {
	if p.misaligned && p.defining == session && p.status(session) == 'T' {
		p.alignBy(p.there[session], p.here[session])
	}
}

// align moves the sequences of both servers to where neither has been: a statement
// that fails, and a server that ends, may leave gaps.
func (p *pair) align() {
	p.alignBy(p.catalog, p.admin)
}

// alignBy is align over a connection to each.
func (p *pair) alignBy(there, here *pgx.Conn) {
	p.misaligned = false
	const sequences = "SELECT relname FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace"
	for _, name := range harness.Rows(p.t, there, sequences) {
		p.aligned += 100
		statement := fmt.Sprintf("SELECT setval('%s', %d)", name, p.aligned)
		harness.Rows(p.t, there, statement)
		harness.Rows(p.t, here, statement)
	}
}

// replay runs steps from nothing and returns the first difference and its place.
func (p *pair) replay(steps []step) (outcomes []outcome, d *difference) {
	p.reset()
	for _, s := range steps {
		o, d := p.run(s)
		outcomes = append(outcomes, o)
		if d != nil {
			return outcomes, d
		}
	}
	return outcomes, nil
}
