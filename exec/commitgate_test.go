package exec

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestCommitGate has writers keep two counters equal but for the time in which they are
// inside, and views look at them.
func TestCommitGate(t *testing.T) {
	var gate commitGate
	var first, second atomic.Int64
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 500 {
				gate.enter()
				first.Add(1)
				second.Add(1)
				gate.leave()
			}
		})
	}
	for range 3 {
		wait.Go(func() {
			for range 200 {
				err := passGate(t.Context(), &gate, nil, func() error {
					if a, b := first.Load(), second.Load(); a != b {
						t.Errorf("a view sees %d and %d", a, b)
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
}

// TestCommitGateGivesUp checks that a view which gives up lets transactions in.
func TestCommitGateGivesUp(t *testing.T) {
	var gate commitGate
	gate.enter()
	taken := func() error { t.Error("a view was taken"); return nil }
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := passGate(ended, &gate, nil, taken); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	over := make(chan time.Time)
	close(over)
	if err := passGate(t.Context(), &gate, over, taken); err == nil {
		t.Error("a view did not give up")
	}
	gate.enter()
	gate.leave()
	gate.leave()
	if err := passGate(t.Context(), &gate, nil, func() error { return nil }); err != nil {
		t.Error(err)
	}
}

// passGate calls take while no transaction is inside, as a view does.
func passGate(ctx context.Context, gate *commitGate, deadline <-chan time.Time, take func() error) error {
	if err := gate.hold(ctx, deadline); err != nil {
		return err
	}
	defer gate.letGo()
	return take()
}
