// Package cluster replicates the shards of a node and its catalog: a Raft group
// for each, over the node's one write-ahead log, applied to partition segments
// and to the node's key-value store.
//
// # What is durable when
//
// An entry that Propose has acknowledged is in the write-ahead log, synced.
// Segments and the key-value store are written without syncing. A checkpoint
// syncs them and then writes one snapshot per group, from which on the log is
// needed no more:
//
//  1. Each shard notes, between two entries, the index S it has applied and
//     which partitions it has.
//  2. The shard's segments are synced, each up to some end at or behind S, and
//     the key-value store is flushed, once for all shards.
//  3. The snapshot {S, synced ends} is written, synced and renamed into place.
//  4. Only now the log is cut up to S, and segments that truncation made
//     superfluous are deleted.
//
// Open cuts every segment to its synced end and applies the log from S. What the
// segments and the store have already, they skip. Deleting only in step 4 means
// that applying from the snapshot always finds what it found the first time.
//
// # Files
//
//	NODE                      which node this is, of which cluster, and how many shards there are
//	MEMBERS                   where the other nodes have last been
//	LOCK                      held while the node runs
//	wal/                      the write-ahead log, see package log
//	tables/                   the key-value store, see package tables
//	catalog/snapshot-…        the catalog's snapshot
//	shard-0000/snapshot-…     a shard's snapshot
//	shard-0000/4000-17/       partition of object 0x4000, made by the entry at index 0x17
//
// # Goroutines and closing
//
// Raft has three goroutines per group; the node adds one for checkpoints, one for
// compactions, and one for a shard that has stopped applying. Close stops them in
// this order: checkpoints, compactions and retries; new proposals, then those under way; Raft; then the
// partitions, the write-ahead log and the key-value store, which by then nobody
// uses. It returns when all of them have.
package cluster
