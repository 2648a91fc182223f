package harness

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// ClusterOptions say what a cluster of processes is like.
type ClusterOptions struct {
	// Nodes is how many nodes the cluster begins with.
	Nodes int
	// Voters is how many replicas of each shard vote; 0 means one of fewer than three
	// nodes, and else three.
	Voters int
	// Shards is the number of shards, 0 for the default.
	Shards int
	// Args are further flags of each node.
	Args []string
	// Proxied has what nodes say to each other go through a Network, which a test can cut.
	Proxied bool
	// Faulty has nodes be FaultyNodes, whose disks and clocks a test can spoil.
	Faulty bool
}

// Cluster is a cluster of nodes in processes of their own, on the loopback interface.
// Nodes have the numbers that the cluster gives them, from 1 on in the order in which
// they were added. Its methods are for one goroutine.
type Cluster struct {
	tb      testing.TB
	options ClusterOptions
	dir     string
	network *Network

	// mu guards members, which the network reads.
	mu      sync.Mutex
	members []*member
}

// member is a node with what stays the same when it is started again.
type member struct {
	*Process
	args []string
	// metrics is where it tells its metrics.
	metrics string
	// up says that the node runs, gone that it is no member any more.
	up, gone bool
}

// ClusterTimeout is how long a test waits for what a cluster is to do: far more than it
// takes on a machine that does other things beside.
const ClusterTimeout = 60 * time.Second

// StartCluster starts a cluster and waits until all its nodes are ready and have the
// votes that they are to have. Everything ends with the test.
func StartCluster(tb testing.TB, options ClusterOptions) *Cluster {
	tb.Helper()
	switch {
	case options.Voters > 0:
		options.Args = append([]string{"--replication", fmt.Sprint(options.Voters)}, options.Args...)
	case options.Nodes < 3:
		options.Voters = 1
	default:
		options.Voters = 3
	}
	c := &Cluster{tb: tb, options: options, dir: tb.TempDir()}
	if options.Proxied {
		c.network = newNetwork(tb, c.ownerOf)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			c.logLogs()
		}
	})
	for range options.Nodes {
		c.Add()
	}
	c.AwaitVoters(options.Voters)
	return c
}

// Add starts another node with an empty folder, waits until it is ready, and returns its
// number.
func (c *Cluster) Add(args ...string) int {
	c.tb.Helper()
	number := c.Join(args...)
	c.AwaitReady(number)
	return number
}

// Join is Add that does not wait.
func (c *Cluster) Join(args ...string) int {
	c.tb.Helper()
	clients := ReserveAddress(c.tb)
	listen := ReserveAddress(c.tb)
	number := len(c.members) + 1
	advertise := listen
	if c.options.Proxied {
		advertise = c.network.startProxy(c.tb, number, listen).address()
	}
	m := &member{metrics: ReserveAddress(c.tb)}
	m.args = append([]string{"--listen", clients, "--cluster-listen", listen, "--advertise", advertise, "--http", m.metrics}, c.options.Args...)
	m.args = append(m.args, args...)
	if len(c.members) == 0 && c.options.Shards > 0 {
		m.args = append(m.args, "--shards", fmt.Sprint(c.options.Shards))
	}
	if len(c.members) > 0 {
		m.args = append(m.args, "--join", strings.Join(c.addresses(), ","))
	}
	c.mu.Lock()
	c.members = append(c.members, m)
	c.mu.Unlock()
	c.launch(number)
	return number
}

// Replace starts a node with an empty folder where another one is lost with all that it
// had, does not wait for it, and returns its number.
func (c *Cluster) Replace(lost int) int {
	c.tb.Helper()
	c.Forget(lost)
	m := &member{metrics: c.members[lost-1].metrics, args: slices.Clone(c.members[lost-1].args)}
	if !slices.Contains(m.args, "--join") {
		m.args = append(m.args, "--join", strings.Join(c.addresses(), ","))
	}
	c.mu.Lock()
	c.members = append(c.members, m)
	c.mu.Unlock()
	c.launch(len(c.members))
	return len(c.members)
}

// addresses are where the nodes reach each other.
func (c *Cluster) addresses() []string {
	var list []string
	for _, m := range c.members {
		list = append(list, m.args[slices.Index(m.args, "--advertise")+1])
	}
	return list
}

func (c *Cluster) launch(node int) {
	c.tb.Helper()
	m := c.members[node-1]
	dir := filepath.Join(c.dir, fmt.Sprintf("node-%d", node))
	var process *Process
	if c.options.Faulty {
		process = launchFaulty(c.tb, dir, m.args)
	} else {
		process = LaunchProcess(c.tb, dir, m.args...)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	m.Process = process
	m.Address = m.args[slices.Index(m.args, "--listen")+1]
	m.up = true
}

// Node is the process of a node.
func (c *Cluster) Node(node int) *Process { return c.members[node-1].Process }

// Network is what is between the nodes, nil without Proxied.
func (c *Cluster) Network() *Network { return c.network }

// ownerOf returns the node that has made a connection, by the connection's address.
func (c *Cluster) ownerOf(address net.Addr) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	processes := make([]int, len(c.members))
	for i, m := range c.members {
		if m.Process != nil {
			processes[i] = m.PID()
		}
	}
	return socketOwner(address, processes) + 1
}

