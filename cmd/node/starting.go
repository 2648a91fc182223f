package node

import (
	"context"
	"net"
	"sync"
	"time"

	"millrace/wire"
	"millrace/wire/auth"
)

// port is where clients connect, for two that take them: first one who tells them that the
// node is starting, and then the server. Without the first they would wait, instead of
// going to another node.
type port struct {
	net.Listener
	// accepted has a connection at a time for whoever takes it.
	accepted chan accept
	closed   chan struct{}
	closing  sync.Once
}

type accept struct {
	connection net.Conn
	err        error
}

// newPort takes a listener over.
func newPort(listener net.Listener) *port {
	p := &port{Listener: listener, accepted: make(chan accept), closed: make(chan struct{})}
	go p.run()
	return p
}

// run accepts connections until the listener is closed.
func (p *port) run() {
	for {
		connection, err := p.Listener.Accept()
		select {
		case p.accepted <- accept{connection, err}:
		case <-p.closed:
			if err == nil {
				_ = connection.Close() // nobody is there to tell it why
			}
			return
		}
	}
}

// Accept implements net.Listener.
func (p *port) Accept() (net.Conn, error) { return p.acceptUntil(nil) }

func (p *port) acceptUntil(end <-chan struct{}) (net.Conn, error) {
	select {
	case a := <-p.accepted:
		return a.connection, a.err
	case <-p.closed:
		return nil, net.ErrClosed
	case <-end:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. A second call does nothing.
func (p *port) Close() error {
	var err error
	p.closing.Do(func() {
		close(p.closed)
		err = p.Listener.Close()
	})
	return err
}

// lease is a port until it is closed, which leaves the port open for who comes next.
type lease struct {
	*port
	end   chan struct{}
	close sync.Once
}

// Accept implements net.Listener.
func (l *lease) Accept() (net.Conn, error) { return l.acceptUntil(l.end) }

// Close implements net.Listener.
func (l *lease) Close() error {
	l.close.Do(func() { close(l.end) })
	return nil
}

// refusalTimeout bounds the wait for clients that are being told, when the node is ready.
const refusalTimeout = time.Second

// refuseClients tells clients that the node is starting, until the function that it returns
// is called.
func (n *Node) refuseClients(p *port, certificates *auth.Certificates) (stop func(), err error) {
	server, err := wire.New(wire.Options{
		Listener: &lease{port: p, end: make(chan struct{})}, TLS: certificates, Authentication: n.rules,
		Logger: n.options.Logger, Now: n.options.Now, WriteTimeout: refusalTimeout, StartupTimeout: refusalTimeout,
		Refuse: n.startup.refusal,
	})
	if err != nil {
		return nil, err
	}
	var running sync.WaitGroup
	running.Go(func() {
		if err := server.Serve(context.Background()); err != nil {
			n.options.Logger.Warn("clients are not told that the node is starting", "error", err)
		}
	})
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), refusalTimeout)
		defer cancel()
		_ = server.Shutdown(ctx) // who has not been told by then is disconnected
		running.Wait()
	}, nil
}
