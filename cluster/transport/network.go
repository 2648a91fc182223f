package transport

import (
	"context"
	"net"
	"time"
)

// Network is the only way to sockets. Its methods are safe for concurrent use.
type Network interface {
	// Listen listens on an address, which is "host:port".
	Listen(address string) (net.Listener, error)
	// Dial connects to an address. It gives up when ctx ends.
	Dial(ctx context.Context, address string) (net.Conn, error)
}

// TCP is the operating system's network.
type TCP struct{}

// keepAlive has the operating system notice a peer that is gone also where nothing is
// said for long: on a stream whose other end is at work.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}

// Listen implements Network.
func (TCP) Listen(address string) (net.Listener, error) {
	config := net.ListenConfig{KeepAliveConfig: keepAlive}
	return config.Listen(context.Background(), "tcp", address)
}

// Dial implements Network.
func (TCP) Dial(ctx context.Context, address string) (net.Conn, error) {
	dialer := net.Dialer{KeepAliveConfig: keepAlive}
	return dialer.DialContext(ctx, "tcp", address)
}
