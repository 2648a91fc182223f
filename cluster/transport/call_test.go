package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestCallAnswers(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newTestNodes(t, 2)
		c.nodes[2].Handle("who", func(_ context.Context, from uint64, request []byte) ([]byte, error) {
			return fmt.Appendf(nil, "%d says %s", from, request), nil
		})
		c.nodes[2].Handle("fail", func(context.Context, uint64, []byte) ([]byte, error) { return nil, errors.New("no luck") })
		c.nodes[2].Handle("panic", func(context.Context, uint64, []byte) ([]byte, error) { panic("at the disco") })
		for _, node := range []uint64{1, 2} {
			answer, err := c.nodes[node].Call(t.Context(), 2, "who", []byte("hello"))
			if want := fmt.Sprintf("%d says hello", node); err != nil || string(answer) != want {
				t.Errorf("node %d: got %q, %v; want %q", node, answer, err, want)
			}
			_, err = c.nodes[node].Call(t.Context(), 2, "fail", nil)
			if err == nil || err.Error() != "no luck" {
				t.Errorf("node %d: the handler's error came back as %v", node, err)
			}
			_, err = c.nodes[node].Call(t.Context(), 2, "nothing", nil)
			if !errors.Is(err, ErrUnreachable) {
				t.Errorf("node %d: a method without a handler: %v", node, err)
			}
			_, err = c.nodes[node].Call(t.Context(), 2, "panic", nil)
			if !errors.Is(err, ErrFateUnknown) || !strings.Contains(err.Error(), "disco") {
				t.Errorf("node %d: a handler that panics: %v", node, err)
			}
		}
		if _, err := c.nodes[1].Call(t.Context(), 9, "who", nil); !errors.Is(err, ErrUnreachable) {
			t.Errorf("an unknown node: %v", err)
		}
	})
}

func TestCallSizes(t *testing.T) {
	c := newTestNodes(t, 2)
	c.nodes[2].Handle("echo", echo)
	for _, size := range []int{0, 1, maxPart - 20, maxPart, maxPart + 1, 5 << 20, MaxMessage} {
		request := bytes.Repeat([]byte{byte(size), 7, 1}, size/3+1)[:size]
		answer, err := c.nodes[1].Call(t.Context(), 2, "echo", request)
		if err != nil || !bytes.Equal(answer, request) {
			t.Fatalf("%d bytes: got %d, %v", size, len(answer), err)
		}
	}
	if _, err := c.nodes[1].Call(t.Context(), 2, "echo", make([]byte, MaxMessage+1)); !errors.Is(err, ErrUnreachable) {
		t.Fatalf("more than is allowed: %v", err)
	}
	c.nodes[2].Handle("huge", func(context.Context, uint64, []byte) ([]byte, error) { return make([]byte, MaxMessage+1), nil })
	if _, err := c.nodes[1].Call(t.Context(), 2, "huge", nil); err == nil {
		t.Fatal("an answer that is too large was given")
	}
}

// TestCallsTogether has large and small requests on their way at the same time.
func TestCallsTogether(t *testing.T) {
	c := newTestNodes(t, 3)
	for _, n := range c.nodes {
		n.Handle("echo", echo)
	}
	var all sync.WaitGroup
	for i := range 300 {
		from, to := uint64(i%3+1), uint64((i+i/3)%3+1)
		all.Go(func() {
			request := bytes.Repeat([]byte{byte(i)}, 1+(i%7)*60_000)
			answer, err := c.nodes[from].Call(t.Context(), to, "echo", request)
			if err != nil || !bytes.Equal(answer, request) {
				t.Errorf("call %d: %d bytes, %v", i, len(answer), err)
			}
		})
	}
	all.Wait()
}

