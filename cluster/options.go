package cluster

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"millrace/cluster/transport"
)

// StateMachine is what the catalog group replicates. The node calls its methods
// one at a time.
type StateMachine interface {
	// Apply applies the committed command at index and returns the answer for
	// whoever proposed it. It must give the same state on every replica.
	Apply(index uint64, command []byte) any
	// Snapshot encodes the whole state.
	Snapshot() ([]byte, error)
	// Restore replaces the state by an encoded one.
	Restore(snapshot []byte) error
}

// Options configure a Node.
type Options struct {
	// FS is the file system; required.
	FS vfs.FS
	// Dir holds everything of the node; it is created when missing.
	Dir string
	// NodeID is the number of the first node of a new cluster; 1 by default. A folder
	// keeps the number it was made with.
	NodeID uint64
	// Shards is the cluster's number of shards, fixed when it is made. 0 takes
	// what the folder has, and 8 for a new one.
	Shards int
	// Network is where connections between nodes come from; transport.TCP by default.
	Network transport.Network
	// Listen is the address, host:port, at which other nodes reach this one. "" listens
	// nowhere: the node is a cluster of its own and cannot grow.
	Listen string
	// Advertise is the address by which the other nodes know this one; where it listens by
	// default.
	Advertise string
	// TLS gives the certificates of connections between nodes; see transport.Options.
	TLS func() *tls.Config
	// Join are addresses of nodes of a cluster. A node without data becomes a member of
	// their cluster instead of making one; a node with data finds its cluster again by
	// them when all addresses it knows have changed.
	Join []string
	// Locality says where the node stands, as key=value pairs with commas between them,
	// the largest region first. Voters of a group are spread over localities.
	Locality string
	// Version is the program's version, for operators.
	Version string
	// Replication is how many voters a shard is to have, for a new cluster; odd, 3 by
	// default. With fewer nodes there are fewer.
	Replication int
	// ElectionTimeout is how long voters wait for a leader that is not heard of before
	// they elect another; a second by default. A leader that dies without a word is replaced
	// after one to three times as long.
	ElectionTimeout time.Duration
	// Catalog is replicated by the catalog group; required.
	Catalog StateMachine
	// SnapshotBytes is how much the log may grow before the next checkpoint;
	// 64 MiB by default.
	SnapshotBytes int64
	// TrailingLogBytes is about how much of the log, over all shards, is kept behind
	// checkpoints for followers that answer and lack it; at least what was logged between
	// the last two is. Four times SnapshotBytes by default.
	TrailingLogBytes int64
	// LogFileBytes and SegmentBytes are the lengths at which the log's and the
	// partitions' next file is begun; 64 MiB each by default.
	LogFileBytes, SegmentBytes int64
	// TableCacheBytes and MemTableBytes configure the key-value store; see
	// tables.Options.
	TableCacheBytes, MemTableBytes int64
	// SeedBytesPerSecond bounds what this node sends to others that copy its replicas, in
	// all; 64 MiB by default, no bound below 0.
	SeedBytesPerSecond int64
	// ScrubPeriod is how often everything on disk is verified, and compared with the other
	// nodes' replicas, without being asked; a day by default, never below 0. It is read at
	// ScrubBytesPerSecond; 8 MiB by default, no bound below 0.
	ScrubPeriod         time.Duration
	ScrubBytesPerSecond int64
	// MinFreeBytes is the room on disk below which CheckSpace refuses input;
	// 256 MiB by default.
	MinFreeBytes uint64
	// MaxOpenFiles bounds the segment files held open; 512 by default.
	MaxOpenFiles int
	// Waiting is told, while Open joins a cluster, why that has not been done yet; nil for
	// nobody. It is called in Open's goroutine.
	Waiting func(why string)
	// Logger is required.
	Logger *slog.Logger
	// Registerer receives the metrics; nil for none.
	Registerer prometheus.Registerer
}

const (
	defaultShards        = 8
	defaultSnapshotBytes = 64 << 20
	defaultMinFreeBytes  = 256 << 20
	defaultSeedBytes     = 64 << 20
	defaultScrubPeriod   = 24 * time.Hour
	defaultScrubBytes    = 8 << 20
	defaultMaxOpenFiles  = 512
	defaultReplication   = 3
	defaultElection      = time.Second

	// maxShards keeps shard numbers within the four digits of their folders.
	maxShards = 9999
)

// withDefaults checks the options and fills in what was left out; Shards stays
// 0 when the folder is to decide.
func (o Options) withDefaults() (Options, error) {
	switch {
	case o.FS == nil || o.Logger == nil || o.Catalog == nil || o.Dir == "":
		return o, errors.New("cluster: FS, Dir, Catalog and Logger are required")
	case o.Replication < 0 || o.Replication > maxReplication || o.Replication > 0 && o.Replication%2 == 0:
		return o, fmt.Errorf("cluster: the replication factor must be odd and between 1 and %d", maxReplication)
	case len(o.Join) > 0 && o.Listen == "":
		return o, errors.New("cluster: a node that joins others has to listen for them")
	case o.Shards < 0 || o.Shards > maxShards:
		return o, errors.New("cluster: the number of shards must be between 1 and 9999")
	}
	if o.NodeID == 0 {
		o.NodeID = 1
	}
	if o.SnapshotBytes <= 0 {
		o.SnapshotBytes = defaultSnapshotBytes
	}
	if o.TrailingLogBytes <= 0 {
		o.TrailingLogBytes = 4 * o.SnapshotBytes
	}
	if o.MinFreeBytes == 0 {
		o.MinFreeBytes = defaultMinFreeBytes
	}
	if o.SeedBytesPerSecond == 0 {
		o.SeedBytesPerSecond = defaultSeedBytes
	}
	if o.ScrubPeriod == 0 {
		o.ScrubPeriod = defaultScrubPeriod
	}
	if o.ScrubBytesPerSecond == 0 {
		o.ScrubBytesPerSecond = defaultScrubBytes
	}
	if o.MaxOpenFiles <= 0 {
		o.MaxOpenFiles = defaultMaxOpenFiles
	}
	if o.Replication == 0 {
		o.Replication = defaultReplication
	}
	if o.ElectionTimeout <= 0 {
		o.ElectionTimeout = defaultElection
	}
	if o.Listen == "" {
		o.ElectionTimeout = aloneTimeout
	}
	return o, nil
}
