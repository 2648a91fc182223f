package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"millrace/cluster/transport/memnet"
)

func TestGreetingsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(0, 60, maxCluster)
		h := hello{
			lowest: rapid.Uint16().Draw(t, "lowest"), highest: rapid.Uint16().Draw(t, "highest"),
			class: Class(rapid.Byte().Draw(t, "class")), from: rapid.Uint64().Draw(t, "from"), to: rapid.Uint64().Draw(t, "to"),
			cluster: text.Draw(t, "cluster"), process: rapid.Uint64().Draw(t, "process"),
		}
		body, err := readGreeting(bytes.NewReader(h.append(nil)), maxHello)
		if err != nil {
			t.Fatal(err)
		}
		// A later version may say more.
		if back, err := decodeHello(append(body, rapid.SliceOf(rapid.Byte()).Draw(t, "more")...)); err != nil || back != h {
			t.Fatalf("got %+v, %v; want %+v", back, err, h)
		}
		w := welcome{reason: text.Draw(t, "reason"), version: 1, node: rapid.Uint64().Draw(t, "node"), cluster: h.cluster}
		body, err = readGreeting(bytes.NewReader(w.append(nil)), maxWelcome)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := decodeWelcome(body); err != nil || back != w {
			t.Fatalf("got %+v, %v; want %+v", back, err, w)
		}
	})
}

func TestCommonVersion(t *testing.T) {
	for _, test := range []struct{ lowest, highest, want uint16 }{
		{1, 1, 1}, {0, 1, 1}, {1, 7, 1}, {2, 7, 0}, {0, 0, 0}, {7, 1, 0},
	} {
		if got := commonVersion(test.lowest, test.highest); got != test.want {
			t.Errorf("%d to %d: got %d, want %d", test.lowest, test.highest, got, test.want)
		}
	}
}

func FuzzHandshake(f *testing.F) {
	h := hello{lowest: 1, highest: 1, class: ClassCalls, from: 3, to: 2, cluster: "c"}
	w := welcome{version: 1, node: 2, cluster: "c", reason: "no"}
	f.Add(h.append(nil))
	f.Add(w.append(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		body, err := readGreeting(bytes.NewReader(data), maxHello)
		if err != nil {
			return
		}
		if h, err := decodeHello(body); err == nil {
			if back, err := decodeHello(h.append(nil)[len(magic)+2:]); err != nil || back != h {
				t.Fatalf("%+v came back as %+v, %v", h, back, err)
			}
		}
		if w, err := decodeWelcome(body); err == nil && len(w.reason) <= maxReason {
			if back, err := decodeWelcome(w.append(nil)[len(magic)+2:]); err != nil || back != w {
				t.Fatalf("%+v came back as %+v, %v", w, back, err)
			}
		}
	})
}

// lines gathers what is logged.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) contain(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), text)
}

func (l *lines) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		name string
		// prepare makes node 2 call where "acceptor" listens.
		prepare func(acceptor, dialer *Transport)
		reason  string
	}{
		{"another cluster", func(_, dialer *Transport) { dialer.SetIdentity("other", 2) }, `node 2 is one of cluster \"other\", this is one of cluster \"test-cluster\"`},
		{"a node that has been removed", func(acceptor, _ *Transport) { acceptor.Forget(2) }, "node 2 has been removed from the cluster"},
		{"the same number twice", func(_, dialer *Transport) { dialer.SetIdentity(testCluster, 1) }, "two nodes with number 1"},
		{"another node is there", func(acceptor, _ *Transport) { acceptor.SetIdentity(testCluster, 9) }, "node 1 was looked for, and node 9 is here"},
		{"still joining", func(acceptor, _ *Transport) { acceptor.SetIdentity("", 0) }, "the node is still starting"},
	} {
		t.Run(test.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				network := memnet.New()
				there, here := &lines{}, &lines{}
				acceptor := openTest(t, Options{Network: network.Host("a"), Listen: "a:1", Logger: there.logger()})
				acceptor.SetIdentity(testCluster, 1)
				acceptor.Handle("echo", echo)
				dialer := openTest(t, Options{Network: network.Host("b"), Logger: here.logger()})
				dialer.SetIdentity(testCluster, 2)
				test.prepare(acceptor, dialer)
				p := dialer.peer(1)
				p.move("a:1")
				l, err := p.link(ClassCalls)
				if err != nil {
					t.Fatal(err)
				}
				<-l.ctx.Done()
				var refused *RefusedError
				if err := context.Cause(l.ctx); !errors.As(err, &refused) || !strings.Contains(strings.ReplaceAll(refused.Reason, `"`, `\"`), test.reason) {
					t.Errorf("got %v", err)
				}
				eventually(t, "both sides log why", func() bool { return there.contain(test.reason[:20]) && here.contain(test.reason[:20]) })
			})
		})
	}
}

