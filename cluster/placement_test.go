package cluster

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawView draws a cluster in some state, whose groups have leaders.
func drawView(t *rapid.T) *clusterView {
	nodes := rapid.IntRange(1, 7).Draw(t, "nodes")
	v := &clusterView{
		members: &membership{replication: rapid.SampledFrom([]int{1, 3, 5}).Draw(t, "replication"), pins: map[int]pin{}},
		alive:   map[uint64]bool{},
	}
	localities := rapid.IntRange(0, 3).Draw(t, "localities")
	for i := range nodes {
		m := Member{ID: uint64(i + 1), Address: fmt.Sprint("host", i), State: Running}
		if i > 0 {
			m.State = rapid.SampledFrom([]MemberState{Running, Running, Running, Joining, Draining, Leaving}).Draw(t, "state")
		}
		if localities > 0 {
			m.Locality = fmt.Sprintf("zone=%d", i%localities)
		}
		v.members.members = append(v.members.members, m)
		v.alive[m.ID] = true
	}
	v.members.next = uint64(nodes + 1)
	for range rapid.IntRange(1, 9).Draw(t, "groups") {
		voters := rapid.SliceOfNDistinct(rapid.Uint64Range(1, uint64(nodes)), 1, min(nodes, 5), rapid.ID).Draw(t, "voters")
		slices.Sort(voters)
		v.groups = append(v.groups, groupView{leader: voters[0], voters: voters})
	}
	return v
}

// take takes a step as a group would, and verifies that it is safe.
func (v *clusterView) take(s groupStep) error {
	g := &v.groups[s.group]
	switch s.kind {
	case stepAdd:
		g.others = append(g.others, s.node)
	case stepPromote:
		g.others = without(g.others, []uint64{s.node})
		g.voters = append(slices.Clone(g.voters), s.node)
	case stepDemote:
		if s.node == g.leader {
			return fmt.Errorf("the leader is demoted")
		}
		g.voters = without(g.voters, []uint64{s.node})
		g.others = append(g.others, s.node)
	case stepRemove:
		g.others = without(g.others, []uint64{s.node})
	case stepLead:
		if !slices.Contains(g.voters, s.node) {
			return fmt.Errorf("node %d leads, which does not vote", s.node)
		}
		g.leader = s.node
	}
	slices.Sort(g.voters)
	if len(g.voters) == 0 || !v.majority(g.voters) {
		return fmt.Errorf("group %d has voters %v, which are no majority", s.group, g.voters)
	}
	return nil
}

// settle takes steps until there are none.
func (v *clusterView) settle(t *rapid.T) {
	for range 300 {
		for i := range v.groups {
			v.groups[i].ready = map[uint64]bool{}
			for _, id := range slices.Concat(v.groups[i].voters, v.groups[i].others) {
				v.groups[i].ready[id] = v.alive[id]
			}
		}
		steps := plan(v)
		for _, id := range admitted(v) {
			i := v.members.find(id)
			v.members.members[i].State = Running
			steps = append(steps, groupStep{group: -1})
		}
		if len(steps) == 0 {
			return
		}
		for _, s := range steps {
			if s.group < 0 {
				continue
			}
			if err := v.take(s); err != nil {
				t.Fatalf("%+v: %v", s, err)
			}
		}
	}
	t.Fatalf("the cluster does not settle: next %+v", plan(v))
}

