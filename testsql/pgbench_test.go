package testsql

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/testsql/harness"
)

// pgbenchPath is where Debian's postgresql-15 has pgbench.
const pgbenchPath = "/usr/lib/postgresql/15/bin/pgbench"

// pgbench runs pgbench on a server and returns what it printed. A transaction that
// fails is an error.
func pgbench(ctx context.Context, url string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, pgbenchPath, append(args, url)...)
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	if err := command.Run(); err != nil {
		return out.String(), fmt.Errorf("pgbench %s: %w\n%s", strings.Join(args, " "), err, &out)
	}
	if strings.Contains(out.String(), "tps = ") && !strings.Contains(out.String(), "number of failed transactions: 0 (") {
		return out.String(), fmt.Errorf("pgbench %s: transactions failed\n%s", strings.Join(args, " "), &out)
	}
	return out.String(), nil
}

func mustPgbench(t *testing.T, url string, args ...string) {
	t.Helper()
	if _, err := pgbench(t.Context(), url, args...); err != nil {
		t.Fatal(err)
	}
}

// TestPgbench runs pgbench, unmodified, here and on PostgreSQL: its tables, its
// built-in scripts in all modes of the protocol with few and many clients, and its
// check of consistency.
func TestPgbench(t *testing.T) {
	servers := map[string]string{
		"Millrace":   harness.StartProcess(t, t.TempDir()).URL(),
		"PostgreSQL": harness.StartPostgres(t, false, "fsync=off").URL(),
	}
	for name, url := range servers {
		t.Run(name, func(t *testing.T) {
			mustPgbench(t, url, "-i", "-s", "1")
			// Without -n, pgbench vacuums its tables and empties the history first.
			mustPgbench(t, url, "-t", "5")
			for _, mode := range []string{"simple", "extended", "prepared"} {
				for clients, transactions := range map[string]string{"1": "20", "8": "15", "32": "5"} {
					mustPgbench(t, url, "-n", "-M", mode, "-c", clients, "-t", transactions)
				}
			}
			mustPgbench(t, url, "-n", "-C", "-c", "4", "-t", "3")
			checkPgbench(t, url, 5+3*(20+8*15+32*5)+12)
			for _, script := range []string{"simple-update", "select-only"} {
				for _, mode := range []string{"simple", "extended", "prepared"} {
					mustPgbench(t, url, "-n", "-b", script, "-M", mode, "-c", "8", "-t", "15")
				}
			}
			// The same tables once more, filled by the server.
			mustPgbench(t, url, "-i", "-I", "dtGvp", "-s", "1")
			mustPgbench(t, url, "-n", "-c", "4", "-t", "5")
			checkPgbench(t, url, 20)
		})
	}
}

// checkPgbench is pgbench's check of consistency: money is only moved, and each of
// so many transactions is in the history.
func checkPgbench(t *testing.T, url string, transactions int) {
	t.Helper()
	c := harness.Connect(t, url)
	var accounts, tellers, branches, history int64
	var count int
	err := c.QueryRow(t.Context(), `SELECT (SELECT sum(abalance) FROM pgbench_accounts), (SELECT sum(tbalance) FROM pgbench_tellers),
		(SELECT sum(bbalance) FROM pgbench_branches), (SELECT coalesce(sum(delta), 0) FROM pgbench_history),
		(SELECT count(*) FROM pgbench_history)`).Scan(&accounts, &tellers, &branches, &history, &count)
	if err != nil {
		t.Fatal(err)
	}
	if accounts != tellers || tellers != branches || branches != history {
		t.Errorf("accounts have %d, tellers %d, branches %d, the history %d", accounts, tellers, branches, history)
	}
	if transactions >= 0 && count != transactions {
		t.Errorf("%d transactions in the history, want %d", count, transactions)
	}
}

// TestPgbenchKilled kills the node in the middle of pgbench's transactions. What
// was committed is there, and each transaction whole or not at all.
func TestPgbenchKilled(t *testing.T) {
	dir := t.TempDir()
	process := harness.StartProcess(t, dir)
	mustPgbench(t, process.URL(), "-i", "-s", "1")
	for range 3 {
		watcher := harness.Connect(t, process.URL())
		before := historyRows(t, watcher)
		ended := make(chan error, 1)
		go func() {
			_, err := pgbench(t.Context(), process.URL(), "-n", "-c", "8", "-T", "60")
			ended <- err
		}()
		seen := 0
		harness.Eventually(t, time.Minute, func() error {
			if seen = historyRows(t, watcher); seen < before+50 {
				return fmt.Errorf("%d transactions", seen-before)
			}
			return nil
		})
		process.Kill()
		if err := <-ended; err == nil {
			t.Error("pgbench did not notice that the node was killed")
		}
		process = harness.StartProcess(t, dir)
		checkPgbench(t, process.URL(), -1)
		if after := historyRows(t, harness.Connect(t, process.URL())); after < seen {
			t.Errorf("%d transactions were seen, and %d are there", seen, after)
		}
	}
	mustPgbench(t, process.URL(), "-n", "-c", "8", "-t", "5")
	checkPgbench(t, process.URL(), -1)
}

func historyRows(t *testing.T, c *pgx.Conn) int {
	t.Helper()
	var count int
	if err := c.QueryRow(t.Context(), `SELECT count(*) FROM pgbench_history`).Scan(&count); err != nil {
		t.Fatal(err)
	}
	return count
}