func TestCancellationReachesTheHandler(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newTestNodes(t, 2)
		started, ended := make(chan struct{}), make(chan error, 1)
		c.nodes[2].Handle("wait", func(ctx context.Context, _ uint64, _ []byte) ([]byte, error) {
			close(started)
			<-ctx.Done()
			ended <- ctx.Err()
			return nil, ctx.Err()
		})
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("the client has gone")
		go func() {
			<-started
			cancel(why)
		}()
		if _, err := c.nodes[1].Call(ctx, 2, "wait", nil); !errors.Is(err, why) {
			t.Errorf("got %v", err)
		}
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the handler's context ended with %v", err)
		}
	})
}

func TestDeadlineReachesTheHandler(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newTestNodes(t, 2)
		c.nodes[2].Handle("wait", func(ctx context.Context, _ uint64, _ []byte) ([]byte, error) {
			deadline, ok := ctx.Deadline()
			if left := time.Until(deadline); !ok || left > 10*time.Second || left < 9*time.Second {
				t.Errorf("the handler has %v", left)
			}
			return nil, nil
		})
		if _, err := c.nodes[1].Call(within(t, 10*time.Second), 2, "wait", nil); err != nil {
			t.Error(err)
		}
	})
}

func TestErrorsTellWhetherARequestWasHandled(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newTestNodes(t, 2)
		c.nodes[2].Handle("echo", echo)
		c.nodes[2].Handle("wait", func(ctx context.Context, _ uint64, _ []byte) ([]byte, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		if _, err := c.nodes[1].Call(t.Context(), 2, "echo", nil); err != nil {
			t.Fatal(err)
		}
		waiting := make(chan error, 1)
		go func() {
			_, err := c.nodes[1].Call(context.Background(), 2, "wait", nil)
			waiting <- err
		}()
		synctest.Wait()
		c.network.Break(hostName(1), hostName(2))
		if err := <-waiting; !errors.Is(err, ErrFateUnknown) || errors.Is(err, ErrUnreachable) {
			t.Errorf("a request whose connection was lost: %v", err)
		}
		c.network.Crash(hostName(2))
		if _, err := c.nodes[1].Call(t.Context(), 2, "echo", nil); !errors.Is(err, ErrUnreachable) || errors.Is(err, ErrFateUnknown) {
			t.Errorf("a request to a node that is gone: %v", err)
		}
	})
}

// TestSilentPeer cuts one direction: the asker must notice, and reach the node again.
func TestSilentPeer(t *testing.T) {
	for _, direction := range []string{"there", "back", "both"} {
		t.Run(direction, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				c := newTestNodes(t, 2)
				c.nodes[2].Handle("echo", echo)
				if _, err := c.nodes[1].Call(t.Context(), 2, "echo", nil); err != nil {
					t.Fatal(err)
				}
				if direction != "back" {
					c.network.Cut(hostName(1), hostName(2))
				}
				if direction != "there" {
					c.network.Cut(hostName(2), hostName(1))
				}
				start := time.Now()
				if _, err := c.nodes[1].Call(t.Context(), 2, "echo", nil); !errors.Is(err, ErrFateUnknown) {
					t.Errorf("a request that got no answer: %v", err)
				}
				if waited := time.Since(start); waited > 10*time.Second {
					t.Errorf("it took %v to notice", waited)
				}
				time.Sleep(time.Minute)
				c.network.HealAll()
				for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
					if _, err := c.nodes[1].Call(t.Context(), 2, "echo", nil); err == nil {
						break
					} else if time.Since(start) > 5*time.Second {
						t.Fatalf("not reached after the cut was healed: %v", err)
					}
				}
			})
		})
	}
}

