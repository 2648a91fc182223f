package node

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/wire/auth"
)

// expiryWarning is how long before a certificate expires the log warns of it, at the start
// of the node.
const expiryWarning = 30 * 24 * time.Hour

// watchExpiry tells when certificates expire that this node shows, to clients or to other
// nodes as of says.
func (n *Node) watchExpiry(of string, certificates *auth.Certificates) error {
	_, leaf := certificates.Config()
	switch left := leaf.NotAfter.Sub(n.options.Now()); {
	case left <= 0:
		n.options.Logger.Error("a certificate has expired: nobody accepts it", "of", of, "expired", leaf.NotAfter)
	case left < expiryWarning:
		n.options.Logger.Warn("a certificate expires soon", "of", of, "expires", leaf.NotAfter)
	}
	return n.registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "millrace_certificate_expires_timestamp_seconds",
		Help:        "When the certificate expires that this node shows to others: to clients, or to other nodes.",
		ConstLabels: prometheus.Labels{"of": of},
	}, func() float64 {
		_, leaf := certificates.Config()
		return float64(leaf.NotAfter.Unix())
	}))
}
