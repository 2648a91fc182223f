package types

import "github.com/cespare/xxhash/v2"

// PartitionHash returns the hash that assigns a key to a partition: xxHash64
// with seed 0 over the key encoding. It is stable for ever: rows are where it
// put them.
func PartitionHash(key []byte) uint64 { return xxhash.Sum64(key) }

// PartitionOf returns the partition, 0 to partitions-1, that a key in the key
// encoding belongs to.
func PartitionOf(key []byte, partitions int) int {
	return int(PartitionHash(key) % uint64(partitions))
}
