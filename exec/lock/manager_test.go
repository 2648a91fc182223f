package lock

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const tableNumber = 7

// wait is how most of these tests wait.
var wait = Wait{Deadlock: time.Second}

func lockRow(m *Manager, o *Owner, key string, mode Mode, wait Wait) error {
	_, err := m.LockRows(context.Background(), o, tableNumber, []string{key}, mode, wait)
	return err
}

// TestFirstComeFirstServed has ten owners queue for one row.
func TestFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewManager(nil, nil)
		first := m.NewSession(0).NewTransaction()
		if err := lockRow(m, first, "a", Update, wait); err != nil {
			t.Fatal(err)
		}
		var order []int
		var mu sync.Mutex
		for i := range 10 {
			go func() {
				o := m.NewSession(int32(i)).NewTransaction()
				if err := lockRow(m, o, "a", Update, wait); err != nil {
					t.Error(err)
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				o.Release(0)
			}()
			synctest.Wait()
		}
		first.Release(0)
		synctest.Wait()
		if !slices.IsSorted(order) || len(order) != 10 {
			t.Errorf("served as %v", order)
		}
		if len(m.tables)+len(m.owners) > 0 {
			t.Error("locks are left")
		}
	})
}

// TestSharedDoNotStarve shows that a shared lock waits behind an exclusive one that
// waits.
func TestSharedDoNotStarve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewManager(nil, nil)
		a, b, c := m.NewSession(1).NewTransaction(), m.NewSession(2).NewTransaction(), m.NewSession(3).NewTransaction()
		if err := lockRow(m, a, "r", RowShared, wait); err != nil {
			t.Fatal(err)
		}
		var order []string
		take := func(o *Owner, name string, mode Mode) {
			if err := lockRow(m, o, "r", mode, wait); err != nil {
				t.Error(err)
			}
			order = append(order, name)
			o.Release(0)
		}
		go take(b, "update", Update)
		synctest.Wait()
		go take(c, "share", RowShared)
		synctest.Wait()
		if len(order) > 0 {
			t.Errorf("%v did not wait", order)
		}
		a.Release(0)
		synctest.Wait()
		if !slices.Equal(order, []string{"update", "share"}) {
			t.Errorf("served as %v", order)
		}
	})
}

// TestEndsOfWaits ends waits by their timeout, by a deadlock and by their context;
// nothing is left of them.
func TestEndsOfWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewManager(nil, nil)
		a, b := m.NewSession(1).NewTransaction(), m.NewSession(2).NewTransaction()
		if err := errors.Join(lockRow(m, a, "x", Update, wait), lockRow(m, b, "y", Update, wait)); err != nil {
			t.Fatal(err)
		}
		if err := lockRow(m, b, "x", Update, Wait{Policy: NoWait}); !errors.Is(err, ErrNotAvailable) {
			t.Errorf("NoWait gave %v", err)
		}
		began := time.Now()
		err := lockRow(m, b, "x", Update, Wait{Deadlock: time.Hour, Timeout: 3 * time.Second})
		if !errors.Is(err, ErrTimeout) || time.Since(began) != 3*time.Second {
			t.Errorf("the timeout gave %v after %v", err, time.Since(began))
		}
		cause := errors.New("cancelled")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(cause) })
		if _, err := m.LockTable(ctx, a, 1, AccessExclusive, wait); err != nil {
			t.Error(err)
		}
		if _, err := m.LockTable(ctx, b, 1, AccessShare, Wait{Deadlock: time.Hour}); !errors.Is(err, cause) {
			t.Errorf("a cancelled wait gave %v", err)
		}
		waits := make(chan error)
		go func() { waits <- lockRow(m, a, "y", Update, Wait{Deadlock: time.Hour}) }()
		synctest.Wait()
		var deadlock *DeadlockError
		err = lockRow(m, b, "x", Update, wait)
		if !errors.As(err, &deadlock) {
			t.Fatalf("a deadlock gave %v", err)
		}
		want := []Edge{
			{Process: 2, BlockedBy: 1, Transaction: a.Number(), Mode: Update, Relation: tableNumber, Key: "x"},
			{Process: 1, BlockedBy: 2, Transaction: b.Number(), Mode: Update, Relation: tableNumber, Key: "y"},
		}
		if !slices.Equal(deadlock.Edges, want) {
			t.Errorf("the circle is %v", deadlock.Edges)
		}
		b.Release(0)
		if err := <-waits; err != nil {
			t.Error(err)
		}
		a.Release(0)
		if len(m.tables)+len(m.owners) > 0 {
			t.Error("locks are left")
		}
	})
}

