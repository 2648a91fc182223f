package transport

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// errTooLarge says that a request or message is larger than MaxMessage.
var errTooLarge = fmt.Errorf("transport: more than %d bytes cannot be sent at once", MaxMessage)

// Call asks a node and returns its answer. The error is ErrUnreachable (errors.Is) when
// the request was certainly not handled, ErrFateUnknown when it may have been, ctx's
// cause when that ended first, and a *RemoteError with what the handler returned as
// error. request must not change during the call. A call to this node itself runs the
// handler in the caller's goroutine.
func (t *Transport) Call(ctx context.Context, node uint64, method string, request []byte) ([]byte, error) {
	switch node {
	case 0:
		return nil, unreachable(node, errUnknown)
	case t.Self():
		return t.callSelf(ctx, method, request)
	}
	if len(request) > MaxMessage {
		return nil, unreachable(node, errTooLarge)
	}
	l, err := t.peer(node).link(ClassCalls)
	if err != nil {
		return nil, err
	}
	c, err := l.begin(ctx, newRequestTo(ctx, method, request))
	if err != nil {
		return nil, err
	}
	return l.wait(ctx, c)
}

// callSelf has this node's handler answer.
func (t *Transport) callSelf(ctx context.Context, method string, request []byte) ([]byte, error) {
	h := t.handlers.get(method)
	if h == nil {
		return nil, unreachable(t.Self(), errUnhandled(method))
	}
	answer, s := t.runHandler(ctx, h.handle, t.Self(), method, request)
	if s.status == statusGiven {
		return answer, nil
	}
	return nil, s.err
}

// CallAddress asks the node at an address, by a connection of its own. Only methods that
// HandleAnybody has are answered. Errors are those of Call.
func (t *Transport) CallAddress(ctx context.Context, address, method string, request []byte) ([]byte, error) {
	if len(request) > MaxMessage {
		return nil, unreachable(0, errTooLarge)
	}
	p := &peer{transport: t, address: address}
	l := newLink(t, p, ClassJoin)
	if !t.spawn(func() { l.run(address) }) {
		return nil, unreachable(0, ErrClosed)
	}
	defer l.fail(errDone)
	c, err := l.begin(ctx, newRequestTo(ctx, method, request))
	if err != nil {
		return nil, err
	}
	return l.wait(ctx, c)
}

// errDone ends a connection that is not needed any more.
var errDone = errors.New("transport: done")

// Send gives a message to a node and does not wait. Messages of one method to one node
// are handled in their order, one at a time, each once or, when the connection is lost
// or too many wait, not at all. The handler's answer is dropped. message must not be
// changed afterwards.
func (t *Transport) Send(node uint64, method string, message []byte) {
	if node == 0 {
		return
	}
	p := t.peer(node)
	if node == t.Self() {
		t.lanes.message(p, method, message)
		return
	}
	l, err := p.link(ClassCalls)
	if err != nil || len(message) > MaxMessage {
		p.stats.dropped.Add(1)
		return
	}
	o := &outgoing{kind: frameMessage, head: appendMethod(nil, method), body: message, lane: method}
	if room, err := l.out.offer(o); room != nil || err != nil {
		p.stats.dropped.Add(1)
		return
	}
	p.stats.messages.Add(1)
}

func appendMethod(buf []byte, method string) []byte {
	return append(append(buf, byte(len(method))), method...)
}

// newRequestTo is a request to a method, with the time that is left for it.
func newRequestTo(ctx context.Context, method string, body []byte) *outgoing {
	head := appendMethod(make([]byte, 0, len(method)+8), method)
	var timeout uint64
	if deadline, ok := ctx.Deadline(); ok {
		timeout = uint64(max(1, time.Until(deadline).Milliseconds()))
	}
	return &outgoing{kind: frameRequest, head: binary.AppendUvarint(head, timeout), body: body}
}
