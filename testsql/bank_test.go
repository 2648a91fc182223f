package testsql

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/testsql/harness"
)

const (
	bankAccounts = 1000
	bankShards   = 8
	bankWriters  = 8
	bankReaders  = 2
	bankBalance  = 100
	bankMoney    = bankAccounts * bankBalance

	// The vault is a table on one shard.
	vaultAccounts = 50
	vaultMoney    = vaultAccounts * bankBalance
)

// TestBank moves money between accounts on all shards in transactions, and
// between those of a vault on one shard, while others sum it all, and kills the
// process meanwhile. At rest no money is made or lost, in the tables and in what
// is derived from them, and every transfer that was acknowledged took effect,
// once. What readers see meanwhile is what docs/consistency.md says: of the vault
// never anything but all the money; of all shards all the money, but for
// transfers that were being committed while they read.
func TestBank(t *testing.T) {
	kills := 20
	if long() {
		kills = 200
	}
	dir := t.TempDir()
	p := harness.StartProcess(t, dir, "--shards", fmt.Sprint(bankShards))
	declareBank(t, harness.Connect(t, p.URL()))
	b := &bank{t: t}
	random := rand.New(rand.NewPCG(7, 31))
	for range kills {
		open := b.open(p.URL(), random)
		<-time.After(time.Duration(100+random.IntN(400)) * time.Millisecond) // the random moment
		p.Kill()
		open.close()
		p = harness.StartProcess(t, dir)
		b.check(harness.Connect(t, p.URL()))
		if t.Failed() {
			return
		}
	}
	b.rest(p.URL(), random)
	if b.acknowledged.Load() == 0 || b.read.Load() == 0 || b.pushed.Load() == 0 {
		t.Error("nothing was acknowledged, read or pushed")
	}
	t.Logf("%d transfers acknowledged, %d uncertain, %d sums read, %d pushed, over %d kills; the sums were off by up to %d",
		b.acknowledged.Load(), b.sent.Load()-b.acknowledged.Load(), b.read.Load(), b.pushed.Load(), kills, b.farthest.Load())
}

// bank is what is known of the transfers from outside the node.
type bank struct {
	t *testing.T
	// sent and acknowledged count the transfers between accounts whose COMMIT was
	// sent and answered, sentMoney and settledMoney what they moved. A transfer
	// that failed is settled, too.
	sent, acknowledged      atomic.Int64
	sentMoney, settledMoney atomic.Int64
	// read and pushed count sums; farthest is how far one was off.
	read, pushed, farthest atomic.Int64
}

func declareBank(t *testing.T, c *pgx.Conn) {
	for _, statement := range []string{
		`CREATE TABLE accounts (id INT PRIMARY KEY, branch INT NOT NULL, balance BIGINT NOT NULL, moved BIGINT NOT NULL DEFAULT 0)`,
		`CREATE TABLE vault (id INT PRIMARY KEY, balance BIGINT NOT NULL) WITH (partitions = 1)`,
		`CREATE TABLE branches AS SELECT branch, count(*) AS accounts, sum(balance) AS total, min(balance) AS lowest FROM accounts GROUP BY branch`,
		`CREATE TABLE money AS SELECT sum(balance) AS total, sum(moved) AS moved FROM accounts`,
		`CREATE TABLE vault_money AS SELECT sum(balance) AS total, count(*) AS accounts FROM vault`,
		fmt.Sprintf(`INSERT INTO accounts (id, branch, balance) SELECT i, i %% 10, %d FROM generate_series(1, %d) AS g(i)`, bankBalance, bankAccounts),
		fmt.Sprintf(`INSERT INTO vault SELECT i, %d FROM generate_series(1, %d) AS g(i)`, bankBalance, vaultAccounts),
	} {
		harness.Exec(t, c, statement)
	}
}

// openBank is a bank with writers and readers at work.
type openBank struct {
	closing           atomic.Bool
	cancel            context.CancelFunc
	people, followers sync.WaitGroup
}

