package cluster

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The metrics of a node.
var (
	metricApplied = prometheus.NewDesc("millrace_shard_applied_index",
		"Index of the last entry that took effect.", []string{"shard"}, nil)
	metricLeader = prometheus.NewDesc("millrace_shard_leader",
		"1 when this node leads the shard.", []string{"shard"}, nil)
	metricHalted = prometheus.NewDesc("millrace_shard_halted",
		"1 when the shard has stopped applying.", []string{"shard"}, nil)
	metricPartitions = prometheus.NewDesc("millrace_shard_partitions",
		"Partitions with rows.", []string{"shard"}, nil)
	metricBytes = prometheus.NewDesc("millrace_shard_bytes",
		"Size of the replica's segments and of its part of the key-value store.", []string{"shard"}, nil)
	metricCheckpoints = prometheus.NewDesc("millrace_checkpoints_total",
		"Checkpoints taken.", nil, nil)
	metricCheckpointFailures = prometheus.NewDesc("millrace_checkpoint_failures_total",
		"Checkpoints that failed.", nil, nil)
	metricCompactions = prometheus.NewDesc("millrace_compactions_total",
		"Compactions of partitions that were completed.", nil, nil)
	metricCompactionFailures = prometheus.NewDesc("millrace_compaction_failures_total",
		"Compactions of partitions that failed and are tried again.", nil, nil)
	metricCompactionRead = prometheus.NewDesc("millrace_compaction_read_bytes_total",
		"Bytes of segments that compactions have read.", nil, nil)
	metricCompactionRemoved = prometheus.NewDesc("millrace_compaction_removed_bytes_total",
		"Bytes of segments that compactions have removed.", nil, nil)
	metricCompactionRows = prometheus.NewDesc("millrace_compaction_removed_rows_total",
		"Rows that compactions have removed.", nil, nil)
	metricSeeding = prometheus.NewDesc("millrace_shard_seeding",
		"1 while the replica is not whole and is copied from another node.", []string{"shard"}, nil)
	metricSeeds = prometheus.NewDesc("millrace_seeds_total",
		"Replicas that were copied from another node and are whole.", nil, nil)
	metricSeedFailures = prometheus.NewDesc("millrace_seed_failures_total",
		"Attempts to copy a replica from another node that failed and are tried again.", nil, nil)
	metricSeedReceived = prometheus.NewDesc("millrace_seed_received_bytes_total",
		"Bytes received for replicas that were copied.", nil, nil)
	metricSeedSent = prometheus.NewDesc("millrace_seed_sent_bytes_total",
		"Bytes sent to nodes that copy replicas.", nil, nil)
	metricSeedSentSeconds = prometheus.NewDesc("millrace_seed_sent_seconds_total",
		"Seconds for which replicas were sent to nodes that copy them, of all together.", nil, nil)
	metricSeeded = prometheus.NewDesc("millrace_shard_seeded_bytes",
		"Bytes that have come of the replica that is being copied.", []string{"shard"}, nil)
	metricSeedBytes = prometheus.NewDesc("millrace_shard_seed_bytes",
		"About how many bytes of the replica that is being copied come in all.", []string{"shard"}, nil)
	metricDamages = prometheus.NewDesc("millrace_damages_total",
		"Damages met in files of segments and of the key-value store.", nil, nil)
	metricScrubs = prometheus.NewDesc("millrace_scrubs_total",
		"Verifications of everything on disk that were completed.", nil, nil)
	metricScrubRead = prometheus.NewDesc("millrace_scrub_read_bytes_total",
		"Bytes read to verify what is on disk and to compare replicas.", nil, nil)
	metricDivergences = prometheus.NewDesc("millrace_divergences_total",
		"Replicas found to differ from the others of their shard.", nil, nil)
	metricRefused = prometheus.NewDesc("millrace_raft_refused_requests_total",
		"Requests of other nodes that were refused since they cannot be understood.", nil, nil)
	metricSeedSeconds = prometheus.NewDesc("millrace_seed_seconds_total",
		"Seconds that copying replicas took until they were whole.", nil, nil)
	metricFree = prometheus.NewDesc("millrace_disk_free_bytes",
		"Room on disk.", nil, nil)
)

