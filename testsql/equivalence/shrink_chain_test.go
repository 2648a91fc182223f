package equivalence

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"millrace/testsql/harness"
)

// TestShrinkChain has the comparison find a difference in every result with rows that has
// a construct in it, and holds the script that comes out to a size at which one can see
// what it is about: the construct, what it reads, and a row or two of the hundreds.
func TestShrinkChain(t *testing.T) {
	sought := []string{"SYSTEM_TIME"}
	if os.Getenv("MILLRACE_LONG") != "" {
		sought = append(sought, "dense_rank()", "EXISTS (SELECT 1 FROM", "unnest(", " LATERAL", " ASOF ", " INTERSECT ", "DISTINCT ON", " FULL JOIN ", "lag(")
	}
	postgres := harness.StartPostgres(t, false, "fsync=off", "statement_timeout=5s")
	for _, construct := range sought {
		t.Run(construct, func(t *testing.T) { testShrinkChain(t, postgres, construct) })
	}
}

func testShrinkChain(t *testing.T, postgres *harness.Postgres, construct string) {
	o, err := connectOracle(t.Context(), postgres)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close(t.Context())
	fault := func(result *relation, rows *answer) error {
		if result.query != nil && strings.Contains(result.query.String(), construct) && len(rows.rows) > 0 {
			return errors.New("kept rows: a fault that was made")
		}
		return nil
	}
	for seed := range uint64(2000) {
		c := newChain(seed, 1)
		c.fault = fault
		if !strings.Contains(c.statements(), construct) {
			continue
		}
		difference := c.run(t.Context(), o)
		if difference == nil || kindOf(difference) != "kept rows" {
			continue // no rows, or a refusal
		}
		before := len(c.statements())
		if difference = c.shrink(t.Context(), o, difference, 4*time.Minute); kindOf(difference) != "kept rows" {
			t.Fatalf("the difference became another one: %v", difference)
		}
		script := c.statements()
		t.Logf("seed %d: of %d bytes there are left\n%s", seed, before, script)
		if count := len(c.live()); count > 10 || len(script) > 1500 {
			t.Errorf("%d steps and %d bytes are left", count, len(script))
		}
		if !strings.Contains(script, construct) {
			t.Errorf("%q is not in what is left", construct)
		}
		return
	}
	t.Errorf("no chain has a result with %q and rows", construct)
}

// statements are the statements of the steps that there are.
func (c *chain) statements() string {
	var out strings.Builder
	for _, s := range c.live() {
		out.WriteString(s.sql.String() + "\n")
	}
	return out.String()
}
