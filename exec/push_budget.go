package exec

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// pushBudget bounds the memory of what waits for clients of push queries, in bytes: each
// has a bound of its own, and past the bound of all those are too slow that hold more
// than their share. Rows that wait for several clients count once.
type pushBudget struct {
	limit   int64
	used    atomic.Int64
	holders atomic.Int64 // who may hold something
}

// The bounds unless others are given.
const (
	defaultPushBuffer = 16 << 20
	defaultPushMemory = 256 << 20
)

// exceeds reports whether a holder of some bytes, with a bound of its own, holds too
// much.
func (b *pushBudget) exceeds(held, limit int64) bool {
	return held > limit || b.used.Load() > b.limit && held > b.limit/max(1, b.holders.Load())
}

// pushBuffer is the bound of a client.
func (e *Engine) pushBuffer(env *QueryEnv) int64 {
	if env.PushBuffer > 0 {
		return env.PushBuffer
	}
	return defaultPushBuffer
}

// pushMetrics count what push queries do.
type pushMetrics struct {
	clients, members, hosts prometheus.Gauge
	coalesced, late, ended  prometheus.Counter
}

func newPushMetrics(registerer prometheus.Registerer, budget *pushBudget) *pushMetrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "millrace", Subsystem: "push", Name: name, Help: help})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "millrace", Subsystem: "push", Name: name, Help: help})
	}
	m := &pushMetrics{
		clients:   gauge("queries", "Push queries open now."),
		members:   gauge("shared_queries", "Push queries that are computed together with equal ones, or could be."),
		hosts:     gauge("hosts", "Different push queries that are computed for their clients."),
		coalesced: counter("coalesced_total", "Units of changes that were put together for a client that had not taken them."),
		late:      counter("read_again_total", "Times that a slow client's changes were left to be read from the log."),
		ended:     counter("too_slow_total", "Push queries that ended because their clients were too slow."),
	}
	if registerer != nil {
		registerer.MustRegister(m.clients, m.members, m.hosts, m.coalesced, m.late, m.ended,
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Namespace: "millrace", Subsystem: "push", Name: "buffer_bytes", Help: "Bytes of changes that wait for clients of push queries.",
			}, func() float64 { return float64(budget.used.Load()) }))
	}
	return m
}
