package cluster

import (
	"context"
	"encoding/binary"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// placer moves votes and leadership towards the placement that the membership asks for.
// It runs on every node and does something only where the catalog's group is led: a step
// that two of them would ask for is taken once, since a group's leader looks at its own
// configuration first.
type placer struct {
	node   *Node
	logger *slog.Logger
	wake   chan struct{}
}

const (
	// placerPause is between two looks at the cluster while there is something to do,
	// placerIdle while there is nothing.
	placerPause = 200 * time.Millisecond
	placerIdle  = 2 * time.Second
	// stepTimeout bounds one step.
	stepTimeout = 2 * changeTimeout
)

// newPlacer returns a placer whose run is to be called.
func newPlacer(node *Node, logger *slog.Logger) *placer {
	return &placer{node: node, logger: logger, wake: make(chan struct{}, 1)}
}

// soon has the placer look at the cluster.
func (p *placer) soon() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run looks at the cluster again and again until the node stops.
func (p *placer) run() {
	n := p.node
	for n.ctx.Err() == nil {
		leader, changed := n.CatalogLeader()
		leads := leader == n.ID()
		if leads {
			_, err := n.catalog.confirm(n.ctx)
			leads = err == nil
		}
		if !leads {
			select {
			case <-changed:
			case <-time.After(placerIdle):
			case <-n.ctx.Done():
			}
			continue
		}
		pause := placerIdle
		if p.look() {
			pause = placerPause
		}
		select {
		case <-p.wake:
		case <-time.After(pause):
		case <-changed:
		case <-n.ctx.Done():
		}
	}
}

// look takes the steps that are due, and tells whether there were any.
func (p *placer) look() bool {
	n := p.node
	if members := n.catalogMachine.members.Load(); len(members.members) < 2 {
		return false
	}
	view := n.view(n.ctx)
	// What others still have to do, such as receiving data, ends without notice.
	busy := slices.ContainsFunc(view.members.members, func(m Member) bool { return m.State == Joining || m.State == Leaving })
	for _, node := range admitted(view) {
		p.record(node, stateCommand{node: node, state: Running, since: time.Now()})
	}
	for _, node := range departed(view) {
		p.part(node)
	}
	steps := plan(view)
	var taking sync.WaitGroup
	for _, s := range steps {
		taking.Go(func() { p.take(s, view.groups[s.group].leader) })
	}
	taking.Wait()
	return busy || len(steps) > 0
}

// take has a group's leader take a step.
func (p *placer) take(s groupStep, leader uint64) {
	ctx, cancel := context.WithTimeout(p.node.ctx, stepTimeout)
	defer cancel()
	request := binary.AppendUvarint(nil, uint64(s.group))
	request = binary.AppendUvarint(request, uint64(s.kind))
	request = binary.AppendUvarint(request, s.node)
	_, err := p.node.peers.Call(ctx, leader, methodStep, request)
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelDebug // it is tried again as long as it is due
	}
	told := []any{"group", p.node.groups()[s.group].name, "step", s.kind, "node", s.node, "leader", leader}
	if err != nil {
		told = append(told, "error", err)
	}
	p.logger.Log(p.node.ctx, level, "placement", told...)
}

// record gives a member its next state.
func (p *placer) record(node uint64, command stateCommand) {
	ctx, cancel := context.WithTimeout(p.node.ctx, stepTimeout)
	defer cancel()
	_, err := p.node.proposeMember(ctx, command)
	switch {
	case err != nil:
		p.logger.Warn("a node's state cannot be recorded; trying again", "node", node, "state", command.state, "error", err)
	case command.gone:
		p.logger.Info("a node is no member of the cluster any more", "node", node)
	default:
		p.logger.Info("a node is a member with another state", "node", node, "state", command.state)
	}
}

// part ends the membership of a node that has left all groups. It is told, if it answers,
// as long as it may be spoken to.
func (p *placer) part(node uint64) {
	ctx, cancel := context.WithTimeout(p.node.ctx, statusTimeout)
	_, _ = p.node.peers.Call(ctx, node, methodRemoved, nil) // it may be gone already
	cancel()
	p.record(node, stateCommand{node: node, state: Leaving, since: time.Now(), gone: true})
}