// register registers the node's metrics, if it has a registerer.
func (n *Node) register() error {
	if n.options.Registerer == nil {
		return nil
	}
	collector := &nodeCollector{n}
	if err := n.options.Registerer.Register(collector); err != nil {
		return err
	}
	n.collector = collector
	return nil
}

// nodeCollector implements prometheus.Collector.
type nodeCollector struct{ node *Node }

// Describe implements prometheus.Collector.
func (c *nodeCollector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		metricApplied, metricLeader, metricHalted, metricPartitions, metricBytes,
		metricCheckpoints, metricCheckpointFailures, metricFree,
		metricSeeding, metricSeeds, metricSeedFailures, metricSeedReceived, metricSeedSent, metricSeedSeconds, metricDamages,
		metricSeedSentSeconds, metricSeeded, metricSeedBytes,
		metricScrubs, metricScrubRead, metricDivergences, metricRefused,
		metricCompactions, metricCompactionFailures, metricCompactionRead, metricCompactionRemoved, metricCompactionRows,
	} {
		descriptions <- d
	}
}

// Collect implements prometheus.Collector.
func (c *nodeCollector) Collect(collected chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		collected <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for _, shard := range c.node.shards {
		label := strconv.Itoa(shard.id)
		gauge(metricApplied, float64(shard.Applied()), label)
		gauge(metricLeader, oneIf(shard.IsLeader()), label)
		gauge(metricHalted, oneIf(shard.machine.halted.Load() != nil), label)
		gauge(metricSeeding, oneIf(shard.Whole() != nil), label)
		gauge(metricPartitions, float64(shard.partitions.count()), label)
		gauge(metricBytes, float64(shard.Bytes()), label)
		if seeding := shard.seeding(); seeding != nil {
			gauge(metricSeeded, float64(seeding.Received), label)
			gauge(metricSeedBytes, float64(seeding.Expected), label)
		}
	}
	counter := func(d *prometheus.Desc, value int64) {
		collected <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value))
	}
	counter(metricCheckpoints, c.node.checkpointer.count.Load())
	counter(metricCheckpointFailures, c.node.checkpointer.failures.Load())
	compactor := c.node.compactor
	counter(metricCompactions, compactor.count.Load())
	counter(metricCompactionFailures, compactor.failures.Load())
	counter(metricCompactionRead, compactor.read.Load())
	counter(metricCompactionRemoved, compactor.removedBytes.Load())
	counter(metricCompactionRows, compactor.removedRows.Load())
	seeder := c.node.seeder
	counter(metricSeeds, seeder.count.Load())
	counter(metricSeedFailures, seeder.failures.Load())
	counter(metricSeedReceived, seeder.received.Load())
	counter(metricDamages, seeder.damages.Load())
	counter(metricScrubs, c.node.scrubber.count.Load())
	counter(metricScrubRead, c.node.scrubber.read.Load())
	counter(metricDivergences, c.node.scrubber.divergences.Load())
	counter(metricRefused, c.node.refused.Load())
	counter(metricSeedSent, seeder.source.sent.Load())
	collected <- prometheus.MustNewConstMetric(metricSeedSeconds, prometheus.CounterValue, time.Duration(seeder.nanoseconds.Load()).Seconds())
	collected <- prometheus.MustNewConstMetric(metricSeedSentSeconds, prometheus.CounterValue, time.Duration(seeder.source.nanoseconds.Load()).Seconds())
	if free := c.node.space.look(); free != unknownFree {
		gauge(metricFree, float64(free))
	}
}

// oneIf is 1 for true.
func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
