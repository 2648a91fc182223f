//go:build !race

package harness

// Raced says that the race detector watches this process.
const Raced = false
