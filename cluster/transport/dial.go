package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
)

// dial makes a connection to the node at an address and greets it. The hello's class and
// to are given; ctx bounds it all.
func (t *Transport) dial(ctx context.Context, address string, h hello) (net.Conn, error) {
	conn, err := t.options.Network.Dial(ctx, address)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, err
	}
	// A connection that is closed ends whatever waits for it.
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	greeted, err := t.greet(ctx, conn, h)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = conn.Close() // the first error is the one to tell
		if cause := context.Cause(ctx); cause != nil {
			err = cause // the connection was closed because of it
		}
		return nil, err
	}
	return greeted, nil
}

// greet has TLS and then the two nodes agree.
func (t *Transport) greet(ctx context.Context, conn net.Conn, h hello) (net.Conn, error) {
	if t.options.TLS != nil {
		secure := tls.Client(conn, clientTLS(t.options.TLS()))
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, fmt.Errorf("TLS: %w", err)
		}
		conn = secure
	}
	h.lowest, h.highest = lowestVersion, highestVersion
	h.cluster, h.from = t.identity()
	h.process = t.process
	if _, err := conn.Write(h.append(nil)); err != nil {
		return nil, err
	}
	body, err := readGreeting(conn, maxWelcome)
	if alert, ok := errors.AsType[*net.OpError](err); ok && alert.Op == "remote error" {
		// In TLS 1.3 the one who connects has done its part before it is refused.
		return nil, fmt.Errorf("transport: the node there does not accept this one's certificate: %w", alert.Err)
	}
	if err != nil {
		return nil, err
	}
	w, err := decodeWelcome(body)
	switch {
	case err != nil:
		return nil, err
	case w.reason != "":
		return nil, &RefusedError{Reason: w.reason}
	case w.version < lowestVersion || w.version > highestVersion:
		return nil, &RefusedError{Reason: fmt.Sprintf("the node answers in version %d of the protocol, which this one does not speak", w.version)}
	case h.to != 0 && w.node != h.to:
		return nil, &RefusedError{Reason: fmt.Sprintf("node %d was looked for, and node %d is there", h.to, w.node)}
	}
	return conn, nil
}
