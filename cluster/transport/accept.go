package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"
)

const (
	// greetTimeout bounds the handshakes of a connection that another node makes.
	greetTimeout = 5 * time.Second
	// lingerTime is how long a refused connection is kept for the other side to read why.
	lingerTime = time.Second
	// maxGreeting, maxJoining and maxStreams bound the connections that are being
	// greeted, those by address, and the streams of a node.
	maxGreeting = 128
	maxJoining  = 16
	maxStreams  = 64
	// acceptPause is how long nothing is accepted after an error.
	acceptPause = 100 * time.Millisecond
)

// inbound are the connections that other nodes have made to this one.
type inbound struct {
	mu       sync.Mutex
	greeting int
	// framed are those that carry frames, streams and joining how many others there
	// are.
	framed   map[inboundKey]*server
	presence map[uint64]*presence
	streams  map[uint64]int
	joining  int
	// complainedAt is when a refusal was logged last.
	complainedAt time.Time
}

type inboundKey struct {
	node  uint64
	class Class
}

func (in *inbound) init() {
	in.framed, in.streams = map[inboundKey]*server{}, map[uint64]int{}
	in.presence = map[uint64]*presence{}
}

// accept takes connections until the listener is closed.
func (t *Transport) accept() {
	for {
		conn, err := t.listener.Accept()
		if err != nil {
			if t.ctx.Err() != nil {
				return
			}
			t.logger.Warn("connections of other nodes cannot be accepted", "error", err)
			select {
			case <-time.After(acceptPause):
			case <-t.ctx.Done():
				return
			}
			continue
		}
		if !t.inbound.admit() || !t.spawn(func() { t.welcome(conn) }) {
			_ = conn.Close() // nothing was said on it
		}
	}
}

// admit counts a connection that is being greeted, unless there are too many.
func (in *inbound) admit() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.greeting >= maxGreeting {
		return false
	}
	in.greeting++
	return true
}

// welcome greets a connection and serves it until it ends.
func (t *Transport) welcome(conn net.Conn) {
	defer func() { _ = conn.Close() }() // it has been read to its end, or given up
	stop := context.AfterFunc(t.ctx, func() { _ = conn.Close() })
	greeted, h, there, err := t.agree(conn)
	defer t.inbound.depart(there)
	stop()
	t.inbound.mu.Lock()
	t.inbound.greeting--
	t.inbound.mu.Unlock()
	if err != nil {
		t.refused(conn, h, err)
		return
	}
	switch h.class {
	case ClassJoin:
		err = t.serveFrames(&countedConn{Conn: greeted, stats: &peerStats{}}, h)
	case ClassStream:
		err = t.serveStream(&countedConn{Conn: greeted, stats: &t.peer(h.from).stats, presence: there}, h.from)
	default:
		err = t.serveFrames(&countedConn{Conn: greeted, stats: &t.peer(h.from).stats, presence: there}, h)
	}
	t.logger.Debug("the connection of a node has ended", "node", h.from, "class", h.class, "remote", conn.RemoteAddr(), "error", err)
}

// agree has TLS and then decides whether the other side may connect. there is to depart
// when the connection has ended, whatever the error.
func (t *Transport) agree(conn net.Conn) (greeted net.Conn, h hello, there *presence, err error) {
	if err := conn.SetDeadline(time.Now().Add(greetTimeout)); err != nil {
		return nil, h, nil, err
	}
	if t.options.TLS != nil {
		secure := tls.Server(conn, serverTLS(t.options.TLS()))
		if err := secure.HandshakeContext(t.ctx); err != nil {
			linger(conn)
			return nil, h, nil, fmt.Errorf("TLS: %w", err)
		}
		conn = secure
	}
	body, err := readGreeting(conn, maxHello)
	if err != nil {
		return nil, h, nil, err
	}
	if h, err = decodeHello(body); err != nil {
		return nil, h, nil, err
	}
	cluster, node := t.identity()
	w := welcome{version: commonVersion(h.lowest, h.highest), node: node, cluster: cluster}
	if w.reason = t.refusal(&h, &w); w.reason == "" && h.class != ClassJoin {
		there, w.reason = t.inbound.arrive(h.from, h.process, conn.RemoteAddr())
	}
	_, err = conn.Write(w.append(nil))
	if w.reason != "" {
		return nil, h, nil, &RefusedError{Reason: w.reason}
	}
	return conn, h, there, errors.Join(err, conn.SetDeadline(time.Time{}))
}

