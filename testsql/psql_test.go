package testsql

import (
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// terminal is psql in a pseudo-terminal, which script(1) makes.
type terminal struct {
	input io.WriteCloser
	mu    sync.Mutex
	text  strings.Builder
}

// Write takes what psql prints.
func (p *terminal) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

// printed returns what psql has printed, without carriage returns.
func (p *terminal) printed() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.ReplaceAll(p.text.String(), "\r", "")
}

func (p *terminal) send(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(p.input, text); err != nil {
		t.Fatal(err)
	}
}

// await waits until psql has printed a text.
func (p *terminal) await(t *testing.T, text string) {
	t.Helper()
	harness.Eventually(t, time.Minute, func() error {
		if printed := p.printed(); !strings.Contains(printed, text) {
			return fmt.Errorf("psql has not printed %q, but\n%s", text, printed)
		}
		return nil
	})
}

func startPsql(t *testing.T, url string) *terminal {
	t.Helper()
	p := &terminal{}
	command := exec.CommandContext(t.Context(), "script", "-qfec", "psql -X '"+url+"'", "/dev/null")
	command.Stdout = p
	command.Env = append(command.Environ(), "TERM=dumb", "PSQL_HISTORY=/dev/null", "PAGER=cat")
	var err error
	if p.input, err = command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.input.Close() // ends psql
		_ = command.Wait()
	})
	p.await(t, "millrace=")
	return p
}

// TestPsqlFollows follows push queries in psql in a pseudo-terminal with
// FETCH_COUNT 1, as the README says: rows print as they come, folded by key they
// equal the pull query, Ctrl-C ends the query and leaves psql usable.
func TestPsqlFollows(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 4})
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, c, `CREATE STREAM s (k TEXT, v INT)`)
	harness.Exec(t, c, `CREATE TABLE totals AS SELECT k, count(*) AS n, sum(v) AS total FROM s GROUP BY k`)
	harness.Exec(t, c, `INSERT INTO s VALUES ('first', 1)`)

	p := startPsql(t, harness.NodeURL(n.Addr()))
	p.send(t, "\\set FETCH_COUNT 1\n\\pset pager off\n\\pset format unaligned\n\\pset tuples_only on\n")
	p.send(t, "SELECT * FROM totals EMIT CHANGES;\n")
	p.await(t, "first|1|1|insert")
	for i := range 40 {
		harness.Exec(t, c, fmt.Sprintf(`INSERT INTO s VALUES ('k%d', %d)`, i%7, i))
	}
	harness.Exec(t, c, `INSERT INTO s VALUES ('last', 9)`)
	p.await(t, "last|1|9|insert")
	p.send(t, "\x03")
	p.await(t, "canceling statement due to user request")
	p.send(t, "SELECT 'still ' || 'here';\n")
	p.await(t, "still here\n")

	result := folded{keys: map[string]string{}}
	for _, match := range regexp.MustCompile(`(?m)^(\w+)\|(\d+)\|(\d+)\|(insert|update|delete)`).FindAllStringSubmatch(p.printed(), -1) {
		if err := result.apply(match[1], match[2]+"\t"+match[3], match[4]); err != nil {
			t.Error(err)
		}
	}
	want := harness.Rows(t, c, `SELECT * FROM totals`)
	slices.Sort(want)
	if diff := cmp.Diff(want, result.rows()); diff != "" {
		t.Errorf("(-pull +psql)\n%s", diff)
	}
}

// TestPsqlCopyFollows follows a push query with COPY, which psql prints line by
// line without any setting.
func TestPsqlCopyFollows(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 2})
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, c, `CREATE STREAM s (k TEXT, v INT)`)
	p := startPsql(t, harness.NodeURL(n.Addr()))
	p.send(t, "COPY (SELECT k, sum(v) FROM s GROUP BY k EMIT CHANGES) TO STDOUT;\n")
	waitForStatement(t, c, "COPY (SELECT k")
	harness.Exec(t, c, `INSERT INTO s VALUES ('a', 1)`)
	p.await(t, "a\t1\tinsert\n")
	harness.Exec(t, c, `INSERT INTO s VALUES ('a', 2)`)
	p.await(t, "a\t3\tupdate\n")
	p.send(t, "\x03")
	p.await(t, "canceling statement due to user request")
	p.send(t, "SELECT 'still ' || 'here';\n")
	p.await(t, "still here\n")
}

// TestPsqlDescribes runs psql's own commands over the catalog.
func TestPsqlDescribes(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 2})
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, c, createFlights)
	harness.Exec(t, c, `CREATE TABLE delays AS `+delaysQuery)
	harness.Exec(t, c, `CREATE TABLE airports (iata TEXT PRIMARY KEY, name TEXT)`)
	for _, command := range []string{`\d`, `\dt`, `\d flights`, `\d delays`, `\d airports`, `\l`, `\dn`, `\du`, `\dt+`, `\df count`, `\dv millrace.*`} {
		output, err := exec.CommandContext(t.Context(), "psql", "-X", "-v", "ON_ERROR_STOP=1", "-c", command, harness.NodeURL(n.Addr())).CombinedOutput()
		if err != nil || strings.Contains(string(output), "ERROR") {
			t.Errorf("%s: %v\n%s", command, err, output)
		}
		if (command == `\d` || command == `\dt`) && !(strings.Contains(string(output), "flights") && strings.Contains(string(output), "delays") && strings.Contains(string(output), "airports")) {
			t.Errorf("%s does not list everything:\n%s", command, output)
		}
	}
}
