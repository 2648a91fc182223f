package lock

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// TestLeasesAreRecalled has a table leased that others lock.
func TestLeasesAreRecalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewManager(nil, nil)
		back := make(chan error)
		m.SetRecall(func(ctx context.Context, node, relation uint64, kind LeaseKind, number uint64) error {
			if node != 2 || relation != tableNumber || kind != Writers || number != 1 {
				t.Errorf("recalled are node %d, table %d, kind %d, number %d", node, relation, kind, number)
			}
			select {
			case err := <-back:
				return err
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
		if number, given := m.Lease(2, tableNumber, Writers); !given || number != 1 {
			t.Fatal("the lease was not given")
		}
		o := m.NewSession(1).NewTransaction()
		if _, err := m.LockTable(t.Context(), o, tableNumber, RowExclusive, Wait{Policy: NoWait}); err != nil {
			t.Errorf("a mode that does not conflict gave %v", err)
		}
		got := make(chan error)
		go func() {
			_, err := m.LockTable(t.Context(), o, tableNumber, AccessExclusive, Wait{Policy: NoWait})
			got <- err
		}()
		synctest.Wait()
		if _, given := m.Lease(3, tableNumber, Readers); given {
			t.Error("a lease was given while others are recalled")
		}
		if m.EnterFast(tableNumber) {
			t.Error("a fast writer came in while leases are recalled")
		}
		back <- nil
		if err := <-got; err != nil {
			t.Errorf("a table whose leases are back gave %v", err)
		}
		if _, given := m.Lease(2, tableNumber, Readers); given {
			t.Error("a lease was given beside ACCESS EXCLUSIVE")
		}
		o.Release(0)

		ctx, cancel := context.WithCancel(t.Context())
		if _, given := m.Lease(3, tableNumber, Readers); !given {
			t.Error("a lease of a free table was not given")
		}
		m.EndLeases(3)
		m.lastLease = 0
		if _, given := m.Lease(2, tableNumber, Writers); !given {
			t.Error("a lease of a free table was not given")
		}
		cancel()
		_, err := m.LockTable(ctx, m.NewSession(3).NewTransaction(), tableNumber, AccessExclusive, wait)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("who does not wait for leases got %v", err)
		}
		go func() { got <- lockRow(m, o, "a", Update, wait) }()
		back <- nil
		if err := <-got; err != nil {
			t.Errorf("a row of a table whose leases are back gave %v", err)
		}
		o.Release(0)
		if len(m.tables)+len(m.owners) > 0 {
			t.Error("something is left")
		}
	})
}

// TestEnd ends a manager while somebody waits and a fast writer is in.
func TestEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewManager(nil, nil)
		a, b := m.NewSession(1).NewTransaction(), m.NewSession(2).NewTransaction()
		if err := lockRow(m, a, "x", Update, wait); err != nil || m.Err() != nil {
			t.Fatal(err)
		}
		if !m.EnterFast(99) {
			t.Fatal("a fast writer was not let in")
		}
		got := make(chan error)
		go func() { got <- lockRow(m, b, "x", Update, wait) }()
		synctest.Wait()
		m.End()
		if err := <-got; !errors.Is(err, ErrEnded) {
			t.Errorf("who waited got %v", err)
		}
		if err := lockRow(m, a, "y", Update, wait); !errors.Is(err, ErrEnded) || !errors.Is(m.Err(), ErrEnded) || m.EnterFast(99) || !m.Locked(nil, 5, AccessShare) {
			t.Errorf("a manager that has ended gave %v", err)
		}
		left := make(chan error)
		go func() { left <- m.AwaitFast(t.Context()) }()
		synctest.Wait()
		select {
		case <-left:
			t.Error("a fast writer is in")
		default:
		}
		m.LeaveFast(99)
		if err := <-left; err != nil {
			t.Error(err)
		}
		a.Release(0)
	})
}
