package node

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"millrace/wire/auth"
)

// Access says who may connect and how connections are encrypted.
type Access struct {
	// Rules are tried in their order (auth.ParseRule); none stand for
	// auth.DefaultRules.
	Rules []string
	// TLS are the files with the certificates; no certificate, no TLS.
	TLS auth.Files
	// Superuser is the name of the first superuser of a new cluster, "" for
	// catalog.DefaultSuperuser, and PasswordFile a file whose first line is that
	// role's password, "" for none.
	Superuser, PasswordFile string
}

// checkAccess reads the rules, and refuses addresses that other machines reach where
// clients are not asked who they are.
func (n *Node) checkAccess() error {
	n.rules = auth.DefaultRules()
	if len(n.options.Access.Rules) > 0 {
		n.rules = nil
	}
	for _, text := range n.options.Access.Rules {
		rule, err := auth.ParseRule(text)
		if err != nil {
			return fmt.Errorf("--auth: %w", err)
		}
		n.rules = append(n.rules, rule)
	}
	files := n.options.Access.TLS
	switch {
	case (files.Certificate == "") != (files.Key == ""):
		return errors.New("TLS needs both --tls-cert and --tls-key")
	case n.rules.NeedsClientCertificates() && files.ClientCA == "":
		return errors.New("--auth with the method cert needs --tls-client-ca, the authorities whose certificates are believed")
	case n.options.Insecure:
		return nil
	}
	shown, err := reachable(n.options.HTTP)
	if err != nil {
		return err
	}
	if shown {
		return fmt.Errorf("address %q can be reached from other machines, and metrics are shown to everybody: use 127.0.0.1, or allow it with --insecure", n.options.HTTP)
	}
	open, err := reachable(n.options.Listen)
	switch {
	case err != nil || !open:
		return err
	case n.rules.TrustsOthers():
		return fmt.Errorf("address %q can be reached from other machines, and a rule of --auth trusts them without a proof: use scram-sha-256, or allow it with --insecure", n.options.Listen)
	case files.Certificate == "":
		n.options.Logger.Warn("clients on other machines connect without encryption: passwords stay secret, rows do not; --tls-cert and --tls-key encrypt")
	}
	return nil
}

// reachable reports whether other machines reach an address.
func reachable(address string) (bool, error) {
	if address == "" {
		return false, nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false, fmt.Errorf("address %q: %w", address, err)
	}
	ip := net.ParseIP(host)
	return host != "localhost" && (ip == nil || !ip.IsLoopback()), nil
}

// loadCertificates reads the certificates of TLS; nil without.
func (n *Node) loadCertificates() (*auth.Certificates, error) {
	if n.options.Access.TLS.Certificate == "" {
		return nil, nil
	}
	certificates, err := auth.LoadCertificates(n.options.FS, n.options.Access.TLS, n.options.Logger)
	if err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return certificates, n.watchExpiry("clients", certificates)
}

// superuserVerifier returns what is kept of the first superuser's password, "" for
// none.
func (n *Node) superuserVerifier() (string, error) {
	name := n.options.Access.PasswordFile
	if name == "" {
		return "", nil
	}
	f, err := n.options.FS.Open(name)
	if err != nil {
		return "", fmt.Errorf("the file with the superuser's password: %w", err)
	}
	content, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("the file with the superuser's password: %w", err)
	}
	password, _, _ := strings.Cut(string(content), "\n")
	if password = strings.TrimSuffix(password, "\r"); password == "" {
		return "", fmt.Errorf("%s: its first line, the superuser's password, is empty", name)
	}
	return auth.Verifier(password)
}
