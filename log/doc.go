// Package log keeps what a node must not lose: record batches, partition
// segments and the write-ahead log of the Raft groups.
//
//   - A record batch (BatchBuilder, ParseBatch) is the unit of append, storage
//     and fetch, byte for byte as a Kafka broker stores it (message format v2).
//   - A Partition is an ordered sequence of batches in segment files. Its appends
//     are not synced one by one: it is a fold over the shard's log, which is
//     applied again from the last snapshot after a crash.
//   - A WAL is the log of all Raft groups of a node, in one sequence of files
//     with one sync for whatever has gathered. A Group of it is a raft.LogStore
//     and raft.StableStore.
//   - An Entry is what a shard's leader proposes to Raft: inputs together with
//     all their consequences.
//
// Bytes that cannot be what was written are a *CorruptionError with file and
// position, never an answer. What a crash leaves behind the last sync is not
// damage: it is cut. Every file is reached through Pebble's vfs.FS.
//
// docs/formats.md draws all formats in one place; each is also drawn where its
// encoder stands.
package log
