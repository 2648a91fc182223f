package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/cluster/transport/memnet"
	"millrace/log"
)

// testCluster is a cluster of nodes in this process, over a network in memory.
type testCluster struct {
	t       *testing.T
	network *memnet.Network
	shards  int
	// disks and options are by host; the first host founds the cluster.
	disks   map[string]vfs.FS
	options map[string]func(*Options)

	mu    sync.Mutex
	nodes map[string]*Node
}

// virtual runs a test in virtual time: it takes as long as its work does, and the same
// time in any load of the machine.
func virtual(t *testing.T, test func(t *testing.T)) { synctest.Test(t, test) }

// newTestCluster starts a cluster of count nodes and waits until it is placed.
func newTestCluster(t *testing.T, count, shards int) *testCluster {
	return newTestClusterWith(t, count, shards, nil)
}

// newTestClusterWith is newTestCluster with options adjusted.
func newTestClusterWith(t *testing.T, count, shards int, adjust func(*Options)) *testCluster {
	c := &testCluster{
		t: t, network: memnet.New(), shards: shards,
		disks: map[string]vfs.FS{}, nodes: map[string]*Node{}, options: map[string]func(*Options){},
	}
	t.Cleanup(c.closeAll)
	for i := range count {
		c.options[host(i)] = adjust
		c.start(host(i))
	}
	if count > 0 {
		c.waitPlaced()
	}
	return c
}

// host is the name of a node's host.
func host(i int) string { return fmt.Sprintf("host%d", i) }

// start opens the node of a host, which joins the first one unless it is that, and waits
// until it is ready.
func (c *testCluster) start(name string) *Node {
	c.t.Helper()
	node := c.open(name)
	if err := node.Ready(testContext(c.t)); err != nil {
		c.t.Fatalf("%s: %v", name, err)
	}
	return node
}

// open opens the node of a host.
func (c *testCluster) open(name string) *Node {
	c.t.Helper()
	if c.disks[name] == nil {
		c.disks[name] = vfs.NewMem()
	}
	options := testOptions(c.t, c.disks[name], "data", 0)
	options.Logger = options.Logger.With("host", name)
	options.Network = c.network.Host(name)
	options.Listen = name + ":1"
	if name == host(0) {
		options.Shards = c.shards
	} else {
		options.Join = []string{host(0) + ":1", host(1) + ":1", host(2) + ":1"}
	}
	if adjust := c.options[name]; adjust != nil {
		adjust(&options)
	}
	node, err := Open(testContext(c.t), options)
	if err != nil {
		c.t.Fatalf("%s: %v", name, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes[name] = node
	return node
}

// close closes the node of a host.
func (c *testCluster) close(name string) {
	c.t.Helper()
	c.mu.Lock()
	node := c.nodes[name]
	delete(c.nodes, name)
	c.mu.Unlock()
	if err := node.Close(); err != nil {
		c.t.Errorf("%s: %v", name, err)
	}
}

// kill ends the node of a host without grace: nothing of it reaches the others any more.
func (c *testCluster) kill(name string) {
	c.t.Helper()
	for _, other := range c.hosts() {
		c.network.Cut(name, other)
		c.network.Cut(other, name)
	}
	c.network.Crash(name)
	c.close(name)
	c.network.HealAll()
}

// closeAll closes what still runs.
func (c *testCluster) closeAll() {
	var closing sync.WaitGroup
	for _, name := range c.hosts() {
		closing.Go(func() { c.close(name) })
	}
	closing.Wait()
}

// hosts lists the hosts whose nodes run.
func (c *testCluster) hosts() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for name := range c.nodes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// running lists the nodes that run.
func (c *testCluster) running() []*Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	var nodes []*Node
	for _, node := range c.nodes {
		nodes = append(nodes, node)
	}
	slices.SortFunc(nodes, func(a, b *Node) int { return int(a.ID()) - int(b.ID()) })
	return nodes
}

// node returns the running node of a host.
func (c *testCluster) node(name string) *Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes[name]
}

// leader returns the node that leads a group, nil when none does. The group is 0 for the
// catalog's.
func (c *testCluster) leader(group int) *Node {
	for _, node := range c.running() {
		if g := node.groups()[group]; g.isLeader() {
			return node
		}
	}
	return nil
}

