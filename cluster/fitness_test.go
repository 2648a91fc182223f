package cluster

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// slowLog makes syncs of the write-ahead log take longer.
func slowLog(by time.Duration) func(errorfs.Op) error {
	isLog := isSync(".wal")
	return func(op errorfs.Op) error {
		if isLog(op) {
			time.Sleep(by)
		}
		return nil
	}
}

// newFaultyCluster starts three nodes, of which the first host's disk has faults.
func newFaultyCluster(t *testing.T, adjust func(*Options)) (*testCluster, *faults, *vfs.MemFS) {
	f, disk := &faults{}, vfs.NewMem()
	c := newTestClusterWith(t, 0, 3, adjust)
	c.disks[host(0)] = errorfs.Wrap(disk, f)
	for i := range 3 {
		c.options[host(i)] = adjust
		c.start(host(i))
	}
	c.waitPlaced()
	return c, f, disk
}

// leads counts the groups that a node leads.
func leads(n *Node) int {
	count := 0
	for _, g := range n.groups() {
		if g.isLeader() {
			count++
		}
	}
	return count
}

// waitLeadsNothing waits until a node leads nothing, and others lead everything.
func (c *testCluster) waitLeadsNothing(n *Node) {
	c.t.Helper()
	waitFor(c.t, func() bool {
		for group := range n.groups() {
			if c.leader(group) == nil {
				return false
			}
		}
		return leads(n) == 0
	})
}

// TestClusterSlowDisk has a leader's disk take long for each sync: others lead until it is
// quick again, and nobody waits for long.
func TestClusterSlowDisk(t *testing.T) {
	for _, by := range []time.Duration{300 * time.Millisecond, 2 * time.Second} {
		t.Run(by.String(), func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				c, f, _ := newFaultyCluster(t, nil)
				slow := c.node(host(0))
				if leads(slow) < 2 {
					t.Fatalf("the first node leads %d groups", leads(slow))
				}
				load := c.load()
				waitFor(t, func() bool { return load.count() > 50 })
				f.set(slowLog(by))
				c.waitLeadsNothing(slow)
				before := load.count()
				waitFor(t, func() bool { return load.count() > before+50 })
				load.mu.Lock()
				if load.longest > 6*time.Second {
					t.Errorf("nothing was written for %v", load.longest)
				}
				load.mu.Unlock()
				f.set(nil)
				waitFor(t, func() bool { return leads(slow) > 0 })
			})
		})
	}
}

// TestClusterHangingDisk has the disk of a leader hang in a sync: the others elect leaders,
// though nothing of the node ends.
func TestClusterHangingDisk(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c, f, _ := newFaultyCluster(t, nil)
		hangs := c.node(host(0))
		load := c.load()
		waitFor(t, func() bool { return load.count() > 50 })
		f.set(slowLog(15 * time.Second))
		began := time.Now()
		waitFor(t, func() bool {
			for group := range hangs.groups() {
				if !slices.ContainsFunc(c.running(), func(n *Node) bool { return n != hangs && n.groups()[group].isLeader() }) {
					return false
				}
			}
			return true
		})
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("others lead after %v", took)
		}
		f.set(nil)
		// What was proposed on the node that hung is answered when its disk goes on.
		c.waitLeadsNothing(hangs)
		before := load.count()
		waitFor(t, func() bool { return load.count() > before+50 })
	})
}

// TestClusterScarceDisk has the room on a leader's disk run out: others lead until there is
// some again.
func TestClusterScarceDisk(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c, _, disk := newFaultyCluster(t, func(o *Options) { o.MinFreeBytes = 1000 })
		full := c.node(host(0))
		disk.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 999, TotalBytes: 2000, UsedBytes: 1001})
		c.waitLeadsNothing(full)
		if reason := full.fitness.unfit(); !strings.Contains(reason, "bytes free") {
			t.Errorf("the reason is %q", reason)
		}
		load := c.load()
		waitFor(t, func() bool { return load.count() > 50 })
		disk.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 2000, TotalBytes: 2000})
		waitFor(t, func() bool { return leads(full) > 0 })
	})
}

// TestClusterAllDisksScarce has the room run out everywhere: there is nobody to lead
// instead, and leadership stays where it is.
func TestClusterAllDisksScarce(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c, _, _ := newFaultyCluster(t, func(o *Options) { o.MinFreeBytes = 1000 })
		for _, disk := range c.disks {
			if wrapped, ok := disk.(*errorfs.FS); ok {
				disk = wrapped.Unwrap()
			}
			disk.(*vfs.MemFS).TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 999, TotalBytes: 2000, UsedBytes: 1001})
		}
		waitFor(t, func() bool {
			for _, n := range c.running() {
				if n.fitness.unfit() == "" {
					return false
				}
			}
			return true
		})
		time.Sleep(time.Second) // in virtual time: what was handed over before all knew has arrived
		var before []*Node
		for group := range 4 {
			before = append(before, c.waitLeader(group))
		}
		time.Sleep(minPenalty)
		for group, leader := range before {
			if c.leader(group) != leader {
				t.Errorf("group %d is led by another node", group)
			}
		}
	})
}
