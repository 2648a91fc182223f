package cluster

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"millrace/testsql/harness"
)

// TestOperateCluster drains, resumes, moves and removes by the commands for operators, each
// waited for, while a client writes.
func TestOperateCluster(t *testing.T) {
	t.Parallel()
	c := harness.StartCluster(t, harness.ClusterOptions{Nodes: 3, Shards: 3})
	w := c.Connect(1)
	harness.Exec(t, w, `CREATE STREAM clicks (id INT, page TEXT)`)
	insert(t, w, 0, 100)
	try := func(say string, args ...string) error {
		output, err := exec.CommandContext(t.Context(), harness.Binary(t), append(args, "-d", c.Node(1).URL())...).CombinedOutput()
		if err != nil || !strings.Contains(string(output), say) {
			return fmt.Errorf("millrace %v: %v\n%s", args, err, output)
		}
		return nil
	}
	run := func(say string, args ...string) {
		t.Helper()
		if err := try(say, args...); err != nil {
			t.Error(err)
		}
	}
	ask := func(query string, want ...string) {
		t.Helper()
		if rows := harness.Rows(t, w, query); strings.Join(rows, " ") != strings.Join(want, " ") {
			t.Errorf("%s: %q, want %q", query, rows, want)
		}
	}
	run("running", "node", "ls")
	run(`"cluster_address"`, "node", "ls", "--extended", "--json")

	fourth := c.Add("--locality", "rack=7")
	run("rack=7", "node", "ls")
	harness.Eventually(t, harness.ClusterTimeout, func() error {
		// Sizes may be old by two seconds.
		rows, err := harness.TryRows(t.Context(), w, `SELECT node, sum(bytes) FROM millrace.replicas GROUP BY node HAVING sum(bytes) > 100`)
		if err == nil && len(rows) != 4 {
			err = fmt.Errorf("not all nodes have bytes: %q", rows)
		}
		return err
	})
	run("is drained", "node", "drain", "2", "--wait", "--timeout", "60s")
	ask(`SELECT state, votes, leads FROM millrace.nodes WHERE id = 2`, "draining\t0\t0")
	ask(`SELECT bool_and(cardinality(voters) = 3) FROM millrace.shards`, "t")
	run("takes part", "node", "resume", "2")
	ask(`SELECT state FROM millrace.nodes WHERE id = 2`, "running")

	// Votes come back to the node, one after the other.
	harness.Eventually(t, harness.ClusterTimeout, func() error {
		rows, err := harness.TryRows(t.Context(), w, `SELECT bool_and(n.votes > 0), (SELECT bool_and(cardinality(voters) = 3) FROM millrace.shards) FROM millrace.nodes n`)
		if err == nil && rows[0] != "t\tt" {
			err = fmt.Errorf("the votes are not shared: %q", rows)
		}
		return err
	})
	// The cluster may be about to move what the command is to move.
	var reader string
	harness.Eventually(t, harness.ClusterTimeout, func() error {
		rows, err := harness.TryRows(t.Context(), w, `SELECT min(node) FILTER (WHERE role = 'voter'), min(node) FILTER (WHERE role = 'reader') FROM millrace.replicas WHERE shard = 1`)
		if err != nil {
			return err
		}
		var voter string
		voter, reader, _ = strings.Cut(rows[0], "\t")
		return try("is on node "+reader, "shard", "move", "1", "--from", voter, "--to", reader, "--wait", "--timeout", "60s")
	})
	run("leads shard 1", "shard", "leader", "1", reader)
	harness.Eventually(t, harness.ClusterTimeout, func() error {
		rows, err := harness.TryRows(t.Context(), w, `SELECT leader FROM millrace.shards WHERE shard = 1`)
		if err == nil && rows[0] != reader {
			err = fmt.Errorf("node %s leads shard 1, not node %s", rows[0], reader)
		}
		return err
	})

	run("is placed by the cluster", "shard", "unpin", "1")
	ask(`SELECT count(*) FROM millrace.shards WHERE pinned_voters <> '{}' OR pinned_leader IS NOT NULL`, "0")

	insert(t, w, 100, 200)
	run("is removed", "node", "remove", "3", "--wait", "--timeout", "60s")
	<-c.Node(3).Done()
	if logs := c.Node(3).Logs(); !strings.Contains(logs, "has been removed from its cluster") {
		t.Errorf("node 3 ended without a word of its removal:\n%s", logs)
	}
	c.Forget(3)
	insert(t, w, 200, 300)
	if rows := harness.Rows(t, c.Connect(fourth), `SELECT count(*), count(DISTINCT id) FROM clicks`); rows[0] != "300\t300" {
		t.Errorf("node %d has %q", fourth, rows)
	}
	ask(`SELECT count(*) FROM millrace.nodes`, "3")
}