// waitLeader waits until a node leads a group and has passed its Barrier.
func (c *testCluster) waitLeader(group int) (leader *Node) {
	c.t.Helper()
	waitFor(c.t, func() bool {
		leader = c.leader(group)
		if leader == nil {
			return false
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := leader.groups()[group].confirm(ctx)
		return err == nil
	})
	return leader
}

// waitPlaced waits until the placer has nothing left to do.
func (c *testCluster) waitPlaced() {
	c.t.Helper()
	ctx := testContext(c.t)
	var steps []groupStep
	var view *clusterView
	for settled := 0; settled < 3; {
		if ctx.Err() != nil {
			c.t.Fatalf("the cluster does not settle: %v left of %+v %+v", steps, view.members, view.groups)
		}
		leader := c.waitLeader(0)
		view = leader.view(ctx)
		steps = plan(view)
		if len(steps) == 0 && placed(view) {
			settled++
			continue
		}
		settled = 0
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// placed tells whether every replica is where it should be, and ready.
func placed(v *clusterView) bool {
	for _, m := range v.members.members {
		if m.State == Joining || m.State == Leaving || !v.alive[m.ID] {
			return false
		}
	}
	targets := placement(v)
	for i, g := range v.groups {
		for _, m := range v.members.members {
			if g.leader == 0 || !g.ready[m.ID] {
				return false
			}
		}
		if !slices.Equal(g.voters, targets[i]) {
			return false
		}
	}
	return true
}

// testLoad writes to every shard until it is stopped, one entry after the other.
type testLoad struct {
	c    *testCluster
	stop context.CancelFunc
	done sync.WaitGroup

	mu sync.Mutex
	// acknowledged and unknown are values by shard.
	acknowledged, unknown []map[string]bool
	// last is when each shard has last acknowledged, longest the longest pause between two.
	last    []time.Time
	longest time.Duration
}

// loadObject is the stream that a load writes to.
const loadObject = 7

// load starts writing.
func (c *testCluster) load() *testLoad {
	ctx, cancel := context.WithCancel(context.Background())
	l := &testLoad{c: c, stop: cancel, last: make([]time.Time, c.shards)}
	for shard := range c.shards {
		l.acknowledged = append(l.acknowledged, map[string]bool{})
		l.unknown = append(l.unknown, map[string]bool{})
		l.last[shard] = time.Now()
	}
	for shard := range c.shards {
		l.done.Go(func() { l.write(ctx, shard) })
	}
	c.t.Cleanup(func() {
		cancel()
		l.done.Wait()
	})
	return l
}

// write writes to a shard, through whichever node leads it.
func (l *testLoad) write(ctx context.Context, shard int) {
	// A little time passes between two writes, in a cluster in virtual time too.
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for count := 0; ctx.Err() == nil; <-ticker.C {
		leader := l.c.leader(1 + shard)
		if leader == nil {
			continue
		}
		s := leader.Shard(shard)
		attempt, cancel := context.WithTimeout(ctx, time.Second)
		base, err := s.Barrier(attempt)
		cancel()
		for err == nil && ctx.Err() == nil {
			count++
			base, err = l.writeOne(s, base, fmt.Sprintf("%d-%d", shard, count))
			<-ticker.C
		}
	}
}

// writeOne writes one value.
func (l *testLoad) writeOne(s *Shard, base uint64, value string) (uint64, error) {
	p, err := s.Partition(loadObject)
	if err != nil {
		return 0, err
	}
	offset := int64(0)
	if p != nil {
		offset = p.NextOffset()
	}
	entry := log.Entry{
		BaseIndex: base,
		Appends:   []log.Append{{Object: loadObject, Batch: recordBatch(offset, value)}},
		Writes:    []log.Write{setRow(loadObject, value, value)},
	}
	applied, err := s.Propose(entry.AppendTo(nil))
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil && applied.Accepted:
		l.acknowledged[s.ID()][value] = true
		l.longest = max(l.longest, time.Since(l.last[s.ID()]))
		l.last[s.ID()] = time.Now()
	case err == nil:
		return 0, errors.New("another leader has written")
	case errors.Is(err, ErrFateUnknown):
		l.unknown[s.ID()][value] = true
	}
	return applied.Index, err
}

// count is how many writes have been acknowledged in each shard at least.
func (l *testLoad) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	least := -1
	for _, values := range l.acknowledged {
		if least < 0 || len(values) < least {
			least = len(values)
		}
	}
	return least
}

// waitMore waits until every shard has acknowledged that many more writes.
func (l *testLoad) waitMore(more int) {
	l.c.t.Helper()
	goal := l.count() + more
	waitFor(l.c.t, func() bool { return l.count() >= goal })
}

// finish stops writing and verifies every replica.
func (l *testLoad) finish() {
	l.c.t.Helper()
	l.stop()
	l.done.Wait()
	total := 0
	for shard := range l.c.shards {
		l.verify(shard)
		total += len(l.acknowledged[shard])
	}
	l.c.t.Logf("%d writes, longest pause %v", total, l.longest)
}

// verify verifies that every replica of a shard has each acknowledged value once, and
// nothing that was not written.
func (l *testLoad) verify(shard int) {
	t := l.c.t
	t.Helper()
	leader := l.c.waitLeader(1 + shard)
	index, err := leader.Shard(shard).ReadIndex(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	var first string
	for _, node := range l.c.running() {
		s := node.Shard(shard)
		if err := s.WaitApplied(testContext(t), index); err != nil {
			t.Fatalf("node %d, shard %d: %v", node.ID(), shard, err)
		}
		values := partitionValues(t, s, loadObject)
		if len(tableRows(t, s.Tables(), loadObject)) != len(values) {
			t.Fatalf("node %d, shard %d: rows and segments differ", node.ID(), shard)
		}
		seen := map[string]bool{}
		for _, value := range values {
			if seen[value] || !l.acknowledged[shard][value] && !l.unknown[shard][value] {
				t.Fatalf("node %d, shard %d has %s, which it should not", node.ID(), shard, value)
			}
			seen[value] = true
		}
		for value := range l.acknowledged[shard] {
			if !seen[value] {
				t.Fatalf("node %d, shard %d has lost %s", node.ID(), shard, value)
			}
		}
		if all := strings.Join(values, " "); first == "" {
			first = all
		} else if first != all {
			t.Fatalf("node %d has other content of shard %d than the first", node.ID(), shard)
		}
	}
}
