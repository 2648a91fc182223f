// Package simulation runs a whole cluster in one process: nodes as they are, with their
// Raft, storage, engines and sessions, and clients with a real driver, over a network and
// disks in memory and by a clock that jumps to whatever comes next (testing/synctest).
// A seed decides what the clients do and which faults there are and when. Disks lose
// what was not synced when a node's power is cut.
//
// What clients do, and what holds afterwards, is said by package workload.
//
// The same seed gives the same faults at the same times. That goroutines run in the same
// order takes a Go runtime that decides it by the seed: `make simulate` builds one (package
// seeded), and a seed does exactly the same each time then. Otherwise a failing seed nearly
// always fails again, on one processor. MILLRACE_SEED=n runs one seed alone.
package simulation
