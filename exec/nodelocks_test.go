package exec

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"millrace/exec/lock"
)

// TestLockMessages encodes and decodes random messages.
func TestLockMessages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := func(name string) uint64 { return rapid.Uint64().Draw(t, name) }
		q := &lockRequest{
			verb: lockVerb(rapid.IntRange(0, int(lockVerbs)-1).Draw(t, "verb")), life: number("life"), session: number("session"),
			owner: number("owner"), op: number("op"), reign: number("reign"), tenure: number("tenure"), process: rapid.Int32().Draw(t, "process"),
			transaction: rapid.Bool().Draw(t, "transaction"), relation: number("relation"), mark: number("mark"),
			advisory: lock.AdvisoryKey{Class: 3, Object: rapid.Uint32().Draw(t, "object"), Sub: 2},
			mode:     lock.Mode(rapid.IntRange(0, int(lock.Probe)).Draw(t, "mode")),
			wait:     lock.Wait{Policy: lock.SkipLocked, Deadlock: time.Second, Timeout: time.Hour, Most: 77},
			keys:     rapid.SliceOf(rapid.String()).Draw(t, "keys"),
		}
		if len(q.keys) == 0 {
			q.keys = nil
		}
		got, err := decodeLockRequest(q.append(nil))
		if err != nil || !reflect.DeepEqual(got, q) {
			t.Fatalf("%+v became %+v, %v", q, got, err)
		}
		a := &lockAnswer{
			reign: number("reign"), tenure: 3, outcome: lockOutcome(rapid.IntRange(0, int(lockOutcomes)-1).Draw(t, "outcome")),
			waited: rapid.Bool().Draw(t, "waited"), repeated: rapid.Bool().Draw(t, "repeated"), fresh: []int{1, 5}, skipped: []int{0},
			deadlock: []lock.Edge{
				{Process: -1, BlockedBy: 7, Transaction: 9, Mode: lock.Update, Relation: 3, Key: "k"},
				{Advisory: &lock.AdvisoryKey{Class: 1, Object: 2, Sub: 1}},
			},
		}
		answer, err := decodeLockAnswer(a.append(nil))
		if err != nil || !reflect.DeepEqual(answer, a) {
			t.Fatalf("%+v became %+v, %v", a, answer, err)
		}
	})
}

func FuzzLockMessages(f *testing.F) {
	f.Add((&lockRequest{keys: []string{"a"}}).append(nil))
	f.Add((&lockAnswer{fresh: []int{1}, deadlock: []lock.Edge{{Key: "k"}}}).append(nil))
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _ = decodeLockRequest(data)
		_, _ = decodeLockAnswer(data)
	})
}

const lockedTable = 7

// patient is how the owners of these tests wait.
var patient = lock.Wait{Deadlock: 20 * time.Millisecond}

// owner returns a transaction of a new session of a node.
func (n *engineNode) owner(process int32) LockOwner {
	return n.engine.Locks().NewSession(process).NewTransaction()
}

func lockOne(ctx context.Context, o LockOwner, key string, mode lock.Mode, wait lock.Wait) error {
	_, err := o.LockRows(ctx, lockedTable, []string{key}, mode, wait)
	return err
}

// waits waits until a process waits for a lock.
func (c *nodes) waits(process int32) {
	c.t.Helper()
	c.wait(func() bool {
		blocking, err := c.anyNode().engine.Locks().Blocking(c.t.Context(), process)
		return err == nil && len(blocking) > 0
	})
}

// TestLocksOfTwoNodes has transactions of two nodes meet in the locks of a third.
func TestLocksOfTwoNodes(t *testing.T) {
	c := newNodes(t, 1, 3, 1)
	a, b := c.node(2).owner(2), c.node(3).owner(3)
	if err := lockOne(t.Context(), a, "x", lock.Update, patient); err != nil {
		t.Fatal(err)
	}
	if err := lockOne(t.Context(), b, "x", lock.Update, lock.Wait{Policy: lock.NoWait}); !errors.Is(err, lock.ErrNotAvailable) {
		t.Errorf("NOWAIT gave %v", err)
	}
	if rows, err := b.LockRows(t.Context(), lockedTable, []string{"x", "y"}, lock.Update, lock.Wait{Policy: lock.SkipLocked}); err != nil || !slices.Equal(rows.Skipped, []int{0}) || !slices.Equal(rows.Fresh, []int{1}) {
		t.Errorf("SKIP LOCKED gave %+v, %v", rows, err)
	}
	if err := lockOne(t.Context(), b, "x", lock.Update, lock.Wait{Deadlock: time.Hour, Timeout: time.Millisecond}); !errors.Is(err, lock.ErrTimeout) {
		t.Errorf("a timeout gave %v", err)
	}
	if list, err := c.node(3).engine.Locks().List(t.Context()); err != nil || len(list) == 0 {
		t.Errorf("the locks are %+v, %v", list, err)
	}
	got := make(chan error)
	go func() { got <- lockOne(t.Context(), b, "x", lock.Update, patient) }()
	c.waits(3)
	a.Release(0)
	if err := <-got; err != nil {
		t.Error(err)
	}
	if err := b.Check(t.Context()); err != nil {
		t.Error(err)
	}
	b.Release(0)
	if err := lockOne(t.Context(), c.node(1).owner(1), "x", lock.Update, lock.Wait{Policy: lock.NoWait}); err != nil {
		t.Errorf("a row that was released gave %v", err)
	}
}

