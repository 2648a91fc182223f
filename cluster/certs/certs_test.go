package certs_test

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"millrace/cluster/certs"
	"millrace/cluster/transport"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func authority(t *testing.T, at time.Time) certs.Pair {
	t.Helper()
	pair, err := certs.NewAuthority(at)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func TestNodeCertificate(t *testing.T) {
	ca := authority(t, now)
	pair, err := certs.NewNode(ca, []string{"db1.example.com", "10.0.0.1", "::1"}, now)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca.Certificate) {
		t.Fatal("the authority's certificate cannot be read")
	}
	for _, use := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		for _, name := range []string{transport.NodeName, "db1.example.com", "10.0.0.1", "::1"} {
			_, err := loaded.Leaf.Verify(x509.VerifyOptions{
				Roots: roots, DNSName: name, CurrentTime: now.Add(certs.NodeLifetime - time.Hour), KeyUsages: []x509.ExtKeyUsage{use},
			})
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if loaded.Leaf.IsCA || loaded.Leaf.VerifyHostname("db2.example.com") == nil {
		t.Error("the certificate is good for more than it should be")
	}
}

func TestNodeCertificateEndsWithItsAuthority(t *testing.T) {
	ca := authority(t, now)
	pair, err := certs.NewNode(ca, nil, now.Add(certs.AuthorityLifetime-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	if loaded.Leaf.NotAfter.After(now.Add(certs.AuthorityLifetime)) {
		t.Errorf("it is good until %v", loaded.Leaf.NotAfter)
	}
	if _, err := certs.NewNode(ca, nil, now.Add(certs.AuthorityLifetime+time.Hour)); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("an authority that has expired: %v", err)
	}
}

func TestWhatIsNoAuthority(t *testing.T) {
	ca, other := authority(t, now), authority(t, now)
	node, err := certs.NewNode(ca, nil, now)
	if err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string]certs.Pair{
		"nothing":            {},
		"no PEM":             {Certificate: []byte("abc"), Key: []byte("abc")},
		"a node":             node,
		"another's key":      {Certificate: ca.Certificate, Key: other.Key},
		"a key in its place": {Certificate: ca.Key, Key: ca.Key},
		"no key":             {Certificate: ca.Certificate, Key: ca.Certificate},
	} {
		if _, err := certs.NewNode(pair, nil, now); err == nil {
			t.Errorf("%s is taken as an authority", name)
		}
	}
	if _, err := certs.NewNode(ca, []string{""}, now); err == nil {
		t.Error("an empty name is taken")
	}
}
