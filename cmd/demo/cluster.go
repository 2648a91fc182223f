package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// What the demonstration of a cluster does at which second of the replay.
const (
	killSecond    = 3
	restartSecond = 7
	clusterSecond = 12
)

// cluster is three nodes on this machine. One of them is killed: the victim, which leads
// the most shards; the demonstration writes to one of the others and watches on the last.
type cluster struct {
	binary string
	flags  [][]string
	nodes  []*process

	victim, writer, watcher int
}

// runCluster shows three nodes, one of which is killed while rows arrive.
func runCluster(ctx context.Context, binary, data string, seconds int) error {
	dir, err := os.MkdirTemp("", "millrace-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	lines, err := readFlights(data)
	if err != nil {
		return err
	}
	c := &cluster{binary: binary}
	defer c.stop()
	if err := c.start(dir); err != nil {
		return err
	}
	if err := c.choose(ctx); err != nil {
		return err
	}
	connection, err := pgx.Connect(ctx, c.nodes[c.writer].url)
	if err != nil {
		return err
	}
	defer connection.Close(context.WithoutCancel(ctx))
	for _, statement := range []string{createStream, createTable} {
		fmt.Printf("%s;\n\n", statement)
		if _, err := connection.Exec(ctx, statement); err != nil {
			return err
		}
	}
	fmt.Printf("Rows are written to node %d, and node %d tells of each change of the result:\n\n%s;\n\n", c.writer+1, c.watcher+1, pushQuery)

	board := &board{rows: map[string]row{}}
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	watched := make(chan error, 1)
	go func() { watched <- board.watch(watching, c.nodes[c.watcher].url) }()
	r := &replay{connection: connection, lines: lines, seconds: max(seconds, clusterSecond), board: board, events: map[int]func() error{
		killSecond:    c.kill,
		restartSecond: c.restart,
	}}
	if err := r.run(ctx); err != nil {
		return err
	}
	cancel()
	if err := <-watched; err != nil {
		return err
	}
	return c.conclude(ctx, r, len(lines))
}

// start starts the nodes, each with the addresses of those before it.
func (c *cluster) start(dir string) error {
	fmt.Println("Three nodes, on this machine instead of three:")
	fmt.Println()
	join := ""
	for i := range 3 {
		clients, nodes, err := freeAddresses()
		if err != nil {
			return err
		}
		folder := fmt.Sprintf("n%d", i+1)
		flags := []string{"--listen", clients, "--advertise", nodes}
		if i == 0 {
			join = nodes
		} else {
			flags = append(flags, "--join", join)
		}
		fmt.Printf("  %s start --data %s", c.binary, folder)
		for _, flag := range flags {
			fmt.Printf(" %s", flag)
		}
		fmt.Println()
		c.flags = append(c.flags, append([]string{"--data", filepath.Join(dir, folder)}, flags...))
		n, err := startNode(c.binary, c.flags[i]...)
		if err != nil {
			return err
		}
		c.nodes = append(c.nodes, n)
	}
	fmt.Println()
	return nil
}

// freeAddresses returns two addresses of this machine that nobody listens at.
func freeAddresses() (first, second string, err error) {
	var listeners [2]net.Listener
	for i := range listeners {
		if listeners[i], err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return "", "", err
		}
		defer listeners[i].Close()
	}
	return listeners[0].Addr().String(), listeners[1].Addr().String(), nil
}

// votesTimeout bounds the wait until every shard has its three voters.
const votesTimeout = 60 * time.Second

// choose waits until the nodes have shared the work, and shows how.
func (c *cluster) choose(ctx context.Context) error {
	connection, err := pgx.Connect(ctx, c.nodes[0].url)
	if err != nil {
		return err
	}
	defer connection.Close(context.WithoutCancel(ctx))
	ctx, cancel := context.WithTimeout(ctx, votesTimeout)
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		var votes, leads []int
		err := connection.QueryRow(ctx, `SELECT array_agg(votes ORDER BY id), array_agg(leads ORDER BY id) FROM millrace.nodes`).Scan(&votes, &leads)
		if err != nil {
			return fmt.Errorf("the nodes do not share the shards: %w", err)
		}
		if len(leads) == 3 && slices.Min(votes) == slices.Max(votes) && slices.Min(votes) > 0 && slices.Max(leads)-slices.Min(leads) <= 2 {
			for i := range leads {
				if leads[i] > leads[c.victim] {
					c.victim = i
				}
			}
			c.writer, c.watcher = (c.victim+1)%3, (c.victim+2)%3
			fmt.Printf("Each of the %d shards has a replica on every node, of which one leads:\n\n", votes[0])
			for i := range leads {
				fmt.Printf("  node %d leads %d\n", i+1, leads[i])
			}
			fmt.Println()
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("the nodes do not share the shards: they vote in %v and lead %v", votes, leads)
		}
	}
}

// kill kills the victim.
func (c *cluster) kill() error {
	fmt.Printf("\n  kill -9 %d: node %d is gone, with the shards that it led.\n\n", c.nodes[c.victim].command.Process.Pid, c.victim+1)
	c.nodes[c.victim].kill()
	return nil
}

// restart starts the victim again.
func (c *cluster) restart() error {
	began := time.Now()
	n, err := startNode(c.binary, c.flags[c.victim]...)
	if err != nil {
		return err
	}
	c.nodes[c.victim] = n
	fmt.Printf("\n  node %d is back: started, up to date and taking clients after %v.\n\n", c.victim+1, time.Since(began).Round(10*time.Millisecond))
	return nil
}

// conclude asks the node that was away whether anything is missing.
func (c *cluster) conclude(ctx context.Context, r *replay, written int) error {
	connection, err := pgx.Connect(ctx, c.nodes[c.victim].url)
	if err != nil {
		return err
	}
	defer connection.Close(context.WithoutCancel(ctx))
	var rows, wrong int
	err = connection.QueryRow(ctx, `SELECT (SELECT count(*) FROM flights), (SELECT count(*) FROM (
			SELECT origin, count(*), avg(delay), max(delay) FROM flights GROUP BY origin EXCEPT ALL TABLE delays) AS missing)`).Scan(&rows, &wrong)
	if err != nil {
		return err
	}
	fmt.Printf(`
Of %d flights that were acknowledged node %d, which was killed, has %d, and %d rows of
its result differ from a new computation. The result was told of on node %d in %d changes.
No row waited longer than %v for its acknowledgement, the time without a leader included.

docs/operations.md tells how to run a cluster.
`, written, c.victim+1, rows, wrong, c.watcher+1, r.board.changes, r.longest.Round(10*time.Millisecond))
	if rows != written || wrong != 0 {
		return fmt.Errorf("rows are lost")
	}
	return nil
}

// stop ends the nodes.
func (c *cluster) stop() {
	for _, n := range c.nodes {
		n.stop()
	}
}
