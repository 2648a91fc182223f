package simulation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// What clients do while things fail, and what they know afterwards.

const (
	keys      = 7  // of events, and of registers
	accounts  = 12 // that money moves between
	deposit   = 100
	nameCount = 3
)

// declarations are made before anything fails.
var declarations = []string{
	`CREATE STREAM events (writer INT, number INT, k INT)`,
	`CREATE TABLE names (k INT PRIMARY KEY, name TEXT)`,
	`CREATE TABLE accounts (id INT PRIMARY KEY, balance BIGINT)`,
	`CREATE TABLE registers (id INT PRIMARY KEY, value INT)`,
	fmt.Sprintf(`INSERT INTO names SELECT i, 'name ' || i %% %d FROM generate_series(0, %d) AS i`, nameCount, keys-1),
	fmt.Sprintf(`INSERT INTO accounts SELECT i, %d FROM generate_series(1, %d) AS i`, deposit, accounts),
	`CREATE TABLE totals AS SELECT k, count(*) AS n, sum(number) AS total FROM events GROUP BY k`,
	`CREATE TABLE named AS SELECT x.name, count(*) AS n FROM events e JOIN names x ON e.k = x.k GROUP BY x.name`,
	`CREATE TABLE wealth AS SELECT count(*) AS n, sum(balance) AS total FROM accounts`,
	`CREATE TABLE rich AS SELECT id, balance FROM accounts WHERE balance > 100`,
}

// fate is what a client knows of a statement.
type fate int

const (
	acknowledged fate = iota
	refused
	unknown
)

// fateOf is what an error says about a statement.
func fateOf(err error) fate {
	if err == nil {
		return acknowledged
	}
	failure, answered := errors.AsType[*pgconn.PgError](err)
	if !answered || failure.Code == "40003" || failure.Code == "57P01" || failure.Code == "08006" {
		return unknown
	}
	return refused
}

// retryable are the SQLSTATEs that a client of a cluster in trouble may get; any other
// is an error of the cluster.
var retryable = map[string]bool{
	"40001": true, "40P01": true, "40003": true, "57P01": true, "57P03": true, "08006": true, "55000": true, "57014": true,
}

// client is one that goes on with another node when its own fails it.
type client struct {
	universe   *universe
	name       string
	random     *rand.Rand
	connection *pgx.Conn
	statements int
	failures   int
}

func (u *universe) newClient(name string) *client {
	return &client{universe: u, name: name, random: rand.New(rand.NewPCG(u.seed, uint64(u.chance(1<<30))))}
}

// statementTimeout is how long a client waits for a statement before it goes to another
// node.
const statementTimeout = 20 * time.Second

// run does something on a connection, which is closed when it fails in a way that may be
// the connection's.
func (c *client) run(ctx context.Context, do func(ctx context.Context, connection *pgx.Conn) error) error {
	for c.connection == nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		h := c.universe.hosts[c.random.IntN(len(c.universe.hosts))]
		connection, err := c.universe.connect(ctx, h, c.name)
		if err == nil {
			c.connection = connection
			break
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	bounded, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	c.statements++
	err := do(bounded, c.connection)
	if err == nil {
		return nil
	}
	c.failures++
	if failure, answered := errors.AsType[*pgconn.PgError](err); answered && !retryable[failure.Code] {
		c.universe.note("%s: %v (%s, %s)", c.name, err, failure.Detail, failure.Hint)
		c.universe.t.Errorf("%s: %v (%s, %s)", c.name, err, failure.Detail, failure.Hint)
	}
	if c.connection.IsClosed() || fateOf(err) == unknown || c.random.IntN(4) == 0 {
		c.leave()
	}
	return err
}

// leave closes the client's connection.
func (c *client) leave() {
	if c.connection != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = c.connection.Close(ctx) // it may be broken
		c.connection = nil
	}
}

// pause waits a moment between two statements.
func (c *client) pause(ctx context.Context) {
	select {
	case <-time.After(time.Duration(10+c.random.IntN(150)) * time.Millisecond):
	case <-ctx.Done():
	}
}

// knowledge is what clients know.
type knowledge struct {
	mu sync.Mutex
	// events are those that were inserted, by writer and number.
	events map[[2]int]fate
	// operations are those on registers, and clock orders their beginnings and ends.
	operations []porcupine.Operation
	clock      int64
	transfers  int
}

