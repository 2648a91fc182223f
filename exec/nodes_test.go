package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/log"
	"millrace/planner"
	"millrace/planner/plan"
	"millrace/sql"
	"millrace/sql/catalog"
	"millrace/sql/types"
	"millrace/tables"
)

// Several engines in one process, each a node with its own storage, over replicated logs
// that are a model of Raft: what it guarantees and nothing else (replicatedlog_test.go),
// and over a network that loses calls and messages. Engines are the real ones, loops and
// goroutines included; what happens when is up to a seed only as far as the faults go.

// nodes is a cluster of engines.
type nodes struct {
	t       testing.TB
	catalog *replicatedLog
	shards  []*replicatedLog
	nodes   []*engineNode

	mu     sync.Mutex
	random *rand.Rand
	// lossy is in how many of a hundred calls and messages the network loses something.
	lossy int
	// cut are pairs of nodes, from and to, between which nothing passes.
	cut map[[2]uint64]bool
}

// engineNode is one node. Its storage outlives its engine.
type engineNode struct {
	cluster *nodes
	id      uint64
	fs      vfs.FS
	files   *log.FileCache
	store   *tables.Store
	machine *CatalogMachine
	engine  *Engine
	// after is the timer of engines that are started, nil for the clock's.
	after func(time.Duration) <-chan time.Time

	mu       sync.Mutex
	handlers map[string]func(ctx context.Context, from uint64, request []byte) ([]byte, error)
	// sends are the messages on their way from this node, by receiver and method.
	sends map[sendQueue]chan []byte
	down  bool
	// ended is closed when the node goes down.
	ended chan struct{}
}

type sendQueue struct {
	to     uint64
	method string
}

// newNodes starts a cluster of several nodes. Node 1 leads everything.
func newNodes(t testing.TB, seed uint64, count, shards int) *nodes {
	t.Helper()
	c := &nodes{t: t, random: rand.New(rand.NewPCG(seed, 7)), cut: map[[2]uint64]bool{}}
	for i := range count {
		n := &engineNode{cluster: c, id: uint64(i + 1), fs: vfs.NewMem(), machine: NewCatalogMachine()}
		n.files = log.NewFileCache(n.fs, 64)
		store, err := tables.Open(tables.Options{FS: n.fs, Dir: "tables", CacheBytes: 1 << 20, Logger: quiet()})
		if err != nil {
			t.Fatal(err)
		}
		n.store = store
		c.nodes = append(c.nodes, n)
	}
	c.catalog = newReplicatedLog(c, "the catalog")
	for _, n := range c.nodes {
		c.catalog.addReplica(n.id, func(index uint64, command []byte) any { return n.machine.Apply(index, command) })
	}
	for shard := range shards {
		c.shards = append(c.shards, newReplicatedLog(c, fmt.Sprintf("shard %d", shard)))
		for _, n := range c.nodes {
			replica := &shardReplica{node: n, number: shard, log: c.shards[shard], partitions: map[uint64]*log.Partition{}}
			replica.replica = c.shards[shard].addReplica(n.id, replica.apply)
			replica.replica.shard = replica
		}
	}
	c.lead(1)
	bootstrap, err := catalog.EncodeCommand(&catalog.Bootstrap{ClusterID: "nodes", Shards: shards})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.catalog.propose(1, bootstrap); err != nil {
		t.Fatal(err)
	}
	c.wait(func() bool {
		return !slices.ContainsFunc(c.nodes, func(n *engineNode) bool { return !n.machine.Bootstrapped() })
	})
	for _, n := range c.nodes {
		n.start()
	}
	t.Cleanup(c.close)
	for _, n := range c.nodes {
		if err := n.engine.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// close ends everything, engines first.
func (c *nodes) close() {
	for _, n := range c.nodes {
		n.stop()
	}
	for _, l := range append([]*replicatedLog{c.catalog}, c.shards...) {
		l.close()
	}
	for _, n := range c.nodes {
		for _, l := range c.shards {
			l.replicas[n.id].shard.close()
		}
		if err := n.store.Close(); err != nil {
			c.t.Error(err)
		}
	}
}

// lead has a node lead the catalog and all shards.
func (c *nodes) lead(node uint64) {
	for _, l := range append([]*replicatedLog{c.catalog}, c.shards...) {
		l.setLeader(node)
	}
}

// node returns the node of a number.
func (c *nodes) node(id uint64) *engineNode { return c.nodes[id-1] }

// anyNode is a node that is up.
func (c *nodes) anyNode() *engineNode {
	for {
		if n := c.nodes[c.chance(len(c.nodes))]; !n.isDown() {
			return n
		}
	}
}

// chance returns a number below n by chance.
func (c *nodes) chance(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.random.IntN(n)
}

// loses says whether the network loses something now.
func (c *nodes) loses() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lossy > 0 && c.random.IntN(100) < c.lossy
}

// passes says whether something gets from one node to another.
func (c *nodes) passes(from, to uint64) bool {
	c.mu.Lock()
	isCut := c.cut[[2]uint64{from, to}]
	c.mu.Unlock()
	return !isCut && !c.node(to).isDown() && !c.node(from).isDown()
}

// setLossy has the network lose something in so many of a hundred cases.
func (c *nodes) setLossy(percent int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lossy = percent
}

// cutOff cuts what passes from one node to another, or mends it.
func (c *nodes) cutOff(from, to uint64, isCut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut[[2]uint64{from, to}] = isCut
}

// wait waits for a condition.
func (c *nodes) wait(condition func() bool) {
	c.t.Helper()
	look, deadline := time.NewTicker(time.Millisecond), time.After(time.Minute)
	defer look.Stop()
	for !condition() {
		select {
		case <-look.C:
		case <-deadline:
			c.t.Fatal("a condition has not come true within a minute")
		}
	}
}

// start runs the node's engine.
func (n *engineNode) start() {
	n.mu.Lock()
	n.handlers = map[string]func(ctx context.Context, from uint64, request []byte) ([]byte, error){}
	n.sends, n.down, n.ended = map[sendQueue]chan []byte{}, false, make(chan struct{})
	n.mu.Unlock()
	engine := NewEngine(Options{Storage: nodeStorage{n}, Catalog: n.machine, Logger: quiet(), After: n.after})
	n.mu.Lock()
	defer n.mu.Unlock()
	n.engine = engine
}

// current is the engine that was started last. Who does not start and stop the node may
// call it meanwhile.
func (n *engineNode) current() *Engine {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.engine
}

// stop ends the node's engine as a crash does: whatever it leads is led by another
// node then, by chance.
func (n *engineNode) stop() {
	n.mu.Lock()
	if n.down {
		n.mu.Unlock()
		return
	}
	n.down = true
	close(n.ended)
	n.mu.Unlock()
	for _, l := range append([]*replicatedLog{n.cluster.catalog}, n.cluster.shards...) {
		l.lose(n.id)
	}
	n.engine.Close()
	for _, l := range n.cluster.shards {
		l.replicas[n.id].shard.Observe(nil)
	}
}

func (n *engineNode) isDown() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.down
}

