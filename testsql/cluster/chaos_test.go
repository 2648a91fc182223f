//go:build cluster

package cluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/testsql/harness"
	"millrace/testsql/workload"
)

// loaded is a cluster with clients at work.
type loaded struct {
	*harness.Cluster
	t *testing.T
	*workload.Workload

	mu     sync.Mutex
	random *rand.Rand
	began  time.Time
}

// startLoaded starts a cluster of processes behind proxies, and clients.
func startLoaded(t *testing.T, nodes, voters int) *loaded {
	t.Helper()
	l := startIdle(t, nodes, voters, "--scrub-period", "5s", "--scrub-bytes-per-second", "-1")
	l.work()
	return l
}

// startIdle starts a cluster of processes behind proxies, with further flags.
func startIdle(t *testing.T, nodes, voters int, args ...string) *loaded {
	t.Helper()
	return startOptions(t, harness.ClusterOptions{Nodes: nodes, Voters: voters, Shards: 4, Proxied: true, Args: args})
}

// startOptions starts a cluster of processes.
func startOptions(t *testing.T, options harness.ClusterOptions) *loaded {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("MILLRACE_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("MILLRACE_SEED=%d", seed)
	l := &loaded{t: t, random: rand.New(rand.NewPCG(seed, 1))}
	l.Cluster = harness.StartCluster(t, options)
	l.began = time.Now()
	return l
}

// work has clients begin to work.
func (l *loaded) work() {
	l.t.Helper()
	w, err := workload.New(l.t.Context(), workloadCluster{l})
	if err != nil {
		l.t.Fatal(err)
	}
	l.Workload = w
	w.Start(8)
}

// workloadCluster shows the cluster to the clients.
type workloadCluster struct{ *loaded }

func (c workloadCluster) Nodes() int           { return len(c.URLs()) }
func (c workloadCluster) Name(node int) string { return fmt.Sprintf("node %d", node+1) }

func (c workloadCluster) Chance(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.random.IntN(n)
}

func (c workloadCluster) Notef(format string, args ...any) { c.note(format, args...) }

func (c workloadCluster) Errorf(format string, args ...any) {
	c.t.Errorf("%7.3f s  "+format, append([]any{time.Since(c.began).Seconds()}, args...)...)
}

func (c workloadCluster) Connect(ctx context.Context, node int, client string) (*pgx.Conn, error) {
	return pgx.Connect(ctx, c.URLs()[node]+"&connect_timeout=2&application_name="+strings.ReplaceAll(client, " ", "_"))
}

// note tells what happens.
func (l *loaded) note(format string, args ...any) {
	l.t.Logf("%7.3f s  "+format, append([]any{time.Since(l.began).Seconds()}, args...)...)
}

// wait lets the clients work for a time.
func (l *loaded) wait(d time.Duration) { <-time.After(d) }

// calm waits until every shard has a leader and its voters are up to date, and tells how
// long the writers had to try meanwhile.
func (l *loaded) calm(voters int) {
	l.t.Helper()
	l.AwaitLeaders()
	l.AwaitVoters(voters)
	l.note("all is well again; no write took longer than %v", l.LongestWait().Round(time.Millisecond))
}

// finish ends the clients and checks what they know.
func (l *loaded) finish() {
	l.t.Helper()
	l.Workload.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), harness.ClusterTimeout)
	defer cancel()
	l.Check(ctx)
	l.note("%v", l.Workload)
	l.Workload.Close()
}

// goesOn is within which time writes have to go on when a leader has died.
const goesOn = 3 * time.Second

// wentOn tells how long the writers had to wait since they were asked last, and that it was
// not too long.
func (l *loaded) wentOn(after string, args ...any) {
	l.t.Helper()
	longest, what := l.LongestWait().Round(time.Millisecond), fmt.Sprintf(after, args...)
	if longest > goesOn {
		l.t.Errorf("%7.3f s  writes went on %v after %s", time.Since(l.began).Seconds(), longest, what)
	} else {
		l.note("writes went on within %v after %s", longest, what)
	}
}

// noteElsewhere tells how long the writers at other nodes than one had to wait since they
// were asked last, and those that tried at it.
func (l *loaded) noteElsewhere(node int, after string) {
	l.t.Helper()
	elsewhere, there := l.LongestWaits(node - 1)
	elsewhere, there = elsewhere.Round(time.Millisecond), there.Round(time.Millisecond)
	l.note("writes at other nodes went on within %v after %s, those at node %d have taken up to %v", elsewhere, after, node, there)
}

