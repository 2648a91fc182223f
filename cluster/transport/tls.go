package transport

import (
	"crypto/tls"
	"errors"
	"fmt"
)

// NodeName is the DNS name that the certificates of nodes have. Whoever has a certificate
// with it from the cluster's authority is a node; one without it, a client's for example,
// is not, whatever authority gave it.
const NodeName = "node.millrace"

// clientTLS is how this node connects to others.
func clientTLS(base *tls.Config) *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: base.Certificates,
		RootCAs:      base.ClientCAs,
		ServerName:   NodeName,
		Time:         base.Time,
	}
}

// serverTLS is how others connect to this node.
func serverTLS(base *tls.Config) *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: base.Certificates,
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    base.ClientCAs,
		Time:         base.Time,
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 {
				return errors.New("transport: no certificate was shown")
			}
			if err := state.PeerCertificates[0].VerifyHostname(NodeName); err != nil {
				return fmt.Errorf("transport: the certificate is not one of a node: %w", err)
			}
			return nil
		},
		// Connections are few and long: tickets would only be one more secret.
		SessionTicketsDisabled: true,
	}
}