// TestReleaseToAMark takes back what a transaction of another node got behind a mark.
func TestReleaseToAMark(t *testing.T) {
	c := newNodes(t, 1, 2, 1)
	o, here := c.node(2).owner(2), c.node(1).owner(1)
	nowait := lock.Wait{Policy: lock.NoWait}
	if o.Mark() != 0 {
		t.Error("an owner of nothing has a mark")
	}
	if err := lockOne(t.Context(), o, "a", lock.Update, patient); err != nil {
		t.Fatal(err)
	}
	mark := o.Mark()
	for _, key := range []string{"b", "c"} {
		if err := lockOne(t.Context(), o, key, lock.Update, patient); err != nil {
			t.Fatal(err)
		}
	}
	o.ReleaseRows(mark, lockedTable, []string{"b"})
	if err := lockOne(t.Context(), here, "b", lock.Update, nowait); err != nil {
		t.Errorf("a row that was released gave %v", err)
	}
	if err := lockOne(t.Context(), here, "c", lock.Update, nowait); !errors.Is(err, lock.ErrNotAvailable) {
		t.Errorf("a locked row gave %v", err)
	}
	o.Release(mark)
	if err := lockOne(t.Context(), here, "c", lock.Update, nowait); err != nil {
		t.Errorf("a row behind the mark gave %v", err)
	}
	if err := lockOne(t.Context(), here, "a", lock.Update, nowait); !errors.Is(err, lock.ErrNotAvailable) {
		t.Errorf("a row before the mark gave %v", err)
	}
	o.Release(0)
}

// TestDeadlockAcrossNodes has two nodes' transactions wait for each other.
func TestDeadlockAcrossNodes(t *testing.T) {
	c := newNodes(t, 1, 3, 1)
	a, b := c.node(2).owner(2), c.node(3).owner(3)
	if err := errors.Join(lockOne(t.Context(), a, "x", lock.Update, patient), lockOne(t.Context(), b, "y", lock.Update, patient)); err != nil {
		t.Fatal(err)
	}
	errs := make(chan error, 2)
	for _, other := range []struct {
		o   LockOwner
		key string
	}{{a, "y"}, {b, "x"}} {
		go func() {
			err := lockOne(t.Context(), other.o, other.key, lock.Update, patient)
			if err != nil {
				other.o.Release(0)
			}
			errs <- err
		}()
	}
	var deadlock *lock.DeadlockError
	if err := errors.Join(<-errs, <-errs); !errors.As(err, &deadlock) || len(deadlock.Edges) != 2 {
		t.Errorf("the two gave %v", err)
	}
}

// TestCoordinatorMoves has the coordinator move while transactions of all nodes hold
// locks: they notice, and others get the locks.
func TestCoordinatorMoves(t *testing.T) {
	c := newNodes(t, 1, 3, 1)
	var holders []LockOwner
	for _, n := range c.nodes {
		o := n.owner(int32(n.id))
		if err := lockOne(t.Context(), o, fmt.Sprint(n.id), lock.Update, patient); err != nil {
			t.Fatal(err)
		}
		holders = append(holders, o)
	}
	waits := make(chan error)
	go func() { waits <- lockOne(t.Context(), c.node(2).owner(9), "3", lock.Update, patient) }()
	c.waits(9)
	c.catalog.setLeader(2)
	for i, o := range holders {
		c.wait(func() bool { return o.Check(t.Context()) != nil })
		if err := o.Check(t.Context()); !errors.Is(err, lock.ErrEnded) {
			t.Errorf("node %d: a lost lock gave %v", i+1, err)
		}
		if err := lockOne(t.Context(), o, "z", lock.Update, patient); !errors.Is(err, lock.ErrEnded) {
			t.Errorf("node %d: an owner of lost locks got %v", i+1, err)
		}
		o.Release(0)
		if err := lockOne(t.Context(), o, fmt.Sprint(i+1), lock.Update, lock.Wait{Policy: lock.NoWait}); err != nil && i != 2 {
			t.Errorf("node %d: a new transaction got %v", i+1, err)
		}
	}
	if err := <-waits; err != nil && !errors.Is(err, lock.ErrEnded) {
		t.Errorf("who waited got %v", err)
	}
}

