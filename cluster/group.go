package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"millrace/log"
)

const (
	// aloneTimeout is the election timeout of a node that listens to no other. Such a
	// node holds its elections at once when it starts, and waits this long only after it
	// could not write its log.
	aloneTimeout = 100 * time.Millisecond
	// commitTimeouts is after how many election timeouts at least Raft's leaders send a
	// message to a follower that has been sent nothing else. Nothing waits for these:
	// commits are told, and what was not delivered is sent again, by followers.
	commitTimeouts = 3
	// enqueueTimeout is how long Raft's main goroutine may be busy before a
	// command is turned away. It is busy for long only while it waits for the
	// disk.
	enqueueTimeout = 2 * time.Second
	// maxAppendEntries bounds what Raft sends and hands to apply at a time.
	// Entries are up to a megabyte, so Raft's default of 64 is too many.
	maxAppendEntries = 8
	// snapshotAttempts is how often a snapshot is tried in a group whose leadership is
	// being handed over, when Raft takes none.
	snapshotAttempts = 20
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
	local      raft.ServerID
	log        *groupLog
	snapshots  *snapshotStore
	raft       *raft.Raft
	followers  *followers
	leadership *leadership
	reads      verifier
	handed     handed
	calls      gate
	// election is how long a follower waits for a leader.
	election time.Duration

	// alone tells that there can be no followers, trail how far the log is cut where there
	// can; for the checkpointer.
	alone bool
	trail trail
	// heardTerm is the term in which this node leads, as far as matched knows since
	// heardSince.
	heardMu    sync.Mutex
	heardTerm  uint64
	heardSince time.Time

	// changing has a value while the configuration is being changed, so that it is by one
	// at a time.
	changing chan struct{}
	// confirmed is the newest term in which a Barrier of this node has passed.
	confirmed atomic.Uint64
}

// groupOptions are what a group is made of.
type groupOptions struct {
	name      string
	nodeID    uint64
	log       *groupLog
	snapshots *snapshotStore
	machine   raft.FSM
	transport raft.Transport
	// silenced tells that this node must not be taken for a leader that works.
	silenced func() bool
	// refused counts requests of other nodes that Raft would not bear.
	refused *atomic.Int64
	// hurry has heartbeats leave at once until done is called.
	hurry func() (done func())
	// election is how long a follower waits for a leader.
	election time.Duration
	// alone tells that the node listens to no other, so that there are no followers.
	alone  bool
	logger *slog.Logger
}

// bootstrap writes the first entries of a group that has none: its configuration,
// with this node as the only voter, and a command unless it is nil. It can be repeated
// when a crash came in between, which raft.BootstrapCluster cannot.
func bootstrap(store *log.Group, nodeID uint64, command []byte) error {
	last, err := store.LastIndex()
	if err != nil || last > 0 {
		return err
	}
	if err := store.SetUint64(keyCurrentTerm, bootstrapTerm); err != nil {
		return err
	}
	return store.StoreLogs(soleVoter(nodeID, bootstrapIndex, bootstrapTerm, command))
}

// soleVoter returns entries, from an index on, that make a node a group's only voter, and
// then apply a command; nil for none.
func soleVoter(nodeID, index, term uint64, command []byte) []*raft.Log {
	configuration := raft.Configuration{Servers: []raft.Server{{
		Suffrage: raft.Voter,
		ID:       serverID(nodeID),
		Address:  serverAddress(nodeID),
	}}}
	entries := []*raft.Log{{
		Index: index,
		Term:  term,
		Type:  raft.LogConfiguration,
		Data:  raft.EncodeConfiguration(configuration),
	}}
	if command != nil {
		entries = append(entries, &raft.Log{Index: index + 1, Term: term, Type: raft.LogCommand, Data: command})
	}
	return entries
}

// serverID is a node's name in Raft configurations.
func serverID(nodeID uint64) raft.ServerID {
	return raft.ServerID(strconv.FormatUint(nodeID, 10))
}

// serverAddress is a node's address in Raft configurations: its number again, since the
// transport knows where nodes are.
func serverAddress(nodeID uint64) raft.ServerAddress {
	return raft.ServerAddress(strconv.FormatUint(nodeID, 10))
}

// nodeOf is the inverse of serverID, 0 for no node.
func nodeOf(id raft.ServerID) uint64 {
	node, err := strconv.ParseUint(string(id), 10, 64)
	if err != nil {
		return 0
	}
	return node
}