// writeEvents inserts events, one or a few at a time, until ctx ends.
func (c *client) writeEvents(ctx context.Context, k *knowledge, writer int) {
	for number := 0; ctx.Err() == nil; {
		count := 1 + c.random.IntN(3)
		statement, first := "INSERT INTO events VALUES ", number
		for i := range count {
			if i > 0 {
				statement += ", "
			}
			statement += fmt.Sprintf("(%d, %d, %d)", writer, number, c.random.IntN(keys))
			number++
		}
		err := c.run(ctx, func(ctx context.Context, connection *pgx.Conn) error {
			_, err := connection.Exec(ctx, statement)
			return err
		})
		what := fateOf(err)
		if what == refused && count > 1 {
			// Several shards may have taken their part.
			what = unknown
		}
		k.mu.Lock()
		for i := range count {
			k.events[[2]int{writer, first + i}] = what
		}
		k.mu.Unlock()
		c.pause(ctx)
	}
}

// useRegisters reads and writes single rows by their key.
func (c *client) useRegisters(ctx context.Context, k *knowledge, number int) {
	for written := 0; ctx.Err() == nil; c.pause(ctx) {
		id := c.random.IntN(keys)
		input := registerInput{id: id, write: c.random.IntN(2) == 0}
		if input.write {
			written++
			input.value = number*1_000_000 + written
		}
		k.mu.Lock()
		k.clock++
		call := k.clock
		k.mu.Unlock()
		output := 0
		err := c.run(ctx, func(ctx context.Context, connection *pgx.Conn) error {
			if input.write {
				_, err := connection.Exec(ctx, `INSERT INTO registers VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET value = excluded.value`, id, input.value)
				return err
			}
			err := connection.QueryRow(ctx, `SELECT value FROM registers WHERE id = $1`, id).Scan(&output)
			if errors.Is(err, pgx.ErrNoRows) {
				return nil
			}
			return err
		})
		k.mu.Lock()
		k.clock++
		operation := porcupine.Operation{ClientId: number, Input: input, Call: call, Output: output, Return: k.clock}
		what := fateOf(err)
		if what == acknowledged || what == unknown && input.write {
			if what == unknown {
				operation.Return = never
			}
			k.operations = append(k.operations, operation)
		}
		k.mu.Unlock()
	}
}

// never is the end of an operation of which nobody knows when it took effect, if at all.
const never = 1 << 60

// registerInput is an operation on a register.
type registerInput struct {
	id    int
	write bool
	value int
}

// moveMoney moves money between accounts in transactions.
func (c *client) moveMoney(ctx context.Context, k *knowledge) {
	for ; ctx.Err() == nil; c.pause(ctx) {
		from, to, amount := 1+c.random.IntN(accounts), 1+c.random.IntN(accounts), 1+c.random.IntN(20)
		if from == to {
			continue
		}
		err := c.run(ctx, func(ctx context.Context, connection *pgx.Conn) error {
			return pgx.BeginFunc(ctx, connection, func(tx pgx.Tx) error {
				if _, err := tx.Exec(ctx, `UPDATE accounts SET balance = balance - $2 WHERE id = $1`, from, amount); err != nil {
					return err
				}
				_, err := tx.Exec(ctx, `UPDATE accounts SET balance = balance + $2 WHERE id = $1`, to, amount)
				return err
			})
		})
		if err == nil {
			k.mu.Lock()
			k.transfers++
			k.mu.Unlock()
		}
	}
}

// audit reads all accounts as of one moment, in which no money is on its way.
func (c *client) audit(ctx context.Context) {
	for ; ctx.Err() == nil; c.pause(ctx) {
		_ = c.run(ctx, func(ctx context.Context, connection *pgx.Conn) error {
			return pgx.BeginTxFunc(ctx, connection, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
				var total int64
				if err := tx.QueryRow(ctx, `SELECT sum(balance)::bigint FROM accounts`).Scan(&total); err != nil {
					return err
				}
				if total != accounts*deposit {
					c.universe.note("%s: the accounts hold %d", c.name, total)
					c.universe.t.Errorf("%s: the accounts hold %d, not %d", c.name, total, accounts*deposit)
				}
				return nil
			})
		}) // what fails is tried again
	}
}
