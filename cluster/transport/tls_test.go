package transport_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"millrace/cluster/certs"
	"millrace/cluster/transport"
	"millrace/cluster/transport/memnet"
)

// newAuthority makes an authority.
func newAuthority(t *testing.T) certs.Pair {
	t.Helper()
	pair, err := certs.NewAuthority(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// nodeTLS is the configuration of a node whose certificate is one authority's and who
// believes in others.
func nodeTLS(t *testing.T, own certs.Pair, believed ...certs.Pair) *tls.Config {
	t.Helper()
	pair, err := certs.NewNode(own, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	return configOf(certificate, believed...)
}

func configOf(certificate tls.Certificate, believed ...certs.Pair) *tls.Config {
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, ClientCAs: x509.NewCertPool()}
	for _, authority := range believed {
		config.ClientCAs.AppendCertsFromPEM(authority.Certificate)
	}
	return config
}

// clientTLS is the configuration of somebody who has a certificate of the authority, which
// does not make them a node.
func clientTLS(t *testing.T, authority certs.Pair) *tls.Config {
	t.Helper()
	ca, err := tls.X509KeyPair(authority.Certificate, authority.Key)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(5), Subject: pkix.Name{CommonName: transport.NodeName}, DNSNames: []string{"ann.example.com"},
		NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}, ca.Leaf, key.Public(), ca.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := tls.X509KeyPair(
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	if err != nil {
		t.Fatal(err)
	}
	return configOf(certificate, authority)
}

// open opens the transport of a node of the test's cluster.
func open(t *testing.T, network *memnet.Network, host string, node uint64, config func() *tls.Config) *transport.Transport {
	t.Helper()
	tr, err := transport.Open(transport.Options{
		Network: network.Host(host), Listen: host + ":1", TLS: config, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	})
	tr.SetIdentity("c", node)
	tr.Handle("echo", func(_ context.Context, _ uint64, request []byte) ([]byte, error) { return request, nil })
	return tr
}

func TestCertificatesDecide(t *testing.T) {
	for _, test := range []struct {
		name string
		// first and second make the configurations of two nodes.
		first, second func(t *testing.T, ours, theirs certs.Pair) *tls.Config
		reached       bool
		// told is part of what the second node is told.
		told string
	}{
		{"nodes of one cluster", ourNode, ourNode, true, ""},
		{"no TLS at all", nil, nil, true, ""},
		{"TLS on one side", ourNode, nil, false, "TLS is used on one side only"},
		{"TLS on the other side", nil, ourNode, false, "TLS: "},
		{"another authority", ourNode, func(t *testing.T, _, theirs certs.Pair) *tls.Config { return nodeTLS(t, theirs, theirs) }, false, "unknown authority"},
		{"an authority that is not believed here", ourNode, func(t *testing.T, ours, theirs certs.Pair) *tls.Config { return nodeTLS(t, ours, theirs) }, false, "unknown authority"},
		{"a client's certificate", ourNode, func(t *testing.T, ours, _ certs.Pair) *tls.Config { return clientTLS(t, ours) }, false, "does not accept this one's certificate"},
		{"no certificate", ourNode, func(_ *testing.T, ours, _ certs.Pair) *tls.Config {
			config := configOf(tls.Certificate{}, ours)
			config.Certificates = nil
			return config
		}, false, "does not accept this one's certificate"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := newAuthority(t), newAuthority(t)
				network := memnet.New()
				nodes := map[uint64]*transport.Transport{}
				for node, config := range map[uint64]func(*testing.T, certs.Pair, certs.Pair) *tls.Config{1: test.first, 2: test.second} {
					var current func() *tls.Config
					if config != nil {
						made := config(t, ours, theirs)
						current = func() *tls.Config { return made }
					}
					nodes[node] = open(t, network, map[uint64]string{1: "a", 2: "b"}[node], node, current)
				}
				nodes[1].SetPeer(2, "b:1")
				nodes[2].SetPeer(1, "a:1")
				for from, to := range map[uint64]uint64{1: 2, 2: 1} {
					_, err := nodes[from].Call(t.Context(), to, "echo", nil)
					if test.reached != (err == nil) || err != nil && !errors.Is(err, transport.ErrUnreachable) {
						t.Errorf("node %d calls node %d: %v", from, to, err)
					}
					if from == 2 && err != nil && !strings.Contains(err.Error(), test.told) {
						t.Errorf("node 2 is told %v", err)
					}
				}
			})
		})
	}
}

func ourNode(t *testing.T, ours, _ certs.Pair) *tls.Config { return nodeTLS(t, ours, ours) }

// TestAuthorityIsReplaced has a cluster go from one authority to another without a moment
// in which nodes do not reach each other.
func TestAuthorityIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		before, after := newAuthority(t), newAuthority(t)
		var configs [2]atomic.Pointer[tls.Config]
		var nodes [2]*transport.Transport
		for i, host := range []string{"a", "b"} {
			configs[i].Store(nodeTLS(t, before, before))
			nodes[i] = open(t, network, host, uint64(i+1), configs[i].Load)
		}
		nodes[0].SetPeer(2, "b:1")
		nodes[1].SetPeer(1, "a:1")
		reached := func(step string) {
			t.Helper()
			network.Break("a", "b")
			time.Sleep(time.Second)
			for i := range nodes {
				if _, err := nodes[i].Call(t.Context(), uint64(2-i), "echo", nil); err != nil {
					t.Errorf("%s: node %d: %v", step, i+1, err)
				}
			}
		}
		reached("before")
		for _, step := range []struct {
			name     string
			own      certs.Pair
			believed []certs.Pair
		}{
			{"both are believed", before, []certs.Pair{before, after}},
			{"the new one issues", after, []certs.Pair{before, after}},
			{"the old one is not believed any more", after, []certs.Pair{after}},
		} {
			for i := range configs {
				configs[i].Store(nodeTLS(t, step.own, step.believed...))
				reached(step.name)
			}
		}
	})
}