// startGroup starts Raft. The machine must be in the state of the group's
// newest snapshot; Raft applies the log from there.
func startGroup(o groupOptions) (g *group, err error) {
	config := raft.DefaultConfig()
	config.LocalID = serverID(o.nodeID)
	config.HeartbeatTimeout = o.election
	// A millisecond more, since the one may never be longer than the other; see look.
	config.ElectionTimeout = o.election + time.Millisecond
	config.LeaderLeaseTimeout = o.election * 5 / 6
	config.CommitTimeout = commitTimeouts * o.election
	config.MaxAppendEntries = maxAppendEntries
	if !o.alone {
		// What is deleted up to the last entry is the log of a follower that gets a
		// snapshot, and everything before it what is cut: see groupLog.DeleteRange.
		config.TrailingLogs = 1
	} else {
		config.TrailingLogs = 0
	}
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
	refused := refusals{count: o.refused, tell: func(node uint64, err error) {
		o.logger.Error("a request of another node is refused: it would stop this one", "node", node, "error", err)
	}}
	g = &group{
		name: o.name, local: config.LocalID, log: o.log, snapshots: o.snapshots,
		followers:  newFollowers(o.transport, &prefix{log: o.log, snapshots: o.snapshots}, refused, o.silenced),
		leadership: newLeadership(), election: o.election, alone: o.alone,
		changing: make(chan struct{}, 1),
	}
	o.log.keeps = !o.alone
	g.trail.note(o.snapshots.latest.Load(), 0, 0)
	g.reads.verify = func() (uint64, error) {
		defer o.hurry()()
		return g.verifyLead()
	}
	machine := &groupMachine{FSM: o.machine, followers: g.followers, handed: &g.handed}
	g.raft, err = raft.NewRaft(config, machine, o.log, o.log, o.snapshots, g.followers)
	if err != nil {
		g.followers.end()
		return nil, fmt.Errorf("cluster: starting %s: %w", o.name, err)
	}
	g.followers.raft.Store(g.raft)
	g.raft.RegisterObserver(g.leadership.observer())
	if err := g.kick(); err != nil {
		return nil, errors.Join(err, g.stop())
	}
	return g, nil
}

// kick lets the only voter of a group hold its election at once, instead of
// waiting for a leader that cannot be.
func (g *group) kick() error {
	if voters := g.voters(); len(voters) != 1 || voters[0] != nodeOf(g.local) {
		return nil
	}
	return g.look()
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
	return nodeOf(id), changed
}

// readIndex returns what reached returns, an index that holds all that was committed
// before the call, once a quorum has confirmed that this node leads the group. It
// returns ErrNotLeader where it does not. A new leader first waits until it has applied
// all of earlier terms.
func (g *group) readIndex(ctx context.Context, reached func() (uint64, error)) (uint64, error) {
	term, err := g.confirm(ctx)
	if err != nil {
		return 0, err
	}
	failed := func() error {
		_, err := reached()
		return err
	}
	if err := g.waitHanded(ctx, g.raft.CommitIndex(), failed); err != nil {
		return 0, err
	}
	index, err := reached()
	if err != nil {
		return 0, err
	}
	if !g.calls.enter() {
		return 0, ErrStopped
	}
	round := g.reads.join(g.calls.leave)
	select {
	case <-round.done:
		if round.err != nil {
			return 0, fmt.Errorf("%w of %s: %w", ErrNotLeader, g.name, round.err)
		}
		if round.term != term {
			return 0, fmt.Errorf("%w of %s: another may have been between terms %d and %d", ErrNotLeader, g.name, term, round.term)
		}
		return index, nil
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// confirm returns when this node leads the group and has passed a Barrier in its term,
// which it returns.
func (g *group) confirm(ctx context.Context) (term uint64, err error) {
	term = g.raft.CurrentTerm()
	if g.confirmed.Load() == term && g.isLeader() {
		return term, nil
	}
	if !g.isLeader() {
		return 0, fmt.Errorf("%w of %s", ErrNotLeader, g.name)
	}
	if err := g.barrier(ctx, nil, nil); err != nil {
		return 0, err
	}
	return g.confirmed.Load(), nil
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
		term, committed := g.raft.CurrentTerm(), g.raft.CommitIndex()
		err := g.raft.Barrier(0).Error()
		if err == nil {
			g.handed.pass(committed)
		}
		if err == nil && g.raft.CurrentTerm() == term {
			g.confirmed.Store(term)
		}
		done <- err
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

// snapshot has Raft take a snapshot and cut the log up to it.
func (g *group) snapshot() error {
	if !g.calls.enter() {
		return ErrStopped
	}
	defer g.calls.leave()
	for attempt := range snapshotAttempts {
		err := g.raft.Snapshot().Error()
		switch {
		case errors.Is(err, raft.ErrNothingNewToSnapshot):
			return nil
		case !errors.Is(err, raft.ErrLeadershipTransferInProgress) || attempt == snapshotAttempts-1:
			return err
		}
		// The transfer ends, one way or another, within the election timeout.
		select {
		case <-time.After(g.election / (snapshotAttempts / 2)):
		case <-g.log.stopping:
			return ErrStopped
		}
	}
	return nil
}

// pending tells whether the log has entries that no snapshot covers, or, where nobody
// else needs them, any.
func (g *group) pending() (bool, error) {
	if g.alone {
		first, err := g.log.FirstIndex()
		return first > 0, err
	}
	last, err := g.log.LastIndex()
	return last > g.snapshots.latest.Load(), err
}

// stop ends Raft and returns when its goroutines have. The first call's future
// alone waits, so there must not be a second.
func (g *group) stop() error {
	g.calls.close()
	stopped := g.raft.Shutdown()
	// It waits for what is being sent.
	g.followers.end()
	return stopped.Error()
}
