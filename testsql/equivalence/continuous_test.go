package equivalence

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

func testContinuous(t *testing.T, postgres *harness.Postgres) {
	counted := newStatistics()
	defer counted.log(t)
	for seed := range seeds(96) {
		t.Run(fmt.Sprintf("seed_%d", seed), func(t *testing.T) {
			o, err := connectOracle(t.Context(), postgres)
			if err != nil {
				t.Fatal(err)
			}
			defer o.Close(context.WithoutCancel(t.Context()))
			shards := []int{1, 2, 8}[seed%3]
			c := newChain(seed, shards)
			c.statistics = counted
			difference := c.run(t.Context(), o)
			c.statistics = nil
			if difference == nil {
				return
			}
			if reason := refusal(difference); reason != "" {
				counted.count("refused: " + reason)
				return
			}
			if os.Getenv("MILLRACE_NO_SHRINK") == "" {
				difference = c.shrink(t.Context(), o, difference, 2*shrinkTime)
			}
			_ = c.run(t.Context(), o) // PostgreSQL then has the rows that the script's end asks for
			t.Errorf("seed %d, %d shards: %v\n%s", seed, shards, difference, c.script(t.Context(), o))
		})
	}
}

// shrink makes the chain smaller, for some time, as long as a difference of the same
// kind remains, and returns the last one.
func (c *chain) shrink(ctx context.Context, o *oracle, difference error, patience time.Duration) error {
	last := difference
	shrink(c.fragments(), time.Now().Add(patience), func() bool {
		err := c.run(ctx, o)
		if err == nil || kindOf(err) != kindOf(difference) || refusal(err) != "" {
			return false
		}
		last = err
		return true
	})
	return last
}

// running is a chain at work.
type running struct {
	*chain
	dir         string
	node        *node.Node
	connections [connections]*pgx.Conn
	oracle      *oracle
	followers   []*follower
}

