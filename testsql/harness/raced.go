package harness

import (
	"os"
	"testing"
)

// The tests of whole nodes run twice: as they are, and once more under the race detector,
// which makes everything ten times as slow. What it finds is between goroutines of the
// test's own process, so the second time is for what many clients and many shards do at
// once, in a smaller size.

// racedInFull says that tests under the race detector are as large as others.
func racedInFull() bool { return os.Getenv("MILLRACE_RACED") == "full" }

// Sized is how large a test is, usually and under the race detector.
func Sized(usually, raced int) int {
	if Raced && !racedInFull() {
		return raced
	}
	return usually
}

// SkipRaced leaves a test to the run without the race detector: of what goes on at once
// in it, the detector sees as much in others.
func SkipRaced(tb testing.TB) {
	tb.Helper()
	if Raced && !racedInFull() {
		tb.Skip("runs without the race detector")
	}
}

// skipProcessRaced leaves out a test of processes of their own, which the race detector
// of this one does not watch.
func skipProcessRaced(tb testing.TB) {
	tb.Helper()
	if Raced {
		tb.Skip("the race detector does not watch the nodes of this test: it runs without")
	}
}
