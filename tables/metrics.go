package tables

import (
	"github.com/cockroachdb/pebble/v2"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what a store tells about itself, computed when they are asked for.
type metrics struct {
	registerer prometheus.Registerer
	collector  prometheus.Collector
}

// newMetrics registers the store's metrics; registerer may be nil.
func newMetrics(db *pebble.DB, failure *failure, registerer prometheus.Registerer) *metrics {
	m := &metrics{registerer: registerer}
	if registerer == nil {
		return m
	}
	m.collector = &collector{db: db, failure: failure}
	// A name that is taken already means a second store on one registerer; the
	// first one's figures stay.
	if err := registerer.Register(m.collector); err != nil {
		m.registerer = nil
	}
	return m
}

// unregister takes the metrics back, before the store is closed.
func (m *metrics) unregister() {
	if m.registerer != nil {
		m.registerer.Unregister(m.collector)
	}
}

// gauge is a metric and how to read it.
type gauge struct {
	description *prometheus.Desc
	kind        prometheus.ValueType
	read        func(m *pebble.Metrics) float64
}

// newGauge describes one metric of the store.
func newGauge(name, help string, kind prometheus.ValueType, read func(m *pebble.Metrics) float64) gauge {
	return gauge{prometheus.NewDesc("millrace_tables_"+name, help, nil, nil), kind, read}
}

// gauges are the metrics read from Pebble.
var gauges = []gauge{
	newGauge("disk_bytes", "Size of the files of the key-value store.", prometheus.GaugeValue,
		func(m *pebble.Metrics) float64 { return float64(m.DiskSpaceUsage()) }),
	newGauge("memtable_bytes", "Size of the memtables.", prometheus.GaugeValue,
		func(m *pebble.Metrics) float64 { return float64(m.MemTable.Size) }),
	newGauge("cache_bytes", "Size of the block cache in use.", prometheus.GaugeValue,
		func(m *pebble.Metrics) float64 { return float64(m.BlockCache.Size) }),
	newGauge("cache_hits_total", "Blocks found in the cache.", prometheus.CounterValue,
		func(m *pebble.Metrics) float64 { return float64(m.BlockCache.Hits) }),
	newGauge("cache_misses_total", "Blocks read from files.", prometheus.CounterValue,
		func(m *pebble.Metrics) float64 { return float64(m.BlockCache.Misses) }),
	newGauge("flushes_total", "Flushed memtables.", prometheus.CounterValue,
		func(m *pebble.Metrics) float64 { return float64(m.Flush.Count) }),
	newGauge("compactions_total", "Finished compactions.", prometheus.CounterValue,
		func(m *pebble.Metrics) float64 { return float64(m.Compact.Count) }),
	newGauge("compaction_debt_bytes", "Estimated bytes that compactions have to write.", prometheus.GaugeValue,
		func(m *pebble.Metrics) float64 { return float64(m.Compact.EstimatedDebt) }),
	newGauge("read_amplification", "Number of places a lookup may have to read.", prometheus.GaugeValue,
		func(m *pebble.Metrics) float64 { return float64(m.ReadAmp()) }),
}

// corruptions counts damaged blocks met.
var corruptions = prometheus.NewDesc("millrace_tables_corruptions_total", "Damaged blocks met.", nil, nil)

// collector implements prometheus.Collector.
type collector struct {
	db      *pebble.DB
	failure *failure
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, g := range gauges {
		descriptions <- g.description
	}
	descriptions <- corruptions
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(collected chan<- prometheus.Metric) {
	m := c.db.Metrics()
	for _, g := range gauges {
		collected <- prometheus.MustNewConstMetric(g.description, g.kind, g.read(m))
	}
	collected <- prometheus.MustNewConstMetric(corruptions, prometheus.CounterValue, float64(c.failure.corruptions.Load()))
}
