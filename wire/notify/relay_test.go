package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millrace/sql/sqlerr"
)

// testNetwork connects hubs, and loses calls.
type testNetwork struct {
	mu       sync.Mutex
	random   *rand.Rand
	lossy    bool
	cut      map[uint64]bool
	members  []uint64
	handlers map[uint64]map[string]func(context.Context, uint64, []byte) ([]byte, error)
	// ahead is by how much the clock was put forward.
	ahead atomic.Int64
}

func newTestNetwork(nodes int) *testNetwork {
	n := &testNetwork{random: rand.New(rand.NewPCG(1, 2)), cut: map[uint64]bool{}, handlers: map[uint64]map[string]func(context.Context, uint64, []byte) ([]byte, error){}}
	for node := range nodes {
		n.members = append(n.members, uint64(node+1))
	}
	return n
}

// start starts a node's hub, a new one each time.
func (n *testNetwork) start(t *testing.T, node uint64, limit int) *Hub {
	n.mu.Lock()
	n.handlers[node] = map[string]func(context.Context, uint64, []byte) ([]byte, error){}
	n.mu.Unlock()
	h := NewHub(limit)
	h.Join(t.Context(), testPeers{n, node}, RelayOptions{
		Now:   func() time.Time { return time.Unix(0, n.ahead.Load()) },
		After: func(time.Duration) <-chan time.Time { return time.After(time.Millisecond) },
	})
	t.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		h.Leave(ended)
	})
	return h
}

// cutOff has a node reach nobody and nobody reach it.
func (n *testNetwork) cutOff(node uint64, isCut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut[node] = isCut
}

// passes says whether a call gets through, or its answer.
func (n *testNetwork) passes(from, to uint64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.cut[from] && !n.cut[to] && (!n.lossy || n.random.IntN(3) > 0)
}

// testPeers is one node's side of the network.
type testPeers struct {
	*testNetwork
	self uint64
}

var errLost = errors.New("lost")

func (p testPeers) Self() uint64 { return p.self }

func (p testPeers) Members() []uint64 { return p.members }

func (p testPeers) Handle(method string, handler func(context.Context, uint64, []byte) ([]byte, error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handlers[p.self][method] = handler
}

func (p testPeers) Call(ctx context.Context, node uint64, method string, request []byte) ([]byte, error) {
	p.mu.Lock()
	handler := p.handlers[node][method]
	p.mu.Unlock()
	if handler == nil || ctx.Err() != nil || !p.passes(p.self, node) {
		return nil, errLost
	}
	answer, err := handler(ctx, p.self, bytes.Clone(request))
	if !p.passes(node, p.self) {
		return nil, errLost
	}
	return answer, err
}

// testListener listens on a node.
type testListener struct {
	*Listener
	woken chan struct{}
	ended atomic.Int32
	got   []string
}

func listen(h *Hub) *testListener {
	l := &testListener{woken: make(chan struct{}, 1)}
	l.Listener = h.NewListener(func() {
		select {
		case l.woken <- struct{}{}:
		default:
		}
	}, func() { l.ended.Add(1) })
	l.Listen("c")
	return l
}

// waitFor takes notifications until there are n in all.
func (l *testListener) waitFor(t *testing.T, n int) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		l.got = append(l.got, takeAll(l.Listener)...)
		if len(l.got) >= n {
			return
		}
		select {
		case <-l.woken:
		case <-deadline:
			t.Fatalf("got %d notifications of %d", len(l.got), n)
		}
	}
}

// TestRelay has several nodes notify over a network that loses calls and answers: each
// listener gets everything once, that of each node in order.
func TestRelay(t *testing.T) {
	const nodes, transactions = 3, 100
	network := newTestNetwork(nodes)
	var hubs []*Hub
	for node := range nodes {
		hubs = append(hubs, network.start(t, uint64(node+1), 0))
	}
	network.mu.Lock()
	network.lossy = true
	network.mu.Unlock()
	var listeners []*testListener
	for _, h := range hubs {
		listeners = append(listeners, listen(h))
	}
	var wait sync.WaitGroup
	for node, h := range hubs {
		wait.Go(func() {
			for i := range transactions {
				send(t, h, "c", fmt.Sprint(node, " ", i, strings.Repeat(" long", i*50)))
			}
		})
	}
	wait.Wait()
	for at, l := range listeners {
		l.waitFor(t, nodes*transactions)
		next := make([]int, nodes)
		for _, payload := range l.got {
			var node, i int
			if _, err := fmt.Sscan(payload, &node, &i); err != nil {
				t.Fatal(err)
			}
			if i != next[node] {
				t.Fatalf("node %d got %d of node %d, not %d", at, i, node, next[node])
			}
			next[node]++
		}
		if len(l.got) != nodes*transactions || l.ended.Load() != 0 {
			t.Errorf("node %d got %d notifications, and was ended %d times", at, len(l.got), l.ended.Load())
		}
	}
}

