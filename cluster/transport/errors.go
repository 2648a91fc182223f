package transport

import (
	"errors"
	"fmt"
)

// ErrUnreachable says that a request was certainly not handled: its node cannot be
// reached, or did not take it.
var ErrUnreachable = errors.New("transport: the node cannot be reached")

// ErrFateUnknown says that a request may or may not have been handled, since its
// connection was lost while it was on its way.
var ErrFateUnknown = errors.New("transport: it is unknown whether the node handled the request")

// ErrClosed says that this node's transport has been closed.
var ErrClosed = errors.New("transport: closed")

// errSilent ends the connection to a peer that says nothing any more.
var errSilent = errors.New("transport: the node has been silent for too long")

// errNoAnswer says that a connection could not be made in time.
var errNoAnswer = errors.New("transport: the node has not answered in time")

// errHungUp ends a connection that the other node has closed.
var errHungUp = errors.New("transport: the node has closed the connection")

// errReplaced ends a connection when its node has made a new one in its place.
var errReplaced = errors.New("transport: the node has made a new connection")

// errProtocol ends the connection to a peer that sends what no node would.
var errProtocol = errors.New("transport: the connection carries what no node sends")

// RemoteError is the error that a handler on another node returned.
type RemoteError struct {
	// Node is where it was returned.
	Node uint64
	// Text is its message.
	Text string
}

// Error implements error.
func (e *RemoteError) Error() string { return e.Text }

// RefusedError says that a node did not accept a connection of this one, or gave an
// answer to it that this one does not accept.
type RefusedError struct {
	// Reason is why, as the node that refused says it.
	Reason string
}

// Error implements error.
func (e *RefusedError) Error() string { return "transport: connection refused: " + e.Reason }

// unreachable wraps what keeps a node from being reached; the node is 0 where only its
// address is known.
func unreachable(node uint64, err error) error {
	if node == 0 {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return fmt.Errorf("%w: node %d: %w", ErrUnreachable, node, err)
}
