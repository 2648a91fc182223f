package exec

import "os"

// long says that tests run in full size, with many more seeds. Otherwise all of them
// take a few minutes under the race detector.
func long() bool { return os.Getenv("MILLRACE_LONG") != "" }

// sized is how large a test is.
func sized(usually, inFull int) int {
	if long() {
		return inFull
	}
	return usually
}

// seeds is how many seeds a test runs with.
func seeds(usually, inFull int) uint64 { return uint64(sized(usually, inFull)) }