// Nodes are the numbers of the nodes that run.
func (c *Cluster) Nodes() []int {
	var list []int
	for i, m := range c.members {
		if m.up {
			list = append(list, i+1)
		}
	}
	return list
}

// Kill ends a node with SIGKILL.
func (c *Cluster) Kill(node int) {
	c.members[node-1].Process.Kill()
	c.members[node-1].up = false
}

// Stop ends a node with SIGTERM.
func (c *Cluster) Stop(node int) {
	c.tb.Helper()
	if exit := c.members[node-1].Process.Stop(); exit != 0 {
		c.tb.Errorf("node %d ends with %d: %s", node, exit, c.Node(node).Logs())
	}
	c.members[node-1].up = false
}

// Launch starts a node that has ended, and does not wait for it.
func (c *Cluster) Launch(node int) { c.tb.Helper(); c.launch(node) }

// Restart starts a node that has ended, and waits until it is ready.
func (c *Cluster) Restart(node int) {
	c.tb.Helper()
	c.launch(node)
	c.AwaitReady(node)
}

// Connect returns a connection to a node that is closed with the test.
func (c *Cluster) Connect(node int) *pgx.Conn {
	c.tb.Helper()
	return Connect(c.tb, c.Node(node).URL())
}

// URL is a connection string with all nodes, which drivers try in their order.
func (c *Cluster) URL() string {
	var hosts []string
	for _, m := range c.members {
		hosts = append(hosts, m.Address)
	}
	return fmt.Sprintf("postgres://millrace@%s/millrace?sslmode=disable&connect_timeout=2", strings.Join(hosts, ","))
}

// URLs are the connection strings of the nodes that were not forgotten.
func (c *Cluster) URLs() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []string
	for _, m := range c.members {
		if !m.gone {
			list = append(list, m.URL())
		}
	}
	return list
}

// AwaitReady waits for a node that was launched.
func (c *Cluster) AwaitReady(node int) {
	c.tb.Helper()
	c.members[node-1].AwaitReady(c.tb, ClusterTimeout)
}

// Forget leaves out a node that has been removed from the cluster.
func (c *Cluster) Forget(node int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.members[node-1].up, c.members[node-1].gone = false, true
}

// Leaders are the nodes that lead the shards, by shard, as one of the running nodes knows;
// 0 where no leader is known.
func (c *Cluster) Leaders() ([]int, error) {
	rows, err := c.ask(`SELECT coalesce(leader, 0) FROM millrace.shards ORDER BY shard`)
	if err != nil {
		return nil, err
	}
	leaders := make([]int, len(rows))
	for i, row := range rows {
		if _, err := fmt.Sscan(row, &leaders[i]); err != nil {
			return nil, err
		}
	}
	return leaders, nil
}

// AwaitLeaders waits until every shard is led by a node that runs, and returns them.
func (c *Cluster) AwaitLeaders() []int {
	c.tb.Helper()
	var leaders []int
	Eventually(c.tb, ClusterTimeout, func() (err error) {
		leaders, err = c.Leaders()
		for shard, node := range leaders {
			if node == 0 || !c.members[node-1].up {
				return fmt.Errorf("shard %d is led by node %d", shard, node)
			}
		}
		return err
	})
	return leaders
}

// AwaitVoters waits until every shard has so many voters, all of which are up to date.
func (c *Cluster) AwaitVoters(voters int) {
	c.tb.Helper()
	Eventually(c.tb, ClusterTimeout, func() error {
		rows, err := c.ask(`SELECT shard, voters FROM millrace.shards WHERE coalesce(cardinality(voters), 0) <> ` + fmt.Sprint(voters) +
			` UNION ALL SELECT shard, NULL FROM millrace.replicas WHERE role = 'voter' AND state <> 'running'`)
		if err == nil && len(rows) > 0 {
			err = fmt.Errorf("shards do not have %d voters: %q", voters, rows)
		}
		return err
	})
}

// ask runs a query on the first node that answers.
func (c *Cluster) ask(query string) (rows []string, err error) {
	for _, node := range c.Nodes() {
		if rows, err = c.askNode(node, query); err == nil {
			return rows, nil
		}
	}
	return nil, fmt.Errorf("no node answers: %w", err)
}

func (c *Cluster) askNode(node int, query string) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	connection, err := pgx.Connect(ctx, c.Node(node).URL())
	if err != nil {
		return nil, err
	}
	defer connection.Close(ctx)
	return TryRows(ctx, connection, query)
}

// logLogs prints what the nodes have logged last.
func (c *Cluster) logLogs() {
	for i, m := range c.members {
		if m.Process != nil {
			c.tb.Logf("node %d, running %v:\n%s", i+1, m.up, m.Logs())
		}
	}
}
