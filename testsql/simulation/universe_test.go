package simulation

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/jackc/pgx/v5"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// universe is a simulated cluster with its clients.
type universe struct {
	t       *testing.T
	seed    uint64
	network *network
	hosts   []*host

	mu sync.Mutex
	// random decides the faults, and nothing else, so that they do not depend on the order
	// in which goroutines run.
	random *rand.Rand
	trace  []string
	began  time.Time
}

// chances are random numbers for several goroutines.
type chances struct {
	mu     sync.Mutex
	random *rand.Rand
}

// below returns a number below n.
func (c *chances) below(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.random.IntN(n)
}

// host is a machine: a disk, a clock, and a node that runs on it, or does not.
type host struct {
	universe *universe
	number   int
	name     string
	disk     *vfs.MemFS
	// faults is the disk as the node that was started last sees it.
	faults *harness.Disk
	// replaced says that the disk is not the one that the host began with.
	replaced bool
	// suspect says that the disk's log was damaged, so that a node may not start.
	suspect atomic.Bool
	// ahead is by how much its clock is ahead, in nanoseconds.
	ahead atomic.Int64

	mu   sync.Mutex
	node *node.Node
	// off is set when the power of the node that was started last is cut, and given up
	// then ends its start.
	off     *atomic.Bool
	givenUp context.CancelFunc
	// up is closed when the node is ready for clients, and replaced when it goes down.
	up chan struct{}
	// ending are nodes of before that have not ended yet.
	ending sync.WaitGroup
}

const clientPort, clusterPort = "7432", "7433"

// newUniverse makes hosts without nodes.
func newUniverse(t *testing.T, seed uint64, count int) *universe {
	u := &universe{t: t, seed: seed, random: rand.New(rand.NewPCG(seed, 41)), began: time.Now()}
	delays := &chances{random: rand.New(rand.NewPCG(seed, 43))}
	u.network = newNetwork(func() time.Duration { return time.Duration(50+delays.below(400)) * time.Microsecond })
	for i := range count {
		u.hosts = append(u.hosts, &host{
			universe: u, number: i + 1, name: fmt.Sprintf("host%d", i+1), disk: vfs.NewCrashableMem(), up: make(chan struct{}),
		})
	}
	return u
}

// chance returns a number below n for the next fault.
func (u *universe) chance(n int) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.random.IntN(n)
}

// note adds a line to the trace, which is printed when the seed fails.
func (u *universe) note(format string, args ...any) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.trace = append(u.trace, fmt.Sprintf("%9.3fs  ", time.Since(u.began).Seconds())+fmt.Sprintf(format, args...))
}

func (u *universe) printTrace() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.t.Logf("seed %d (make simulate SEEDS=%[1]d runs it again):\n%[2]s", u.seed, strings.Join(u.trace, "\n"))
}

// now is the host's clock.
func (h *host) now() time.Time { return clock(time.Duration(h.ahead.Load())) }

// begin starts a node on the host's disk; it is up when it is ready.
func (h *host) begin() {
	off := &atomic.Bool{}
	s := side{h.universe.network, h.name, off}
	listener, err := s.Listen(h.name + ":" + clientPort)
	if err != nil {
		h.universe.t.Error(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	h.mu.Lock()
	h.off, h.givenUp, h.faults = off, cancel, harness.NewDisk(h.disk)
	options := h.options(s, listener)
	h.mu.Unlock()
	h.ending.Go(func() {
		defer cancel()
		h.start(ctx, options, off)
	})
}

// start starts a node, unless the power is cut meanwhile, of which off tells.
func (h *host) start(ctx context.Context, options node.Options, off *atomic.Bool) {
	u := h.universe
	n, err := node.Start(ctx, options)
	if err != nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		if !off.Load() && h.mayFail(options.FS.(*harness.Disk)) {
			u.note("%s ends at its start: %v", h.name, err)
			_ = options.Listener.Close() // never fails
			h.ending.Go(h.begin)
			return
		}
		if !off.Load() {
			u.note("%s does not start: %v", h.name, err)
			u.t.Errorf("%s does not start: %v", h.name, err)
		}
		_ = options.Listener.Close() // never fails
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if off.Load() {
		h.ending.Go(func() { _ = n.Close() }) // a node without its disk and network
		return
	}
	h.node = n
	close(h.up)
	u.note("%s is up", h.name)
}

// logger writes what a node says to the trace, from warnings on.
func (h *host) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(traceWriter{h}, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

type traceWriter struct{ host *host }

func (w traceWriter) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	w.host.universe.note("%s: %s", w.host.name, text)
	if strings.Contains(text, "a replica has diverged") {
		w.host.universe.t.Errorf("%s: %s", w.host.name, text)
	}
	return len(line), nil
}

// crash cuts the host's power: its connections are gone, and of what its disk was not
// asked to sync a part.
func (h *host) crash() {
	u := h.universe
	h.mu.Lock()
	defer h.mu.Unlock()
	h.off.Store(true)
	h.givenUp()
	u.network.drop(h.name)
	u.mu.Lock()
	lost := rand.New(rand.NewPCG(u.random.Uint64(), 47))
	h.disk = h.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: u.random.IntN(101), RNG: lost})
	u.mu.Unlock()
	if n := h.node; n != nil {
		h.node = nil
		h.up = make(chan struct{})
		h.ending.Go(func() { _ = n.Close() }) // a node without its disk and network
	}
}

// running is the host's node, nil while it has none.
func (h *host) running() *node.Node {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.node
}

// waitUp waits until the host's node is ready.
func (h *host) waitUp(ctx context.Context) error {
	h.mu.Lock()
	up := h.up
	h.mu.Unlock()
	select {
	case <-up:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s is not up: %w", h.name, context.Cause(ctx))
	}
}

// connect connects a client to a host.
func (u *universe) connect(ctx context.Context, h *host, client string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig("postgres://millrace@" + h.name + ":" + clientPort + "/millrace?sslmode=disable&connect_timeout=3")
	if err != nil {
		return nil, err
	}
	config.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	config.DialFunc = func(ctx context.Context, _, at string) (net.Conn, error) {
		return side{u.network, client, nil}.Dial(ctx, at)
	}
	return pgx.ConnectConfig(ctx, config)
}

// close ends all nodes.
func (u *universe) close() {
	for _, h := range u.hosts {
		h.ending.Wait()
		if n := h.running(); n != nil {
			if err := n.Close(); err != nil {
				u.t.Errorf("%s: %v", h.name, err)
			}
		}
	}
}
