//go:build cluster

package cluster

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/testsql/harness"
)

// TestMain is the entry of the nodes whose disks and clocks are spoilt, too.
func TestMain(m *testing.M) {
	harness.FaultyNode()
	os.Exit(m.Run())
}

// worksOn is within which time writes have to go on when a leader's disk fails it.
const worksOn = 10 * time.Second

// startSpoilable starts three nodes whose disks and clocks can be spoilt, and clients.
func startSpoilable(t *testing.T, args ...string) *loaded {
	t.Helper()
	l := startOptions(t, harness.ClusterOptions{Nodes: 3, Voters: 3, Shards: 4, Faulty: true, Args: args})
	l.work()
	l.wait(2 * time.Second)
	return l
}

// spoilt lets a fault of a node's disk last, and says that writes went on meanwhile, those of
// the node's own clients, too.
func (l *loaded) spoilt(what string, node int, spoil func(*harness.Process), lasts time.Duration) {
	l.t.Helper()
	l.LongestWait()
	l.note("the disk of node %d, which leads shard 0, is %s", node, what)
	spoil(l.Node(node))
	l.wait(lasts)
	elsewhere, there := l.LongestWaits(node - 1)
	if longest := max(elsewhere, there); longest > worksOn {
		l.t.Errorf("while the disk of node %d was %s, a write took %v", node, what, longest)
	}
	l.note("no write took longer than %v, or %v at node %d", elsewhere.Round(time.Millisecond), there.Round(time.Millisecond), node)
	l.Node(node).MendDisk()
	select {
	case <-l.Node(node).Done():
		l.note("node %d has ended, and is started again", node)
		l.Kill(node)
		l.Restart(node)
	case <-time.After(time.Second):
	}
	l.calm(3)
}

// TestSlowDisk has the disk of a leader become slow, and hang.
func TestSlowDisk(t *testing.T) {
	l := startSpoilable(t)
	for _, by := range []time.Duration{500 * time.Millisecond, 2 * time.Second, 20 * time.Second} {
		l.spoilt("slow by "+by.String(), l.AwaitLeaders()[0], func(p *harness.Process) { p.SlowDisk(by) }, 12*time.Second)
	}
	l.finish()
}

// TestFullDisk has the room on a leader's disk run out, nearly and altogether.
func TestFullDisk(t *testing.T) {
	l := startSpoilable(t)
	l.spoilt("nearly full", l.AwaitLeaders()[0], (*harness.Process).ScarceDisk, 8*time.Second)
	l.spoilt("full", l.AwaitLeaders()[0], (*harness.Process).FullDisk, 8*time.Second)
	l.finish()
}

// TestFailedSyncs has a leader's disk fail to sync.
func TestFailedSyncs(t *testing.T) {
	l := startSpoilable(t)
	for range 2 {
		l.spoilt("failing to sync", l.AwaitLeaders()[0], (*harness.Process).FailingDisk, 6*time.Second)
	}
	l.finish()
}

// TestClockJumps turns clocks.
func TestClockJumps(t *testing.T) {
	l := startSpoilable(t)
	for i, by := range []time.Duration{3 * time.Hour, -5 * time.Hour, -24 * time.Hour, 48 * time.Hour} {
		node := 1 + i%3
		l.note("the clock of node %d jumps by %v", node, by)
		l.Node(node).JumpClock(by)
		l.wait(3 * time.Second)
		if longest := l.LongestWait(); longest > goesOn {
			t.Errorf("a write took %v after a clock has jumped", longest)
		}
		l.calm(3)
	}
	l.finish()
}

// TestFlippedBits flips a bit of each kind of file of one node, and has it repaired by the
// others. A node whose log is damaged may not start, and is replaced then.
func TestFlippedBits(t *testing.T) {
	l := startSpoilable(t, "--scrub-period", "2s", "--scrub-bytes-per-second", "-1")
	random := rand.New(rand.NewPCG(1, 61))
	for _, kind := range []harness.FileKind{harness.SegmentFile, harness.StoreFile, harness.SnapshotFile} {
		l.wait(2 * time.Second)
		// What is open is on disk, too, once the node has ended.
		l.Cluster.Stop(1)
		where, err := harness.Flip(vfs.Default, l.Node(1).Dir, kind, random)
		if err != nil {
			t.Fatal(err)
		}
		if where == "" {
			t.Errorf("there is no %s with something in it", kind)
		}
		l.note("%s: %q is flipped", kind, where)
		l.Restart(1)
		l.calm(3)
		if kind != harness.SnapshotFile { // a damaged one is written again from its copy when the node starts
			found := l.metricReaches(1, "millrace_damages_total", 1)
			copies := l.metricReaches(1, "millrace_seeds_total", 1)
			l.note("%v damages were reported, %v replicas were copied", found, copies)
		}
	}
	l.Kill(1)
	where, err := harness.Flip(vfs.Default, l.Node(1).Dir, harness.LogFile, random)
	if err != nil {
		t.Fatal(err)
	}
	l.note("%s: %q is flipped", harness.LogFile, where)
	l.Launch(1)
	if err := l.Node(1).TryReady(harness.ClusterTimeout); err != nil {
		if !strings.Contains(err.Error(), ".wal") {
			t.Errorf("the node does not say which file is damaged: %v", err)
		}
		l.note("node 1 does not start, and is replaced")
		l.Kill(1)
		l.AwaitReady(l.Replace(1))
	}
	l.calm(3)
	l.finish()
}
