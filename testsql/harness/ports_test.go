package harness

import (
	"net"
	"strconv"
	"testing"
)

func TestReservePort(t *testing.T) {
	port := ReservePort(t)
	if port < firstPort || port >= endOfPorts {
		t.Errorf("port %d is not from %d to %d", port, firstPort, endOfPorts-1)
	}
	if reserve(port) != nil {
		t.Errorf("port %d is reserved twice", port)
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		t.Fatalf("the reserved port cannot be listened on: %v", err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}

	ended := 0
	t.Run("ends with its test", func(t *testing.T) { ended = ReservePort(t) })
	again := reserve(ended)
	if again == nil {
		t.Fatalf("port %d is reserved although its test has ended", ended)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestReservePortInUse(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := listener.Addr().(*net.TCPAddr).Port
	if reservation := reserve(port); reservation != nil {
		_ = reservation.Close() // the error below is the one to tell
		t.Errorf("port %d, which is listened on, is given", port)
	}
}
