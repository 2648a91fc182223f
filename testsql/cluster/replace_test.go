//go:build cluster

package cluster

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"millrace/testsql/harness"
)

const mebibyte = 1 << 20

// TestReplaceNode adds a fourth node and removes the first, under load, with data that has
// to move.
func TestReplaceNode(t *testing.T) {
	l := startIdle(t, 3, 3)
	var b bulk
	l.loadBulk(&b, 300, 1_000_000)
	l.work()
	l.wait(5 * time.Second)
	l.note("in 5 s of peace no write took longer than %v, failed: %v", l.LongestWait().Round(time.Millisecond), l.Failures())

	began := time.Now()
	fourth := l.Add()
	joined := time.Since(began)
	l.note("node %d has joined after %v; %.0f MiB were sent, it has %.0f MiB on disk", fourth, joined.Round(time.Millisecond),
		l.metric(fourth, "millrace_seed_received_bytes_total")/mebibyte, l.replicaBytes(fourth)/mebibyte)
	if received := l.metric(fourth, "millrace_seed_received_bytes_total"); received < l.replicaBytes(fourth)/2 {
		t.Errorf("only %.0f bytes were received", received)
	}
	l.note("no write took longer than %v", l.LongestWait().Round(time.Millisecond))
	for _, what := range []string{"drain", "remove"} {
		output, err := exec.CommandContext(t.Context(), harness.Binary(t), "node", what, "1", "--wait", "--timeout", "60s", "-d", l.Node(2).URL()).CombinedOutput()
		if err != nil {
			t.Errorf("millrace node %s: %v", what, err)
		}
		l.note("millrace node %s 1 --wait says:\n%s", what, strings.TrimSpace(string(output)))
		l.note("no write took longer than %v", l.LongestWait().Round(time.Millisecond))
	}
	select {
	case <-l.Node(1).Done():
	case <-time.After(harness.ClusterTimeout):
		t.Error("node 1, which was removed, has not ended")
	}
	l.Forget(1)
	l.note("the first node is replaced after %v", time.Since(began).Round(time.Millisecond))
	l.calm(3)
	l.checkFailures()
	l.finish()
	l.checkBulk(&b)
}

// TestLongAbsence has a node away until the logs of the others have gone on beyond what it
// has.
func TestLongAbsence(t *testing.T) {
	l := startIdle(t, 3, 3, scrubbing...)
	l.work()
	l.wait(time.Second)
	l.note("node 3 is killed")
	away := time.Now()
	l.Kill(3)
	var b bulk
	l.loadBulk(&b, 100, 500_000)
	// Logs are kept for who was heard of lately.
	l.wait(35*time.Second - time.Since(away))
	l.loadBulk(&b, 250, 500_000)
	l.LongestWait()
	l.Failures()

	began := time.Now()
	l.Restart(3)
	l.note("node 3 is back after %v, of which %.0f MiB were sent to it", time.Since(began).Round(time.Millisecond),
		l.metric(3, "millrace_seed_received_bytes_total")/mebibyte)
	if seeds := l.metric(3, "millrace_seeds_total"); seeds == 0 {
		t.Error("it has got everything from the log")
	}
	l.calm(3)
	l.checkFailures()
	l.finish()
	l.checkBulk(&b)
	l.checkReplicas()
}

// TestLostDisk has a node lose all that it has, and another one take its place.
func TestLostDisk(t *testing.T) {
	l := startIdle(t, 3, 3, scrubbing...)
	var b bulk
	l.loadBulk(&b, 200, 500_000)
	l.work()
	l.wait(2 * time.Second)
	l.note("node 3 is killed, and its disk is lost")
	l.Kill(3)
	l.wait(2 * time.Second)
	l.LongestWait()
	l.Failures()

	began := time.Now()
	fourth := l.Replace(3)
	l.AwaitReady(fourth)
	l.note("node %d has taken its place after %v, of which %.0f MiB were sent to it", fourth, time.Since(began).Round(time.Millisecond),
		l.metric(fourth, "millrace_seed_received_bytes_total")/mebibyte)
	l.calm(3)
	if rows := harness.Rows(t, l.Connect(1), `SELECT id FROM millrace.nodes ORDER BY id`); strings.Join(rows, " ") != "1 2 4" {
		t.Errorf("the nodes are %q", rows)
	}
	l.checkFailures()
	l.finish()
	l.checkBulk(&b)
	l.checkReplicas()
}

// TestSeedInterrupted kills a node that copies what the others have, and then one that it
// copies from: it goes on behind what it has.
func TestSeedInterrupted(t *testing.T) {
	l := startIdle(t, 3, 3, append([]string{"--seed-bytes-per-second", "8388608"}, scrubbing...)...)
	var b bulk
	l.loadBulk(&b, 300, 1_000_000)
	l.work()
	whole := l.replicaBytes(1)
	const received = "millrace_seed_received_bytes_total"
	fourth := l.Join()

	first := l.metricReaches(fourth, received, whole/3)
	l.note("node %d is killed when it has received %.0f of %.0f MiB", fourth, first/mebibyte, whole/mebibyte)
	l.Kill(fourth)
	l.Launch(fourth)
	second := l.metricReaches(fourth, received, whole/4)
	source := 0
	sent := map[int]float64{}
	for node := 1; node <= 3; node++ {
		sent[node] = l.metric(node, "millrace_seed_sent_bytes_total")
	}
	harness.Eventually(t, harness.ClusterTimeout, func() error {
		for node := 1; node <= 3; node++ {
			if l.metric(node, "millrace_seed_sent_bytes_total") > sent[node] {
				source = node
				return nil
			}
		}
		return os.ErrDeadlineExceeded
	})
	l.note("node %d, which it copies from, is killed when it has received %.0f MiB more", source, second/mebibyte)
	l.LongestWait()
	l.Kill(source)
	l.wait(goesOn)
	l.Restart(source)
	l.AwaitReady(fourth)
	total := first + l.metric(fourth, received)
	l.note("node %d has joined; %.0f MiB were received in all, of %.0f MiB", fourth, total/mebibyte, whole/mebibyte)
	if total > whole*4/3 {
		t.Errorf("%.0f bytes were received of %.0f", total, whole)
	}
	l.calm(3)
	l.checkFailures()
	l.finish()
	l.checkBulk(&b)
	l.checkReplicas()
}
