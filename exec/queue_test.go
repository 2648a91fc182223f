package exec

import (
	"context"
	"errors"
	"testing"
)

// TestAppendsWaitForRoom fills a queue: an append waits until there is room, its asker
// gives up, or the queue refuses what comes.
func TestAppendsWaitForRoom(t *testing.T) {
	queue := newQueue()
	full := &request{kind: requestAppend, bytes: queuedBytes}
	if err := queue.submit(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := queue.submit(ctx, &request{kind: requestAppend, bytes: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("an append whose asker has gone got %v", err)
	}
	waiting := make(chan error)
	submit := func() { waiting <- queue.submit(t.Context(), &request{kind: requestAppend, bytes: 1}) }
	go submit()
	queue.take()
	queue.answered([]reply{{request: full}})
	if err := <-waiting; err != nil {
		t.Errorf("behind an answer there is no room: %v", err)
	}
	if err := queue.submit(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	go submit()
	requests, _ := queue.giveUp(ErrNotLeader)
	if err := <-waiting; !errors.Is(err, ErrNotLeader) {
		t.Errorf("a queue without a leader says %v", err)
	}
	if len(requests) != 2 {
		t.Errorf("%d requests were given back, want 2", len(requests))
	}
}

// TestQueueWithoutLeader has a queue refuse what comes until its loop leads again.
func TestQueueWithoutLeader(t *testing.T) {
	queue := newQueue()
	queue.giveUp(ErrNotLeader)
	queue.deliver(&delivery{})
	queue.acknowledge(acknowledgement{})
	queue.forget(1)
	if in := queue.take(); len(in.deliveries)+len(in.acknowledgments)+len(in.producers) > 0 {
		t.Errorf("a queue without a leader took %v", in)
	}
	if err := queue.submit(t.Context(), &request{kind: requestDecide}); !errors.Is(err, ErrNotLeader) {
		t.Errorf("a queue without a leader says %v", err)
	}
	queue.accept()
	if err := queue.submit(t.Context(), &request{kind: requestDecide}); err != nil {
		t.Error(err)
	}
	queue.giveUp(ErrStopped)
	queue.giveUp(ErrNotLeader)
	queue.accept()
	if err := queue.submit(t.Context(), &request{kind: requestDecide}); !errors.Is(err, ErrStopped) {
		t.Errorf("a queue that was stopped says %v", err)
	}
}
