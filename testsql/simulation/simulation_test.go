package simulation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strconv"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/cmd/node"
	"millrace/testsql/workload"
)

// options are how a host's node is started.
func (h *host) options(s side, listener net.Listener) node.Options {
	options := node.Options{
		Dir: "data", FS: h.faults, Listener: listener, Listen: "127.0.0.1:0", Insecure: true, Now: h.now, Logger: h.logger(),
		SnapshotBytes: 256 << 10, ScrubPeriod: scrubPeriod,
	}
	if len(h.universe.hosts) > 1 {
		options.Cluster = node.Cluster{Listen: h.name + ":" + clusterPort, Network: s}
	}
	if h.number == 1 && !h.replaced {
		options.Shards = 3
	} else {
		for _, other := range h.universe.hosts {
			if other != h {
				options.Cluster.Join = append(options.Cluster.Join, other.name+":"+clusterPort)
			}
		}
	}
	return options
}

// scrubPeriod is how often nodes look for damage, and compare their replicas.
const scrubPeriod = 4 * time.Second

// TestSimulation runs the simulation from many seeds; a subtest, by its seed, runs the
// same again.
func TestSimulation(t *testing.T) {
	seeds := uint64(10)
	if raced {
		seeds = 3
	}
	first := uint64(0)
	if text := os.Getenv("MILLRACE_SEED"); text != "" {
		only, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		first, seeds = only, only+1
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for seed := first; seed < seeds; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			// Most have three nodes, some one.
			count := 3
			if seed%8 == 7 {
				count = 1
			}
			cryptotest.SetGlobalRandom(t, seed)
			beginBySeed(seed)
			synctest.Test(t, func(t *testing.T) { simulate(t, seed, count) })
		})
	}
}

// simulate runs one seed.
func simulate(t *testing.T, seed uint64, count int) {
	u := newUniverse(t, seed, count)
	if testing.Verbose() {
		defer func() { t.Logf("has done %x: %d messages, %x", doneBySeed(), u.network.messages, u.network.done) }()
	}
	// Connections that the driver gives up end by their timeouts.
	defer time.Sleep(time.Minute)
	defer u.close()
	defer func() {
		if t.Failed() {
			u.printTrace()
		}
	}()
	for _, h := range u.hosts {
		h.begin()
		if err := h.waitUp(t.Context()); err != nil {
			t.Error(err)
			return
		}
	}
	w, err := workload.New(t.Context(), simulated{u, &chances{random: rand.New(rand.NewPCG(seed, 53))}})
	if err != nil {
		t.Fatal(err)
	}
	w.Start(3)
	defer w.Close()
	u.fail()
	w.Stop()
	u.note("at rest")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	for _, h := range u.hosts {
		if err := h.waitUp(ctx); err != nil {
			t.Error(err)
			return
		}
	}
	w.Check(ctx)
	if testing.Verbose() {
		t.Logf("%v, %v", time.Since(u.began), w)
	}
}

// simulated shows the hosts to the clients.
type simulated struct {
	*universe
	clients *chances
}

func (s simulated) Nodes() int           { return len(s.hosts) }
func (s simulated) Name(node int) string { return s.hosts[node].name }
func (s simulated) Chance(n int) int     { return s.clients.below(n) }

func (s simulated) Notef(format string, args ...any) { s.note(format, args...) }

func (s simulated) Connect(ctx context.Context, node int, client string) (*pgx.Conn, error) {
	return s.connect(ctx, s.hosts[node], client)
}

func (s simulated) Errorf(format string, args ...any) {
	s.note(format, args...)
	s.t.Errorf(format, args...)
}
