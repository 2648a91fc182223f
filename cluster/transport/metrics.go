package transport

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The metrics of the connections to and from other nodes; peer is the other node.
var (
	metricConnections = prometheus.NewDesc("millrace_peer_connections",
		"Connections that this node has made to the peer.", []string{"peer"}, nil)
	metricRoundTrip = prometheus.NewDesc("millrace_peer_round_trip_seconds",
		"Time of the last ping to the peer and its answer.", []string{"peer"}, nil)
	metricHeard = prometheus.NewDesc("millrace_peer_last_heard_timestamp_seconds",
		"When something was last received from the peer.", []string{"peer"}, nil)
	metricSent = prometheus.NewDesc("millrace_peer_sent_bytes_total",
		"Bytes sent to the peer, before encryption.", []string{"peer"}, nil)
	metricReceived = prometheus.NewDesc("millrace_peer_received_bytes_total",
		"Bytes received from the peer, after decryption.", []string{"peer"}, nil)
	metricRequests = prometheus.NewDesc("millrace_peer_requests_total",
		"Requests to the peer, by the class of connection.", []string{"peer", "class"}, nil)
	metricHandled = prometheus.NewDesc("millrace_peer_handled_requests_total",
		"Requests of the peer that were handled.", []string{"peer"}, nil)
	metricMessages = prometheus.NewDesc("millrace_peer_messages_total",
		"Messages to the peer that were put on their way.", []string{"peer"}, nil)
	metricDropped = prometheus.NewDesc("millrace_peer_dropped_messages_total",
		"Messages to and from the peer that were dropped: it was away, or too many waited.", []string{"peer"}, nil)
)

// collector implements prometheus.Collector.
type collector struct{ transport *Transport }

// Describe implements prometheus.Collector.
func (c *collector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		metricConnections, metricRoundTrip, metricHeard, metricSent, metricReceived,
		metricRequests, metricHandled, metricMessages, metricDropped,
	} {
		descriptions <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(collected chan<- prometheus.Metric) {
	for _, p := range c.transport.peers() {
		if p.node == c.transport.Self() || p.node == 0 {
			continue
		}
		label := strconv.FormatUint(p.node, 10)
		gauge := func(d *prometheus.Desc, value float64) {
			collected <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, label)
		}
		counter := func(d *prometheus.Desc, value int64, labels ...string) {
			collected <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), append([]string{label}, labels...)...)
		}
		s := &p.stats
		gauge(metricConnections, float64(s.connections.Load()))
		gauge(metricRoundTrip, time.Duration(s.roundTrip.Load()).Seconds())
		gauge(metricHeard, float64(s.heard.Load())/float64(time.Second))
		counter(metricSent, s.sent.Load())
		counter(metricReceived, s.received.Load())
		for _, class := range []Class{ClassControl, ClassEntries, ClassCalls} {
			counter(metricRequests, s.calls[class].Load(), class.String())
		}
		counter(metricHandled, s.handled.Load())
		counter(metricMessages, s.messages.Load())
		counter(metricDropped, s.dropped.Load())
	}
}