// TestQueueIsReordered shows a circle that only the order of a queue makes: nobody
// has to give way.
func TestQueueIsReordered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewManager(nil, nil)
		a, b, c := m.NewSession(1).NewTransaction(), m.NewSession(2).NewTransaction(), m.NewSession(3).NewTransaction()
		// a shares r, b waits for all of it, and c, who wants to share it too, stands
		// behind b; a waits for c.
		ended := make(chan error, 3)
		if err := errors.Join(lockRow(m, a, "r", RowShared, wait), lockRow(m, c, "s", Update, wait)); err != nil {
			t.Fatal(err)
		}
		go func() { ended <- lockRow(m, b, "r", Update, Wait{Deadlock: time.Hour}) }()
		synctest.Wait()
		go func() { ended <- lockRow(m, c, "r", RowShared, Wait{Deadlock: time.Hour}) }()
		synctest.Wait()
		go func() { ended <- lockRow(m, a, "s", Update, wait) }()
		if err := <-ended; err != nil { // c
			t.Error(err)
		}
		c.Release(0)
		if err := <-ended; err != nil { // a
			t.Error(err)
		}
		a.Release(0)
		if err := <-ended; err != nil { // b
			t.Error(err)
		}
		b.Release(0)
	})
}

// TestFastWriters shows that who locks rows waits for fast writers, lets none in
// meanwhile, and that locks of the table keep them out.
func TestFastWriters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewManager(nil, nil)
		reader, o := m.NewSession(1).NewTransaction(), m.NewSession(2).NewTransaction()
		if _, err := m.LockTable(t.Context(), reader, tableNumber, AccessShare, wait); err != nil {
			t.Fatal(err)
		}
		if !m.EnterFast(tableNumber, 8) || !m.EnterFast(tableNumber) {
			t.Fatal("fast writers wait for a reader")
		}
		got := false
		go func() {
			rows, err := m.LockRows(t.Context(), o, tableNumber, []string{"a", "b", "a"}, ChangeRow, wait)
			if err != nil || !slices.Equal(rows.Fresh, []int{0, 1}) || rows.Waited {
				t.Errorf("gave %+v, %v", rows, err)
			}
			got = true
		}()
		synctest.Wait()
		if got || m.EnterFast(tableNumber) || m.EnterFast(8, tableNumber) || !m.EnterFast(8) {
			t.Error("rows are locked beside fast writers")
		}
		m.LeaveFast(8)
		m.LeaveFast(tableNumber, 8)
		synctest.Wait()
		if got {
			t.Error("one fast writer is still there")
		}
		m.LeaveFast(tableNumber)
		synctest.Wait()
		if !got || m.EnterFast(tableNumber) {
			t.Error("rows are not locked, or fast writers come beside them")
		}
		o.Release(0)
		if !m.EnterFast(tableNumber) {
			t.Error("fast writers are kept out by nobody")
		}
		m.LeaveFast(tableNumber)
		if _, err := m.LockTable(t.Context(), o, tableNumber, Share, wait); err != nil || m.EnterFast(tableNumber) {
			t.Errorf("fast writers pass a shared lock of the table, %v", err)
		}
		o.Release(0)
		reader.Release(0)
		if len(m.tables)+len(m.owners) > 0 {
			t.Error("locks are left")
		}
	})
}

// TestSavepoints goes back to marks.
func TestSavepoints(t *testing.T) {
	m := NewManager(nil, nil)
	a, b := m.NewSession(1).NewTransaction(), m.NewSession(2).NewTransaction()
	now := Wait{Policy: NoWait}
	check := func(err error, available bool) {
		t.Helper()
		if errors.Is(err, ErrNotAvailable) == available || err != nil && !errors.Is(err, ErrNotAvailable) {
			t.Errorf("gave %v", err)
		}
	}
	check(lockRow(m, a, "r", RowShared, now), true)
	mark := a.Mark()
	check(lockRow(m, a, "r", ChangeKey, now), true)
	check(lockRow(m, a, "s", ChangeKey, now), true)
	check(lockRow(m, b, "r", KeyShare, now), false)
	a.Release(mark)
	check(lockRow(m, b, "r", RowShared, now), true)
	check(lockRow(m, b, "s", Update, now), true)
	check(lockRow(m, b, "r", Update, now), false)
	a.Release(0)
	check(lockRow(m, b, "r", Update, now), true)
	b.Release(0)
}

