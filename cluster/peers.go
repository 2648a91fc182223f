package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"

	"millrace/cluster/transport"
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
	transport *transport.Transport
	// members returns the numbers of the cluster's members in order.
	members func() []uint64
}

// Self is this node's number.
func (p *Peers) Self() uint64 { return p.transport.Self() }

// Members are the numbers of the cluster's nodes, this one among them, in order.
func (p *Peers) Members() []uint64 { return p.members() }

// Handle has a method handled. A method has one handler; one that is asked for before
// it has is answered with an error.
func (p *Peers) Handle(method string, handler Handler) {
	p.transport.Handle(method, transport.Handler(handler))
}

// Call asks a node and returns its answer. The error is ErrUnreachable (errors.Is) when
// the request was certainly not handled, ErrFateUnknown when it may have been, ctx's
// cause when that ended first; what the handler returned as error comes back as an
// error with its text.
func (p *Peers) Call(ctx context.Context, node uint64, method string, request []byte) ([]byte, error) {
	answer, err := p.transport.Call(ctx, node, method, request)
	return answer, peerError(err)
}

// Send gives a message to a node and does not wait. Messages of one method to one node
// are handled in their order, one at a time, each once or, when the connection is lost
// or too many wait, not at all. The handler's answer is dropped. message must not be
// changed afterwards.
func (p *Peers) Send(node uint64, method string, message []byte) {
	p.transport.Send(node, method, message)
}

// Open opens a stream to a method of a node, for what is too much for a call. ctx bounds
// the opening only. The error is ErrUnreachable (errors.Is) when no handler has got it.
func (p *Peers) Open(ctx context.Context, node uint64, method string) (io.ReadWriteCloser, error) {
	stream, err := p.transport.Open(ctx, node, method)
	if err != nil {
		return nil, peerError(err)
	}
	return stream, nil
}

// HandleStream has the streams of a method served, each in a goroutine of its own. The
// stream ends when the handler returns; its ctx ends when the node stops.
func (p *Peers) HandleStream(method string, handler func(ctx context.Context, from uint64, stream io.ReadWriteCloser)) {
	p.transport.HandleStream(method, handler)
}

// peerError gives the transport's errors in this package's terms.
func peerError(err error) error {
	switch {
	case errors.Is(err, transport.ErrUnreachable):
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	case errors.Is(err, transport.ErrFateUnknown):
		return fmt.Errorf("%w: %w", ErrFateUnknown, err)
	}
	return err
}
