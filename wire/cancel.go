package wire

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"sync"
	"time"

	"millrace/wire/session"
)

// cancelKeys finds connections by the process ID and the secret that their
// clients were told, for cancel requests, which come on connections of their
// own.
type cancelKeys struct {
	// first and end are the smallest process ID and the largest.
	first, end uint32

	mu   sync.Mutex
	last uint32
	byID map[uint32]*conn
}

// begin sets which process IDs are given: from a random one on, since a client may ask
// for something of the server that ran before.
func (k *cancelKeys) begin(first, end uint32) {
	var start [4]byte
	_, _ = rand.Read(start[:]) // never fails (crypto/rand)
	k.first, k.end = first, end
	k.last = first + binary.BigEndian.Uint32(start[:])%((end-first)/2)
	k.byID = make(map[uint32]*conn)
}

// add gives a connection a process ID and a secret.
func (k *cancelKeys) add(c *conn) (id uint32, secret [4]byte) {
	// crypto/rand.Read never fails.
	_, _ = rand.Read(secret[:])
	k.mu.Lock()
	defer k.mu.Unlock()
	for {
		if k.last++; k.last > k.end {
			k.last = k.first
		}
		if k.byID[k.last] == nil {
			k.byID[k.last] = c
			return k.last, secret
		}
	}
}

func (k *cancelKeys) remove(id uint32) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.byID, id)
}

// find returns the connection with a process ID when the secret is right, else
// nil.
func (k *cancelKeys) find(id uint32, secret []byte) *conn {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.byID[id]
	if c == nil || subtle.ConstantTimeCompare(c.secret[:], secret) != 1 {
		return nil
	}
	return c
}

const (
	// cancelMethod asks another node to carry out a cancel request, and cancelTimeout
	// bounds the wait for it.
	cancelMethod  = "wire.cancel"
	cancelTimeout = 2 * time.Second
)

// answerCancels carries out the cancel requests that come to other nodes: a process ID,
// 4 bytes, and the secret.
func (s *Server) answerCancels() {
	s.options.Peers.Handle(cancelMethod, func(_ context.Context, _ uint64, request []byte) ([]byte, error) {
		if len(request) >= 4 {
			if target := s.keys.find(binary.BigEndian.Uint32(request), request[4:]); target != nil {
				target.cancelStatement()
			}
		}
		return nil, nil
	})
}

// cancelOther carries out a cancel request, here or on the node that has the
// connection. The client is told nothing, so that nothing is learned by guessing.
func (c *conn) cancelOther(body []byte) {
	if len(body) < 8 {
		return
	}
	process := binary.BigEndian.Uint32(body)
	if target := c.server.keys.find(process, body[4:]); target != nil {
		target.cancelStatement()
		return
	}
	peers := c.options.Peers
	if peers == nil {
		c.logger.Debug("a cancel request names no connection, or the wrong secret")
		return
	}
	for _, node := range session.NodesOf(process, peers.Members()) {
		if node == peers.Self() {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), cancelTimeout)
		if _, err := peers.Call(ctx, node, cancelMethod, body); err != nil {
			c.logger.Info("a cancel request does not reach its node", "node", node, "error", err)
		}
		cancel()
	}
}
