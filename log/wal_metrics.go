package log

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// walMetrics are what a WAL reports.
type walMetrics struct {
	rounds   prometheus.Counter
	bytes    prometheus.Counter
	failures prometheus.Counter
	seconds  prometheus.Histogram
	files    prometheus.GaugeFunc
}

// newWALMetrics creates and registers the metrics; registerer may be nil.
func newWALMetrics(w *WAL, registerer prometheus.Registerer) (*walMetrics, error) {
	m := &walMetrics{
		rounds: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "millrace_wal_rounds_total", Help: "Rounds written and synced.",
		}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "millrace_wal_written_bytes_total", Help: "Bytes of all rounds.",
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "millrace_wal_failures_total", Help: "Rounds that could not be written or synced.",
		}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "millrace_wal_round_seconds", Help: "Time to write and sync a round.",
			Buckets: prometheus.ExponentialBuckets(50e-6, 2, 16),
		}),
		files: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "millrace_wal_files_bytes", Help: "Size of the files in use.",
		}, func() float64 { return float64(w.Pinned().Bytes) }),
	}
	if registerer == nil {
		return m, nil
	}
	for _, c := range m.collectors() {
		if err := registerer.Register(c); err != nil {
			m.unregister(registerer)
			return nil, err
		}
	}
	return m, nil
}

// collectors lists the metrics.
func (m *walMetrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.rounds, m.bytes, m.failures, m.seconds, m.files}
}

// unregister takes the metrics back.
func (m *walMetrics) unregister(registerer prometheus.Registerer) {
	if registerer == nil {
		return
	}
	for _, c := range m.collectors() {
		registerer.Unregister(c)
	}
}

// round counts a round.
func (m *walMetrics) round(bytes int, took time.Duration) {
	m.rounds.Inc()
	m.bytes.Add(float64(bytes))
	m.seconds.Observe(took.Seconds())
}
