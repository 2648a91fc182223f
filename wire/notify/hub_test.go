package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"millrace/sql/sqlerr"
)

// send queues a notification as a transaction of its own.
func send(t *testing.T, h *Hub, channel, payload string) {
	t.Helper()
	err := h.Commit(t.Context(), []Notification{{Channel: channel, Payload: payload}}, func() error { return nil })
	if err != nil {
		t.Fatal(err)
	}
}

// takeAll returns the payloads of all that waits for a listener.
func takeAll(l *Listener) (payloads []string) {
	for list := l.Take(); list != nil; list = l.Take() {
		for _, n := range list {
			payloads = append(payloads, n.Payload)
		}
	}
	return payloads
}

// TestCommitOrder has transactions commit at the same time: every listener gets their
// notifications in the order of the commits, those of one together.
func TestCommitOrder(t *testing.T) {
	h := NewHub(0)
	var listeners []*Listener
	for range 3 {
		l := h.NewListener(func() {}, nil)
		l.Listen("c")
		listeners = append(listeners, l)
	}
	const transactions = 200
	var committed []string
	var wait sync.WaitGroup
	for i := range transactions {
		wait.Go(func() {
			payloads := []string{fmt.Sprint(i, " first"), fmt.Sprint(i, " second")}
			err := h.Commit(t.Context(), []Notification{{Channel: "c", Payload: payloads[0]}, {Channel: "c", Payload: payloads[1]}}, func() error {
				committed = append(committed, payloads...) // one commits at a time
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for _, l := range listeners {
		if got := takeAll(l); !slices.Equal(got, committed) {
			t.Errorf("got %q, committed in the order %q", got, committed)
		}
	}
	if usage := h.Usage(); usage != 0 {
		t.Errorf("when all is taken %v of the queue is in use", usage)
	}
}

// TestCommitFails queues nothing of a transaction whose writes fail, or that gives up
// waiting for others.
func TestCommitFails(t *testing.T) {
	h := NewHub(0)
	l := h.NewListener(func() { t.Error("woken for nothing") }, nil)
	l.Listen("c")
	list := []Notification{{Channel: "c"}}
	failure := errors.New("refused")
	if err := h.Commit(t.Context(), list, func() error { return failure }); !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
	inside, leave, done := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		done <- h.Commit(context.WithoutCancel(t.Context()), list, func() error {
			close(inside)
			<-leave
			return failure
		})
	}()
	<-inside
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Commit(ctx, list, func() error { return errors.New("not to be called") }); !errors.Is(err, context.Canceled) {
		t.Errorf("a transaction that waits gives up with %v", err)
	}
	close(leave)
	<-done
	if got := l.Take(); got != nil {
		t.Errorf("got %v", got)
	}
}

// TestQueueBounds fills the queue: notifying fails before anything is written, until the
// listener takes or leaves.
func TestQueueBounds(t *testing.T) {
	const limit = 100_000
	h := NewHub(limit)
	slow, quick := h.NewListener(func() {}, nil), h.NewListener(func() {}, nil)
	slow.Listen("c")
	quick.Listen("c")
	payload := strings.Repeat("p", 1000)
	fill := func() (sent int) {
		for {
			err := h.Commit(t.Context(), []Notification{{Channel: "c", Payload: payload}}, func() error { return nil })
			takeAll(quick)
			if err == nil {
				sent++
				continue
			}
			if sqlerr.CodeOf(err) != sqlerr.ProgramLimitExceeded {
				t.Fatal(err)
			}
			return sent
		}
	}
	sent := fill()
	if sent < 80 || sent > 100 {
		t.Errorf("%d notifications of 1,000 bytes fit into %d", sent, limit)
	}
	send(t, h, "nobody listens", payload)
	if got := len(takeAll(slow)); got != sent {
		t.Errorf("the slow listener took %d of %d", got, sent)
	}
	if again := fill(); again != sent {
		t.Errorf("the queue took %d, and once empty %d", sent, again)
	}
	slow.Close()
	if usage := h.Usage(); usage != 0 {
		t.Errorf("with nobody listening %v of the queue is in use", usage)
	}
}

// TestListening gives notifications for channels alone that are listened to when they
// come and when they are taken, and wakes once for what is not taken.
func TestListening(t *testing.T) {
	h := NewHub(0)
	woken := 0
	l := h.NewListener(func() { woken++ }, nil)
	send(t, h, "a", "before")
	if !l.Listen("a") || l.Listen("a") || !l.Listen("b") {
		t.Error("Listen does not tell what is new")
	}
	send(t, h, "a", "1")
	send(t, h, "b", "2")
	send(t, h, "c", "3")
	send(t, h, "a", "4")
	if woken != 1 {
		t.Errorf("woken %d times", woken)
	}
	l.Unlisten("a")
	l.Unlisten("c")
	if got := takeAll(l); !slices.Equal(got, []string{"2"}) {
		t.Errorf("took %q", got)
	}
	send(t, h, "b", "5")
	if woken != 2 {
		t.Errorf("woken %d times", woken)
	}
	l.Unlisten("b")
	if got, usage := l.Channels(), h.Usage(); len(got) != 0 || usage != 0 {
		t.Errorf("listens to %q, and %v of the queue is in use", got, usage)
	}
	for i := range 3 * takenAtOnce {
		if i == 0 {
			l.Listen("a")
		}
		send(t, h, "a", fmt.Sprint(i))
	}
	if first := l.Take(); len(first) != takenAtOnce || first[1].Payload != "1" {
		t.Errorf("took %d at once", len(first))
	}
	if rest := takeAll(l); len(rest) != 2*takenAtOnce {
		t.Errorf("took %d behind", len(rest))
	}
}

// TestSourceBounds publishes more than is kept for a listener: the others are not
// concerned, and it is told of the first changes, that some are missing, and, once it
// has taken these, of later ones.
func TestSourceBounds(t *testing.T) {
	h := NewHub(0)
	left := 0
	source := h.NewSource(func() { left++ })
	slow, quick := h.NewListener(func() {}, nil), h.NewListener(func() {}, nil)
	for _, l := range []*Listener{slow, quick} {
		l.Listen("r")
		source.Follow(l, "r")
	}
	payload := strings.Repeat("p", 1000)
	const published = 5000
	for range published / 10 {
		source.Publish(slices.Repeat([]string{payload}, 10), "note")
		if got := takeAll(quick); len(got) != 10 || slices.Contains(got, "note") {
			t.Fatalf("the quick listener took %q", got)
		}
	}
	got := takeAll(slow)
	if n := len(got) - 1; n < 900 || n > 1050 || got[n] != "note" || slices.Contains(got[:n], "note") {
		t.Errorf("the slow listener took %d of %d, the last is %.10q", len(got), published, got[len(got)-1])
	}
	source.Publish([]string{"later"}, "note")
	if got := takeAll(slow); !slices.Equal(got, []string{"later"}) {
		t.Errorf("later the slow listener took %q", got)
	}
	if takeAll(quick); h.Usage() != 0 || h.changeBytes != 0 {
		t.Errorf("%v and %d bytes are in use", h.Usage(), h.changeBytes)
	}
	quick.Close()
	slow.Unfollow("r")
	source.Publish([]string{"nobody"}, "note")
	if h.changeBytes != 0 || left != 1 {
		t.Errorf("%d bytes are in use, and the source was left %d times", h.changeBytes, left)
	}
	send(t, h, "r", "still a channel")
	if got := takeAll(slow); !slices.Equal(got, []string{"still a channel"}) {
		t.Errorf("took %q", got)
	}
}

// TestManySlowListeners bounds what waits for all of them together.
func TestManySlowListeners(t *testing.T) {
	h := NewHub(0)
	for i := range 200 {
		source := h.NewSource(func() {})
		l := h.NewListener(func() {}, nil)
		l.Listen("r")
		source.Follow(l, "r")
		source.Publish(slices.Repeat([]string{strings.Repeat("p", 4000)}, 300), fmt.Sprint("note ", i))
	}
	if h.changeBytes > allChangeBytes+200*8000 {
		t.Errorf("%d bytes wait for listeners", h.changeBytes)
	}
}
