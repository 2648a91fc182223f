package node

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"

	"millrace/cluster"
	"millrace/cluster/transport"
	"millrace/wire/auth"
)

// Cluster says how a node meets the others of its cluster.
type Cluster struct {
	// Advertise is the address, host:port, by which other nodes know this one, and Listen
	// the one at which it listens for them. Either stands for both; without any the node
	// is a cluster of its own, which cannot grow.
	Advertise, Listen string
	// Join are addresses of nodes of the cluster that a node without data becomes a
	// member of; one with data looks there for the others. Without, a node without data
	// makes a cluster of one.
	Join []string
	// Locality says where the node stands, as key=value pairs with commas between them,
	// the largest region first.
	Locality string
	// Replication is how many replicas of each shard vote in a new cluster; 0 means three.
	Replication int
	// Certificate, Key and Authority are files, in PEM, by which nodes prove to each other
	// that they belong together; "" for connections that are not encrypted.
	Certificate, Key, Authority string
	// Network is where connections between nodes come from; nil means the operating
	// system's.
	Network transport.Network
}

// complete checks what was given and fills in what follows from it.
func (c *Cluster) complete(insecure bool) error {
	for _, address := range append([]string{c.Advertise, c.Listen}, c.Join...) {
		if _, _, err := net.SplitHostPort(address); address != "" && err != nil {
			return fmt.Errorf("address %q of a node: %w", address, err)
		}
	}
	if c.Listen == "" {
		c.Listen = c.Advertise
	}
	if c.Advertise == "" {
		c.Advertise = c.Listen
	}
	switch {
	case c.Listen == "" && len(c.Join) > 0:
		return errors.New("--join needs --advertise, the address by which the other nodes are to know this one")
	case c.Listen == "":
		return nil
	case unspecified(c.Advertise):
		return fmt.Errorf("--cluster-listen %s needs --advertise, the address by which the other nodes are to know this one", c.Listen)
	}
	return errors.Join(c.checkLocality(), c.checkCertificates(insecure))
}

// unspecified reports whether an address stands for all of a machine.
func unspecified(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "" || ip != nil && ip.IsUnspecified())
}

// checkLocality checks that the labels of a place are some.
func (c *Cluster) checkLocality() error {
	if c.Locality == "" {
		return nil
	}
	for label := range strings.SplitSeq(c.Locality, ",") {
		if key, value, found := strings.Cut(label, "="); !found || key == "" || value == "" {
			return fmt.Errorf("--locality %q: use key=value, several with commas between them, such as region=eu,zone=b", c.Locality)
		}
	}
	return nil
}

// checkCertificates refuses addresses that other machines reach where nodes do not prove
// who they are: whoever connects there can read and write everything.
func (c *Cluster) checkCertificates(insecure bool) error {
	given := 0
	for _, file := range []string{c.Certificate, c.Key, c.Authority} {
		if file != "" {
			given++
		}
	}
	if given > 0 && given < 3 {
		return errors.New("nodes with certificates need all of --node-cert, --node-key and --node-ca")
	}
	open, err := reachable(c.Listen)
	if err != nil || !open || given > 0 || insecure {
		return err
	}
	return fmt.Errorf("address %q can be reached from other machines, and whoever connects there is believed to be a node: use --node-cert, --node-key and --node-ca, or allow it with --insecure", c.Listen)
}

// joinOptions puts it into the options of the storage.
func (n *Node) joinOptions(o *cluster.Options) error {
	c := n.options.Cluster
	o.Network, o.Listen, o.Advertise, o.Join = c.Network, c.Listen, c.Advertise, c.Join
	o.Locality, o.Replication, o.Version = c.Locality, c.Replication, Version()
	if c.Certificate == "" {
		return nil
	}
	files := auth.Files{Certificate: c.Certificate, Key: c.Key, ClientCA: c.Authority}
	certificates, err := auth.LoadCertificates(n.options.FS, files, n.options.Logger)
	if err != nil {
		return fmt.Errorf("the node's certificate: %w", err)
	}
	o.TLS = func() *tls.Config {
		config, _ := certificates.Config()
		return config
	}
	return n.watchExpiry("nodes", certificates)
}
