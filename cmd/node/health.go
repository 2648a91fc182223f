package node

import (
	"errors"
	"net/http"
)

// answerHealth answers a probe: 200, or 503 with what is wrong.
func answerHealth(check func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if err := check(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n")) // a client that is gone needs no answer
	}
}

// readiness is why clients had better go to another node, or nil: this one is starting
// or stopping, takes no input, or sees shards that nobody leads.
func (n *Node) readiness() error {
	select {
	case <-n.closing:
		return errors.New("the node is shutting down")
	default:
	}
	if !n.ready.Load() {
		return errors.New(n.startup.health())
	}
	if err := n.engine.Alive(); err != nil {
		return err
	}
	if trouble := n.storage.LeaderTrouble(); trouble != "" {
		return errors.New(trouble)
	}
	return nil
}

// liveness is why the process had better be started again, or nil: its key-value store
// has failed, which nothing mends while it runs. A node that starts, however long it
// takes, or waits for others, is alive.
func (n *Node) liveness() error {
	if !n.opened.Load() {
		return nil
	}
	return n.storage.Tables().Failure()
}
