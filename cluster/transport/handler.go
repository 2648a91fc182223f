package transport

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
)

// handlers are what answers, by method.
type handlers struct {
	mu       sync.RWMutex
	requests map[string]*handler
	streams  map[string]StreamHandler
}

type handler struct {
	handle Handler
	// anybody has it answer nodes that are no members yet.
	anybody bool
}

// Handle has a method handled. A method has one handler; one that is asked for before
// it has is answered with ErrUnreachable. Names have at most 255 bytes.
func (t *Transport) Handle(method string, handle Handler) {
	t.handlers.set(method, &handler{handle: handle})
}

// HandleAnybody has a method handled as Handle does, also for nodes that are no members
// yet and call by address (from is 0 then).
func (t *Transport) HandleAnybody(method string, handle Handler) {
	t.handlers.set(method, &handler{handle: handle, anybody: true})
}

func (h *handlers) set(method string, handle *handler) {
	if len(method) == 0 || len(method) > maxMethod {
		panic("transport: a method's name has 1 to 255 bytes")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.requests == nil {
		h.requests = map[string]*handler{}
	}
	h.requests[method] = handle
}

func (h *handlers) get(method string) *handler {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.requests[method]
}

func errUnhandled(method string) error { return fmt.Errorf("it does not handle %s yet", method) }

// errBusy says that a node has as many requests of another one as it takes.
var errBusy = errors.New("it has too many requests of this node already")

// outcome tells what became of a request, and its error.
type outcome struct {
	status status
	err    error
}

// runHandler calls a handler. A panic is an error, so that a request that a handler
// cannot bear does not take down the node.
func (t *Transport) runHandler(ctx context.Context, handle Handler, from uint64, method string, request []byte) (answer []byte, o outcome) {
	defer func() {
		if reason := recover(); reason != nil {
			t.logger.Error("a handler has panicked", "method", method, "from", from, "reason", reason, "stack", string(debug.Stack()))
			answer = nil
			o = outcome{statusPanicked, fmt.Errorf("%w: the handler of %s panicked: %v", ErrFateUnknown, method, reason)}
		}
	}()
	answer, err := handle(ctx, from, request)
	switch {
	case err != nil:
		return nil, outcome{statusFailed, err}
	case len(answer) > MaxMessage:
		return nil, outcome{statusFailed, errTooLarge}
	}
	return answer, outcome{}
}
