// Package node wires the parts of Millrace into one running node: storage and
// consensus, the catalog, the engine, PostgreSQL's protocol, and the HTTP side
// for operators. The thin mains and the tests start nodes through it.
package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"millrace/cluster"
	"millrace/exec"
	"millrace/sql/catalog"
	"millrace/sql/catalog/systables"
	"millrace/wire"
	"millrace/wire/auth"
	"millrace/wire/notify"
	"millrace/wire/session"
)

// Options say how a node runs.
type Options struct {
	// Dir holds all of the node's data.
	Dir string
	// Listen is the address for PostgreSQL clients; port 0 picks a free one.
	Listen string
	// Listener takes PostgreSQL clients instead of one on the address Listen; nil for
	// none. The node closes it.
	Listener net.Listener
	// HTTP is the address for metrics, health and profiles; "" for none.
	HTTP string
	// Shards is the number of shards of a new cluster; 0 means what the folder
	// has, and 8 for a new one.
	Shards int
	// Cluster says how the node meets others.
	Cluster Cluster
	// Access says who may connect.
	Access Access
	// Insecure allows addresses that other machines reach although those who use
	// them are not asked who they are.
	Insecure bool
	Logger   *slog.Logger
	// FS is the file system; nil means the operating system's.
	FS vfs.FS
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// After is the clock's timer; nil means time.After.
	After func(time.Duration) <-chan time.Time
	// SnapshotBytes is the log's growth between snapshots; 0 means the default.
	SnapshotBytes int64
	// SegmentBytes is the length beyond which a stream's segment files are complete,
	// from minSegmentBytes to maxSegmentBytes; 0 means the default.
	SegmentBytes int64
	// SeedRate bounds the bytes per second that this node sends to others that copy its
	// replicas, all together; 0 means the default of 64 MiB, negative no bound.
	SeedRate int64
	// ScrubPeriod is how often everything on disk is verified, and compared with the other
	// nodes; 0 means the default of a day, negative never. ScrubRate bounds the bytes per
	// second that are read for that; 0 means the default of 8 MiB, negative no bound.
	ScrubPeriod time.Duration
	ScrubRate   int64
	// WriteTimeout is how long a client may take nothing of what is sent to it before it
	// counts as gone; 0 means the default of five minutes, negative no limit.
	WriteTimeout time.Duration
	// PushMemory bounds the bytes of what push queries have to tell slow clients that wait
	// in memory, of all clients; 0 means the default of 256 MiB.
	PushMemory int64
	// Hooks act inside ticks, for tests.
	Hooks exec.Hooks
}

// Node is a running node.
type Node struct {
	options  Options
	registry *prometheus.Registry
	storage  *cluster.Node
	engine   *exec.Engine
	server   *wire.Server
	feeds    *session.RelationFeeds
	hub      *notify.Hub
	rules    auth.Rules
	http     *httpServer

	// address is where clients connect.
	address net.Addr
	// startup knows why the node is not ready yet.
	startup startup
	// opened says that storage and engine are there, and ready that clients are served.
	opened, ready atomic.Bool
	serving       sync.WaitGroup
	// serveErr takes what ends the service, of which there are three kinds.
	serveErr  chan error
	closing   chan struct{}
	closeOnce sync.Once
	closeErr  error
}

// DefaultListen is the address for PostgreSQL clients unless another is given.
const DefaultListen = "127.0.0.1:7432"

// Start opens the data folder, makes it a cluster of one where it is new, and
// returns when the node is ready for clients.
func Start(ctx context.Context, options Options) (*Node, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	n := &Node{options: options, registry: newRegistry(), serveErr: make(chan error, 3), closing: make(chan struct{})}
	if err := errors.Join(n.options.Cluster.complete(options.Insecure), n.checkAccess()); err != nil {
		return nil, err
	}
	if err := n.start(ctx); err != nil {
		_ = n.Close() // the error that stopped the start is the one to tell
		return nil, err
	}
	return n, nil
}

// The lengths that segment files may have: a larger batch has a file of its own, and positions in
// a file have 32 bits.
const (
	minSegmentBytes = 4 << 10
	maxSegmentBytes = 1 << 30
)