// TestNodeDies releases the locks of a node that is gone.
func TestNodeDies(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 1, 3, 1)
	o := c.node(3).owner(3)
	if err := lockOne(t.Context(), o, "x", lock.Update, patient); err != nil {
		t.Fatal(err)
	}
	if _, entered := c.node(3).engine.Locks().EnterFast(t.Context(), []uint64{99}); !entered {
		t.Fatal("a fast writer was not let in")
	}
	c.node(3).stop()
	if err := lockOne(t.Context(), c.node(2).owner(2), "x", lock.Update, lock.Wait{Deadlock: time.Hour}); err != nil {
		t.Errorf("a row of a node that is gone gave %v", err)
	}
	if _, err := c.node(2).owner(2).LockTable(t.Context(), 99, lock.AccessExclusive, lock.Wait{Policy: lock.NoWait}); err != nil {
		t.Errorf("a table in which a node was that is gone gave %v", err)
	}
	c.node(3).start()
	if err := c.node(3).engine.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := lockOne(t.Context(), c.node(3).owner(3), "x", lock.Update, lock.Wait{Policy: lock.NoWait}); !errors.Is(err, lock.ErrNotAvailable) {
		t.Errorf("the row that another has by now gave %v", err)
	}
}

// TestNodeIsCutOff gives up a node that cannot be reached, which notices when it is back.
func TestNodeIsCutOff(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 1, 3, 1)
	o := c.node(3).owner(3)
	if err := lockOne(t.Context(), o, "x", lock.Update, patient); err != nil {
		t.Fatal(err)
	}
	c.cutOff(3, 1, true)
	c.cutOff(1, 3, true)
	if err := lockOne(t.Context(), c.node(2).owner(2), "x", lock.Update, lock.Wait{Deadlock: time.Hour}); err != nil {
		t.Errorf("a row of a node that is cut off gave %v", err)
	}
	c.cutOff(3, 1, false)
	c.cutOff(1, 3, false)
	if err := o.Check(t.Context()); !errors.Is(err, lock.ErrEnded) {
		t.Errorf("who was given up checks its locks with %v", err)
	}
}

// TestLeases has fast writers of two nodes pass by a table, and be recalled.
func TestLeases(t *testing.T) {
	c := newNodes(t, 1, 3, 1)
	var entries []FastEntry
	for _, n := range c.nodes {
		entry, entered := n.engine.Locks().EnterFast(t.Context(), []uint64{lockedTable})
		if !entered {
			t.Fatalf("node %d: a fast writer was not let in", n.id)
		}
		entries = append(entries, entry)
	}
	got := make(chan error)
	o := c.node(2).owner(2)
	go func() { got <- lockOne(t.Context(), o, "x", lock.Update, patient) }()
	for _, entry := range entries {
		select {
		case err := <-got:
			t.Fatalf("a row beside fast writers gave %v", err)
		default:
		}
		entry.Leave()
	}
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	for _, n := range c.nodes {
		if _, entered := n.engine.Locks().EnterFast(t.Context(), []uint64{lockedTable}); entered {
			t.Errorf("node %d: a fast writer is beside a locked row", n.id)
		}
		if n.engine.Locks().Locked(t.Context(), lockedTable, lock.AccessShare) {
			t.Errorf("node %d: nobody may read the table", n.id)
		}
	}
	o.Release(0)
	if _, err := o.LockTable(t.Context(), lockedTable, lock.AccessExclusive, patient); err != nil {
		t.Fatal(err)
	}
	for _, n := range c.nodes {
		if !n.engine.Locks().Locked(t.Context(), lockedTable, lock.AccessShare) {
			t.Errorf("node %d: a table is read beside ACCESS EXCLUSIVE", n.id)
		}
	}
	o.Release(0)
}

