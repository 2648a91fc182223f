// Command demo shows Millrace at work: it starts a node on a folder of its own,
// declares a stream and a result, replays real flights into the stream, and
// prints the result as a push query reports its changes.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

func main() {
	binary := flag.String("binary", "bin/millrace", "the millrace binary")
	data := flag.String("flights", "testsql/data/flights.csv", "the flights to replay")
	seconds := flag.Int("seconds", 8, "how long to replay")
	flag.Parse()
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

func run(ctx context.Context, binary, data string, seconds int) error {
	dir, err := os.MkdirTemp("", "millrace-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	url, stop, err := startNode(binary, dir)
	if err != nil {
		return err
	}
	defer stop()
	file, err := os.ReadFile(data)
	if err != nil {
		return err
	}
	lines := strings.SplitAfter(strings.TrimSpace(string(file)), "\n")[1:]

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
	err = replay(ctx, connection, lines, seconds, board)
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

// startNode starts the binary on a folder and waits until it is ready.
func startNode(binary, dir string) (url string, stop func(), err error) {
	command := exec.Command(binary, "start", "--data", dir, "--listen", "127.0.0.1:0", "--log-level", "error")
	command.Stderr = os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the demo, which stops the node itself
	out, err := command.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := command.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = command.Process.Signal(syscall.SIGTERM) // it may have ended by itself
		_ = command.Wait()
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	match := regexp.MustCompile(`-h (\S+) -p (\d+)`).FindStringSubmatch(line)
	if err != nil || match == nil {
		stop()
		return "", nil, fmt.Errorf("the node did not start: %q, %w", line, err)
	}
	return fmt.Sprintf("postgres://millrace@%s:%s/millrace?sslmode=disable", match[1], match[2]), stop, nil
}

// replay copies the lines in small pieces, evenly over the seconds, and prints
// the board twice a second.
func replay(ctx context.Context, connection *pgx.Conn, lines []string, seconds int, board *board) error {
	const perSecond = 20
	pieces := max(1, seconds*perSecond)
	ticker := time.NewTicker(time.Second / perSecond)
	defer ticker.Stop()
	for i := range pieces {
		piece := strings.Join(lines[len(lines)*i/pieces:len(lines)*(i+1)/pieces], "")
		if _, err := connection.PgConn().CopyFrom(ctx, strings.NewReader(piece), `COPY flights FROM STDIN WITH (FORMAT csv)`); err != nil {
			return err
		}
		if i%perSecond == perSecond/2 {
			board.print()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
	board.print()
	return nil
}

// board is the result as the push query has told it so far.
type board struct {
	mu      sync.Mutex
	rows    map[string]row
	changes int
}

type row struct {
	origin  string
	flights int64
	mean    string
	worst   int32
}

// watch follows the push query until ctx ends.
func (b *board) watch(ctx context.Context, url string) error {
	connection, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer connection.Close(context.WithoutCancel(ctx))
	changes, err := connection.Query(ctx, pushQuery)
	if err != nil {
		return err
	}
	defer changes.Close()
	for changes.Next() {
		var r row
		var rowop string
		if err := changes.Scan(&r.origin, &r.flights, &r.mean, &r.worst, &rowop); err != nil {
			return err
		}
		b.mu.Lock()
		b.changes++
		if rowop == "delete" {
			delete(b.rows, r.origin)
		} else {
			b.rows[r.origin] = r
		}
		b.mu.Unlock()
	}
	if ctx.Err() != nil {
		return nil
	}
	return changes.Err()
}

// print prints the five busiest airports.
func (b *board) print() {
	b.mu.Lock()
	defer b.mu.Unlock()
	var rows []row
	for _, r := range b.rows {
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(x, y row) int {
		if x.flights != y.flights {
			return int(y.flights - x.flights)
		}
		return strings.Compare(x.origin, y.origin)
	})
	fmt.Printf("%6d changes", b.changes)
	for _, r := range rows[:min(5, len(rows))] {
		fmt.Printf("  | %s %4d flights, mean %5s, worst %4d", r.origin, r.flights, r.mean, r.worst)
	}
	fmt.Println()
}
