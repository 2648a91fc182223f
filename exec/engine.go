package exec

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// Options are what an engine is made of.
type Options struct {
	Storage Storage
	Catalog *CatalogMachine
	Logger  *slog.Logger
	// Registerer takes the engine's metrics; nil for none.
	Registerer prometheus.Registerer
	// Now is the clock and After its timer; nil means the time package's.
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
	Hooks Hooks
	// PushMemory bounds the bytes of changes that wait in memory for the clients of all
	// push queries; 0 means 256 MiB.
	PushMemory int64
}

// Engine runs the queries of one node: a loop for each shard led here, and the
// push and pull queries of the sessions. It implements Backend.
type Engine struct {
	storage Storage
	catalog *CatalogMachine
	logger  *slog.Logger
	now     func() time.Time
	after   func(time.Duration) <-chan time.Time
	metrics *metrics
	// self is this node's number.
	self uint64

	loops []*shardLoop
	// services are what this node does for others, by name; they are there before any
	// loop runs.
	services map[string]service
	stopped  chan struct{}
	stop     sync.Once
	// life ends when the engine is closed.
	life   context.Context
	cancel context.CancelFunc
	wait   sync.WaitGroup
	// turn picks the shard of rows without a key.
	turn      atomic.Uint64
	rowIDs    rowIDs
	sequences sequences
	// active is the newest catalog version that the node knows every shard to use.
	active atomic.Pointer[catalog.Snapshot]
	// view is the node's lease on its catalog, and reign what it has granted itself.
	view  catalogView
	reign reign
	// freshSince is when results that the node reads were last known to be fresh.
	freshSince freshSince
	resolver   resolver
	// writers are the transactions over several shards of this node\'s sessions.
	writers writers
	// commits are the transactions over several shards that are being carried out.
	commits     commitGate
	commitHolds commitHolds
	coordinator coordinator
	nodeLocks   *nodeLocks
	// catalogChanges wakes who waits for the catalog.
	catalogChanges catalogChanges
	// pushes are the push queries that work for several clients.
	pushes pushRegistry
	// pushStepRows is how many changes a step of a push query gives, about.
	pushStepRows int
}

// NewEngine starts the loops of all shards. The catalog must be bootstrapped and up to
// date; the shards' replicas need not be.
func NewEngine(options Options) *Engine {
	e := &Engine{
		storage: options.Storage, catalog: options.Catalog, logger: options.Logger,
		now: options.Now, after: options.After, stopped: make(chan struct{}), pushStepRows: pushStepRows,
		services: map[string]service{}, self: options.Storage.Peers().Self(),
	}
	if e.now == nil {
		e.now = time.Now
	}
	if e.after == nil {
		e.after = time.After
	}
	e.metrics = newMetrics(options.Registerer)
	e.pushes.budget.limit = options.PushMemory
	if options.PushMemory == 0 {
		e.pushes.budget.limit = defaultPushMemory
	}
	e.pushes.metrics = newPushMetrics(options.Registerer, &e.pushes.budget)
	e.resolver = newResolver(e)
	e.coordinator.engine = e
	e.commitHolds.held = map[[2]uint64]func(){}
	e.nodeLocks = newNodeLocks(e)
	shards := options.Storage.Shards()
	for i, shardLog := range shards {
		l := &shardLoop{engine: e, number: i, log: shardLog, logger: options.Logger, queue: newQueue()}
		l.core = newCore(i, len(shards), shardLog, e.now, options.Logger, options.Hooks)
		e.loops = append(e.loops, l)
	}
	e.serveReadIndex()
	e.serveWrites()
	e.serveActivated()
	e.serveCatalog()
	e.serveFreshness()
	e.serveStatus()
	e.serveIndexes()
	e.serveLocks()
	e.serveSequences()
	e.serveCommits()
	e.follow()
	ctx, cancel := context.WithCancel(context.Background())
	e.life, e.cancel = ctx, cancel
	settled := e.newestCatalog()
	e.catalog.onChange(func() {
		newest := e.newestCatalog()
		for _, l := range e.loops {
			l.feed.settle(settled, newest)
		}
		settled = newest
		e.catalogChanges.notify()
		for _, l := range e.loops {
			l.queue.signal()
		}
	})
	for _, l := range e.loops {
		e.wait.Go(func() { l.run(ctx) })
	}
	e.wait.Go(func() { e.resolver.run(ctx) })
	e.wait.Go(func() { e.coordinator.run(ctx) })
	e.wait.Go(func() { e.nodeLocks.run(ctx) })
	return e
}

// Ready waits until every shard runs with the newest catalog, no transaction that a
// crash interrupted is half done, and nothing is left of rewrites of tables that it
// interrupted.
func (e *Engine) Ready(ctx context.Context) error {
	if err := e.awaitReign(ctx); err != nil {
		return err
	}
	if err := e.readyCatalog(ctx); err != nil {
		return err
	}
	return e.resolver.wait(ctx)
}

// Close stops the loops and answers what waits for them. The storage stays
// open. It is safe to call twice.
func (e *Engine) Close() {
	e.stop.Do(func() {
		e.cancel()
		close(e.stopped)
	})
	e.wait.Wait()
	for _, l := range e.loops {
		l.log.Observe(nil)
	}
}

// newestCatalog returns the newest version that this node knows.
func (e *Engine) newestCatalog() *catalog.Snapshot { return e.catalog.current.Load() }

// Catalog implements Backend.
func (e *Engine) Catalog() *catalog.Snapshot {
	if active := e.active.Load(); active != nil {
		return active
	}
	return e.newestCatalog()
}

// Define implements Backend.
func (e *Engine) Define(ctx context.Context, command catalog.Command) (catalog.Result, error) {
	result, err := e.define(ctx, command)
	if err != nil {
		return result, err
	}
	if _, several := command.(*catalog.Define); several {
		e.completeDefined(ctx, result.Created)
		return result, nil
	}
	for _, id := range result.Created {
		if index := e.newestCatalog().Index(id); index == nil || index.Ready {
			continue
		}
		if err := e.completeIndex(ctx, id); err != nil {
			return result, err
		}
	}
	return result, nil
}

// define applies a command.
func (e *Engine) define(ctx context.Context, command catalog.Command) (catalog.Result, error) {
	if err := e.beforeDefining(ctx, command); err != nil {
		return catalog.Result{}, err
	}
	result, err := e.proposeCatalog(ctx, e.once(command))
	if err != nil {
		return catalog.Result{}, err
	}
	return result, e.waitActivated(ctx, e.newestCatalog())
}

// Locks implements Backend.
func (e *Engine) Locks() Locks { return e.nodeLocks }

// Alive implements Backend.
func (e *Engine) Alive() error {
	select {
	case <-e.stopped:
		return sqlerr.New(sqlerr.CannotConnectNow, -1, "the database system is shutting down")
	default:
	}
	return e.checkSpace()
}

// checkSpace returns an error with SQLSTATE 53100 when this node's disk takes no input.
func (e *Engine) checkSpace() error {
	if err := e.storage.CheckSpace(); err != nil {
		return sqlerr.New(sqlerr.DiskFull, -1, "the disk is too full to take input: %w", err).
			WithHint("Free disk space; writing goes on by itself.")
	}
	return nil
}

// Query implements Backend.
func (e *Engine) Query(ctx context.Context, q *plan.Query, env *QueryEnv) (Cursor, error) {
	if q.Emit == plan.EmitNone {
		return e.pull(ctx, q, env)
	}
	return e.push(ctx, q, env)
}