// TestKill kills each node, those that lead each shard, and two one after the other.
func TestKill(t *testing.T) {
	l := startLoaded(t, 3, 3)
	l.wait(2 * time.Second)
	l.LongestWait()
	kill := func(node int) {
		l.note("node %d is killed", node)
		l.Kill(node)
		l.wait(goesOn)
		l.wentOn("node %d was killed", node)
		l.Restart(node)
		l.note("node %d is back", node)
	}
	for node := 1; node <= 3; node++ {
		kill(node)
		l.calm(3)
	}
	for shard := range 4 {
		kill(l.AwaitLeaders()[shard])
		l.calm(3)
	}
	l.note("two nodes are killed, one after the other")
	l.Kill(1)
	l.wait(time.Second)
	l.Kill(2)
	l.wait(2 * time.Second)
	l.Launch(1)
	l.wait(time.Second)
	l.Launch(2)
	l.AwaitReady(1)
	l.AwaitReady(2)
	l.calm(3)
	l.finish()
	l.checkReplicas()
}

// TestKillAll kills all nodes at once.
func TestKillAll(t *testing.T) {
	l := startLoaded(t, 3, 3)
	for range 3 {
		l.wait(2 * time.Second)
		l.note("all nodes are killed")
		for node := 1; node <= 3; node++ {
			l.Kill(node)
		}
		for node := 1; node <= 3; node++ {
			l.Launch(node)
		}
		for node := 1; node <= 3; node++ {
			l.AwaitReady(node)
		}
		l.calm(3)
	}
	l.finish()
	l.checkReplicas()
}

// TestPause stops nodes without ending them: their clocks go on, and they do not know.
func TestPause(t *testing.T) {
	l := startLoaded(t, 3, 3)
	for _, pause := range []time.Duration{2 * time.Second, 30 * time.Second} {
		leader := l.AwaitLeaders()[0]
		l.LongestWait()
		l.note("node %d stands still for %v", leader, pause)
		if err := l.Node(leader).Pause(); err != nil {
			t.Fatal(err)
		}
		l.wait(pause)
		l.noteElsewhere(leader, "it stood still")
		if err := l.Node(leader).Continue(); err != nil {
			t.Fatal(err)
		}
		l.calm(3)
	}
	l.finish()
	l.checkReplicas()
}

// TestPartitions cuts the network in every shape that three nodes have.
func TestPartitions(t *testing.T) {
	l := startLoaded(t, 3, 3)
	const cut = 4 * time.Second
	for node := 1; node <= 3; node++ {
		others := []int{1 + node%3, 1 + (node+1)%3}
		l.note("node %d is cut off", node)
		l.LongestWait()
		l.Network().Split([]int{node}, others)
		l.wait(cut)
		l.noteElsewhere(node, "it was cut off")
		l.Network().Mend()
		l.calm(3)

		l.note("nothing passes between node %d and node %d", others[0], others[1])
		l.Network().Split(others[:1], others[1:])
		l.wait(cut)
		l.Network().Mend()
		l.calm(3)

		for _, other := range others {
			l.note("nothing passes from node %d to node %d", node, other)
			l.Network().Cut(node, other)
			l.wait(cut)
			l.Network().Mend()
			l.calm(3)
		}
		l.note("nothing that node %d says is heard", node)
		l.Network().Cut(node, others[0])
		l.Network().Cut(node, others[1])
		l.wait(cut)
		l.Network().Mend()
		l.calm(3)

		l.note("node %d hears nothing", node)
		l.Network().Cut(others[0], node)
		l.Network().Cut(others[1], node)
		l.wait(cut)
		l.Network().Mend()
		l.calm(3)
	}
	l.note("nobody hears anybody")
	l.Network().Split([]int{1}, []int{2, 3})
	l.Network().Split([]int{2}, []int{3})
	l.wait(cut)
	l.Network().Mend()
	l.calm(3)
	l.note("every message takes 30 ms")
	l.Network().Delay(30 * time.Millisecond)
	l.wait(cut)
	l.Network().Mend()
	l.calm(3)
	l.finish()
	l.checkReplicas()
}

// TestFiveNodes goes on while two of five are dead.
func TestFiveNodes(t *testing.T) {
	l := startLoaded(t, 5, 5)
	l.wait(time.Second)
	first := l.AwaitLeaders()[0]
	second := 1 + first%5
	l.note("nodes %d and %d are killed", first, second)
	l.Kill(first)
	l.Kill(second)
	l.LongestWait()
	l.wait(5 * time.Second)
	l.wentOn("two of five nodes were killed")
	l.Restart(first)
	l.Restart(second)
	l.calm(5)
	l.finish()
	l.checkReplicas()
}
