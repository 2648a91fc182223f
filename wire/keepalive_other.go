//go:build !linux

package wire

import (
	"net"
	"time"
)

// setUserTimeout does nothing: other systems have no such bound.
func setUserTimeout(*net.TCPConn, time.Duration) {}
