// Package workload is what clients do to a cluster while parts of it fail, and what they
// check when all faults have passed:
//
//   - every acknowledged event is there once, one of unknown fate at most once, and no
//     other;
//   - every table that a query keeps is what the query gives over the rows;
//   - no money was lost or made, and no audit saw some on its way;
//   - the history of each register is linearizable;
//   - a follower of a stream was given every row once, one of a table has what the table
//     has;
//   - every node gives the same answers.
//
// It uses a real driver, and knows nothing of how the cluster runs.
package workload

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/jackc/pgx/v5"
)

// Cluster is what the clients work with. Its methods are called by many goroutines.
type Cluster interface {
	// Nodes is the number of nodes, and Name what one of them is called, from 0 on.
	Nodes() int
	Name(node int) string
	// Connect connects a client to a node.
	Connect(ctx context.Context, node int, client string) (*pgx.Conn, error)
	// Chance returns a number below n, by a seed.
	Chance(n int) int
	// Notef tells of something that may help to understand an error.
	Notef(format string, args ...any)
	// Errorf tells that something is wrong with the cluster.
	Errorf(format string, args ...any)
}

// Workload is clients at work. Its methods are for one goroutine.
type Workload struct {
	cluster Cluster
	known   knowledge

	stream *follower
	// tables are followers by the query that gives what they are to have in the end.
	tables map[string]*follower

	stopWriting, stopFollowing context.CancelFunc
	writing, following         sync.WaitGroup
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
	// failures counts what has failed by SQLSTATE, or "connection" without one.
	failures map[string]int
	// waits are those of the writers of events.
	waits waits
}

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
	fmt.Sprintf(`INSERT INTO names SELECT i, 'name' || i %% %d FROM generate_series(0, %d) AS i`, nameCount, keys-1),
	fmt.Sprintf(`INSERT INTO accounts SELECT i, %d FROM generate_series(1, %d) AS i`, deposit, accounts),
	`CREATE TABLE totals AS SELECT k, count(*) AS n, sum(number) AS total FROM events GROUP BY k`,
	`CREATE TABLE named AS SELECT x.name, count(*) AS n FROM events e JOIN names x ON e.k = x.k GROUP BY x.name`,
	`CREATE TABLE wealth AS SELECT count(*) AS n, sum(balance) AS total FROM accounts`,
	`CREATE TABLE rich AS SELECT id, balance FROM accounts WHERE balance > 100`,
}

// New makes what the clients use, on one node.
func New(ctx context.Context, cluster Cluster) (*Workload, error) {
	w := &Workload{cluster: cluster, known: knowledge{events: map[[2]int]fate{}, failures: map[string]int{}, waits: newWaits()}}
	connection, err := cluster.Connect(ctx, 0, "declarer")
	if err != nil {
		return nil, err
	}
	defer func() { _ = connection.Close(ctx) }() // all is said
	for _, statement := range declarations {
		if _, err := connection.Exec(ctx, statement, pgx.QueryExecModeSimpleProtocol); err != nil {
			return nil, fmt.Errorf("%s: %w", statement, err)
		}
	}
	return w, nil
}

// Start has clients begin to work: so many that write events, some that use registers,
// move money and audit, and four that follow.
func (w *Workload) Start(writers int) {
	var writing, following context.Context
	writing, w.stopWriting = context.WithCancel(context.Background())
	following, w.stopFollowing = context.WithCancel(context.Background())
	for i := range writers {
		c := w.newClient(fmt.Sprint("writer", i))
		w.writing.Go(func() { defer c.leave(); c.writeEvents(writing, i) })
	}
	for i := range 3 {
		c := w.newClient(fmt.Sprint("registers", i))
		w.writing.Go(func() { defer c.leave(); c.useRegisters(writing, i) })
	}
	for i := range 2 {
		c := w.newClient(fmt.Sprint("mover", i))
		w.writing.Go(func() { defer c.leave(); c.moveMoney(writing) })
	}
	auditor := w.newClient("auditor")
	w.writing.Go(func() { defer auditor.leave(); auditor.audit(writing) })
	w.stream = w.newFollower("stream follower", `SELECT rowmark, writer, number FROM events`, false)
	w.tables = map[string]*follower{
		recomputed[0][0]: w.newFollower("totals follower", `SELECT rowmark, k, n, total FROM totals`, true),
		recomputed[1][0]: w.newFollower("named follower", `SELECT rowmark, name, n FROM named`, true),
		recomputed[3][0]: w.newFollower("rich follower", `SELECT rowmark, id, balance FROM rich`, true),
	}
	w.following.Go(func() { w.stream.follow(following) })
	for _, f := range w.tables {
		w.following.Go(func() { f.follow(following) })
	}
}

// Stop ends the clients but those that follow, which Check waits for.
func (w *Workload) Stop() {
	w.stopWriting()
	w.writing.Wait()
}

// Close ends all clients.
func (w *Workload) Close() {
	w.Stop()
	w.stopFollowing()
	w.following.Wait()
}

// LongestWait returns the longest time that a writer of events had to try until its rows
// were acknowledged, or has tried so far, since the last call.
func (w *Workload) LongestWait() time.Duration {
	longest, _ := w.LongestWaits(-1)
	return longest
}

// LongestWaits is LongestWait of the writers that did not try at a node, and of those that
// did: what happens to a node that has not died is noticed late by those connected to it.
func (w *Workload) LongestWaits(node int) (elsewhere, there time.Duration) {
	w.known.mu.Lock()
	defer w.known.mu.Unlock()
	return w.known.waits.take(node, time.Now())
}

// Failures counts what has failed for clients by SQLSTATE, since the last call: statements
// and connections, the latter as "connection" where they got no answer.
func (w *Workload) Failures() map[string]int {
	w.known.mu.Lock()
	defer w.known.mu.Unlock()
	failures := w.known.failures
	w.known.failures = map[string]int{}
	return failures
}

// String counts what the clients have done.
func (w *Workload) String() string {
	w.known.mu.Lock()
	defer w.known.mu.Unlock()
	return fmt.Sprintf("%d events, %d operations on registers, %d transfers",
		len(w.known.events), len(w.known.operations), w.known.transfers)
}