// TestSlowNetwork has an answer and a request take far longer than a peer may be silent.
func TestSlowNetwork(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newTestNodes(t, 2)
		c.nodes[2].Handle("echo", echo)
		for _, direction := range [][2]uint64{{1, 2}, {2, 1}} {
			c.network.Delay(hostName(direction[0]), hostName(direction[1]), 500*time.Millisecond)
		}
		start := time.Now()
		large := make(chan error)
		go func() {
			request := bytes.Repeat([]byte("slow"), 3<<20)
			answer, err := c.nodes[1].Call(context.Background(), 2, "echo", request)
			if !bytes.Equal(answer, request) {
				t.Error("the answer is not the request")
			}
			large <- err
		}()
		time.Sleep(3 * time.Second)
		if _, err := c.nodes[1].Call(within(t, 10*time.Second), 2, "echo", []byte("quick")); err != nil {
			t.Errorf("a small request beside a large one: %v", err)
		}
		if err := <-large; err != nil || time.Since(start) < 20*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

func TestMessagesInOrder(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newTestNodes(t, 2)
		const count = 500
		for _, to := range []uint64{1, 2} {
			var got []int
			busy := false
			c.nodes[to].Handle("m", func(_ context.Context, from uint64, message []byte) ([]byte, error) {
				if busy || from != 1 {
					t.Error("two messages are handled at a time, or its sender is wrong")
				}
				busy = true
				time.Sleep(time.Millisecond)
				busy = false
				got = append(got, int(message[0])|int(message[1])<<8)
				return nil, nil
			})
			for i := range count {
				body := make([]byte, 2+(i%3)*50_000)
				body[0], body[1] = byte(i), byte(i>>8)
				c.nodes[1].Send(to, "m", body)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			for i := range got {
				if got[i] != i {
					t.Fatalf("message %d is handled as number %d", got[i], i)
				}
			}
			if len(got) != count {
				t.Errorf("%d of %d messages arrived", len(got), count)
			}
		}
	})
}

func TestMessagesToANodeThatIsAway(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newTestNodes(t, 2)
		var got atomic.Int64
		c.nodes[2].Handle("m", func(context.Context, uint64, []byte) ([]byte, error) { got.Add(1); return nil, nil })
		c.network.Partition([]string{hostName(1)}, []string{hostName(2)})
		for range 100_000 {
			c.nodes[1].Send(2, "m", make([]byte, 10_000))
		}
		l, err := c.nodes[1].peer(2).link(ClassCalls)
		if err != nil {
			t.Fatal(err)
		}
		l.out.mu.Lock()
		held := l.out.waiting
		l.out.mu.Unlock()
		if held > maxWaiting || held == 0 {
			t.Errorf("%d bytes wait for a node that is away", held)
		}
		time.Sleep(time.Minute)
		c.network.HealAll()
		time.Sleep(time.Second)
		got.Store(0)
		c.nodes[1].Send(2, "m", nil)
		time.Sleep(time.Second)
		if n := got.Load(); n != 1 {
			t.Errorf("a message after the cut was healed arrived %d times", n)
		}
	})
}

func TestCallAddress(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newTestNodes(t, 1)
		c.nodes[1].HandleAnybody("join", func(_ context.Context, from uint64, request []byte) ([]byte, error) {
			return fmt.Appendf(nil, "%d %s", from, request), nil
		})
		c.nodes[1].Handle("echo", echo)
		joiner := openTest(t, Options{Network: c.network.Host("joiner")})
		answer, err := joiner.CallAddress(t.Context(), address(1), "join", []byte("please"))
		if err != nil || string(answer) != "0 please" {
			t.Errorf("got %q, %v", answer, err)
		}
		if _, err := joiner.CallAddress(t.Context(), address(1), "echo", nil); !errors.Is(err, ErrUnreachable) {
			t.Errorf("a method for members only: %v", err)
		}
		if _, err := joiner.CallAddress(within(t, time.Second), "nobody:1", "join", nil); !errors.Is(err, ErrUnreachable) {
			t.Errorf("nobody there: %v", err)
		}
		joiner.SetPeer(1, address(1))
		if _, err := joiner.Call(t.Context(), 1, "echo", nil); !errors.Is(err, ErrUnreachable) {
			t.Errorf("a call of a node without a number: %v", err)
		}
	})
}
