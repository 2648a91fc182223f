// Package certs makes the certificates by which the nodes of a cluster know each other.
//
// A cluster has an authority of its own. Whoever has a certificate from it with the name
// transport.NodeName is a node, so the authority's key lets its owner into the cluster:
// nodes do not need it.
package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"

	"millrace/cluster/transport"
)

const (
	// AuthorityLifetime and NodeLifetime are how long certificates are good for. An
	// authority is replaced on every node, a node's certificate on one.
	AuthorityLifetime = 10 * 365 * 24 * time.Hour
	NodeLifetime      = 2 * 365 * 24 * time.Hour

	// early is how long before they are made certificates begin, for clocks that differ.
	early = time.Hour

	certificateBlock = "CERTIFICATE"
	keyBlock         = "PRIVATE KEY"
)

// Pair is a certificate and its key, both in PEM.
type Pair struct{ Certificate, Key []byte }

// NewAuthority makes an authority whose certificate begins now.
func NewAuthority(now time.Time) (Pair, error) {
	serial, err := newSerial()
	if err != nil {
		return Pair{}, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "Millrace cluster authority"},
		NotBefore:             now.Add(-early),
		NotAfter:              now.Add(AuthorityLifetime),
		IsCA:                  true,
		MaxPathLenZero:        true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	key, err := newKey()
	if err != nil {
		return Pair{}, err
	}
	return issue(template, template, key, key)
}

// NewNode makes a certificate of a node with an authority's. hosts are names and IP
// addresses by which clients know the node, for one that shows them the same certificate;
// there need not be any.
func NewNode(authority Pair, hosts []string, now time.Time) (Pair, error) {
	parent, signer, err := authority.parse()
	if err != nil {
		return Pair{}, fmt.Errorf("the authority: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return Pair{}, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: transport.NodeName},
		NotBefore:             now.Add(-early),
		NotAfter:              now.Add(NodeLifetime),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:              []string{transport.NodeName},
	}
	if template.NotAfter.After(parent.NotAfter) {
		template.NotAfter = parent.NotAfter
	}
	if !template.NotAfter.After(now) {
		return Pair{}, fmt.Errorf("the authority's certificate has expired on %s", parent.NotAfter.Format(time.DateOnly))
	}
	for _, host := range hosts {
		switch ip := net.ParseIP(host); {
		case host == "":
			return Pair{}, errors.New("a host's name is empty")
		case ip != nil:
			template.IPAddresses = append(template.IPAddresses, ip)
		default:
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	key, err := newKey()
	if err != nil {
		return Pair{}, err
	}
	return issue(template, parent, key, signer)
}

func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// newSerial draws the number of a certificate.
func newSerial() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
}

// issue signs a certificate for key.
func issue(template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) (Pair, error) {
	certificate, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return Pair{}, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Pair{}, err
	}
	return Pair{
		Certificate: pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: certificate}),
		Key:         pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: private}),
	}, nil
}

// parse reads an authority's pair.
func (p Pair) parse() (*x509.Certificate, *ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(p.Certificate)
	if block == nil || block.Type != certificateBlock {
		return nil, nil, errors.New("there is no certificate in PEM")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, nil, err
	}
	if !certificate.IsCA {
		return nil, nil, errors.New("the certificate is not one of an authority")
	}
	if block, _ = pem.Decode(p.Key); block == nil || block.Type != keyBlock {
		return nil, nil, errors.New("there is no key in PEM (PKCS #8)")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, nil, err
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || !key.PublicKey.Equal(certificate.PublicKey) {
		return nil, nil, errors.New("the key is not that of the certificate")
	}
	return certificate, key, nil
}
