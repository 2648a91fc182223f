package lock

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// machine drives a manager without goroutines, and looks after each step whether
// what stands at the top of manager.go holds. What holds and what waits is kept a
// second time, in plain lists.
type machine struct {
	*rapid.T
	m      *Manager
	owners []*Owner
	// waiting are the waiters of owners that wait.
	waiting map[*Owner]*waiter
	// fast counts the fast writers by table.
	fast map[uint64]int
	// grants are what the owners hold, in the order in which they got it.
	grants map[*Owner][]held
}

const (
	machineSessions = 4
	machineTables   = 2
	machineRows     = 3
)

func newMachine(t *rapid.T) *machine {
	s := &machine{T: t, m: NewManager(nil, nil), waiting: map[*Owner]*waiter{}, fast: map[uint64]int{}, grants: map[*Owner][]held{}}
	for i := range machineSessions {
		session := s.m.NewSession(int32(i))
		s.owners = append(s.owners, session.NewTransaction(), session.NewOwner())
	}
	return s
}

// owner draws an owner that waits, or one of a session that does not wait.
func (s *machine) owner(waits bool) *Owner {
	var list []*Owner
	for _, o := range s.owners {
		if waits && s.waiting[o] != nil || !waits && o.session.waiting == nil {
			list = append(list, o)
		}
	}
	if len(list) == 0 {
		s.Skip("nobody")
	}
	return rapid.SampledFrom(list).Draw(s.T, "owner")
}

// ask asks for a lock as LockTable and LockRows do.
func (s *machine) ask(o *Owner, relation uint64, key string, mode Mode, policy Policy) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	x := &s.m.table(relation).object
	if mode.Row() {
		if w, _ := s.m.request(o, x, rowLocker, Block); w != nil {
			s.waiting[o] = w
			return
		}
		x = s.m.table(relation).row(key)
	}
	s.request(o, x, mode, policy)
}

// askAdvisory asks for a lock as LockAdvisory does.
func (s *machine) askAdvisory(o *Owner, key AdvisoryKey, mode Mode, policy Policy) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	x := s.m.table(advisories).row(key.encode())
	if own := x.modesOf(o); covers(own, mode) && !own.has(mode) {
		s.m.grant(x, o, mode)
		return
	}
	s.request(o, x, mode, policy)
}

func (s *machine) request(o *Owner, x *object, mode Mode, policy Policy) {
	w, err := s.m.request(o, x, mode, policy)
	if w != nil {
		s.waiting[o] = w
	}
	if err != nil && s.free(o, x, mode) {
		s.Fatalf("%s was refused although nobody is in the way", mode)
	}
}

// free reports whether no other session holds or awaits what conflicts with a mode.
func (s *machine) free(o *Owner, x *object, mode Mode) bool {
	for _, other := range s.owners {
		for _, h := range other.journal {
			if !other.with(o) && h.object == x && conflicts[h.mode].has(mode) {
				return false
			}
		}
		if w := s.waiting[other]; w != nil && w.object == x && conflicts[w.mode].has(mode) {
			return false
		}
	}
	return s.fast[x.table.number] == 0 || !x.isTable() || !conflicts[mode].has(fastWriter)
}

func (s *machine) steps() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"lock": func(t *rapid.T) {
			mode := rapid.SampledFrom([]Mode{
				AccessShare, RowShare, RowExclusive, ShareUpdateExclusive, Share, ShareRowExclusive, Exclusive, AccessExclusive,
				KeyShare, RowShared, NoKeyUpdate, Update, ChangeRow, ChangeKey, Probe,
				ChangeRow, ChangeKey, NoKeyUpdate, Update, RowShared,
			}).Draw(t, "mode")
			s.ask(s.owner(false), rapid.Uint64Range(1, machineTables).Draw(t, "table"),
				fmt.Sprint(rapid.IntRange(1, machineRows).Draw(t, "row")), mode, rapid.SampledFrom([]Policy{Block, Block, NoWait}).Draw(t, "policy"))
		},
		"advisory lock": func(t *rapid.T) {
			s.askAdvisory(s.owner(false), drawAdvisory(t), rapid.SampledFrom([]Mode{Share, Exclusive}).Draw(t, "mode"),
				rapid.SampledFrom([]Policy{Block, Block, NoWait}).Draw(t, "policy"))
		},
		"advisory unlock": func(t *rapid.T) {
			o, key, mode := s.owner(false), drawAdvisory(t), rapid.SampledFrom([]Mode{Share, Exclusive}).Draw(t, "mode")
			before := slices.Clone(o.journal)
			o.ReleaseAdvisory(key, mode)
			kept := slices.DeleteFunc(before, func(h held) bool {
				is := h.object.advisory()
				return is != nil && *is == key && h.mode == mode
			})
			if !slices.Equal(o.journal, kept) {
				s.Fatalf("%v is left of %v", o.journal, kept)
			}
		},
		"release": func(t *rapid.T) {
			o := s.owner(false)
			o.Release(rapid.IntRange(0, len(o.journal)).Draw(t, "mark"))
		},
		"release rows": func(t *rapid.T) {
			o := s.owner(false)
			o.ReleaseRows(rapid.IntRange(0, len(o.journal)).Draw(t, "mark"), rapid.Uint64Range(1, machineTables).Draw(t, "table"),
				[]string{fmt.Sprint(rapid.IntRange(1, machineRows).Draw(t, "row")), "none"})
		},
		"give up": func(*rapid.T) { _ = s.m.giveUp(s.waiting[s.owner(true)], nil) },
		"look for deadlocks": func(*rapid.T) {
			o := s.owner(true)
			if s.m.checkDeadlock(s.waiting[o]) != nil {
				o.Release(0)
			}
		},
		"enter fast": func(t *rapid.T) {
			relation := rapid.Uint64Range(1, machineTables).Draw(t, "table")
			if s.m.EnterFast(relation) {
				s.fast[relation]++
			}
		},
		"leave fast": func(t *rapid.T) {
			relation := rapid.Uint64Range(1, machineTables).Draw(t, "table")
			if s.fast[relation] > 0 {
				s.fast[relation]--
				s.m.LeaveFast(relation)
			}
		},
		"": func(*rapid.T) { s.check() },
	}
}

