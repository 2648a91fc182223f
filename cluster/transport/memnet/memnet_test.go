package memnet_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"millrace/cluster/transport/memnet"
)

// pair connects host a to host b.
func pair(t *testing.T, n *memnet.Network) (ours, theirs net.Conn) {
	t.Helper()
	l, err := n.Host("b").Listen("b:0")
	if err != nil {
		t.Fatal(err)
	}
	if ours, err = n.Host("a").Dial(t.Context(), l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if theirs, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _, _ = ours.Close(), theirs.Close(), l.Close() // some have been closed by the test
	})
	return ours, theirs
}

func TestBytesArriveInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := pair(t, memnet.New())
		content := make([]byte, 3<<20)
		for i := range content {
			content[i] = byte(i * 7 >> 2)
		}
		var both sync.WaitGroup
		both.Go(func() {
			if n, err := ours.Write(content); n != len(content) || err != nil {
				t.Error(n, err)
			}
			if err := ours.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Error(err)
			}
		})
		got, err := io.ReadAll(theirs)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
		both.Wait()
		if _, err := theirs.Write([]byte("still")); err != nil {
			t.Errorf("the other direction: %v", err)
		}
	})
}

func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		ours, theirs := pair(t, n)
		n.Delay("a", "b", 70*time.Millisecond)
		start := time.Now()
		buf := make([]byte, 8)
		for range 3 {
			if _, err := ours.Write([]byte("ping")); err != nil {
				t.Fatal(err)
			}
			if _, err := theirs.Read(buf); err != nil {
				t.Fatal(err)
			}
			if _, err := theirs.Write([]byte("pong")); err != nil {
				t.Fatal(err)
			}
			if _, err := ours.Read(buf); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 210*time.Millisecond {
			t.Errorf("three round trips took %v", took)
		}
	})
}

func TestCutHoldsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		ours, theirs := pair(t, n)
		n.Cut("a", "b")
		if _, err := ours.Write([]byte("late")); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 8)
		if err := theirs.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := theirs.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("through a cut: %v", err)
		}
		if _, err := theirs.Write([]byte("back")); err != nil {
			t.Fatal(err)
		}
		if m, err := ours.Read(buf); err != nil || string(buf[:m]) != "back" {
			t.Errorf("the other direction: %q, %v", buf[:m], err)
		}
		if err := theirs.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Minute, func() { n.Heal("a", "b") })
		if m, err := theirs.Read(buf); err != nil || string(buf[:m]) != "late" {
			t.Errorf("after the cut was healed: %q, %v", buf[:m], err)
		}
	})
}

func TestDialThroughACut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		l, err := n.Host("b").Listen("b:1")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		n.Cut("b", "a")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := n.Host("a").Dial(ctx, "b:1"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		time.AfterFunc(time.Second, n.HealAll)
		conn, err := n.Host("a").Dial(t.Context(), "b:1")
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestWritersWaitForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := pair(t, memnet.New())
		if err := ours.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		written, err := ours.Write(make([]byte, 10<<20))
		if !errors.Is(err, os.ErrDeadlineExceeded) || written == 0 || written >= 10<<20 {
			t.Errorf("%d bytes, %v", written, err)
		}
		if n, err := io.ReadFull(theirs, make([]byte, written)); n != written || err != nil {
			t.Error(n, err)
		}
	})
}

func TestBreakAndCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		for _, end := range []func(){func() { n.Break("b", "a") }, func() { n.Crash("b") }} {
			ours, theirs := pair(t, n)
			time.AfterFunc(time.Second, end)
			for _, conn := range []net.Conn{ours, theirs} {
				if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
					t.Errorf("a read of a broken connection: %v", err)
				}
				if _, err := conn.Write([]byte("x")); err == nil {
					t.Error("a broken connection was written")
				}
			}
		}
		if _, err := n.Host("a").Dial(t.Context(), "b:1"); err == nil {
			t.Error("a host that has crashed was dialled")
		}
	})
}
