package cluster

import (
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// recover recovers the folder of a host, whose node does not run.
func (c *testCluster) recover(name string, change bool) (Recovery, error) {
	return Recover(RecoveryOptions{FS: c.disks[name], Dir: "data", Logger: testLogger(c.t)}, change)
}

// TestRecover loses two nodes of three and goes on with the third.
func TestRecover(t *testing.T) { virtual(t, testRecover) }

func testRecover(t *testing.T) {
	c := newTestCluster(t, 3, 2)
	load := c.load()
	load.waitMore(20)
	load.finish()
	if _, err := c.recover(host(2), true); err == nil || !strings.Contains(err.Error(), "another process uses the folder") {
		t.Errorf("the folder of a node that runs: %v", err)
	}
	// One group has a snapshot and no log behind it.
	if err := c.node(host(2)).Checkpoint(testContext(t)); err != nil {
		t.Fatal(err)
	}
	c.closeAll()
	looked, err := c.recover(host(2), false)
	if err != nil || looked.Node == 1 || len(looked.Others) != 2 || len(looked.Groups) != 3 || looked.Recovered != "" {
		t.Fatalf("%+v, %v", looked, err)
	}
	// As after a crash, it is done twice.
	if _, err := c.recover(host(2), true); err != nil {
		t.Fatal(err)
	}
	recovered, err := c.recover(host(2), true)
	if err != nil {
		t.Fatal(err)
	}
	for i, group := range recovered.Groups {
		if before := looked.Groups[i]; group.Name != before.Name || group.Index <= before.Index || group.Term <= before.Term {
			t.Errorf("%+v follows %+v", group, before)
		}
	}
	survivor := c.start(host(2))
	if survivor.ClusterID() != recovered.Recovered || survivor.ClusterID() == looked.Cluster {
		t.Errorf("cluster %s", survivor.ClusterID())
	}
	if members := survivor.Members(); len(members) != 1 || members[0].ID != looked.Node || members[0].State != Running {
		t.Errorf("members %+v", members)
	}
	for shard, values := range load.acknowledged {
		rows := tableRows(t, survivor.Shard(shard).Tables(), loadObject)
		for value := range values {
			if rows[value] != value {
				t.Errorf("shard %d has lost %s", shard, value)
			}
		}
	}
	// The others are of another cluster, whose majority they still are; in time they
	// become members as new nodes do.
	for i := range 2 {
		c.open(host(i))
	}
	for i := range 2 {
		if err := c.node(host(i)).Ready(testContext(t)); err != nil {
			t.Fatal(err)
		}
	}
	if members := survivor.Members(); len(members) != 1 {
		t.Fatalf("members %+v", members)
	}
	for i := range 2 {
		c.close(host(i))
		c.disks[host(i)] = vfs.NewMem()
		c.options[host(i)] = func(o *Options) { o.Shards, o.Join = 0, []string{host(2) + ":1"} }
	}
	for i := range 2 {
		c.start(host(i))
	}
	c.waitPlaced()
	if ids := survivor.Peers().Members(); !slices.Equal(ids, []uint64{looked.Node, 4, 5}) {
		t.Errorf("members %v", ids)
	}
	load = c.load()
	load.waitMore(20)
	load.stop()
	load.done.Wait()
}

// TestRecoverRefuses: what is no whole replica makes no cluster.
func TestRecoverRefuses(t *testing.T) {
	fs := vfs.NewMem()
	options := RecoveryOptions{FS: fs, Dir: "data", Logger: testLogger(t)}
	if _, err := Recover(options, true); err == nil || !strings.Contains(err.Error(), "is not the folder of a node") {
		t.Errorf("no folder: %v", err)
	}
	if _, err := fs.Stat("data"); err == nil {
		t.Error("a folder has been made")
	}
	closeNode(t, startNode(t, testOptions(t, fs, "data", 2)))
	mark := &seedMark{reason: "it was too far behind"}
	if err := mark.write(fs, fs.PathJoin("data", shardDir(1))); err != nil {
		t.Fatal(err)
	}
	before, err := Recover(options, false)
	if err != nil || before.Groups[2].Lacks != mark.reason {
		t.Fatalf("%+v, %v", before, err)
	}
	if _, err := Recover(options, true); err == nil || !strings.Contains(err.Error(), mark.reason) {
		t.Errorf("a replica that is not whole: %v", err)
	}
	if after, err := Recover(options, false); err != nil || after.Cluster != before.Cluster {
		t.Errorf("%+v, %v", after, err)
	}
}
