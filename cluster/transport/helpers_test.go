package transport

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"millrace/cluster/transport/memnet"
)

const testCluster = "test-cluster"

// testNodes are the transports of nodes 1 to n on a network in memory.
type testNodes struct {
	network *memnet.Network
	nodes   map[uint64]*Transport
}

func hostName(node uint64) string { return fmt.Sprintf("n%d", node) }

func address(node uint64) string { return hostName(node) + ":7433" }

// newTestNodes opens transports that know each other, and closes them at the test's end.
func newTestNodes(t *testing.T, n int) *testNodes {
	t.Helper()
	c := &testNodes{network: memnet.New(), nodes: map[uint64]*Transport{}}
	for node := uint64(1); node <= uint64(n); node++ {
		c.start(t, node)
	}
	return c
}

// start opens the transport of a node and introduces it to the others.
func (c *testNodes) start(t *testing.T, node uint64) *Transport {
	t.Helper()
	tr := openTest(t, Options{Network: c.network.Host(hostName(node)), Listen: address(node)})
	tr.SetIdentity(testCluster, node)
	for other, its := range c.nodes {
		its.SetPeer(node, address(node))
		tr.SetPeer(other, address(other))
	}
	c.nodes[node] = tr
	return tr
}

// openTest opens a transport that is closed at the test's end.
func openTest(t *testing.T, options Options) *Transport {
	t.Helper()
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	tr, err := Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	})
	return tr
}

// virtual runs a test in virtual time; it fails when a goroutine outlives it.
func virtual(t *testing.T, test func(t *testing.T)) { synctest.Test(t, test) }

// within is a context that ends after a while.
func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// echo answers with the request.
func echo(_ context.Context, _ uint64, request []byte) ([]byte, error) { return request, nil }