func TestRefusedVersionAndClass(t *testing.T) {
	tr := openTest(t, Options{})
	tr.SetIdentity(testCluster, 1)
	for _, test := range []struct {
		hello  hello
		reason string
	}{
		{hello{lowest: 2, highest: 3, from: 2, cluster: testCluster}, "versions 2 to 3 of the protocol"},
		{hello{lowest: 1, highest: 1, class: 77, from: 2, cluster: testCluster}, "class 77"},
		{hello{lowest: 1, highest: 1, class: ClassCalls, cluster: testCluster}, "only a node that has a number"},
		{hello{lowest: 1, highest: 4, class: ClassStream, from: 2, cluster: testCluster}, ""},
		{hello{lowest: 1, highest: 1, class: ClassJoin, cluster: "whatever"}, ""},
	} {
		w := welcome{version: commonVersion(test.hello.lowest, test.hello.highest), node: 1, cluster: testCluster}
		if reason := tr.refusal(&test.hello, &w); reason != test.reason && (test.reason == "" || !strings.Contains(reason, test.reason)) {
			t.Errorf("%+v: %q", test.hello, reason)
		}
	}
}

// TestStrangers has those connect who say nothing, too little, or something else.
func TestStrangers(t *testing.T) {
	h := hello{lowest: 1, highest: 1, class: ClassCalls, from: 2, to: 1, cluster: testCluster}
	greeting := h.append(nil)
	for name, says := range map[string][]byte{
		"nothing":                         nil,
		"HTTP":                            []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
		"half of a hello":                 greeting[:len(greeting)/2],
		"a very long hello":               append([]byte(magic), 0xff, 0xff),
		"a hello and then garbage":        append(bytes.Clone(greeting), bytes.Repeat([]byte{0xee}, 100)...),
		"a hello and then half a request": append(bytes.Clone(greeting), sealed(100, 200, 1, frameRequest, make([]byte, 100))...),
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				c := newTestNodes(t, 1)
				conn, err := c.network.Host("stranger").Dial(t.Context(), address(1))
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = conn.Close() }()
				if _, err := conn.Write(says); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				if _, err := io.Copy(io.Discard, conn); err != nil && !errors.Is(err, net.ErrClosed) && !strings.Contains(err.Error(), "reset") {
					t.Fatal(err)
				}
				if took := time.Since(start); took > time.Minute {
					t.Errorf("the connection was closed after %v", took)
				}
			})
		})
	}
}

// TestManyStrangers has more connect than are greeted at a time; nodes get in when those
// have been given up.
func TestManyStrangers(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newTestNodes(t, 2)
		c.nodes[1].Handle("echo", echo)
		for range maxGreeting {
			conn, err := c.network.Host("stranger").Dial(t.Context(), address(1))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
		}
		eventually(t, "the node is reached", func() bool {
			_, err := c.nodes[2].Call(t.Context(), 1, "echo", nil)
			return err == nil
		})
	})
}
