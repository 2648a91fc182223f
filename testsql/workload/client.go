package workload

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

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
	diskFull: true, ioError: true, damaged: true,
}

// diskFull is answered by a node whose disk is full, ioError by one that cannot write, and
// damaged by one that has met damage, which is then repaired: another node may do better.
const diskFull, ioError, damaged = "53100", "58030", "XX001"

// client is one that goes on with another node when its own fails it.
type client struct {
	workload   *Workload
	name       string
	random     *rand.Rand
	connection *pgx.Conn
	// node is where the connection goes.
	node int
}

func (w *Workload) newClient(name string) *client {
	return &client{workload: w, name: name, random: rand.New(rand.NewPCG(uint64(w.cluster.Chance(1<<30)), uint64(w.cluster.Chance(1<<30))))}
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
		c.node = c.random.IntN(c.workload.cluster.Nodes())
		c.noteTry()
		began := time.Now()
		connection, err := c.workload.cluster.Connect(ctx, c.node, c.name)
		c.noteSlow("connecting", began, err)
		c.noteFailure(ctx, err)
		if err == nil {
			c.connection = connection
			break
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	// A statement that has begun comes to its end though the client is to stop: what the
	// cluster does with one that is given up, it may do while others check.
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), statementTimeout)
	defer cancel()
	c.noteTry()
	began := time.Now()
	err := do(bounded, c.connection)
	c.noteSlow("a statement", began, err)
	c.noteFailure(ctx, err)
	if err == nil {
		return nil
	}
	failure, answered := errors.AsType[*pgconn.PgError](err)
	if answered && !retryable[failure.Code] {
		c.workload.cluster.Errorf("%s: %v (%s, %s)", c.name, err, failure.Detail, failure.Hint)
	}
	if c.connection.IsClosed() || fateOf(err) == unknown || answered && (failure.Code == diskFull || failure.Code == ioError) || c.random.IntN(4) == 0 {
		c.leave()
	}
	return err
}

// noteTry notes at which node the client tries.
func (c *client) noteTry() {
	c.workload.known.mu.Lock()
	defer c.workload.known.mu.Unlock()
	c.workload.known.waits.at(c.name, c.node)
}

// noteFailure counts what has failed, but for what the client was to end.
func (c *client) noteFailure(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	code := "connection"
	if failure, answered := errors.AsType[*pgconn.PgError](err); answered {
		code = failure.Code
	}
	c.workload.known.mu.Lock()
	defer c.workload.known.mu.Unlock()
	c.workload.known.failures[code]++
}

// slow is what takes long enough to be told of.
const slow = 2 * time.Second

// noteSlow tells of something that has taken long.
func (c *client) noteSlow(what string, began time.Time, err error) {
	if took := time.Since(began); took > slow {
		c.workload.cluster.Notef("%s of %s on %s took %v: %v", what, c.name, c.workload.cluster.Name(c.node), took.Round(time.Millisecond), err)
	}
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
	case <-time.After(time.Duration(10+c.random.IntN(150)) * time.Millisecond): // as users pause
	case <-ctx.Done():
	}
}

// writeEvents inserts events, one or a few at a time, until ctx ends.
func (c *client) writeEvents(ctx context.Context, writer int) {
	for number := 0; ctx.Err() == nil; {
		c.workload.known.mu.Lock()
		c.workload.known.waits.begin(c.name, time.Now())
		c.workload.known.mu.Unlock()
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
		c.workload.known.mu.Lock()
		for i := range count {
			c.workload.known.events[[2]int{writer, first + i}] = what
		}
		if what == acknowledged {
			c.workload.known.waits.end(c.name, time.Now())
		}
		c.workload.known.mu.Unlock()
		c.pause(ctx)
	}
}

// useRegisters reads and writes single rows by their key.
func (c *client) useRegisters(ctx context.Context, number int) {
	for written := 0; ctx.Err() == nil; c.pause(ctx) {
		id := c.random.IntN(keys)
		input := registerInput{id: id, write: c.random.IntN(2) == 0}
		if input.write {
			written++
			input.value = number*1_000_000 + written
		}
		c.workload.known.mu.Lock()
		c.workload.known.clock++
		call := c.workload.known.clock
		c.workload.known.mu.Unlock()
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
		c.workload.known.mu.Lock()
		c.workload.known.clock++
		operation := porcupine.Operation{ClientId: number, Input: input, Call: call, Output: output, Return: c.workload.known.clock}
		what := fateOf(err)
		if what == acknowledged || what == unknown && input.write {
			if what == unknown {
				operation.Return = never
			}
			c.workload.known.operations = append(c.workload.known.operations, operation)
		}
		c.workload.known.mu.Unlock()
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
func (c *client) moveMoney(ctx context.Context) {
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
			c.workload.known.mu.Lock()
			c.workload.known.transfers++
			c.workload.known.mu.Unlock()
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
					c.workload.cluster.Errorf("%s: the accounts hold %d, not %d", c.name, total, accounts*deposit)
				}
				return nil
			})
		}) // what fails is tried again
	}
}
