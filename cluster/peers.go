package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// ErrUnreachable says that a node could not be asked: what was to be sent to it has
// not left this one.
var ErrUnreachable = errors.New("cluster: the node cannot be reached")

// Handler answers a request of another node, or of this one. ctx ends when the asker
// no longer waits. The request is the handler's; so is the answer the asker's.
type Handler func(ctx context.Context, from uint64, request []byte) (answer []byte, err error)

// Peers is how the node asks the cluster's other members for something, by methods that
// each of them handles. Its methods are safe for concurrent use.
type Peers struct {
	self uint64

	mu       sync.RWMutex
	handlers map[string]Handler
}

// newPeers returns the peers of a node.
func newPeers(self uint64) *Peers {
	return &Peers{self: self, handlers: map[string]Handler{}}
}

// Self is this node's number.
func (p *Peers) Self() uint64 { return p.self }

// Members are the numbers of the cluster's nodes, this one among them, in order.
func (p *Peers) Members() []uint64 { return []uint64{p.self} }

// Handle has a method handled. A method has one handler; one that is asked for before
// it has is answered with an error.
func (p *Peers) Handle(method string, handler Handler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handlers[method] = handler
}

// Call asks a node and returns its answer. The error is ErrUnreachable (errors.Is) when
// the request was certainly not handled, ErrFateUnknown when it may have been, ctx's
// cause when that ended first; what the handler returned as error comes back as an
// error with its text.
func (p *Peers) Call(ctx context.Context, node uint64, method string, request []byte) ([]byte, error) {
	if node != p.self {
		return nil, fmt.Errorf("%w: node %d", ErrUnreachable, node)
	}
	p.mu.RLock()
	handler := p.handlers[method]
	p.mu.RUnlock()
	if handler == nil {
		return nil, fmt.Errorf("%w: node %d does not handle %s yet", ErrUnreachable, node, method)
	}
	return handler(ctx, p.self, request)
}

// Send gives a message to a node and does not wait. Messages of one method to one node
// are handled in their order, one at a time, each once or, when the connection is lost
// or too many wait, not at all. The handler's answer is dropped.
func (p *Peers) Send(node uint64, method string, message []byte) {
	if node == p.self {
		_, _ = p.Call(context.Background(), node, method, message) // nobody waits for it
	}
}