// TestWholeTable shows that who has locked a table alone need not lock its rows.
func TestWholeTable(t *testing.T) {
	m := NewManager(nil, nil)
	o := m.NewSession(1).NewTransaction()
	if _, err := m.LockTable(t.Context(), o, tableNumber, AccessExclusive, wait); err != nil {
		t.Fatal(err)
	}
	rows, err := m.LockRows(t.Context(), o, tableNumber, []string{"a"}, ChangeKey, wait)
	if err != nil || len(rows.Fresh) > 0 || o.Mark() != 1 {
		t.Errorf("gave %+v, %v, and %d locks", rows, err, o.Mark())
	}
}

// TestSkipLocked leaves out what others hold.
func TestSkipLocked(t *testing.T) {
	m := NewManager(nil, nil)
	a, b := m.NewSession(1).NewTransaction(), m.NewSession(2).NewTransaction()
	if _, err := m.LockRows(t.Context(), a, tableNumber, []string{"2", "4"}, Update, wait); err != nil {
		t.Fatal(err)
	}
	rows, err := m.LockRows(t.Context(), b, tableNumber, []string{"1", "2", "3", "4"}, Update, Wait{Policy: SkipLocked})
	if err != nil || !slices.Equal(rows.Skipped, []int{1, 3}) || !slices.Equal(rows.Fresh, []int{0, 2}) {
		t.Errorf("gave %+v, %v", rows, err)
	}
	if list := m.List(); len(list) != 2 {
		t.Errorf("rows are listed: %v", list)
	}
}

// TestConcurrentOwners has many goroutines move amounts between rows that locks
// protect, in random orders, with deadlocks, timeouts, cancellations and fast
// writers: all end, no amount is lost, and no lock is left.
func TestConcurrentOwners(t *testing.T) {
	m := NewManager(nil, nil)
	const goroutines, rounds, keys = 8, 300, 6
	var amounts [keys]int // by row, protected by their locks
	var table int         // protected by AccessExclusive
	var all sync.WaitGroup
	for g := range goroutines {
		random := rand.New(rand.NewPCG(uint64(g), 5))
		all.Go(func() {
			for range rounds {
				if random.IntN(4) == 0 && m.EnterFast(tableNumber) {
					m.LeaveFast(tableNumber)
				}
				o := m.NewSession(int32(g)).NewTransaction()
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(random.IntN(40))*time.Millisecond)
				w := Wait{Deadlock: time.Millisecond, Timeout: time.Duration(random.IntN(30)) * time.Millisecond}
				if random.IntN(20) == 0 {
					if _, err := m.LockTable(ctx, o, tableNumber, AccessExclusive, w); err == nil {
						table++
					}
				} else if _, err := m.LockTable(ctx, o, tableNumber, RowExclusive, w); err == nil {
					from, to := random.IntN(keys), random.IntN(keys)
					one, two := lockRow(m, o, fmt.Sprint(from), ChangeRow, w), error(nil)
					if one == nil {
						two = lockRow(m, o, fmt.Sprint(to), ChangeRow, w)
					}
					if one == nil && two == nil {
						amounts[from]--
						amounts[to]++
					}
				}
				o.Release(0)
				cancel()
			}
		})
	}
	all.Wait()
	sum := 0
	for _, amount := range amounts {
		sum += amount
	}
	if sum != 0 {
		t.Errorf("the sum is %d", sum)
	}
	if len(m.tables)+len(m.owners) > 0 {
		t.Errorf("%d tables and %d owners are left", len(m.tables), len(m.owners))
	}
}

// BenchmarkFast measures what a statement pays that commits by itself, in a table
// that nobody locks rows in.
func BenchmarkFast(b *testing.B) {
	m := NewManager(nil, nil)
	b.ReportAllocs()
	for b.Loop() {
		if !m.EnterFast(tableNumber) {
			b.Fatal("refused")
		}
		m.LeaveFast(tableNumber)
	}
}

// BenchmarkRow measures a transaction that locks one row of a table.
func BenchmarkRow(b *testing.B) {
	m := NewManager(nil, nil)
	b.ReportAllocs()
	for b.Loop() {
		o := m.NewSession(1).NewTransaction()
		if err := lockRow(m, o, "key", ChangeRow, wait); err != nil {
			b.Fatal(err)
		}
		o.Release(0)
	}
}
