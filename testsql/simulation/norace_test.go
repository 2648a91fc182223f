//go:build !race

package simulation

// raced says that the race detector watches, which makes a seed take ten times as long.
const raced = false
