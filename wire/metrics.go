package wire

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what the server does.
type metrics struct {
	connections      prometheus.Gauge
	connectionsTotal prometheus.Counter
	statements       *prometheus.CounterVec
	errors           *prometheus.CounterVec
	received, sent   prometheus.Counter
	seconds          prometheus.Histogram
}

// newMetrics returns the metrics, registered where there is a registerer.
func newMetrics(registerer prometheus.Registerer) *metrics {
	m := &metrics{
		connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "millrace_sql_connections", Help: "SQL connections open now.",
		}),
		connectionsTotal: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "millrace_sql_connections_total", Help: "SQL connections accepted.",
		}),
		statements: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "millrace_sql_statements_total", Help: "SQL statements completed, by command tag.",
		}, []string{"tag"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "millrace_sql_errors_total", Help: "Errors sent to SQL clients, by class of SQLSTATE.",
		}, []string{"class"}),
		received: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "millrace_sql_received_bytes_total", Help: "Bytes received from SQL clients.",
		}),
		sent: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "millrace_sql_sent_bytes_total", Help: "Bytes sent to SQL clients.",
		}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "millrace_sql_message_seconds", Help: "Time to answer a message that runs statements.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 10),
		}),
	}
	if registerer != nil {
		registerer.MustRegister(m.connections, m.connectionsTotal, m.statements, m.errors, m.received, m.sent, m.seconds)
	}
	return m
}

// completed counts a statement under its command tag without the row counts.
func (m *metrics) completed(tag string) {
	m.statements.WithLabelValues(strings.TrimRight(tag, " 0123456789")).Inc()
}

// failed counts an error under the class of its SQLSTATE.
func (m *metrics) failed(code string) {
	m.errors.WithLabelValues(code[:min(2, len(code))]).Inc()
}
