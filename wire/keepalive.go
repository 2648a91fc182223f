package wire

import (
	"net"
	"time"

	"millrace/wire/session"
)

// A client that has vanished without a word is found in bounded time: where nothing is
// on its way, by the probes of TCP keepalive; where something is that the client does
// not acknowledge, by TCP's user timeout; and where the client acknowledges but takes
// nothing, so that a write waits, by Options.WriteTimeout.

// setKeepAlive has the kernel look after the client as the session's settings say.
func (c *conn) setKeepAlive(k session.KeepAlive) {
	if k == c.keepAlive {
		return
	}
	c.keepAlive = k
	tcp, ok := c.transport.(*net.TCPConn)
	if !ok {
		return
	}
	// A socket that does not take them has ended, which the next read or write tells.
	_ = tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: k.Idle, Interval: k.Interval, Count: k.Count})
	setUserTimeout(tcp, k.UserTimeout)
}

// startupKeepAlive holds until the client's settings are known.
var startupKeepAlive = session.KeepAlive{Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 6, UserTimeout: 5 * time.Minute}
