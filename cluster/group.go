package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/hashicorp/raft"

	"millrace/log"
)

const (
	// groupTimeout is how long a follower waits for a leader. Without other
	// voters there are no heartbeats: a group that has only this node as voter
	// holds its election at once when it starts, and waits this long only after
	// it could not write its log.
	groupTimeout = 100 * time.Millisecond
	// enqueueTimeout is how long Raft's main goroutine may be busy before a
	// command is turned away. It is busy for long only while it waits for the
	// disk.
	enqueueTimeout = 2 * time.Second
	// maxAppendEntries bounds what Raft sends and hands to apply at a time.
	// Entries are up to a megabyte, so Raft's default of 64 is too many.
	maxAppendEntries = 8
	// never is how often Raft's own snapshots are taken: the node decides.
	never = 100 * 365 * 24 * time.Hour
	// bootstrapTerm and bootstrapIndex are those of a group's first entry, its
	// configuration.
	bootstrapTerm, bootstrapIndex = 1, 1
)

// keyCurrentTerm is the key under which Raft keeps its term.
var keyCurrentTerm = []byte("CurrentTerm")

// group is this node's member of one Raft group.
type group struct {
	name       string
	log        *groupLog
	snapshots  *snapshotStore
	raft       *raft.Raft
	leadership *leadership
	calls      gate
}

// groupOptions are what a group is made of.
type groupOptions struct {
	name      string
	nodeID    uint64
	log       *groupLog
	snapshots *snapshotStore
	machine   raft.FSM
	transport raft.Transport
	logger    *slog.Logger
}

// bootstrap writes the first entry of a group that has none: its configuration,
// with this node as the only voter. It can be repeated when a crash came in
// between, which raft.BootstrapCluster cannot.
func bootstrap(store *log.Group, nodeID uint64, transport raft.Transport) error {
	last, err := store.LastIndex()
	if err != nil || last > 0 {
		return err
	}
	if err := store.SetUint64(keyCurrentTerm, bootstrapTerm); err != nil {
		return err
	}
	configuration := raft.Configuration{Servers: []raft.Server{{
		Suffrage: raft.Voter,
		ID:       serverID(nodeID),
		Address:  transport.LocalAddr(),
	}}}
	return store.StoreLog(&raft.Log{
		Index: bootstrapIndex,
		Term:  bootstrapTerm,
		Type:  raft.LogConfiguration,
		Data:  raft.EncodeConfiguration(configuration),
	})
}

// serverID is a node's name in Raft configurations.
func serverID(nodeID uint64) raft.ServerID {
	return raft.ServerID(strconv.FormatUint(nodeID, 10))
}

// startGroup starts Raft. The machine must be in the state of the group's
// newest snapshot; Raft applies the log from there.
func startGroup(o groupOptions) (g *group, err error) {
	config := raft.DefaultConfig()
	config.LocalID = serverID(o.nodeID)
	// One millisecond above what kick sets: Raft looks at its timer anew only
	// when the timeout gets shorter.
	config.HeartbeatTimeout = groupTimeout + time.Millisecond
	config.ElectionTimeout = groupTimeout + time.Millisecond
	config.LeaderLeaseTimeout = groupTimeout
	config.CommitTimeout = groupTimeout
	config.MaxAppendEntries = maxAppendEntries
	config.TrailingLogs = 0
	config.SnapshotInterval = never
	config.ShutdownOnRemove = false
	config.NoLegacyTelemetry = true
	// The machine was brought to the snapshot before.
	config.NoSnapshotRestoreOnStart = true
	config.Logger = newRaftLogger(o.logger, o.log.stopping)

	// Raft panics when it cannot read the log while it starts.
	defer func() {
		if reason := recover(); reason != nil {
			cause, ok := reason.(error)
			if !ok {
				panic(reason)
			}
			err = fmt.Errorf("cluster: starting %s: %w", o.name, cause)
		}
	}()
	g = &group{name: o.name, log: o.log, snapshots: o.snapshots, leadership: newLeadership()}
	g.raft, err = raft.NewRaft(config, o.machine, o.log, o.log, o.snapshots, o.transport)
	if err != nil {
		return nil, fmt.Errorf("cluster: starting %s: %w", o.name, err)
	}
	g.raft.RegisterObserver(g.leadership.observer())
	if err := g.kick(config.LocalID); err != nil {
		return nil, errors.Join(err, g.stop())
	}
	return g, nil
}

