package harness

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// A node that is started again keeps its address, and so does a server that is told where
// to listen, so these ports have to be known before they are bound, and be free whenever
// they are. Ports that the kernel hands out are not: as soon as nobody listens, another
// process's connection or listener may get them. So these are below the kernel's, and test
// processes reserve them from each other.

// The ports that tests reserve. Linux hands out 32768 and those above by itself.
const (
	firstPort  = 20000
	endOfPorts = 32000
)

// ReservePort returns a port of the loopback interface that no other test uses until this
// one ends, nor a process to which the kernel gives any port, whether the test listens
// there or not.
func ReservePort(tb testing.TB) int {
	tb.Helper()
	const ports = endOfPorts - firstPort
	begin := rand.IntN(ports)
	for i := range ports {
		port := firstPort + (begin+i)%ports
		if reservation := reserve(port); reservation != nil {
			tb.Cleanup(func() { _ = reservation.Close() }) // nothing else ends it
			return port
		}
	}
	tb.Fatalf("no port from %d to %d is free", firstPort, endOfPorts-1)
	return 0
}

// ReserveAddress is ReservePort that returns host and port.
func ReserveAddress(tb testing.TB) string {
	tb.Helper()
	return fmt.Sprintf("127.0.0.1:%d", ReservePort(tb))
}

// reserve returns what keeps a port from other test processes, or nil where one of them
// has it or something else listens there.
func reserve(port int) net.Listener {
	// A name that is in no folder is the network's as ports are, and goes with its process.
	reservation, err := net.Listen("unix", fmt.Sprintf("@millrace-test-port-%d", port))
	if err != nil {
		return nil
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		_ = reservation.Close() // nothing else ends it
		return nil
	}
	_ = listener.Close() // it has shown that the port is free
	return reservation
}
