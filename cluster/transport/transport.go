package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Options configure a Transport.
type Options struct {
	// Network is where sockets come from; TCP by default.
	Network Network
	// Listen is the address at which other nodes reach this one; "" listens nowhere.
	Listen string
	// TLS returns the node's certificate (Certificates) and its cluster's authority
	// (ClientCAs) as they are now; it is asked at each connection. nil leaves
	// connections without encryption, and believes whoever connects.
	TLS func() *tls.Config
	// Logger is required.
	Logger *slog.Logger
	// Registerer receives the metrics; nil for none.
	Registerer prometheus.Registerer
}

// Handler answers a request of another node, or of this one; from is 0 for a node that
// has no number yet. ctx ends when the asker no longer waits, and when this transport is
// closed: a handler must return then. The request is the handler's; so is the answer the
// asker's. A handler that panics answers with an error.
type Handler func(ctx context.Context, from uint64, request []byte) (answer []byte, err error)

// Transport is a node's way to the other nodes of its cluster. Its methods are safe for
// concurrent use.
type Transport struct {
	options  Options
	logger   *slog.Logger
	listener net.Listener
	handlers handlers
	lanes    lanes
	workers  workers
	inbound  inbound
	rafts    rafts

	// epoch is when the transport was opened, and process a number drawn then.
	epoch   time.Time
	process uint64

	// ctx ends at Close, and running are all goroutines.
	ctx    context.Context
	cancel context.CancelCauseFunc
	life   struct {
		sync.Mutex
		closed  bool
		running sync.WaitGroup
	}

	mu struct {
		sync.RWMutex
		node    uint64
		cluster string
		peers   map[uint64]*peer
	}
}

// Open returns the transport of a node, which listens from now on if it is to. It has no
// number yet: it refuses connections, except by address, and calls no node, until
// SetIdentity.
func Open(options Options) (*Transport, error) {
	if options.Logger == nil {
		return nil, errors.New("transport: Logger is required")
	}
	if options.Network == nil {
		options.Network = TCP{}
	}
	t := &Transport{options: options, logger: options.Logger, epoch: time.Now(), process: rand.Uint64()}
	t.ctx, t.cancel = context.WithCancelCause(context.Background())
	t.mu.peers = map[uint64]*peer{}
	t.inbound.init()
	t.lanes.init(t)
	t.workers.next = make(chan func())
	t.rafts.init(t.ctx)
	t.HandleStream(raftSnapshots, t.serveSnapshot)
	if options.Listen != "" {
		listener, err := options.Network.Listen(options.Listen)
		if err != nil {
			return nil, fmt.Errorf("transport: %w", err)
		}
		t.listener = listener
		t.spawn(t.accept)
	}
	if options.Registerer != nil {
		if err := options.Registerer.Register(&collector{t}); err != nil {
			return nil, errors.Join(err, t.Close())
		}
	}
	return t, nil
}

// SetIdentity tells which node of which cluster this is. A cluster's name has at most 255
// bytes. It is called once, before anything that needs the number.
func (t *Transport) SetIdentity(cluster string, node uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.cluster, t.mu.node = cluster[:min(len(cluster), maxCluster)], node
}

// Self is this node's number, 0 before SetIdentity.
func (t *Transport) Self() uint64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.mu.node
}

func (t *Transport) identity() (cluster string, node uint64) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.mu.cluster, t.mu.node
}

// Address is where this node listens, nil where it does not.
func (t *Transport) Address() net.Addr {
	if t.listener == nil {
		return nil
	}
	return t.listener.Addr()
}

// SetPeer tells where a node is. Connections to where it was before are closed.
func (t *Transport) SetPeer(node uint64, address string) { t.peer(node).move(address) }

// Forget tells that a node has been removed from the cluster: it is called no more, and
// its connections are closed and refused.
func (t *Transport) Forget(node uint64) {
	t.peer(node).move("")
	t.inbound.closeNode(node, errRemoved)
}

// peer returns what is known of a node.
func (t *Transport) peer(node uint64) *peer {
	t.mu.RLock()
	p := t.mu.peers[node]
	t.mu.RUnlock()
	if p != nil {
		return p
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.mu.peers[node]; p != nil {
		return p
	}
	p = &peer{transport: t, node: node}
	t.mu.peers[node] = p
	return p
}

// peers are the nodes that have been heard of.
func (t *Transport) peers() []*peer {
	t.mu.RLock()
	defer t.mu.RUnlock()
	peers := make([]*peer, 0, len(t.mu.peers))
	for _, p := range t.mu.peers {
		peers = append(peers, p)
	}
	return peers
}

// spawn runs a goroutine that Close waits for; it reports false after Close.
func (t *Transport) spawn(run func()) bool {
	t.life.Lock()
	defer t.life.Unlock()
	if t.life.closed {
		return false
	}
	t.life.running.Go(run)
	return true
}

// Close closes all connections and ends all that waits, and returns when every handler
// has. A second call does nothing.
func (t *Transport) Close() error {
	t.life.Lock()
	closed := t.life.closed
	t.life.closed = true
	t.life.Unlock()
	if closed {
		return nil
	}
	t.cancel(ErrClosed)
	var err error
	if t.listener != nil {
		err = t.listener.Close()
	}
	t.life.running.Wait()
	if t.options.Registerer != nil {
		t.options.Registerer.Unregister(&collector{t})
	}
	return err
}