// kick lets the only voter of a group hold its election at once, instead of
// waiting for a leader that cannot be.
func (g *group) kick(local raft.ServerID) error {
	voters := 0
	for _, server := range g.raft.GetConfiguration().Configuration().Servers {
		if server.Suffrage != raft.Voter {
			continue
		}
		if server.ID != local {
			return nil
		}
		voters++
	}
	if voters == 0 {
		return nil
	}
	reload := g.raft.ReloadableConfig()
	reload.HeartbeatTimeout = groupTimeout
	return g.raft.ReloadConfig(reload)
}

// propose appends a command, and returns its index and what the machine answered when
// it was applied on this node.
func (g *group) propose(command []byte) (index uint64, answer any, err error) {
	if !g.calls.enter() {
		return 0, nil, ErrStopped
	}
	defer g.calls.leave()
	future := g.raft.Apply(command, enqueueTimeout)
	if err := future.Error(); err != nil {
		return 0, nil, g.callError(err)
	}
	return future.Index(), future.Response(), nil
}

// leader is the node that leads the group as far as this one knows, 0 when it knows of
// none. changed is closed when that may have changed.
func (g *group) leader() (node uint64, changed <-chan struct{}) {
	changed = g.leadership.next()
	_, id := g.raft.LeaderWithID()
	node, err := strconv.ParseUint(string(id), 10, 64)
	if err != nil {
		return 0, changed
	}
	return node, changed
}

// readIndex returns what reached returns, an index that holds all that was answered
// before the call, once a quorum has confirmed that this node leads the group. It
// returns ErrNotLeader where it does not, or has not applied all of earlier terms yet.
func (g *group) readIndex(ctx context.Context, reached func() uint64) (uint64, error) {
	if !g.calls.enter() {
		return 0, ErrStopped
	}
	index := reached()
	future := g.raft.VerifyLeader()
	done := make(chan error, 1)
	go func() {
		defer g.calls.leave()
		done <- future.Error()
	}()
	select {
	case err := <-done:
		if err != nil {
			return 0, fmt.Errorf("%w of %s: %w", ErrNotLeader, g.name, err)
		}
		return index, nil
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// barrier returns when everything committed before it has been handed to the
// machine. It is cut short when ctx ends, and when halted is closed and why
// tells an error.
func (g *group) barrier(ctx context.Context, halted <-chan struct{}, why func() error) error {
	if !g.calls.enter() {
		return ErrStopped
	}
	// Raft's call cannot be cancelled, so it may outlast this one.
	done := make(chan error, 1)
	go func() {
		defer g.calls.leave()
		done <- g.raft.Barrier(0).Error()
	}()
	for {
		select {
		case err := <-done:
			if err != nil {
				return g.callError(err)
			}
			return nil
		case <-halted:
			if err := why(); err != nil {
				return err
			}
			halted = nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// isLeader tells whether this node leads the group, as far as it knows.
func (g *group) isLeader() bool { return g.raft.State() == raft.Leader }

// callError translates Raft's errors to this package's.
func (g *group) callError(err error) error {
	switch {
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipTransferInProgress),
		errors.Is(err, raft.ErrEnqueueTimeout):
		// Each of these comes before the log is touched.
		return fmt.Errorf("%w of %s: %w", ErrNotLeader, g.name, err)
	case errors.Is(err, raft.ErrRaftShutdown):
		return fmt.Errorf("%w: %w", ErrStopped, ErrFateUnknown)
	}
	return fmt.Errorf("%w in %s: %w", ErrFateUnknown, g.name, err)
}

// waitLeader calls barrier until this node leads the group and it succeeds.
func (g *group) waitLeader(ctx context.Context, barrier func(context.Context) error) error {
	for {
		changed := g.leadership.next()
		err := barrier(ctx)
		if err == nil || !errors.Is(err, ErrNotLeader) && !errors.Is(err, ErrFateUnknown) {
			return err
		}
		select {
		case <-changed:
		case <-time.After(groupTimeout):
			// Leadership may have been lost and won again unseen.
		case <-ctx.Done():
			return fmt.Errorf("%w, waiting for %s to have a leader: %w", ctx.Err(), g.name, err)
		}
	}
}

// snapshot has Raft take a snapshot and cut the log up to it.
func (g *group) snapshot() error {
	if !g.calls.enter() {
		return ErrStopped
	}
	defer g.calls.leave()
	err := g.raft.Snapshot().Error()
	if errors.Is(err, raft.ErrNothingNewToSnapshot) {
		return nil
	}
	return err
}

// pending tells whether the log has entries that a snapshot would cut.
func (g *group) pending() (bool, error) {
	first, err := g.log.FirstIndex()
	return first > 0, err
}

// stop ends Raft and returns when its goroutines have. The first call's future
// alone waits, so there must not be a second.
func (g *group) stop() error {
	g.calls.close()
	return g.raft.Shutdown().Error()
}