// linger reads what the other side still sends before its connection is closed: one that is
// closed with something unread is reset, and the other side is then not told why.
func linger(conn net.Conn) {
	if conn.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
		_, _ = io.CopyN(io.Discard, conn, maxHello) // whatever ends it
	}
}

// refusal is why a connection is refused, "" when it is not.
func (t *Transport) refusal(h *hello, w *welcome) string {
	switch {
	case w.version == 0:
		return fmt.Sprintf("versions %d to %d of the protocol between nodes are spoken there, %d to %d here", h.lowest, h.highest, lowestVersion, highestVersion)
	case int(h.class) >= classes:
		return fmt.Sprintf("connections of %s are not known here", h.class)
	case h.class == ClassJoin:
		return ""
	case w.node == 0:
		return "the node is still starting, or joining its cluster: it has no number yet"
	case h.to != 0 && h.to != w.node:
		return fmt.Sprintf("node %d was looked for, and node %d is here", h.to, w.node)
	case h.from == 0:
		return "only a node that has a number may connect other than to join"
	case h.cluster != w.cluster:
		return fmt.Sprintf("node %d is one of cluster %q, this is one of cluster %q", h.from, h.cluster, w.cluster)
	case h.from == w.node:
		return fmt.Sprintf("there are two nodes with number %d, or one calls itself", w.node)
	case t.isRemoved(h.from):
		return fmt.Sprintf("node %d has been removed from the cluster", h.from)
	}
	return ""
}

// isRemoved tells whether a node is no member any more.
func (t *Transport) isRemoved(node uint64) bool {
	t.mu.RLock()
	p := t.mu.peers[node]
	t.mu.RUnlock()
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.removed
}

// refused logs a connection that was not accepted, at most one in a second: whoever
// reaches the port can cause as many as they like.
func (t *Transport) refused(conn net.Conn, h hello, err error) {
	in := &t.inbound
	in.mu.Lock()
	level := slog.LevelDebug
	if now := time.Now(); now.Sub(in.complainedAt) >= time.Second {
		level, in.complainedAt = slog.LevelWarn, now
	}
	in.mu.Unlock()
	if t.ctx.Err() != nil || t.Self() == 0 {
		level = slog.LevelDebug // it is closing, or has not started yet
	}
	t.logger.Log(t.ctx, level, "a connection to the node's port was refused", "remote", conn.RemoteAddr(), "node", h.from, "error", err)
}

// enter puts a connection that carries frames in the place of the one before, and returns
// when that has ended.
func (in *inbound) enter(key inboundKey, s *server) error {
	in.mu.Lock()
	if key.class == ClassJoin {
		defer in.mu.Unlock()
		if in.joining++; in.joining > maxJoining {
			in.joining--
			return errors.New("transport: too many nodes are joining")
		}
		return nil
	}
	before := in.framed[key]
	in.framed[key] = s
	in.mu.Unlock()
	if before != nil {
		before.fail(errReplaced)
		<-before.ended
	}
	return nil
}

// leave takes a connection away that has ended.
func (in *inbound) leave(key inboundKey, s *server) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if key.class == ClassJoin {
		in.joining--
	} else if in.framed[key] == s {
		delete(in.framed, key)
	}
}

// closeNode closes the connections of a node.
func (in *inbound) closeNode(node uint64, why error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for key, s := range in.framed {
		if key.node == node {
			s.fail(why)
		}
	}
}
