package cluster

import (
	"cmp"
	"slices"
	"strings"
)

// step is one change of a group: what its leader is asked to do.
type step struct {
	kind stepKind
	node uint64
}

// stepKind is what a step does with its node.
type stepKind uint8

const (
	// stepAdd gives the node a replica without a vote.
	stepAdd stepKind = iota + 1
	// stepPromote gives the node's replica a vote.
	stepPromote
	// stepDemote takes the vote of the node's replica.
	stepDemote
	// stepRemove takes the node out of the group.
	stepRemove
	// stepLead has the node lead the group.
	stepLead
)

// clusterView is what the placer knows of the cluster at one moment.
type clusterView struct {
	members *membership
	// alive are the nodes that have answered.
	alive map[uint64]bool
	// unfit are those that have said that they should lead nothing.
	unfit map[uint64]bool
	// groups are all Raft groups: the catalog's, then the shards' by number.
	groups []groupView
}

// groupView is a group as its leader sees it. leader is 0 for a group whose leader is not
// known: nothing is done with it.
type groupView struct {
	leader         uint64
	voters, others []uint64
	// ready are the replicas that are whole and not behind.
	ready map[uint64]bool
}

// groupStep is a step and the group it is for.
type groupStep struct {
	group int
	step
}

// plan returns the steps that bring the cluster nearer to the placement that its
// membership asks for: at most one for each group, each of them safe to take on its own.
// When the cluster is as it should be there are none.
//
//   - Every member has a replica of every group.
//   - A group has as many voters as the replication factor says, or fewer while fewer
//     members run, an odd number where possible; but never one where there were two, since
//     the second is the only other copy that every acknowledged write is on.
//   - Voters are where operators have pinned them; on members that run; spread over
//     localities; and spread evenly. What has a vote keeps it where nothing is gained.
//   - A vote is given before another is taken, and only if the group's voters that answer
//     are still a majority afterwards. A member that does not answer keeps its votes until
//     an operator removes it.
//   - Leaders are spread evenly over voters, by moving those of shards. No group is given to
//     a node that is not fit to lead.
func plan(v *clusterView) []groupStep {
	var steps []groupStep
	targets := placement(v)
	busy := false
	for i := range v.groups {
		if v.groups[i].leader == 0 {
			busy = true
			continue
		}
		if s, ok := v.next(i, targets[i]); ok {
			steps = append(steps, groupStep{i, s})
			busy = true
		}
	}
	if !busy {
		if s, ok := v.balanceLeaders(); ok {
			steps = append(steps, s)
		}
	}
	return steps
}

// next returns a group's next step towards a set of voters.
func (v *clusterView) next(i int, target []uint64) (step, bool) {
	g := &v.groups[i]
	for _, m := range v.members.members {
		if m.State != Leaving && !slices.Contains(g.voters, m.ID) && !slices.Contains(g.others, m.ID) && v.alive[m.ID] {
			return step{stepAdd, m.ID}, true
		}
	}
	if missing := without(target, g.voters); len(missing) > 0 {
		for _, id := range missing {
			if v.alive[id] && g.ready[id] && v.majority(append(slices.Clone(g.voters), id)) {
				return step{stepPromote, id}, true
			}
		}
		return step{}, false // what is there stays until the others are ready
	}
	if surplus := without(g.voters, target); len(surplus) > 0 {
		return v.demote(i, surplus, target)
	}
	for _, id := range g.others {
		if m, ok := v.members.member(id); !ok || m.State == Leaving {
			return step{stepRemove, id}, true
		}
	}
	if wanted := v.members.pins[i-1].leader; i > 0 && wanted != g.leader && v.mayLead(g, wanted) {
		return step{stepLead, wanted}, true
	}
	return step{}, false
}

