package transport

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"
)

func TestStream(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newTestNodes(t, 2)
		c.nodes[2].HandleStream("sum", func(_ context.Context, from uint64, stream io.ReadWriteCloser) {
			sum := sha256.New()
			n, err := io.Copy(sum, stream)
			fmt.Fprintf(stream, "%d %d %x %v", from, n, sum.Sum(nil), err)
		})
		c.nodes[2].HandleStream("panic", func(context.Context, uint64, io.ReadWriteCloser) { panic("oh") })
		stream, err := c.nodes[1].Open(t.Context(), 2, "sum")
		if err != nil {
			t.Fatal(err)
		}
		content := make([]byte, 3<<20)
		for i := range content {
			content[i] = byte(i * i >> 3)
		}
		if n, err := stream.Write(content); n != len(content) || err != nil {
			t.Fatal(n, err)
		}
		if err := stream.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(stream)
		if want := fmt.Sprintf("1 %d %x <nil>", len(content), sha256.Sum256(content)); err != nil || string(answer) != want {
			t.Errorf("got %q, %v; want %q", answer, err, want)
		}
		if err := stream.Close(); err != nil {
			t.Error(err)
		}
		if _, err := c.nodes[1].Open(t.Context(), 2, "nothing"); !errors.Is(err, ErrUnreachable) {
			t.Errorf("a method without a handler: %v", err)
		}
		if _, err := c.nodes[1].Open(t.Context(), 3, "sum"); !errors.Is(err, ErrUnreachable) {
			t.Errorf("an unknown node: %v", err)
		}
		broken, err := c.nodes[1].Open(t.Context(), 2, "panic")
		if err != nil {
			t.Fatal(err)
		}
		if n, err := broken.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("a handler that panics: %d, %v", n, err)
		}
		if err := broken.Close(); err != nil {
			t.Error(err)
		}
		c.nodes[2].Handle("echo", echo)
		if _, err := c.nodes[1].Call(t.Context(), 2, "echo", nil); err != nil {
			t.Errorf("after a handler's panic: %v", err)
		}
	})
}

func TestStreamToANodeThatStops(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newTestNodes(t, 2)
		c.nodes[2].HandleStream("take", func(_ context.Context, _ uint64, stream io.ReadWriteCloser) {
			_, _ = io.Copy(io.Discard, stream)
		})
		stream, err := c.nodes[1].Open(t.Context(), 2, "take")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = stream.Close() }()
		c.network.Cut(hostName(1), hostName(2))
		start := time.Now()
		for err == nil {
			_, err = stream.Write(make([]byte, 1<<20))
		}
		if waited := time.Since(start); waited > 2*streamPatience {
			t.Errorf("a write failed only after %v: %v", waited, err)
		}
	})
}

func TestManyStreams(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newTestNodes(t, 2)
		c.nodes[2].HandleStream("hold", func(_ context.Context, _ uint64, stream io.ReadWriteCloser) {
			_, _ = io.Copy(io.Discard, stream)
		})
		var streams []*Stream
		for range maxStreams {
			stream, err := c.nodes[1].Open(t.Context(), 2, "hold")
			if err != nil {
				t.Fatal(err)
			}
			streams = append(streams, stream)
		}
		if _, err := c.nodes[1].Open(t.Context(), 2, "hold"); !errors.Is(err, ErrUnreachable) {
			t.Errorf("one too many: %v", err)
		}
		for _, stream := range streams {
			if err := stream.Close(); err != nil {
				t.Error(err)
			}
		}
		eventually(t, "there is room again", func() bool {
			stream, err := c.nodes[1].Open(t.Context(), 2, "hold")
			return err == nil && stream.Close() == nil
		})
	})
}

// TestCloseEndsEverything closes a node in the middle of all kinds of things; virtual time
// fails the test when a goroutine is left.
func TestCloseEndsEverything(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newTestNodes(t, 3)
		wait := func(ctx context.Context, _ uint64, _ []byte) ([]byte, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		for _, n := range c.nodes {
			n.Handle("wait", wait)
			n.HandleStream("hold", func(_ context.Context, _ uint64, stream io.ReadWriteCloser) {
				_, _ = io.Copy(io.Discard, stream)
			})
		}
		failed := make(chan error, 4)
		for _, pair := range [][2]uint64{{1, 2}, {2, 1}, {2, 3}, {3, 2}} {
			go func() {
				_, err := c.nodes[pair[0]].Call(context.Background(), pair[1], "wait", nil)
				failed <- err
			}()
			c.nodes[pair[0]].Send(pair[1], "wait", nil)
			if _, err := c.nodes[pair[0]].Open(t.Context(), pair[1], "hold"); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		if err := c.nodes[2].Close(); err != nil {
			t.Error(err)
		}
		for range 4 {
			if err := <-failed; !errors.Is(err, ErrFateUnknown) {
				t.Errorf("a call that was under way: %v", err)
			}
		}
		if _, err := c.nodes[2].Call(t.Context(), 1, "wait", nil); !errors.Is(err, ErrUnreachable) {
			t.Errorf("a call after Close: %v", err)
		}
		c.nodes[2].Send(1, "wait", nil)
		if _, err := c.nodes[2].Open(t.Context(), 1, "hold"); !errors.Is(err, ErrUnreachable) {
			t.Errorf("a stream after Close: %v", err)
		}
		if err := c.nodes[2].Close(); err != nil {
			t.Errorf("a second Close: %v", err)
		}
	})
}
