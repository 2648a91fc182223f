// Command demo shows Millrace at work: it starts a node on a folder of its own,
// declares a stream and a result, replays real flights into the stream, and
// prints the result as a push query reports its changes. With -cluster there are
// three nodes, one of which is killed meanwhile.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/jackc/pgx/v5"
)

func main() {
	binary := flag.String("binary", "bin/millrace", "the millrace binary")
	data := flag.String("flights", "testsql/data/flights.csv", "the flights to replay")
	seconds := flag.Int("seconds", 8, "how long to replay")
	cluster := flag.Bool("cluster", false, "show a cluster of three nodes, one of which is killed")
	flag.Parse()
	run := runNode
	if *cluster {
		run = runCluster
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *binary, *data, *seconds); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

const (
	createStream = `CREATE STREAM flights (departure TIMESTAMP, origin TEXT, destination TEXT, delay INT, distance INT)
  WITH (timestamp = 'departure')`
	createTable = `CREATE TABLE delays AS
  SELECT origin, count(*) AS flights, avg(delay) AS mean, max(delay) AS worst
  FROM flights GROUP BY origin`
	pushQuery = `SELECT origin, flights, round(mean, 1) AS mean, worst FROM delays EMIT CHANGES`
)

// runNode shows one node.
func runNode(ctx context.Context, binary, data string, seconds int) error {
	dir, err := os.MkdirTemp("", "millrace-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	n, err := startNode(binary, "--data", dir, "--listen", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer n.stop()
	url := n.url
	lines, err := readFlights(data)
	if err != nil {
		return err
	}

	connection, err := pgx.Connect(ctx, url)
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
	fmt.Printf("%s;\n\nReplaying %d flights of 2001 for %d seconds.\n\n", pushQuery, len(lines), seconds)

	board := &board{rows: map[string]row{}}
	watching, cancel := context.WithCancel(ctx)
	watched := make(chan error, 1)
	go func() { watched <- board.watch(watching, url) }()
	err = (&replay{connection: connection, lines: lines, seconds: seconds, board: board}).run(ctx)
	cancel()
	if watchErr := <-watched; err == nil && watchErr != nil {
		err = watchErr
	}
	if err != nil {
		return err
	}
	fmt.Printf(`
That was %d changes of one continuous query. To go on by yourself, start a node

  %s start

and in another terminal connect to it with

  psql -h 127.0.0.1 -p 7432 -U millrace millrace
`, board.changes, binary)
	return nil
}