// TestLocksExclude has sessions of all nodes count a row up under its lock, while the
// network loses calls and the coordinator moves: no two are in at once, as far as
// their locks hold until the end.
func TestLocksExclude(t *testing.T) {
	c := newNodes(t, 3, 3, 1)
	c.setLossy(5)
	var mu sync.Mutex
	holder := map[string]int{}
	var all sync.WaitGroup
	for i := range 9 {
		n := c.nodes[i%3]
		session := n.engine.Locks().NewSession(int32(i + 1))
		all.Go(func() {
			for range 15 {
				o := session.NewTransaction()
				keys := []string{fmt.Sprint(c.chance(3)), fmt.Sprint(c.chance(3))}
				taken := []string{}
				for _, key := range keys {
					if err := lockOne(t.Context(), o, key, lock.Update, patient); err != nil {
						break
					}
					mu.Lock()
					if by := holder[key]; by != 0 && by != i+1 {
						t.Errorf("%d and %d have row %s", by, i+1, key)
					}
					holder[key] = i + 1
					mu.Unlock()
					taken = append(taken, key)
				}
				mu.Lock()
				for _, key := range taken {
					delete(holder, key)
				}
				mu.Unlock()
				o.Release(0)
			}
		})
	}
	all.Wait()
	c.setLossy(0)
	c.wait(func() bool {
		list, err := c.node(1).engine.Locks().List(t.Context())
		return err == nil && len(list) == 0
	})
}

// TestDeposedCoordinatorConfirmsNothing asks a reign that is over, and does not know it yet,
// whether its locks count.
func TestDeposedCoordinatorConfirmsNothing(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 1, 3, 1)
	e := c.node(1).engine
	c.wait(func() bool { return e.coordinator.reign.Load() != nil })
	number := e.coordinator.reign.Load().number
	unaware := func(confirmed time.Time) *lockReign {
		r := &lockReign{engine: e, number: number, manager: lock.NewManager(e.now, e.after)}
		r.confirmed.Store(&confirmed)
		return r
	}
	if err := unaware(e.now().Add(-time.Hour)).confirm(t.Context()); err != nil {
		t.Errorf("the reign that is now gave %v", err)
	}
	for _, leader := range []uint64{2, 1} { // 1 leads again, in another reign than its first
		c.catalog.setLeader(leader)
		c.wait(func() bool {
			return c.node(leader).engine.coordinator.reign.Load() != nil && e.newestCatalog().Reign().Number > number
		})
		for _, ago := range []time.Duration{time.Hour, -time.Hour} { // a clock that was put back
			if err := unaware(e.now().Add(-ago)).confirm(t.Context()); !errors.Is(err, lock.ErrEnded) {
				t.Errorf("node %d leads, confirmed %v ago: %v", leader, ago, err)
			}
		}
	}
}

// TestDeposedCoordinatorTellsNothing asks a node that believes to coordinate and was deposed,
// as one does that stood still.
func TestDeposedCoordinatorTellsNothing(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 1, 3, 1)
	c.node(1).define(`CREATE SEQUENCE s`)
	id := c.node(1).sequence("s")
	if got := c.node(1).nextValue(id); got != 1 {
		t.Fatal(got)
	}
	e := c.node(1).engine
	r := e.coordinator.reign.Load()
	c.catalog.setLeader(2)
	c.wait(func() bool { return e.coordinator.reign.Load() == nil })
	long := e.now().Add(-time.Hour)
	unaware := &lockReign{engine: e, number: r.number, manager: lock.NewManager(e.now, e.after), tenants: map[uint64]*tenant{}, granting: r.granting, life: t.Context()}
	unaware.confirmed.Store(&long)
	e.coordinator.reign.Store(unaware)
	defer e.coordinator.reign.CompareAndSwap(unaware, nil)
	lockRow := (&lockRequest{verb: lockRows, life: 1, session: 1, owner: 1, op: 1, mode: lock.Update, keys: []string{"x"}}).append(nil)
	for method, request := range map[string][]byte{
		"lock.ping": appendUvarints(nil, 1), "lock": lockRow, "lock.lease": appendUvarints(nil, 1, uint64(lock.Writers), lockedTable),
		"sequence.next": appendUvarints(nil, uint64(id), 1),
	} {
		if _, err := c.node(3).engine.askNode(t.Context(), 1, method, request); !errors.Is(err, ErrNotLeader) {
			t.Errorf("%s gave %v", method, err)
		}
	}
}
