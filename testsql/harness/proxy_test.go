package harness

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// TestNetwork cuts one way and then the other between this process, which plays node 1,
// and an echo behind a proxy, which plays node 2.
func TestNetwork(t *testing.T) {
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	received := make(chan byte, 10)
	go func() {
		connection, err := echo.Accept()
		if err != nil {
			return
		}
		defer connection.Close()
		for buf := make([]byte, 1); ; {
			if _, err := io.ReadFull(connection, buf); err != nil {
				return
			}
			received <- buf[0]
			if _, err := connection.Write(buf); err != nil {
				return
			}
		}
	}()
	network := newNetwork(t, func(address net.Addr) int { return socketOwner(address, []int{os.Getppid(), os.Getpid()}) })
	p := network.startProxy(t, 2, echo.Addr().String())
	connection, err := net.Dial("tcp", p.address())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	send := func(b byte) {
		if _, err := connection.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	answer := func(timeout time.Duration) (byte, error) {
		buf := make([]byte, 1)
		_ = connection.SetReadDeadline(time.Now().Add(timeout)) // a TCP connection has deadlines
		_, err := io.ReadFull(connection, buf)
		return buf[0], err
	}
	send('a')
	if b, err := answer(10 * time.Second); b != 'a' || err != nil {
		t.Fatalf("%c, %v", b, err)
	}
	<-received

	network.Cut(2, 1)
	send('b')
	if b := <-received; b != 'b' {
		t.Fatalf("%c has come", b)
	}
	if _, err := answer(100 * time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("an answer has come through a cut: %v", err)
	}
	network.Mend()
	if b, err := answer(10 * time.Second); b != 'b' || err != nil {
		t.Fatalf("%c, %v", b, err)
	}

	network.Split([]int{1}, []int{2})
	send('c')
	if _, err := answer(100 * time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) || len(received) > 0 {
		t.Fatalf("something has come through a cut: %v", err)
	}
	network.Mend()
	if b, err := answer(10 * time.Second); b != 'c' || err != nil {
		t.Fatalf("%c, %v", b, err)
	}
}
