package workload

import (
	"testing"
	"time"
)

// TestWaits counts who has ended and who tries still, by the nodes at which they tried.
func TestWaits(t *testing.T) {
	w := newWaits()
	start := time.Unix(1, 0)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	w.begin("a", at(0))
	w.at("a", 1)
	w.begin("b", at(0))
	w.at("b", 0)
	w.begin("b", at(1)) // it tries since 0
	w.end("b", at(3))
	w.at("unknown", 0)
	w.end("unknown", at(9))
	for _, step := range []struct {
		node, now        int
		elsewhere, there int
	}{
		{node: 1, now: 5, elsewhere: 3, there: 5},
		{node: 1, now: 6, there: 6},
		{node: 0, now: 7, elsewhere: 7},
		{node: -1, now: 8, elsewhere: 8},
	} {
		elsewhere, there := w.take(step.node, at(step.now))
		if elsewhere != at(step.elsewhere).Sub(start) || there != at(step.there).Sub(start) {
			t.Errorf("of node %d at %d s: %v and %v, want %d s and %d s", step.node, step.now, elsewhere, there, step.elsewhere, step.there)
		}
	}
	w.at("a", 0)
	w.end("a", at(9))
	if elsewhere, there := w.take(0, at(10)); elsewhere != 0 || there != 9*time.Second {
		t.Errorf("a writer that has tried at both: %v and %v", elsewhere, there)
	}
}