// demote returns the step that takes one of the votes that are not wanted: of a node that
// does not answer if there is one, and of the leader last and only when another leads.
func (v *clusterView) demote(i int, surplus, target []uint64) (step, bool) {
	g := &v.groups[i]
	slices.SortStableFunc(surplus, func(a, b uint64) int {
		return cmp.Or(order(v.alive[a], v.alive[b]), order(a == g.leader, b == g.leader))
	})
	id := surplus[0]
	if !v.majority(without(g.voters, []uint64{id})) {
		return step{}, false
	}
	if id != g.leader {
		return step{stepDemote, id}, true
	}
	for _, other := range target {
		if v.mayLead(g, other) {
			return step{stepLead, other}, true
		}
	}
	return step{}, false
}

// mayLead tells whether a node could be given a group's leadership.
func (v *clusterView) mayLead(g *groupView, id uint64) bool {
	return slices.Contains(g.voters, id) && v.alive[id] && !v.unfit[id] && g.ready[id]
}

// majority tells whether of a set of voters more than half answer.
func (v *clusterView) majority(voters []uint64) bool {
	alive := 0
	for _, id := range voters {
		if v.alive[id] {
			alive++
		}
	}
	return alive > len(voters)/2
}

// balanceLeaders returns a step that evens out how many groups each node leads. The
// catalog's group stays where it is: the cluster's locks are lost when it moves.
func (v *clusterView) balanceLeaders() (groupStep, bool) {
	leads := map[uint64]int{}
	for _, g := range v.groups {
		leads[g.leader]++
	}
	best, gain := groupStep{}, 1
	for i := range v.groups {
		g := &v.groups[i]
		if i == 0 || v.members.pins[i-1].leader == g.leader {
			continue
		}
		for _, id := range g.voters {
			// Every voter is wanted where it votes: otherwise there would be another step.
			if d := leads[g.leader] - leads[id]; d > gain && v.mayLead(g, id) {
				best, gain = groupStep{i, step{stepLead, id}}, d
			}
		}
	}
	return best, gain > 1
}

// placement returns the voters that each group should have.
func placement(v *clusterView) [][]uint64 {
	p := placing{view: v, load: map[uint64]int{}, locality: map[uint64][]string{}}
	for _, m := range v.members.members {
		if m.State == Running {
			p.running = append(p.running, m.ID)
			p.load[m.ID] = 0
			if m.Locality != "" {
				p.locality[m.ID] = strings.Split(m.Locality, ",")
			}
		}
	}
	for _, g := range v.groups {
		for _, id := range g.voters {
			p.load[id]++
		}
	}
	targets := make([][]uint64, len(v.groups))
	for i := range v.groups {
		targets[i] = p.choose(i)
	}
	p.even(targets)
	return targets
}

// placing is the state of one computation of a placement.
type placing struct {
	view    *clusterView
	running []uint64
	// load is how many groups a node votes in.
	load     map[uint64]int
	locality map[uint64][]string
}

// choose returns the voters that a group should have, as little changed as possible.
func (p *placing) choose(i int) []uint64 {
	g := &p.view.groups[i]
	for _, id := range g.voters {
		p.load[id]-- // until it is chosen again
	}
	var chosen []uint64
	candidates := slices.Clone(p.running)
	for count := p.voters(g); len(chosen) < count && len(candidates) > 0; {
		best := slices.MinFunc(candidates, func(a, b uint64) int {
			return cmp.Or(
				order(!p.available(g, a), !p.available(g, b)),
				order(!p.pinned(i, a), !p.pinned(i, b)),
				cmp.Compare(p.overlap(chosen, a), p.overlap(chosen, b)),
				order(!slices.Contains(g.voters, a), !slices.Contains(g.voters, b)),
				cmp.Compare(p.load[a], p.load[b]),
				cmp.Compare(a, b))
		})
		if !p.available(g, best) {
			break
		}
		chosen = append(chosen, best)
		candidates = without(candidates, chosen)
	}
	for _, id := range chosen {
		p.load[id]++
	}
	slices.Sort(chosen)
	return chosen
}