func (o Options) withDefaults() (Options, error) {
	if o.SegmentBytes != 0 && (o.SegmentBytes < minSegmentBytes || o.SegmentBytes > maxSegmentBytes) {
		return o, fmt.Errorf("segment files of %d bytes are not possible: they have %d to %d", o.SegmentBytes, minSegmentBytes, maxSegmentBytes)
	}
	if o.Dir == "" {
		return o, errors.New("a data folder is required")
	}
	if o.Listen == "" {
		o.Listen = DefaultListen
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, nil
}

// start brings up the parts: first what tells operators of the others, and then the
// lowest first.
func (n *Node) start(ctx context.Context) error {
	if err := n.serveHTTP(); err != nil {
		return err
	}
	listener, err := n.listen()
	if err != nil {
		return err
	}
	n.address = listener.Addr()
	clients := newPort(listener)
	if err := n.startBehind(ctx, clients); err != nil {
		_ = clients.Close() // the first error is the one to tell
		return err
	}
	n.ready.Store(true)
	return nil
}

// startBehind brings up what is behind the clients' port, and serves them.
func (n *Node) startBehind(ctx context.Context, clients *port) error {
	certificates, err := n.loadCertificates()
	if err != nil {
		return err
	}
	endRefusing, err := n.refuseClients(clients, certificates)
	if err != nil {
		return err
	}
	defer endRefusing()
	starting, endStarting := context.WithCancel(ctx)
	defer endStarting()
	machine := exec.NewCatalogMachine()
	if err := n.openStorage(starting, machine); err != nil {
		return err
	}
	if err := n.bootstrap(ctx, machine); err != nil {
		return err
	}
	n.engine = exec.NewEngine(exec.Options{
		Storage: storage{n.storage}, Catalog: machine, Logger: n.options.Logger, Registerer: n.registry,
		Now: n.options.Now, After: n.options.After, Hooks: n.options.Hooks,
		PushMemory: n.options.PushMemory,
	})
	n.opened.Store(true)
	started := n.options.Now()
	told := status{Engine: n.engine, storage: n.storage, own: func() nodeReport { return n.report(started) }}
	// A node that copies what others have tells them how far it is.
	told.serveReport()
	// The engine works before the replicas are up to date: others count on this node as
	// soon as its groups take part.
	if err := n.storage.Ready(ctx); err != nil {
		return fmt.Errorf("open %s: %w", n.options.Dir, err)
	}
	if err := n.engine.Ready(ctx); err != nil {
		return err
	}
	n.hub = notify.NewHub(0)
	n.hub.Join(ctx, peers{n.storage.Peers()}, notify.RelayOptions{Logger: n.options.Logger, Now: n.options.Now, After: n.options.After})
	endRefusing()
	return n.serve(clients, certificates, told)
}

// listen is where clients connect.
func (n *Node) listen() (net.Listener, error) {
	if n.options.Listener != nil {
		return n.options.Listener, nil
	}
	return net.Listen("tcp", n.options.Listen)
}

func (n *Node) openStorage(ctx context.Context, machine *exec.CatalogMachine) error {
	options := cluster.Options{
		FS: n.options.FS, Dir: n.options.Dir, Shards: n.options.Shards, Catalog: machine,
		SnapshotBytes: n.options.SnapshotBytes, SegmentBytes: n.options.SegmentBytes,
		SeedBytesPerSecond: n.options.SeedRate, ScrubPeriod: n.options.ScrubPeriod, ScrubBytesPerSecond: n.options.ScrubRate,
		Logger: n.options.Logger, Registerer: n.registry,
	}
	options.Waiting = func(why string) { n.startup.waits(n.options.Logger, why) }
	err := n.joinOptions(&options)
	if err != nil {
		return err
	}
	if n.storage, err = cluster.Open(ctx, options); err != nil {
		return fmt.Errorf("open %s: %w", n.options.Dir, err)
	}
	n.startup.waits(n.options.Logger, "")
	n.logMember()
	n.serving.Go(func() { n.startup.watch(ctx, n.storage, n.options.Logger) })
	if err := n.storage.CatalogReady(ctx); err != nil {
		return fmt.Errorf("open %s: %w", n.options.Dir, err)
	}
	return nil
}

// logMember tells which node of which cluster this is.
func (n *Node) logMember() {
	n.options.Logger.Info("the node's data is open", "version", Version(), "data", n.options.Dir, "cluster", n.storage.ClusterID(),
		"node", n.storage.ID(), "shards", n.storage.Shards(), "advertise", n.options.Cluster.Advertise)
}

// bootstrapPause is between two looks at whether another node has given the cluster its
// first objects.
const bootstrapPause = 50 * time.Millisecond

// bootstrap gives a new cluster its first objects, or waits until the node has done so
// that founded it.
func (n *Node) bootstrap(ctx context.Context, machine *exec.CatalogMachine) error {
	ticker := time.NewTicker(bootstrapPause)
	defer ticker.Stop()
	for !machine.Bootstrapped() {
		leader, changed := n.storage.CatalogLeader()
		if leader == n.storage.ID() {
			err := n.proposeBootstrap(ctx)
			if !errors.Is(err, cluster.ErrNotLeader) {
				return err
			}
		}
		select {
		case <-changed:
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (n *Node) proposeBootstrap(ctx context.Context) error {
	verifier, err := n.superuserVerifier()
	if err != nil {
		return err
	}
	command, err := catalog.EncodeCommand(&catalog.Bootstrap{
		ClusterID: n.storage.ClusterID(), Shards: n.storage.Shards(), CreatedMillis: n.options.Now().UnixMilli(),
		Superuser: n.options.Access.Superuser, Verifier: verifier,
	})
	if err != nil {
		return err
	}
	_, answer, err := n.storage.ProposeCatalog(ctx, command)
	if err != nil {
		return err
	}
	if outcome, ok := answer.(exec.CatalogOutcome); ok {
		return outcome.Err
	}
	return fmt.Errorf("unexpected answer %T of the catalog", answer)
}

// endWhenRemoved ends the service once the cluster has removed the node.
func (n *Node) endWhenRemoved() {
	select {
	case <-n.storage.Removed():
		n.serveErr <- errors.New("this node has been removed from its cluster; to join again it needs an empty folder")
	case <-n.closing:
	}
}

// endWhenFailed ends the service once the key-value store has failed, which nothing mends
// but opening it again: whoever supervises the process starts it anew, and others lead
// meanwhile.
func (n *Node) endWhenFailed() {
	tables := n.storage.Tables()
	select {
	case <-tables.Failed():
		n.serveErr <- tables.Failure()
	case <-n.closing:
	}
}

// serve starts taking clients.
func (n *Node) serve(listener net.Listener, certificates *auth.Certificates, told status) error {
	n.feeds = session.NewRelationFeeds(peers{n.storage.Peers()}, n.options.Logger)
	sessions := &session.Options{
		Backend: n.engine, System: systables.New(), Status: told,
		Functions: systemFunctions(), Operator: operator{n.storage}, Registry: n.newRegistry(), Notifications: n.hub, Feeds: n.feeds, Logger: n.options.Logger, Now: n.options.Now,
	}
	server, err := wire.New(wire.Options{
		Catalog: n.engine.Catalog, Authentication: n.rules, TLS: certificates,
		Listener: listener, Logger: n.options.Logger, Registerer: n.registry, Now: n.options.Now,
		WriteTimeout: n.options.WriteTimeout, Peers: peers{n.storage.Peers()},
		NewSession: func(identity session.Identity, client session.Client) (*session.Session, error) {
			return session.New(sessions, identity, client)
		},
	})
	if err != nil {
		return err
	}
	n.server = server
	n.serving.Go(n.endWhenRemoved)
	n.serving.Go(n.endWhenFailed)
	n.serving.Go(func() { n.serveErr <- server.Serve(context.Background()) })
	return nil
}

// newRegistry returns the registry of the node's sessions.
func (n *Node) newRegistry() *session.Registry {
	return session.NewRegistry(session.RegistryOptions{
		Peers: peers{n.storage.Peers()}, Catalog: n.engine.Catalog, CatchUp: n.engine.CatchUp, Logger: n.options.Logger,
	})
}

// Addr is where PostgreSQL clients connect.
func (n *Node) Addr() net.Addr { return n.address }

// HTTPAddr is where the HTTP side listens, nil without one.
func (n *Node) HTTPAddr() net.Addr {
	if n.http == nil {
		return nil
	}
	return n.http.listener.Addr()
}

// Engine returns the node's engine.
func (n *Node) Engine() *exec.Engine { return n.engine }

// Failed gives the error that ended the service to clients, should it end by
// itself.
func (n *Node) Failed() <-chan error { return n.serveErr }

// shutdownTimeout bounds the wait for clients' statements at a shutdown.
const shutdownTimeout = 10 * time.Second

// Close ends the node: clients first (with 57P01), then the loops, then the
// storage, each waited for. It is safe to call twice.
func (n *Node) Close() error {
	n.closeOnce.Do(func() {
		var errs []error
		n.ready.Store(false)
		close(n.closing)
		if n.server != nil {
			ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
			errs = append(errs, n.server.Shutdown(ctx))
			cancel()
			n.serving.Wait()
			n.feeds.Wait()
		}
		if n.hub != nil {
			ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
			n.hub.Leave(ctx)
			cancel()
		}
		if n.engine != nil {
			ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
			errs = append(errs, n.engine.ReturnValues(ctx))
			cancel()
			// Others lead before the loops end, so that nobody waits for an election.
			n.storage.HandOver()
			n.engine.Close()
		}
		if n.http != nil {
			errs = append(errs, n.http.close())
		}
		if n.storage != nil {
			errs = append(errs, n.storage.Close())
		}
		n.closeErr = errors.Join(errs...)
	})
	return n.closeErr
}
