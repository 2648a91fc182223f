//go:build bench

package bench

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/testsql/harness"
)

// TestClusterBench prints the table of docs/benchmarks.md on clusters: one node and
// three, on the same machine, so that the three share its cores and its disk.
func TestClusterBench(t *testing.T) {
	var figures [2]map[string]figure
	var order []string
	for i, nodes := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d nodes", nodes), func(t *testing.T) {
			c := harness.StartCluster(t, harness.ClusterOptions{Nodes: nodes, Args: []string{"--log-level", "error"}})
			b := &clusterBench{t: t, cluster: c, figures: map[string]figure{}}
			b.idle()
			b.rates()
			b.latencies()
			if nodes > 1 {
				b.recovery()
			}
			figures[i] = b.figures
			order = b.order
		})
	}
	fmt.Printf("%-62s %-32s %-32s %6s\n", "", "1 node", "3 nodes", "ratio")
	for _, what := range order {
		one, three := figures[0][what], figures[1][what]
		if one.median == 0 {
			fmt.Printf("%-62s %-32s %-32s\n", what, "", three)
			continue
		}
		fmt.Printf("%-62s %-32s %-32s %6.2f\n", what, one, three, three.median/one.median)
	}
}

// clusterBench measures one cluster.
type clusterBench struct {
	t       *testing.T
	cluster *harness.Cluster
	figures map[string]figure
	order   []string
}

func (b *clusterBench) note(what string, f figure) {
	b.figures[what] = f
	b.order = append(b.order, what)
}

// server is a node as a client has it.
func (b *clusterBench) server(node int) server {
	return server{fmt.Sprint("node ", node), b.cluster.Node(node).URL()}
}

// last is the number of the node that was added last.
func (b *clusterBench) last() int {
	nodes := b.cluster.Nodes()
	return nodes[len(nodes)-1]
}

// idle measures which part of a core a node takes that nobody uses.
func (b *clusterBench) idle() {
	const span = 5 * time.Second
	<-time.After(span) // what starting left to do is done
	b.note("idle node, % of a core", measure(b.t, func() float64 {
		before := b.processorTime()
		<-time.After(span) // what is measured
		return 100 * (b.processorTime() - before).Seconds() / span.Seconds() / float64(len(b.cluster.Nodes()))
	}))
}

// processorTime is what all nodes have used.
func (b *clusterBench) processorTime() time.Duration {
	var ticks int64
	for _, node := range b.cluster.Nodes() {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", b.cluster.Node(node).PID()))
		if err != nil {
			b.t.Fatal(err)
		}
		// Behind the name in parentheses, user and system time are the 12th and 13th field
		// (proc(5)), in ticks of a hundredth of a second.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		for _, field := range fields[11:13] {
			n, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				b.t.Fatal(err)
			}
			ticks += n
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// rates measures how fast rows are taken, bare and with a result.
func (b *clusterBench) rates() {
	t := b.t
	s := schemas[0]
	data := lines(s, copyRows)
	m := b.server(b.last()).connect(t)
	b.note("COPY of flights, rows/s", measure(t, func() float64 {
		harness.Exec(t, m, `CREATE STREAM rows `+s.columns)
		took := copyIn(t, m, data)
		harness.Exec(t, m, `DROP STREAM rows`)
		return copyRows / took.Seconds()
	}))
	b.note("COPY of flights with its GROUP BY, rows/s", measure(t, func() float64 {
		harness.Exec(t, m, `CREATE STREAM rows `+s.columns)
		harness.Exec(t, m, `CREATE TABLE result AS `+s.result)
		began := time.Now()
		copyIn(t, m, data)
		harness.Rows(t, m, `SELECT count(*) FROM result`)
		took := time.Since(began)
		harness.Exec(t, m, `DROP TABLE result`)
		harness.Exec(t, m, `DROP STREAM rows`)
		return copyRows / took.Seconds()
	}))
	for _, connections := range []int{1, 64} {
		harness.Exec(t, m, `CREATE STREAM rows (k BIGINT, v TEXT)`)
		b.note(fmt.Sprintf("single-row INSERT, %d connections, rows/s", connections), measure(t, func() float64 {
			return insertFor(t, b.server(b.last()), connections, 2*time.Second)
		}))
		harness.Exec(t, m, `DROP STREAM rows`)
	}
}

// latencies measures single statements at the last node, and how long a change is on its
// way to a client of the first.
func (b *clusterBench) latencies() {
	t := b.t
	const rounds = 2000
	m := b.server(b.last()).connect(t)
	harness.Exec(t, m, `CREATE STREAM rows (k INT, v INT)`)
	harness.Exec(t, m, `CREATE TABLE result AS SELECT k, count(*) AS n FROM rows GROUP BY k`)
	i := 0
	b.percentiles("INSERT", latencies(t, rounds, func() {
		i++
		harness.Exec(t, m, `INSERT INTO rows VALUES ($1, 0)`, i)
	}))
	b.percentiles("SELECT of one key of the result", latencies(t, rounds, func() {
		harness.Rows(t, m, `SELECT n FROM result WHERE k = 7`)
	}))
	arrived := make(chan struct{}, 1)
	follower := b.server(1).connect(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		rows, err := follower.Query(ctx, `SELECT n FROM result WHERE k = 0 EMIT CHANGES`, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			t.Error(err)
			return
		}
		for rows.Next() {
			select {
			case arrived <- struct{}{}:
			case <-ctx.Done():
			}
		}
	}()
	harness.Exec(t, m, `INSERT INTO rows VALUES (0, 0)`)
	<-arrived
	b.percentiles("INSERT at one node until its change arrives at another", latencies(t, rounds, func() {
		harness.Exec(t, m, `INSERT INTO rows VALUES (0, 1)`)
		<-arrived
	}))
	cancel()
	<-done
	harness.Exec(t, m, `DROP TABLE result`)
	harness.Exec(t, m, `DROP STREAM rows`)
}

func (b *clusterBench) percentiles(what string, sorted []float64) {
	b.note(what+", p50, µs", point(sorted, 0.50))
	b.note(what+", p99, µs", point(sorted, 0.99))
}

// recovery kills the node that leads most and measures how long a writer at another
// node waits at most.
func (b *clusterBench) recovery() {
	t := b.t
	harness.Exec(t, b.server(1).connect(t), `CREATE STREAM rows (k BIGINT, v TEXT)`)
	b.note("longest wait of a writer when a leader is killed, s", measure(t, func() float64 {
		b.cluster.AwaitVoters(3)
		leaders := b.cluster.AwaitLeaders()
		led := map[int]int{}
		most := leaders[0]
		for _, leader := range leaders {
			if led[leader]++; led[leader] > led[most] {
				most = leader
			}
		}
		writer := 1
		for writer == most {
			writer++
		}
		c := b.server(writer).connect(t)
		longest := time.Duration(0)
		killed := false
		for began := time.Now(); time.Since(began) < 6*time.Second; {
			at := time.Now()
			harness.Exec(t, c, `INSERT INTO rows VALUES ($1, 'x')`, at.UnixNano())
			longest = max(longest, time.Since(at))
			if !killed && time.Since(began) > time.Second {
				killed = true
				b.cluster.Kill(most)
			}
		}
		b.cluster.Restart(most)
		return longest.Seconds()
	}))
}
