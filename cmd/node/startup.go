package node

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"millrace/cluster"
	"millrace/sql/sqlerr"
)

const (
	// startupLook is between two looks at what a node that starts waits for.
	startupLook = time.Second
	// startupQuiet is how long a start may take, elections included, before anybody is
	// told what it waits for, and startupRepeat is between two times that the same is told.
	startupQuiet  = 2 * time.Second
	startupRepeat = 30 * time.Second
)

// startup knows why a node has not started yet, for its log, its probes and the clients
// that it does not take.
type startup struct {
	mu sync.Mutex
	// why is what the node waits for, "" when nothing is known, told at the time at.
	why string
	at  time.Time
}

// waits notes why the node has not started yet, and logs it now and then.
func (s *startup) waits(logger *slog.Logger, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	again := why == s.why && time.Since(s.at) < startupRepeat
	s.why = why
	if why == "" || again {
		return
	}
	s.at = time.Now()
	logger.Warn("the node is not ready yet", "reason", why)
}

// reason is why the node has not started yet, "" when that is not known.
func (s *startup) reason() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.why
}

// health is what a probe is told.
func (s *startup) health() string {
	if why := s.reason(); why != "" {
		return "the node is starting: " + why
	}
	return "the node is starting"
}

// refusal is what a client is told, who has not proved yet who it is: no addresses.
func (s *startup) refusal() error {
	err := sqlerr.New(sqlerr.CannotConnectNow, -1, "the database system is starting up").
		WithHint("Connect to another node meanwhile.")
	if s.reason() != "" {
		err = err.WithDetail("It waits for other nodes, or copies what they have; its log and /health tell more.")
	}
	return err
}

// watch looks what an open storage waits for, until ctx ends.
func (s *startup) watch(ctx context.Context, storage *cluster.Node, logger *slog.Logger) {
	began := time.Now()
	ticker := time.NewTicker(startupLook)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		if time.Since(began) > startupQuiet {
			s.waits(logger, storage.Trouble())
		}
	}
}
