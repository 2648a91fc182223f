//go:build bench

package bench

import (
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"testing"

	"millrace/testsql/harness"
)

// pgbenchSeconds is how long one run of pgbench takes.
const pgbenchSeconds = "5"

var pgbenchRate = regexp.MustCompile(`(?m)^tps = ([0-9.]+)`)

// TestBenchPgbench runs pgbench's built-in scripts, unmodified, at scale 10, and
// prints lines for the table of docs/benchmarks.md. Both servers sync before they
// acknowledge.
func TestBenchPgbench(t *testing.T) {
	millrace := harness.StartProcess(t, t.TempDir(), "--log-level", "error").URL()
	postgres := loopback(harness.StartPostgres(t, true).URL())
	for _, url := range []string{millrace, postgres} {
		pgbench(t, url, "-i", "-q", "-s", "10")
	}
	fmt.Println("| what | Millrace | PostgreSQL 15 | ratio |\n|---|---|---|---|")
	for _, script := range []string{"tpcb-like", "simple-update", "select-only"} {
		for _, clients := range []int{1, 8} {
			ours, theirs := pgbenchFigure(t, millrace, script, clients), pgbenchFigure(t, postgres, script, clients)
			word := "clients"
			if clients == 1 {
				word = "client"
			}
			fmt.Printf("| pgbench %s, %d %s, transactions/s | %s | %s | %.2f |\n", script, clients, word, ours.cell(), theirs.cell(), ours.median/theirs.median)
		}
	}
}

// cell is the figure as the table has it.
func (f figure) cell() string {
	return fmt.Sprintf("%s [%s-%s]", quantity(f.median), quantity(f.least), quantity(f.most))
}

func pgbenchFigure(t *testing.T, url, script string, clients int) figure {
	t.Helper()
	return measure(t, func() float64 {
		out := pgbench(t, url, "-n", "-b", script, "-c", strconv.Itoa(clients), "-j", strconv.Itoa(min(clients, 2)), "-T", pgbenchSeconds)
		match := pgbenchRate.FindStringSubmatch(out)
		if match == nil {
			t.Fatalf("pgbench printed\n%s", out)
		}
		rate, err := strconv.ParseFloat(match[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		return rate
	})
}

func pgbench(t *testing.T, url string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "/usr/lib/postgresql/15/bin/pgbench", append(args, url)...).CombinedOutput()
	if err != nil {
		t.Fatalf("pgbench: %v\n%s", err, out)
	}
	return string(out)
}