// voters is how many voters a group should have.
func (p *placing) voters(g *groupView) int {
	wanted := min(p.view.members.replication, len(p.running))
	if wanted != 2 {
		return (wanted-1)/2*2 + 1
	}
	if have := len(g.voters) - len(without(g.voters, p.running)); have >= 2 {
		return 2
	}
	return 1
}

// pinned tells whether an operator wants a node to vote in a group.
func (p *placing) pinned(i int, id uint64) bool {
	return i > 0 && slices.Contains(p.view.members.pins[i-1].voters, id)
}

// available tells whether a node can vote in a group: it answers, or votes already.
func (p *placing) available(g *groupView, id uint64) bool {
	return p.view.alive[id] || slices.Contains(g.voters, id)
}

// overlap is how much of a node's locality is that of nodes chosen already.
func (p *placing) overlap(chosen []uint64, id uint64) int {
	total := 0
	for _, other := range chosen {
		if other == id {
			continue
		}
		for i, part := range p.locality[id] {
			if i >= len(p.locality[other]) || p.locality[other][i] != part {
				break
			}
			total++
		}
	}
	return total
}

// even moves votes from the nodes that have most to those that have least, as long as
// that makes a difference and does not bring voters of a group nearer together.
func (p *placing) even(targets [][]uint64) {
	if len(p.running) == 2 && p.view.members.replication > 2 {
		return // on the way a group would have two voters, and keep them
	}
	for p.moveOne(targets) {
	}
}

// moveOne moves one vote, if that is worth it.
func (p *placing) moveOne(targets [][]uint64) bool {
	alive := slices.DeleteFunc(slices.Clone(p.running), func(id uint64) bool { return !p.view.alive[id] })
	for _, to := range p.byLoad(alive) {
		for _, from := range slices.Backward(p.byLoad(p.running)) {
			if p.load[from]-p.load[to] < 2 {
				break
			}
			for i, target := range targets {
				if !slices.Contains(target, from) || slices.Contains(target, to) || p.pinned(i, from) {
					continue
				}
				rest := without(target, []uint64{from})
				if p.overlap(rest, to) > p.overlap(rest, from) {
					continue
				}
				targets[i] = append(rest, to)
				slices.Sort(targets[i])
				p.load[from]--
				p.load[to]++
				return true
			}
		}
	}
	return false
}

// byLoad orders nodes by load, then by number.
func (p *placing) byLoad(ids []uint64) []uint64 {
	return slices.SortedFunc(slices.Values(ids), func(a, b uint64) int {
		return cmp.Or(cmp.Compare(p.load[a], p.load[b]), cmp.Compare(a, b))
	})
}

// order compares two truth values: false comes first.
func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// without returns what is in a and not in b.
func without(a, b []uint64) []uint64 {
	var rest []uint64
	for _, id := range a {
		if !slices.Contains(b, id) {
			rest = append(rest, id)
		}
	}
	return rest
}

// admitted returns the joining members whose replicas are all whole, so that they may run.
func admitted(v *clusterView) []uint64 {
	var out []uint64
	for _, m := range v.members.members {
		whole := m.State == Joining && v.alive[m.ID]
		for _, g := range v.groups {
			whole = whole && g.ready[m.ID] && slices.Contains(g.others, m.ID)
		}
		if whole {
			out = append(out, m.ID)
		}
	}
	return out
}

// departed returns the leaving members that are in no group any more.
func departed(v *clusterView) []uint64 {
	var out []uint64
	for _, m := range v.members.members {
		gone := m.State == Leaving
		for _, g := range v.groups {
			gone = gone && g.leader != 0 && !slices.Contains(g.voters, m.ID) && !slices.Contains(g.others, m.ID)
		}
		if gone {
			out = append(out, m.ID)
		}
	}
	return out
}

// stepKinds are the steps' names.
var stepKinds = [...]string{
	stepAdd: "add", stepPromote: "promote", stepDemote: "demote", stepRemove: "remove", stepLead: "lead",
}

// String is the step's name in the log.
func (k stepKind) String() string {
	if int(k) < len(stepKinds) {
		return stepKinds[k]
	}
	return "unknown"
}