// TestPlacementSettles: whatever state a cluster is in, steps that are each safe bring it
// to where every group has the voters that it should, evenly spread.
func TestPlacementSettles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawView(t)
		hadTwo := make([]bool, len(v.groups))
		for i, g := range v.groups {
			running := 0
			for _, id := range g.voters {
				if m, _ := v.members.member(id); m.State == Running || m.State == Joining {
					running++
				}
			}
			hadTwo[i] = running >= 2
		}
		v.settle(t)
		var running []uint64
		for _, m := range v.members.members {
			if m.State == Running {
				running = append(running, m.ID)
			}
		}
		votes, leads := map[uint64]int{}, map[uint64]int{}
		for i, g := range v.groups {
			leads[g.leader]++
			wanted := min(v.members.replication, len(running))
			if odd := (wanted-1)/2*2 + 1; len(g.voters) != odd && !(wanted == 2 && len(g.voters) == 2 && hadTwo[i]) {
				t.Fatalf("group %d has voters %v of %d that run, %d are wanted", i, g.voters, len(running), v.members.replication)
			}
			for _, id := range g.voters {
				votes[id]++
				if !slices.Contains(running, id) {
					t.Fatalf("group %d has voter %d, which does not run", i, id)
				}
			}
			for _, m := range v.members.members {
				there := slices.Contains(g.voters, m.ID) || slices.Contains(g.others, m.ID)
				if there == (m.State == Leaving) {
					t.Fatalf("group %d: node %d is %v and there: %v", i, m.ID, m.State, there)
				}
			}
		}
		if v.members.members[0].Locality == "" && (len(running) != 2 || v.members.replication == 1) {
			for _, a := range running {
				for _, b := range running {
					if votes[a]-votes[b] > 1 {
						t.Fatalf("votes are not even: %v", votes)
					}
				}
			}
		}
		if len(departed(v)) != len(slices.DeleteFunc(slices.Clone(v.members.members), func(m Member) bool { return m.State != Leaving })) {
			t.Fatalf("leaving members are still there")
		}
	})
}

// TestPlacementKeepsWhatIsAway: a member that does not answer keeps its votes, and nothing
// is done that a majority of those that answer could not carry.
func TestPlacementKeepsWhatIsAway(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawView(t)
		v.settle(t)
		away := rapid.SampledFrom(v.members.ids()).Draw(t, "away")
		m, _ := v.members.member(away)
		if m.State == Leaving {
			return
		}
		v.alive[away] = false
		votes := map[int]bool{}
		for i, g := range v.groups {
			votes[i] = slices.Contains(g.voters, away)
			if g.leader == away || !v.majority(g.voters) {
				v.groups[i].leader = 0
				for _, id := range g.voters {
					if id != away && v.majority(g.voters) {
						v.groups[i].leader = id
					}
				}
			}
		}
		v.settle(t)
		for i, g := range v.groups {
			if slices.Contains(g.voters, away) != votes[i] {
				t.Fatalf("group %d: node %d, which is away, votes: %v", i, away, !votes[i])
			}
		}
	})
}

func TestPlacementSpreadsOverLocalities(t *testing.T) {
	v := &clusterView{members: &membership{replication: 3, pins: map[int]pin{}}, alive: map[uint64]bool{}}
	for i, zone := range []string{"a", "a", "a", "b", "c", "c"} {
		id := uint64(i + 1)
		v.members.members = append(v.members.members, Member{ID: id, State: Running, Locality: "region=r,zone=" + zone, Since: time.Time{}})
		v.alive[id] = true
	}
	for range 8 {
		v.groups = append(v.groups, groupView{leader: 1, voters: []uint64{1, 2, 3}})
	}
	rapid.Check(t, func(t *rapid.T) { v.settle(t) })
	for i, g := range v.groups {
		zones := map[string]bool{}
		for _, id := range g.voters {
			m, _ := v.members.member(id)
			zones[m.Locality] = true
		}
		if len(zones) != 3 {
			t.Errorf("group %d has voters %v", i, g.voters)
		}
	}
}

// TestPlacementBesideADeadPin: while a node that is wanted to vote does not answer, and does
// not vote, one that votes in its stead keeps its vote.
func TestPlacementBesideADeadPin(t *testing.T) {
	v := &clusterView{
		members: &membership{replication: 3, pins: map[int]pin{0: {voters: []uint64{1, 2, 3}}}},
		alive:   map[uint64]bool{1: true, 2: true, 4: true},
	}
	for id := uint64(1); id <= 4; id++ {
		v.members.members = append(v.members.members, Member{ID: id, State: Running})
	}
	v.members.next = 5
	for range 2 {
		v.groups = append(v.groups, groupView{leader: 1, voters: []uint64{1, 2, 4}})
	}
	voters := func() []uint64 {
		rapid.Check(t, func(t *rapid.T) { v.settle(t) })
		slices.Sort(v.groups[1].voters)
		return v.groups[1].voters
	}
	if got := voters(); !slices.Equal(got, []uint64{1, 2, 4}) {
		t.Errorf("while node 3 is away, %v vote", got)
	}
	v.alive[3] = true
	if got := voters(); !slices.Equal(got, []uint64{1, 2, 3}) {
		t.Errorf("when node 3 is back, %v vote", got)
	}
}