// open lets writers and readers in. They work until the node goes away or the
// bank is closed.
func (b *bank) open(url string, random *rand.Rand) *openBank {
	ctx, cancel := context.WithCancel(b.t.Context())
	open := &openBank{cancel: cancel}
	employ := func(group *sync.WaitGroup, work func(ctx context.Context, c *pgx.Conn) error) {
		group.Go(func() {
			c, err := pgx.Connect(ctx, url)
			if err != nil {
				return // killed already
			}
			defer c.Close(context.WithoutCancel(ctx))
			for !open.closing.Load() {
				if err := work(ctx, c); err != nil {
					if !c.IsClosed() && ctx.Err() == nil {
						b.t.Errorf("although the node lives: %v", err)
					}
					return
				}
			}
		})
	}
	for range bankWriters {
		own := rand.New(rand.NewPCG(random.Uint64(), 1))
		employ(&open.people, func(ctx context.Context, c *pgx.Conn) error { return b.move(ctx, c, own) })
	}
	for range bankReaders {
		employ(&open.people, b.sum)
		employ(&open.people, b.sumDerived)
	}
	employ(&open.people, b.sumVault)
	employ(&open.followers, func(ctx context.Context, c *pgx.Conn) error { return b.follow(ctx, c, nil) })
	employ(&open.followers, b.followVault)
	return open
}

// close waits until everybody has ended what they do, and ends the push queries.
func (o *openBank) close() {
	o.closing.Store(true)
	o.people.Wait()
	o.cancel()
	o.followers.Wait()
}

// check compares the sums at rest. Every transfer counts on the account that it
// takes from.
func (b *bank) check(c *pgx.Conn) {
	b.t.Helper()
	accounts := fmt.Sprintf("%d\t%d", bankAccounts, bankMoney)
	vault := fmt.Sprintf("%d\t%d", vaultAccounts, vaultMoney)
	for query, want := range map[string]string{
		`SELECT count(*), sum(balance) FROM accounts`:    accounts,
		`SELECT sum(accounts), sum(total) FROM branches`: accounts,
		`SELECT count(*), sum(balance) FROM vault`:       vault,
		`SELECT accounts, total FROM vault_money`:        vault,
		`SELECT total FROM money`:                        fmt.Sprint(bankMoney),
	} {
		if got := harness.Rows(b.t, c, query)[0]; got != want {
			b.t.Errorf("%s gives %q, not %q", query, got, want)
		}
	}
	var moved int64
	if err := c.QueryRow(b.t.Context(), `SELECT sum(moved)::bigint FROM accounts`).Scan(&moved); err != nil {
		b.t.Fatal(err)
	}
	if moved < b.acknowledged.Load() || moved > b.sent.Load() {
		b.t.Errorf("%d transfers took effect; %d were acknowledged of %d", moved, b.acknowledged.Load(), b.sent.Load())
	}
	kept := harness.Rows(b.t, c, `SELECT branch, total, lowest FROM branches ORDER BY branch`)
	again := harness.Rows(b.t, c, `SELECT branch, sum(balance), min(balance) FROM accounts GROUP BY branch ORDER BY branch`)
	if fmt.Sprint(kept) != fmt.Sprint(again) {
		b.t.Errorf("kept %v, computed %v", kept, again)
	}
	// What is uncertain is known now: it counts no longer as under way.
	b.settledMoney.Store(b.sentMoney.Load())
}

// rest lets everybody work for a moment and leave, and waits until a push query
// that was open all the time shows the sum.
func (b *bank) rest(url string, random *rand.Rand) {
	follower := harness.Connect(b.t, url)
	ctx, cancel := context.WithCancel(b.t.Context())
	var last atomic.Int64
	var following sync.WaitGroup
	following.Go(func() { _ = b.follow(ctx, follower, &last) }) // it ends by being cancelled
	open := b.open(url, random)
	harness.Eventually(b.t, 10*time.Second, func() error {
		if last.Load() == 0 {
			return fmt.Errorf("the push query gives nothing")
		}
		return nil
	})
	open.close()
	harness.Eventually(b.t, 10*time.Second, func() error {
		if sum := last.Load(); sum != bankMoney {
			return fmt.Errorf("the push query ends with %d", sum)
		}
		return nil
	})
	cancel()
	following.Wait()
	b.check(harness.Connect(b.t, url))
}
