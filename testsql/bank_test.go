package testsql

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"millrace/testsql/harness"
)

const (
	bankAccounts = 1000
	bankShards   = 8
	bankWriters  = 8
	bankBalance  = 100
)

// TestBank moves money between accounts on all shards in transactions, which are
// run again when they meet another (40001), and kills the process meanwhile. At
// rest no money is made or lost, in the table and in what is derived from it, and
// every transfer that was acknowledged took effect, once.
func TestBank(t *testing.T) {
	kills := 5
	if long() {
		kills = 20
	}
	dir := t.TempDir()
	p := harness.StartProcess(t, dir, "--shards", fmt.Sprint(bankShards))
	declareBank(t, harness.Connect(t, p.URL()))
	random := rand.New(rand.NewPCG(7, 31))
	var acknowledged, uncertain atomic.Int64
	for range kills {
		ctx, cancel := context.WithCancel(t.Context())
		var writers sync.WaitGroup
		for range bankWriters {
			b := &bankWriter{t: t, url: p.URL(), random: rand.New(rand.NewPCG(random.Uint64(), 1)), acknowledged: &acknowledged, uncertain: &uncertain}
			writers.Go(func() { b.run(ctx) })
		}
		<-time.After(time.Duration(200+random.IntN(400)) * time.Millisecond) // the random moment
		p.Kill()
		cancel()
		writers.Wait()
		p = harness.StartProcess(t, dir)
		checkBank(t, harness.Connect(t, p.URL()), acknowledged.Load(), uncertain.Load())
	}
	if acknowledged.Load() == 0 {
		t.Error("no transfer was acknowledged")
	}
	t.Logf("%d transfers acknowledged, %d uncertain, over %d kills", acknowledged.Load(), uncertain.Load(), kills)
}

func declareBank(t *testing.T, c *pgx.Conn) {
	for _, statement := range []string{
		`CREATE TABLE accounts (id INT PRIMARY KEY, branch INT NOT NULL, balance BIGINT NOT NULL, moved BIGINT NOT NULL DEFAULT 0)`,
		`CREATE TABLE branches AS SELECT branch, count(*) AS accounts, sum(balance) AS total, min(balance) AS lowest FROM accounts GROUP BY branch`,
		fmt.Sprintf(`INSERT INTO accounts (id, branch, balance) SELECT i, i %% 10, %d FROM generate_series(1, %d) AS g(i)`, bankBalance, bankAccounts),
	} {
		harness.Exec(t, c, statement)
	}
}

// checkBank compares the sums. Every transfer counts on the account that it
// takes from.
func checkBank(t *testing.T, c *pgx.Conn, acknowledged, uncertain int64) {
	t.Helper()
	want := fmt.Sprintf("%d\t%d", bankAccounts, bankAccounts*bankBalance)
	if got := harness.Rows(t, c, `SELECT count(*), sum(balance) FROM accounts`)[0]; got != want {
		t.Fatalf("accounts have %q, not %q", got, want)
	}
	if got := harness.Rows(t, c, `SELECT sum(accounts), sum(total) FROM branches`)[0]; got != want {
		t.Fatalf("branches have %q, not %q", got, want)
	}
	var moved int64
	if err := c.QueryRow(t.Context(), `SELECT sum(moved)::bigint FROM accounts`).Scan(&moved); err != nil {
		t.Fatal(err)
	}
	if moved < acknowledged || moved > acknowledged+uncertain {
		t.Fatalf("%d transfers took effect; %d were acknowledged and %d are uncertain", moved, acknowledged, uncertain)
	}
	kept := harness.Rows(t, c, `SELECT branch, total, lowest FROM branches ORDER BY branch`)
	again := harness.Rows(t, c, `SELECT branch, sum(balance), min(balance) FROM accounts GROUP BY branch ORDER BY branch`)
	if fmt.Sprint(kept) != fmt.Sprint(again) {
		t.Fatalf("kept %v, computed %v", kept, again)
	}
}

// bankWriter is a client that moves money.
type bankWriter struct {
	t                       *testing.T
	url                     string
	random                  *rand.Rand
	acknowledged, uncertain *atomic.Int64
}

// run moves money until the connection fails.
func (b *bankWriter) run(ctx context.Context) {
	c, err := pgx.Connect(ctx, b.url)
	if err != nil {
		return // killed already
	}
	defer c.Close(context.WithoutCancel(ctx))
	for ctx.Err() == nil {
		from, to := 1+b.random.IntN(bankAccounts), 1+b.random.IntN(bankAccounts)
		if from == to {
			continue
		}
		committing, err := transfer(ctx, c, from, to, 1+b.random.IntN(5))
		var failure *pgconn.PgError
		switch {
		case err == nil:
			b.acknowledged.Add(1)
		case errors.As(err, &failure) && failure.Code == "40001":
			// Run again, as everybody does who uses transactions.
		case c.IsClosed() || ctx.Err() != nil:
			if committing {
				b.uncertain.Add(1)
			}
			return
		default:
			b.t.Errorf("a transfer failed although the node lives: %v", err)
			return
		}
	}
}

// transfer is one transaction. Committing says that its COMMIT was sent.
func transfer(ctx context.Context, c *pgx.Conn, from, to, amount int) (committing bool, err error) {
	tx, err := c.Begin(ctx)
	if err != nil {
		return false, err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	var balance int
	if err := tx.QueryRow(ctx, `SELECT balance FROM accounts WHERE id = $1`, from).Scan(&balance); err != nil {
		return false, err
	}
	if balance < amount {
		return false, nil // nothing is committed, and nothing counts
	}
	if _, err := tx.Exec(ctx, `UPDATE accounts SET balance = balance - $1, moved = moved + 1 WHERE id = $2`, amount, from); err != nil {
		return false, err
	}
	if _, err := tx.Exec(ctx, `UPDATE accounts SET balance = balance + $1 WHERE id = $2`, amount, to); err != nil {
		return false, err
	}
	return true, tx.Commit(ctx)
}

// TestConcurrentUpdates counts up one row, and one row on each of several shards,
// from many connections without a block: no statement fails and none is lost.
func TestConcurrentUpdates(t *testing.T) {
	server := newScriptNode(t, bankShards)
	c := harness.Connect(t, server.URL())
	harness.Exec(t, c, `CREATE TABLE counters (id INT PRIMARY KEY, n BIGINT)`)
	harness.Exec(t, c, `INSERT INTO counters SELECT i, 0 FROM generate_series(1, 20) AS g(i)`)
	harness.Exec(t, c, `CREATE TABLE total AS SELECT sum(n) AS n FROM counters`)
	const writers, rounds = 6, 30
	var all sync.WaitGroup
	for range writers {
		c := harness.Connect(t, server.URL())
		all.Go(func() {
			for i := range rounds {
				statement := `UPDATE counters SET n = n + 1 WHERE id = 1`
				switch i % 3 {
				case 1:
					statement = `INSERT INTO counters VALUES (100, 1) ON CONFLICT (id) DO UPDATE SET n = counters.n + 1`
				case 2:
					statement = `UPDATE counters SET n = n + 1 WHERE id IN (3, 4, 5, 6)`
				}
				if _, err := c.Exec(t.Context(), statement); err != nil {
					t.Errorf("%s: %v", statement, err)
					return
				}
			}
		})
	}
	all.Wait()
	want := fmt.Sprint(writers * rounds / 3 * 6)
	for _, query := range []string{`SELECT sum(n) FROM counters`, `SELECT n FROM total`} {
		if got := harness.Rows(t, c, query)[0]; got != want {
			t.Errorf("%s gives %s, not %s", query, got, want)
		}
	}
}