// define runs a statement of DDL on the node.
func (n *engineNode) define(text string) {
	n.cluster.t.Helper()
	if err := n.tryDefine(text); err != nil {
		n.cluster.t.Fatalf("%s: %v", text, err)
	}
}

// tryDefine is define for a statement whose outcome may be an error.
func (n *engineNode) tryDefine(text string) error {
	command, err := n.command(text)
	if err == nil {
		_, err = n.engine.Define(n.cluster.t.Context(), command)
	}
	return err
}

// command plans a statement of DDL.
func (n *engineNode) command(text string) (catalog.Command, error) {
	statement, err := sql.ParseOne(text)
	if err != nil {
		return nil, err
	}
	planned, err := planner.Plan(&planner.Environment{Catalog: n.engine.Catalog(), Format: types.DefaultFormat(), Now: time.Now()}, statement)
	if err != nil {
		return nil, err
	}
	return planned.(*plan.DDL).Command, nil
}

// rows makes rows of integers for a relation.
func (n *engineNode) rows(relation string, values ...[]int64) Rows {
	n.cluster.t.Helper()
	r := n.engine.Catalog().Lookup("public", relation)
	if r == nil {
		n.cluster.t.Fatalf("node %d knows no %s", n.id, relation)
	}
	columns := make([]types.Type, len(r.Columns))
	for i := range columns {
		columns[i] = r.Columns[i].Type
	}
	batch := types.NewBatch(columns)
	for _, row := range values {
		var datums []types.Datum
		for _, v := range row {
			datums = append(datums, types.IntDatum(v))
		}
		batch.AppendRow(datums, 1)
	}
	return Rows{Relation: r, Batch: batch}
}

// open starts a query on the node.
func (n *engineNode) open(ctx context.Context, text string) (Cursor, error) {
	n.cluster.t.Helper()
	engine := n.current()
	q := plannedQuery(n.cluster.t, engine.Catalog(), text)
	return engine.Query(ctx, q, &QueryEnv{Format: types.DefaultFormat(), Now: time.Now()})
}