func drawAdvisory(t *rapid.T) AdvisoryKey {
	return AdvisoryKey{Object: rapid.Uint32Range(1, 2).Draw(t, "key"), Sub: 1}
}

// check holds the manager against its invariants, by looking at the owners'
// journals alone.
func (s *machine) check() {
	for o, w := range s.waiting {
		if w.done {
			delete(s.waiting, o)
		}
	}
	known := map[*object]bool{}
	for i, o := range s.owners {
		seen := map[held]bool{}
		for _, h := range o.journal {
			known[h.object] = true
			switch {
			case seen[h]:
				s.Fatalf("owner %d holds %s twice", i, h.mode)
			case !h.object.modesOf(o).has(h.mode):
				s.Fatalf("owner %d does not hold %s", i, h.mode)
			case h.object.isTable() && s.fast[h.object.table.number] > 0 && conflicts[h.mode].has(fastWriter):
				s.Fatalf("owner %d holds %s beside fast writers", i, h.mode)
			case !h.object.isTable() && h.object.advisory() == nil && !covers(h.object.table.modesOf(o), rowLocker):
				s.Fatalf("owner %d holds a row and does not keep fast writers out", i)
			}
			seen[h] = true
			for _, other := range s.owners[:i] {
				for _, theirs := range other.journal {
					if theirs.object == h.object && !other.with(o) && conflicts[h.mode].has(theirs.mode) {
						s.Fatalf("%s and %s are held at once", h.mode, theirs.mode)
					}
				}
			}
		}
	}
	for o, w := range s.waiting {
		known[w.object] = true
		if o.session.waiting != w || !slices.Contains(w.object.queue, w) {
			s.Fatalf("a waiter is lost")
		}
		if len(w.edges()) == 0 && (w.object.fast == 0 || !conflicts[w.mode].has(fastWriter)) {
			s.Fatalf("%s waits for nothing", w.mode)
		}
	}
	count := 0
	for number, t := range s.m.tables {
		if !known[&t.object] && t.fast == 0 && len(t.rows) == 0 || t.fast != s.fast[number] {
			s.Fatalf("table %d is known and has %d fast writers", number, t.fast)
		}
		if known[&t.object] {
			count++
		}
		for _, row := range t.rows {
			if !known[row] {
				s.Fatalf("a row that nobody wants is known")
			}
			count++
		}
	}
	if count != len(known) {
		s.Fatalf("%d objects are known, not %d", count, len(known))
	}
}

// end lets everybody finish, in any order: each owner that does not wait releases
// everything; those that still wait look for deadlocks. Nobody is left.
func (s *machine) end() {
	for relation, n := range s.fast {
		for range n {
			s.m.LeaveFast(relation)
		}
		s.fast[relation] = 0
	}
	for len(s.m.owners) > 0 {
		progress := false
		for _, o := range s.owners {
			if o.session.waiting == nil && len(o.journal) > 0 {
				o.Release(0)
				progress = true
			}
		}
		for _, o := range s.owners {
			w := o.session.waiting
			if w == nil {
				continue
			}
			if s.m.checkDeadlock(w) != nil {
				w.owner.Release(0)
			}
			// The change of a queue's order ends a circle, too.
			progress = progress || slices.ContainsFunc(slices.Collect(maps.Values(s.waiting)), func(w *waiter) bool { return w.done })
		}
		s.check()
		if !progress {
			s.Fatalf("%d owners wait for ever", len(s.m.owners))
		}
	}
	if len(s.m.tables) > 0 {
		s.Fatalf("%d tables are left", len(s.m.tables))
	}
}

// TestManager runs random requests of a few owners for a few tables and rows.
func TestManager(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newMachine(t)
		t.Repeat(s.steps())
		s.end()
	})
}
