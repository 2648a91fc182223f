package exec

import (
	"testing"
	"time"
)

// TestPartitionClockRestsLater has a clock advance while input waits: the partition is
// not idle then, and is looked at again, so that it will be.
func TestPartitionClockRestsLater(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	s := &stage{}
	tn := turn{now: now, stage: s, behind: true}
	c := newPartitionClock(stateKey{}, 1, 0)
	c.advance(&tn)
	if tn.time.idle != active || s.wake.IsZero() {
		t.Fatalf("idle %v, wake %v", tn.time.idle, s.wake)
	}
	tn.now, tn.behind, s.wake = s.wake, false, time.Time{}
	c.advance(&tn)
	if tn.time.idle != idle {
		t.Fatalf("idle %v after %v", tn.time.idle, tn.now.Sub(now))
	}
}