// query runs a pull query on the node and returns its rows as text, sorted.
func (n *engineNode) query(ctx context.Context, text string) ([]string, error) {
	n.cluster.t.Helper()
	cursor, err := n.open(ctx, text)
	if err != nil {
		return nil, err
	}
	defer cursor.Close()
	var out []string
	for {
		batch, err := cursor.Next(ctx)
		if errors.Is(err, io.EOF) {
			slices.Sort(out)
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		for i := range batch.Len {
			out = append(out, rowText(batch, i))
		}
	}
}

// nodeStorage is a node's storage as its engine has it.
type nodeStorage struct{ *engineNode }

// Shards implements Storage.
func (s nodeStorage) Shards() []ShardLog {
	var out []ShardLog
	for _, l := range s.cluster.shards {
		out = append(out, l.replicas[s.id].shard)
	}
	return out
}

// Store implements Storage.
func (s nodeStorage) Store() *tables.Store { return s.store }

// CheckSpace implements Storage.
func (s nodeStorage) CheckSpace() error { return nil }

// ProposeCatalog implements Storage.
func (s nodeStorage) ProposeCatalog(ctx context.Context, command []byte) (uint64, any, error) {
	if err := ctx.Err(); err != nil {
		return 0, nil, err
	}
	return s.cluster.catalog.propose(s.id, command)
}

// CatalogLeader implements Storage.
func (s nodeStorage) CatalogLeader() (uint64, <-chan struct{}) { return s.cluster.catalog.leaderNow() }

// CatalogReadIndex implements Storage.
func (s nodeStorage) CatalogReadIndex(ctx context.Context) (uint64, error) {
	return s.cluster.catalog.readIndex(ctx, s.id)
}

// CatalogTerm implements Storage.
func (s nodeStorage) CatalogTerm() uint64 { return s.cluster.catalog.termNow() }

// WaitCatalog implements Storage.
func (s nodeStorage) WaitCatalog(ctx context.Context, index uint64) error {
	return s.cluster.catalog.replicas[s.id].wait(ctx, index)
}

// Peers implements Storage.
func (s nodeStorage) Peers() Peers { return nodePeers(s) }

// nodePeers is a node's side of the network.
type nodePeers struct{ *engineNode }

// Self implements Peers.
func (p nodePeers) Self() uint64 { return p.id }

// Members implements Peers.
func (p nodePeers) Members() []uint64 {
	var out []uint64
	for _, n := range p.cluster.nodes {
		out = append(out, n.id)
	}
	return out
}

// Handle implements Peers.
func (p nodePeers) Handle(method string, handler func(ctx context.Context, from uint64, request []byte) ([]byte, error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handlers[method] = handler
}

// handler finds a method's handler on a node that is up.
func (n *engineNode) handler(method string) func(ctx context.Context, from uint64, request []byte) ([]byte, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.down {
		return nil
	}
	return n.handlers[method]
}

var errAnswerLost = errors.New("the answer was lost")

// Call implements Peers.
func (p nodePeers) Call(ctx context.Context, node uint64, method string, request []byte) ([]byte, error) {
	to := p.cluster.node(node)
	handler := to.handler(method)
	if handler == nil || !p.cluster.passes(p.id, node) || p.cluster.loses() {
		return nil, ErrUnreachable
	}
	type answered struct {
		answer []byte
		err    error
	}
	done := make(chan answered, 1)
	to.mu.Lock()
	ended := to.ended
	to.mu.Unlock()
	handling, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		answer, err := handler(handling, p.id, slices.Clone(request))
		done <- answered{slices.Clone(answer), err}
	}()
	select {
	case a := <-done:
		if !p.cluster.passes(node, p.id) || p.cluster.loses() {
			return nil, errAnswerLost
		}
		return a.answer, a.err
	case <-ended:
		cancel()
		return nil, errAnswerLost
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Send implements Peers.
func (p nodePeers) Send(node uint64, method string, message []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		return
	}
	at := sendQueue{node, method}
	queue := p.sends[at]
	if queue == nil {
		queue = make(chan []byte, 1000)
		p.sends[at] = queue
		go p.carry(at, queue, p.ended)
	}
	select {
	case queue <- slices.Clone(message):
	default: // too many wait
	}
}

// carry brings messages to a node until this one goes down.
func (p nodePeers) carry(at sendQueue, queue chan []byte, ended chan struct{}) {
	for {
		select {
		case <-ended:
			return
		case message := <-queue:
			handler := p.cluster.node(at.to).handler(at.method)
			if handler != nil && p.cluster.passes(p.id, at.to) && !p.cluster.loses() {
				_, _ = handler(context.Background(), p.id, message) // nobody waits for it
			}
		}
	}
}
