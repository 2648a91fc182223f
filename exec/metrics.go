package exec

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the engine's counters.
type metrics struct {
	ticks      prometheus.Counter
	seconds    prometheus.Histogram
	entryBytes prometheus.Counter
	requests   prometheus.Counter
	rows       prometheus.Counter
	deliveries prometheus.Counter
	rowsRead   prometheus.Counter
}

func newMetrics(registerer prometheus.Registerer) *metrics {
	m := &metrics{
		ticks: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "millrace", Subsystem: "exec", Name: "ticks_total", Help: "Turns of the shard loops."}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "millrace", Subsystem: "exec", Name: "tick_seconds", Help: "How long a tick takes, replication included.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2, 16)}),
		entryBytes: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "millrace", Subsystem: "exec", Name: "entry_bytes_total", Help: "Bytes of the entries proposed."}),
		requests: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "millrace", Subsystem: "exec", Name: "requests_total", Help: "Writes and steps of transactions taken by the shard loops."}),
		rows: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "millrace", Subsystem: "exec", Name: "rows_written_total", Help: "Rows that sessions wrote."}),
		deliveries: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "millrace", Subsystem: "exec", Name: "deliveries_total", Help: "Batches taken from the shuffles of other shards."}),
		rowsRead: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "millrace", Subsystem: "exec", Name: "rows_read_total", Help: "Rows of tables and entries of indexes that queries of sessions read."}),
	}
	if registerer != nil {
		registerer.MustRegister(m.ticks, m.seconds, m.entryBytes, m.requests, m.rows, m.deliveries, m.rowsRead)
	}
	return m
}

// read counts what a session's query reads from the table store.
func (m *metrics) read(n int) { m.rowsRead.Add(float64(n)) }

// tick counts one tick.
func (m *metrics) tick(took time.Duration, entryBytes int, in *tickInputs) {
	m.ticks.Inc()
	m.seconds.Observe(took.Seconds())
	m.entryBytes.Add(float64(entryBytes))
	m.requests.Add(float64(len(in.requests)))
	m.deliveries.Add(float64(len(in.deliveries)))
	rows := 0
	for _, r := range in.requests {
		for i := range r.parts {
			if r.parts[i].rows != nil {
				rows += r.parts[i].rows.Len
			}
		}
	}
	m.rows.Add(float64(rows))
}