// TestRelayMisses cuts a node off for so long that what waits for it is let go: those
// who listen there are ended when it is reached again, and new ones get what follows.
func TestRelayMisses(t *testing.T) {
	network := newTestNetwork(2)
	first, second := network.start(t, 1, 0), network.start(t, 2, 0)
	l := listen(second)
	send(t, first, "c", "before")
	l.waitFor(t, 1)
	network.cutOff(2, true)
	send(t, first, "c", "short")
	network.cutOff(2, false)
	l.waitFor(t, 2)
	network.cutOff(2, true)
	send(t, first, "c", "lost")
	for deadline := time.After(time.Minute); first.Usage() > 0; {
		network.ahead.Add(int64(time.Second))
		select {
		case <-time.After(time.Millisecond):
		case <-deadline:
			t.Fatal("what waits for a node that is gone is kept for ever")
		}
	}
	send(t, first, "c", "while it is gone")
	network.cutOff(2, false)
	for deadline := time.After(time.Minute); l.ended.Load() == 0; {
		select {
		case <-time.After(time.Millisecond):
		case <-deadline:
			t.Fatal("nobody is told that notifications were missed")
		}
	}
	other := listen(second)
	send(t, first, "c", "after")
	other.waitFor(t, 1)
	l.waitFor(t, 2)
	for l.got[len(l.got)-1] != "after" {
		l.waitFor(t, len(l.got)+1)
	}
	l.got = slices.DeleteFunc(l.got, func(payload string) bool { return payload == "while it is gone" }) // as it may be
	if !slices.Equal(l.got, []string{"before", "short", "after"}) || l.ended.Load() != 1 || other.ended.Load() != 0 {
		t.Errorf("got %q, ended %d and %d times", l.got, l.ended.Load(), other.ended.Load())
	}
}

// TestRelayRestart starts a node anew: its listeners get what is notified from then on,
// by and to other nodes, and nothing from before.
func TestRelayRestart(t *testing.T) {
	network := newTestNetwork(2)
	first, second := network.start(t, 1, 0), network.start(t, 2, 0)
	l := listen(first)
	send(t, second, "c", "1")
	send(t, first, "c", "for nobody")
	l.waitFor(t, 1)
	network.cutOff(2, true)
	send(t, first, "c", "while it is down")
	network.cutOff(2, false)
	second = network.start(t, 2, 0)
	other := listen(second)
	send(t, first, "c", "2")
	send(t, second, "c", "3")
	other.waitFor(t, 2)
	l.waitFor(t, 4)
	slices.Sort(other.got)
	if !slices.Equal(other.got, []string{"2", "3"}) || other.ended.Load() != 0 {
		t.Errorf("the new hub's listener got %q and was ended %d times", other.got, other.ended.Load())
	}
	if l.ended.Load() != 0 {
		t.Errorf("the other's was ended %d times", l.ended.Load())
	}
}

// TestRelayBounds has a listener of another node take nothing: whoever notifies fails,
// and goes on when it does.
func TestRelayBounds(t *testing.T) {
	network := newTestNetwork(2)
	first, second := network.start(t, 1, 20_000), network.start(t, 2, 20_000)
	slow := listen(second)
	payload := strings.Repeat("p", 1000)
	sent := 0
	for deadline := time.Now().Add(time.Minute); ; sent++ {
		err := first.Commit(t.Context(), []Notification{{Channel: "c", Payload: payload}}, func() error { return nil })
		if sqlerr.CodeOf(err) == sqlerr.ProgramLimitExceeded && sent > 20 {
			break
		}
		if err != nil {
			sent--
		}
		if time.Now().After(deadline) || sent > 60 {
			t.Fatalf("%d notifications are queued", sent)
		}
	}
	slow.waitFor(t, sent)
	send(t, first, "c", "more")
	slow.waitFor(t, sent+1)
	if usage := first.Usage(); slow.ended.Load() != 0 || usage > 1 {
		t.Errorf("ended %d times, %v of the queue is in use", slow.ended.Load(), usage)
	}
}

// TestRelayLeaves has a node that stops hand over what it has.
func TestRelayLeaves(t *testing.T) {
	network := newTestNetwork(2)
	first, second := network.start(t, 1, 0), network.start(t, 2, 0)
	l := listen(second)
	network.mu.Lock()
	network.lossy = true
	network.mu.Unlock()
	for i := range 100 {
		send(t, first, "c", fmt.Sprint(i))
	}
	first.Leave(t.Context())
	if got := takeAll(l.Listener); len(got) != 100 {
		t.Errorf("%d notifications are there", len(got))
	}
	send(t, first, "c", "too late")
	if usage := first.Usage(); usage != 0 {
		t.Errorf("%v of the queue is in use", usage)
	}
}

// FuzzMessage decodes arbitrary bytes: they are refused, or encode to the same.
func FuzzMessage(f *testing.F) {
	f.Add((&message{from: 1, to: 2, first: 3, lost: true, notifications: []Notification{{Channel: "c", Payload: "p", ProcessID: 7}, {Channel: "d"}}}).encode())
	f.Add((&message{}).encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decodeMessage(data)
		if err != nil {
			return
		}
		again, err := decodeMessage(m.encode())
		if err != nil || again.first != m.first || again.lost != m.lost || !slices.Equal(again.notifications, m.notifications) {
			t.Fatalf("%+v became %+v, %v", m, again, err)
		}
	})
}
