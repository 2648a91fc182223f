// Package tables keeps everything of a node that is looked up by key: rows of
// tables, state of operators, indexes, positions, producers, waiting rows of
// shuffles and prepared transactions. One Pebble store holds all shards of the
// node; keys begin with the shard, so that a shard is one range.
//
// The store has no write-ahead log of its own. Every batch also writes the
// shard's applied index, a crash leaves a prefix of the batches, and the
// shard's Raft log is applied again from there. Flush makes durable everything
// committed before it.
package tables