// run makes all steps on a new node and in PostgreSQL and returns the first
// difference.
func (c *chain) run(ctx context.Context, o *oracle) (err error) {
	dir, err := os.MkdirTemp("", "millrace-chain-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r := &running{chain: c, dir: dir, oracle: o}
	defer func() {
		if closeErr := r.stop(ctx); err == nil && closeErr != nil {
			err = fmt.Errorf("close: %w", closeErr)
		}
	}()
	if err := errors.Join(r.start(ctx), o.reset(ctx)); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	steps := c.live()
	for i := 0; i < len(steps); {
		count := 1
		for steps[i].concurrent() && i+count < len(steps) && steps[i+count].concurrent() {
			count++
		}
		if err := r.make(ctx, steps[i:i+count]); err != nil {
			return err
		}
		i += count
	}
	return r.check(ctx)
}

// url is what the node is reached by. A slow machine is given the time to bring
// results up to date.
func (r *running) url() string { return harness.NodeURL(r.node.Addr()) + "&freshness_timeout=5min" }

func (r *running) start(ctx context.Context) (err error) {
	if r.node, err = node.Start(ctx, node.Options{Dir: r.dir, Shards: r.shards, Listen: "127.0.0.1:0"}); err != nil {
		return err
	}
	for i := range r.connections {
		if r.connections[i], err = pgx.Connect(ctx, r.url()); err != nil {
			return err
		}
		// A query that joins many rows may take PostgreSQL seconds, and this node longer.
		if err := succeed(ctx, r.connections[i], "SET statement_timeout = '20s'"); err != nil {
			return err
		}
	}
	return nil
}

func (r *running) stop(ctx context.Context) error {
	for _, f := range r.followers {
		f.stop()
	}
	r.followers = nil
	for _, connection := range r.connections {
		if connection != nil {
			_ = connection.Close(ctx) // the node is about to stop
		}
	}
	if r.node == nil {
		return nil
	}
	return r.node.Close()
}

// make makes one step, or several that go out at the same time.
func (r *running) make(ctx context.Context, steps []*step) error {
	switch s := steps[0]; s.kind {
	case stepRestart:
		if err := r.stop(ctx); err != nil {
			return fmt.Errorf("close: %w", err)
		}
		return r.start(ctx)
	case stepPush:
		f, err := follow(ctx, r.url(), s)
		if err != nil {
			return fmt.Errorf("push: %w", err)
		}
		r.followers = append(r.followers, f)
		return nil
	}
	for _, s := range steps {
		if sql := s.forPostgres(); sql != "" {
			if err := succeed(ctx, r.oracle.Conn, sql); err != nil {
				return fmt.Errorf("PostgreSQL: %w", err)
			}
		}
	}
	return r.send(ctx, steps)
}

// forPostgres is the step's statement in PostgreSQL, "" for none.
func (s *step) forPostgres() string {
	switch {
	case s.kind == stepRollback || s.kind == stepAdd:
		return ""
	case s.kind == stepCreate && s.relation.query != nil:
		return s.relation.history + "CREATE VIEW " + s.relation.name + " AS " + s.relation.query.forPostgres()
	case s.kind == stepCreate:
		return s.postgres
	}
	return s.sql.forPostgres()
}

// send sends the steps, each over its connection.
func (r *running) send(ctx context.Context, steps []*step) error {
	var senders sync.WaitGroup
	var failures [connections]error
	for number, connection := range r.connections {
		senders.Go(func() {
			for _, s := range steps {
				if s.connection == number && failures[number] == nil {
					failures[number] = s.send(ctx, connection)
				}
			}
		})
	}
	senders.Wait()
	return errors.Join(failures[:]...)
}

func (s *step) send(ctx context.Context, connection *pgx.Conn) error {
	switch s.kind {
	case stepCopy:
		_, err := connection.PgConn().CopyFrom(ctx, strings.NewReader(copyText(s.liveRows())), "COPY "+s.relation.name+" FROM STDIN")
		if err != nil {
			return fmt.Errorf("copy: %w", err)
		}
		return nil
	case stepTransaction, stepRollback:
		end := "COMMIT"
		if s.kind == stepRollback {
			end = "ROLLBACK"
		}
		for _, sql := range []string{"BEGIN", s.sql.String(), end} {
			if err := succeed(ctx, connection, sql); err != nil {
				return err
			}
		}
		return nil
	default:
		return succeed(ctx, connection, s.sql.String())
	}
}

// succeed runs a statement that must not fail.
func succeed(ctx context.Context, connection *pgx.Conn, sql string) error {
	a, err := ask(ctx, connection, sql)
	if err != nil {
		return fmt.Errorf("connection: %w", err)
	}
	if a.code != "" {
		return fmt.Errorf("statement %s: %s %s\n%s", a.code, a.message, a.detail, sql)
	}
	return nil
}

// check compares every result with PostgreSQL's view, with the query run once,
// and with what the push queries gave.
func (r *running) check(ctx context.Context) error {
	for _, s := range r.live() {
		if s.kind != stepCreate {
			continue
		}
		if err := r.checkResult(ctx, s.relation); err != nil {
			return err
		}
	}
	for _, f := range r.followers {
		if err := r.checkFollower(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

func (r *running) checkResult(ctx context.Context, result *relation) error {
	r.asked = "SELECT * FROM " + result.name
	r.theirs = r.asked
	kept, err := ask(ctx, r.connections[0], r.asked)
	if err != nil {
		return fmt.Errorf("connection: %w", err)
	}
	want, err := ask(ctx, r.oracle.Conn, "SELECT * FROM "+result.name)
	if err != nil {
		return fmt.Errorf("PostgreSQL: %w", err)
	}
	if result.query != nil {
		r.statistics.add(result.declaration(), want)
	}
	if want.code != "" {
		return nil // a row fails: it contributes nothing in Millrace
	}
	if want.columns == nil {
		// Where a condition on a subquery alone is not true for any row, PostgreSQL
		// describes no columns.
		want.columns, want.floats = kept.columns, kept.floats
	}
	if err := compare(want, kept, false); err != nil {
		if excepted, failure := r.excepted(ctx, result); excepted || failure != nil {
			r.statistics.count("excepted")
			return failure
		}
		return fmt.Errorf("kept %w\n%s", err, result.name)
	}
	if r.fault != nil {
		if err := r.fault(result, kept); err != nil {
			return err
		}
	}
	if result.query == nil || result.history != "" {
		return nil
	}
	r.asked = result.query.String()
	once, err := ask(ctx, r.connections[0], r.asked)
	if err != nil {
		return fmt.Errorf("connection: %w", err)
	}
	if timedOut(once) {
		return nil
	}
	if err := compare(want, once, false); err != nil {
		return fmt.Errorf("once %w\n%s", err, result.name)
	}
	return nil
}

// excepted reports whether a result, or one that it reads, depends on when rows of a
// stream are joined with a table, which EXPLAIN says.
func (r *running) excepted(ctx context.Context, result *relation) (bool, error) {
	if result.query == nil {
		return false, nil
	}
	plan, err := ask(ctx, r.connections[0], "EXPLAIN "+result.query.String()+" EMIT CHANGES")
	if err != nil {
		return false, fmt.Errorf("connection: %w", err)
	}
	for _, row := range plan.rows {
		if strings.Contains(row[0], "Exceptions: rows of a stream meet a table") {
			return true, nil
		}
	}
	words := strings.Fields(result.query.String())
	for _, other := range r.derived {
		if other != result && slices.Contains(words, other.name) {
			if excepted, err := r.excepted(ctx, other); excepted || err != nil {
				return excepted, err
			}
		}
	}
	return false, nil
}

// pushPatience bounds the wait for a push query to arrive at the result.
const pushPatience = 10 * time.Second

func (r *running) checkFollower(ctx context.Context, f *follower) error {
	want, err := ask(ctx, r.connections[0], "SELECT * FROM "+f.relation.name)
	if err != nil {
		return fmt.Errorf("connection: %w", err)
	}
	if want.code != "" {
		return nil
	}
	deadline := time.After(pushPatience)
	for {
		rows, changed, err := f.result()
		if err != nil {
			return fmt.Errorf("push %w", err)
		}
		difference := compare(want, &answer{columns: want.columns, floats: want.floats, rows: rows}, false)
		if difference == nil {
			return nil
		}
		select {
		case <-changed:
		case <-deadline:
			return fmt.Errorf("push %w\n%s", difference, f.sql)
		}
	}
}
