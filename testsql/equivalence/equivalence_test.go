// Package equivalence compares Millrace with PostgreSQL 15 over random schemas,
// rows and queries. Every case has a seed, which a failure prints together with
// a script that shows the difference, made as small as possible. Run one seed
// again with -run 'TestEquivalence/pull/seed_7$' or its like.
package equivalence

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/testsql/harness"
)

// TestEquivalence runs all kinds of comparison against one PostgreSQL server.
func TestEquivalence(t *testing.T) {
	postgres := harness.StartPostgres(t, false, "fsync=off", "statement_timeout=5s")
	t.Run("pull", func(t *testing.T) { testPull(t, postgres) })
	t.Run("continuous", func(t *testing.T) { testContinuous(t, postgres) })
}

// seeds yields the seeds of the cases to run: the first usual ones, or many more
// in a long run. MILLRACE_SEED moves them all.
func seeds(usual uint64) iter.Seq[uint64] {
	if os.Getenv("MILLRACE_LONG") != "" {
		usual *= 210
	}
	base, _ := strconv.ParseUint(os.Getenv("MILLRACE_SEED"), 10, 64) // 0 where it is not set
	return func(yield func(uint64) bool) {
		for i := range usual {
			if !yield(base + i) {
				return
			}
		}
	}
}

// shrinkTime bounds how long a failing case is made smaller.
const shrinkTime = 30 * time.Second

// oracle is a connection to PostgreSQL with a schema of its own.
type oracle struct{ *pgx.Conn }

func connectOracle(ctx context.Context, postgres *harness.Postgres) (*oracle, error) {
	connection, err := pgx.Connect(ctx, postgres.URL())
	if err != nil {
		return nil, err
	}
	return &oracle{connection}, nil
}

// reset leaves an empty schema.
func (o *oracle) reset(ctx context.Context) error {
	name := fmt.Sprintf("s%d", o.PgConn().PID())
	_, err := o.Exec(ctx, "DROP SCHEMA IF EXISTS "+name+" CASCADE; CREATE SCHEMA "+name+"; SET search_path = "+name, pgx.QueryExecModeSimpleProtocol)
	return err
}

// timedOut reports whether PostgreSQL gave up; such cases are not compared.
func timedOut(a *answer) bool { return a.code == "57014" }

var errSkipped = errors.New("the case cannot be compared")
